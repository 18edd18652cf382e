"""What a token may see: effective privileges per path, what each missing one hides, and the
command that grants it.

Proxmox VE answers 200 with an empty list where a right is missing, so an empty answer means
nothing until the rights are known. A more specific ACL replaces the inherited one: judge by the
path, never by the role on /.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from collectors.proxmox.values import flag
from inventory.records import Right

# Paths that are always in the answer unless the token holds nothing on them.
_ALWAYS_TOLD = frozenset(
    {"/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms"}
)
_REFUSED_PATH = re.compile(r"\((?P<path>/[^,()\s]*), (?P<privileges>[A-Za-z.|]+)\)")

_ONLY_READS = ".Audit"  # how every privilege that lets nothing be changed ends

AUDITOR = "PVEAuditor"
BACKUPS = "LumbungBackups"  # a role of our own: the platform has none with just these two


@dataclass(frozen=True, slots=True)
class Need:
    """A privilege on a path, and what is hidden without it.

    ``kinds`` are facts, or "kind.field" for a part of them; ``asked`` is what answers less, or
    not at all. ``writes`` marks a privilege that lets the token change something, too: what it
    shows is left out unless someone grants it knowingly.
    """

    privilege: str
    path: str
    kinds: tuple[str, ...]
    asked: str
    role: str = AUDITOR
    writes: bool = False
    from_release: int = 7


NEEDS: tuple[Need, ...] = (
    Need(
        "Sys.Audit", "/",
        ("cluster_state", "backup_job", "firewall", "firewall_rule", "ha_resource", "ha_rule",
         "storage_health"),
        "cluster/status, backup, firewall, ha, ceph, config, metrics; nodes/…/disks/zfs, lvmthin",
    ),
    Need(
        "Sys.Audit", "/nodes",
        ("host", "host.pressure", "host.repositories", "package", "service", "physical_disk",
         "failed_task", "firewall", "firewall_rule"),
        "nodes/…/status, rrddata, apt, services, disks/list, firewall, others' tasks",
    ),
    Need(
        "VM.Audit", "/vms",
        ("guest", "disk", "nic", "guest_snapshot", "pending", "replication", "firewall",
         "firewall_rule"),
        "cluster/resources, replication, nodes/…/config, snapshot, pending, firewall",
    ),
    Need(
        "Datastore.Audit", "/storage", ("datastore", "backup"),
        "storage, cluster/resources, nodes/…/storage/…/prunebackups",
    ),
    Need("Pool.Audit", "/pool", ("guest.resource_pool",), "cluster/resources"),
    Need("Sys.Audit", "/access", ("grant",), "access/acl"),
    Need(
        "Sys.Audit", "/access/groups", ("principal", "second_factor"), "access/users, groups, tfa"
    ),
    Need(
        "VM.GuestAgent.Audit", "/vms", ("guest.os", "filesystem"),
        "nodes/…/agent/get-osinfo, get-fsinfo", from_release=9,
    ),
    Need(
        "Datastore.AllocateSpace", "/storage",
        ("backup.bytes", "backup.encrypted", "backup.verified"),
        "nodes/…/storage/…/content", BACKUPS, writes=True,
    ),
    Need(
        "VM.Backup", "/vms", ("backup.bytes", "backup.encrypted", "backup.verified"),
        "nodes/…/storage/…/content", BACKUPS, writes=True,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rights:
    """The answer of /access/permissions: path → privilege → whether it holds below, too."""

    paths: Mapping[str, Mapping[str, bool]]
    token_id: str

    @classmethod
    def of(cls, body: Any, token_id: str) -> Rights | None:
        """The rights in an answer; None when it is no answer of that kind."""
        if not isinstance(body, Mapping):
            return None
        paths = {
            str(path): {str(name): flag(value) is True for name, value in rights.items()}
            for path, rights in body.items()
            if isinstance(rights, Mapping)
        }
        return cls(paths, token_id)

    def has(self, privilege: str, path: str) -> bool:
        """Whether the token holds the privilege on the path, by itself or from above.

        A path of those that are always told, and is not, has none: what is above it was replaced.
        """
        if path in self.paths:
            return privilege in self.paths[path]
        above = path
        while above not in _ALWAYS_TOLD:
            above = above.rsplit("/", 1)[0] or "/"
            if above in self.paths:
                return self.paths[above].get(privilege, False)
        return False

    def has_everywhere(self, privilege: str, path: str) -> bool:
        """Whether it holds the privilege on the path and on all that is known below it."""
        return self.has(privilege, path) and not self.lost_below(privilege, path)

    def lost_below(self, privilege: str, path: str) -> tuple[str, ...]:
        """Paths below on which another role replaced the one that held the privilege."""
        return tuple(p for p in self._below(path) if privilege not in self.paths[p])

    def held_below(self, privilege: str, path: str) -> tuple[str, ...]:
        """Paths below on which it holds the privilege."""
        return tuple(p for p in self._below(path) if privilege in self.paths[p])

    def lack(self, privilege: str, path: str) -> str:
        """In words, where a privilege that should hold on a path and below it is missing."""
        lost = self.lost_below(privilege, path)
        where = _few(lost) if lost and self.has(privilege, path) else path
        return f"{privilege} on {where} is missing"

    def _below(self, path: str) -> Iterator[str]:
        if path != "/":
            yield from (p for p in sorted(self.paths) if p.startswith(f"{path}/"))

    def sees_backups_in(self, storage: str) -> bool:
        """Whether the listing with sizes leaves none of a storage's backups out."""
        return self.has_everywhere("VM.Backup", "/vms") and self.has(
            "Datastore.AllocateSpace", f"/storage/{storage}"
        )

    @property
    def are_empty(self) -> bool:
        return not any(self.paths.values())

    def grant(self, path: str, role: str = AUDITOR) -> str:
        """The commands that would show what the path holds; a token with no right gets all."""
        user, where = self.token_id.split("!", 1)[0], "/" if self.are_empty else path
        return (
            f"pveum acl modify {where} --users {user} --roles {role} && "
            f"pveum acl modify {where} --tokens '{self.token_id}' --roles {role}"
        )

    def remedy(self, reason: str, path: str) -> str:
        """The commands that a refusal asks for; ``path`` where it does not say on which."""
        found = _REFUSED_PATH.search(reason)
        return self.grant(found["path"] if found else path)

    def excess(self) -> tuple[str, ...]:
        """Every privilege beyond reading, with the paths on which the token holds it."""
        held: dict[str, list[str]] = {}
        for path, privileges in sorted(self.paths.items()):
            for name in privileges:
                if not name.endswith(_ONLY_READS):
                    held.setdefault(name, []).append(path)
        return tuple(f"{name} on {_few(tuple(paths))}" for name, paths in sorted(held.items()))

    def listed(self, release: int | None) -> tuple[Right, ...]:
        """Every privilege that shows something, whether it is held, and what it shows."""
        return tuple(self._right(need) for need in NEEDS if (release or 9) >= need.from_release)

    def _right(self, need: Need) -> Right:
        lost = self.lost_below(need.privilege, need.path)
        is_held = self.has(need.privilege, need.path) and not lost
        where = lost[0] if lost and self.has(need.privilege, need.path) else need.path
        return Right(
            name=need.privilege,
            path=need.path,
            held=is_held,
            shows=need.kinds,
            asked=need.asked,
            note="" if is_held else self._but(need),
            remedy="" if is_held else self._remedy(need, where),
            writes=need.writes,
        )

    def _but(self, need: Need) -> str:
        """Where it is otherwise than on the path itself."""
        if self.has(need.privilege, need.path):
            return f"held, but not on {_few(self.lost_below(need.privilege, need.path))}"
        held = self.held_below(need.privilege, need.path)
        return f"held on {_few(held)} only" if held else ""

    def _remedy(self, need: Need, path: str) -> str:
        """A grant replaces what was inherited, so the one of our own role names both."""
        if need.role != BACKUPS:
            return self.grant(path, need.role)
        role = f"pveum role add {BACKUPS} --privs 'Datastore.AllocateSpace VM.Backup'"
        grants = {self.grant(place, f"{AUDITOR},{BACKUPS}") for place in ("/storage", "/vms")}
        return " && ".join([role, *sorted(grants)])


def _few(paths: tuple[str, ...]) -> str:
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(paths[:3]) + more


NO_RIGHTS = Rights({}, "")
