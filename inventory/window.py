"""What held at any time within a window, what was not seen then, and how often was looked."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inventory.records import Record
from inventory.schema import BROUGHT_FACTS, VERSION_ROWS, CoverageRow, PollRow, SourceRow, table_of

K = TypeVar("K", bound=Record)

_SOURCE = table_of(SourceRow)
_POLL = table_of(PollRow)
_COVERAGE = table_of(CoverageRow)


@dataclass(frozen=True, slots=True)
class Span(Generic[K]):
    """A fact and when it held; ``until`` None means that it still does.

    What is measured rather than configured is None: only its newest value was kept.
    """

    record: K
    source: str
    start: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Blind:
    """What a source did not show, and from when to when at the least."""

    source: str
    kind: str
    scope: str
    state: str
    reason: str
    start: datetime
    until: datetime


def spans_between(
    connection: Connection,
    kind: type[K],
    after: datetime,
    until: datetime,
    cluster: str | None = None,
) -> tuple[Span[K], ...]:
    """Every version that held at some time within [after, until], oldest first."""
    table = table_of(VERSION_ROWS[kind])
    query = (
        sa.select(table, _SOURCE.c.name.label("told_by"))
        .join(_SOURCE, _SOURCE.c.key == table.c.source_key)
        .where(table.c.valid_from <= until)
        .where(sa.or_(table.c.valid_to.is_(None), table.c.valid_to > after))
        .order_by(table.c.valid_from, table.c.key)
    )
    if cluster is not None:
        query = query.where(table.c.cluster == cluster)
    names = [name for name in kind.model_fields if name not in kind.measured]
    return tuple(
        Span(
            kind(**{name: row[name] for name in names}),
            row["told_by"],
            row["valid_from"],
            row["valid_to"],
        )
        for row in connection.execute(query).mappings()
    )


def blind_between(connection: Connection, after: datetime, until: datetime) -> tuple[Blind, ...]:
    """Every gap that lasted at some time within [after, until]."""
    rows = connection.execute(
        sa.select(_COVERAGE, _SOURCE.c.name.label("told_by"))
        .join(_SOURCE, _SOURCE.c.key == _COVERAGE.c.source_key)
        .where(_COVERAGE.c.state != "complete")
        .where(_COVERAGE.c.first_at <= until, _COVERAGE.c.last_at >= after)
        .order_by(_SOURCE.c.name, _COVERAGE.c.kind, _COVERAGE.c.scope, _COVERAGE.c.first_at)
    )
    return tuple(
        Blind(
            row["told_by"],
            row["kind"],
            row["scope"],
            row["state"],
            row["reason"],
            row["first_at"],
            row["last_at"],
        )
        for row in rows.mappings()
    )


def looks_between(
    connection: Connection, after: datetime, until: datetime
) -> dict[str, tuple[datetime, ...]]:
    """By source the polls within [after, until] that told facts, with the last one before and the
    first one after; a source that was never read in time has none."""
    rows = connection.execute(
        sa.select(_SOURCE.c.name, _POLL.c.taken_at)
        .join(_SOURCE, _SOURCE.c.key == _POLL.c.source_key)
        .where(BROUGHT_FACTS)
        .order_by(_POLL.c.taken_at)
    )
    looks: dict[str, list[datetime]] = defaultdict(list)
    for name, taken_at in rows:
        looks[name].append(taken_at)
    return {name: _around(found, after, until) for name, found in looks.items()}


def _around(looks: list[datetime], after: datetime, until: datetime) -> tuple[datetime, ...]:
    before = [look for look in looks if look < after]
    later = [look for look in looks if look > until]
    inside = [look for look in looks if after <= look <= until]
    return (*before[-1:], *inside, *later[:1])
