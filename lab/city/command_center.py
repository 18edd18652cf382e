"""The command centre's cluster: cameras, video analytics, and a host that cannot be lost."""

from __future__ import annotations

from collections.abc import Mapping

from lab.city import table
from lab.city.people import staffed, with_former_vendor
from lab.pve_model import (
    DAY,
    GIB,
    Cluster,
    ClusterCondition,
    GuestSpec,
    Job,
    Node,
    Storage,
    StoredBackup,
    Token,
    growing,
    last_at,
    office_hours,
    steady,
)

TIB = 1024 * GIB
TOKEN_ID, TOKEN_SECRET = "lumbung@pve!collect", "6f1f8f0a-1b3a-4c55-9c1e-000000000002"
FILTERED = {"enable": 1, "log_level_in": "info"}  # a guest's firewall
NODES = ("cc1", "cc2", "cc3", "cc4")


def command_center(now: float) -> Cluster:
    """The cluster as of ``now``; its token expires in twenty days."""
    guests = [_guest(row) for row in table("command_center.csv")]
    guests.append(
        # Came a hundred days ago: a step in memory that is no growth. No other host has room.
        GuestSpec(
            vmid=210, name="analitik-video", node="cc1", cores=20, memory_mib=160 * 1024,
            disks={"scsi0": "vm-pool:vm-210-disk-0,iothread=1,size=2000G"},
            nics={"net0": "virtio=BC:24:11:00:02:0A,bridge=vmbr0,firewall=1,tag=210"},
            tags=("cls.terbatas", "opd.dishub", "os.ubuntu-24.04", "svc.cctv", "zone.cctv"),
            firewall=FILTERED, pool="komando",
            cpu=office_hours(0.4, 0.7, weekend=0.9), memory=steady(0.7),
            born_at=now - 100 * DAY, config={"onboot": 1},
        )
    )  # fmt: skip
    cluster = Cluster(
        name="command-center",
        version="9.2.11",
        nodes=[Node(name, cores=24, threads=48, memory_bytes=256 * GIB) for name in NODES],
        guests=guests,
        storages=[
            Storage(
                "vm-pool", "rbd", "images,rootdir", 60 * TIB, growing(30 * TIB, 18 * GIB, now),
                shared=True, config={"pool": "vm-pool", "monhost": "192.0.2.31 192.0.2.32"},
            ),
            Storage(
                "cctv-pool", "nfs", "images", 160 * TIB, steady(118 * TIB), shared=True,
                config={"server": "192.0.2.40", "export": "/cctv", "path": "/mnt/pve/cctv-pool"},
            ),
            Storage(
                "backup-cc", "pbs", "backup", 40 * TIB, growing(14 * TIB, 6 * GIB, now),
                shared=True,
                config={
                    "server": "192.0.2.41", "datastore": "komando", "username": "backup@pbs",
                    "encryption-key": ":".join(["7c"] * 32),
                    "prune-backups": "keep-daily=7,keep-weekly=4",
                },
            ),
        ],
        jobs=[Job("komando-malam", "backup-cc", "22:00", {"all": 1})],
        backups=lambda at: [
            StoredBackup("backup-cc", "qemu", vmid, last_at(at, 22) - night * DAY)
            for vmid in range(201, 211)
            for night in range(7)
        ],
        tokens=[Token(TOKEN_ID, TOKEN_SECRET, expires_at=int(now + 20 * DAY))],
        condition=ClusterCondition(firewall={"enable": 1}),
        now=now,
    )  # fmt: skip
    return with_former_vendor(staffed(cluster, now), now)


def _guest(row: Mapping[str, str]) -> GuestSpec:
    """A guest of the table; one of them does nothing any more."""
    is_idle = row["name"] == "arsip-rekaman"
    vmid, tags = int(row["vmid"]), row["tags"].split()
    mac = f"BC:24:11:00:02:{vmid - 200:02X}"
    size = f"size={row['disk_gib']}G"
    return GuestSpec(
        vmid=vmid,
        name=row["name"],
        node=row["node"],
        cores=int(row["cores"]),
        memory_mib=int(row["memory_gib"]) * 1024,
        disks={"scsi0": f"{row['storage']}:vm-{vmid}-disk-0,iothread=1,{size}"},
        nics={"net0": f"virtio={mac},bridge=vmbr0,firewall=1,tag=210"},
        firewall=FILTERED,
        tags=tuple(sorted(tags)),
        pool="komando",
        ha="started" if "svc.darurat" in tags else "",
        cpu=steady(0.005) if is_idle else office_hours(0.2, 0.45, weekend=0.9),
        memory=steady(0.62),
        traffic=0.001 if is_idle else 1.0,
        config={"ostype": "win11" if "windows" in row["tags"] else "l26", "onboot": 1},
    )
