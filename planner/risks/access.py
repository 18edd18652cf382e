"""Who may do what in a cluster: grants as Proxmox VE applies them.

On the way from / down to a path a deeper grant replaces a higher one, a user's own replaces those
of its groups, and only what propagates reaches below. A token may do what its user may, or, when
its privileges are separated, what it was granted itself. Guests in a resource pool are reached by
grants on the pool, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from inventory.platform_records import Grant, Principal, Role
from inventory.records import Guest
from planner.estate import Estate

ROOT = "root@pam"
ADMINISTRATOR = "Administrator"
_NO_ACCESS = "NoAccess"
_PRIVILEGED = frozenset({ADMINISTRATOR, "PVEAdmin", "PVESysAdmin", "PVEUserAdmin"})
_MIGHTY = frozenset({"Permissions.Modify", "Sys.Modify"})


def user_of(principal_id: str) -> str:
    """The user a token belongs to; a user itself."""
    return principal_id.partition("!")[0]


def realm_of(principal_id: str) -> str:
    return user_of(principal_id).rpartition("@")[2]


def is_live(principal: Principal, at: datetime) -> bool | None:
    """Whether it may log in: enabled (a token has no such switch) and not expired."""
    if principal.enabled is False:
        return False
    if principal.expires and principal.expires_at is not None:
        return principal.expires_at > at
    return None if principal.expires is None or principal.expires else True


class Access:
    """The principals, roles and grants of one cluster."""

    def __init__(
        self, principals: Iterable[Principal], roles: Iterable[Role], grants: Iterable[Grant]
    ) -> None:
        self.principals: Mapping[str, Principal] = {p.principal_id: p for p in principals}
        self.roles: Mapping[str, Role] = {role.role_id: role for role in roles}
        self.grants: tuple[Grant, ...] = tuple(grants)
        self._by_holder: dict[str, list[Grant]] = defaultdict(list)
        self._granted: dict[tuple[str, str], list[Grant]] = defaultdict(list)
        for grant in self.grants:
            self._by_holder[grant.principal_id].append(grant)
            self._granted[grant.principal_id, grant.path].append(grant)
        self._paths = {grant.path for grant in self.grants}
        self._groups: dict[str, list[str]] = defaultdict(list)
        for principal in self.principals.values():
            for member in principal.members or ():
                self._groups[member].append(principal.principal_id)
        self._found: dict[tuple[str, str], frozenset[str]] = {}

    def users(self) -> tuple[Principal, ...]:
        return tuple(p for p in self.principals.values() if p.kind == "user")

    def tokens_of(self, user: str) -> tuple[Principal, ...]:
        return tuple(
            p
            for p in self.principals.values()
            if p.kind == "token" and user_of(p.principal_id) == user
        )

    def groups_of(self, user: str) -> tuple[str, ...]:
        return tuple(self._groups.get(user, ()))

    def granted_to(self, holder: str) -> tuple[Grant, ...]:
        """What a user, token or group was granted itself."""
        return tuple(g for g in self._by_holder.get(holder, ()) if g.role_id != _NO_ACCESS)

    def held_by(self, user: str) -> tuple[Grant, ...]:
        """What a user was granted itself or through its groups."""
        holders = (user, *self.groups_of(user))
        return tuple(grant for holder in holders for grant in self.granted_to(holder))

    def privileges(self, role_id: str) -> frozenset[str]:
        """Those of a role; of one that is not listed none."""
        role = self.roles.get(role_id)
        return frozenset(role.privileges or ()) if role else frozenset()

    def is_privileged(self, role_id: str) -> bool:
        """Whether a role can change the platform or rights on it."""
        return role_id in _PRIVILEGED or bool(self.privileges(role_id) & _MIGHTY)

    def privileged_grants(self, user: str) -> tuple[Grant, ...]:
        return tuple(grant for grant in self.held_by(user) if self.is_privileged(grant.role_id))

    def administrators(self, at: datetime) -> tuple[str, ...]:
        """The users beside root who may do everything, tokens counted as their users."""
        found = set()
        for grant in self.grants:
            if (grant.path, grant.role_id) == ("/", ADMINISTRATOR):
                holder = self.principals.get(grant.principal_id)
                members = holder.members if holder and holder.kind == "group" else None
                found |= set(members if members is not None else [user_of(grant.principal_id)])
        live = (self.principals.get(name) for name in found - {ROOT})
        return tuple(sorted(p.principal_id for p in live if p and is_live(p, at) is not False))

    # Guests

    def places(self, guest: Guest) -> tuple[str, ...]:
        """The paths that decide on a guest; guests with the same ones are alike to everyone."""
        paths = [f"/vms/{guest.guest_id}"]
        paths += [f"/pool/{guest.resource_pool}"] if guest.resource_pool else []
        return tuple(self._nearest(path) for path in paths)

    def _nearest(self, path: str) -> str:
        """A path, or all that is like it where nothing was granted on it."""
        return path if path in self._paths else f"{path.rpartition('/')[0]}/*"

    def may_on(self, principal: Principal, guest: Guest) -> frozenset[str]:
        """The privileges a user or token has on a guest; Administrator's own name for all."""
        name = principal.principal_id
        if principal.kind != "token":
            return self._held(name, guest)
        of_user = self._held(user_of(name), guest)
        if principal.privilege_separated is False:
            return of_user
        own = self._held(name, guest)
        return own if ADMINISTRATOR in of_user else own & of_user

    def _held(self, name: str, guest: Guest) -> frozenset[str]:
        roles = frozenset().union(*(self.roles_at(name, path) for path in self.places(guest)))
        if name == ROOT:
            return frozenset({ADMINISTRATOR})
        if _NO_ACCESS in roles:
            return frozenset()
        if ADMINISTRATOR in roles:
            return frozenset({ADMINISTRATOR})
        return frozenset().union(*(self.privileges(role) for role in roles))

    def roles_at(self, name: str, path: str) -> frozenset[str]:
        """The roles of a user or token on a path; NoAccess where that ended on its way."""
        path = self._nearest(path)
        if (name, path) not in self._found:
            self._found[name, path] = self._walked(name, path)
        return self._found[name, path]

    def _walked(self, name: str, path: str) -> frozenset[str]:
        roles: frozenset[str] = frozenset()
        parts = [part for part in path.split("/") if part]
        for depth in range(len(parts) + 1):
            step = "/" + "/".join(parts[:depth])
            own = self._reaching([name], step, is_last=depth == len(parts))
            roles = own or self._reaching(self.groups_of(name), step, depth == len(parts)) or roles
        return roles

    def _reaching(self, holders: Iterable[str], step: str, is_last: bool) -> frozenset[str]:
        return frozenset(
            grant.role_id
            for holder in holders
            for grant in self._granted.get((holder, step), ())
            if is_last or grant.propagates is not False
        )


class Accesses:
    """The access in every cluster; what a source hid of it. Made once: ``accesses(estate)``."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._by_cluster: dict[str, Access] = {}

    def of(self, cluster: str) -> Access:
        if cluster not in self._by_cluster:
            self._by_cluster[cluster] = Access(
                self._estate.in_cluster(Principal, cluster),
                self._estate.in_cluster(Role, cluster),
                self._estate.in_cluster(Grant, cluster),
            )
        return self._by_cluster[cluster]

    def hidden(self, cluster: str) -> str:
        """Why not every grant in a cluster was seen; "" when all were."""
        named = [p.source for p in self._estate.platforms if p.cluster == cluster]
        for kind in ("grant", "role"):
            for source in named:
                if gap := self._estate.gap(source, kind):
                    return f"{kind}: {gap.reason or gap.state}"
        return ""


def accesses(estate: Estate) -> Accesses:
    return estate.once(Accesses)
