"""Segregation on hosts and datastores: what shares memory, folders and disks with whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_interface
from itertools import product

from inventory.platform_records import HaRule, HostNetwork
from inventory.records import Datastore, Disk, Guest, Host
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.risks.around import Around
from planner.risks.naming import labels
from planner.risks.rule import (
    HIGH,
    INFO,
    LOW,
    MEDIUM,
    Outcome,
    Rule,
    not_applicable,
    ok,
    risk,
    rule,
    unknown,
)
from planner.risks.segments import BRIDGES
from planner.twins import GuestKey

_FEW_HOSTS = 3  # with fewer there is no room to keep guests apart
_BLOCK_STORES = frozenset(
    {"lvm", "lvmthin", "zfspool", "zfs", "rbd", "iscsi", "iscsidirect", "disk"}
)


def running_on(host: Host, estate: Estate) -> list[GuestView]:
    """The guests that run on a host, or may."""
    views = _views(estate.on_host(Guest, host.cluster, host.host_id), estate)
    return [v for v in views if v.is_powered_on is not False and not v.guest.template]


def _views(guests: Iterable[Guest], estate: Estate) -> Iterator[GuestView]:
    return (estate.guest_of[guest.cluster, guest.guest_id] for guest in guests)


@rule(
    "SEG-002",
    "Sensitive personal data and public-facing guests on one host",
    subject="host",
    severity=MEDIUM,
    group="segregation",
    needs=("guest",),
    why="A hole in the hypervisor or the processor lets a guest that was broken into read what "
    "its neighbours on the host hold in memory.",
    fix="Keep them apart with an HA rule of negative affinity, or give one of them hosts of its "
    "own.",
)
def beside_public_on_host(host: Host, estate: Estate) -> Outcome:
    here = running_on(host, estate)
    sensitive = [v for v in here if v.classification == "pribadi-spesifik"]
    pairs = [
        (one, other)
        for one, other in product(sensitive, (v for v in here if v.public))
        if not _kept_apart(one, other, estate)
    ]
    if not pairs:
        return ok() if here else not_applicable("no guest runs there")
    return risk(
        INFO if len(estate.hosts_in(host.cluster)) < _FEW_HOSTS else None,
        personal_guests=labels({one.key for one, _other in pairs}, estate),
        public_guests=labels({other.key for _one, other in pairs}, estate),
        rules_between_them="none",
    )


def _kept_apart(one: GuestView, other: GuestView, estate: Estate) -> bool:
    both = {one.guest.guest_id, other.guest.guest_id}
    return any(
        rule.affinity == "negative" and rule.enabled is not False and both <= {*rule.guest_ids}
        for rule in estate.in_cluster(HaRule, one.guest.cluster)
        if rule.guest_ids
    )


@rule(
    "SEG-003",
    "Personal data on a datastore shared with public-facing guests",
    subject="storage",
    severity=LOW,
    group="segregation",
    needs=("disk", "guest"),
    why="On a shared file store one wrong permission or one export too many shows the files of "
    "all guests on it.",
    fix="Give personal data an export, a dataset or a pool of its own.",
)
def datastore_shared_with_public(store: Datastore, estate: Estate) -> Outcome:
    keys = estate.once(Shared).on_store.get((store.cluster, store.datastore_id), set())
    views = [estate.guest_of[key] for key in keys]
    personal, public = [v for v in views if v.is_personal], [v for v in views if v.public]
    if not (personal and public):
        return ok() if views else not_applicable("no guest has a disk there")
    if store.kind is None:
        return unknown("what kind of store it is")
    if store.kind in _BLOCK_STORES:
        return ok()
    return risk(
        kind=store.kind,
        personal_guests=labels((v.key for v in personal), estate),
        public_guests=labels((v.key for v in public), estate),
    )


@rule(
    "SEG-004",
    "Memory of personal-data guests merged with that of others",
    subject="host",
    severity=MEDIUM,
    group="segregation",
    essential=True,
    needs=("guest",),
    sources=("proxmox", "libvirt"),
    why="Where equal pages of memory are merged, one guest can find out what another holds in "
    "memory by how long its own writes take.",
    fix="Take the personal-data guests out of it (allow-ksm 0 on Proxmox VE, nosharepages on "
    "libvirt), or switch ksmtuned off on the host.",
)
def memory_merged(host: Host, estate: Estate) -> Outcome:
    if host.ksm_shared_bytes is None:
        return unknown("whether it merges memory was not seen")
    if host.ksm_shared_bytes == 0:
        return ok()
    here = [v for v in running_on(host, estate) if v.guest.shares_memory is not False]
    sure = [v for v in here if v.guest.shares_memory and v.classification]
    personal, others = _strangers(sure)
    if personal:
        return risk(
            merged_bytes=host.ksm_shared_bytes,
            personal_guests=labels(personal, estate),
            with_guests=labels(others, estate),
        )
    if len(sure) == len(here) or len(here) < 2:
        return ok()
    silent = labels({v.key for v in here} - {v.key for v in sure}, estate)
    return unknown(f"whether {', '.join(silent)} takes part, or what data it holds")


def _strangers(views: list[GuestView]) -> tuple[set[GuestKey], set[GuestKey]]:
    """The personal-data guests that meet guests of other agencies or public ones, and those."""
    pairs = [
        (one.key, other.key)
        for one, other in product((v for v in views if v.is_personal), views)
        if one is not other and (other.public or _differ(one.agency, other.agency))
    ]
    return {one for one, _other in pairs}, {other for _one, other in pairs}


def _differ(left: str | None, right: str | None) -> bool:
    return None not in (left, right) and left != right


class Shared:
    """What guests share beside networks. Made once of an estate: ``estate.once(Shared)``."""

    def __init__(self, estate: Estate) -> None:
        self.on_store: dict[tuple[str, str], set[GuestKey]] = defaultdict(set)
        self.by_path: dict[tuple[str, str | None, str], set[GuestKey]] = defaultdict(set)
        for disk in estate.facts.records(Disk):
            store = estate.datastore(disk.cluster, disk.datastore_id)
            key = (disk.cluster, disk.guest_id)
            if store is not None and key in estate.guest_of:
                self.on_store[store.cluster, store.datastore_id].add(key)
        for guest in estate.facts.records(Guest):
            for path in guest.host_paths or ():
                self.by_path[place_of(guest, path)].add((guest.cluster, guest.guest_id))


def place_of(guest: Guest, path: str) -> tuple[str, str | None, str]:
    """A folder is its host's; a mapping of the cluster is the same folder on all its hosts."""
    return (guest.cluster, None if path.startswith("mapping:") else guest.host_id, path)


