"""Reading the store: facts at an instant, sources with their gaps, daily series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from inventory.day_tables import span
from inventory.grid import Ints
from inventory.history_steps import done_steps
from inventory.platform_records import Volume
from inventory.records import (
    POWERED_ON,
    Coverage,
    Datastore,
    Disk,
    Guest,
    Host,
    Record,
)
from inventory.samples import USAGE
from inventory.schema import (
    FACT_KINDS,
    VERSION_ROWS,
    ClusterDayRow,
    CoverageRow,
    EntityDayRow,
    EntityRow,
    PollRow,
    SourceRow,
    table_of,
)
from inventory.volumes import used_elsewhere

K = TypeVar("K", bound=Record)
K_co = TypeVar("K_co", bound=Record, covariant=True)

_SOURCE = table_of(SourceRow)
_POLL = table_of(PollRow)
_COVERAGE = table_of(CoverageRow)
_ENTITY = table_of(EntityRow)
_ENTITY_DAY = table_of(EntityDayRow)
_CLUSTER_DAY = table_of(ClusterDayRow)
_SUCCESS = ("stored", "partial")  # what was superseded brought no fact: that is none


@dataclass(frozen=True, slots=True)
class Fact(Generic[K_co]):
    """A fact as it held at some instant, and how far that is certain.

    ``confirmed_at`` is the last poll that saw it; older than the source's last poll means that
    what is shown is the last that was known.
    """

    record: K_co
    source: str
    entity_key: int | None
    valid_from: datetime
    confirmed_at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """Every fact that held at ``at``, each thing once."""

    at: datetime
    by_kind: Mapping[type[Record], tuple[Fact[Any], ...]]

    def of(self, kind: type[K]) -> tuple[Fact[K], ...]:
        return self.by_kind.get(kind, ())

    def records(self, kind: type[K]) -> tuple[K, ...]:
        return tuple(fact.record for fact in self.of(kind))


@dataclass(frozen=True, slots=True)
class SourceState:
    """What the store knows of one source at an instant."""

    key: int
    name: str
    kind: str
    cluster: str | None
    first_success_at: datetime | None = None
    last_success_at: datetime | None = None
    last_taken_at: datetime | None = None  # what the newest facts are of
    last_attempt_at: datetime | None = None
    last_outcome: str = ""
    last_error: str = ""
    superseded_since: datetime | None = None  # while what is read is older than what is stored
    superseded_by: datetime | None = None  # what the stored facts are of, which are in the way
    platform: str = ""
    guests_seen: int | None = None
    guests_reported: int | None = None
    token_expires_on: date | None = None
    excess_rights: tuple[str, ...] | None = None  # of the credentials; None: not known
    requests: int = 0
    bytes: int = 0
    seconds: float = 0.0
    gaps: tuple[Coverage, ...] = ()
    covered: frozenset[tuple[str, str]] = frozenset()  # (kind, scope) seen completely
    history_steps: int = 0


def facts_at(connection: Connection, at: datetime) -> Facts:
    """All facts that held at ``at``; a guest that two sources list counts once."""
    confirm = _Confirmations(connection, at)
    by_kind: dict[type[Record], tuple[Fact[Any], ...]] = {}
    for kind in FACT_KINDS:
        by_kind[kind] = tuple(_facts(connection, kind, at, confirm))
    _fill_used_bytes(connection, by_kind, at)
    return Facts(at, _without_used_volumes(_each_once(by_kind)))


def _facts(
    connection: Connection, kind: type[Record], at: datetime, confirm: _Confirmations
) -> Iterable[Fact[Any]]:
    table = table_of(VERSION_ROWS[kind])
    rows = connection.execute(
        sa.select(table)
        .where(table.c.valid_from <= at, sa.or_(table.c.valid_to.is_(None), table.c.valid_to > at))
        .order_by(table.c.cluster, table.c.subject_id, table.c.source_key)
    )
    names = set(kind.model_fields)
    for row in rows.mappings():
        record = _record(row, names, kind, at)
        yield Fact(
            record=record,
            source=confirm.names[row["source_key"]],
            entity_key=row["entity_key"],
            valid_from=row["valid_from"],
            confirmed_at=confirm.last(row["source_key"], record, row["valid_from"]),
        )


def _record(row: RowMapping, names: set[str], kind: type[Record], at: datetime) -> Any:
    """The row, which was valid when it was stored, as a record; what was measured after ``at`` is
    not known at ``at``.

    ``names`` are all its fields: records that remembered each for itself which ones it was given
    would take twice the memory.
    """
    values = {name: row[name] for name in names}
    if kind.measured and row["measured_at"] > at:
        values |= dict.fromkeys(kind.measured)
    return kind.model_construct(_fields_set=names, **values)


class _Confirmations:
    """When each fact was last seen, from the runs of coverage."""

    def __init__(self, connection: Connection, at: datetime) -> None:
        names = connection.execute(sa.select(_SOURCE.c.key, _SOURCE.c.name))
        self.names: dict[int, str] = dict(names.all())
        self._connection = connection
        self._polls = (
            sa.select(sa.func.max(_POLL.c.taken_at, type_=_POLL.c.taken_at.type))
            .where(_POLL.c.taken_at <= at, _POLL.c.purpose == "poll")
            .where(_POLL.c.outcome.in_(("stored", "partial")))
        )
        self._newest = {key: self._newest_of(key) for key in self.names}
        self._earlier: dict[tuple[int, datetime], datetime | None] = {}
        self._runs: dict[tuple[int, str, str], list[RowMapping]] = defaultdict(list)
        runs = sa.select(_COVERAGE).where(_COVERAGE.c.first_at <= at)
        for run in connection.execute(runs.order_by(_COVERAGE.c.first_at)).mappings():
            self._runs[run["source_key"], run["kind"], run["scope"]].append(run)

    def newest(self, source_key: int) -> datetime | None:
        return self._newest[source_key]

    def _newest_of(self, source_key: int, before: datetime | None = None) -> datetime | None:
        polls = self._polls.where(_POLL.c.source_key == source_key)
        if before is not None:
            polls = polls.where(_POLL.c.taken_at < before)
        newest: datetime | None = self._connection.scalar(polls)
        return newest

    def last(self, source_key: int, record: Record, valid_from: datetime) -> datetime:
        """The newest poll that saw the record's scope completely, or its first sight."""
        own = self._runs.get((source_key, record.kind_name, record.scope), [])
        whole = self._runs.get((source_key, record.kind_name, ""), [])
        newest = self.newest(source_key)
        if newest is None:
            return valid_from
        if own and own[-1]["last_at"] >= newest:
            if own[-1]["state"] == "complete":
                return min(newest, max(valid_from, own[-1]["asked_at"] or newest))
            return self._before(source_key, _gap_began(own), valid_from)
        complete = [run for run in whole if run["state"] == "complete"]
        if not complete:
            return valid_from
        last_complete: datetime = complete[-1]["last_at"]
        return max(valid_from, min(newest, last_complete))

    def _before(self, source_key: int, gap_began: datetime, valid_from: datetime) -> datetime:
        known = (source_key, gap_began)
        if known not in self._earlier:
            self._earlier[known] = self._newest_of(source_key, before=gap_began)
        earlier = self._earlier[known]
        return valid_from if earlier is None else max(valid_from, earlier)


