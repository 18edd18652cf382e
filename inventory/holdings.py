"""What each guest and each disk was allocated, and when: the parts that a change is told from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inventory.records import POWERED_ON, Disk, Guest
from inventory.schema import VERSION_ROWS, EntityDayRow, EntityRow, table_of

_ENTITY = table_of(EntityRow)
_ENTITY_DAY = table_of(EntityDayRow)
_GUEST = table_of(VERSION_ROWS[Guest])
_DISK = table_of(VERSION_ROWS[Disk])

GUEST_RESOURCES = (("cpu", "vcpus"), ("memory", "memory_bytes"))


@dataclass(frozen=True, slots=True)
class Holding:
    """What one guest or disk was allocated of one resource, over a time.

    ``thing`` is the same for all versions of a guest or disk, ``guest`` for those of a guest and
    its disks. ``place`` is (cluster, "cpu" or "memory"), or (cluster, datastore id); ``counts``
    tells whether a pool's allocation counts it (a guest that is on and no template; any disk).
    """

    thing: tuple[str, ...]
    guest: tuple[str, str]  # (cluster, guest id)
    label: str
    place: tuple[str, str]
    amount: float | None
    counts: bool
    valid_from: datetime
    valid_to: datetime | None
    used: float | None = None  # of a disk: what it took on its datastore when last seen

    def holds_at(self, at: datetime) -> bool:
        return self.valid_from <= at and (self.valid_to is None or self.valid_to > at)


def holdings(connection: Connection, since: datetime, until: datetime) -> tuple[Holding, ...]:
    """Every version of a guest or disk that held at some instant from ``since`` to ``until``."""
    return (*_of_guests(connection, since, until), *_of_disks(connection, since, until))


def _held(table: sa.Table, since: datetime, until: datetime) -> sa.ColumnElement[bool]:
    ends = sa.or_(table.c.valid_to.is_(None), table.c.valid_to > since)
    return sa.and_(table.c.valid_from <= until, ends)


def _of_guests(connection: Connection, since: datetime, until: datetime) -> Iterator[Holding]:
    query = sa.select(_GUEST).where(_held(_GUEST, since, until)).order_by(_GUEST.c.valid_from)
    for row in connection.execute(query).mappings():
        label = f"{row['name']} ({row['guest_id']})" if row["name"] else row["guest_id"]
        on = row["power"] in POWERED_ON and row["template"] is not True
        for resource, column in GUEST_RESOURCES:
            yield Holding(
                thing=("guest", str(row["entity_key"]), resource),
                guest=(row["cluster"], row["guest_id"]),
                label=label,
                place=(row["cluster"], resource),
                amount=row[column],
                counts=on,
                valid_from=row["valid_from"],
                valid_to=row["valid_to"],
            )


def _of_disks(connection: Connection, since: datetime, until: datetime) -> Iterator[Holding]:
    query = sa.select(_DISK).where(_held(_DISK, since, until), _DISK.c.datastore_id.is_not(None))
    for row in connection.execute(query.order_by(_DISK.c.valid_from)).mappings():
        yield Holding(
            thing=("disk", row["cluster"], row["subject_id"]),
            guest=(row["cluster"], row["guest_id"]),
            label=f"disk {row['subject_id']}",
            used=row["allocated_bytes"],
            place=(row["cluster"], row["datastore_id"]),
            amount=row["capacity_bytes"],
            counts=True,
            valid_from=row["valid_from"],
            valid_to=row["valid_to"],
        )


@dataclass(frozen=True, slots=True)
class GuestUse:
    """What a guest used on average over some days; None where no day tells.

    Of storage, over those days that tell it: a guest that is off stores what it stored.
    """

    cpu_cores: float | None
    memory_bytes: float | None
    storage_bytes: float | None = None


def guest_use(connection: Connection, first: date, last: date) -> dict[int, GuestUse]:
    """Per guest entity its mean from the first to the last day; guests without a day are left out.

    A guest that has fewer days than others was not there on the rest: they count as nothing. A
    sample of several days counts where its middle day lies.
    """
    keys = sa.select(_ENTITY.c.key).where(_ENTITY.c.kind == "guest")
    days, stored = _ENTITY_DAY.c.span_days, _ENTITY_DAY.c.storage_mean_bytes
    means = _ENTITY_DAY.c.cpu_mean_cores, _ENTITY_DAY.c.memory_mean_bytes
    rows = connection.execute(
        sa.select(
            _ENTITY_DAY.c.entity_key, sa.func.sum(days),
            *(sa.func.sum(mean * days) for mean in means), sa.func.sum(stored * days),
            sa.func.sum(sa.case((stored.is_not(None), days))),
        )
        .where(_ENTITY_DAY.c.day >= first, _ENTITY_DAY.c.day <= last)
        .where(_ENTITY_DAY.c.entity_key.in_(keys))
        .group_by(_ENTITY_DAY.c.entity_key)
    ).all()  # fmt: skip
    most = max((int(row[1]) for row in rows), default=1)
    return {
        row[0]: GuestUse(_over(row[2], most), _over(row[3], most), _over(row[4], row[5] or 1))
        for row in rows
    }


def _over(total: Any, days: int) -> float | None:
    return None if total is None else float(total) / days
