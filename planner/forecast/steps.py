"""Steps: days on which a series moved to another level at once, up or down, and stayed there.

A step is no growth. A service that moves in, a clean-up: the level is another one from that day
on, and what grew before and after goes on growing. A day begins a step when mean and median
of the seven values from it on differ from those of the seven before it by far more than
the slope on either side explains, by far more than such weeks differ otherwise, and when half of
that came within three days. Windows count values, not days: gaps are skipped, coarse samples
count one each. A level that has not held for seven values is no step yet.

What happens in one direction a fifth time is a habit (a monthly purge, a datastore that is
filled in lumps): a trend that left it out would be wrong. The figures below were chosen on
public histories of storage growth (docs/explanation/forecast.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from planner.forecast.medians import SEVEN, row_medians, sevens_in_order
from planner.forecast.paths import Floats

_WINDOW = SEVEN  # values on either side: a week where there is one a day
_FAR = 6.0  # robust standard deviations
_MATERIAL_RATIO = 0.05  # of the level: smaller ones are how a level grows
_AT_ONCE_RATIO = 0.5  # of a step that has to come within three days
_HALFWAY_RATIO = 0.1  # of a step: what is missing of it after a sample that it came within
_HABIT = 5  # in one direction
_BACK_RATIO = 0.25  # of the larger one: two steps that leave no more behind take each other back
_AWAY_DAYS = 91  # a level that was left for longer has moved twice
_BACK_DAYS = 14  # a level that has been back for less may be on its way
_MOST = 10  # looked for in a series; more are a habit anyway
_NORMAL = 1.4826  # standard deviations per median absolute deviation

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_Found = tuple[Ints, Ints, Ints, Floats, Floats]  # series, day, before, size, error


@dataclass(frozen=True, slots=True)
class Step:
    """One step: the column where the new level begins, that where the old one ends, its size."""

    day: int
    before: int
    size: float
    habit: bool


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a block of series, by series and day.

    ``day`` is the first column of the new level, ``before`` the last one of the old; ``size`` is
    what it is higher (lower: negative), ``error`` one standard error of that. ``habit`` marks
    those that recur: they stay in a trend.
    """

    series: Ints
    day: Ints
    before: Ints
    size: Floats
    error: Floats
    habit: Flags

    def of(self, series: int) -> list[Step]:
        """Those of one series, oldest first."""
        return [
            Step(int(self.day[i]), int(self.before[i]), float(self.size[i]), bool(self.habit[i]))
            for i in np.flatnonzero(self.series == series)
        ]

    def removed_from(self, values: Floats) -> Floats:
        """The series as if they had always been at their present level; habits stay in.

        A coarse sample within which a step came is of neither level: it becomes NaN.
        """
        moves = np.zeros(values.shape)
        once = ~self.habit
        np.add.at(moves, (self.series[once], self.day[once]), self.size[once])
        later = moves[:, ::-1].cumsum(axis=1)[:, ::-1] - moves  # the steps after each day
        moved = values + later
        moved[self._halfway(values)] = np.nan
        return moved

    def _halfway(self, values: Floats) -> tuple[Ints, Ints]:
        """The series and days of the samples that hold a part of a step, the rest of which came
        with the sample before or after. Only what stands for several days can."""
        coarse = ~self.habit & (self.day - self.before > 1)
        series, first, last = self.series[coarse], self.day[coarse], self.before[coarse]
        size, row = self.size[coarse], np.arange(len(series))
        own = values[series]
        known, days = ~np.isnan(own), np.arange(values.shape[1])
        newest = len(days) - 1
        after = np.where(known & (days > first[:, None]), days, newest).min(axis=1, initial=newest)
        earlier = np.where(known & (days < last[:, None]), days, 0).max(axis=1, initial=0)
        enough = _HALFWAY_RATIO * np.abs(size)
        late = (own[row, after] - own[row, first]) * np.sign(size) > enough
        soon = (own[row, last] - own[row, earlier]) * np.sign(size) > enough
        return np.concatenate([series[late], series[soon]]), np.concatenate(
            [first[late], last[soon]]
        )

    def of_rows(self, rows: Ints) -> Steps:
        """The same steps where series i stands in row ``rows[i]`` of a larger block."""
        return replace(self, series=rows[self.series])

    @classmethod
    def none(cls) -> Steps:
        """No steps."""
        return _in_order([])

    @classmethod
    def joined(cls, parts: Sequence[Steps]) -> Steps:
        """The steps of different series as those of one block."""
        every = [np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__]
        order = np.lexsort((every[1], every[0]))
        return cls(*(part[order] for part in every))

    def counted(self, count: int) -> Ints:
        """How many each of ``count`` series has."""
        return np.bincount(self.series, minlength=count)

    def excursions(self, days: int) -> Flags:
        """Which steps, of so many days, led away from a level and, within a quarter, back to it,
        where it has been for two weeks since. Habits do not."""
        sizes = np.abs(self.size)
        undone = np.abs(self.size[:-1] + self.size[1:]) <= _BACK_RATIO * np.maximum(
            sizes[:-1], sizes[1:]
        )
        undone &= (np.diff(self.series) == 0) & (np.diff(self.day) <= _AWAY_DAYS)
        undone &= self.day[1:] <= days - _BACK_DAYS
        first = _every_other(undone & ~self.habit[:-1] & ~self.habit[1:])
        found = np.zeros(len(sizes), dtype=bool)
        found[:-1] |= first
        found[1:] |= first
        return found

    def where(self, chosen: Flags) -> Steps:
        """Those that are chosen."""
        return Steps(*(getattr(self, name)[chosen] for name in self.__slots__))

    def variance_since(self, day: int, noise: Floats) -> Floats:
        """Per series the variance of what was removed from ``day`` on.

        A size is at best as sure as two medians of a week of values with such a ``noise``
        (variance) are.
        """
        found = np.zeros(len(noise))
        chosen = ~self.habit & (self.day > day)
        at_best = noise[self.series] * np.pi / _WINDOW
        np.add.at(found, self.series[chosen], np.maximum(self.error**2, at_best)[chosen])
        return found


