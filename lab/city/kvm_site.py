"""The archive building: plain KVM without a network to the city hall, carried in as files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from lab.city import table
from lab.pve_model import GIB, growing, last_at, office_hours

TIB = 1024 * GIB
HISTORY_DAYS = 365
STORE_NOW, STORE_PER_DAY = 12 * TIB, 12 * GIB
GUESTS_TOLD_DAYS = 120
GUESTS_PER_DAY = {"a1": 6 * GIB, "a5": 4 * GIB}  # the archive and its scanner fill the store
_FULL = 0.8  # of a guest's disk, today

_HOSTS = (
    ("arsip-kvm1", "arsip", 16, 128),
    ("arsip-kvm2", "arsip", 16, 128),
    ("posko-kvm1", "posko", 16, 128),
)
_GUESTS = table("kvm_site.csv")
_STORES = (("arsip-das", "arsip", 20 * TIB), ("posko-ssd", "posko", 4 * TIB))


def write_site(folder: Path, taken_at: datetime, *, history: bool) -> None:
    """Writes the site as of an instant; with ``history`` the hourly usage of the year before."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(
        folder / "source.csv",
        [{"taken_at": taken_at.isoformat(), "site": "Gedung Arsip", "timezone": "Asia/Jakarta"}],
    )
    _write(folder / "hosts.csv", map(_host, _HOSTS))
    _write(folder / "guests.csv", map(_guest, _GUESTS))
    _write(folder / "disks.csv", map(_disk, _GUESTS))
    _write(folder / "nics.csv", (_nic(n, row) for n, row in enumerate(_GUESTS, 1)))
    _write(folder / "datastores.csv", [_store(row, taken_at) for row in _STORES])
    _write(folder / "backups.csv", _backups(taken_at))
    _write(folder / "snapshots.csv", _snapshots(taken_at))
    _write(folder / "volumes.csv", _volumes())
    if history:
        _write(folder / "usage.csv", _usage(taken_at))


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    listed = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(listed[0]))
        writer.writeheader()
        writer.writerows(listed)


def _host(row: tuple[str, str, int, int]) -> dict[str, Any]:
    name, cluster, cores, gib = row
    return {
        "host_id": name, "name": name, "cluster": cluster, "status": "in_service",
        "cpu_cores": cores, "memory_bytes": gib * GIB, "cpu_threads": 2 * cores,
        "reserved_cpu_cores": 0, "reserved_memory_bytes": 8 * GIB,
        "version": "libvirt 11.3.0, QEMU 10.0.2",
    }  # fmt: skip


def _guest(row: Mapping[str, str]) -> dict[str, Any]:
    return {
        "guest_id": row["guest_id"], "name": row["name"], "host_id": row["host"], "kind": "vm",
        "power": "running", "vcpus": row["vcpus"], "memory_bytes": int(row["memory_gib"]) * GIB,
        "template": 0, "tags": row["tags"],
    }  # fmt: skip


def _disk(row: Mapping[str, str]) -> dict[str, Any]:
    return {
        "disk_id": f"{row['guest_id']}/vda", "guest_id": row["guest_id"],
        "datastore_id": "posko-ssd" if row["host"].startswith("posko") else "arsip-das",
        "capacity_bytes": int(row["disk_gib"]) * GIB, "backup": 1, "encrypted": 1,
    }  # fmt: skip


def _nic(number: int, row: Mapping[str, str]) -> dict[str, Any]:
    return {
        "nic_id": f"{row['guest_id']}/net0", "guest_id": row["guest_id"], "network": "br0",
        "vlan": 320 if row["host"].startswith("posko") else 310,
        "mac": f"52:54:00:00:00:{number:02X}", "firewall": 1,
    }  # fmt: skip


def _store(row: tuple[str, str, int], taken_at: datetime) -> dict[str, Any]:
    name, cluster, capacity = row
    return {
        "datastore_id": name, "name": name, "cluster": cluster, "kind": "dir",
        "shared": int(cluster == "arsip"), "capacity_bytes": capacity,
        "used_bytes": int(_store_used(name, np.array([taken_at.timestamp()]), taken_at)[0]),
        "hosts": ";".join(host for host, owner, *_ in _HOSTS if owner == cluster),
    }  # fmt: skip


