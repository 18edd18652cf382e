"""From stored samples to the figures of whole local days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inventory.grid import (
    DAY_SECONDS,
    DayFigures,
    Days,
    Floats,
    Samples,
    better_covered,
    daily_means,
    on_grid,
    reduce_days,
)
from inventory.records import USAGE_METRICS
from inventory.samples import USAGE

LEVELS = {"cpu": "cpu_used_cores", "memory": "memory_used_bytes", "storage": "storage_used_bytes"}
UNITS = {"cpu": "cores", "memory": "bytes", "storage": "bytes"}
RATES = tuple(name for name in USAGE_METRICS if name.endswith("per_second"))

_ENTITIES_AT_ONCE = 100
_WELL_COVERED = 0.5  # of a day; below it a coarse sample around it says more
_LONGEST_SAMPLE_SECONDS = 93 * DAY_SECONDS  # a quarter of a year

Table = dict[str, Samples]  # by metric
Row = dict[str, Any]


def span(days: Iterable[date], zone: ZoneInfo) -> Days:
    """All local days from the first to the last of ``days``."""
    days = list(days)
    first, last = min(days), max(days)
    wanted = [first + timedelta(days=i) for i in range((last - first).days + 2)]
    midnights = [datetime.combine(day, datetime.min.time(), zone).timestamp() for day in wanted]
    return Days(np.array(midnights, dtype=np.int64))


def dates(days: Days, zone: ZoneInfo) -> list[date]:
    return [datetime.fromtimestamp(int(start), zone).date() for start in days.bounds[:-1]]


def chunks(keys: Iterable[int]) -> Iterator[list[int]]:
    ordered = sorted(keys)
    for start in range(0, len(ordered), _ENTITIES_AT_ONCE):
        yield ordered[start : start + _ENTITIES_AT_ONCE]


def tables(connection: Connection, keys: Iterable[int], days: Days) -> dict[int, Table]:
    """The samples of each entity that can touch the days."""
    ends = sa.type_coerce(USAGE.c.taken_at, sa.BigInteger)
    query = (
        sa.select(
            USAGE.c.entity_key,
            ends,
            USAGE.c.period_seconds,
            *(USAGE.c[name] for name in USAGE_METRICS),
        )
        .where(
            USAGE.c.entity_key.in_(list(keys)),
            ends > days.start,
            ends < int(days.bounds[-1]) + _LONGEST_SAMPLE_SECONDS,
            ends - USAGE.c.period_seconds < int(days.bounds[-1]),
        )
        .order_by(USAGE.c.entity_key)
    )
    rows = [tuple(row) for row in connection.execute(query)]  # numpy reads plain tuples fast
    if not rows:
        return {}
    block = np.array(rows, dtype=np.float64)
    cuts = np.flatnonzero(np.diff(block[:, 0])) + 1
    return {int(part[0, 0]): _table(part) for part in np.split(block, cuts)}


def _table(part: Floats) -> Table:
    ends, periods = part[:, 1].astype(np.int64), part[:, 2].astype(np.int64)
    return {
        name: Samples(ends, periods, part[:, 3 + i]).only(~np.isnan(part[:, 3 + i]))
        for i, name in enumerate(USAGE_METRICS)
    }


def no_samples() -> Samples:
    none = np.array([], dtype=np.int64)
    return Samples(none, none, np.array([], dtype=np.float64))


def nothing(days: Days) -> DayFigures:
    unknown = np.full(days.count, np.nan)
    return DayFigures(unknown, unknown, np.zeros(days.count))


def figures(samples: Samples, days: Days, *, two_hour_mean: bool) -> DayFigures:
    """Each day's figures from fine samples where they cover it better, else from daily ones."""
    fine = samples.fine
    narrow = days_of([fine], days)
    if narrow is None:
        return daily_means(samples.daily, days)
    part = reduce_days(
        on_grid(fine, narrow.start, narrow.slots), narrow, two_hour_mean=two_hour_mean
    )
    return better_covered(widened(part, narrow, days), daily_means(samples.daily, days))


