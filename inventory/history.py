"""Daily statistics from samples, and how long samples are kept.

When a local day has closed, its statistics per host, guest and datastore are kept for ever, and
those of each cluster's hosts taken together. A late import reopens its days. So a report costs
days times pools, however many samples there were.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from inventory.cluster_days import close_clusters
from inventory.day_tables import (
    LEVELS,
    RATES,
    Row,
    Table,
    add_coarse,
    chunks,
    dates,
    day_row,
    figures,
    known,
    span,
    tables,
)
from inventory.grid import Days
from inventory.guest_days import close_guests, forget_guest_days, guest_keys
from inventory.peaks import fill_highs, highest
from inventory.records import USAGE_METRICS, Record
from inventory.samples import DIRTY, USAGE, days_touched, insert
from inventory.schema import (
    BROUGHT_FACTS,
    VERSION_ROWS,
    CounterRow,
    CoverageRow,
    EntityDayRow,
    ForecastBandRow,
    ForecastRow,
    MetaRow,
    PollRow,
    table_of,
)

_ENTITY_DAY = table_of(EntityDayRow)
_META = table_of(MetaRow)
_HOUR = 3_600


def close_days(connection: Connection, zone: ZoneInfo, now: datetime) -> int:
    """Makes the statistics of all days before ``now``'s local day that samples have touched.

    Returns the number of entity days written. A changed time zone remakes every day.
    """
    _keep_zone(connection, zone)
    today = now.astimezone(zone).date()
    touched, guests = _touched_days(connection, today), guest_keys(connection)
    written = 0
    for keys in chunks(touched):
        days = span({day for key in keys for day in touched[key]}, zone)
        used, peaks = tables(connection, keys, days), highest(connection, keys, days)
        for key, table in used.items():
            rows = _entity_rows(key, table, days, touched[key], zone)
            fill_highs(rows, peaks.get(key, {}), days, zone)
            insert(connection, _ENTITY_DAY, list(rows.values()), renew=True)
            written += len(rows)
        of_guests = {key: table for key, table in used.items() if key in guests}
        close_guests(connection, of_guests, days, touched, zone)
    close_clusters(connection, zone, touched)
    connection.execute(DIRTY.delete().where(DIRTY.c.day < today))
    return written


def _keep_zone(connection: Connection, zone: ZoneInfo) -> None:
    kept = connection.scalar(sa.select(_META.c.value).where(_META.c.name == "timezone"))
    if kept == zone.key:
        return
    insert(connection, _META, [{"name": "timezone", "value": zone.key}], renew=True)
    if kept is not None:  # a day now begins at another hour: remake what samples remain for
        connection.execute(DIRTY.delete())
        samples = sa.select(USAGE.c.entity_key, USAGE.c.taken_at, USAGE.c.period_seconds)
        touched = {
            (key, day)
            for key, ends, period in connection.execute(samples)
            for day in days_touched(ends, period, zone)
        }
        insert(connection, DIRTY, [{"entity_key": key, "day": day} for key, day in touched])


def _touched_days(connection: Connection, today: date) -> dict[int, set[date]]:
    """Per entity the closed days that are marked."""
    touched: dict[int, set[date]] = defaultdict(set)
    marks = sa.select(DIRTY.c.entity_key, DIRTY.c.day).where(DIRTY.c.day < today)
    for key, day in connection.execute(marks):
        touched[key].add(day)
    return touched


def _entity_rows(
    key: int, table: Table, days: Days, wanted: set[date], zone: ZoneInfo
) -> dict[date, Row]:
    levels = {
        level: figures(table[metric], days, two_hour_mean=level == "cpu")
        for level, metric in LEVELS.items()
    }
    rates = {name: figures(table[name], days, two_hour_mean=False).mean for name in RATES}
    rows: dict[date, Row] = {}
    for index, day in enumerate(dates(days, zone)):
        row = day_row(levels, index, day)
        if day in wanted and row is not None:
            extra = {name: known(means[index]) for name, means in rates.items()}
            rows[day] = row | extra | {"entity_key": key}
    add_coarse(rows, table, days, wanted, zone, {"entity_key": key} | dict.fromkeys(RATES))
    return rows


# How long things are kept


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What a clean-up removed."""

    samples_merged: int = 0
    samples: int = 0
    versions: int = 0
    polls: int = 0


