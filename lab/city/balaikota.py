"""The city hall's cluster: citizens' data, steady growth, and most of the planted risks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from lab.city import table
from lab.city.people import staffed
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
    sawtooth,
    steady,
    step,
    total,
)

TIB = 1024 * GIB
AUDITOR = Token("lumbung@pve!collect", "6f1f8f0a-1b3a-4c55-9c1e-000000000001")
FILTERED = {"enable": 1, "log_level_in": "info"}  # a guest's firewall
NODES = tuple(f"bk{number}" for number in range(1, 6))
KEY_FINGERPRINT = ":".join(["5a"] * 32)  # of the key that backups are encrypted with
MEMORY_NOW = 0.6315  # of what is configured
MEMORY_PER_DAY = 0.00085
SAN_BYTES, SAN_NOW, SAN_PER_DAY = 40 * TIB, 24 * TIB, 35 * GIB

PRUNED_AT = datetime(2026, 1, 3, 3, tzinfo=ZoneInfo("Asia/Jakarta")).timestamp()  # and weekly

_GUESTS = table("balaikota.csv")


def balaikota(now: float) -> Cluster:
    """The cluster as of ``now``."""
    guests = [_guest(number, row, now) for number, row in enumerate(_GUESTS)]
    guests.append(
        GuestSpec(
            vmid=190, name="ct-proxy-lama", node="bk4", kind="lxc", cores=2, memory_mib=4096,
            disks={"rootfs": "san-01:subvol-190-disk-0,size=30G"},
            nics={
                "net0": "name=eth0,bridge=vmbr0,firewall=1,hwaddr=BC:24:11:00:01:90,tag=128,"
                "type=veth",
            },
            firewall=FILTERED,
            tags=("cls.infra", "opd.diskominfo", "os.debian-13", "svc.jaringan"),
            config={"unprivileged": None}, cpu=office_hours(0.05, 0.2), memory=steady(0.4),
        )
    )  # fmt: skip
    guests.append(
        GuestSpec(
            vmid=900, name="templat-ubuntu-24", node="bk1", cores=2, memory_mib=4096,
            disks={"scsi0": "san-01:base-900-disk-0,size=40G"}, running=False, template=True,
            tags=("os.ubuntu-24.04",),
        )
    )  # fmt: skip
    cluster = Cluster(
        name="balaikota",
        version="8.4.21",
        nodes=[Node(name) for name in NODES],
        guests=guests,
        storages=_storages(now),
        jobs=[
            # Everything but what is excluded: that the citizens' registry is in there is planted.
            Job("malam-semua", "backup-nas", "21:00", {"all": 1, "exclude": "106,138,139,900"}),
            Job("lab-mingguan", "backup-lab", "sat 03:00", {"vmid": "138,139"}),
        ],
        backups=_backups,
        tokens=[replace(AUDITOR, expires_at=int(now + 200 * DAY))],
        condition=ClusterCondition(firewall={"enable": 1}),
        now=now,
    )
    return staffed(cluster, now)


def _guest(number: int, row: Mapping[str, str], now: float) -> GuestSpec:
    """A guest of the table; ``special`` says what is planted in it."""
    vmid, special = int(row["vmid"]), dict(p.split("=", 1) for p in row["special"].split())
    changes: list[tuple[float, Mapping[str, Any]]] = []
    if "moves" in special:
        # Within the breach of the answer key: moved, and started from a medium.
        medium = {"ide2": "local:iso/rescue.iso,media=cdrom,size=631M", "onboot": 1}
        changes.append((now - 1 * DAY, {"node": special["moves"], "config": medium}))
    if "grows" in special:
        changes.append((now - 4 * DAY, {"memory_mib": int(special["grows"]) * 1024}))
    born, gone = special.get("born_days_ago"), special.get("gone_days_ago")
    mac = f"BC:24:11:00:01:{vmid - 100:02X}"
    tag = "" if "untagged" in special else f",tag={row['vlan']}"
    return GuestSpec(
        vmid=vmid,
        name=row["name"],
        node=NODES[number % len(NODES)],
        cores=int(row["cores"]),
        memory_mib=int(row["memory_gib"]) * 1024,
        disks=_disks(vmid, row, special),
        nics={"net0": f"virtio={mac},bridge=vmbr0,firewall=1{tag}"},
        firewall=FILTERED,
        tags=tuple(sorted(row["tags"].split())),
        pool="lab" if row["vlan"] == "130" else "layanan",
        cpu=office_hours(0.04, 0.18 + 0.02 * (number % 5)),
        memory=growing(MEMORY_NOW, MEMORY_PER_DAY, now),
        running="off" not in special,
        born_at=now - int(born) * DAY if born else 0.0,
        gone_at=now - int(gone) * DAY if gone else 1e12,
        snapshots=(("sebelum-migrasi", now - 45 * DAY, False),) if vmid in (104, 110) else (),
        config={"onboot": 1},
        ha=special.get("ha", ""),
        changes=tuple(changes),
    )


def _disks(vmid: int, row: Mapping[str, str], special: Mapping[str, str]) -> dict[str, str]:
    store = special.get("store", "san-01")
    options = f"{special['disk_options']}," if "disk_options" in special else ""
    size = f"size={row['disk_gib']}G"
    disks = {"scsi0": f"{store}:vm-{vmid}-disk-0,{options}iothread=1,{size}"}
    if "second_disk" in special:
        disks["scsi1"] = f"{store}:vm-{vmid}-disk-1,{special['second_disk']}"
    return disks


def _storages(now: float) -> list[Storage]:
    return [
        Storage(
            "san-01", "nfs", "images,rootdir", SAN_BYTES, growing(SAN_NOW, SAN_PER_DAY, now),
            shared=True,
            config={"server": "192.0.2.20", "export": "/san-01", "path": "/mnt/pve/san-01"},
        ),
        Storage(
            # A clean-up of 2 TiB ninety days ago, which a straight line mistakes for shrinking.
            "nas-lama", "nfs", "images,rootdir", 12 * TIB,
            total(growing(9.2 * TIB, 3 * GIB, now), step(-2 * TIB, now - 90 * DAY)),
            shared=True,
            config={"server": "192.0.2.21", "export": "/lama", "path": "/mnt/pve/nas-lama"},
        ),
        Storage(
            # What a weekly retention does to a backup store.
            "backup-nas", "pbs", "backup", 60 * TIB,
            total(growing(34.5 * TIB, 10 * GIB, now), sawtooth(3 * TIB, 7, PRUNED_AT)),
            shared=True,
            config={
                "server": "192.0.2.22", "datastore": "kota", "username": "backup@pbs",
                "encryption-key": KEY_FINGERPRINT,
                "prune-backups": "keep-daily=7,keep-weekly=4,keep-monthly=6",
            },
        ),
        Storage(
            "backup-lab", "nfs", "backup", 4 * TIB, steady(1.1 * TIB), shared=True,
            config={"server": "192.0.2.22", "export": "/lab", "path": "/mnt/pve/backup-lab"},
        ),
        Storage(
            "local", "dir", "iso,snippets,vztmpl", 90 * GIB, steady(21 * GIB),
            config={"path": "/var/lib/vz"},
        ),
    ]  # fmt: skip


def _backups(now: float) -> list[StoredBackup]:
    """A backup of every covered guest for each of the last nights; one guest's failed since."""
    tonight = last_at(now, 21)
    found = []
    for vmid in (int(row["vmid"]) for row in _GUESTS):
        if vmid in (106, 138, 139, 141):
            continue
        for night in range(7):
            if vmid == 103 and night < 9:
                continue
            found.append(StoredBackup("backup-nas", "qemu", vmid, tonight - night * DAY))
    found.append(StoredBackup("backup-nas", "qemu", 103, tonight - 9 * DAY))
    found += [StoredBackup("backup-nas", "lxc", 190, tonight - n * DAY) for n in range(7)]
    found += [StoredBackup("backup-lab", "qemu", vmid, tonight) for vmid in (138, 139)]
    return found
