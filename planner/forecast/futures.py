"""Each series by the engine that foresees its kind best, as one source of paths.

What grows (storage, memory, what is allocated) is foreseen by the experts; what follows the week
(processor load) by the engine for loads. Both find the same steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from planner.forecast import engine, seasonal
from planner.forecast.calendar import NO_CALENDAR, Calendar
from planner.forecast.engine import USUAL, Calibration, FanPaths
from planner.forecast.paths import Block, Floats, PathBlock
from planner.forecast.seasonal import SeasonalPaths
from planner.forecast.steps import Flags, Ints, Steps

_LEARNT_AT_ONCE = 1000
_Part = tuple[Ints, SeasonalPaths | FanPaths]  # the rows of a block, and their paths


@dataclass(frozen=True, slots=True)
class Futures:
    """The paths of several engines, in the order of the block they were told from."""

    parts: tuple[_Part, ...]
    horizon_days: int

    @property
    def series(self) -> int:
        return sum(len(rows) for rows, _paths in self.parts)

    @property
    def growth_significant(self) -> Flags:
        found = np.zeros(self.series, dtype=bool)
        for rows, paths in self.parts:
            found[rows] = paths.growth_significant
        return found

    @property
    def steps(self) -> Steps:
        return Steps.joined([paths.steps.of_rows(rows) for rows, paths in self.parts])

    def blocks(self) -> Iterator[PathBlock]:
        """One series at a time."""
        part_of = np.zeros(self.series, dtype=np.int64)
        for number, (rows, _paths) in enumerate(self.parts):
            part_of[rows] = number
        streams = [_one_by_one(paths) for _rows, paths in self.parts]
        for series, part in enumerate(part_of):
            yield PathBlock(series, next(streams[part]))


def _one_by_one(paths: SeasonalPaths | FanPaths) -> Iterator[Floats]:
    for block in paths.blocks():
        for series in range(len(block.paths)):
            yield block.paths[series : series + 1]


def forecast(
    block: Block,
    *,
    growing: Flags,
    origin: date,
    horizon_days: int,
    seed: int,
    samples: int = 500,
    trend_days: int = 180,
    coarse: Flags | None = None,
    calibration: Calibration = USUAL,
    calendar: Calendar = NO_CALENDAR,
) -> Futures:
    """Paths from ``block[series, day]``; the last column is the day before the origin.

    ``growing[series]`` says which are foreseen by the experts; see the engines for the rest.
    """

    parts: list[_Part] = []
    grows, follows = np.flatnonzero(growing), np.flatnonzero(~growing)
    if len(grows):
        experts = engine.forecast(
            block[grows],
            origin=origin,
            horizon_days=horizon_days,
            seed=seed,
            samples=samples,
            coarse=None if coarse is None else coarse[grows],
            calibration=calibration,
        )
        parts.append((grows, experts))
    for first in range(0, len(follows), _LEARNT_AT_ONCE):
        rows = follows[first : first + _LEARNT_AT_ONCE]
        loads = seasonal.forecast(
            block[rows],
            origin=origin,
            horizon_days=horizon_days,
            seed=seed,
            samples=samples,
            trend_days=trend_days,
            coarse=None if coarse is None else coarse[rows],
            calendar=calendar,
        )
        parts.append((rows, loads))
    return Futures(tuple(parts), horizon_days)
