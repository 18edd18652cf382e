"""A store as it is after months: versions, polls, samples and days, written by the store's own
functions, or in bulk where a year of five-minute polls would take hours.

What it lacks of a real one are the samples of guests, of which no report reads any: their days are
there, and the sketches of the last ones.
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

from bench.fleet import GIB, NOW, ZONE, Fleet, attempt
from inventory.append import append
from inventory.history import close_days
from inventory.samples import insert, store_rows
from inventory.schema import EntityDayRow, EntityRow, GuestDayRow, PollRow, table_of
from inventory.sketch import CPU_UNIT, MEMORY_UNIT, sketch_of
from inventory.store import Store

_ENTITY = table_of(EntityRow)
_ENTITY_DAY = table_of(EntityDayRow)
_GUEST_DAY = table_of(GuestDayRow)
_POLL = table_of(PollRow)
_NIGHTLY_BACKUPS = 7
_RAW_DAYS = 35
_HOUR = timedelta(hours=1)
_FIVE_MINUTES = timedelta(minutes=5)
_WEEK = timedelta(weeks=1)


def build(path: Path, guests: int, days: int) -> None:
    """Makes the store: a poll a week in full, one every five minutes by its row alone."""
    with Store.open(f"sqlite:///{path}", create=True) as store, store.writing() as connection:
        began = NOW - timedelta(days=days)
        for week, at in enumerate(_every(_WEEK, began, NOW)):
            _poll_in_full(connection, guests, week, at)
        weeks = math.ceil(days / 7)
        _poll_in_full(connection, guests, weeks, NOW)
        _add_polls(connection, began)
        _add_samples(connection, began)
        close_days(connection, ZONE, NOW)
        _add_guest_days(connection, days)


def _every(step: timedelta, first: datetime, before: datetime) -> Iterator[datetime]:
    return (first + i * step for i in range(math.ceil((before - first) / step)))


def _poll_in_full(connection: Connection, guests: int, week: int, at: datetime) -> None:
    """One guest in a hundred is resized every week; the backups of the week before are gone."""
    fleet = Fleet(guests, resized=week * max(1, guests // 100), backups=_NIGHTLY_BACKUPS)
    append(connection, fleet.snapshot(at), replace(attempt(at), period_seconds=300))


def _add_polls(connection: Connection, began: datetime) -> None:
    done = connection.execute(sa.select(_POLL).limit(1)).mappings().one()
    rows = [
        {**done, "started_at": at, "taken_at": at, "finished_at": at + timedelta(seconds=20)}
        for at in _every(_FIVE_MINUTES, began + _FIVE_MINUTES, NOW)
    ]
    for row in rows:
        del row["key"]
    connection.execute(_POLL.insert(), rows)


def _add_samples(connection: Connection, began: datetime) -> None:
    """Of hosts and datastores: hours, and five minutes of the last weeks."""
    recent = max(began, NOW - timedelta(days=_RAW_DAYS)).replace(minute=0)
    things = sa.select(_ENTITY.c.key, _ENTITY.c.kind).where(_ENTITY.c.kind != "guest")
    for key, kind in connection.execute(things).all():
        hours = _samples(key, kind, _every(_HOUR, began.replace(minute=0), recent), _HOUR)
        fine = _samples(key, kind, _every(_FIVE_MINUTES, recent, NOW), _FIVE_MINUTES)
        store_rows(connection, [*hours, *fine], ZONE)


def _samples(
    key: int, kind: str, ends: Iterable[datetime], period: timedelta
) -> Iterator[dict[str, Any]]:
    for at in ends:
        share = 0.3 + 0.2 * math.sin(at.timestamp() / 86_400 * math.tau + key)
        grown = 1.0 + at.timestamp() / 86_400 % 1_000 / 2_000
        row = {"entity_key": key, "taken_at": at, "period_seconds": int(period.total_seconds())}
        if kind == "host":
            used = {"cpu_used_cores": 64 * share, "memory_used_bytes": 500 * GIB * grown}
            yield row | used | {"storage_used_bytes": None}
        else:
            used = {"storage_used_bytes": 40 * 1024 * GIB * grown}
            yield row | {"cpu_used_cores": None, "memory_used_bytes": None} | used


def _add_guest_days(connection: Connection, days: int) -> None:
    guests = sa.select(_ENTITY.c.key).where(_ENTITY.c.kind == "guest")
    today = NOW.astimezone(ZONE).date()
    for key in connection.scalars(guests).all():
        rows = [_guest_day(key, today - timedelta(days=back)) for back in range(1, days + 1)]
        insert(connection, _ENTITY_DAY, rows, renew=True)
        recent = range(1, min(days, _RAW_DAYS) + 1)
        drawn = [_sketches(key, today - timedelta(days=back)) for back in recent]
        insert(connection, _GUEST_DAY, drawn, renew=True)


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
