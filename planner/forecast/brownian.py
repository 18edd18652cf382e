"""The honest baseline: Brownian motion with drift, around a weekly profile.

A series is a level that drifts and wanders (variance q a day), seen with noise (variance s² a
day), plus what its weekday adds. Drift is the difference between the means of the last and the
first third of the recent past over their distance (Bartlett's three-group slope); q and s² come
from the variance of increments over one day and over four weeks, which separates what wanders
from what only flickers. A drift counts the less, the less it can be told from none. Paths carry the
uncertainty of the drift and of the level.

Steps are taken out first: the past is moved to the present level, and drift is what is left.
A single step widens no band; where there were two, a third is possible and they stay in q.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from planner.forecast.medians import row_medians
from planner.forecast.paths import Block, Floats, PathBlock, draws
from planner.forecast.steps import Flags, Steps, find_steps
from planner.forecast.weekdays import WEEK, weekday_of, weekly_profile

_LONG_PERIODS = 4
_MEDIAN_VARIANCE = np.pi / 2  # of a median, where that of a mean is 1
_DOUBTFUL = 2.0  # standard errors: a drift as large as that counts half
_SERIES_AT_ONCE = 8
_SIGNIFICANT = 1.96
_MANY_STEPS = 2  # one is an event of its own; with the second they belong to the series


@dataclass(frozen=True, slots=True)
class BrownianPaths:
    """Sample paths of the baseline; see the module."""

    level: Floats  # at the last closed day, without its weekday's part
    level_error: Floats  # one standard error
    drift: Floats
    drift_error: Floats
    growth_significant: Flags
    wander: Floats  # √q
    noise: Floats  # s
    profile: Floats  # [series, weekday], Monday first, or place in another period
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
        half = -(-self.samples // 2)
        # Every series sees the same draws, each with its mirror image: results depend on no
        # order, and the middle of the paths is the level plus its drift, exactly.
        tilt = _mirrored(draws(0, half, 1, self.seed))
        walk = _mirrored(draws(1, half, len(days), self.seed).cumsum(axis=1))
        start = _mirrored(draws(2, half, 1, self.seed))
        flicker = _mirrored(draws(3, half, len(days), self.seed))
        weekday = weekday_of(self.origin, days, self.profile.shape[1])
        for first in range(0, self.series, _SERIES_AT_ONCE):
            part = slice(first, min(first + _SERIES_AT_ONCE, self.series))
            slopes = self.drift[part, None, None] + self.drift_error[part, None, None] * tilt
            paths = self.level[part, None, None] + slopes * elapsed
            paths = paths + self.level_error[part, None, None] * start
            paths = paths + self.wander[part, None, None] * walk
            paths = paths + self.noise[part, None, None] * flicker
            paths = paths + self.profile[part][:, None, weekday]
            yield PathBlock(first, np.maximum(paths, 0.0))


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
    period: int = WEEK,
) -> BrownianPaths:
    """Paths from ``block[series, day]``; the last column is the day before the origin.

    NaN is a day without a value of its own. A series needs at least two values; one with fewer
    yields NaN, which is over no limit. ``coarse`` marks values that are means over several days:
    they have no weekday. Values of another step than a day have another ``period`` than a week;
    no steps are found in them.
    """
    values = np.asarray(block, dtype=np.float64)
    profile = weekly_profile(values, origin, period)
    weekday = weekday_of(origin, np.arange(-values.shape[1], 0), period)
    own_day = True if coarse is None else ~coarse
    plain = values - np.where(own_day, profile[:, weekday], 0.0)
    steps = find_steps(plain) if period == WEEK else Steps.none()
    level = steps.removed_from(plain)
    wander, noise = _variances(np.where(_many(steps, len(plain)), plain, level), period)
    drift, weight_wander, weight_noise, distance = _drift(level[:, -trend_days:])
    removed = steps.variance_since(values.shape[1] - trend_days, noise) / distance**2
    error = np.sqrt(wander * weight_wander + noise * weight_noise + removed)
    shrunk = _shrunk(drift, error)
    return BrownianPaths(
        level=_level(level, shrunk, period),
        level_error=np.sqrt(noise * _MEDIAN_VARIANCE / period + wander * period),
        drift=shrunk,
        drift_error=error,
        growth_significant=np.asarray(drift > _SIGNIFICANT * error),
        wander=np.sqrt(wander),
        noise=np.sqrt(noise),
        profile=profile,
        steps=steps,
        origin=origin,
        horizon_days=horizon_days,
        samples=samples,
        seed=seed,
    )


def _many(steps: Steps, count: int) -> Flags:
    """Per series, as a column, whether its steps are to be expected again."""
    return (steps.counted(count) >= _MANY_STEPS)[:, None]


def _variances(values: Floats, period: int) -> tuple[Floats, Floats]:
    """Per series (q, s²): the variance a day of what wanders, and of what only flickers.

    An increment over k days has variance k·q + 2·s².
    """
    far = _LONG_PERIODS * period
    short = _increment_variance(values, 1)
    long = _increment_variance(values, far)
    coarse = _increment_variance(values, period) / period
    with np.errstate(invalid="ignore"):
        wander = np.maximum((long - short) / (far - 1), 0.0)
        noise = np.maximum((short - wander) / 2, 0.0)
    wander = _first_known(wander, short, coarse, long / far)
    return wander, _first_known(noise)


def _first_known(*choices: Floats) -> Floats:
    result = np.zeros_like(choices[0])
    for choice in reversed(choices):
        result = np.where(np.isnan(choice), result, choice)
    return result


def _increment_variance(values: Floats, lag: int) -> Floats:
    """The variance of differences over ``lag`` days; NaN where fewer than three are known."""
    if values.shape[1] <= lag:
        return np.full(len(values), np.nan)
    steps = values[:, lag:] - values[:, :-lag]
    counts = (~np.isnan(steps)).sum(axis=1)
    result = np.full(len(values), np.nan)
    enough = counts >= 3
    if enough.any():
        result[enough] = np.nanvar(steps[enough], axis=1)
    return result


def _drift(values: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Per series the drift a day, how much q and s² weigh in its variance, and over which days."""
    n = values.shape[1]
    day = np.arange(n, dtype=np.float64)
    known = ~np.isnan(values)
    position = known.cumsum(axis=1)
    count = known.sum(axis=1)
    third = np.maximum(count // 3, 1)
    early = known & (position <= third[:, None])
    late = known & (position > (count - third)[:, None])
    level = _mean_where(values, late) - _mean_where(values, early)
    days = np.broadcast_to(day, values.shape)
    distance = _mean_where(days, late) - _mean_where(days, early)
    possible = (count >= 2) & (distance > 0)
    safe = np.where(possible, distance, 1.0)
    drift = np.where(possible, level / safe, np.nan)
    # A random walk's difference of third means over 2n/3 days varies by q·n·5/9.
    weight_wander = (safe * 1.5) * (5 / 9) / safe**2
    weight_noise = 2.0 / third / safe**2
    return drift, weight_wander, weight_noise, safe


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


def _level(values: Floats, drift: Floats, period: int) -> Floats:
    """Where each series stands at the last day: medians of its last days, carried there by drift.

    A week's median follows a change, four weeks' one is not misled by a busy week; their mean
    is what erred least on loads of virtual machines. Where no day of them is known, the last value.
    """
    age = np.arange(values.shape[1] - 1, -1, -1, dtype=np.float64)
    carried = values + drift[:, None] * age
    near, far = (row_medians(carried[:, -n * period :]) for n in (1, _LONG_PERIODS))
    return _first_known_or_nan((near + far) / 2, far, _last(carried))


def _first_known_or_nan(*choices: Floats) -> Floats:
    result = np.full_like(choices[0], np.nan)
    for choice in reversed(choices):
        result = np.where(np.isnan(choice), result, choice)
    return result


def _last(values: Floats) -> Floats:
    """The newest known value of each series; NaN where none is."""
    newest = values.shape[1] - 1 - np.argmax(~np.isnan(values[:, ::-1]), axis=1)
    return np.asarray(np.take_along_axis(values, newest[:, None], axis=1)[:, 0])
