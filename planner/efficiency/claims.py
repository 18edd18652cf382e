"""What could be given back, each byte and core in one class only (glossary 16).

The classes in their order: powered off, idle, old snapshot, orphan, oversized. What a class claims
of a guest is no longer there for the next one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from inventory.facts import Fact
from inventory.platform_records import Volume
from inventory.records import Backup, Disk, GuestSnapshot
from planner.efficiency.sizing import Sizing
from planner.efficiency.use import Idleness
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.policy import Model, ReclaimRules, Resource
from planner.twins import GuestKey

ReclaimClass = Literal["powered_off", "idle", "old_snapshot", "orphan", "oversized"]
CLASSES: tuple[ReclaimClass, ...] = (
    "powered_off",
    "idle",
    "old_snapshot",
    "orphan",
    "oversized",
)


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes on one datastore: what they take there, what they were promised; None: not known."""

    datastore_id: str | None
    used_bytes: float | None
    promised_bytes: float | None

    @property
    def at_most_bytes(self) -> float | None:
        """What they take, else what they were promised, which is at least as much."""
        return self.used_bytes if self.used_bytes is not None else self.promised_bytes or None


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that could be given back, and why."""

    key: str  # the same as long as it is the same thing
    reclaim_class: ReclaimClass
    source: str
    cluster: str
    subject: str
    why: str
    guest: GuestKey | None = None
    agency: str | None = None
    owner: str | None = None
    since_days: int | None = None
    stored: tuple[Stored, ...] = ()
    vcpus: float | None = 0.0  # None, as below: not known
    memory_bytes: float | None = 0.0
    memory_used_bytes: float | None = 0.0  # of which the hosts' memory would feel

    @property
    def storage_bytes(self) -> float | None:
        """On disk, at most; None when a part is not known."""
        return _total(part.at_most_bytes for part in self.stored)

    @property
    def is_measured(self) -> bool:
        """Whether the bytes on disk are known, rather than only what was promised."""
        return all(part.used_bytes is not None for part in self.stored)

    def frees(self, resource: Resource, model: Model, place: str | None = None) -> float | None:
        """What it would free of a resource in a model, on one datastore for storage.

        Cores are freed of the allocation only: fewer vCPUs never free physical CPU.
        """
        if resource == "cpu":
            return self.vcpus if model == "allocation" else 0.0
        if resource == "memory":
            return self.memory_bytes if model == "allocation" else self.memory_used_bytes
        here = [part for part in self.stored if part.datastore_id == place]
        return _total(p.used_bytes if model == "demand" else p.promised_bytes for p in here)


@dataclass(frozen=True, slots=True)
class Unjudged:
    """What could not be judged: unknown, not "nothing to give back"."""

    reclaim_class: ReclaimClass
    cluster: str
    subject: str
    reason: str
    guest: GuestKey | None = None


def _total(amounts: Iterable[float | None]) -> float | None:
    known = list(amounts)
    return None if any(amount is None for amount in known) else float(sum(a or 0.0 for a in known))


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges guests and what no guest refers to."""

    estate: Estate
    rules: ReclaimRules
    unused: Mapping[GuestKey, tuple[Fact[Disk], ...]]  # disks that a definition only still lists

    @classmethod
    def of(cls, estate: Estate) -> Judge:
        unused: dict[GuestKey, list[Fact[Disk]]] = defaultdict(list)
        for fact in estate.facts.of(Disk):
            if fact.record.purpose == "unused":
                unused[fact.record.cluster, fact.record.guest_id].append(fact)
        return cls(
            estate, estate.policy.reclaim, {key: tuple(facts) for key, facts in unused.items()}
        )

    def of_guest(
        self,
        view: GuestView,
        off_since: datetime | None,
        idle: Idleness | None,
        sizing: Sizing | None,
    ) -> Iterator[Claim | Unjudged]:
        """The claims on one guest that is no template, in the order of the classes.

        ``off_since`` is None for one that is not powered off, ``idle`` and ``sizing`` for one that
        does not run.
        """
        if view.guest.power is None:
            yield self._unjudged(view, "powered_off", "its power state is not known")
            return
        days_off = None if off_since is None else (self.estate.at - off_since).days
        if days_off is not None and days_off >= self.rules.powered_off_days:
            yield self._powered_off(view, days_off)
            return
        if idle is not None and idle.verdict == "unknown":
            yield self._unjudged(view, "idle", idle.why)
        if idle is not None and idle.verdict == "idle":
            yield self._idle(view, idle, sizing)
        yield from self._old_snapshots(view)
        yield from self._unused_disks(view)
        if sizing is not None and (idle is None or idle.verdict != "idle"):
            yield from self._oversized(view, sizing)

    def _powered_off(self, view: GuestView, days: int) -> Claim | Unjudged:
        """Its storage, snapshots on it included: it holds neither cores nor memory."""
        disks = self.estate.disks_of(view.guest)
        gap = self.estate.gap(view.fact.source, Disk.kind_name, view.guest.scope)
        if not disks and gap is not None:
            return self._unjudged(view, "powered_off", f"its disks: {gap.reason}")
        return self._claim(
            view,
            "powered_off",
            f"off for {days} days",
            since_days=days,
            stored=tuple(_stored(disk) for disk in disks),
        )

    def _idle(self, view: GuestView, idle: Idleness, sizing: Sizing | None) -> Claim:
        """Its cores and memory; its disks hold data that no one has judged."""
        memory = view.guest.memory_bytes
        return self._claim(
            view,
            "idle",
            idle.why,
            since_days=self.rules.idle_days,
            vcpus=view.guest.vcpus,
            memory_bytes=None if memory is None else float(memory),
            memory_used_bytes=sizing.memory.used if sizing else None,
        )

    def _old_snapshots(self, view: GuestView) -> Iterator[Claim | Unjudged]:
        found = self.estate.snapshots_of(view.guest)
        gap = self.estate.gap(view.fact.source, GuestSnapshot.kind_name, view.guest.scope)
        if not found and gap is not None:
            yield self._unjudged(view, "old_snapshot", f"its snapshots: {gap.reason}")
        places = {disk.datastore_id for disk in self.estate.disks_of(view.guest)}
        place = places.pop() if len(places) == 1 else None
        for snapshot in sorted(found, key=lambda s: s.name):
            if snapshot.created_at is None:
                yield self._unjudged(view, "old_snapshot", f"the age of {snapshot.name}")
                continue
            age = (self.estate.at - snapshot.created_at).days
            if age >= self.rules.snapshot_days:
                size = None if snapshot.bytes is None else float(snapshot.bytes)
                yield self._claim(
                    view,
                    "old_snapshot",
                    f"snapshot {snapshot.name} is {age} days old",
                    part=snapshot.name,
                    since_days=age,
                    stored=(Stored(place, size, 0.0),),
                )

    def _unused_disks(self, view: GuestView) -> Iterator[Claim]:
        """Disks that are attached to nothing."""
        for fact in self.unused.get(view.key, ()):
            days = (fact.confirmed_at - fact.valid_from).days
            if days >= self.rules.orphan_days:
                yield self._claim(
                    view,
                    "orphan",
                    f"disk {fact.record.disk_id} is attached to nothing, seen so for {days} days",
                    part=fact.record.disk_id,
                    since_days=days,
                    stored=(_stored(fact.record),),
                )

    def _oversized(self, view: GuestView, sizing: Sizing) -> Iterator[Claim | Unjudged]:
        for what, size in (("vCPUs", sizing.cpu), ("memory", sizing.memory)):
            if size.fits == "unknown":
                yield self._unjudged(view, "oversized", f"{what}: {size.why}")
        if sizing.cpu.saves or sizing.memory.saves:
            parts = [size.why for size in (sizing.cpu, sizing.memory) if size.saves]
            yield self._claim(
                view,
                "oversized",
                "; ".join(parts),
                vcpus=sizing.cpu.saves,
                memory_bytes=sizing.memory.saves,
            )

    def _claim(
        self, view: GuestView, reclaim_class: ReclaimClass, why: str, *, part: str = "", **more: Any
    ) -> Claim:
        cluster, guest_id = view.key
        tail = f"/{part}" if part else ""
        return Claim(
            key=f"{reclaim_class}/{cluster}/{guest_id}{tail}",
            reclaim_class=reclaim_class,
            source=view.fact.source,
            cluster=cluster,
            subject=view.label,
            why=why,
            guest=view.key,
            agency=view.agency,
            owner=view.agency_contact,
            **more,
        )

    def _unjudged(self, view: GuestView, reclaim_class: ReclaimClass, reason: str) -> Unjudged:
        return Unjudged(reclaim_class, view.guest.cluster, view.label, reason, view.key)

    def orphans(self) -> Iterator[Claim | Unjudged]:
        """Volumes that no guest refers to, and the backups of guests that are long gone."""
        for fact in self.estate.facts.of(Volume):
            days = (fact.confirmed_at - fact.valid_from).days
            if days >= self.rules.orphan_days:
                yield _orphan_volume(fact, days)
        for source in self.estate.sources:
            gap = self.estate.gap(source.state.name, Volume.kind_name)
            if gap is not None:
                where, reason = source.state.cluster or "", f"volumes without a guest: {gap.reason}"
                yield Unjudged("orphan", where, f"source {source.state.name}", reason)
        yield from self._orphan_backups()

    def _orphan_backups(self) -> Iterator[Claim]:
        gone: dict[GuestKey, list[Fact[Backup]]] = defaultdict(list)
        for fact in self.estate.facts.of(Backup):
            key = (fact.record.cluster, fact.record.guest_id)
            if key not in self.estate.guest_of:
                gone[key].append(fact)
        for (cluster, guest_id), facts in sorted(gone.items()):
            made = [fact.record.created_at for fact in facts]
            dated = [at for at in made if at is not None]
            if len(dated) < len(made) or any(fact.record.protected for fact in facts):
                continue
            age = (self.estate.at - max(dated)).days
            if age >= self.rules.orphan_backup_days:
                yield _orphan_backup(cluster, guest_id, facts, age)


