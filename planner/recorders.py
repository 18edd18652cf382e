"""What keeps camera recordings, and whether it keeps them as long as is required (glossary 20).

A recorder is full by design: its fill says nothing, how far back it reaches says all. What was
measured (the oldest recording on it) wins over what its size lets expect; a check that is older
than 30 days is not known any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from inventory.facts import Fact
from inventory.platform_records import Recorder
from inventory.records import Datastore
from planner.camera_entries import CameraGroup, Overheads
from planner.cameras import (
    Stream,
    Stretch,
    cameras_possible,
    kept_bytes,
    mean_mbps,
    net_bytes,
    raw_bytes,
    retention_days,
    table_mbps,
    uplink_cameras,
    usable_bytes,
)
from planner.estate import Estate
from planner.keys import told_apart
from planner.numbers import exceeds, floor
from planner.saying import Said, Text

CHECK_DAYS = 30  # how long a check counts
_AHEAD_DAYS = 1  # how far a check may lie ahead of the clock before it is taken for a slip
_DAY_SECONDS = 86_400

KeeperKind = Literal["recorder", "datastore", "group"]
Verdict = Literal["ok", "short", "unknown"]
Measure = Literal["measured", "computed", ""]
VERDICTS: tuple[Verdict, ...] = ("short", "unknown", "ok")  # the worst first


@dataclass(frozen=True, slots=True)
class Line:
    """An uplink, and what all cameras on it take."""

    name: str
    used_mbps: float
    mbps: float
    planned_ratio: float

    @property
    def planned_mbps(self) -> float:
        return self.mbps * self.planned_ratio

    @property
    def used_percent(self) -> float:
        """Of what is planned, not of the bandwidth."""
        return 100.0 * self.used_mbps / self.planned_mbps

    def more(self, camera_mbps: float) -> int:
        """How many more cameras it carries; negative: so many too many."""
        return floor((self.planned_mbps - self.used_mbps) / camera_mbps)

    def most(self, camera_mbps: float) -> int:
        return uplink_cameras(self.mbps, self.planned_ratio, camera_mbps)


@dataclass(frozen=True, slots=True)
class Keeper:
    """A recorder or datastore with the groups of cameras on it; or a group that names neither.

    ``stale`` says why what was seen of it does not count any more; "" when it does.
    """

    name: str
    kind: KeeperKind
    groups: tuple[CameraGroup, ...]
    streams: tuple[Stream, ...]
    overheads: Overheads
    overheads_assumed: bool
    at: datetime
    recorder: Fact[Recorder] | None = None
    store: Fact[Datastore] | None = None
    store_stale: bool = False
    line: Line | None = None
    dilution: float = 1.0  # what cameras that are only thought of leave of a measured retention
    called: str = ""  # its label, where nothing else has the same

    # What there is

    @property
    def label(self) -> str:
        record = self.recorder.record if self.recorder else None
        return record.name if record and record.name else self.name

    @property
    def site(self) -> str:
        stated = self.recorder.record.site if self.recorder else None
        return stated or ", ".join(dict.fromkeys(g.site for g in self.groups if g.site))

    @property
    def agency(self) -> str | None:
        return next((group.agency for group in self.groups if group.agency), None)

    @property
    def source(self) -> str | None:
        fact = self.recorder or self.store
        return fact.source if fact else None

    def answers_to(self, name: str) -> bool:
        """Whether a person may mean this one by ``name``."""
        names = {self.name, self.label, self.called, *(group.name for group in self.groups)}
        if self.recorder is not None:
            names.add(self.recorder.record.recorder_id)
        if self.store is not None:
            names |= {self.store.record.datastore_id, self.store.record.name}
        return name in names

    @property
    def cameras(self) -> int | None:
        """What is declared; where nothing is, what the recorder is set up for."""
        if self.streams:
            return sum(stream.count for stream in self.streams)
        return self.recorder.record.cameras if self.recorder else None

    @property
    def not_recording(self) -> int | None:
        """The cameras that the last check found silent; None where it counts no more."""
        record = self._checked
        if record is None or record.cameras is None or record.cameras_recording is None:
            return None
        return record.cameras - record.cameras_recording

    @property
    def disks_failed(self) -> int | None:
        return self._checked.disks_failed if self._checked else None

    @property
    def _checked(self) -> Recorder | None:
        """The recorder as its last check found it, while that counts."""
        return self.recorder.record if self.recorder and not self.check_fault else None

    @property
    def check_fault(self) -> Text:
        """Why the recorder's last check does not count; "" when it does, or it has none."""
        if self.recorder is None:
            return Text()
        checked = self.recorder.record.checked_at
        if checked is None:
            return Text(Said("never_checked"))
        age = _days(checked, self.at)
        if age < -_AHEAD_DAYS:
            return Text(Said("checked_ahead", {"on": checked.date()}))
        if exceeds(age, CHECK_DAYS):
            return Text(Said("checked_long_ago", {"age": floor(age), "after": CHECK_DAYS}))
        return Text()

    # What it keeps

    @property
    def net_bytes(self) -> float | None:
        """What it offers after RAID: as the recorder says, else as the datastore says."""
        stated = self.recorder.record.capacity_bytes if self.recorder else None
        if stated is None and self.store is not None and not self.store_stale:
            stated = self.store.record.capacity_bytes
        return None if stated is None else float(stated)

    @property
    def usable_bytes(self) -> float | None:
        """The recordings that it keeps when it is full."""
        net = self.net_bytes
        return None if net is None else usable_bytes(net, self.overheads)

    @property
    def daily_bytes(self) -> float | None:
        return sum(stream.daily_bytes for stream in self.streams) if self.streams else None

    @property
    def mbps(self) -> float | None:
        """What all its cameras send together."""
        return sum(s.count * s.mbps for s in self.streams) if self.streams else None

    @property
    def required_days(self) -> float | None:
        """The longest that is required of any of its groups."""
        return max((g.retention.days for g in self.groups if g.retention), default=None)

    @property
    def basis(self) -> str:
        """The rules behind the required days."""
        return "; ".join(dict.fromkeys(g.retention.basis for g in self.groups if g.retention))

    @property
    def planned_days(self) -> float | None:
        """What is required, else what the tiers are laid out for."""
        laid_out = (sum(tier.days for tier in group.tiers) for group in self.groups)
        return self.required_days or max(laid_out, default=None) or None

    @property
    def needed_bytes(self) -> float | None:
        """The net bytes for the required days."""
        if self.planned_days is None or not self.streams:
            return None
        return net_bytes(kept_bytes(self.streams, self.planned_days), self.overheads)

    @property
    def needed_raw_bytes(self) -> float | None:
        needed = self.needed_bytes
        return None if needed is None else raw_bytes(needed, self.overheads)

    @property
    def measured_days(self) -> float | None:
        """From the oldest recording to the check that saw it, while that check counts."""
        record = self._checked
        if record is None or record.oldest_recording_at is None or record.checked_at is None:
            return None
        return _days(record.oldest_recording_at, record.checked_at) * self.dilution

    @property
    def computed_days(self) -> float | None:
        usable = self.usable_bytes
        return None if usable is None else retention_days(usable, self.streams)

    @property
    def achieved(self) -> tuple[float | None, Measure]:
        """How far back it reaches and how that is known; not known while its check is too old."""
        if self.check_fault:
            return None, ""
        if self.measured_days is not None:
            return self.measured_days, "measured"
        return self.computed_days, "computed" if self.computed_days is not None else ""

    @property
    def still_possible(self) -> int | None:
        """How many more such cameras it keeps as long as required; negative: too many."""
        usable, days = self.usable_bytes, self.planned_days
        if usable is None or days is None or not self.streams:
            return None
        most = cameras_possible(usable, self.streams, days)
        return None if most is None else most - sum(stream.count for stream in self.streams)

    # What it comes to

    @property
    def verdict(self) -> Verdict:
        days, _how = self.achieved
        if self.required_days is None or days is None:
            return "unknown"
        return "short" if exceeds(self.required_days, days) else "ok"

    @property
    def why(self) -> Text:
        """One sentence behind the verdict."""
        if self.check_fault:
            return self.check_fault
        return Text(self._blind if self.achieved[0] is None else self.kept())

    def kept(self, rule: str = "") -> Said:
        """How far back it reaches and how far it must, with the rule that says so."""
        days, how = self.achieved
        told = {"days": days, "how": how, "required": self.required_days, "rule": rule}
        if self.required_days is None:
            return Said("keeps_only", told)
        return Said("keeps_for" if rule else "keeps", told)

    @property
    def _blind(self) -> Said:
        """What is missing to tell how far back it reaches."""
        if self.kind == "group":
            return Said("kept_by_nothing")
        if self.store is not None and self.store_stale:
            return Said("store_stale", {"source": self.store.source})
        if self.recorder is None and self.store is None:
            return Said("no_source", {"kind": self.kind})
        if self.net_bytes is None:
            return Said("size_not_known")
        return Said("no_cameras")

    @property
    def flags(self) -> tuple[str, ...]:
        flags = []
        if any(group.mbps is None for group in self.groups):
            flags.append("bitrate_from_table")
        if self.overheads_assumed and self.streams:
            flags.append("overheads_assumed")
        told = self.recorder.record.cameras if self.recorder else None
        if self.groups and told is not None and told != self.cameras:
            flags.append(f"count_differs:{told}")
        if self.not_recording:
            flags.append(f"not_recording:{self.not_recording}")
        if self.disks_failed:
            flags.append(f"disks_failed:{self.disks_failed}")
        return tuple(flags)

    def with_more(self, count: int, mbps: float | None) -> Keeper:
        """The same with more cameras: of a bitrate, else like the average of those it has.

        A measured retention shrinks as the daily ingest grows.
        """
        mean, before = mean_mbps(self.streams), self.daily_bytes
        if mean is None or before is None:
            return self
        each = mbps or mean
        like = max(self.streams, key=lambda stream: stream.count)
        more = replace(like, count=count, mbps=each, tiers=_scaled(like, each))
        line = self.line and replace(self.line, used_mbps=self.line.used_mbps + count * each)
        dilution = self.dilution * before / (before + more.daily_bytes)
        return replace(self, streams=(*self.streams, more), line=line, dilution=dilution)


