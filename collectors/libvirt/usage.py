"""Usage of the host, its guests and datastores: gauges, and counters that become rates.

Counters belong to one QEMU process: their series carries the host's and the guest's UUID and the
domain id, which is another one after every start and migration. Nothing the test driver says is
usage: it makes its figures up from the clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from collectors.libvirt.domains import Domain
from collectors.libvirt.values import attribute, size_bytes
from collectors.untrusted import mapping, number, whole
from inventory.records import Counter, Datastore, Disk, EntityKind, Host, Usage

_KIB = 1024
_NANOSECONDS = 1e-9
_IDLE = ("idle", "iowait")
_BUSY = ("kernel", "user", "intr")
_SLACK = 1.05  # clocks are read a little before or after the counters
_STALE_SECONDS = 900  # a balloon's report older than this is no figure of now
_BYTES = {
    ("net", "rx.bytes"): "net_in_bytes_per_second",
    ("net", "tx.bytes"): "net_out_bytes_per_second",
    ("block", "rd.bytes"): "disk_read_bytes_per_second",
    ("block", "wr.bytes"): "disk_write_bytes_per_second",
}


@dataclass(frozen=True, slots=True)
class Meter:
    """Makes the samples and counters of one poll of one host."""

    host: Host
    taken_at: datetime
    period_seconds: int

    def sample(
        self, entity: EntityKind, entity_id: str, **metrics: float | None
    ) -> Iterator[Usage]:
        """A sample, unless nothing in it is known."""
        if any(value is not None for value in metrics.values()):
            yield Usage(
                entity=entity,
                entity_id=entity_id,
                cluster=self.host.cluster,
                taken_at=self.taken_at,
                period_seconds=self.period_seconds,
                **metrics,
            )

    def host_usage(self, memory: Any, domains: list[Domain]) -> Iterator[Usage]:
        used = _used_memory(mapping(memory), domains)
        yield from self.sample("host", self.host.host_id, memory_used_bytes=used)

    def guest_usage(self, domain: Domain, disks: Sequence[Disk], at: float) -> Iterator[Usage]:
        """What a guest uses, as far as all its disks tell what they take."""
        yield from self.sample(
            "guest",
            domain.uuid,
            memory_used_bytes=_guest_memory(domain, at),
            storage_used_bytes=_stored(disks),
        )

    def datastore_usage(self, store: Datastore) -> Iterator[Usage]:
        used = None if store.used_bytes is None else float(store.used_bytes)
        yield from self.sample("datastore", store.datastore_id, storage_used_bytes=used)

    def host_counters(self, cpu: Any, at: float) -> Iterator[Counter]:
        """Busy processor time, scaled from threads to physical cores."""
        busy, started = _busy(cpu), self.host_started(cpu, at)
        threads, cores = self.host.cpu_threads, self.host.cpu_cores
        if busy is None or not threads or not cores:
            return
        yield Counter(
            series=f"{self.host.host_id}/cpu",
            entity="host",
            entity_id=self.host.host_id,
            cluster=self.host.cluster,
            metric="cpu_used_cores",
            value=busy,
            at=at,
            scale=_NANOSECONDS * cores / threads,
            born_at=started,
            limit=_SLACK * cores,
        )

    def host_started(self, cpu: Any, at: float) -> float | None:
        """When the host booted: its processors have been busy or idle ever since."""
        times = [number(mapping(cpu).get(name)) for name in (*_BUSY, *_IDLE)]
        counted = sum(time for time in times if time is not None)
        threads = self.host.cpu_threads
        return at - counted * _NANOSECONDS / threads if counted and threads else None

    def guest_counters(self, domain: Domain, at: float, started: float | None) -> Iterator[Counter]:
        """The counters of a guest's QEMU process; one that is shut off has none.

        No process is older than its host's boot, which ``started`` tells: after it, domain ids
        begin again at 1.
        """
        if not domain.is_active:
            return
        series = f"{self.host.host_id}/{domain.uuid}/{domain.domain_id}"
        for name, metric, value, scale, limit in self._readings(domain):
            yield Counter(
                series=f"{series}/{name}",
                entity="guest",
                entity_id=domain.uuid,
                cluster=self.host.cluster,
                metric=metric,
                value=value,
                at=at,
                scale=scale,
                born_at=started,
                limit=limit,
            )

    def _readings(self, domain: Domain) -> Iterator[tuple[str, str, float, float, float | None]]:
        """(name within the series, metric, value, scale, limit) of each counter that is told."""
        times = _vcpu_times(domain)
        total = number(domain.statistics.get("cpu.time"))
        if times:
            yield "vcpu", "cpu_used_cores", sum(times), _NANOSECONDS, _SLACK * len(times)
        elif total is not None and self.host.cpu_threads:
            limit = _SLACK * self.host.cpu_threads
            yield "cpu", "cpu_used_cores", total, _NANOSECONDS, limit
        for (group, field), metric in _BYTES.items():
            name, value = _summed(domain, group, field)
            if value is not None:
                yield name, metric, value, 1.0, None


def _stored(disks: Sequence[Disk]) -> float | None:
    """What a guest's disks take; None where one of them, or where it lies, does not tell."""
    taken = [disk.allocated_bytes for disk in disks if disk.datastore_id is not None]
    known = [size for size in taken if size is not None]
    return float(sum(known)) if known and len(known) == len(disks) else None


