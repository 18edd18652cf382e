"""An estate of any size as snapshots, for what needs no hypervisor to be measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from inventory.append import Attempt
from inventory.records import (
    Backup,
    BackupJob,
    Counter,
    Coverage,
    Datastore,
    Disk,
    Guest,
    Host,
    Nic,
    Record,
    Snapshot,
    Usage,
)
from inventory.schema import VERSION_ROWS

ZONE = ZoneInfo("Asia/Jakarta")
NOW = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)  # a Monday morning in the zone
SOURCE = "fleet"
CLUSTER = "fleet"
GIB = 1024**3
_GUESTS_A_HOST = 50
_GUESTS_A_DATASTORE = 500
_COUNTED = (
    "disk_read_bytes_per_second",
    "disk_write_bytes_per_second",
    "net_in_bytes_per_second",
    "net_out_bytes_per_second",
)


@dataclass(frozen=True, slots=True)
class Fleet:
    """So many guests with two disks, an interface and ``backups`` nightly backups each; they find
    room when a host is lost.

    ``resized`` guests have twice the processors they began with. ``asked_at`` is when the
    guests' own answers were given, where those of an earlier poll were used again.
    """

    guests: int
    resized: int = 0
    backups: int = 1
    asked_at: datetime | None = None

    @property
    def hosts(self) -> int:
        return -(-self.guests // _GUESTS_A_HOST)

    @property
    def shared(self) -> int:
        """How many datastores are shared, and hold all disks; every host has one of its own."""
        return -(-self.guests // _GUESTS_A_DATASTORE)

    @property
    def datastores(self) -> Iterator[str]:
        yield from map(_shared, range(self.shared))
        yield from map(_local, range(self.hosts))

    def snapshot(self, at: datetime) -> Snapshot:
        """What one poll of the fleet would have brought."""
        return Snapshot(
            source=SOURCE,
            taken_at=at,
            facts=tuple(self._facts(at)),
            usage=tuple(self._usage(at)),
            counters=tuple(self._counters(at)),
            coverage=tuple(self._coverage()),
            platform="fleet",
            guests_reported=self.guests,
        )

    def _facts(self, at: datetime) -> Iterator[Record]:
        for number in range(self.hosts):
            yield Host(
                host_id=_host(number), name=_host(number), cluster=CLUSTER, status="in_service",
                cpu_cores=64.0, cpu_threads=128, memory_bytes=1024 * GIB, version="9.2.11",
            )  # fmt: skip
        for name in self.datastores:
            yield Datastore(
                datastore_id=name, name=name, cluster=CLUSTER, shared="/" not in name,
                kind="dir" if "/" in name else "nfs", capacity_bytes=100 * 1024 * GIB,
                used_bytes=60 * 1024 * GIB + int(at.timestamp()),
            )  # fmt: skip
        yield BackupJob(job_id="nightly", cluster=CLUSTER, enabled=True, selects_all=True)
        for number in range(self.guests):
            yield from self._guest(number, at)

    def _guest(self, number: int, at: datetime) -> Iterator[Record]:
        guest_id, cores = str(100 + number), 1.0 + number % 3
        yield Guest(
            guest_id=guest_id, name=f"guest-{guest_id}", cluster=CLUSTER,
            host_id=_host(number % self.hosts), kind="vm", power="running",
            vcpus=cores * (2 if number < self.resized else 1),
            memory_bytes=4 * GIB * (1 + number % 4), template=False,
            tags=("cls.terbatas", "opd.kominfo"), os="l26", uuid=f"{number:032x}", autostart=True,
        )  # fmt: skip
        shared, other = (_shared((number + more) % self.shared) for more in (0, 1))
        for slot, datastore in (("scsi0", shared), ("scsi1", other)):
            yield Disk(
                disk_id=f"{guest_id}/{slot}", guest_id=guest_id, cluster=CLUSTER, slot=slot,
                datastore_id=datastore, purpose="data",
                capacity_bytes=64 * GIB, allocated_bytes=20 * GIB + int(at.timestamp()),
                backup=True, cache="none", volume=f"vm-{guest_id}-{slot}",
            )  # fmt: skip
        yield Nic(
            nic_id=f"{guest_id}/net0", guest_id=guest_id, cluster=CLUSTER, network="vmbr0",
            vlan=100 + number % 20, mac=f"bc:24:11:00:{number >> 8:02x}:{number & 255:02x}",
            model="virtio", firewall=True,
        )  # fmt: skip
        midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
        for nights in range(self.backups):
            made = midnight - timedelta(days=nights)
            yield Backup(
                guest_id=guest_id, cluster=CLUSTER, created_at=made, bytes=12 * GIB,
                name=f"{shared}:backup/vm-{guest_id}-{made:%Y_%m_%d}.vma.zst",
                datastore_id=shared, encrypted=False, verified=True,
            )  # fmt: skip

    def _coverage(self) -> Iterator[Coverage]:
        for kind in VERSION_ROWS:
            yield Coverage("", kind.kind_name, "complete")
        for number in range(self.guests):
            for name in ("guest", "disk", "nic", "guest_snapshot"):
                yield Coverage(f"guest/{100 + number}", name, "complete", asked_at=self.asked_at)

    def _usage(self, at: datetime) -> Iterator[Usage]:
        for number in range(self.hosts):
            yield Usage(
                entity="host", entity_id=_host(number), cluster=CLUSTER, taken_at=at,
                cpu_used_cores=20.0 + number % 5, memory_used_bytes=500.0 * GIB,
            )  # fmt: skip
        for number in range(self.guests):
            yield Usage(
                entity="guest", entity_id=str(100 + number), cluster=CLUSTER, taken_at=at,
                cpu_used_cores=0.5, memory_used_bytes=2.0 * GIB,
            )  # fmt: skip
        for name in self.datastores:
            yield Usage(
                entity="datastore", entity_id=name, cluster=CLUSTER, taken_at=at,
                storage_used_bytes=60.0 * 1024 * GIB,
            )  # fmt: skip

    def _counters(self, at: datetime) -> Iterator[Counter]:
        for number in range(self.guests):
            for metric in _COUNTED:
                yield Counter(
                    series=f"{CLUSTER}/{100 + number}", entity="guest",
                    entity_id=str(100 + number), cluster=CLUSTER, metric=metric,
                    value=1_000.0 * at.timestamp(), at=at.timestamp(),
                )  # fmt: skip


def attempt(at: datetime) -> Attempt:
    """The attempt that brought a snapshot of the fleet."""
    return Attempt(
        source=SOURCE, kind="proxmox", started_at=at, finished_at=at + timedelta(seconds=20),
        zone=ZONE,
    )  # fmt: skip


def _host(number: int) -> str:
    return f"host{number + 1:03d}"


def _shared(number: int) -> str:
    return f"san{number + 1:02d}"


def _local(host: int) -> str:
    return f"{_host(host)}/local"
