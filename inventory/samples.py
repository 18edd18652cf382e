"""Usage samples: gauges as they come, counters turned into rates, each with its true period."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from inventory.identity import Identities
from inventory.records import USAGE_METRICS, Counter, Snapshot, Usage
from inventory.schema import CounterRow, DirtyDayRow, UsageRow, table_of

USAGE = table_of(UsageRow)
DIRTY = table_of(DirtyDayRow)
_COUNTER = table_of(CounterRow)

_SHORTEST_INTERVAL_SECONDS = 1.0  # below it the clock's own grain decides the rate


def store_usage(
    connection: Connection,
    snapshot: Snapshot,
    source_key: int,
    identities: Identities,
    *,
    period_seconds: int,
    zone: ZoneInfo,
) -> int:
    """Stores a snapshot's usage and returns the number of new samples; one already there stays."""
    rates = _rates(connection, snapshot.counters, source_key)
    rows = [_row(usage, identities) for usage in snapshot.usage]
    rows = _joined(rows, rates, snapshot, identities, period_seconds)
    return store_rows(connection, rows, zone)


def store_rows(connection: Connection, rows: list[dict[str, Any]], zone: ZoneInfo) -> int:
    """Inserts the usage rows that are new, marks the local days they touch, and counts them."""
    new = insert(connection, USAGE, rows)
    if not new:
        return 0
    touched = {
        (row["entity_key"], day)
        for row in rows
        for day in days_touched(row["taken_at"], row["period_seconds"], zone)
    }
    marks = [{"entity_key": entity, "day": day} for entity, day in sorted(touched)]
    insert(connection, DIRTY, marks)
    return new


def days_touched(ends: datetime, period_seconds: int, zone: ZoneInfo) -> Iterator[date]:
    """The local days of the period that ends at an instant."""
    first = (ends - timedelta(seconds=period_seconds)).astimezone(zone).date()
    last = (ends - timedelta(seconds=1)).astimezone(zone).date()
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        yield date.fromordinal(ordinal)


def insert(
    connection: Connection, table: sa.Table, rows: Sequence[dict[str, Any]], *, renew: bool = False
) -> int:
    """Inserts the rows whose key is new, with ``renew`` overwrites the others; returns how many
    rows were written."""
    if not rows:
        return 0
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    if renew:
        kept = [c.name for c in table.c if not c.primary_key and c.name in rows[0]]
        chosen = statement.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_={name: statement.excluded[name] for name in kept},
        )
    else:
        chosen = statement.on_conflict_do_nothing()
    return connection.execute(chosen, rows).rowcount


def _row(usage: Usage, identities: Identities) -> dict[str, Any]:
    values = {name: getattr(usage, name) for name in ("taken_at", "period_seconds", *USAGE_METRICS)}
    return values | {"entity_key": identities.key(usage.entity, usage.cluster, usage.entity_id)}


Rate = tuple[Counter, float, float]  # the counter, its rate, the seconds it is the mean of


def _rates(connection: Connection, counters: Iterable[Counter], source_key: int) -> list[Rate]:
    """The rate of each counter since the poll before; a new series or a reset has none."""
    before = {
        (row.series, row.metric): row
        for row in connection.execute(
            sa.select(_COUNTER).where(_COUNTER.c.source_key == source_key)
        )
    }
    rates, states = [], []
    for counter in counters:
        rate = _rate(counter, before.get((counter.series, counter.metric)))
        if rate is not None:
            rates.append(rate)
        states.append(
            {
                "series": counter.series,
                "metric": counter.metric,
                "source_key": source_key,
                "value": counter.value,
                "at": counter.at,
            }
        )
    insert(connection, _COUNTER, states, renew=True)
    return rates


def _rate(counter: Counter, before: Any) -> Rate | None:
    if before is None or (counter.born_at is not None and counter.born_at > before.at):
        return None
    seconds = counter.at - before.at
    grown = counter.value - before.value
    if seconds < _SHORTEST_INTERVAL_SECONDS or grown < 0:
        return None
    rate = grown / seconds * counter.scale
    if counter.limit is not None and rate > counter.limit:
        return None
    return counter, rate, seconds


def _joined(
    rows: list[dict[str, Any]],
    rates: list[Rate],
    snapshot: Snapshot,
    identities: Identities,
    period_seconds: int,
) -> list[dict[str, Any]]:
    """Rates beside the gauges of the same poll; in a row of their own, with their own period, when
    the poll before was much longer or shorter ago than usual."""
    at = snapshot.taken_at.replace(microsecond=0)
    found = {(row["entity_key"], row["taken_at"], row["period_seconds"]): row for row in rows}
    for counter, rate, seconds in rates:
        key = identities.key(counter.entity, counter.cluster, counter.entity_id)
        usual = 0.5 * period_seconds <= seconds <= 1.5 * period_seconds
        period = period_seconds if usual else round(seconds)
        row = found.setdefault(
            (key, at, period),
            {"entity_key": key, "taken_at": at, "period_seconds": period}
            | dict.fromkeys(USAGE_METRICS),
        )
        so_far = row[counter.metric]  # a guest's disks and interfaces add up
        row[counter.metric] = rate if so_far is None else so_far + rate
    return list(found.values())
