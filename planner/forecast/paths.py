"""The seam between a forecasting engine and the runway: sample paths, block by block.

An engine is any function ``forecast(block, *, origin, horizon_days, seed, …) -> PathSource``.
Day 0 of a path is the origin (as_of); the last closed day is day −1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Block = npt.NDArray[np.float32]


def draws(kind: int, samples: int, days: int, seed: int) -> Floats:
    """Standard normal draws ``[sample, day]`` of one kind; fewer days are the beginning of more."""
    return np.random.default_rng([seed, kind]).standard_normal((days, samples)).T


@dataclass(frozen=True, slots=True)
class PathBlock:
    """Paths of some series: ``paths[series, sample, day]``, of series ``first`` and following."""

    first: int
    paths: Floats


class PathSource(Protocol):
    """Sample paths of several series, which fit in memory one block at a time."""

    @property
    def series(self) -> int: ...

    @property
    def horizon_days(self) -> int: ...

    @property
    def growth_significant(self) -> npt.NDArray[np.bool_]:
        """Per series: can its growth be told from 0?"""
        ...

    def blocks(self) -> Iterator[PathBlock]:
        """The paths; the same ones at every call."""
        ...


@dataclass(frozen=True, slots=True)
class StraightPaths:
    """Straight paths: ``levels[series, sample] + growth[series, sample] × day``."""

    levels: Floats
    growth: Floats
    horizon_days: int = 730

    @property
    def series(self) -> int:
        return int(self.levels.shape[0])

    @property
    def growth_significant(self) -> npt.NDArray[np.bool_]:
        return np.asarray(np.median(self.growth, axis=1) > 0)

    def blocks(self) -> Iterator[PathBlock]:
        days = np.arange(self.horizon_days + 1, dtype=np.float64)
        yield PathBlock(0, self.levels[:, :, None] + self.growth[:, :, None] * days)
