"""Clusters of any size, for benchmarks and tests: nodes × guests with a year behind them."""

from __future__ import annotations

from dataclasses import replace

from lab.pve_inhabited import inhabited
from lab.pve_model import (
    DAY,
    GIB,
    Cluster,
    ClusterCondition,
    Condition,
    GuestSpec,
    Job,
    Node,
    Storage,
    StoredBackup,
    Token,
    growing,
    office_hours,
    steady,
)

AUDITOR = Token("lumbung@pve!collect", "00000000-0000-4000-8000-00000000000a")
BLIND = Token("lumbung@pve!none", "00000000-0000-4000-8000-00000000000b", sees="none")
RESTORER = Token("lumbung@pve!bak", "00000000-0000-4000-8000-00000000000d", restores=True)
POOLED = Token("lumbung@pve!pool", "00000000-0000-4000-8000-00000000000c", sees="pool:prod")


def synthetic(
    nodes: int, guests: int, *, now: float, name: str = "synthetic", version: str = "9.2.11"
) -> Cluster:
    """A cluster of equal nodes whose guests are spread evenly over them."""
    names = [f"node{number + 1:03d}" for number in range(nodes)]
    return Cluster(
        name=name,
        version=version,
        nodes=[Node(node) for node in names],
        guests=[_guest(number, names[number % nodes], now) for number in range(guests)],
        storages=[
            Storage(
                "san",
                "nfs",
                "images,rootdir",
                200 * 1024 * GIB,
                growing(120 * 1024 * GIB, 60 * GIB, now),
                shared=True,
                config={"server": "192.0.2.200", "export": "/san", "path": "/mnt/pve/san"},
            ),
            Storage(
                "backup",
                "nfs",
                "backup",
                400 * 1024 * GIB,
                steady(210 * 1024 * GIB),
                shared=True,
                config={
                    "server": "192.0.2.201", "export": "/backup", "path": "/mnt/pve/backup",
                    "prune-backups": "keep-daily=7",
                },
            ),
            Storage(
                "local", "dir", "iso,vztmpl", 96 * GIB, steady(12 * GIB),
                config={"path": "/var/lib/vz"},
            ),
        ],
        jobs=[Job("nightly", "backup", settings={"all": 1})],
        backups=lambda at: [
            StoredBackup("backup", "qemu", 100 + number, at - at % DAY - 3 * 3600)
            for number in range(guests)
        ],
        tokens=[AUDITOR, BLIND, POOLED, RESTORER],
        now=now,
    )  # fmt: skip


def _guest(number: int, node: str, now: float) -> GuestSpec:
    vmid = 100 + number
    return GuestSpec(
        vmid=vmid,
        name=f"guest-{vmid}",
        node=node,
        cores=2 + 2 * (number % 3),
        memory_mib=4096 * (1 + number % 4),
        disks={"scsi0": f"san:vm-{vmid}-disk-0,iothread=1,size={32 + 16 * (number % 4)}G"},
        nics={"net0": f"virtio=BC:24:11:{vmid >> 16 & 255:02X}:{vmid >> 8 & 255:02X}:"
              f"{vmid & 255:02X},bridge=vmbr0,firewall=1,tag={100 + number % 20}"},
        tags=("cls.terbatas", "opd.kominfo", "os.debian-12"),
        pool="prod" if number % 2 else "",
        cpu=office_hours(0.03, 0.25 + 0.05 * (number % 5)),
        memory=growing(0.5 + 0.05 * (number % 6), 0.0001, now),
    )  # fmt: skip


def troubled(*, now: float, version: str = "8.4.21") -> Cluster:
    """Three nodes: the first in as bad a state as can be, the second full, the third healthy."""
    cluster = inhabited(synthetic(3, 6, now=now, name="troubled", version=version), now)
    first, second, third = cluster.nodes
    cluster.nodes = [
        replace(first, condition=_bad(now)), replace(second, condition=_full()), third,
    ]  # fmt: skip
    cluster.condition = ClusterCondition(
        quorate=False,
        options={"migration": {"network": "192.0.2.0/24", "type": "insecure"}},
        metric_servers=({"id": "graphs", "port": 8089, "server": "192.0.2.9", "type": "influxdb"},),
        ha_master="active",
        firewall={"enable": 1, "policy_in": "ACCEPT"},
        firewall_rules=(
            {"action": "ACCEPT", "enable": 1, "macro": "SSH", "type": "in", "comment": "by Siti"},
            {"action": "web", "enable": 1, "type": "group"},
        ),
        firewall_groups={
            "web": (
                {"action": "ACCEPT", "dport": "443", "enable": 1, "proto": "tcp", "type": "in"},
            )
        },
        ceph={
            "fsid": "00000000-0000-4000-8000-000000000001",
            "health": {
                "checks": {
                    "OSD_DOWN": {
                        "muted": False, "severity": "HEALTH_WARN",
                        "summary": {"count": 1, "message": "1 osds down"},
                    }
                },
                "status": "HEALTH_WARN",
            },
            "pgmap": {
                "bytes_avail": 40 * 1024 * GIB, "bytes_total": 60 * 1024 * GIB,
                "bytes_used": 20 * 1024 * GIB,
            },
        },
    )  # fmt: skip
    return cluster


def _bad(now: float) -> Condition:
    """A degraded mirror with a dying disk, an old certificate, old packages, failed tasks."""
    disk = {
        "gpt": 1, "health": "PASSED", "model": "SSD-960", "mounted": 0, "osdid": -1,
        "serial": "S1", "size": 960 * 10**9, "type": "ssd", "used": "ZFS", "wearout": 97,
    }  # fmt: skip
    failing = {"devpath": "/dev/sdb", "health": "FAILED", "serial": "S2", "wearout": 4}
    spinning = {"devpath": "/dev/sdc", "serial": "unknown", "type": "hdd", "wearout": "N/A"}
    return Condition(
        disks=(disk | {"devpath": "/dev/sda"}, disk | failing, disk | spinning),
        zfs=(
            {
                "alloc": 700 * GIB, "dedup": 1, "frag": 41, "free": 200 * GIB,
                "health": "DEGRADED", "name": "rpool", "size": 900 * GIB,
            },
        ),
        certificate_ends_at=now + 5 * DAY,
        outdated={"pve-qemu-kvm": "10.1.2-7"},
        services_down=("pvestatd",),
        subscription="notfound",
        repositories=("pve-no-subscription", "ceph-squid/no-subscription"),
        failed_tasks=(
            ("vzdump", "100", now - 3600, "job errors"),
            ("qmigrate", "101", now - 7200, "migration aborted"),
        ),
        firewall={"enable": 0},
        firewall_rules=({"action": "ACCEPT", "dport": "8006", "enable": 1, "type": "in"},),
        waits={"cpu": 12.5, "io": 3.0, "memory": 0.25},
        secure_boot=False,
    )  # fmt: skip


def _full() -> Condition:
    """A thin pool that has almost no room left for metadata."""
    return Condition(
        thin_pools=(
            {
                "lv": "data", "lv_size": 1000 * GIB, "metadata_size": 1000, "metadata_used": 910,
                "used": 640 * GIB, "vg": "pve",
            },
        )
    )  # fmt: skip
