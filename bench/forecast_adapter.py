"""Lets a forecast benchmark run this project's engine.

Such a benchmark names a forecaster as ``module:function`` and calls it with a long frame of past
values; it wants quantiles back. Run it from the project's root:

    python BENCHMARK.py DATASET bench.forecast_adapter:forecaster --groups GROUP,…
    python BENCHMARK.py --speed bench.forecast_adapter:forecaster --n 10000

``forecaster`` answers with the quantiles of the level on each day; ``reaching`` replaces the middle
one by the height that half of the futures have reached by then, which is what a runway is told
from; ``growth_model``, ``bootstrap``, ``mean_drift``, ``middle_month`` and ``last_value`` are the
experts alone; ``brownian`` is the engine before this one.

Only daily series are forecast, for that is what the planner does; another step is refused.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast import brownian as walk
from planner.forecast import engine
from planner.forecast.earned import earned
from planner.forecast.engine import Calibration, FanPaths
from planner.forecast.paths import Block, Floats
from planner.policy import ForecastRules

_RULES = ForecastRules()

Forecaster = Callable[[pd.DataFrame, int, int, str, Sequence[float]], pd.DataFrame]
Engine = Callable[[Block, date, int, Sequence[float]], Floats]  # → [series, quantile, day]


def forecaster(
    frame: pd.DataFrame, horizon: int, season: int, freq: str, quantiles: Sequence[float]
) -> pd.DataFrame:
    """The quantiles of the level: series_id, step from 1 on, q0.1, q0.5, …

    The weights are those that the experts earned on the series of ``frame`` before its end.
    ``frame`` holds series_id, ts (one a day, no gaps) and value. Raises ValueError when ``freq``
    is not "D"; ``season`` is not needed, a daily series has weeks.
    """
    del season
    return _answered(frame, horizon, freq, quantiles, _bands(None))


def reaching(
    frame: pd.DataFrame, horizon: int, season: int, freq: str, quantiles: Sequence[float]
) -> pd.DataFrame:
    """As forecaster, but q0.5 is what half of the paths have reached on that day or before."""
    del season
    return _answered(frame, horizon, freq, quantiles, _reached)


def _alone(expert: str) -> Forecaster:
    def alone(
        frame: pd.DataFrame, horizon: int, season: int, freq: str, quantiles: Sequence[float]
    ) -> pd.DataFrame:
        del season
        return _answered(frame, horizon, freq, quantiles, _bands(Calibration.of_one(expert)))

    return alone


growth_model = _alone("growth model")
bootstrap = _alone("bootstrap")
mean_drift = _alone("mean drift")
middle_month = _alone("middle month")
last_value = _alone("last value")


def brownian(
    frame: pd.DataFrame, horizon: int, season: int, freq: str, quantiles: Sequence[float]
) -> pd.DataFrame:
    """The quantiles of Brownian motion with drift around a weekly profile."""
    del season
    return _answered(frame, horizon, freq, quantiles, _wandering)


def _answered(
    frame: pd.DataFrame, horizon: int, freq: str, quantiles: Sequence[float], told: Engine
) -> pd.DataFrame:
    if freq != "D":
        raise ValueError(f"only daily series are forecast, not {freq!r}")
    parts = [
        _as_frame(names, told(block, origin, horizon, quantiles), quantiles)
        for names, block, origin in _blocks(frame)
    ]
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
    reached = [
        np.median(np.maximum.accumulate(part.paths, axis=2), axis=1) for part in paths.blocks()
    ]
    levels[:, list(quantiles).index(0.5)] = np.concatenate(reached)
    return levels


def _futures(block: Block, origin: date, horizon: int, calibration: Calibration | None) -> FanPaths:
    return engine.forecast(
        block,
        origin=origin,
        horizon_days=horizon - 1,  # the origin itself is the first step
        seed=_RULES.seed,
        samples=_RULES.samples,
        calibration=calibration or earned(block, seed=_RULES.seed),
    )


def _wandering(block: Block, origin: date, horizon: int, quantiles: Sequence[float]) -> Floats:
    paths = walk.forecast(
        block,
        origin=origin,
        horizon_days=horizon - 1,
        seed=_RULES.seed,
        samples=_RULES.samples,
        trend_days=_RULES.trend_days,
    )
    parts = [np.quantile(part.paths, quantiles, axis=1) for part in paths.blocks()]
    return np.concatenate(parts, axis=1).transpose(1, 0, 2)


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
