"""Lets a forecast benchmark run this project's engine.

Such a benchmark names a forecaster as ``module:function`` and calls it with a long frame of past
values; it wants quantiles back. Run it from the project's root:

    python BENCHMARK.py DATASET bench.forecast_adapter:brownian --groups GROUP,…
    python BENCHMARK.py --speed bench.forecast_adapter:brownian --n 10000

Only daily series are forecast, for that is what the planner does; another step is refused.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast import brownian as engine
from planner.forecast.paths import Block, Floats
from planner.policy import ForecastRules

_RULES = ForecastRules()


def brownian(
    frame: pd.DataFrame, horizon: int, season: int, freq: str, quantiles: Sequence[float]
) -> pd.DataFrame:
    """The quantiles of Brownian motion with drift: series_id, step from 1 on, q0.1, q0.5, …

    ``frame`` holds series_id, ts (one a day, no gaps) and value. Raises ValueError when ``freq``
    is not "D"; ``season`` is not needed, a daily series has weeks.
    """
    del season
    if freq != "D":
        raise ValueError(f"only daily series are forecast, not {freq!r}")
    parts = [
        _quantiles(names, block, origin, horizon, quantiles)
        for names, block, origin in _blocks(frame)
    ]
    return pd.concat(parts, ignore_index=True)


def _blocks(frame: pd.DataFrame) -> Iterator[tuple[list[str], Block, date]]:
    """The series that end on the same weekday, as one block, and the day that follows them.

    Which day does not matter beyond its weekday. Shorter series begin with NaN.
    """
    ends = frame.groupby("series_id")["ts"].max()
    for _weekday, group in ends.groupby(ends.dt.day_of_week):
        part = frame[frame["series_id"].isin(group.index)]
        series = [(str(name), rows["value"].to_numpy()) for name, rows in part.groupby("series_id")]
        longest = max(len(values) for _name, values in series)
        block = np.full((len(series), longest), np.nan, dtype=np.float32)
        for row, (_name, values) in enumerate(series):
            block[row, longest - len(values) :] = values
        yield [name for name, _values in series], block, _day_after(group.iloc[0])


def _day_after(end: pd.Timestamp) -> date:
    return end.date() + timedelta(days=1)


def _quantiles(
    names: list[str], block: Block, origin: date, horizon: int, quantiles: Sequence[float]
) -> pd.DataFrame:
    paths = engine.forecast(
        block,
        origin=origin,
        horizon_days=horizon - 1,  # the origin itself is the first step
        seed=_RULES.seed,
        samples=_RULES.samples,
        trend_days=_RULES.trend_days,
    )
    levels: Floats = np.concatenate(
        [np.quantile(part.paths, quantiles, axis=1) for part in paths.blocks()], axis=1
    )
    steps: npt.NDArray[np.int64] = np.arange(1, horizon + 1)
    columns = {f"q{share}": levels[i].ravel() for i, share in enumerate(quantiles)}
    return pd.DataFrame(
        {"series_id": np.repeat(names, horizon), "step": np.tile(steps, len(names)), **columns}
    )


if __name__ == "__main__":
    argparse.ArgumentParser(
        prog="python -m bench.forecast_adapter",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