def _gap_began(runs: list[RowMapping]) -> datetime:
    """When the unbroken row of gaps that ends with the last run began."""
    began: datetime = runs[-1]["first_at"]
    for run in reversed(runs):
        if run["state"] == "complete":
            break
        began = run["first_at"]
    return began


def _fill_used_bytes(
    connection: Connection, by_kind: dict[type[Record], tuple[Fact[Any], ...]], at: datetime
) -> None:
    """A past day's used bytes come from its samples, for the version keeps only the newest."""
    unknown = {
        fact.entity_key
        for fact in by_kind[Datastore]
        if fact.record.used_bytes is None and fact.entity_key is not None
    }
    if not unknown:
        return
    ends = sa.func.max(USAGE.c.taken_at, type_=USAGE.c.taken_at.type).label("ends")
    newest = (
        sa.select(USAGE.c.entity_key, ends)
        .where(USAGE.c.entity_key.in_(unknown), USAGE.c.taken_at <= at)
        .where(USAGE.c.storage_used_bytes.is_not(None))
        .group_by(USAGE.c.entity_key)
        .subquery()
    )
    same = sa.and_(USAGE.c.entity_key == newest.c.entity_key, USAGE.c.taken_at == newest.c.ends)
    used = dict(
        connection.execute(
            sa.select(USAGE.c.entity_key, USAGE.c.storage_used_bytes).join(newest, same)
        ).all()
    )
    by_kind[Datastore] = tuple(
        _with_used(fact, used[fact.entity_key]) if fact.entity_key in used else fact
        for fact in by_kind[Datastore]
    )


