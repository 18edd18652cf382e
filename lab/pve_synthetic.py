"""Clusters of any size, for benchmarks and tests: nodes × guests with a year behind them."""

from __future__ import annotations

from lab.pve_model import (
    DAY,
    GIB,
    Cluster,
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
        tokens=[AUDITOR, BLIND, POOLED],
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
