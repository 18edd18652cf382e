"""Lets a forecast benchmark run this project's engines.

Such a benchmark names a forecaster as ``module:function`` and calls it with a long frame of past
values; it wants quantiles back. From this folder, with numpy and what the benchmark itself needs:

    python BENCHMARK.py DATASET forecast_adapter:forecaster --groups GROUP,…
    OPENBLAS_NUM_THREADS=1 python BENCHMARK.py --speed forecast_adapter:forecaster --n 10000

Some series are foreseen on each core at once; a library below numpy that wants every core
as well is in the way there.

``forecaster`` answers as the planner does. Daily series of 90 days or more are taken for growth:
the experts foresee them, and the middle quantile is the height that half of the futures have
reached by then, which is what a runway is told from. Shorter ones, and those of another step than
a day, are taken for load. ``middle`` answers with the middle of the levels instead;
``growth_model``, ``bootstrap``, ``mean_drift``, ``middle_month`` and ``last_value`` are the experts
alone, in the same way; ``loads`` is the engine for loads, whatever the series.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

sys.path.append(str(Path(__file__).parents[1]))  # a benchmark imports this file by its own name

from planner.forecast import engine, seasonal
from planner.forecast.earned import earned
from planner.forecast.engine import Calibration, FanPaths
from planner.forecast.level import DAYS, Rhythm, parts_of_a_day
from planner.forecast.paths import Block, Floats

_SEED, _SAMPLES, _TREND_DAYS = 20261123, 500, 180  # as in the policy's defaults
_FEW_SAMPLES = 96  # tell the middle of thousands of series as well
_SERIES_AT_ONCE = 500
_GROWTH_DAYS = 90  # what is shorter tells no growth
_SHORTEST = 7  # values that make a spell
_WITHOUT = Rhythm(spell=7, near=7, far=28, width=1.0)  # for what has no rhythm

Forecaster = Callable[[pd.DataFrame, int, int, str, Sequence[float]], pd.DataFrame]
Ints = npt.NDArray[np.int64]
Engine = Callable[[Block, date, int, Sequence[float]], Floats]  # → [series, quantile, day]


def forecaster(
    frame: pd.DataFrame, horizon: int, season: int, freq: str, quantiles: Sequence[float]
) -> pd.DataFrame:
    """The quantiles of the level: series_id, step from 1 on, q0.1, q0.5, …

    The weights are those that the experts earned on the series of ``frame`` before its end.
    ``frame`` holds series_id, ts (regular, no gaps) and value.
    """
    return _answered(frame, horizon, season, freq, quantiles, _reached)


def middle(
    frame: pd.DataFrame, horizon: int, season: int, freq: str, quantiles: Sequence[float]
) -> pd.DataFrame:
    """As forecaster, but q0.5 is the middle of the levels on that day."""
    return _answered(frame, horizon, season, freq, quantiles, _bands(None))


def _alone(expert: str) -> Forecaster:
    def alone(
        frame: pd.DataFrame, horizon: int, season: int, freq: str, quantiles: Sequence[float]
    ) -> pd.DataFrame:
        told = _bands(Calibration.of_one(expert))
        return _answered(frame, horizon, season, freq, quantiles, told)

    return alone


growth_model = _alone("growth model")
bootstrap = _alone("bootstrap")
mean_drift = _alone("mean drift")
middle_month = _alone("middle month")
last_value = _alone("last value")


def loads(
    frame: pd.DataFrame, horizon: int, season: int, freq: str, quantiles: Sequence[float]
) -> pd.DataFrame:
    """The quantiles of the engine for loads, without a calendar."""
    return _answered(frame, horizon, season, freq, quantiles, None)


def _answered(
    frame: pd.DataFrame,
    horizon: int,
    season: int,
    freq: str,
    quantiles: Sequence[float],
    growth: Engine | None,
) -> pd.DataFrame:
    """The quantiles of each series; what is taken for growth by that engine."""
    number, names = pd.factorize(frame["series_id"])
    levels = np.empty((len(names), len(quantiles), horizon))
    for rows, block, origin in _blocks(frame, number):
        grows = growth is not None and freq == "D" and block.shape[1] >= _GROWTH_DAYS
        told = growth if growth is not None and grows else _following(season, freq)
        levels[rows] = told(block, origin, horizon, quantiles)
    return _as_frame(names, levels, quantiles)


def _blocks(frame: pd.DataFrame, number: Ints) -> Iterator[tuple[Ints, Block, date]]:
    """The numbers of the series that end on the same weekday, they as one block, and the day that
    follows them.

    Which day does not matter beyond its weekday. The rows of a series stand together, in order
    of time. Shorter series begin with NaN.
    """
    first = np.flatnonzero(np.diff(number, prepend=-1))
    end = np.append(first[1:], len(number))
    values = frame["value"].to_numpy(dtype=np.float32)
    last = frame["ts"].iloc[end - 1]
    longest = int((end - first).max())
    for weekday in np.unique(last.dt.day_of_week):
        rows = np.flatnonzero(last.dt.day_of_week.to_numpy() == weekday)
        block = np.full((len(rows), longest), np.nan, dtype=np.float32)
        for row, series in enumerate(rows):
            block[row, longest - (end[series] - first[series]) :] = values[
                first[series] : end[series]
            ]
        yield rows, block, _day_after(last.iloc[rows[0]])


def _day_after(end: pd.Timestamp) -> date:
    return end.date() + timedelta(days=1)


def _bands(calibration: Calibration | None) -> Engine:
    def bands(block: Block, origin: date, horizon: int, quantiles: Sequence[float]) -> Floats:
        return _of_futures(_levels, block, origin, horizon, quantiles, calibration)

    return bands


def _reached(block: Block, origin: date, horizon: int, quantiles: Sequence[float]) -> Floats:
    return _of_futures(_levels_and_reached, block, origin, horizon, quantiles, None)


def _levels(paths: FanPaths, quantiles: Sequence[float]) -> Floats:
    return np.concatenate([part.paths for part in paths.bands(np.array(quantiles))])


def _levels_and_reached(paths: FanPaths, quantiles: Sequence[float]) -> Floats:
    levels = _levels(paths, quantiles)
    middle = levels[:, list(quantiles).index(0.5)]
    for part in paths.blocks():
        middle[part.first : part.first + len(part.paths)] = _half_reached(part.paths)
    return levels


def _half_reached(paths: Floats) -> Floats:
    """The height that half of ``paths[series, sample, day]`` have reached by each day."""
    heights = np.ascontiguousarray(paths.transpose(2, 0, 1), dtype=np.float32)
    for day in range(1, len(heights)):
        np.maximum(heights[day], heights[day - 1], out=heights[day])
    heights.sort(axis=2)
    half = heights.shape[2] // 2
    return np.asarray(heights[:, :, half - 1 : half + 1].mean(axis=2).T)


@dataclass(frozen=True, slots=True)
class _Some:
    """Some of many series."""

    block: Block
    origin: date
    horizon: int
    quantiles: Sequence[float]
    calibration: Calibration


def _of_futures(
    told: Callable[[FanPaths, Sequence[float]], Floats],
    block: Block,
    origin: date,
    horizon: int,
    quantiles: Sequence[float],
    calibration: Calibration | None,
) -> Floats:
    """What is told of the futures of all series, on every core."""
    weighed = calibration or earned(block, seed=_SEED)
    somes = (
        _Some(block[first : first + _SERIES_AT_ONCE], origin, horizon, quantiles, weighed)
        for first in range(0, len(block), _SERIES_AT_ONCE)
    )
    # Threads, as numpy works without the interpreter: processes would each cost a second to start.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.concatenate(list(pool.map(partial(_of_some, told), somes)))


def _of_some(told: Callable[[FanPaths, Sequence[float]], Floats], some: _Some) -> Floats:
    paths = engine.forecast(
        some.block,
        origin=some.origin,
        horizon_days=some.horizon - 1,  # the origin itself is the first step
        seed=_SEED,
        samples=_FEW_SAMPLES,
        calibration=some.calibration,
    )
    return told(paths, some.quantiles)


def _following(season: int, freq: str) -> Engine:
    rhythm = _WITHOUT if season < _SHORTEST else parts_of_a_day(season)
    rhythm = DAYS if freq == "D" else rhythm

    def following(block: Block, origin: date, horizon: int, quantiles: Sequence[float]) -> Floats:
        paths = seasonal.forecast(
            block,
            origin=origin,
            horizon_days=horizon - 1,
            seed=_SEED,
            samples=_SAMPLES,
            trend_days=_TREND_DAYS if freq == "D" else block.shape[1],
            rhythm=rhythm,
        )
        parts = [np.quantile(part.paths, quantiles, axis=1) for part in paths.blocks()]
        return np.concatenate(parts, axis=1).transpose(1, 0, 2)

    return following


def _as_frame(names: pd.Index, levels: Floats, quantiles: Sequence[float]) -> pd.DataFrame:
    count, horizon = len(names), levels.shape[2]
    series = pd.Categorical.from_codes(np.repeat(np.arange(count), horizon), names)
    columns = {f"q{share}": levels[:, i].ravel() for i, share in enumerate(quantiles)}
    return pd.DataFrame({
        "series_id": series, "step": np.tile(np.arange(1, horizon + 1), count), **columns
    })  # fmt: skip


if __name__ == "__main__":
    argparse.ArgumentParser(
        prog="python -m bench.forecast_adapter",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