def _busy(cpu: Any) -> float | None:
    """Nanoseconds that the host's processors have worked."""
    times = [number(mapping(cpu).get(name)) for name in _BUSY]
    known = [time for time in times if time is not None]
    return sum(known) if len(known) >= 2 else None


def _used_memory(memory: Mapping[str, Any], domains: list[Domain]) -> float | None:
    """What the host uses beside its cache.

    Memory that guests share with other processes counts as cache, and cannot be reclaimed.
    """
    total, free, buffers, cached = (
        number(memory.get(name)) for name in ("total", "free", "buffers", "cached")
    )
    if total is None or free is None or buffers is None or cached is None:
        return None
    shared = sum(_shared_memory(domain) for domain in domains)
    return _KIB * max(0.0, min(total, total - free - buffers - cached + shared))


def _shared_memory(domain: Domain) -> float:
    """KiB of a guest's memory that its host counts as cache."""
    backing = None if domain.xml is None else domain.xml.find("memoryBacking")
    if not domain.is_active or backing is None or backing.find("hugepages") is not None:
        return 0.0
    kind = attribute(backing, "source", "type")
    if kind not in ("memfd", "file") and attribute(backing, "access", "mode") != "shared":
        return 0.0
    resident = number(domain.statistics.get("balloon.rss"))
    maximum = size_bytes(domain.xml, "memory", "KiB")
    return 0.0 if resident is None or maximum is None else min(resident, maximum / _KIB)


def _guest_memory(domain: Domain, at: float) -> float | None:
    """What a guest uses beside its cache, by its own account; None when that is old or absent."""
    told = whole(domain.statistics.get("balloon.last-update"))
    if not domain.is_active or not told or at - told > _STALE_SECONDS:
        return None
    available, usable = (
        number(domain.statistics.get(f"balloon.{name}")) for name in ("available", "usable")
    )
    if available is None or usable is None or usable > available:
        return None
    return _KIB * (available - usable)


def _vcpu_times(domain: Domain) -> list[float]:
    """Nanoseconds of each virtual processor; none unless all of them are told.

    They leave out what QEMU itself needs, which a guest cannot be sized by.
    """
    times = [number(vcpu.get("time")) for vcpu in domain.numbered("vcpu")]
    known = [time for time in times if time is not None]
    current = whole(domain.statistics.get("vcpu.current"))
    return known if known and len(known) == len(times) == current else []


def _summed(domain: Domain, group: str, field: str) -> tuple[str, float | None]:
    """A series that names the devices, and the sum of a counter over them.

    With another set of devices it is another series. None unless every interface tells; drives
    that are empty tell nothing.
    """
    told = {
        str(entry.get("name")): value
        for entry in domain.numbered(group)
        if (value := number(entry.get(field))) is not None
    }
    expected = len(domain.interfaces) if group == "net" else len(domain.drives)
    complete = bool(told) and len(told) >= expected
    return f"{group}/{','.join(sorted(told))}", sum(told.values()) if complete else None
