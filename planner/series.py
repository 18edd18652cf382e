"""Daily series per pool: demand from closed days, allocation from the versions of facts.

A series ends with the day before as_of. NaN is a day without a value of its own; it is never
filled in. Seconds covered are counted apart, for coverage and history.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from inventory.levels import DayPoint
from inventory.versions import AllocationVersion
from planner.forecast.paths import Floats
from planner.forecast.steps import Flags

HISTORY_DAYS = 500  # what a Proxmox year of weekly means reaches back
_DAY_SECONDS = 86_400
_WELL_COVERED = 0.5  # of a day, for its value to count
_FACTOR_DAYS = 90
_LONGEST_UNPOLLED_DAYS = 35  # for a state to be taken to have lasted between two polls


@dataclass(frozen=True, slots=True)
class DailySeries:
    """One quantity over HISTORY_DAYS days, the last one being the day before as_of.

    ``values`` are the day's reduced values, ``trend`` the day means on their scale, which is
    what a forecast is fitted on. ``covered`` are the seconds of each day that samples cover.
    """

    as_of: date
    values: Floats
    trend: Floats
    covered: Floats
    flags: tuple[str, ...] = ()
    factor: float = 1.0  # from day means to the scale of ``trend``
    coarse: Flags | None = None  # the days whose value is a mean over several; None: no such day

    @property
    def coarse_days(self) -> Flags:
        return np.zeros(len(self.trend), dtype=bool) if self.coarse is None else self.coarse

    @property
    def history_days(self) -> float:
        """Days covered, counted in seconds."""
        return float(self.covered.sum()) / _DAY_SECONDS

    def coverage_ratio(self, window_days: int) -> float:
        """The share covered of the last ``window_days``, or of the time since the first sample."""
        seen = np.flatnonzero(self.covered > 0)
        if not len(seen):
            return 0.0
        days = min(window_days, len(self.covered) - int(seen[0]))
        return float(self.covered[-days:].sum()) / (days * _DAY_SECONDS)

    @property
    def last(self) -> tuple[date, float] | None:
        """The newest closed day with a value."""
        known = np.flatnonzero(~np.isnan(self.values))
        if not len(known):
            return None
        i = int(known[-1])
        return self.as_of - timedelta(days=len(self.values) - i), float(self.values[i])

    def weeks(self, count: int) -> list[tuple[date, float, float]]:
        """The last calendar weeks with a value: their last day, mean and highest day."""
        import pandas as pd  # here, for only who asks for an explanation waits for it

        ends = pd.Timestamp(self.as_of) - pd.Timedelta(days=1)
        days = pd.date_range(end=ends, periods=len(self.values), freq="D")
        weekly = pd.Series(self.values, index=days).resample("W-SUN").agg(["mean", "max"])
        known = weekly.dropna().tail(count)
        return [
            (min(end, ends).date(), float(mean), float(high))
            for end, mean, high in zip(known.index, known["mean"], known["max"], strict=True)
        ]

    def until(self, day: date) -> DailySeries:
        """The series as it was known on an earlier ``as_of``."""
        gone = (self.as_of - day).days

        def earlier(values: Floats, fill: float) -> Floats:
            return np.concatenate([np.full(gone, fill), values[: len(values) - gone]])

        return replace(
            self,
            as_of=day,
            values=earlier(self.values, np.nan),
            trend=earlier(self.trend, np.nan),
            covered=earlier(self.covered, 0.0),
            coarse=np.concatenate(
                [np.zeros(gone, bool), self.coarse_days[: len(self.trend) - gone]]
            ),
        )

    def recent(self, days: int) -> Floats:
        """The known values of the last days."""
        part = self.values[-days:]
        return part[~np.isnan(part)]


def demand_series(points: Iterable[DayPoint], as_of: date) -> DailySeries:
    """The demand of a pool: a day's high where samples show it, else its mean times the factor
    by which highs exceed means on the days that show both."""
    frame = _Frame(as_of)
    for point in points:
        frame.add(point)
    return frame.series()


class _Frame:
    def __init__(self, as_of: date) -> None:
        self._as_of = as_of
        self._mean = np.full(HISTORY_DAYS, np.nan)
        self._high = np.full(HISTORY_DAYS, np.nan)
        self._covered = np.zeros(HISTORY_DAYS)
        self._coarse = np.zeros(HISTORY_DAYS, dtype=bool)

    def add(self, point: DayPoint) -> None:
        i = HISTORY_DAYS - (self._as_of - point.day).days
        self._cover(i, point)
        full = point.span_days * _DAY_SECONDS
        if 0 <= i < HISTORY_DAYS and point.seconds >= _WELL_COVERED * full:
            self._mean[i] = np.nan if point.mean is None else point.mean
            self._high[i] = np.nan if point.high is None else point.high
            self._coarse[i] = point.span_days > 1

    def _cover(self, i: int, point: DayPoint) -> None:
        """Spreads what a sample of several days covers around its middle day."""
        first = i - (point.span_days - 1) // 2
        days = slice(max(0, first), max(0, min(HISTORY_DAYS, first + point.span_days)))
        seconds = min(point.seconds / point.span_days, _DAY_SECONDS)
        self._covered[days] = np.maximum(self._covered[days], seconds)

    def series(self) -> DailySeries:
        factor, flags = self._factor()
        trend = self._mean * factor
        values = np.where(np.isnan(self._high), trend, self._high)
        return DailySeries(self._as_of, values, trend, self._covered, flags, factor, self._coarse)

    def _factor(self) -> tuple[float, tuple[str, ...]]:
        """Peak to mean, learnt from the fine part; what has to be told about it."""
        both = ~np.isnan(self._high) & ~np.isnan(self._mean) & (self._mean > 0)
        known = ~np.isnan(self._mean)
        if not both.any():
            return 1.0, ("peak_unknown",) if known.any() else ()
        recent = np.flatnonzero(both)[-_FACTOR_DAYS:]
        factor = float(np.median(self._high[recent] / self._mean[recent]))
        return factor, ("peak_estimated",) if (known & ~both).any() else ()


def state_series(
    versions: Sequence[AllocationVersion],
    polls: Sequence[datetime],
    as_of: date,
    zone: ZoneInfo,
) -> DailySeries:
    """What was allocated at the last poll of each day.

    Between two polls a state is taken to have lasted; over more than five weeks it is not known.
    """
    values = np.full(HISTORY_DAYS, np.nan)
    covered = np.zeros(HISTORY_DAYS)
    last_polls = _last_of_each_day(polls, zone)
    days = sorted(day for day in last_polls if day < as_of)
    totals = _totals(versions, [last_polls[day] for day in days])
    until = [*days[1:], as_of] if days else []
    for day, following, total in zip(days, until, totals, strict=True):
        gap = (following - day).days
        held = gap if gap <= _LONGEST_UNPOLLED_DAYS else 1
        first = HISTORY_DAYS - (as_of - day).days
        part = slice(max(0, first), max(0, min(HISTORY_DAYS, first + held)))
        values[part] = total
        covered[part] = _DAY_SECONDS
    return DailySeries(as_of, values, values, covered)


def _last_of_each_day(polls: Iterable[datetime], zone: ZoneInfo) -> dict[date, datetime]:
    last: dict[date, datetime] = {}
    for poll in sorted(polls):
        last[poll.astimezone(zone).date()] = poll
    return last


def _totals(versions: Sequence[AllocationVersion], instants: Sequence[datetime]) -> list[float]:
    """The sum of the amounts that hold at each instant."""
    events: list[tuple[float, float]] = []
    for version in versions:
        events.append((version.valid_from.timestamp(), version.amount))
        if version.valid_to is not None:
            events.append((version.valid_to.timestamp(), -version.amount))
    if not events:
        return [0.0] * len(instants)
    events.sort()
    times = np.array([time for time, _amount in events])
    sums = np.concatenate([[0.0], np.cumsum([amount for _time, amount in events])])
    wanted = [instant.timestamp() for instant in instants]
    return [float(sums[i]) for i in np.searchsorted(times, wanted, side="right")]


def wape(actual: Floats, forecast: Floats) -> float | None:
    """``100 Σ|a − f| / Σa`` over the days where both are known; None when there are none."""
    known = ~np.isnan(actual) & ~np.isnan(forecast)
    total = float(np.abs(actual[known]).sum())
    if not known.any() or total == 0:
        return None
    return 100.0 * float(np.abs(actual[known] - forecast[known]).sum()) / total
