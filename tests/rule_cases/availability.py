"""Availability."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from estates import NOW, health
from inventory.platform_records import (
    ClusterState,
    HaResource,
    HostNetwork,
    PhysicalDisk,
    Replication,
    StorageHealth,
)
from inventory.records import Coverage, Guest, Record
from rule_cases import (
    BASE,
    CAMERAS,
    DISK,
    GUEST,
    H2,
    LIBVIRT,
    ON_DATASTORE,
    OTHER,
    SAN,
    TARGET,
    UNBOUND,
    Case,
    Flip,
    backup_of,
    changed,
    nic,
    on_clean,
    recorder,
    two_hosts,
    wall,
)
from rule_cases.backup import GROWS
from stored import GIB, datastore, disk, guest, host

HIDDEN_GUESTS = (health(hidden=("guest",)),)
HIDDEN_HA = (health(hidden=("ha_resource",)),)
LIBVIRT_WITHOUT_HA = (health(kind="libvirt", hidden=("ha_resource",)),)
UNHEALED = (health(gaps=[Coverage("host/h1", "storage_health", "failed", "h1 is offline")]),)
UNREAD = (health(gaps=[Coverage("guest/100", "disk", "failed", "locked")]),)
CRITICAL = guest(tags=("crit.1",), **UNBOUND)
TWO = (host("h1"), host("h2"))


def cluster(**more: Any) -> ClusterState:
    given = {"quorate": True, "hosts_expected": 3, "quorum_device": False}
    given |= {"migration_encrypted": True, "metric_targets": 1}
    return ClusterState(cluster="c", **(given | more))


def managed(requested: str = "started", guest_id: str = "100") -> HaResource:
    return HaResource(guest_id=guest_id, cluster="c", requested=requested)


def replication(hours: float | None = 0.25, **more: Any) -> Replication:
    """A copy of guest 100 on h2, made so many hours ago."""
    made = None if hours is None else NOW - timedelta(hours=hours)
    given = {"source_host": "h1", "target_host": "h2", "enabled": True, "failures": 0}
    given |= {"job_id": "100-0", "guest_id": "100", "last_sync_at": made}
    return Replication(cluster="c", **(given | more))


def physical(health: str | None = "PASSED", worn: float | None = 0.1) -> PhysicalDisk:
    return PhysicalDisk(
        host_id="h1", device="/dev/sda", cluster="c", health=health, wearout_ratio=worn
    )


def pool(kind: Any = "zfs", state: str | None = "ONLINE", **more: Any) -> StorageHealth:
    host_id = None if kind == "ceph" else "h1"
    return StorageHealth(name="tank", cluster="c", kind=kind, host_id=host_id, health=state, **more)


def network(name: str, kind: str, *ports: str, host_id: str = "h1") -> HostNetwork:
    aware = True if kind == "bridge" else None
    return HostNetwork(
        host_id=host_id, name=name, cluster="c", kind=kind, ports=ports, vlan_aware=aware,
        addresses=(),
    )  # fmt: skip


ETH = (network("eno1", "eth"), network("eno2", "eth"))
BOND = network("bond0", "bond", "eno1", "eno2")
BRIDGE = network("vmbr0", "bridge", "bond0")
ON_H2 = tuple(one.model_copy(update={"host_id": "h2"}) for one in (*ETH, BOND, BRIDGE))


def services(sites: bool = False, **more: Any) -> dict[str, Any]:
    """Owners of a service of both guests; with ``sites`` everything stands in the city hall."""
    told: dict[str, Any] = {
        "services": {"s": {"owner": "opd", **more}},
        "guests": [{"match": {"name_glob": "guest *"}, "service": "s"}],
    }
    if sites:
        told["hosts"] = {"h1": {"site": "hall"}, "h2": {"site": "hall"}}
        told["storages"] = {"pbs": {"site": "hall"}}
    return told


def at_two(what: str) -> dict[str, Any]:
    """The same where one thing stands in the annex."""
    told = services(sites=True, criticality=1)
    if what == "host":
        told["hosts"]["h2"] = {"site": "annex"}
    else:
        told["storages"] = {"pbs": {"site": "hall", "copied_to": ["annex"]}}
    return told


TESTED = {"restore_test": {"tested_on": "2026-11-01"}}
REPLICAS = (guest("1", tags=("ha.app",)), guest("2", tags=("ha.app",), host_id="h2"))
LOCAL_SAN = datastore(shared=False, hosts=("h1",))
THIN = datastore(kind="lvmthin", backend="pve:data", shared=False, hosts=("h1",))


def metadata(ratio: float) -> StorageHealth:
    return StorageHealth(
        name="pve/data", cluster="c", kind="lvmthin", host_id="h1", metadata_used_ratio=ratio
    )


CASES: list[Case] = [
    # AVL-001 the loss of a host cannot be absorbed
    Case("AVL-001", "ok", two_hosts(200)),
    Case("AVL-001", "risk", two_hosts(300)),
    Case("AVL-001", "unknown", (*two_hosts(200), guest("3", memory_bytes=None))),
    Case("AVL-001", "unknown", two_hosts(200), sources=HIDDEN_GUESTS),
    Case("AVL-001", "not_applicable", (host(), guest())),
    # AVL-002 quorum
    Case("AVL-002", "ok", (host(), cluster())),
    Case("AVL-002", "ok", (host(), cluster(hosts_expected=2, quorum_device=True))),
    Case("AVL-002", "risk", (host(), cluster(quorate=False)), severity="critical"),
    Case("AVL-002", "risk", (host(), cluster(hosts_expected=2)), severity="high"),
    Case("AVL-002", "risk", (host(), cluster(hosts_expected=4)), severity="medium"),
    Case("AVL-002", "unknown", (host(), cluster(hosts_expected=2, quorum_device=None))),
    Case("AVL-002", "unknown", (host(), cluster(quorate=None))),
    Case("AVL-002", "unknown", (host(),)),
    Case("AVL-002", "not_applicable", (host(), cluster(hosts_expected=1))),
    # AVL-003 no high availability
    Case("AVL-003", "ok", (CRITICAL, managed())),
    Case("AVL-003", "risk", (CRITICAL,), severity="high"),
    Case("AVL-003", "risk", (CRITICAL, managed("ignored"))),
    Case("AVL-003", "unknown", (CRITICAL,), sources=HIDDEN_HA),
    Case("AVL-003", "not_applicable", (guest(tags=("crit.1", "ha.app")),)),
    Case("AVL-003", "not_applicable", (guest(tags=("crit.2",)),)),
    Case("AVL-003", "not_applicable", (guest(),)),
    # AVL-004 under high availability on local disks
    Case("AVL-004", "ok", (guest(), managed(), disk(), datastore())),
    Case("AVL-004", "ok", (guest(), managed(), disk(replicated=True), LOCAL_SAN, replication())),
    Case("AVL-004", "risk", (guest(), managed(), disk(), LOCAL_SAN), severity="critical"),
    Case("AVL-004", "risk", (guest(), managed(), disk(replicated=False), LOCAL_SAN, replication())),
    Case("AVL-004", "risk", (guest(), managed(), disk(replicated=True), LOCAL_SAN,
                             replication(None))),
    Case("AVL-004", "risk", (guest(), managed(), disk(replicated=True), LOCAL_SAN,
                             replication(enabled=False))),
    Case("AVL-004", "risk", (guest(), managed(), disk(host_device="/dev/sdb"), datastore())),
    Case("AVL-004", "unknown", (guest(), managed(), disk())),
    Case("AVL-004", "unknown", (guest(), managed(), disk(replicated=True), LOCAL_SAN,
                                replication(None, failures=None))),
    Case("AVL-004", "not_applicable", (guest(), disk(), LOCAL_SAN)),
    Case("AVL-004", "not_applicable", (guest(), managed("disabled"), disk(), LOCAL_SAN)),
    Case("AVL-004", "not_applicable", (guest(), managed("stopped"), disk(), LOCAL_SAN)),
    # AVL-005 replication late
    Case("AVL-005", "ok", (guest(), replication(49))),
    Case("AVL-005", "risk", (guest(), replication(51)), severity="high"),
    Case("AVL-005", "risk", (CRITICAL, replication(27))),
    Case("AVL-005", "risk", (guest(), replication(failures=1))),
    Case("AVL-005", "risk", (guest(), replication(None, enabled=False, failures=None))),
    Case("AVL-005", "unknown", (guest(), replication(None))),
    Case("AVL-005", "unknown", (guest(), replication(None, failures=None))),
    Case("AVL-005", "not_applicable", (guest(),)),
    # AVL-006 a single host
    Case("AVL-006", "ok", (*TWO, CRITICAL)),
    Case("AVL-006", "ok", (host(), CRITICAL, guest("9", cluster="d")), owners=services()),
    Case("AVL-006", "risk", (host(), CRITICAL), severity="high"),
    Case("AVL-006", "risk", (host(), guest(tags=("crit.2",)), host("h2", status="retired"))),
    Case("AVL-006", "unknown", (host(), CRITICAL), sources=HIDDEN_GUESTS),
    Case("AVL-006", "not_applicable", (host(), guest(tags=("crit.3",)))),
    Case("AVL-006", "not_applicable", (host(), guest())),
    # AVL-007 replicas together
    Case("AVL-007", "ok", REPLICAS, owners=services()),
    Case("AVL-007", "risk", (*REPLICAS, guest("3", tags=("ha.app",))), owners=services(),
         severity="medium"),
    Case("AVL-007", "unknown", (*REPLICAS, guest("3", tags=("ha.app",), host_id=None)),
         owners=services()),
    Case("AVL-007", "not_applicable", (guest("1"), guest("2")), owners=services()),
    # AVL-008 a single storage
    Case("AVL-008", "ok", (host(), CRITICAL, disk(), SAN)),
    Case("AVL-008", "ok", (host(), CRITICAL, disk(), datastore()),
         owners={"storages": {"san": {"redundant": True}}}),
    Case("AVL-008", "ok", (host(), CRITICAL, disk(), disk(key="scsi1", datastore_id="b"),
                           datastore(), datastore("b"))),
    Case("AVL-008", "risk", (host(), CRITICAL, disk(), datastore()), severity="high"),
    Case("AVL-008", "risk", (host(), CRITICAL, disk(), disk(key="scsi1", datastore_id="b"),
                             datastore(), datastore("b")),
         owners={"storages": {"san": {"failure_domain": "x"}, "b": {"failure_domain": "x"}}}),
    Case("AVL-008", "unknown", (host(), CRITICAL, disk(datastore_id=None))),
    Case("AVL-008", "unknown", (host(), CRITICAL, datastore()), sources=UNREAD),
    Case("AVL-008", "not_applicable", (host(), guest(), disk(), datastore())),
    # AVL-009 storage runs out before more can be bought
    Case("AVL-009", "unknown", (host(), datastore(used_bytes=GIB))),
    # AVL-012 storage promised beyond the policy: 1.5 × 4000 GiB
    Case("AVL-012", "ok", (datastore(), disk(capacity_bytes=6000 * GIB))),
    Case("AVL-012", "ok", (THIN, disk(), metadata(0.8))),
    Case("AVL-012", "risk", (datastore(), disk(capacity_bytes=6001 * GIB)), severity="high"),
    Case("AVL-012", "risk", (THIN, disk(), metadata(0.81))),
    Case("AVL-012", "unknown", (datastore(), disk(capacity_bytes=None))),
    Case("AVL-012", "unknown", (guest(), datastore()), sources=UNREAD),
    Case("AVL-012", "unknown", (datastore(capacity_bytes=None), disk())),
    # AVL-013 memory promised beyond what a failure leaves
    Case("AVL-013", "ok", two_hosts(200)),
    Case("AVL-013", "risk", two_hosts(300)),
    Case("AVL-013", "ok", two_hosts(300), policy={"overcommit": {"memory": 1.5}}),
    Case("AVL-013", "unknown", (*two_hosts(300), host("h3", memory_bytes=None))),
    Case("AVL-013", "unknown", (*two_hosts(200), guest("3", memory_bytes=None))),
    Case("AVL-013", "unknown", two_hosts(300), sources=HIDDEN_GUESTS),
    # AVL-014 vCPUs promised: 4 per core of the one host that is left, less its reserve
    Case("AVL-014", "ok", (*TWO, guest(vcpus=100))),
    Case("AVL-014", "risk", (*TWO, guest(vcpus=130)), severity="medium"),
    Case("AVL-014", "unknown", (*TWO, guest(vcpus=None))),
    Case("AVL-014", "unknown", (host("h1"), host("h2", cpu_cores=None), guest())),
    # AVL-015 disks of hosts
    Case("AVL-015", "ok", (host(), physical())),
    Case("AVL-015", "ok", (host(), physical("OK", None))),
    Case("AVL-015", "risk", (host(), physical("FAILED")), severity="critical"),
    Case("AVL-015", "risk", (host(), physical(worn=0.9))),
    Case("AVL-015", "unknown", (host(), physical("UNKNOWN"))),
    Case("AVL-015", "unknown", (host(), physical(None))),
    Case("AVL-015", "not_applicable", (host(),)),
    # AVL-016 pools
    Case("AVL-016", "ok", (host(), pool(), pool("ceph", "HEALTH_OK"))),
    Case("AVL-016", "ok", (host(), pool("ceph", "HEALTH_WARN", detail="OSDMAP_FLAGS: noscrub"))),
    Case("AVL-016", "risk", (host(), pool(state="DEGRADED")), severity="critical"),
    Case("AVL-016", "risk", (host(), pool("ceph", "HEALTH_ERR"))),
    Case("AVL-016", "risk", (host(), pool("ceph", "HEALTH_WARN", detail="OSD_DOWN: 1 osds down"))),
    Case("AVL-016", "unknown", (host(), pool(state=None))),
    Case("AVL-016", "unknown", (host(), pool()), sources=UNHEALED),
    Case("AVL-016", "not_applicable", (host(), metadata(0.1))),
    # AVL-017 links
    Case("AVL-017", "ok", (host(), *ETH, BOND, BRIDGE)),
    Case("AVL-017", "ok", (host(), *ETH, BOND, network("vmbr0", "bridge", "bond0.10"))),
    Case("AVL-017", "ok", (host(), *ETH, network("vmbr0", "bridge", "eno1", "eno2"))),
    Case("AVL-017", "risk", (host(), *ETH, network("vmbr0", "bridge", "eno1")), severity="medium"),
    Case("AVL-017", "risk", (host(), *ETH, network("bond0", "bond", "eno1"), BRIDGE)),
    Case("AVL-017", "unknown", (host(), network("vmbr0", "bridge", "wan"))),
    Case("AVL-017", "not_applicable", (host(), network("vmbr9", "bridge"))),
    # AVL-018 no start with the host
    Case("AVL-018", "ok", (changed(CRITICAL, autostart=True),)),
    Case("AVL-018", "ok", (changed(CRITICAL, autostart=False), managed())),
    Case("AVL-018", "risk", (changed(CRITICAL, autostart=False),), severity="medium"),
    Case("AVL-018", "risk", (changed(CRITICAL, autostart=False),), sources=LIBVIRT_WITHOUT_HA),
    Case("AVL-018", "unknown", (changed(CRITICAL, autostart=False),), sources=HIDDEN_HA),
    Case("AVL-018", "unknown", (CRITICAL,)),
    Case("AVL-018", "not_applicable", (guest(autostart=False),)),
    # AVL-019 cannot be moved
    Case("AVL-019", "ok", (*TWO, CRITICAL, disk(), datastore())),
    Case("AVL-019", "ok", (*TWO, changed(CRITICAL, cpu_model="host"), disk(), datastore())),
    Case("AVL-019", "risk", (*TWO, changed(CRITICAL, passthrough=("hostpci0 0000:01",))),
         severity="medium"),
    Case("AVL-019", "risk", (*TWO, CRITICAL, disk(), LOCAL_SAN)),
    Case("AVL-019", "risk", (*TWO, changed(CRITICAL, media=("local:iso/a.iso",)),
                             datastore("h1/local", shared=False))),
    Case("AVL-019", "risk", (host("h1", cpu_model="Xeon 4"), host("h2", cpu_model="EPYC"),
                             changed(CRITICAL, cpu_model="host-passthrough")), sources=LIBVIRT),
    Case("AVL-019", "unknown", (*TWO, changed(CRITICAL, passthrough=None))),
    Case("AVL-019", "unknown", (*TWO, CRITICAL, disk())),
    Case("AVL-019", "not_applicable", (host(), changed(CRITICAL, passthrough=("usb0 1:2",)))),
    Case("AVL-019", "not_applicable", (*TWO, guest(passthrough=("usb0 1:2",)))),
    # AVL-020 a single site
    Case("AVL-020", "ok", BASE, owners=at_two("copies")),
    Case("AVL-020", "ok", (*TWO, guest("1"), guest("2", host_id="h2")), owners=at_two("host")),
    Case("AVL-020", "ok", (*TWO, guest(), replication()), owners=at_two("host")),
    Case("AVL-020", "risk", BASE, owners=services(sites=True, criticality=1), severity="high"),
    Case("AVL-020", "unknown", BASE, owners=services(criticality=1)),
    Case("AVL-020", "unknown", (*TWO, guest(), backup_of("100", 1)),
         owners=services(sites=True, criticality=1)),
    Case("AVL-020", "not_applicable", (guest(),), owners=services(sites=True, criticality=2)),
    Case("AVL-020", "not_applicable", owners=services(sites=True, criticality=1)),
    # AVL-021 no limit of memory
    Case("AVL-021", "ok", (guest(kind="container"),)),
    Case("AVL-021", "risk", (guest(kind="container", memory_bytes=0),), severity="medium"),
    Case("AVL-021", "unknown", (guest(kind="container", memory_bytes=None),)),
    Case("AVL-021", "not_applicable", (guest(memory_bytes=0),)),
    # Recordings of cameras
    Case("AVL-010", "ok", (recorder(30),), owners=CAMERAS),
    Case("AVL-010", "ok", (datastore("nvr"),), owners=ON_DATASTORE),
    Case("AVL-010", "risk", (recorder(29.9),), owners=CAMERAS, severity="high"),
    Case("AVL-010", "risk", (recorder(0),), owners=CAMERAS, severity="high"),
    Case("AVL-010", "risk", (recorder(31, disks_failed=1),), owners=CAMERAS, severity="medium"),
    Case("AVL-010", "risk", (recorder(31, cameras_recording=9),), severity="medium"),
    Case("AVL-010", "unknown", (recorder(31),)),
    Case("AVL-010", "unknown", (recorder(31, checked=31),), owners=CAMERAS),
    Case("AVL-010", "unknown", owners=CAMERAS),
]  # fmt: skip
QUORATE, MANAGED, COPIED, DRIVE, TANK = cluster(), managed(), replication(), physical(), pool()
CLEAN: list[Record] = [QUORATE, MANAGED, COPIED, DRIVE, TANK, *ETH, BOND, BRIDGE, *ON_H2]


def _replica(one: Guest) -> Guest:
    return changed(one, tags=(*(one.tags or ()), "ha.app"))


# A guest like the other one, beside it.
THIRD: tuple[Record, ...] = (
    _replica(changed(OTHER, guest_id="700", name="guest 700", uuid=None)),
    nic("700", vlan=20), wall("guest/700"), backup_of("700", 1, encrypted=True, verified=True),
)  # fmt: skip
FLIPS: list[Flip] = [
    Flip("AVL-001", OTHER, changed(OTHER, memory_bytes=512 * GIB), also=("AVL-013",)),
    Flip("AVL-002", QUORATE, changed(QUORATE, quorate=False)),
    Flip("AVL-003", MANAGED, also=("AVL-018",)),
    Flip("AVL-004", DISK, changed(DISK, host_device="/dev/sdb"), also=("AVL-001", "AVL-019")),
    Flip("AVL-005", COPIED, changed(COPIED, failures=3)),
    Flip("AVL-006", H2),
    Flip("AVL-007", OTHER, _replica(OTHER), more=THIRD, owners=on_clean(services(**TESTED)),
         also=("IAM-011",)),
    # The target of backups has room for decades.
    Flip("AVL-009", TARGET, changed(TARGET, capacity_bytes=400_000 * GIB), storage=GROWS),
    Flip("AVL-010", becomes=recorder(29.9), owners=on_clean(CAMERAS), also=("PRV-018",)),
    Flip("AVL-013", policy={"overcommit": {"memory": 0.001}}),
    Flip("AVL-008", SAN, changed(SAN, kind="nfs")),
    Flip("AVL-012", DISK, changed(DISK, capacity_bytes=6001 * GIB)),
    Flip("AVL-014", OTHER, changed(OTHER, vcpus=130.0), also=("AVL-001",)),
    Flip("AVL-015", DRIVE, changed(DRIVE, health="FAILED")),
    Flip("AVL-016", TANK, changed(TANK, health="DEGRADED")),
    Flip("AVL-017", BOND, changed(BOND, ports=("eno1",))),
    Flip("AVL-018", MANAGED, managed("ignored"), also=("AVL-003",)),
    Flip("AVL-019", GUEST, changed(GUEST, passthrough=("hostpci0 0000:01",)),
         also=("AVL-001", "HYP-006")),
    Flip("AVL-020", owners=on_clean(services(sites=True, **TESTED)),
         also=("BKP-010", "IAM-011", "MON-010")),
    Flip("AVL-021", OTHER, changed(OTHER, kind="container", unprivileged=True, memory_bytes=0)),
]  # fmt: skip