def _store_used(name: str, times: Any, now: datetime) -> Any:
    if name == "arsip-das":
        return growing(STORE_NOW, STORE_PER_DAY, now.timestamp())(times)
    return growing(0.9 * TIB, 0.5 * GIB, now.timestamp())(times)


def _backups(taken_at: datetime) -> list[dict[str, Any]]:
    """Last night's of every guest, but of one the last is twelve days old."""
    night = datetime.fromtimestamp(last_at(taken_at.timestamp(), 1), taken_at.tzinfo)
    return [
        {
            "guest_id": row["guest_id"],
            "created_at": (night - timedelta(days=12 * (row["guest_id"] == "a6"))).isoformat(),
            "encrypted": 1,
            "verified": 1,
        }
        for row in _GUESTS
    ]


def _snapshots(taken_at: datetime) -> list[dict[str, Any]]:
    """One that was made before a scanner's upgrade and forgotten."""
    made = taken_at - timedelta(days=120)
    return [
        {"guest_id": "a5", "name": "sebelum-pemutakhiran", "created_at": made.isoformat(),
         "bytes": 120 * GIB}
    ]  # fmt: skip


def _volumes() -> list[dict[str, Any]]:
    """What a guest that was removed left behind."""
    return [
        {"volume_id": "arsip-das:katalog-lama.qcow2", "datastore_id": "arsip-das",
         "kind": "qcow2", "capacity_bytes": 400 * GIB, "allocated_bytes": 300 * GIB}
    ]  # fmt: skip


def _usage(taken_at: datetime) -> Iterable[dict[str, Any]]:
    """Hourly means of the year before ``taken_at``."""
    last = taken_at.replace(minute=0, second=0, microsecond=0)
    hours = np.arange(-HISTORY_DAYS * 24 + 1, 1)
    times = np.asarray(last.timestamp() + 3600.0 * hours, dtype=np.float64)
    stamps = [(last + timedelta(hours=int(hour))).isoformat() for hour in hours]
    for name, _cluster, cores, gib in _HOSTS:
        cpu = cores * office_hours(0.08, 0.35)(times - 1800)
        share = growing(0.25, 0.0002, taken_at.timestamp())(times)
        for stamp, busy, used in zip(stamps, cpu, share * gib * GIB, strict=True):
            yield _sample(stamp, "host", name, cpu=busy, memory=used)
    for store, _cluster, _capacity in _STORES:
        for stamp, used in zip(stamps, _store_used(store, times, taken_at), strict=True):
            yield _sample(stamp, "datastore", store, storage=used)
    yield from _stored(last)


def _stored(last: datetime) -> Iterable[dict[str, Any]]:
    """Daily means of what the disks of the archive's guests take, since somebody counted it."""
    for row in _GUESTS:
        today, per_day = _FULL * int(row["disk_gib"]) * GIB, GUESTS_PER_DAY.get(row["guest_id"], 0)
        if row["host"].startswith("posko"):
            continue
        for day in range(GUESTS_TOLD_DAYS):
            stamp = (last - timedelta(days=day)).isoformat()
            used = today - day * per_day
            yield _sample(stamp, "guest", row["guest_id"], storage=used, seconds=86_400)


def _sample(
    stamp: str,
    entity: str,
    entity_id: str,
    *,
    cpu: float | None = None,
    memory: float | None = None,
    storage: float | None = None,
    seconds: int = 3600,
) -> dict[str, Any]:
    return {
        "taken_at": stamp,
        "entity": entity,
        "entity_id": entity_id,
        "period_seconds": seconds,
        "cpu_used_cores": "" if cpu is None else f"{cpu:.4f}",
        "memory_used_bytes": "" if memory is None else f"{memory:.0f}",
        "storage_used_bytes": "" if storage is None else f"{storage:.0f}",
    }
