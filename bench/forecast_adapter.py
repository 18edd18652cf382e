"""Lets a forecast benchmark run this project's engines.

Such a benchmark names a forecaster as ``module:function`` and calls it with a long frame of past
values; it wants quantiles back. From this folder, with numpy and what the benchmark itself needs:

    python BENCHMARK.py DATASET forecast_adapter:forecaster --groups GROUP,…
    python BENCHMARK.py --speed forecast_adapter:forecaster --n 10000

``forecaster`` answers as the planner does. Daily series of 90 days or more are taken for growth:
the experts foresee them, and the middle quantile is the height that half of the futures have
reached by then, which is what a runway is told from. Shorter ones, and those of another step than
a day, are taken for load. ``middle`` answers with the middle of the levels instead;
``growth_model``, ``bootstrap``, ``mean_drift``, ``middle_month`` and ``last_value`` are the experts
alone, in the same way; ``loads`` is the engine for loads, whatever the series.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

sys.path.append(str(Path(__file__).parents[1]))  # a benchmark imports this file by its own name

from planner.forecast import engine, seasonal
from planner.forecast.earned import earned
from planner.forecast.engine import Calibration, FanPaths
from planner.forecast.paths import Block, Floats

_SEED, _SAMPLES, _TREND_DAYS = 20261123, 500, 180  # as in the policy's defaults
_FEW_SAMPLES = 64  # tell the middle of thousands of series as well
_GROWTH_DAYS = 90  # what is shorter tells no growth
_SHORTEST = 7  # values that make a spell
_WITHOUT = seasonal.Rhythm(spell=7, near=7, far=28, width=1.0)  # for what has no rhythm

Forecaster = Callable[[pd.DataFrame, int, int, str, Sequence[float]], pd.DataFrame]
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
    parts = []
    for names, block, origin in _blocks(frame):
        grows = growth is not None and freq == "D" and block.shape[1] >= _GROWTH_DAYS
        told = growth if growth is not None and grows else _following(season, freq)
        parts.append(_as_frame(names, told(block, origin, horizon, quantiles), quantiles))
    return pd.concat(parts, ignore_index=True)


def _blocks(frame: pd.DataFrame) -> Iterator[tuple[list[str], Block, date]]:
    """The series that end on the same weekday, as one block, and the day that follows them.

    Which day does not matter beyond its weekday. The rows of a series stand together, in order
    of time. Shorter series begin with NaN.
    """
    names = frame["series_id"].to_numpy()
    first = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]]))
    end = np.append(first[1:], len(names))
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
        yield [str(names[first[series]]) for series in rows], block, _day_after(last.iloc[rows[0]])


def _day_after(end: pd.Timestamp) -> date:
    return end.date() + timedelta(days=1)


def _bands(calibration: Calibration | None) -> Engine:
    def bands(block: Block, origin: date, horizon: int, quantiles: Sequence[float]) -> Floats:
        paths = _futures(block, origin, horizon, calibration)
        return np.concatenate([part.paths for part in paths.bands(np.array(quantiles))])

    return bands


def _reached(block: Block, origin: date, horizon: int, quantiles: Sequence[float]) -> Floats:
    paths = _futures(block, origin, horizon, None)
    levels = np.concatenate([part.paths for part in paths.bands(np.array(quantiles))])
    middle = levels[:, list(quantiles).index(0.5)]
    for part in paths.blocks():
        reached = np.sort(np.maximum.accumulate(part.paths.astype(np.float32), axis=2), axis=1)
        halves = reached[:, [_FEW_SAMPLES // 2 - 1, _FEW_SAMPLES // 2]]
        middle[part.first : part.first + len(reached)] = halves.mean(axis=1)
    return levels


def _futures(block: Block, origin: date, horizon: int, calibration: Calibration | None) -> FanPaths:
    return engine.forecast(
        block,
        origin=origin,
        horizon_days=horizon - 1,  # the origin itself is the first step
        seed=_SEED,
        samples=_FEW_SAMPLES,
        calibration=calibration or earned(block, seed=_SEED),
    )


def _following(season: int, freq: str) -> Engine:
    rhythm = _WITHOUT if season < _SHORTEST else seasonal.parts_of_a_day(season)
    rhythm = seasonal.DAYS if freq == "D" else rhythm

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


def _as_frame(names: list[str], levels: Floats, quantiles: Sequence[float]) -> pd.DataFrame:
    horizon = levels.shape[2]
    steps: npt.NDArray[np.int64] = np.arange(1, horizon + 1)
    columns = {f"q{share}": levels[:, i].ravel() for i, share in enumerate(quantiles)}
    return pd.DataFrame(
        {"series_id": np.repeat(names, horizon), "step": np.tile(steps, len(names)), **columns}
    )


if __name__ == "__main__":
    argparse.ArgumentParser(
        prog="python -m bench.forecast_adapter",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