def days_of(parts: Iterable[Samples], days: Days) -> Days | None:
    """The days among ``days`` that the samples touch, as one run; None when there are none."""
    ends = np.concatenate([part.ends for part in parts])
    starts = ends - np.concatenate([part.periods for part in parts])
    inside = (ends > days.start) & (starts < days.bounds[-1])
    if not inside.any():
        return None
    first = np.searchsorted(days.bounds, max(starts[inside].min(), days.start), side="right") - 1
    last = np.searchsorted(days.bounds, min(ends[inside].max(), days.bounds[-1]), side="left")
    return Days(days.bounds[first : last + 1])


def widened(part: DayFigures, narrow: Days, days: Days) -> DayFigures:
    """Figures of a run of days as figures of all days."""
    whole = nothing(days)
    mean, high, seconds = whole.mean.copy(), whole.high.copy(), whole.seconds.copy()
    first = int(np.searchsorted(days.bounds, narrow.start))
    run = slice(first, first + narrow.count)
    mean[run], high[run], seconds[run] = part.mean, part.high, part.seconds
    return DayFigures(mean, high, seconds)


def day_row(levels: Mapping[str, DayFigures], index: int, day: date) -> Row | None:
    """The row of one day; None when nothing of it is covered."""
    if not any(part.seconds[index] > 0 for part in levels.values()):
        return None
    row: Row = {"day": day, "span_days": 1}
    for level, part in levels.items():
        row[f"{level}_mean_{UNITS[level]}"] = known(part.mean[index])
        row[f"{level}_high_{UNITS[level]}"] = known(part.high[index])
        row[f"{level}_seconds"] = int(part.seconds[index])
    return row


def known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


@dataclass(frozen=True, slots=True)
class _Coarse:
    """A sample longer than a day, at the day its middle lies in."""

    day: date
    span_days: int
    level: str
    value: float
    seconds: int


def _coarse(table: Table, days: Days, zone: ZoneInfo) -> Iterator[_Coarse]:
    for level, metric in LEVELS.items():
        part = table[metric].coarse
        middles = part.ends - part.periods // 2
        inside = (middles >= days.start) & (middles < days.bounds[-1])
        for middle, period, value in zip(
            middles[inside], part.periods[inside], part.values[inside], strict=True
        ):
            day = datetime.fromtimestamp(int(middle), zone).date()
            yield _Coarse(day, round(int(period) / DAY_SECONDS), level, float(value), int(period))


def add_coarse(
    rows: dict[date, Row], table: Table, days: Days, wanted: set[date], zone: ZoneInfo, keys: Row
) -> None:
    """Adds coarse samples to the wanted days: as days of several days' span, or as the value of
    one day where samples cover the day's other levels well."""
    for sample in _coarse(table, days, zone):
        if sample.day not in wanted:
            continue
        row, seconds = rows.get(sample.day), sample.seconds
        if row is not None and row["span_days"] == 1:
            if _is_covered(row, sample.level):
                continue
            if any(_is_covered(row, level) for level in LEVELS):
                seconds = min(seconds, DAY_SECONDS)
            else:
                row = None
        if row is None:
            row = rows[sample.day] = _empty_row(sample.day, sample.span_days) | keys
        row[f"{sample.level}_mean_{UNITS[sample.level]}"] = sample.value
        row[f"{sample.level}_high_{UNITS[sample.level]}"] = None
        row[f"{sample.level}_seconds"] = seconds


def _is_covered(row: Row, level: str) -> bool:
    covered: int = row[f"{level}_seconds"]
    return covered >= _WELL_COVERED * DAY_SECONDS


def _empty_row(day: date, span_days: int) -> Row:
    row: Row = {"day": day, "span_days": span_days}
    for level, unit in UNITS.items():
        row |= {f"{level}_mean_{unit}": None, f"{level}_high_{unit}": None, f"{level}_seconds": 0}
    return row
