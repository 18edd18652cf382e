"""What stands below guests: quorum, disks, pools, links, and storage that all depend on."""

from __future__ import annotations

from collections.abc import Mapping

from inventory.platform_records import ClusterState, HostNetwork, PhysicalDisk, StorageHealth
from inventory.records import Disk, Host
from planner.estate import Estate, Platform
from planner.risks.rule import (
    CRITICAL,
    HIGH,
    MEDIUM,
    Outcome,
    Rule,
    not_applicable,
    ok,
    risk,
    rule,
    unknown,
)

_GOOD = ("PASSED", "OK")
_WORN_OUT_RATIO = 0.9
_LOST_COPIES = ("PG_DEGRADED", "OSD_DOWN", "OSD_HOST_DOWN", "PG_AVAILABILITY")
_REDUNDANT_KINDS = ("rbd", "cephfs")
_BRIDGES, _BONDS = ("bridge", "OVSBridge"), ("bond", "OVSBond")


@rule(
    "AVL-002",
    "A cluster has no quorum, or loses it with one host",
    subject="platform",
    severity=CRITICAL,
    group="availability",
    needs=("cluster_state",),
    sources=("proxmox",),
    why="Without a majority nothing can be started or changed, and high availability stops. Of two "
    "hosts none is a majority; of four a half is none.",
    fix="Bring back the hosts that are missing; add a third host or a quorum device.",
)
def weak_quorum(platform: Platform, estate: Estate) -> Outcome:
    state = next(iter(estate.in_cluster(ClusterState, platform.cluster)), None)
    if state is None or state.hosts_expected is None:
        return unknown("the state of the cluster was not seen")
    if state.hosts_expected == 1:
        return not_applicable("a single host")
    if state.quorate is False:
        return risk(quorate="no", hosts=state.hosts_expected)
    if state.quorate is None:
        return unknown("whether the cluster has a majority was not seen")
    if state.hosts_expected not in (2, 4) or state.quorum_device:
        return ok()
    if state.quorum_device is None:
        return unknown("whether there is a quorum device was not seen")
    severity = HIGH if state.hosts_expected == 2 else MEDIUM
    return risk(severity, hosts=state.hosts_expected, quorum_device="none")


@rule(
    "AVL-008",
    "Every critical guest depends on one storage",
    subject="platform",
    severity=HIGH,
    group="availability",
    needs=("guest", "disk", "datastore"),
    sources=("proxmox", "libvirt"),
    why="When that storage fails, all critical services fail together, whatever the hosts do.",
    fix="Spread them over two storages, or replicate. If no single fault takes it down (two "
    "controllers, several nodes), declare that in the estate file: storages, redundant.",
)
def single_storage(platform: Platform, estate: Estate) -> Outcome:
    critical = [v for v in estate.guests_in(platform.cluster) if v.criticality == 1]
    disks = [d for v in critical for d in estate.disks_of(v.guest) if d.purpose == "data"]
    unseen = any(estate.gap(v.fact.source, "disk", v.guest.scope) for v in critical)
    if not disks and not unseen:
        return not_applicable("no disk of a guest that is known to be of criticality 1")
    domains = {_domain(disk, estate) for disk in disks} | ({None} if unseen else set())
    if len(domains - {None}) > 1 or "" in domains:
        return ok()
    if None in domains:
        return unknown("on which storage some of their disks lie was not seen")
    return risk(storage=next(iter(domains)), guests=[view.label for view in critical])


def _domain(disk: Disk, estate: Estate) -> str | None:
    """What fails together with a disk; "" for what no single fault takes down."""
    store = estate.datastore(disk.cluster, disk.datastore_id)
    if store is None:
        return disk.datastore_id
    entry = estate.declared(store)
    if (entry and entry.redundant) or store.kind in _REDUNDANT_KINDS:
        return ""
    return (entry and entry.failure_domain) or store.datastore_id