def _every_other(flags: Flags) -> Flags:
    """The first, third, … of each run of flags that are set."""
    place = np.arange(len(flags))
    in_run = place - np.maximum.accumulate(np.where(flags, -1, place))
    return np.asarray(flags & (in_run % 2 == 1))


def find_steps(values: Floats) -> Steps:
    """The steps in ``values[series, day]``; NaN is a day without a value of its own."""
    if values.shape[1] < 2 * _WINDOW:
        return Steps.none()
    packed, column, count = _packed(values)
    gap = _gaps(column)
    found: list[_Found] = []
    busy = np.flatnonzero(count >= 2 * _WINDOW)
    for _round in range(_MOST):
        busy, windows, held, level = _with_candidates(packed, busy)
        if not len(busy):
            break
        place, size, error = _largest(packed[busy], gap[busy], windows, held, level)
        seen = place >= 0
        busy, place, size, error = busy[seen], place[seen], size[seen], error[seen]
        found.append((busy, column[busy, place], column[busy, place - 1], size, error))
        after = np.arange(packed.shape[1]) >= place[:, None]
        packed[busy] -= np.where(after, size[:, None], 0.0)
    return _in_order(found)


def _packed(values: Floats) -> tuple[Floats, Ints, Ints]:
    """The known values of each series pushed to the left, their columns, and their number."""
    missing = np.isnan(values)
    if not missing.any():
        every = np.broadcast_to(np.arange(values.shape[1]), values.shape)
        return values.copy(), every, np.full(len(values), values.shape[1])
    order = np.argsort(missing, axis=1, kind="stable")
    packed = np.take_along_axis(values, order, axis=1)
    return packed, order, (~missing).sum(axis=1)


def _gaps(column: Ints) -> Floats:
    """The days between the middles of the two windows at each place."""
    until = np.zeros((len(column), column.shape[1] + 1), dtype=np.int64)
    np.cumsum(column, axis=1, out=until[:, 1:])
    days = (until[:, _WINDOW:] - until[:, :-_WINDOW]) / _WINDOW
    return np.asarray(days[:, _WINDOW:] - days[:, :-_WINDOW])


