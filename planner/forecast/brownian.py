"""The honest baseline: Brownian motion with drift, around a weekly profile.

A series is a level that drifts and wanders (variance q a day), seen with noise (variance s² a
day), plus what its weekday adds. Drift is the difference between the means of the last and the
first third of the recent past over their distance (Bartlett's three-group slope); q and s² come
from the variance of increments over one day and over four weeks, which separates what wanders
from what only flickers. Paths carry the uncertainty of the drift itself.

Steps are taken out first: the past is moved to the present level, and drift is what is left.
A single step widens no band; where there were two, a third is possible and they stay in q.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from planner.forecast.paths import Block, Floats, PathBlock
from planner.forecast.steps import Flags, Steps, find_steps
from planner.forecast.weekdays import weekday_of, weekly_profile

_WEEK = 7
_LONG_LAG_DAYS = 28
_LEVEL_DAYS = 14  # how many of the last points tell where the level stands
_SERIES_AT_ONCE = 8
_SIGNIFICANT = 1.96
_MANY_STEPS = 2  # one is an event of its own; with the second they belong to the series


@dataclass(frozen=True, slots=True)
class BrownianPaths:
    """Sample paths of the baseline; see the module."""

    level: Floats  # at the last closed day, without its weekday's part
    drift: Floats
    drift_error: Floats  # one standard error
    wander: Floats  # √q
    noise: Floats  # s
    profile: Floats  # [series, weekday], Monday first
    steps: Steps  # what was taken out before drift and level were told
    origin: date
    horizon_days: int
    samples: int
    seed: int

    @property
    def series(self) -> int:
        return len(self.level)

    @property
    def growth_significant(self) -> Flags:
        return np.asarray(self.drift > _SIGNIFICANT * self.drift_error)

    def blocks(self) -> Iterator[PathBlock]:
        days = np.arange(self.horizon_days + 1)
        elapsed = days + 1.0  # since the last closed day
        random = np.random.default_rng(self.seed)
        half = -(-self.samples // 2)
        # Every series sees the same draws, each with its mirror image: results depend on no
        # order, and the middle of the paths is the level plus its drift, exactly.
        tilt = _mirrored(random.standard_normal((half, 1)))
        walk = _mirrored(random.standard_normal((half, len(days))).cumsum(axis=1))
        flicker = _mirrored(random.standard_normal((half, len(days))))
        weekday = weekday_of(self.origin, days)
        for first in range(0, self.series, _SERIES_AT_ONCE):
            part = slice(first, min(first + _SERIES_AT_ONCE, self.series))
            slopes = self.drift[part, None, None] + self.drift_error[part, None, None] * tilt
            paths = self.level[part, None, None] + slopes * elapsed
            paths = paths + self.wander[part, None, None] * walk
            paths = paths + self.noise[part, None, None] * flicker
            paths = paths + self.profile[part][:, None, weekday]
            yield PathBlock(first, np.maximum(paths, 0.0))


def _mirrored(draws: Floats) -> Floats:
    return np.concatenate([draws, -draws])


def forecast(
    block: Block,
    *,
    origin: date,
    horizon_days: int,
    seed: int,
    samples: int = 500,
    trend_days: int = 180,
    coarse: Flags | None = None,
) -> BrownianPaths:
    """Paths from ``block[series, day]``; the last column is the day before the origin.

    NaN is a day without a value of its own. A series needs at least two values; one with fewer
    yields NaN, which is over no limit. ``coarse`` marks values that are means over several days:
    they have no weekday.
    """
    values = np.asarray(block, dtype=np.float64)
    profile = weekly_profile(values, origin)
    weekday = weekday_of(origin, np.arange(-values.shape[1], 0))
    own_day = True if coarse is None else ~coarse
    plain = values - np.where(own_day, profile[:, weekday], 0.0)
    steps = find_steps(plain)
    level = steps.removed_from(plain)
    wander, noise = _variances(np.where(_many(steps, len(plain)), plain, level))
    drift, weight_wander, weight_noise, distance = _drift(level[:, -trend_days:])
    removed = steps.variance_since(values.shape[1] - trend_days, noise) / distance**2
    error = np.sqrt(wander * weight_wander + noise * weight_noise + removed)
    return BrownianPaths(
        level=_level(level, drift, wander, noise),
        drift=drift,
        drift_error=error,
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


def _variances(values: Floats) -> tuple[Floats, Floats]:
    """Per series (q, s²): the variance a day of what wanders, and of what only flickers.

    An increment over k days has variance k·q + 2·s².
    """
    short = _increment_variance(values, 1)
    long = _increment_variance(values, _LONG_LAG_DAYS)
    coarse = _increment_variance(values, _WEEK) / _WEEK
    with np.errstate(invalid="ignore"):
        wander = np.maximum((long - short) / (_LONG_LAG_DAYS - 1), 0.0)
        noise = np.maximum((short - wander) / 2, 0.0)
    wander = _first_known(wander, short, coarse, long / _LONG_LAG_DAYS)
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


def _level(values: Floats, drift: Floats, wander: Floats, noise: Floats) -> Floats:
    """Where each series stands at the last day: its last values, carried there by the drift.

    They weigh less the older they are: by the steady gain of the local level model, which is 1
    for a pure walk (the last value alone) and small where most of what moves is noise.
    """
    n = values.shape[1]
    age = np.arange(n - 1, -1, -1, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(noise > 0, wander / np.where(noise > 0, noise, 1.0), np.inf)
        gain = np.where(np.isinf(ratio), 1.0, (-ratio + np.sqrt(ratio**2 + 4 * ratio)) / 2)
    gain = np.maximum(gain, 1.0 / _LEVEL_DAYS)
    known = ~np.isnan(values)
    rank = known[:, ::-1].cumsum(axis=1)[:, ::-1] - 1  # 0 for the newest known value
    older = np.where(known, np.maximum(rank, 0), 0)
    weight = np.where(known, gain[:, None] * (1 - gain[:, None]) ** older, 0.0)
    carried = np.where(known, values + drift[:, None] * age, 0.0)
    total = weight.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, (weight * carried).sum(axis=1) / total, np.nan)