def _with_used(fact: Fact[Any], used: float) -> Fact[Any]:
    record = fact.record.model_copy(update={"used_bytes": round(used)})
    return Fact(record, fact.source, fact.entity_key, fact.valid_from, fact.confirmed_at)


def _each_once(
    by_kind: Mapping[type[Record], tuple[Fact[Any], ...]],
) -> dict[type[Record], tuple[Fact[Any], ...]]:
    """One fact per thing: of a guest that several sources list, the one that runs it."""
    chosen: dict[int, Fact[Guest]] = {}
    for fact in by_kind[Guest]:
        rival = chosen.get(fact.entity_key or 0)
        if rival is None or _rank(fact) > _rank(rival):
            chosen[fact.entity_key or 0] = fact
    owner: dict[tuple[str, str | None], str] = {
        (f.record.cluster, f.record.guest_id): f.source for f in chosen.values()
    }
    kept: dict[type[Record], tuple[Fact[Any], ...]] = {}
    for kind, facts in by_kind.items():
        if kind is Guest:
            kept[kind] = tuple(chosen.values())
            continue
        once: dict[tuple[str, str], Fact[Any]] = {}
        for fact in facts:
            key = (fact.record.cluster, fact.record.subject)
            guest = (fact.record.cluster, getattr(fact.record, "guest_id", None))
            if key not in once or owner.get(guest) == fact.source:
                once[key] = fact
        kept[kind] = tuple(once.values())
    return kept


def _without_used_volumes(
    kept: dict[type[Record], tuple[Fact[Any], ...]],
) -> dict[type[Record], tuple[Fact[Any], ...]]:
    """Without the volumes that no guest of their host refers to, but one of another host does."""
    if not kept[Volume]:
        return kept
    kinds = (Volume, Guest, Disk, Datastore)
    volumes, guests, disks, stores = ([fact.record for fact in kept[kind]] for kind in kinds)
    used = used_elsewhere(volumes, guests, disks, stores)
    left = (f for f in kept[Volume] if (f.record.cluster, f.record.subject) not in used)
    return kept | {Volume: tuple(left)}


def _rank(fact: Fact[Guest]) -> tuple[bool, datetime, datetime]:
    return (fact.record.power in POWERED_ON, fact.confirmed_at, fact.valid_from)


def sources_at(connection: Connection, at: datetime) -> tuple[SourceState, ...]:
    """The sources that were polled by ``at``, by name."""
    rows = connection.execute(sa.select(_SOURCE).order_by(_SOURCE.c.name)).mappings().all()
    return tuple(_source_state(connection, row, at) for row in rows)


