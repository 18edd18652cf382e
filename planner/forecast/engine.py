"""The engine: several experts, weighed, and futures drawn from what they say together.

Each expert sees the past year of a series without its weekday's part and says, for some days
ahead, quantiles of how far the level will have moved. The quantiles are averaged by weight and
widened by what they were too sure of. A future is a rank that wanders from week to week, the same
for every series: on each day it is as high as that rank's quantile.

Spikes are taken out first, then steps that are no habit: the past is moved to the present level.
The growth model is told how much the steps were, and has learnt how often more follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from planner.forecast.bootstrap import bootstrap
from planner.forecast.fan import (
    DAYS_AHEAD,
    MIDDLE,
    SHARES,
    Fan,
    by_day,
    nothing_moves,
    share_weights,
)
from planner.forecast.growth_model import shipped
from planner.forecast.paths import Block, Floats, PathBlock, draws
from planner.forecast.plain_experts import last_value, mean_drift, middle_month
from planner.forecast.spikes import without_spikes
from planner.forecast.steps import Flags, Ints, Steps
from planner.forecast.straight import line_of
from planner.forecast.traits import Year, year_and_steps
from planner.forecast.weekdays import steadied, weekday_of, weekly_profile

NAME = "experts-3"  # in the ledger: another number where the same past gives other futures
_VALUES_AT_ONCE = 3_000_000  # of paths: 24 MB
_LEARNT_AT_ONCE = 500
FEWEST_VALUES = 3
_FEWEST_DAYS = 14  # below, the band is that of strangers
# What is stored moves in lumps, with still days between: a rank that wandered from day to day would
# reach in passing what no level reaches.
_WANDERS_DAYS = 7
_SURE_SHARE = 0.1
_SURE_AFTER_DAYS = 90

Expert = Callable[[Year, int], Fan]
EXPERTS: Mapping[str, Expert] = MappingProxyType(
    {
        "growth model": lambda year, _seed: shipped().fan(year),
        "bootstrap": lambda year, seed: bootstrap(year, seed=seed),
        "mean drift": lambda year, _seed: mean_drift(year),
        "middle month": lambda year, _seed: middle_month(year),
        "last value": lambda year, _seed: last_value(year),
    }
)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What each expert weighs, and by how much their band is widened.

    ``by_day`` are the parts of the width that belong to fan.DAYS_AHEAD. The outermost shares are
    widened by ``tail`` more, those between by a part of it. A series too
    young to show how much it moves is taken to move by ``young_ratio`` of its level.
    """

    weights: Mapping[str, float]
    width: float = 1.0
    tail: float = 1.0
    by_day: tuple[float, ...] = (1.0,) * len(DAYS_AHEAD)
    young_ratio: float = 0.003  # between that of measured histories and that of made ones

    @property
    def widths(self) -> Floats:
        """By how much each share is widened on each day ahead, as [day, share]."""
        outermost = [0.4, 0.475]  # as far from the middle as 10 and 90 %, 2.5 and 97.5 %
        of_share = np.interp(np.abs(SHARES - 0.5), outermost, [1.0, self.tail])
        return np.asarray(self.width * np.array(self.by_day)[:, None] * of_share)

    @classmethod
    def of_one(cls, expert: str) -> Calibration:
        """That expert alone."""
        return cls({expert: 1.0})


# Chosen on measured histories that the growth model did not know (docs/explanation/forecast.md).
USUAL = Calibration(
    {"growth model": 0.75, "bootstrap": 0.25},
    width=1.25,
    tail=1.3,
    by_day=(0.88, 0.96, 1.04, 0.96, 0.96, 1.0, 1.08, 1.12, 1.12, 1.12),
)


