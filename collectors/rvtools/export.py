"""One RVTools workbook as facts: hosts, guests, disks, interfaces, datastores, snapshots.

A workbook shows one vCenter at one moment (or several that were merged). What a missing sheet
would have told is a gap, never a guess.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal
from zoneinfo import ZoneInfo

from collectors.rvtools.dates import aware, taken_at
from collectors.rvtools.places import Clusters, GuestIndex, server_of
from collectors.rvtools.sheets import SHEETS, Cell, Row, lower, rows, unused, word
from collectors.rvtools.stores import Stores
from inventory.platform_records import GuestFilesystem
from inventory.records import (
    POWERED_ON,
    Coverage,
    Datastore,
    Disk,
    Effort,
    Guest,
    GuestSnapshot,
    Host,
    Nic,
    Power,
    Record,
    Snapshot,
    Usage,
)

PLATFORM = "vmware"
READING_SECONDS = 300  # a workbook shows how things stood; like a poll, it stands for so long
_POWER: dict[str, Power] = {
    "poweredon": "running",
    "poweredoff": "stopped",
    "suspended": "stopped",  # its memory is in a file: it takes none of the host's
}
_TOOLS = {"toolsok": True, "toolsold": True, "toolsnotrunning": True, "toolsnotinstalled": False}
_FIRMWARE: dict[str, Literal["bios", "uefi"]] = {"bios": "bios", "efi": "uefi", "uefi": "uefi"}
_SHARED = {"sharingnone": False, "nosharing": False, "sharingmultiwriter": True,
           "virtualsharing": True, "physicalsharing": True}  # fmt: skip
_TELLS = {
    "vHost": "host",
    "vInfo": "guest",
    "vDisk": "disk",
    "vNetwork": "nic",
    "vPartition": "filesystem",
    "vDatastore": "datastore",
    "vSnapshot": "guest_snapshot",
    "vTools": "guest_tools",
    "vUSB": "guest_passthrough",
    "vCPU": "guest_usage",
    "vCluster": "cluster_size",
}
_FACTS = frozenset(
    kind.kind_name for kind in (Host, Guest, Disk, Nic, GuestFilesystem, Datastore, GuestSnapshot)
)
_LOST = frozenset({"disconnected", "inaccessible", "invalid", "orphaned"})

Tables = Mapping[str, Sequence[Sequence[Cell]]]


@dataclass(frozen=True, slots=True)
class Export:
    """What one workbook says, and of which vCenters."""

    file: str
    servers: tuple[str, ...]
    snapshot: Snapshot

    @property
    def taken_at(self) -> datetime:
        return self.snapshot.taken_at

    @property
    def used(self) -> dict[tuple[str, str], int]:
        """The bytes used of each datastore, by cluster and id."""
        return {
            (store.cluster, store.datastore_id): store.used_bytes
            for store in self.snapshot.of(Datastore)
            if store.used_bytes is not None
        }


def read_export(
    file: str,
    tables: Tables,
    *,
    source: str,
    zone: ZoneInfo,
    modified_at: float,
    cluster: str | None = None,
    size_bytes: int = 0,
) -> Export:
    """The facts in a workbook. Raises BadAnswer for the first cell that cannot be read.

    ``zone`` is where RVTools ran: the times in a workbook carry none.
    """
    when = taken_at(file, _rows(file, tables, "vMetaData"), modified_at, zone)
    book = _Workbook(file, tables, source, zone, cluster, when)
    return Export(file, book.servers, book.snapshot(size_bytes))


def _rows(file: str, tables: Tables, sheet: str) -> tuple[Row, ...]:
    return tuple(rows(file, sheet, tables[sheet])) if sheet in tables else ()


@dataclass
class _Workbook:
    """One workbook while it is read."""

    file: str
    tables: Tables
    source: str
    zone: ZoneInfo
    configured: str | None
    when: datetime
    gaps: list[Coverage] = field(default_factory=list)

    def snapshot(self, size_bytes: int) -> Snapshot:
        hosts = list(self._hosts())
        guests = list(self._guests())
        stores = list(self.stores.records())
        facts: list[Record] = [*hosts, *guests, *stores, *self._disks(), *self._nics()]
        facts += [*self._filesystems(), *self._snapshots()]
        usage = [*self._host_usage(hosts), *self._guest_usage(guests), *self._store_usage(stores)]
        return Snapshot(
            source=self.source,
            taken_at=self.when,
            facts=tuple(facts),
            usage=tuple(usage),
            coverage=tuple(self._coverage()),
            platform=PLATFORM,
            guests_reported=self._reported(),
            effort=Effort(bytes=size_bytes),
        )

    @cached_property
    def sheets(self) -> Mapping[str, tuple[Row, ...]]:
        return {sheet: _rows(self.file, self.tables, sheet) for sheet in SHEETS}

    @cached_property
    def servers(self) -> tuple[str, ...]:
        both = (*self.sheets["vInfo"], *self.sheets["vHost"])
        return tuple(sorted({name for row in both if (name := server_of(row))}))

    @cached_property
    def clusters(self) -> Clusters:
        return Clusters.of(self.sheets["vHost"], self.sheets["vInfo"], self.configured)

    @cached_property
    def index(self) -> GuestIndex:
        index, seen = GuestIndex(qualify=len(self.servers) > 1), dict[str, int]()
        for row in self.sheets["vInfo"]:
            guest_id = index.id_of(row)
            if (first := seen.setdefault(guest_id, row.number)) != row.number:
                raise row.fault("VM ID", f"{guest_id!r} stands already in row {first}")
            index.add(row, guest_id)
        return index

    @cached_property
    def guest_clusters(self) -> Mapping[str, str]:
        return {
            self.index.id_of(row): self.clusters.of_guest(row, self.source)
            for row in self.sheets["vInfo"]
        }

    @cached_property
    def stores(self) -> Stores:
        return Stores(
            self.sheets["vDatastore"], self.sheets["vDisk"], self.clusters, self._home, self.source
        )

    def _home(self, row: Row) -> str | None:
        """The cluster of the guest that a row is about."""
        guest_id = self.index.find(row)
        return None if guest_id is None else self.guest_clusters[guest_id]

    def _of_guests(self, sheet: str) -> Iterator[tuple[str, str, Row]]:
        """The rows of a sheet with the id and cluster of the guest that each is about."""
        strangers: list[Row] = []
        for row in self.sheets[sheet]:
            guest_id = self.index.find(row)
            if guest_id is None:
                strangers.append(row)
            else:
                yield guest_id, self.guest_clusters[guest_id], row
        for row in strangers:  # it came or went while RVTools was reading
            reason = f"{sheet} row {row.number} is of {row['VM']!r}, which vInfo does not list once"
            kind = _TELLS.get(sheet, "guest")
            self.gaps.append(Coverage(f"guest/{row['VM']}", kind, "partial", reason))

    # Facts

    def _hosts(self) -> Iterator[Host]:
        seen: dict[str, int] = {}
        for row in self.sheets["vHost"]:
            name = row["Host"]
            if (first := seen.setdefault(name, row.number)) != row.number:
                raise row.fault("Host", f"{name!r} stands already in row {first}")
            cores = _cores(row)
            maintenance = row["in Maintenance Mode"]
            threads = {True: 2, False: 1}.get(row["HT Active"])
            yield Host(
                host_id=name,
                name=name,
                cluster=self.clusters.hosts[name],
                status=None
                if maintenance is None
                else ("maintenance" if maintenance else "in_service"),
                cpu_cores=cores,
                cpu_threads=int(cores * threads) if cores and threads else None,
                cpu_sockets=row["# CPU"],
                memory_bytes=row["# Memory"],
                cpu_mhz=row["Speed"],
                cpu_model=row["CPU Model"],
                platform=PLATFORM,
                version=row["ESX Version"],
                booted_at=aware(row["Boot time"], self.zone) if row["Boot time"] else None,
            )

    def _guests(self) -> Iterator[Guest]:
        tools = {g: _TOOLS.get(word(row["Tools"])) for g, _c, row in self._of_guests("vTools")}
        memory = {g: row["Size MiB"] for g, _c, row in self._of_guests("vMemory")}
        handed = self._passthrough()
        for row in self.sheets["vInfo"]:
            guest_id = self.index.id_of(row)
            if word(row["Connection state"]) in _LOST:
                reason = f"vCenter has lost it: {row['Connection state']}"
                self.gaps.append(Coverage(f"guest/{guest_id}", "guest", "partial", reason))
            told = row["OS according to the VMware Tools"]
            configured = row["OS according to the configuration file"]
            yield Guest(
                guest_id=guest_id,
                name=row["VM"],
                cluster=self.guest_clusters[guest_id],
                host_id=row["Host"],
                kind="vm",
                power=_POWER.get(word(row["Powerstate"])),
                vcpus=row["CPUs"],
                memory_bytes=memory.get(guest_id) if row["Memory"] is None else row["Memory"],
                template=row["Template"],
                os=told or configured,
                os_source="agent" if told else ("configuration" if configured else None),
                uuid=row["SMBIOS UUID"],
                resource_pool=row["Resource pool"],
                firmware=_FIRMWARE.get(word(row["Firmware"])),
                secure_boot=row["EFI Secure boot"],
                agent=tools.get(guest_id),
                passthrough=handed.get(guest_id),
            )

    def _passthrough(self) -> Mapping[str, tuple[str, ...]]:
        """Devices handed through. PCI cards and vGPUs are in no sheet: none found is not known."""
        found: dict[str, set[str]] = defaultdict(set)
        for guest_id, _cluster, row in self._of_guests("vUSB"):
            found[guest_id].add(f"usb {row['Device Type'] or row['Device Node'] or ''}".strip())
        for guest_id, _cluster, row in self._of_guests("vNetwork"):
            if row["Direct Path IO"] or "sriov" in word(row["Adapter"]).replace("-", ""):
                found[guest_id].add(f"network {row['NIC label'] or row['Adapter'] or ''}".strip())
        return {guest_id: tuple(sorted(devices)) for guest_id, devices in found.items()}

    def _disks(self) -> Iterator[Disk]:
        ids: set[str] = set()
        for guest_id, cluster, row in self._of_guests("vDisk"):
            label = row["Disk"] or row["Disk Key"] or row["Path"]
            raw = row["Raw"]
            disk_id = unused(ids, row, "Disk", f"{guest_id}/{label}", row["Path"])
            yield Disk(
                disk_id=disk_id,
                guest_id=guest_id,
                cluster=cluster,
                slot=label,
                purpose="data",
                # A raw device lies on no datastore: only the pointer to it does.
                datastore_id=None if raw else self.stores.id_of(row),
                capacity_bytes=row["Capacity MiB"],
                allocated_bytes=row["Capacity MiB"] if row["Thin"] is False and not raw else None,
                backup=False if word(row["Disk Mode"]).startswith("independent") else None,
                volume=row["Path"],
                format="vmdk",
                host_device=None if raw is None else (_raw_device(row) if raw else ""),
                shareable=_shareable(row),
            )

    def _nics(self) -> Iterator[Nic]:
        ids: set[str] = set()
        for guest_id, cluster, row in self._of_guests("vNetwork"):
            label = row["NIC label"] or row["Mac Address"]
            # Of a guest that is off the present state says nothing: how it will start does.
            told = [t for t in (row["Connected"], row["Starts Connected"]) if t is not None]
            yield Nic(
                nic_id=unused(ids, row, "NIC label", f"{guest_id}/{label}", row["Mac Address"]),
                guest_id=guest_id,
                cluster=cluster,
                network=row["Network"],
                mac=lower(row["Mac Address"]),
                model=row["Adapter"],
                link_down=not any(told) if told else None,
            )

    def _filesystems(self) -> Iterator[GuestFilesystem]:
        """What VMware Tools tell; of a mount that a guest lists twice the first."""
        seen: set[tuple[str, str]] = set()
        for guest_id, cluster, row in self._of_guests("vPartition"):
            mount = row["Disk"]
            if not mount or (guest_id, mount) in seen:
                continue
            seen.add((guest_id, mount))
            yield GuestFilesystem(
                guest_id=guest_id,
                mount=mount,
                cluster=cluster,
                capacity_bytes=row["Capacity MiB"],
                used_bytes=_consumed(row),
            )

    def _snapshots(self) -> Iterator[GuestSnapshot]:
        ids: set[str] = set()
        for guest_id, cluster, row in self._of_guests("vSnapshot"):
            created = aware(row["Date / time"], self.zone) if row["Date / time"] else None
            subject = unused(ids, row, "Name", f"{guest_id}/{row['Name']}", created)
            yield GuestSnapshot(
                guest_id=guest_id,
                cluster=cluster,
                name=subject.removeprefix(f"{guest_id}/"),
                created_at=created,
                bytes=row["Size MiB (total)"],
            )

    # Usage

    def _usage(self, fact: Record, **levels: Any) -> Iterator[Usage]:
        if any(level is not None for level in levels.values()):
            yield Usage(
                taken_at=self.when,
                period_seconds=READING_SECONDS,
                entity=fact.kind_name,  # type: ignore[arg-type]  # a host, guest or datastore
                entity_id=fact.subject,
                cluster=fact.cluster,  # type: ignore[attr-defined]
                **levels,
            )

    def _host_usage(self, hosts: Iterable[Host]) -> Iterator[Usage]:
        for host, row in zip(hosts, self.sheets["vHost"], strict=True):
            yield from self._usage(
                host,
                cpu_used_cores=_share(row["CPU usage %"], host.cpu_cores),
                memory_used_bytes=_share(row["Memory usage %"], host.memory_bytes),
            )

    def _guest_usage(self, guests: Iterable[Guest]) -> Iterator[Usage]:
        mhz = {row["Host"]: row["Speed"] for row in self.sheets["vHost"]}
        busy = {g: row["Overall"] for g, _c, row in self._of_guests("vCPU")}
        for guest, row in zip(guests, self.sheets["vInfo"], strict=True):
            speed, used = mhz.get(guest.host_id or ""), busy.get(guest.guest_id)
            on = guest.power in POWERED_ON
            yield from self._usage(
                guest,
                cpu_used_cores=used / speed if on and speed and used is not None else None,
                storage_used_bytes=row["In Use MiB"],
            )

    def _store_usage(self, stores: Iterable[Datastore]) -> Iterator[Usage]:
        for store in stores:
            yield from self._usage(store, storage_used_bytes=store.used_bytes)

    # What was seen

    def _reported(self) -> int | None:
        """The guests that the hosts count themselves."""
        counts = [row["# VMs total"] for row in self.sheets["vHost"]]
        return None if not counts or None in counts else sum(counts)

    def _coverage(self) -> Iterator[Coverage]:
        short = list(self._short_clusters())
        for sheet, kind in _TELLS.items():
            if sheet not in self.tables:
                yield Coverage("", kind, "hidden", f"the workbook has no sheet {sheet}")
            elif sheet == "vHost" and short:
                yield Coverage("", kind, "partial", "; ".join(short))
            elif kind in _FACTS:
                yield Coverage("", kind, "complete")
        if "SMBIOS UUID" not in _columns(self.sheets["vInfo"]):
            reason = "vInfo has no column SMBIOS UUID: a twin elsewhere can only be declared"
            yield Coverage("", "guest_uuid", "hidden", reason, "export with a newer RVTools")
        gaps = (*self.gaps, *self.stores.gaps())
        yield from {(gap.scope, gap.kind): gap for gap in gaps}.values()

    def _short_clusters(self) -> Iterator[str]:
        """Clusters that have more hosts than vHost lists."""
        seen = Tally(row["Cluster"] for row in self.sheets["vHost"])
        stated: Tally[str] = Tally()
        for row in self.sheets["vCluster"]:
            stated[row["Name"]] += row["NumHosts"] or 0
        for name in sorted(stated):
            if stated[name] > seen[name]:
                yield f"cluster {name} has {stated[name]} hosts, vHost lists {seen[name]}"


def _columns(found: Sequence[Row]) -> frozenset[str]:
    return frozenset(found[0].values) if found else frozenset({"SMBIOS UUID"})


def _cores(row: Row) -> float | None:
    """Physical cores of all sockets."""
    if row["# CPU"] is not None and row["Cores per CPU"] is not None:
        return float(row["# CPU"] * row["Cores per CPU"])
    return None if row["# Cores"] is None else float(row["# Cores"])


def _share(percent: float | None, whole: float | None) -> float | None:
    return None if percent is None or whole is None else percent / 100 * whole


def _consumed(row: Row) -> int | None:
    """The bytes in use: as told, else what is not free; more than there is room is not known."""
    size, used, free = (row[f"{what} MiB"] for what in ("Capacity", "Consumed", "Free"))
    if used is None and None not in (size, free):
        used = size - free
    return used if used is not None and 0 <= used <= (used if size is None else size) else None


def _raw_device(row: Row) -> str:
    named = " ".join(part for part in (row["Raw Comp. Mode"], row["Raw LUN ID"]) if part)
    return named or "raw device"


def _shareable(row: Row) -> bool | None:
    """Whether others may write to the disk: by its own mode, or by the bus it hangs on."""
    modes = [_SHARED.get(word(row["Sharing mode"])), _SHARED.get(word(row["Shared Bus"]))]
    return True if True in modes else (False if False in modes else None)
