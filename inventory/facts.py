"""What is known at an instant: every fact, how far it is certain, each thing once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from inventory.platform_records import Volume
from inventory.records import POWERED_ON, Datastore, Disk, Guest, Host, Record
from inventory.samples import USAGE
from inventory.schema import (
    BROUGHT_FACTS,
    FACT_KINDS,
    VERSION_ROWS,
    CoverageRow,
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
        record = record_of(row, names, kind, at)
        yield Fact(
            record=record,
            source=confirm.names[row["source_key"]],
            entity_key=row["entity_key"],
            valid_from=row["valid_from"],
            confirmed_at=confirm.last(row["source_key"], record, row["valid_from"]),
        )


def record_of(row: RowMapping, names: set[str], kind: type[Record], at: datetime) -> Any:
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
        self._polls = sa.select(sa.func.max(_POLL.c.taken_at, type_=_POLL.c.taken_at.type)).where(
            _POLL.c.taken_at <= at, BROUGHT_FACTS
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


def first_known_at(connection: Connection) -> datetime | None:
    """The first instant of which any host or guest is known."""
    tables = [table_of(VERSION_ROWS[kind]) for kind in (Host, Guest)]
    found = [
        connection.scalar(sa.select(sa.func.min(t.c.valid_from, type_=t.c.valid_from.type)))
        for t in tables
    ]
    return min((instant for instant in found if instant is not None), default=None)