@rule(
    "SEG-007",
    "Folder of the host shared by guests of different owners or classes",
    subject="guest",
    severity=HIGH,
    group="segregation",
    sources=("proxmox", "libvirt"),
    why="What one of them writes there the other reads and runs: no network rule stands between "
    "them.",
    fix="Share files over the network, with rights per guest; a folder of tools that is mounted "
    "read-only is a case for a waiver.",
)
def folder_shared(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.host_paths is None:
        return unknown("its folders were not seen")
    if not view.guest.host_paths or view.guest.template:
        return not_applicable("it shares no folder of its host")
    by_path = estate.once(Shared).by_path
    users = {
        path: by_path[place_of(view.guest, path)] - {view.key} for path in view.guest.host_paths
    }
    all_users = frozenset().union(*users.values())
    others = [estate.guest_of[key] for key in all_users]
    strangers = {
        other.key
        for other in others
        if _differ(view.agency, other.agency) or _differ(view.classification, other.classification)
    }
    if strangers:
        shared = sorted(path for path, keys in users.items() if keys & strangers)
        return risk(folders=shared, guests=labels(strangers, estate))
    silent = {o.key for o in others if None in (view.agency, view.classification)
              or None in (o.agency, o.classification)}  # fmt: skip
    return unknown(f"whose {', '.join(labels(silent, estate))} is") if silent else ok()


@rule(
    "SEG-008",
    "Hosts, storage or backups reachable from a guest segment",
    subject="host",
    severity=HIGH,
    group="segregation",
    needs=("host_network", "nic"),
    sources=("proxmox",),
    why="A guest that was broken into reaches the storage of all guests, or their backups, without "
    "passing the hypervisor.",
    fix="Give management, cluster, storage and backup VLANs of their own, in which no guest is.",
)
def infrastructure_beside_guests(host: Host, estate: Estate) -> Outcome:
    networks = estate.on_host(HostNetwork, host.cluster, host.host_id)
    addressed = [one for one in networks if one.addresses]
    if not addressed:
        return unknown("none of its addresses was seen")
    found = {
        segment: (_role(one, estate), guests)
        for one in addressed
        if (segment := _segment_of(one, networks))
        if (guests := _ordinary(host.cluster, segment, estate))
    }
    if not found:
        return ok()
    return risk(
        segments=[f"{segment} ({role})" for segment, (role, _guests) in sorted(found.items())],
        guests=labels(frozenset().union(*(guests for _role, guests in found.values())), estate),
    )


def _segment_of(network: HostNetwork, networks: tuple[HostNetwork, ...]) -> str:
    """The segment of a VLAN interface, BRIDGE.20, or PORT.20 of a bridge; "" for another one."""
    device, dot, vlan = network.name.rpartition(".")
    if not dot or not vlan.isdecimal():
        return ""
    bridges = (one for one in networks if one.kind in BRIDGES)
    name = next((b.name for b in bridges if device == b.name or device in (b.ports or ())), "")
    return f"{name}/{vlan}" if name else ""


def _ordinary(cluster: str, segment: str, estate: Estate) -> frozenset[GuestKey]:
    """The guests of a segment that are no part of the infrastructure."""
    keys = estate.once(Around).segments.by_segment.get((cluster, segment), frozenset())
    views = (estate.guest_of[key] for key in keys)
    return frozenset(
        v.key
        for v in views
        if v.classification != "infra" and not {"mgmt", "backup"}.intersection(v.tagged("zone"))
    )


def _role(network: HostNetwork, estate: Estate) -> str:
    """What is reached over an address: the backups or disks of a server in its subnet, the host."""
    roles = {
        "backups" if "backup" in (store.content or ()) else "storage"
        for store in estate.in_cluster(Datastore, network.cluster)
        if any(_is_in(store.backend or "", address) for address in network.addresses or ())
    }
    return " and ".join(sorted(roles)) or "the host itself"


def _is_in(backend: str, address: str) -> bool:
    """Whether the server of SERVER:EXPORT lies in the subnet of an address."""
    try:
        server = ip_address(backend.partition(":")[0])
    except ValueError:
        return False
    return server in ip_interface(address).network


@rule(
    "SEG-010",
    "Privileged container beside personal data",
    subject="guest",
    severity=HIGH,
    group="segregation",
    needs=("guest",),
    sources=("proxmox",),
    why="Root in such a container is root on the host: from there every disk and all memory of "
    "its neighbours can be read.",
    fix="Restore it as an unprivileged container or as a virtual machine, or move it to a host "
    "without personal data.",
)
def privileged_beside_personal(view: GuestView, estate: Estate) -> Outcome:
    guest = view.guest
    if guest.kind != "container" or guest.template:
        return not_applicable("no container")
    if guest.unprivileged is None or guest.host_id is None:
        return unknown("its configuration or its host was not seen")
    if guest.unprivileged:
        return ok()
    here = _views(estate.on_host(Guest, guest.cluster, guest.host_id), estate)
    beside = [v for v in here if v.key != view.key and not v.guest.template]
    personal = [v.key for v in beside if v.is_personal]
    if personal:
        return risk(host=guest.host_id, personal_guests=labels(personal, estate))
    silent = [v.key for v in beside if v.classification is None]
    return unknown(f"what data {', '.join(labels(silent, estate))} holds") if silent else ok()


RULES: tuple[Rule, ...] = (
    beside_public_on_host,
    datastore_shared_with_public,
    memory_merged,
    folder_shared,
    infrastructure_beside_guests,
    privileged_beside_personal,
)
