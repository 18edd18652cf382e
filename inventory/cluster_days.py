"""Days of a cluster: its hosts summed slot by slot, so that peaks are those that coincide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inventory.day_tables import (
    LEVELS,
    Row,
    Table,
    add_coarse,
    chunks,
    dates,
    day_row,
    days_of,
    no_samples,
    nothing,
    span,
    tables,
    widened,
)
from inventory.grid import (
    DAY_SECONDS,
    SLOT_SECONDS,
    DayFigures,
    Days,
    Samples,
    better_covered,
    daily_means,
    on_grid,
    reduce_days,
    summed,
)
from inventory.peaks import fill_highs, highest
from inventory.samples import insert
from inventory.schema import ClusterDayRow, EntityDayRow, EntityRow, HostRow, table_of

_CLUSTER_DAY = table_of(ClusterDayRow)
_ENTITY = table_of(EntityRow)
_ENTITY_DAY = table_of(EntityDayRow)
_HOST = table_of(HostRow)
_HOST_METRICS = ("cpu_used_cores", "memory_used_bytes")


@dataclass(frozen=True, slots=True)
class _Member:
    """A host of a cluster, from when until when (seconds since 1970), and what it used."""

    key: int
    begins: float
    ends: float
    table: Table

    def active(self, instants: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        return (instants > self.begins) & (instants <= self.ends)


def close_clusters(
    connection: Connection, zone: ZoneInfo, touched: Mapping[int, set[date]]
) -> None:
    """Remakes the days of every cluster of which a host's or guest's day was touched."""
    owners = connection.execute(
        sa.select(_ENTITY.c.key, _ENTITY.c.cluster).where(_ENTITY.c.kind.in_(("host", "guest")))
    )
    wanted: dict[str, set[date]] = defaultdict(set)
    for key, cluster in owners:
        wanted[cluster] |= touched.get(key, set())
    for cluster, days in sorted(wanted.items()):
        if days:
            _close_cluster(connection, zone, cluster, days)


def _close_cluster(connection: Connection, zone: ZoneInfo, cluster: str, wanted: set[date]) -> None:
    days = span(wanted, zone)
    members = _members(connection, cluster, days, zone)
    levels = {level: _level(members, level, days) for level in ("cpu", "memory")}
    from_guests = not any(len(member.table["cpu_used_cores"].ends) for member in members)
    if from_guests:
        levels["cpu"] = _guests_cpu(connection, cluster, days)
    levels["storage"] = nothing(days)
    extra: Row = {"cluster": cluster, "members": len(members), "cpu_from_guests": from_guests}
    rows: dict[date, Row] = {}
    for index, day in enumerate(dates(days, zone)):
        row = day_row(levels, index, day)
        if day in wanted and row is not None:
            rows[day] = row | extra
    add_coarse(rows, _coarse_sums(members), days, wanted, zone, extra)
    if len(members) == 1:  # the highest of several hosts need not coincide
        [key] = (member.key for member in members)
        fill_highs(rows, highest(connection, [key], days).get(key, {}), days, zone)
    insert(connection, _CLUSTER_DAY, list(rows.values()), renew=True)


def _members(connection: Connection, cluster: str, days: Days, zone: ZoneInfo) -> list[_Member]:
    """The cluster's hosts that are not retired, each from when it was there."""
    rows = connection.execute(
        sa.select(_HOST.c.entity_key, _HOST.c.valid_from, _HOST.c.valid_to).where(
            _HOST.c.cluster == cluster,
            sa.or_(_HOST.c.status != "retired", _HOST.c.status.is_(None)),
        )
    )
    spans: dict[int, tuple[float, float]] = {}
    for key, begins, ends in rows:
        begin, end = begins.timestamp(), ends.timestamp() if ends else float("inf")
        low, high = spans.get(key, (begin, end))
        spans[key] = (min(low, begin), max(high, end))
    used = tables(connection, spans, days)
    empty = dict.fromkeys(_HOST_METRICS, no_samples())
    shown = _first_days(connection, spans, zone)
    return [
        _Member(key, min(begin, shown.get(key, begin)), end, used.get(key, empty))
        for key, (begin, end) in sorted(spans.items())
    ]