def _source_state(connection: Connection, source: RowMapping, at: datetime) -> SourceState:
    state = SourceState(source["key"], source["name"], source["kind"], source["cluster"])
    polls = sa.select(_POLL).where(
        _POLL.c.source_key == source["key"], _POLL.c.purpose == "poll", _POLL.c.taken_at <= at
    )
    good = polls.where(_POLL.c.outcome.in_(_SUCCESS))
    in_order = (_POLL.c.key,)
    backwards = (_POLL.c.key.desc(),)  # as they were recorded: a clock may have been turned back
    last = _one(connection, polls.order_by(*backwards))
    if last is None:
        return state
    first_good = _one(connection, good.order_by(*in_order))
    last_good = _one(connection, good.order_by(*backwards))
    newest_good = _one(connection, good.order_by(_POLL.c.taken_at.desc()))
    newest = newest_good["taken_at"] if newest_good else None
    shown = last_good or last
    coverage = _coverage(connection, source["key"], newest) if newest else ()
    return SourceState(
        key=state.key,
        name=state.name,
        kind=state.kind,
        cluster=state.cluster,
        first_success_at=first_good["taken_at"] if first_good else None,
        last_success_at=last_good["finished_at"] if last_good else None,
        last_taken_at=newest,
        last_attempt_at=last["finished_at"],
        last_outcome=last["outcome"],
        last_error=last["error"],
        **(_superseded(connection, source["key"]) if last["outcome"] == "superseded" else {}),
        **{
            name: shown[name]
            for name in (
                "platform",
                "guests_seen",
                "guests_reported",
                "token_expires_on",
                "excess_rights",
                "requests",
                "bytes",
                "seconds",
            )
        },
        gaps=tuple(part for part in coverage if part.is_gap),
        covered=frozenset((p.kind, p.scope) for p in coverage if not p.is_gap),
        history_steps=len(done_steps(connection, source["key"])),
    )


def _superseded(connection: Connection, source_key: int) -> dict[str, Any]:
    """Since when nothing of a source is taken in, and the stored instant that is in the way."""
    polls = (_POLL.c.source_key == source_key, _POLL.c.purpose == "poll")
    good = (*polls, _POLL.c.outcome.in_(_SUCCESS))
    newest = sa.select(sa.func.max(_POLL.c.taken_at, type_=_POLL.c.taken_at.type)).where(*good)
    last_good = sa.select(sa.func.max(_POLL.c.key)).where(*good).scalar_subquery()
    first = (
        sa.select(_POLL.c.finished_at)
        .where(*polls, _POLL.c.outcome == "superseded", _POLL.c.key > last_good)
        .order_by(_POLL.c.key)
    )
    return {
        "superseded_since": connection.scalar(first.limit(1)),
        "superseded_by": connection.scalar(newest),
    }


def _one(connection: Connection, query: sa.Select[Any]) -> RowMapping | None:
    return connection.execute(query.limit(1)).mappings().first()


def _coverage(connection: Connection, source_key: int, at: datetime) -> tuple[Coverage, ...]:
    rows = connection.execute(
        sa.select(_COVERAGE)
        .where(_COVERAGE.c.source_key == source_key)
        .where(_COVERAGE.c.first_at <= at, _COVERAGE.c.last_at >= at)
        .order_by(_COVERAGE.c.kind, _COVERAGE.c.scope)
    )
    return tuple(
        Coverage(row["scope"], row["kind"], row["state"], row["reason"], row["remedy"])
        for row in rows.mappings()
    )


@dataclass(frozen=True, slots=True)
class DayPoint:
    """One level (cpu, memory or storage) of one day, or of the ``span_days`` around it."""

    day: date
    span_days: int
    mean: float | None
    high: float | None
    seconds: int


def cluster_days(
    connection: Connection, since: date, until: date
) -> dict[tuple[str, str], tuple[DayPoint, ...]]:
    """Per (cluster, level) its days from ``since`` to before ``until``."""
    rows = _days(connection, _CLUSTER_DAY, since, until)
    return _points(rows, lambda row: row["cluster"], ("cpu", "memory"))


def datastore_days(
    connection: Connection, since: date, until: date
) -> dict[tuple[int, str], tuple[DayPoint, ...]]:
    """Per (entity key, "storage") the days of every datastore."""
    keys = sa.select(_ENTITY.c.key).where(_ENTITY.c.kind == "datastore")
    rows = _days(connection, _ENTITY_DAY, since, until, _ENTITY_DAY.c.entity_key.in_(keys))
    return _points(rows, lambda row: row["entity_key"], ("storage",))