@dataclass(frozen=True, slots=True)
class _Windows:
    """What is known of the window that begins at each value: ``low`` and ``high`` are all but one
    value's bounds. All are NaN where a value is."""

    mean: Floats
    median: Floats
    low: Floats
    high: Floats

    @classmethod
    def of(cls, packed: Floats) -> _Windows:
        ranks = sevens_in_order(packed)
        return cls(sum(ranks[1:], ranks[0]) / _WINDOW, ranks[_WINDOW // 2], ranks[1], ranks[-2])

    def of_rows(self, rows: Flags) -> _Windows:
        return _Windows(self.mean[rows], self.median[rows], self.low[rows], self.high[rows])

    def apart(self, moved: Floats) -> Flags:
        """Whether all but one value of the new level lie beyond all but one of the old, on the
        side to which it ``moved``."""
        above = self.low[:, _WINDOW:] > self.high[:, :-_WINDOW]
        below = self.high[:, _WINDOW:] < self.low[:, :-_WINDOW]
        return np.where(moved > 0, above, below)


def _with_candidates(packed: Floats, busy: Ints) -> tuple[Ints, _Windows, Flags, Floats]:
    """Which of ``busy`` move far enough within three values, and stay there; their windows, the
    places where they do, and their levels. Most series have none, and that is quickly told."""
    values = packed[busy]
    level = row_medians(np.abs(values))
    first, end = _WINDOW, values.shape[1] - _WINDOW + 1
    moved = values[:, first + 1 : end + 1] - values[:, first - 2 : end - 2]
    far = np.abs(moved) >= _AT_ONCE_RATIO * _MATERIAL_RATIO * level[:, None]
    rows = np.flatnonzero(far.any(axis=1))
    windows = _Windows.of(values[rows])
    held = far[rows] & windows.apart(moved[rows])
    some = np.asarray(held.any(axis=1))
    return busy[rows[some]], windows.of_rows(some), held[some], level[rows[some]]


def _largest(
    packed: Floats, gap: Floats, windows: _Windows, held: Flags, level: Floats
) -> tuple[Ints, Floats, Floats]:
    """Per series the place, size and error of its largest step; place −1 where it has none."""
    jump = windows.mean[:, _WINDOW:] - windows.mean[:, :-_WINDOW]
    middle = windows.median[:, _WINDOW:] - windows.median[:, :-_WINDOW]
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = middle / gap
        usual = row_medians(rate)
        error = _NORMAL * row_medians(np.abs(middle - usual[:, None] * gap))
    at = row, place = np.nonzero(held)
    slopes = _slopes_around(rate, usual, row, place)
    of_means = _beyond_the_slopes(jump[at], gap[at], slopes)
    of_medians = _beyond_the_slopes(middle[at], gap[at], slopes)
    both = np.sign(of_means) == np.sign(of_medians)
    both &= _came_at_once(packed, row, place + _WINDOW, of_medians)
    sure, size = np.zeros(held.shape), np.zeros(held.shape)
    sure[at] = np.where(both, np.minimum(np.abs(of_means), np.abs(of_medians)), 0.0)
    size[at] = of_medians
    best, every = sure.argmax(axis=1), np.arange(len(held))
    enough = sure[every, best] > np.maximum(_FAR * error, _MATERIAL_RATIO * level)
    return np.where(enough, best + _WINDOW, -1), size[every, best], error


def _slopes_around(rate: Floats, usual: Floats, row: Ints, place: Ints) -> Floats:
    """Three slopes for each place: the usual one, that before, that after (NaN: none)."""
    last = rate.shape[1] - 1
    before = np.where(place >= _WINDOW, rate[row, np.maximum(place - _WINDOW, 0)], np.nan)
    after = rate[row, np.minimum(place + _WINDOW, last)]
    return np.stack([usual[row], before, np.where(place + _WINDOW <= last, after, np.nan)])


def _beyond_the_slopes(change: Floats, gap: Floats, slopes: Floats) -> Floats:
    """What of each change neither the slope before, nor that after, nor the usual one explains."""
    parts = np.stack([change - slope * gap for slope in slopes])
    parts = np.where(np.isnan(parts), parts[0], parts)
    same = (parts > 0).all(axis=0) | (parts < 0).all(axis=0)
    return np.where(same, np.sign(parts[0]) * np.abs(parts).min(axis=0), 0.0)


def _came_at_once(packed: Floats, row: Ints, place: Ints, excess: Floats) -> Flags:
    """Whether enough of each change came with the three values around it, and most with its own."""
    last = packed.shape[1] - 1
    near = [packed[row, np.clip(place + i, 0, last)] for i in (-2, -1, 0, 1)]
    direction = np.sign(excess)
    earlier, own, later = ((near[i + 1] - near[i]) * direction for i in range(3))
    with np.errstate(invalid="ignore"):
        enough = earlier + own + later >= _AT_ONCE_RATIO * np.abs(excess)
    return np.asarray(enough & (own >= earlier) & (own >= later))


def _in_order(found: list[_Found]) -> Steps:
    if not found:
        none, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
        return Steps(none, none, none, nothing, nothing, nothing.astype(bool))
    series, day, before, size, error = (np.concatenate(parts) for parts in zip(*found, strict=True))
    direction = 2 * series + (size > 0)
    habit = np.bincount(direction)[direction] >= _HABIT
    order = np.lexsort((day, series))
    parts = (series, day, before, size, error, habit)
    return Steps(*(part[order] for part in parts))
