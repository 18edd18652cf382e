"""Samples on one five-minute grid, and a day's statistics from it. Pure arithmetic on arrays.

A grid is an array of slots of 300 s from ``start`` (seconds since 1970); NaN is a slot that no
sample covers. Where samples of several periods cover a slot, the finest counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SLOT_SECONDS = 300
FINEST_PEAK_SECONDS = 7_200  # coarser samples hide the peaks of a day
DAY_SECONDS = 86_400
_CARRIED_SLOTS = 2
_WINDOW_SLOTS = FINEST_PEAK_SECONDS // SLOT_SECONDS
_WINDOW_FILLED = 0.75  # of a two-hour window must be covered for its mean to count


@dataclass(frozen=True, slots=True)
class Samples:
    """One metric of one entity: means over the ``periods`` seconds that end at ``ends``."""

    ends: Ints
    periods: Ints
    values: Floats

    def only(self, chosen: npt.NDArray[np.bool_]) -> Samples:
        return Samples(self.ends[chosen], self.periods[chosen], self.values[chosen])

    @property
    def fine(self) -> Samples:
        return self.only(self.periods <= FINEST_PEAK_SECONDS)

    @property
    def daily(self) -> Samples:
        """Too coarse for peaks, fine enough for a day's mean."""
        return self.only((self.periods > FINEST_PEAK_SECONDS) & (self.periods <= DAY_SECONDS))

    @property
    def coarse(self) -> Samples:
        """Longer than a day: one increment over its period, not many equal days."""
        return self.only(self.periods > DAY_SECONDS)