@dataclass(frozen=True, slots=True)
class FanPaths:
    """Sample paths that follow a fan; see the module."""

    fan: Fan
    last: Floats  # the level at the last closed day, without its weekday's part; NaN: unknown
    profile: Floats  # [series, weekday], Monday first
    steps: Steps
    origin: date
    horizon_days: int
    samples: int
    seed: int

    @property
    def series(self) -> int:
        return len(self.last)

    @property
    def growth_significant(self) -> Flags:
        """Whether nine of ten futures are above the present level three months ahead."""
        day = int(np.searchsorted(DAYS_AHEAD, _SURE_AFTER_DAYS))
        share = int(np.searchsorted(SHARES, _SURE_SHARE))
        return np.asarray(self.fan[:, day, share] > 0)

    def blocks(self) -> Iterator[PathBlock]:
        weights = _ranks_as_weights(self.samples, self.horizon_days + 1, self.seed)
        at_once = max(1, _VALUES_AT_ONCE // (self.samples * (self.horizon_days + 1)))
        elapsed = self._elapsed()
        for part in _slices(self.series, at_once):
            levels = by_day(self.fan[part], elapsed)
            levels += self.last[part, None]
            paths = np.matmul(levels, weights)
            paths += self._rhythm(part).T[:, :, None]
            np.maximum(paths, 0.0, out=paths)
            yield PathBlock(part.start, paths.transpose(1, 2, 0))

    def bands(self, shares: Floats) -> Iterator[PathBlock]:
        """The quantiles of each day, as ``paths[series, share, day]``: what many paths tend to."""
        weights = share_weights(np.asarray(shares, dtype=np.float64))
        elapsed = self._elapsed()
        for part in _slices(self.series, _LEARNT_AT_ONCE):
            bands = by_day(self.fan[part] @ weights, elapsed)
            bands += self.last[part, None]
            bands += self._rhythm(part).T[:, :, None]
            yield PathBlock(part.start, np.maximum(bands, 0.0).transpose(1, 2, 0))

    def levels(self) -> Floats:
        """The quantiles of the level, ``[day, series, fan.SHARES]``; they may be below 0."""
        every = slice(0, self.series)
        levels = by_day(self.fan, self._elapsed()) + self.last[None, :, None]
        return np.asarray(levels + self._rhythm(every).T[:, :, None])

    def _elapsed(self) -> Ints:
        """The days of the horizon, since the last closed day."""
        return np.arange(1, self.horizon_days + 2)

    def _rhythm(self, part: slice) -> Floats:
        weekday = weekday_of(self.origin, np.arange(self.horizon_days + 1))
        return self.profile[part][:, weekday]


def _slices(count: int, at_once: int) -> Iterator[slice]:
    for first in range(0, count, at_once):
        yield slice(first, min(first + at_once, count))


def _ranks_as_weights(samples: int, days: int, seed: int) -> Floats:
    """What each of a fan's shares counts in each future, ``[day, share, sample]``: 38 MB for two
    years, looked up and so made anew for each forecast rather than kept."""
    ranks = ranks_of(samples, days, seed)
    of_rank = share_weights((np.arange(len(ranks)) + 0.5) / len(ranks))
    return np.asarray(of_rank[:, ranks.T].transpose(1, 0, 2))


@lru_cache(maxsize=1)
def ranks_of(samples: int, days: int, seed: int) -> npt.NDArray[np.int16]:
    """The rank of each future on each day, ``[sample, day]``, from 0 on.

    A future's rank wanders from week to week, straight between; every future has its mirror image,
    so that on each day the ranks are spread evenly and their middle is the fan's.
    """
    half = -(-samples // 2)
    week, day = np.divmod(np.arange(1, days + 1), _WANDERS_DAYS)
    weekly = np.pad(draws(0, half, int(week[-1]) + 1, seed).cumsum(axis=1), ((0, 0), (1, 0)))
    part = day / _WANDERS_DAYS
    walk = weekly[:, week] * (1 - part) + weekly[:, week + 1] * part
    height = np.concatenate([walk, -walk])
    return height.argsort(axis=0).argsort(axis=0).astype(np.int16)


def forecast(
    block: Block,
    *,
    origin: date,
    horizon_days: int,
    seed: int,
    samples: int = 500,
    coarse: Flags | None = None,
    calibration: Calibration = USUAL,
) -> FanPaths:
    """Paths from ``block[series, day]``; the last column is the day before the origin.

    NaN is a day without a value of its own. A series with fewer than three values yields NaN,
    which is over no limit; one of less than 14 days stays, within what others did. ``coarse`` marks
    values that are means over several days: they have no weekday.
    """
    parts = [
        _learnt(block[part], None if coarse is None else coarse[part], origin, seed, calibration)
        for part in _slices(max(len(block), 1), _LEARNT_AT_ONCE)
    ]
    fans, lasts, profiles, steps = zip(*parts, strict=True)
    return FanPaths(
        fan=np.concatenate(fans),
        last=np.concatenate(lasts),
        profile=np.concatenate(profiles),
        steps=Steps.joined(
            [
                part.of_rows(np.arange(_LEARNT_AT_ONCE) + i * _LEARNT_AT_ONCE)
                for i, part in enumerate(steps)
            ]
        ),
        origin=origin,
        horizon_days=horizon_days,
        samples=samples,
        seed=seed,
    )


def _learnt(
    block: Block, coarse: Flags | None, origin: date, seed: int, calibration: Calibration
) -> tuple[Fan, Floats, Floats, Steps]:
    values = np.asarray(block, dtype=np.float64)
    profile = weekly_profile(values, origin)
    weekday = weekday_of(origin, np.arange(-values.shape[1], 0))
    own_day = ~np.isnan(values) if coarse is None else ~np.isnan(values) & ~coarse
    plain = values - np.where(own_day, profile[:, weekday], 0.0)
    steady = steadied(plain, own_day, profile)
    level, steps = year_and_steps(without_spikes(steady))
    fan = fan_of(level, seed, calibration)
    enough = (~np.isnan(values)).sum(axis=1) >= FEWEST_VALUES
    return fan, np.where(enough, level.last, np.nan), profile, steps


def fan_of(year: Year, seed: int, calibration: Calibration) -> Fan:
    """What the experts say together; of a straight past, what its line says."""
    weights = {name: weight for name, weight in calibration.weights.items() if weight > 0}
    total = sum(weights.values())
    fan = nothing_moves(len(year.span))
    for name, weight in weights.items():
        fan += weight / total * EXPERTS[name](year, seed)
    young = year.span < _FEWEST_DAYS
    if young.any():
        fan[young] = shipped().fan_of_strangers(calibration.young_ratio * np.abs(year.last[young]))
    middle = fan[:, :, MIDDLE, None]
    fan = np.asarray(middle + (fan - middle) * calibration.widths)
    line = line_of(year)
    return np.asarray(fan + line.share[:, None, None] * (line.fan - fan))
