"""What the double says of guests beside their configurations: firewall, pending, agent, HA,
replication; and of who may do what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from lab.pve_model import Cluster, GuestSpec
from lab.pve_reply import Answer, Row, fault, ok

_DIGEST = {"digest": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}
Query = Mapping[str, str]


class View(Protocol):
    """A cluster as one token sees it."""

    @property
    def cluster(self) -> Cluster: ...

    @property
    def sees_all(self) -> bool: ...

    def guest(self, node: str, kind: str, vmid: str) -> GuestSpec | Answer: ...

    def guests(self) -> list[GuestSpec]: ...

    def config(self, query: Query, node: str, kind: str, vmid: str) -> Answer: ...


# Of one guest


def firewall_options(view: View, _query: Query, node: str, kind: str, vmid: str) -> Answer:
    """Only what is set."""
    guest = view.guest(node, kind, vmid)
    return guest if isinstance(guest, tuple) else ok({**_DIGEST, **guest.firewall})


def firewall_rules(view: View, _query: Query, node: str, kind: str, vmid: str) -> Answer:
    guest = view.guest(node, kind, vmid)
    if isinstance(guest, tuple):
        return guest
    rules = [
        {**_DIGEST, "enable": 1, "pos": position, "type": "in", **rule}
        for position, rule in enumerate(guest.firewall_rules)
    ]
    return ok(rules)


def pending(view: View, query: Query, node: str, kind: str, vmid: str) -> Answer:
    """Every setting with its value; those that wait for a restart with what they will be."""
    status, reason, config = view.config(query, node, kind, vmid)
    guest = view.guest(node, kind, vmid)
    if status != 200 or isinstance(guest, tuple):
        return status, reason, config
    rows: list[Row] = [{"key": key, "value": value} for key, value in config.items()]
    for row in rows:
        if row["key"] in guest.waiting:
            row["pending"] = guest.waiting[row["key"]]
    return ok(rows)


def osinfo(view: View, _query: Query, node: str, kind: str, vmid: str) -> Answer:
    guest = _with_agent(view, node, kind, vmid)
    return guest if isinstance(guest, tuple) else ok({"result": dict(guest.told_by_agent)})


def fsinfo(view: View, _query: Query, node: str, kind: str, vmid: str) -> Answer:
    """Every file system, with the disks that it lies on."""
    guest = _with_agent(view, node, kind, vmid)
    if isinstance(guest, tuple):
        return guest
    return ok({"result": [dict(one) for one in guest.file_systems]})


def _with_agent(view: View, node: str, kind: str, vmid: str) -> GuestSpec | Answer:
    """The guest, or why its agent does not answer."""
    guest = view.guest(node, kind, vmid)
    if isinstance(guest, tuple):
        return guest
    if view.cluster.release < 9:
        return fault(403, f"Permission check failed (/vms/{vmid}, VM.Monitor)")
    if not guest.running:
        return fault(500, f"VM {vmid} is not running")
    if not guest.told_by_agent:
        return fault(500, "QEMU guest agent is not running")
    return guest


# High availability and replication


def ha_resources(view: View, _query: Query) -> Answer:
    if not view.sees_all:
        return _refused()
    managed = [guest for guest in view.guests() if guest.ha]
    return ok([_ha_resource(view, guest) for guest in managed])


def _ha_resource(view: View, guest: GuestSpec) -> Row:
    kind = "vm" if guest.kind == "qemu" else "ct"
    row: Row = {**_DIGEST, "sid": f"{kind}:{guest.vmid}", "state": guest.ha, "type": kind}
    if guest.ha_group and view.cluster.release < 9:
        row["group"] = guest.ha_group
    return row


def ha_groups(view: View, _query: Query) -> Answer:
    if not view.sees_all:
        return _refused()
    if view.cluster.release >= 9:
        return fault(500, "cannot index groups: ha groups have been migrated to rules")
    return ok([{**_DIGEST, "type": "group", **group} for group in view.cluster.ha_groups])


def ha_rules(view: View, _query: Query) -> Answer:
    if view.cluster.release < 9:
        return fault(501, "Method 'GET /cluster/ha/rules' not implemented")
    if not view.sees_all:
        return _refused()
    return ok([{**_DIGEST, **rule} for rule in view.cluster.ha_rules])


def replication(view: View, _query: Query) -> Answer:
    """The jobs of the guests that the token sees; the others are left out silently."""
    seen = {guest.vmid for guest in view.guests()}
    return ok([dict(job) for job in view.cluster.replications if job["guest"] in seen])


def replication_state(view: View, _query: Query, node: str) -> Answer:
    seen = {guest.vmid for guest in view.guests()}
    states = view.cluster.replication_states
    return ok(
        [
            {
                "fail_count": 0,
                "last_sync": 0,
                "last_try": 0,
                "vmtype": "qemu",
                **job,
                **states.get(job["id"], {}),
            }
            for job in view.cluster.replications
            if job["guest"] in seen and job["source"] == node and not job.get("disable")
        ]
    )


# Access


def acl(view: View, _query: Query) -> Answer:
    return ok([dict(grant) for grant in view.cluster.grants] if view.sees_all else [])


def groups(view: View, _query: Query) -> Answer:
    return ok([dict(group) for group in view.cluster.groups] if view.sees_all else [])


def roles(_view: View, _query: Query) -> Answer:
    built_in = {
        "Administrator": "Permissions.Modify,Sys.Audit,Sys.Modify,VM.Allocate,VM.Audit",
        "NoAccess": "",
        "PVEAuditor": "Datastore.Audit,Mapping.Audit,Pool.Audit,SDN.Audit,Sys.Audit,VM.Audit",
    }
    return ok([{"privs": p, "roleid": name, "special": 1} for name, p in built_in.items()])


def realms(view: View, _query: Query) -> Answer:
    return ok([_without(realm, "mode", "verify") for realm in view.cluster.realms])


def realm(view: View, _query: Query, realm: str) -> Answer:
    if not view.sees_all:
        return fault(403, "Permission check failed (/access/realm, Realm.Allocate|Sys.Audit)")
    found = next((row for row in view.cluster.realms if row["realm"] == realm), None)
    if found is None:
        return fault(500, f"domain '{realm}' does not exist")
    return ok({**_DIGEST, **_without(found, "realm")})


def second_factors(view: View, _query: Query) -> Answer:
    return ok([dict(row) for row in view.cluster.second_factors] if view.sees_all else [])


def _without(row: Mapping[str, Any], *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def _refused() -> Answer:
    return fault(403, "Permission check failed (/, Sys.Audit)")


_GUEST = r"/nodes/(?P<node>[^/]+)/(?P<kind>qemu|lxc)/(?P<vmid>\d+)"
GUEST_ROUTES: tuple[tuple[str, Callable[..., Answer]], ...] = (
    (_GUEST + "/firewall/options", firewall_options),
    (_GUEST + "/firewall/rules", firewall_rules),
    (_GUEST + "/pending", pending),
    (_GUEST + "/agent/get-osinfo", osinfo),
    (_GUEST + "/agent/get-fsinfo", fsinfo),
    (r"/cluster/ha/resources", ha_resources),
    (r"/cluster/ha/groups", ha_groups),
    (r"/cluster/ha/rules", ha_rules),
    (r"/cluster/replication", replication),
    (r"/nodes/(?P<node>[^/]+)/replication", replication_state),
    (r"/access/acl", acl),
    (r"/access/groups", groups),
    (r"/access/roles", roles),
    (r"/access/domains", realms),
    (r"/access/domains/(?P<realm>[^/]+)", realm),
    (r"/access/tfa", second_factors),
)
