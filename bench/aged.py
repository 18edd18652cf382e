"""A store as it is after months: versions, polls, samples and days.

The facts are appended as polls append them, and the days of a few hosts, datastores and guests are
made as they are always made; the others of their kind are given the same rows by the database. What
it lacks of a real one are the samples of guests and the counters, of which no report reads any (the
days of guests are there, and the sketches of the last ones), and what changes between the polls in
full: those are eight weeks apart, and a backup is only in the store when one of them saw it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bench.fleet import CLUSTER, GIB, NOW, ZONE, Fleet, attempt
from inventory.append import append
from inventory.history import close_days
from inventory.samples import insert, store_rows
from inventory.schema import (
    ClusterDayRow,
    DayStatistics,
    EntityDayRow,
    EntityRow,
    GuestDayRow,
    PollRow,
    UsageRow,
    table_of,
)
from inventory.sketch import CPU_UNIT, MEMORY_UNIT, sketch_of
from inventory.store import Store

_CLUSTER_DAY = table_of(ClusterDayRow)
_ENTITY = table_of(EntityRow)
_ENTITY_DAY = table_of(EntityDayRow)
_GUEST_DAY = table_of(GuestDayRow)
_POLL = table_of(PollRow)
_USAGE = table_of(UsageRow)
_NIGHTLY_BACKUPS = 7
_RAW_DAYS = 35
_GUESTS_THAT_DIFFER = 7
_HOUR = timedelta(hours=1)
_FIVE_MINUTES = timedelta(minutes=5)
_WEEK = timedelta(weeks=1)
_WEEKS_BETWEEN = 8
_CACHE = "PRAGMA cache_size = -200000"  # KiB: a transaction of this size is not written twice


def build(path: Path, guests: int, days: int) -> None:
    """Makes the store: a poll in full every eighth week and in the last two, one every five
    minutes by its row alone."""
    with Store.open(f"sqlite:///{path}", create=True) as store, store.writing() as connection:
        connection.exec_driver_sql(_CACHE)
        began = NOW - timedelta(days=days)
        _add_facts(connection, guests, began)
        _add_polls(connection, began)
        for kind in ("host", "datastore"):
            _add_samples(connection, kind, began)
        close_days(connection, ZONE, NOW)
        for kind in ("host", "datastore"):
            _copy_to_others(connection, kind, 1, (_USAGE, _ENTITY_DAY))
        _add_cluster_days(connection)
        _add_guest_days(connection, days)


def _every(step: timedelta, first: datetime, before: datetime) -> Iterator[datetime]:
    return (first + i * step for i in range(math.ceil((before - first) / step)))


def _add_facts(connection: Connection, guests: int, began: datetime) -> None:
    """One guest in a hundred is resized every week; the backups of the poll before are gone."""
    weeks = list(_every(_WEEK, began, NOW))
    chosen = sorted({*range(0, len(weeks), _WEEKS_BETWEEN), len(weeks) - 1})
    for week, at in [*((week, weeks[week]) for week in chosen), (len(weeks), NOW)]:
        fleet = Fleet(guests, resized=week * max(1, guests // 100), backups=_NIGHTLY_BACKUPS)
        facts = replace(fleet.snapshot(at), usage=(), counters=())
        append(connection, facts, replace(attempt(at), period_seconds=300))


def _add_polls(connection: Connection, began: datetime) -> None:
    done = connection.execute(sa.select(_POLL).limit(1)).mappings().one()
    rows = [
        {**done, "started_at": at, "taken_at": at, "finished_at": at + timedelta(seconds=20)}
        for at in _every(_FIVE_MINUTES, began + _FIVE_MINUTES, NOW)
    ]
    for row in rows:
        del row["key"]
    connection.execute(_POLL.insert(), rows)


def _add_samples(connection: Connection, kind: str, began: datetime) -> None:
    """Of the first of its kind: hours, and five minutes of the last weeks."""
    recent = max(began, NOW - timedelta(days=_RAW_DAYS)).replace(minute=0)
    first = min(_keys(connection, kind))
    hours = _samples(first, kind, _every(_HOUR, began.replace(minute=0), recent), _HOUR)
    fine = _samples(first, kind, _every(_FIVE_MINUTES, recent, NOW), _FIVE_MINUTES)
    store_rows(connection, [*hours, *fine], ZONE)


def _keys(connection: Connection, kind: str) -> list[int]:
    return list(connection.scalars(sa.select(_ENTITY.c.key).where(_ENTITY.c.kind == kind)))


def _samples(
    key: int, kind: str, ends: Iterable[datetime], period: timedelta
) -> Iterator[dict[str, Any]]:
    for at in ends:
        share = 0.3 + 0.2 * math.sin(at.timestamp() / 86_400 * math.tau)
        grown = 1.0 + at.timestamp() / 86_400 % 1_000 / 2_000
        row = {"entity_key": key, "taken_at": at, "period_seconds": int(period.total_seconds())}
        if kind == "host":
            used = {"cpu_used_cores": 64 * share, "memory_used_bytes": 500 * GIB * grown}
            yield row | used | {"storage_used_bytes": None}
        else:
            used = {"storage_used_bytes": 40 * 1024 * GIB * grown}
            yield row | {"cpu_used_cores": None, "memory_used_bytes": None} | used


def _copy_to_others(
    connection: Connection, kind: str, patterns: int, tables: Iterable[sa.Table]
) -> None:
    """Gives every entity of a kind the rows of one of the ``patterns`` that have some."""
    like = {key % patterns: key for key in sorted(_keys(connection, kind), reverse=True)}
    for table in tables:
        others = [column for column in table.c if column.name != "entity_key"]
        for remainder, key in like.items():
            alike = sa.and_(
                _ENTITY.c.kind == kind,
                _ENTITY.c.key % patterns == remainder,
                _ENTITY.c.key != key,
                table.c.entity_key == key,
            )
            rows = sa.select(_ENTITY.c.key, *others).join_from(_ENTITY, table, alike)
            names = ["entity_key", *(column.name for column in others)]
            connection.execute(table.insert().from_select(names, rows))


def _add_cluster_days(connection: Connection) -> None:
    """Hosts that do the same at the same time coincide: the cluster's day is a host's, so many
    times."""
    hosts = _keys(connection, "host")
    statistics = [_ENTITY_DAY.c[name] for name in DayStatistics.model_fields]
    days = sa.select(*statistics).where(_ENTITY_DAY.c.entity_key == min(hosts))
    told = {"cluster": CLUSTER, "members": len(hosts), "cpu_from_guests": False}
    rows = [
        told | {name: _times(len(hosts), name, value) for name, value in day.items()}
        for day in connection.execute(days).mappings()
    ]
    connection.execute(_CLUSTER_DAY.delete())
    connection.execute(_CLUSTER_DAY.insert(), rows)


def _times(count: int, name: str, value: Any) -> Any:
    """So many times an amount; what is none stays as it is."""
    is_amount = name.endswith(("_cores", "_bytes")) and value is not None
    return count * value if is_amount else value


def _add_guest_days(connection: Connection, days: int) -> None:
    """Of some guests that differ, and of the others like them."""
    today = NOW.astimezone(ZONE).date()
    for key in sorted(_keys(connection, "guest"))[:_GUESTS_THAT_DIFFER]:
        rows = [_guest_day(key, today - timedelta(days=back)) for back in range(1, days + 1)]
        insert(connection, _ENTITY_DAY, rows)
        recent = range(1, min(days, _RAW_DAYS) + 1)
        drawn = [_sketches(key, today - timedelta(days=back)) for back in recent]
        insert(connection, _GUEST_DAY, drawn)
    _copy_to_others(connection, "guest", _GUESTS_THAT_DIFFER, (_ENTITY_DAY, _GUEST_DAY))


def _sketches(key: int, day: date) -> dict[str, Any]:
    """A day of five-minute values that rise and fall as office hours do."""
    hours = np.arange(288) / 12
    busy = 0.2 + 1.3 * np.maximum(0.0, np.sin((hours - 6) / 12 * math.pi)) + key % 7 * 0.01
    held = (2.0 + 0.5 * busy) * GIB
    return {
        "entity_key": key,
        "day": day,
        "cpu": sketch_of(busy, CPU_UNIT).packed(),
        "memory": sketch_of(held, MEMORY_UNIT).packed(),
    }


def _guest_day(key: int, day: date) -> dict[str, Any]:
    return {
        "entity_key": key,
        "day": day,
        "span_days": 1,
        "cpu_mean_cores": 0.5,
        "cpu_high_cores": 1.5,
        "cpu_seconds": 86_400,
        "memory_mean_bytes": 2.0 * GIB,
        "memory_high_bytes": 2.5 * GIB,
        "memory_seconds": 86_400,
    }
