"""The engine for loads: a level that drifts and wanders, around the rhythm of its days.

A series is a level that drifts and wanders (variance q a day), plus what its day adds
(day_parts), plus what flickers and is gone the next day. The level is told from medians of the
last weeks. Drift is the difference between the means of the last and the first third of the recent
past over their distance (Bartlett's three-group slope); it counts the less, the less it can be told
from none. q comes from how far the medians of weeks moved in four weeks, less what flicker alone
would move them. Flicker is drawn from what was left over of each day, as it was: lopsided and in
bursts, and hardly more than has been seen. Paths carry the uncertainty of drift and level.

Spikes tell of flicker only. Steps are taken out: the past is moved to the present level, and drift
is what is left.
A single step widens no band, nor does a single excursion (up and back again); where there were
two of a kind, a third is possible and they stay in q.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from planner.forecast.calendar import NO_CALENDAR, Calendar
from planner.forecast.day_parts import DayParts, day_parts, hour_parts
from planner.forecast.level import DAYS, Rhythm, carried, first_known, level_of
from planner.forecast.medians import row_medians, row_quantiles
from planner.forecast.paths import Block, Floats, PathBlock, draws
from planner.forecast.spikes import without_spikes
from planner.forecast.steps import Flags, Ints, Steps, find_steps

NAME = "seasonal-2"  # in the ledger: another number where the same past gives other futures
_MEDIAN_VARIANCE = np.pi / 2  # of a median, where that of a mean is 1
_DOUBTFUL = 4.0  # standard errors: a drift as large as that counts half
_SERIES_AT_ONCE = 8
_SIGNIFICANT = 1.96
_MANY_EVENTS = 2  # one is an event of its own; with the second they belong to the series
_FEWEST = 3  # values that tell a spread, or a median of a week


@dataclass(frozen=True, slots=True)
class SeasonalPaths:
    """Sample paths of loads; see the module."""

    level: Floats  # at the last closed day, without its day's part
    level_error: Floats  # one standard error
    drift: Floats
    drift_error: Floats
    growth_significant: Flags
    wander: Floats  # √q
    flicker: Floats  # [series, sample]: what is left over of a day, in order of size
    parts: DayParts
    steps: Steps  # what was taken out before drift and level were told
    origin: date
    horizon_days: int
    samples: int
    seed: int

    @property
    def series(self) -> int:
        return len(self.level)

    def blocks(self) -> Iterator[PathBlock]:
        days = np.arange(self.horizon_days + 1)
        elapsed = days + 1.0  # since the last closed day
        tilt, walk, start, ranks = _luck(self.samples, len(days), self.seed)
        for first in range(0, self.series, _SERIES_AT_ONCE):
            part = slice(first, min(first + _SERIES_AT_ONCE, self.series))
            slopes = self.drift[part, None, None] + self.drift_error[part, None, None] * tilt
            paths = self.level[part, None, None] + slopes * elapsed
            paths = paths + self.level_error[part, None, None] * start
            paths = paths + self.wander[part, None, None] * walk
            paths = paths + self.flicker[part][:, ranks]
            paths = paths + self.parts.on(self.origin, days, part)[:, None, :]
            yield PathBlock(first, np.maximum(paths, 0.0))


@lru_cache(maxsize=1)  # every forecast of a report asks for the same: 6 MB for two years
def _luck(samples: int, days: int, seed: int) -> tuple[Floats, Floats, Floats, Ints]:
    """What is drawn, ``[sample, day]``: tilts of the drift, walks, starts, and by rank what
    flickers.

    Every series sees the same draws, each with its mirror image: results depend on no order, and
    what wanders is spread evenly around the level and its drift.
    """
    half = -(-samples // 2)
    tilt, start = (_mirrored(draws(kind, half, 1, seed)) for kind in (0, 2))
    walk = _mirrored(draws(1, half, days, seed).cumsum(axis=1))
    flicker = _mirrored(draws(3, half, days, seed))
    ranks = flicker.argsort(axis=0, kind="stable").argsort(axis=0)
    return tilt, walk, start, ranks


def _mirrored(drawn: Floats) -> Floats:
    return np.concatenate([drawn, -drawn])


def forecast(
    block: Block,
    *,
    origin: date,
    horizon_days: int,
    seed: int,
    samples: int = 500,
    trend_days: int = 180,
    coarse: Flags | None = None,
    calendar: Calendar = NO_CALENDAR,
    rhythm: Rhythm = DAYS,
) -> SeasonalPaths:
    """Paths from ``block[series, day]``; the last column is the day before the origin.

    NaN is a day without a value of its own. A series needs two values within ``trend_days``; one
    with fewer yields NaN, which is over no limit. ``coarse`` marks values that are means over
    several days: they have no weekday. Values of hours have another ``rhythm``: days, and the
    horizon, then count hours; no spikes or steps are found in them, and the calendar says nothing
    of them.
    """
    values = np.asarray(block, dtype=np.float64)
    own_day = np.ones(values.shape, dtype=bool) if coarse is None else ~coarse
    known = np.where(own_day, values, np.nan)
    by_days = rhythm == DAYS
    parts = (
        day_parts(known, origin, calendar) if by_days else hour_parts(known, origin, rhythm.spell)
    )
    added = parts.on(origin, np.arange(-values.shape[1], 0))
    plain = values - np.where(own_day, added, 0.0)
    steady = without_spikes(plain) if by_days else plain
    steps = find_steps(steady) if by_days else Steps.none()
    level = steps.removed_from(steady)
    single = steps.where(~_recurring(steps, values.shape[1]))
    as_it_was = single.removed_from(steady)
    slope = _slope(level[:, -trend_days:])
    sure = _moves(carried(as_it_was, slope.drift), rhythm, trend_days)
    removed = steps.variance_since(values.shape[1] - trend_days, sure.noise)
    error = slope.error(sure, removed)
    drift = _shrunk(slope.drift, error)
    # What is not sure to be growth is wandering; what fell back the next day flickered.
    moves = _moves(carried(as_it_was, drift), rhythm, trend_days)
    flicker = _moves(carried(single.removed_from(plain), drift), rhythm, trend_days).apart
    return SeasonalPaths(
        level=level_of(level, drift, rhythm),
        level_error=np.sqrt(
            moves.noise * _MEDIAN_VARIANCE / rhythm.near + moves.wander * rhythm.spell
        ),
        drift=drift,
        drift_error=slope.error(moves, removed),
        growth_significant=np.asarray(slope.drift > _SIGNIFICANT * error),
        wander=np.sqrt(moves.wander),
        flicker=rhythm.width * _evenly(flicker, 2 * -(-samples // 2)),
        parts=parts,
        steps=steps,
        origin=origin,
        horizon_days=horizon_days,
        samples=samples,
        seed=seed,
    )


def _recurring(steps: Steps, days: int) -> Flags:
    """Which steps are to be expected again: those of a series that had another of their kind. To
    leave a level and to come back to it is one event, and tells of no other that was left for good.
    """
    away = steps.excursions(days)
    found = np.zeros(len(away), dtype=bool)
    for kind, steps_of_one in ((away, 2), (~away, 1)):
        events = np.bincount(steps.series[kind]) // steps_of_one
        found[kind] = events[steps.series[kind]] >= _MANY_EVENTS
    return found


@dataclass(frozen=True, slots=True)
class _Moves:
    """How series move beside their drift: what each value is off its spell's median, the
    variance of that, and the variance a day of what wanders."""

    apart: Floats
    noise: Floats
    wander: Floats


def _moves(values: Floats, rhythm: Rhythm, trend_days: int) -> _Moves:
    recent = values[:, -trend_days:]
    apart, middles = _spells(recent, rhythm.spell)
    noise = _mean_square(apart)
    return _Moves(apart, noise, _wander(recent, middles, noise, rhythm.spell))


def _spells(values: Floats, spell: int) -> tuple[Floats, Floats]:
    """What each value is off the median of its spell, and those medians; a spell of fewer than
    three values tells nothing of what is off."""
    count = -(-values.shape[1] // spell)
    missing = count * spell - values.shape[1]
    filled = np.pad(values, ((0, 0), (missing, 0)), constant_values=np.nan)
    spells = filled.reshape(len(values), count, spell)
    middles = row_medians(spells)
    few = (~np.isnan(spells)).sum(axis=2) < _FEWEST
    apart = np.where(few[:, :, None], np.nan, spells - middles[:, :, None])
    return apart.reshape(len(values), -1), middles


def _mean_square(apart: Floats) -> Floats:
    """The mean square of what is known of each series; 0 where nothing is."""
    known = ~np.isnan(apart)
    squares = np.where(known, apart, 0.0) ** 2
    return np.asarray(squares.sum(axis=1) / np.maximum(known.sum(axis=1), 1))


def _evenly(apart: Floats, samples: int) -> Floats:
    """So many of what was left over of each series, spread evenly from the least to the most."""
    drawn = row_quantiles(apart, (np.arange(samples) + 0.5) / samples)
    return np.where(np.isnan(drawn), 0.0, drawn)


def _wander(values: Floats, middles: Floats, noise: Floats, spell: int) -> Floats:
    """The variance a day of what wanders, and stays: of the medians of spells over four of them,
    less what noise alone moves such medians; over fewer spells where the past is short, and of
    single values where it is no past of spells at all."""
    of_noise = 2 * _MEDIAN_VARIANCE * noise / spell
    choices = [
        np.maximum(_square_of_moves(middles, lag) - of_noise, 0.0) / (lag * spell)
        for lag in (4, 2, 1)
    ]
    return _first_known_or_0(*choices, _square_of_moves(values, 1))


def _square_of_moves(values: Floats, lag: int) -> Floats:
    """The mean square of differences over a lag; NaN where fewer than three are known."""
    if values.shape[1] <= lag:
        return np.full(len(values), np.nan)
    moves = values[:, lag:] - values[:, :-lag]
    counts = (~np.isnan(moves)).sum(axis=1)
    squares = np.where(np.isnan(moves), 0.0, moves) ** 2
    return np.where(counts >= _FEWEST, squares.sum(axis=1) / np.maximum(counts, 1), np.nan)


def _first_known_or_0(*choices: Floats) -> Floats:
    """Per series the first choice that is known; 0 where none is."""
    found = first_known(*choices)
    return np.where(np.isnan(found), 0.0, found)


@dataclass(frozen=True, slots=True)
class _Slope:
    """Drifts a day, the days over which they were told, and of how many values either end was."""

    drift: Floats
    distance: Floats
    values: Floats

    def error(self, moves: _Moves, removed: Floats) -> Floats:
        """One standard error, where so much variance was ``removed`` with steps."""
        # A random walk's difference of third means over 2n/3 days varies by q·n·5/9.
        of_walk = moves.wander * (self.distance * 1.5) * (5 / 9)
        of_noise = moves.noise * 2.0 / self.values
        return np.asarray(np.sqrt(of_walk + of_noise + removed) / self.distance)


def _slope(values: Floats) -> _Slope:
    """Bartlett's three-group slope of each series; NaN where fewer than two values are known."""
    known = ~np.isnan(values)
    position = known.cumsum(axis=1)
    count = known.sum(axis=1)
    third = np.maximum(count // 3, 1)
    early = known & (position <= third[:, None])
    late = known & (position > (count - third)[:, None])
    level = _mean_where(values, late) - _mean_where(values, early)
    days = np.broadcast_to(np.arange(values.shape[1], dtype=np.float64), values.shape)
    distance = _mean_where(days, late) - _mean_where(days, early)
    possible = (count >= 2) & (distance > 0)
    safe = np.where(possible, distance, 1.0)
    return _Slope(np.where(possible, level / safe, np.nan), safe, third.astype(np.float64))


def _mean_where(values: Floats, chosen: npt.NDArray[np.bool_]) -> Floats:
    counts = chosen.sum(axis=1)
    sums = np.where(chosen, values, 0.0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _shrunk(drift: Floats, error: Floats) -> Floats:
    """The drift, the less of it the less it can be told from none."""
    sure = np.where(error > 0, (drift / np.where(error > 0, error, 1.0)) ** 2, np.inf)
    with np.errstate(invalid="ignore"):
        share = np.where(np.isinf(sure), 1.0, sure / (sure + _DOUBTFUL**2))
    return np.asarray(drift * share)
