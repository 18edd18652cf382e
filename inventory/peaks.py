"""The highest values of periods whose samples are too coarse to show them.

A platform's own history keeps them beside its means. They make the day's maximum of one entity's
memory or storage; of CPU it is the highest two-hour mean that counts, which no maximum tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inventory.day_tables import LEVELS, UNITS, Row, dates, known
from inventory.grid import DAY_SECONDS, Days, Floats
from inventory.identity import Identities
from inventory.records import Peak
from inventory.samples import insert
from inventory.schema import PeakRow, table_of

_PEAK = table_of(PeakRow)
_LEVELS = ("memory", "storage")
_WELL_COVERED = 0.5  # of a day by such periods, for their highest to be the day's

Highest = Mapping[str, Floats]  # by level, one value a day; NaN is not known


def store_peaks(connection: Connection, peaks: Sequence[Peak], identities: Identities) -> int:
    """Stores the peaks that are new and returns their number."""
    rows = [
        {
            "entity_key": identities.key(peak.entity, peak.cluster, peak.entity_id),
            "taken_at": peak.taken_at,
            "period_seconds": peak.period_seconds,
            "memory_used_bytes": peak.memory_used_bytes,
            "storage_used_bytes": peak.storage_used_bytes,
        }
        for peak in peaks
    ]
    return insert(connection, _PEAK, rows)


def highest(connection: Connection, keys: Iterable[int], days: Days) -> dict[int, Highest]:
    """Per entity and level the highest value of each day that peaks cover well."""
    ends = sa.type_coerce(_PEAK.c.taken_at, sa.BigInteger)
    metrics = [_PEAK.c[LEVELS[level]] for level in _LEVELS]
    rows = connection.execute(
        sa.select(_PEAK.c.entity_key, ends, _PEAK.c.period_seconds, *metrics)
        .where(_PEAK.c.entity_key.in_(list(keys)), _PEAK.c.period_seconds <= DAY_SECONDS)
        .where(ends > days.start, ends - _PEAK.c.period_seconds < int(days.bounds[-1]))
        .order_by(_PEAK.c.entity_key)
    ).all()
    if not rows:
        return {}
    block = np.array([tuple(row) for row in rows], dtype=np.float64)
    cuts = np.flatnonzero(np.diff(block[:, 0])) + 1
    return {int(part[0, 0]): _of_days(part, days) for part in np.split(block, cuts)}


def _of_days(part: Floats, days: Days) -> Highest:
    """Each period's highest at the day its middle lies in."""
    middles = part[:, 1] - part[:, 2] / 2
    day = np.searchsorted(days.bounds, middles, side="right") - 1
    inside = (day >= 0) & (day < days.count)
    found: dict[str, Floats] = {}
    for place, level in enumerate(_LEVELS):
        known = inside & ~np.isnan(part[:, 3 + place])
        high = np.full(days.count, -np.inf)
        np.maximum.at(high, day[known], part[known, 3 + place])
        covered = np.bincount(day[known], part[known, 2], minlength=days.count)
        high[covered < _WELL_COVERED * DAY_SECONDS] = np.nan
        found[level] = high
    return found


def fill_highs(rows: Mapping[date, Row], found: Highest, days: Days, zone: ZoneInfo) -> None:
    """Gives the rows of single days their highest values where samples show none."""
    for index, day in enumerate(dates(days, zone)):
        row = rows.get(day)
        for level in found if row is not None and row["span_days"] == 1 else ():
            mean, high = f"{level}_mean_{UNITS[level]}", f"{level}_high_{UNITS[level]}"
            if row is not None and row[high] is None and row[mean] is not None:
                row[high] = known(found[level][index])