@dataclass(frozen=True, slots=True)
class Days:
    """Consecutive local days: day ``i`` lasts from ``bounds[i]`` to ``bounds[i + 1]``."""

    bounds: Ints

    @property
    def count(self) -> int:
        return len(self.bounds) - 1

    @property
    def start(self) -> int:
        return int(self.bounds[0])

    @property
    def slots(self) -> int:
        return int(-(-(self.bounds[-1] - self.bounds[0]) // SLOT_SECONDS))

    def of_slots(self) -> Ints:
        """The day that each slot's middle lies in."""
        middles = self.start + SLOT_SECONDS * np.arange(self.slots) + SLOT_SECONDS // 2
        return np.searchsorted(self.bounds, middles, side="right") - 1


@dataclass(frozen=True, slots=True)
class DayFigures:
    """Per day: mean, high (NaN where samples are too coarse or too few), seconds covered."""

    mean: Floats
    high: Floats
    seconds: Floats


def on_grid(samples: Samples, start: int, slots: int) -> Floats:
    """The samples as slots from ``start``; the finest period wins, gaps of two slots are carried.

    A sample fills the slots whose middle lies in its period, at least the one its own middle
    lies in.
    """
    grid = np.full(slots, np.nan)
    for period in sorted(set(samples.periods.tolist()), reverse=True):
        part = samples.only(samples.periods == period)
        _fill(grid, part, int(period), start)
    return _carried(grid)


def _fill(grid: Floats, part: Samples, period: int, start: int) -> None:
    ends = part.ends - start
    first = np.ceil((ends - period) / SLOT_SECONDS - 0.5).astype(np.int64)
    last = np.ceil(ends / SLOT_SECONDS - 0.5).astype(np.int64) - 1
    middle = ((ends - period / 2) // SLOT_SECONDS).astype(np.int64)
    first, last = np.where(last < first, middle, first), np.where(last < first, middle, last)
    lengths = last - first + 1
    index = np.repeat(first, lengths) + _offsets(lengths)
    values = np.repeat(part.values, lengths)
    inside = (index >= 0) & (index < len(grid)) & ~np.isnan(values)
    sums = np.bincount(index[inside], values[inside], minlength=len(grid))
    counts = np.bincount(index[inside], minlength=len(grid))
    filled = counts > 0
    grid[filled] = sums[filled] / counts[filled]


def _offsets(lengths: Ints) -> Ints:
    """0 … n-1 for each length n, one after the other."""
    ends = np.cumsum(lengths)
    return np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - lengths, lengths)


def _carried(grid: Floats) -> Floats:
    carried = grid.copy()
    for distance in range(1, _CARRIED_SLOTS + 1):
        empty = np.isnan(carried[distance:])
        carried[distance:][empty] = grid[:-distance][empty]
    return carried


def summed(grids: Floats, active: npt.NDArray[np.bool_]) -> Floats:
    """The sum over the members (first axis), slot by slot; NaN where an active one is missing.

    A member outside its ``active`` time counts nothing. Where no member is active there is no sum.
    """
    total: Floats = np.where(active, grids, 0.0).sum(axis=0)
    total[~active.any(axis=0)] = np.nan
    return total


def reduce_days(grid: Floats, days: Days, *, two_hour_mean: bool) -> DayFigures:
    """A grid's statistics per day; ``high`` is the highest two-hour mean, or the maximum."""
    of_slot = days.of_slots()
    covered = ~np.isnan(grid)
    counts = np.bincount(of_slot[covered], minlength=days.count)
    sums = np.bincount(of_slot[covered], grid[covered], minlength=days.count)
    with np.errstate(invalid="ignore"):
        mean = np.asarray(sums / np.where(counts > 0, counts, np.nan), dtype=np.float64)
    peaks = _two_hour_means(grid, of_slot) if two_hour_mean else grid
    high = np.full(days.count, -np.inf)
    valid = ~np.isnan(peaks)
    np.maximum.at(high, of_slot[valid], peaks[valid])
    high[np.isneginf(high)] = np.nan
    return DayFigures(mean, high, (counts * SLOT_SECONDS).astype(np.float64))


def _two_hour_means(grid: Floats, of_slot: Ints) -> Floats:
    """At each slot the mean of the two hours that end with it, within one day; NaN if too few."""
    n = _WINDOW_SLOTS
    if len(grid) < n:
        return np.full(len(grid), np.nan)
    filled = np.concatenate([[0.0], np.cumsum(np.nan_to_num(grid))])
    counted = np.concatenate([[0], np.cumsum(~np.isnan(grid))])
    counts = counted[n:] - counted[:-n]
    enough = (counts >= _WINDOW_FILLED * n) & (of_slot[n - 1 :] == of_slot[: len(grid) - n + 1])
    means = np.full(len(grid), np.nan)
    sums = filled[n:] - filled[:-n]
    means[n - 1 :][enough] = sums[enough] / counts[enough]
    return means


def daily_means(samples: Samples, days: Days) -> DayFigures:
    """Day means of samples of up to a day, weighted by how much of each day they cover."""
    sums = np.zeros(days.count)
    seconds = np.zeros(days.count)
    begins = samples.ends - samples.periods
    first = np.searchsorted(days.bounds, begins, side="right") - 1
    for step in range(2):  # a sample of up to a day touches two days
        day = first + step
        inside = (day >= 0) & (day < days.count) & ~np.isnan(samples.values)
        chosen = day[inside]
        overlap = np.minimum(samples.ends[inside], days.bounds[chosen + 1]) - np.maximum(
            begins[inside], days.bounds[chosen]
        )
        overlap = np.maximum(overlap, 0)
        np.add.at(sums, chosen, samples.values[inside] * overlap)
        np.add.at(seconds, chosen, overlap)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.asarray(sums / np.where(seconds > 0, seconds, np.nan), dtype=np.float64)
    lengths = np.diff(days.bounds).astype(float)
    return DayFigures(mean, np.full(days.count, np.nan), np.minimum(seconds, lengths))


def better_covered(fine: DayFigures, daily: DayFigures) -> DayFigures:
    """Day by day the figures that cover more of it."""
    use_fine = fine.seconds >= daily.seconds
    return DayFigures(
        np.where(use_fine, fine.mean, daily.mean),
        np.where(use_fine, fine.high, np.nan),
        np.where(use_fine, fine.seconds, daily.seconds),
    )
