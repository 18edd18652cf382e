"""Paths whose band is wider: what earlier forecasts missed by is made up for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from planner.forecast.paths import Floats, PathBlock, PathSource
from planner.forecast.steps import Flags


@dataclass(frozen=True, slots=True)
class WidenedPaths:
    """The paths of ``source``, each ``factors[series, day]`` times as far from their middle.

    A factor of 1 leaves a path as it is; no path falls below 0.
    """

    source: PathSource
    factors: Floats

    @property
    def series(self) -> int:
        return self.source.series

    @property
    def horizon_days(self) -> int:
        return self.source.horizon_days

    @property
    def growth_significant(self) -> Flags:
        return self.source.growth_significant

    def blocks(self) -> Iterator[PathBlock]:
        for block in self.source.blocks():
            factors = self.factors[block.first : block.first + len(block.paths)]
            wider = (factors != 1.0).any(axis=1)
            if not wider.any():
                yield block
                continue
            paths = block.paths.copy()
            middle = np.median(paths[wider], axis=1, keepdims=True)
            apart = (paths[wider] - middle) * factors[wider][:, None, :]
            paths[wider] = np.maximum(middle + apart, 0.0)
            yield PathBlock(block.first, paths)