def _stored(disk: Disk) -> Stored:
    used, promised = disk.allocated_bytes, disk.capacity_bytes
    return Stored(
        disk.datastore_id,
        None if used is None else float(used),
        None if promised is None else float(promised),
    )


def stored_of(estate: Estate, view: GuestView) -> float | None:
    """Bytes that a guest's disks take, at most; None when one of them is not known."""
    return _total(_stored(disk).at_most_bytes for disk in estate.disks_of(view.guest))


def _orphan_volume(fact: Fact[Volume], days: int) -> Claim:
    volume = fact.record
    used, promised = volume.allocated_bytes, volume.capacity_bytes
    stored = Stored(
        volume.datastore_id,
        None if used is None else float(used),
        None if promised is None else float(promised),
    )
    return Claim(
        key=f"orphan/{volume.cluster}/{volume.volume_id}",
        reclaim_class="orphan",
        source=fact.source,
        cluster=volume.cluster,
        subject=f"volume {volume.volume_id}",
        why=f"no guest refers to it, seen so for {days} days",
        since_days=days,
        stored=(stored,),
    )


def _orphan_backup(cluster: str, guest_id: str, facts: list[Fact[Backup]], age: int) -> Claim:
    backups = [fact.record for fact in facts]
    return Claim(
        key=f"orphan/{cluster}/backups of {guest_id}",
        reclaim_class="orphan",
        source=facts[0].source,
        cluster=cluster,
        subject=f"backups of {guest_id}",
        why=f"{len(backups)} backups of a guest that is gone, the newest {age} days old",
        since_days=age,
        stored=tuple(
            Stored(b.datastore_id, None if b.bytes is None else float(b.bytes), 0.0)
            for b in backups
        ),
    )
