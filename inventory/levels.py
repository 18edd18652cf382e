"""How much is used: by the day, and lately."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from inventory.samples import USAGE
from inventory.schema import ClusterDayRow, EntityDayRow, EntityRow, table_of

_ENTITY = table_of(EntityRow)
_ENTITY_DAY = table_of(EntityDayRow)
_CLUSTER_DAY = table_of(ClusterDayRow)


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