def host_days(
    connection: Connection, since: date, until: date
) -> dict[tuple[int, str], tuple[DayPoint, ...]]:
    """Per (entity key, "cpu" or "memory") the days of every host."""
    keys = sa.select(_ENTITY.c.key).where(_ENTITY.c.kind == "host")
    rows = _days(connection, _ENTITY_DAY, since, until, _ENTITY_DAY.c.entity_key.in_(keys))
    return _points(rows, lambda row: row["entity_key"], ("cpu", "memory"))


def clusters_from_guests(connection: Connection) -> frozenset[str]:
    """The clusters whose CPU days are sums over guests, for want of any host's."""
    return frozenset(
        connection.scalars(
            sa.select(_CLUSTER_DAY.c.cluster).where(_CLUSTER_DAY.c.cpu_from_guests).distinct()
        )
    )


def _days(
    connection: Connection, table: sa.Table, since: date, until: date, *more: Any
) -> Iterable[RowMapping]:
    return connection.execute(
        sa.select(table)
        .where(table.c.day >= since, table.c.day < until, *more)
        .order_by(table.c.day)
    ).mappings()


def _points(rows: Iterable[RowMapping], owner: Any, levels: tuple[str, ...]) -> dict[Any, Any]:
    units = {"cpu": "cores", "memory": "bytes", "storage": "bytes"}
    points: dict[tuple[Any, str], list[DayPoint]] = defaultdict(list)
    for row in rows:
        for level in levels:
            mean = row[f"{level}_mean_{units[level]}"]
            if mean is None:
                continue
            high, seconds = row[f"{level}_high_{units[level]}"], row[f"{level}_seconds"]
            points[owner(row), level].append(
                DayPoint(row["day"], row["span_days"], mean, high, seconds)
            )
    return {key: tuple(found) for key, found in points.items()}


@dataclass(frozen=True, slots=True)
class AllocationVersion:
    """An amount that was allocated over a time: a guest's vCPUs or memory, a disk's capacity."""

    pool: tuple[str, str]  # (cluster, "cpu" or "memory"), or (cluster, datastore id)
    amount: float
    valid_from: datetime
    valid_to: datetime | None


def allocation_versions(connection: Connection) -> tuple[AllocationVersion, ...]:
    """What was allocated, when: of powered-on guests that are no templates, and of all disks."""
    guest = table_of(VERSION_ROWS[Guest])
    on = guest.c.power.in_(sorted(POWERED_ON)) & sa.or_(
        guest.c.template.is_(None), sa.not_(guest.c.template)
    )
    found: list[AllocationVersion] = []
    for name, column in (("cpu", guest.c.vcpus), ("memory", guest.c.memory_bytes)):
        rows = connection.execute(
            sa.select(guest.c.cluster, column, guest.c.valid_from, guest.c.valid_to).where(
                on, column.is_not(None)
            )
        )
        found += [AllocationVersion((row[0], name), row[1], row[2], row[3]) for row in rows]
    disk = table_of(VERSION_ROWS[Disk])
    disks = connection.execute(
        sa.select(
            disk.c.cluster,
            disk.c.datastore_id,
            disk.c.capacity_bytes,
            disk.c.valid_from,
            disk.c.valid_to,
        ).where(disk.c.capacity_bytes.is_not(None), disk.c.datastore_id.is_not(None))
    )
    found += [AllocationVersion((row[0], row[1]), row[2], row[3], row[4]) for row in disks]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class GuestVersion:
    """A guest as it was over a time; ``until`` None means that it still is."""

    fact: Fact[Guest]
    until: datetime | None


def guest_versions(connection: Connection, at: datetime) -> tuple[GuestVersion, ...]:
    """Every version of every guest that began by ``at``, also of those that are gone."""
    table = table_of(VERSION_ROWS[Guest])
    sources = dict(connection.execute(sa.select(_SOURCE.c.key, _SOURCE.c.name)).all())
    names = set(Guest.model_fields)
    rows = connection.execute(
        sa.select(table).where(table.c.valid_from <= at).order_by(table.c.valid_from, table.c.key)
    )
    return tuple(
        GuestVersion(
            Fact(
                record=_record(row, names, Guest, at),
                source=sources[row["source_key"]],
                entity_key=row["entity_key"],
                valid_from=row["valid_from"],
                confirmed_at=row["valid_from"],
            ),
            None if row["valid_to"] is None or row["valid_to"] > at else row["valid_to"],
        )
        for row in rows.mappings()
    )


