"""How far the past can be trusted: missing days, days that are left out, and what adds up.

A day that the owners' file excludes (an outage, a restore, a migration) is not learnt from; it
stays in the history and is listed. What guests used is held against what their hosts and
datastores say: the share that no guest accounts for is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from inventory.levels import DayPoint
from planner.owners import Exclusion
from planner.series import DailySeries

Run = tuple[date, date]  # first and last day

_WELL_COVERED = 0.5  # of a day
_DAY_SECONDS = 86_400


def applying(
    exclusions: Iterable[Exclusion], is_pool: Callable[[str], bool], sources: Sequence[str]
) -> tuple[Exclusion, ...]:
    """The exclusions that speak of a pool, or of a source that it is read from."""
    return tuple(
        item
        for item in exclusions
        if (item.pool is None or is_pool(item.pool))
        and (item.source is None or item.source in sources)
    )


def without(series: DailySeries, exclusions: Iterable[Exclusion]) -> DailySeries:
    """The series with nothing to learn from on the excluded days."""
    trend, length = series.trend.copy(), len(series.trend)
    for item in exclusions:
        first = length - (series.as_of - item.first).days
        last = length - (series.as_of - item.last).days
        trend[max(0, first) : max(0, last + 1)] = np.nan
    gone = int((np.isnan(trend) & ~np.isnan(series.trend)).sum())
    if not gone:
        return series
    return replace(series, trend=trend, flags=(*series.flags, f"days_excluded:{gone}"))


def gaps(series: DailySeries) -> tuple[Run, ...]:
    """The runs of days that no sample covers, since the first one that does."""
    seen = np.flatnonzero(series.covered > 0)
    if not len(seen):
        return ()
    missing = series.covered <= 0
    missing[: seen[0]] = False
    edges = np.diff(np.concatenate([[0], missing.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    begin = series.as_of - timedelta(days=len(missing))
    return tuple(
        (begin + timedelta(days=int(start)), begin + timedelta(days=int(end)))
        for start, end in zip(starts, ends, strict=True)
    )


def mean_day(points: Iterable[DayPoint], first: date, days: int) -> float | None:
    """The mean of the well covered days from ``first`` on; None when there is none."""
    means = [
        point.mean
        for point in points
        if first <= point.day < first + timedelta(days=days)
        and point.mean is not None
        and point.seconds >= _WELL_COVERED * point.span_days * _DAY_SECONDS
    ]
    return sum(means) / len(means) if means else None


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a pool used, and how much of it its guests or disks account for.

    ``unmeasured`` counts those of which it is not known what they use: then ``accounted`` is a
    lower bound.
    """

    used: float
    accounted: float
    unmeasured: int

    @property
    def unexplained_percent(self) -> float | None:
        """What nothing accounts for; negative where the parts are more than the whole."""
        return 100.0 * (self.used - self.accounted) / self.used if self.used > 0 else None


def reconciled(used: float | None, parts: Sequence[float | None]) -> Reconciled | None:
    """The parts held against the whole; None where either is not known."""
    known = [part for part in parts if part is not None]
    if used is None or not known:
        return None
    return Reconciled(used, sum(known), len(parts) - len(known))


def is_out_of_line(found: Reconciled | None, limit_percent: float) -> bool:
    """Whether more is unexplained than the policy allows, with every part measured."""
    if found is None or found.unmeasured or found.unexplained_percent is None:
        return False
    return abs(found.unexplained_percent) > limit_percent