@rule(
    "AVL-015",
    "A disk of a host is failing or worn out",
    subject="host",
    severity=CRITICAL,
    group="availability",
    needs=("physical_disk",),
    sources=("proxmox",),
    why="It will be lost soon, and with it what no other disk holds.",
    fix="Replace it now, while the others still hold.",
)
def failing_disk(host: Host, estate: Estate) -> Outcome:
    disks = estate.on_host(PhysicalDisk, host.cluster, host.host_id)
    bad = [told for disk in disks if (told := _complaint(disk))]
    if bad:
        return risk(host=host.name, disks=bad)
    unclear = [d.device for d in disks if (d.health or "UNKNOWN").upper() not in _GOOD]
    if unclear:
        return unknown(f"the health of {', '.join(unclear)} is not told; a controller may hide it")
    return ok() if disks else not_applicable("shows no disks")


def _complaint(disk: PhysicalDisk) -> str:
    """What is wrong with a disk; "" where nothing is known to be."""
    name = f"{disk.device} {disk.model or ''}".strip()
    if disk.health is not None and disk.health.upper() not in (*_GOOD, "UNKNOWN"):
        return f"{name}: {disk.health}"
    if disk.wearout_ratio is not None and disk.wearout_ratio >= _WORN_OUT_RATIO:
        return f"{name}: {disk.wearout_ratio:.0%} worn"
    return ""


@rule(
    "AVL-016",
    "A storage pool has lost redundancy",
    subject="platform",
    severity=CRITICAL,
    group="availability",
    needs=("storage_health",),
    sources=("proxmox",),
    why="The next disk or host that fails takes the data with it.",
    fix="Find the missing disk or host, replace it, and watch until the pool is whole again.",
)
def degraded_pool(platform: Platform, estate: Estate) -> Outcome:
    pools = estate.in_cluster(StorageHealth, platform.cluster)
    told = [pool for pool in pools if pool.kind in ("zfs", "ceph")]
    degraded = [_named(pool) for pool in told if _has_lost(pool)]
    if degraded:
        return risk(pools=degraded)
    gaps = [
        gap.reason or gap.state
        for fact in estate.hosts_in(platform.cluster)
        if (gap := estate.gap(platform.source, "storage_health", fact.record.scope))
    ]
    if gaps or any(pool.health is None for pool in told):
        return unknown(f"storage_health: {gaps[0] if gaps else 'a pool does not tell its health'}")
    return ok() if told else not_applicable("neither ZFS nor Ceph")


def _has_lost(pool: StorageHealth) -> bool:
    """Not online, or Ceph's own alarm; a warning of Ceph only where copies are missing."""
    if pool.kind == "zfs":
        return pool.health not in (None, "ONLINE")
    lost = any(check in (pool.detail or "") for check in _LOST_COPIES)
    return pool.health == "HEALTH_ERR" or (pool.health == "HEALTH_WARN" and lost)


def _named(pool: StorageHealth) -> str:
    where = f"{pool.host_id}/" if pool.host_id else ""
    return f"{where}{pool.name}: {pool.health}" + (f" ({pool.detail})" if pool.detail else "")


@rule(
    "AVL-017",
    "Guests reach the network over a single link",
    subject="host",
    severity=MEDIUM,
    group="availability",
    needs=("host_network",),
    sources=("proxmox",),
    why="One cable, port or switch that fails cuts off every guest of the host.",
    fix="Put the bridge on a bond of two links that lead to two switches.",
)
def single_link(host: Host, estate: Estate) -> Outcome:
    """The rings of the cluster's own traffic are not told."""
    networks = estate.on_host(HostNetwork, host.cluster, host.host_id)
    by_name = {network.name: network for network in networks}
    bridges = [n for n in networks if n.kind in _BRIDGES and n.ports]
    links = {b.name: [_links(port, by_name) for port in b.ports or ()] for b in bridges}
    single = [f"{b.name} over {', '.join(b.ports or ())}" for b in bridges if links[b.name] == [1]]
    if single:
        return risk(host=host.name, bridges=single)
    if any(None in counts for counts in links.values()):
        return unknown("what a port of a bridge is was not seen")
    return ok() if bridges else not_applicable("no bridge that leads outside")


def _links(port: str, by_name: Mapping[str, HostNetwork]) -> int | None:
    """How many links a bridge's port is, also below a VLAN; None where that was not seen."""
    network = by_name.get(port)
    if network is not None and network.kind in _BONDS:
        return len(network.ports or ())
    if network is not None and network.kind == "eth":
        return 1
    below = port.rpartition(".")[0]
    return _links(below, by_name) if below else None


RULES: tuple[Rule, ...] = (weak_quorum, single_storage, failing_disk, degraded_pool, single_link)