def last_polls(
    connection: Connection, at: datetime, zone: ZoneInfo
) -> dict[str, tuple[datetime, ...]]:
    """Per source, of every local day the last poll that told facts."""
    rows = connection.execute(
        sa.select(_SOURCE.c.name, sa.type_coerce(_POLL.c.taken_at, sa.BigInteger))
        .join(_SOURCE, _SOURCE.c.key == _POLL.c.source_key)
        .where(_POLL.c.purpose == "poll", _POLL.c.outcome.in_(("stored", "partial")))
        .where(_POLL.c.taken_at <= at)
        .order_by(_POLL.c.taken_at)
    )
    instants: dict[str, list[int]] = defaultdict(list)
    for name, taken_at in rows:
        instants[name].append(taken_at)
    return {name: _last_of_days(np.array(found), zone) for name, found in instants.items()}


def _last_of_days(instants: Ints, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Of ascending instants (seconds since 1970) the last of every local day."""
    ends = {datetime.fromtimestamp(int(instants[i]), zone).date() for i in (0, -1)}
    day = np.searchsorted(span(ends, zone).bounds, instants, side="right")
    last = np.flatnonzero(np.diff(day, append=-1))
    return tuple(datetime.fromtimestamp(int(instant), UTC) for instant in instants[last])


def latest_levels(
    connection: Connection, at: datetime, *, within_seconds: int
) -> dict[int, tuple[float | None, float | None]]:
    """Per host the newest (CPU cores, memory bytes) used, if it is not older than that."""
    since = datetime.fromtimestamp(at.timestamp() - within_seconds, at.tzinfo)
    hosts = sa.select(_ENTITY.c.key).where(_ENTITY.c.kind == "host")
    rows = connection.execute(
        sa.select(USAGE.c.entity_key, USAGE.c.cpu_used_cores, USAGE.c.memory_used_bytes)
        .where(USAGE.c.entity_key.in_(hosts), USAGE.c.taken_at > since, USAGE.c.taken_at <= at)
        .order_by(USAGE.c.taken_at)
    )
    levels: dict[int, tuple[float | None, float | None]] = {}
    for key, cpu, memory in rows:
        before = levels.get(key, (None, None))
        levels[key] = (before[0] if cpu is None else cpu, before[1] if memory is None else memory)
    return levels


def power_since(connection: Connection, at: datetime) -> dict[int, datetime]:
    """Per guest entity, since when it has been in the power state that it is in at ``at``."""
    guest = table_of(VERSION_ROWS[Guest])
    rows = connection.execute(
        sa.select(guest.c.entity_key, guest.c.power, guest.c.valid_from)
        .where(guest.c.valid_from <= at)
        .order_by(guest.c.entity_key, guest.c.valid_from)
    )
    since: dict[int, datetime] = {}
    state: dict[int, str | None] = {}
    for key, power, valid_from in rows:
        if key not in since or state[key] != power:
            since[key], state[key] = valid_from, power
    return since


def first_known_at(connection: Connection) -> datetime | None:
    """The first instant of which any host or guest is known."""
    tables = [table_of(VERSION_ROWS[kind]) for kind in (Host, Guest)]
    found = [
        connection.scalar(sa.select(sa.func.min(t.c.valid_from, type_=t.c.valid_from.type)))
        for t in tables
    ]
    return min((instant for instant in found if instant is not None), default=None)


def known_clusters(connection: Connection) -> dict[str, str]:
    """Per source the cluster it last reported."""
    rows = connection.execute(
        sa.select(_SOURCE.c.name, _SOURCE.c.cluster).where(_SOURCE.c.cluster.is_not(None))
    )
    return {name: cluster for name, cluster in rows if cluster}