def thin_out(connection: Connection, now: datetime, *, raw_days: int, hour_days: int) -> Forgotten:
    """Merges samples older than ``raw_days`` into hours, drops hours older than ``hour_days``.

    Daily statistics stay, the sketches of guests' days as long as hours do. Samples of days that
    are not yet closed stay as they are.
    """
    closed = _closed_until(connection, now)
    raw_until = min(now - timedelta(days=raw_days), closed)
    merged = _merge_hours(connection, int(raw_until.timestamp()))
    dropped = connection.execute(
        USAGE.delete().where(
            USAGE.c.taken_at < min(now - timedelta(days=hour_days), closed),
            USAGE.c.period_seconds <= 2 * _HOUR,
        )
    )
    forget_guest_days(connection, now - timedelta(days=hour_days))
    return Forgotten(samples_merged=merged, samples=dropped.rowcount)


def _closed_until(connection: Connection, now: datetime) -> datetime:
    """Before which no sample belongs to a day that is still open, in whatever time zone."""
    oldest_open: date | None = connection.scalar(sa.select(sa.func.min(DIRTY.c.day)))
    if oldest_open is None:
        return now
    return datetime.combine(oldest_open, time(), UTC) - timedelta(days=1)


def _merge_hours(connection: Connection, before: int) -> int:
    """Replaces the samples within each hour by their mean over the seconds they cover."""
    before -= before % _HOUR
    ends = sa.type_coerce(USAGE.c.taken_at, sa.BigInteger)
    hour = sa.cast((ends - 1) // _HOUR, sa.BigInteger)
    old = sa.and_(ends <= before, USAGE.c.period_seconds < _HOUR)
    several = (
        sa.select(USAGE.c.entity_key, hour)
        .where(old)
        .group_by(USAGE.c.entity_key, hour)
        .having(sa.func.count() > 1)
    )
    chosen = sa.and_(old, sa.tuple_(USAGE.c.entity_key, hour).in_(several))
    means = (
        sa.select(
            USAGE.c.entity_key,
            sa.func.max(ends).label("ends"),
            sa.func.sum(USAGE.c.period_seconds).label("period_seconds"),
            *(_weighted_mean(USAGE.c[name]).label(name) for name in USAGE_METRICS),
        )
        .where(chosen)
        .group_by(USAGE.c.entity_key, hour)
    )
    rows = [_hour_row(row) for row in connection.execute(means).mappings()]
    connection.execute(USAGE.delete().where(chosen))
    insert(connection, USAGE, rows)
    return len(rows)


def _weighted_mean(metric: sa.Column[float]) -> sa.ColumnElement[float]:
    """The mean of the values that are known, each weighing as long as its sample lasts."""
    known = sa.case((metric.is_not(None), USAGE.c.period_seconds))
    return sa.func.sum(metric * USAGE.c.period_seconds) / sa.func.sum(known)


def _hour_row(means: RowMapping) -> Row:
    row = {name: means[name] for name in ("entity_key", *USAGE_METRICS)}
    return row | {
        "taken_at": datetime.fromtimestamp(means["ends"], UTC),
        "period_seconds": min(int(means["period_seconds"]), _HOUR),
    }


def oldest_ended(connection: Connection, kinds: Iterable[type[Record]]) -> datetime | None:
    """When the oldest fact of some kinds that no longer holds, and is still kept, ended."""
    tables = [table_of(VERSION_ROWS[kind]) for kind in kinds]
    ends = (
        connection.scalar(sa.select(sa.func.min(t.c.valid_to, type_=t.c.valid_to.type)))
        for t in tables
    )
    return min((end for end in ends if end is not None), default=None)


def forget(connection: Connection, before: datetime) -> Forgotten:
    """Removes closed versions, polls, finished runs of coverage and published forecasts from before
    an instant.

    What says when a source was last heard stays, for it is what its open facts rest on.
    """
    versions = 0
    for row_class in VERSION_ROWS.values():
        table = table_of(row_class)
        versions += connection.execute(table.delete().where(table.c.valid_to < before)).rowcount
    poll, coverage = (table_of(row) for row in (PollRow, CoverageRow))
    last = (
        sa.select(poll.c.source_key, sa.func.max(poll.c.taken_at))
        .where(BROUGHT_FACTS)
        .group_by(poll.c.source_key)
    )
    of_last = sa.tuple_(poll.c.source_key, poll.c.taken_at).in_(last)
    polls = connection.execute(poll.delete().where(poll.c.finished_at < before, ~of_last)).rowcount
    seen_last = sa.tuple_(coverage.c.source_key, coverage.c.last_at).in_(last)
    connection.execute(coverage.delete().where(coverage.c.last_at < before, ~seen_last))
    for said in (table_of(ForecastRow), table_of(ForecastBandRow)):
        connection.execute(said.delete().where(said.c.as_of < before.date()))
    counter = table_of(CounterRow)
    connection.execute(counter.delete().where(counter.c.at < before.timestamp()))
    samples = connection.execute(USAGE.delete().where(USAGE.c.taken_at < before)).rowcount
    return Forgotten(samples=samples, versions=versions, polls=polls)