def _scaled(like: Stream, mbps: float) -> tuple[Stretch, ...]:
    """The tiers of a stream for a camera of another bitrate: thinned out in the same measure."""
    return tuple(replace(tier, mbps=tier.mbps * mbps / like.mbps) for tier in like.tiers)


def _days(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds() / _DAY_SECONDS


# From the estate


def keepers_of(estate: Estate) -> tuple[Keeper, ...]:
    """Every recorder that a source tells of, and all that keeps a declared group; by name."""
    kept: dict[tuple[KeeperKind, str], tuple[CameraGroup, ...]] = {
        ("recorder", _full_name(fact)): () for fact in estate.facts.of(Recorder)
    }
    for group in estate.owners.cameras.groups:
        key = _keeper_key(estate, group)
        kept[key] = (*kept.get(key, ()), group)
    found = [_keeper(estate, kind, name, groups) for (kind, name), groups in kept.items()]
    found.sort(key=lambda keeper: (keeper.kind != "recorder", keeper.label))
    labels = [keeper.label for keeper in found]
    called = told_apart(labels, [f"{keeper.kind}:{keeper.name}" for keeper in found])
    return tuple(replace(one, called=name) for one, name in zip(found, called, strict=True))


def _keeper_key(estate: Estate, group: CameraGroup) -> tuple[KeeperKind, str]:
    """What keeps a group's recordings; a recorder goes by one name however it is called."""
    if group.recorder is not None:
        fact = _recorder(estate, group.recorder)
        return "recorder", _full_name(fact) if fact else group.recorder
    if group.datastore is not None:
        return "datastore", group.datastore
    return "group", group.name


def _full_name(fact: Fact[Recorder]) -> str:
    return f"{fact.record.cluster}/{fact.record.recorder_id}"


def _recorder(estate: Estate, name: str) -> Fact[Recorder] | None:
    """The recorder of an id or name, or of CLUSTER/ID where two have the same."""
    facts = estate.facts.of(Recorder)
    named = (f for f in facts if name in (f.record.recorder_id, f.record.name, _full_name(f)))
    return next(named, None)


def _keeper(estate: Estate, kind: KeeperKind, name: str, groups: tuple[CameraGroup, ...]) -> Keeper:
    cameras = estate.owners.cameras
    store = _store(estate, next((g.datastore for g in groups if g.datastore), None))
    health = estate.source_health(store.source) if store else None
    return Keeper(
        name=name,
        kind=kind,
        groups=groups,
        streams=tuple(stream_of(group) for group in groups),
        overheads=cameras.overheads,
        overheads_assumed=not cameras.overheads.model_fields_set,
        at=estate.at,
        recorder=_recorder(estate, name) if kind == "recorder" else None,
        store=store,
        store_stale=health is not None and health.stale,
        line=_tightest(estate, groups),
    )


def _store(estate: Estate, name: str | None) -> Fact[Datastore] | None:
    return next(
        (f for f in estate.datastores if name in (f.record.name, f.record.datastore_id)), None
    )


def stream_of(group: CameraGroup) -> Stream:
    """A group's cameras as they record: at the measured bitrate, else at the table's."""
    mbps = group.mbps
    if mbps is None:
        assert group.resolution_mp is not None  # noqa: S101  (the entry refuses to have neither)
        mbps = table_mbps(group.resolution_mp, group.codec, group.fps, group.activity)
    tiers = tuple(Stretch(tier.days, tier.mbps or mbps) for tier in group.tiers)
    return Stream(group.count, mbps, group.hours_per_day, tiers)


def _tightest(estate: Estate, groups: Iterable[CameraGroup]) -> Line | None:
    """Of the lines that the groups use the one with the least left."""
    names = {group.uplink for group in groups if group.uplink is not None}
    lines = [_line(estate, name) for name in sorted(names)]
    return max(lines, key=lambda line: line.used_percent, default=None)


def _line(estate: Estate, name: str) -> Line:
    cameras = estate.owners.cameras
    users = [stream_of(group) for group in cameras.groups if group.uplink == name]
    uplink = cameras.uplinks[name]
    used = sum(stream.count * stream.mbps for stream in users)
    return Line(name, used, uplink.mbps, uplink.planned_ratio)


# Datastores that are ring buffers


def ring_buffers(estate: Estate) -> Mapping[tuple[str, str], Verdict]:
    """Per (cluster, datastore id) of what is full by design, whether it keeps what it must.

    Declared by ``ring_buffer`` on a storage entry, or by cameras that it keeps.
    """
    keepers = keepers_of(estate)
    found: dict[tuple[str, str], Verdict] = {}
    for fact in estate.datastores:
        record = fact.record
        mine = [keeper for keeper in keepers if keeper.store is fact]
        entry = estate.declared(record)
        if mine or (entry is not None and entry.ring_buffer):
            verdicts = [keeper.verdict for keeper in mine]
            place = (record.cluster, record.datastore_id)
            found[place] = min(verdicts, key=VERDICTS.index, default="unknown")
    return found