def _first_days(connection: Connection, keys: Iterable[int], zone: ZoneInfo) -> dict[int, float]:
    """Since when each host is known to have been there: samples may reach back before the first
    poll."""
    days = connection.execute(
        sa.select(_ENTITY_DAY.c.entity_key, _ENTITY_DAY.c.day, _ENTITY_DAY.c.span_days)
        .where(_ENTITY_DAY.c.entity_key.in_(list(keys)))
        .order_by(_ENTITY_DAY.c.day.desc())
    )
    first = {key: (day, span_days) for key, day, span_days in days}
    return {
        key: datetime.combine(day, time(), zone).timestamp() - (span_days - 1) / 2 * DAY_SECONDS
        for key, (day, span_days) in first.items()
    }


def _level(members: list[_Member], level: str, days: Days) -> DayFigures:
    metric = LEVELS[level]
    if not members:
        return nothing(days)
    fine = _fine_sum(members, metric, days, two_hour_mean=level == "cpu")
    return better_covered(fine, _daily_sum(members, metric, days))


def _fine_sum(
    members: list[_Member], metric: str, days: Days, *, two_hour_mean: bool
) -> DayFigures:
    parts = [member.table[metric].fine for member in members]
    narrow = days_of(parts, days)
    if narrow is None:
        return nothing(days)
    grids = np.stack([on_grid(part, narrow.start, narrow.slots) for part in parts])
    middles = narrow.start + SLOT_SECONDS * (np.arange(narrow.slots, dtype=np.float64) + 0.5)
    active = np.stack([member.active(middles) for member in members])
    part = reduce_days(summed(grids, active), narrow, two_hour_mean=two_hour_mean)
    return widened(part, narrow, days)


def _daily_sum(members: list[_Member], metric: str, days: Days) -> DayFigures:
    each = [daily_means(member.table[metric].daily, days) for member in members]
    middles = np.asarray((days.bounds[:-1] + days.bounds[1:]) / 2, dtype=np.float64)
    active = np.stack([member.active(middles) for member in members])
    means = summed(np.stack([part.mean for part in each]), active)
    seconds = np.where(active, np.stack([part.seconds for part in each]), np.inf).min(axis=0)
    seconds = np.where(np.isnan(means), 0.0, seconds)
    return DayFigures(means, np.full(days.count, np.nan), seconds)


def _coarse_sums(members: list[_Member]) -> Table:
    """Sums over the members of samples longer than a day, where all who were there have one."""
    sums: Table = {metric: no_samples() for metric in LEVELS.values()}
    return sums | {metric: _coarse_sum(members, metric) for metric in _HOST_METRICS}


def _coarse_sum(members: list[_Member], metric: str) -> Samples:
    found: dict[tuple[int, int], dict[int, float]] = defaultdict(dict)
    for member in members:
        part = member.table[metric].coarse
        for end, period, value in zip(part.ends, part.periods, part.values, strict=True):
            found[int(end), int(period)][member.key] = float(value)
    rows = [
        (end, period, sum(values.values()))
        for (end, period), values in sorted(found.items())
        if _expected(members, end - period / 2) <= set(values)
    ]
    if not rows:
        return no_samples()
    block = np.array(rows)
    return Samples(block[:, 0].astype(np.int64), block[:, 1].astype(np.int64), block[:, 2])


def _expected(members: Iterable[_Member], instant: float) -> set[int]:
    return {member.key for member in members if member.begins < instant <= member.ends}


def _guests_cpu(connection: Connection, cluster: str, days: Days) -> DayFigures:
    """Where no host tells its CPU: the guests' busy threads, in physical cores.

    A guest without a sample in a slot counts nothing there: it may be stopped.
    """
    keys = connection.scalars(
        sa.select(_ENTITY.c.key).where(_ENTITY.c.cluster == cluster, _ENTITY.c.kind == "guest")
    ).all()
    total = np.full(days.slots, np.nan)
    for chunk in chunks(keys):
        for table in tables(connection, chunk, days).values():
            grid = on_grid(table["cpu_used_cores"].fine, days.start, days.slots)
            both = np.isnan(total) & np.isnan(grid)
            total = np.where(both, np.nan, np.nan_to_num(total) + np.nan_to_num(grid))
    return reduce_days(total * _cores_per_thread(connection, cluster), days, two_hour_mean=True)


def _cores_per_thread(connection: Connection, cluster: str) -> float:
    """Physical cores per thread over the cluster; 1 where threads are not known."""
    rows = connection.execute(
        sa.select(_HOST.c.cpu_cores, _HOST.c.cpu_threads).where(
            _HOST.c.cluster == cluster, _HOST.c.valid_to.is_(None)
        )
    ).all()
    known = [(cores, threads) for cores, threads in rows if cores and threads]
    if not known:
        return 1.0
    return float(sum(cores for cores, _ in known) / sum(threads for _, threads in known))
