"""Forecasters that anybody can have, to measure ours against: for ``python -m bench.baselines``.

Each is called as the benchmark calls (bench/forecast_adapter.py). The plain ones need numpy and
pandas; the others are models of statsforecast, which wants an environment of its own. A Gaussian
band is theirs, where the method has none of its own.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Forecaster = Callable[[pd.DataFrame, int, int, str, Sequence[float]], pd.DataFrame]
Plain = Callable[[Floats, Floats, int], tuple[Floats, Floats]]  # past, days ahead, season

_LEVELS = (80, 95)
_LINE_DAYS = 30


def _plain(told: Plain) -> Forecaster:
    """A method that tells middle and deviation of each day ahead from one past."""

    def forecaster(
        frame: pd.DataFrame, horizon: int, season: int, _freq: str, quantiles: Sequence[float]
    ) -> pd.DataFrame:
        ahead = np.arange(1, horizon + 1, dtype=np.float64)
        apart = np.array([NormalDist().inv_cdf(share) for share in quantiles])
        names, parts = [], []
        for name, past in _series(frame):
            middle, deviation = told(past, ahead, season)
            names.append(name)
            parts.append(middle[:, None] + deviation[:, None] * apart)
        return _framed(names, np.concatenate(parts), horizon, quantiles)

    return forecaster


def _series(frame: pd.DataFrame) -> Iterator[tuple[str, Floats]]:
    for name, rows in frame.groupby("series_id", sort=False):
        yield str(name), rows["value"].to_numpy(dtype=np.float64)


def _framed(
    names: Sequence[str], levels: Floats, horizon: int, quantiles: Sequence[float]
) -> pd.DataFrame:
    columns = {f"q{share}": levels[:, i] for i, share in enumerate(quantiles)}
    steps: npt.NDArray[np.int64] = np.tile(np.arange(1, horizon + 1), len(names))
    return pd.DataFrame({"series_id": np.repeat(names, horizon), "step": steps, **columns})


def _last_value(past: Floats, ahead: Floats, _season: int) -> tuple[Floats, Floats]:
    return np.full(len(ahead), past[-1]), np.sqrt(ahead) * np.diff(past).std()


def _last_season(past: Floats, ahead: Floats, season: int) -> tuple[Floats, Floats]:
    if len(past) <= 2 * season:
        season = 1
    place = (ahead.astype(np.int64) - 1) % season
    moved = past[season:] - past[:-season]
    return past[-season:][place], np.sqrt((ahead - 1) // season + 1) * moved.std()


def _line(past: Floats, ahead: Floats, _season: int) -> tuple[Floats, Floats]:
    """A least-squares line with the textbook's prediction interval."""
    day = np.arange(len(past), dtype=np.float64)
    slope, level = np.polyfit(day, past, 1)
    left = past - (level + slope * day)
    deviation = np.sqrt((left**2).sum() / max(len(past) - 2, 1))
    at = len(past) - 1 + ahead
    spread = ((day - day.mean()) ** 2).sum()
    error = np.sqrt(1 + 1 / len(past) + (at - day.mean()) ** 2 / spread)
    return level + slope * at, deviation * error


def _line_of_a_month(past: Floats, ahead: Floats, season: int) -> tuple[Floats, Floats]:
    return _line(past[-_LINE_DAYS * (season if season > 7 else 1) :], ahead, season)


def _brownian(past: Floats, ahead: Floats, _season: int) -> tuple[Floats, Floats]:
    moved = np.diff(past)
    return past[-1] + moved.mean() * ahead, moved.std() * np.sqrt(ahead)


last_value = _plain(_last_value)
last_season = _plain(_last_season)
line = _plain(_line)
line_of_a_month = _plain(_line_of_a_month)
brownian_with_drift = _plain(_brownian)


def _statsforecast(model: str, **options: Any) -> Forecaster:
    """A model of statsforecast by its name; its own intervals are the band."""

    def forecaster(
        frame: pd.DataFrame, horizon: int, season: int, _freq: str, quantiles: Sequence[float]
    ) -> pd.DataFrame:
        library: Any = importlib.import_module("statsforecast")
        models: Any = importlib.import_module("statsforecast.models")
        shortest = int(frame.groupby("series_id").size().min())
        made = getattr(models, model)(
            **({"season_length": season if shortest >= 3 * season else 1} | options)
        )
        past = pd.DataFrame(
            {
                "unique_id": frame["series_id"].to_numpy(),
                "ds": frame.groupby("series_id").cumcount().to_numpy() + 1,
                "y": frame["value"].to_numpy(dtype=np.float64),
            }
        )
        runner = library.StatsForecast(models=[made], freq=1, fallback_model=models.Naive())
        found = runner.forecast(df=past, h=horizon, level=list(_LEVELS))
        name = str(made)
        told = [f"{name}-lo-95", f"{name}-lo-80", name, f"{name}-hi-80", f"{name}-hi-95"]
        names = list(dict.fromkeys(found["unique_id"]))
        return _framed(names, found[told].to_numpy(dtype=np.float64), horizon, quantiles)

    return forecaster


auto_ets = _statsforecast("AutoETS")
auto_theta = _statsforecast("AutoTheta")
dynamic_theta = _statsforecast("DynamicOptimizedTheta")
auto_ces = _statsforecast("AutoCES")
holt = _statsforecast("Holt", season_length=1)
