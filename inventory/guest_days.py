"""What each guest used, day by day, as sketches: enough for its size and for whether it is idle.

Slots of five minutes are counted, so that a sample weighs as long as it lasts; samples coarser
than two hours hide the peaks and are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inventory.day_tables import Row, Table, dates, days_of
from inventory.grid import Days, Samples, on_grid
from inventory.records import Guest
from inventory.samples import insert
from inventory.schema import EntityDayRow, EntityRow, GuestDayRow, table_of
from inventory.sketch import CPU_UNIT, MEMORY_UNIT, Sketch, sketch_of, unpacked

_GUEST_DAY = table_of(GuestDayRow)
_ENTITY = table_of(EntityRow)
_ENTITY_DAY = table_of(EntityDayRow)
_NET = ("net_in_bytes_per_second", "net_out_bytes_per_second")
_DISK = ("disk_read_bytes_per_second", "disk_write_bytes_per_second")


@dataclass(frozen=True, slots=True)
class GuestDay:
    """A closed day of a guest; a sketch of None is not known, its counts are slots of 300 s."""

    day: date
    cpu: Sketch | None = None  # cores
    memory: Sketch | None = None  # bytes, without reclaimable cache where the source leaves it out
    net_bytes_per_second: float | None = None  # the day's mean, both ways together
    disk_bytes_per_second: float | None = None


def guest_keys(connection: Connection) -> frozenset[int]:
    """The entities that are guests."""
    wanted = sa.select(_ENTITY.c.key).where(_ENTITY.c.kind == Guest.kind_name)
    return frozenset(connection.scalars(wanted))


def close_guests(
    connection: Connection,
    used: Mapping[int, Table],
    days: Days,
    touched: Mapping[int, set[date]],
    zone: ZoneInfo,
) -> None:
    """Makes the touched days of the guests whose samples are given."""
    names = dates(days, zone)
    rows = [
        row
        for key, table in used.items()
        for row in _rows(key, table, days, names)
        if row["day"] in touched[key]
    ]
    insert(connection, _GUEST_DAY, rows, renew=True)


def _rows(key: int, table: Table, days: Days, names: list[date]) -> Iterator[Row]:
    cpu = _sketches(table["cpu_used_cores"], days, CPU_UNIT)
    memory = _sketches(table["memory_used_bytes"], days, MEMORY_UNIT)
    for index in sorted(cpu.keys() | memory.keys()):
        yield {
            "entity_key": key,
            "day": names[index],
            "cpu": _packed(cpu.get(index)),
            "memory": _packed(memory.get(index)),
        }


def _packed(sketch: Sketch | None) -> bytes | None:
    return None if sketch is None else sketch.packed()


def _sketches(samples: Samples, days: Days, unit: float) -> dict[int, Sketch]:
    """Per day that fine samples touch, by its index."""
    fine = samples.fine
    narrow = days_of([fine], days)
    if narrow is None:
        return {}
    grid = on_grid(fine, narrow.start, narrow.slots)
    of_slot = narrow.of_slots() + int(np.searchsorted(days.bounds, narrow.start))
    covered = ~np.isnan(grid)
    values, of_value = grid[covered], of_slot[covered]
    return {int(i): sketch_of(values[of_value == i], unit) for i in np.unique(of_value)}


def forget_guest_days(connection: Connection, before: datetime) -> None:
    """Drops the sketches of days that are over before an instant; the days' means stay."""
    connection.execute(_GUEST_DAY.delete().where(_GUEST_DAY.c.day < before.date()))


class GuestDays(Mapping[int, tuple[GuestDay, ...]]):
    """Per guest its days in order, unpacked when they are asked for: a fleet's days at once would
    take three times the memory."""

    def __init__(self, rows: Mapping[int, Sequence[tuple[Any, ...]]]) -> None:
        self._rows = rows

    def __getitem__(self, key: int) -> tuple[GuestDay, ...]:
        return tuple(_guest_day(*row) for row in self._rows[key])

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def guest_days(connection: Connection, since: date, until: date) -> GuestDays:
    """Per guest its days from ``since`` to before ``until``."""
    columns = [_GUEST_DAY.c[name] for name in ("entity_key", "day", "cpu", "memory")]
    rates = [_ENTITY_DAY.c[name] for name in (*_NET, *_DISK)]
    same = sa.and_(
        _ENTITY_DAY.c.entity_key == _GUEST_DAY.c.entity_key,
        _ENTITY_DAY.c.day == _GUEST_DAY.c.day,
    )
    rows = connection.execute(
        sa.select(*columns, *rates)
        .join(_ENTITY_DAY, same, isouter=True)
        .where(_GUEST_DAY.c.day >= since, _GUEST_DAY.c.day < until)
        .order_by(_GUEST_DAY.c.day)
    )
    found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for key, *packed in rows:
        found[key].append(tuple(packed))
    return GuestDays(found)


def _guest_day(
    day: date,
    cpu: bytes | None,
    memory: bytes | None,
    net_in: float | None,
    net_out: float | None,
    disk_read: float | None,
    disk_write: float | None,
) -> GuestDay:
    return GuestDay(
        day=day,
        cpu=None if cpu is None else unpacked(cpu, CPU_UNIT),
        memory=None if memory is None else unpacked(memory, MEMORY_UNIT),
        net_bytes_per_second=_both(net_in, net_out),
        disk_bytes_per_second=_both(disk_read, disk_write),
    )


def _both(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else float(one + other)
