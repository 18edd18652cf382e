"""A day or two far off tell nothing of a level; what recurs, or has not come back, stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest

from planner.forecast import engine, seasonal
from planner.forecast.paths import Floats
from planner.forecast.spikes import without_spikes

AS_OF = date(2026, 11, 23)
DAYS = 365
SHARES = np.array([0.025, 0.1, 0.5, 0.9, 0.975])


def usual(*, noise: float = 3.0) -> Floats:
    return np.asarray(
        1000 + 0.5 * np.arange(DAYS) + noise * np.random.default_rng(4).standard_normal(DAYS)
    )


def spikes_in(values: Floats) -> list[int]:
    kept = without_spikes(values[None, :])[0]
    assert np.array_equal(kept[~np.isnan(kept)], values[~np.isnan(kept)])
    return [int(day) for day in np.flatnonzero(np.isnan(kept) & ~np.isnan(values))]


def with_days(changes: dict[int, float], *, noise: float = 3.0) -> Floats:
    values = usual(noise=noise)
    for day, factor in changes.items():
        values[day] *= factor
    return values


@pytest.mark.parametrize("noise", [0.0, 3.0])
@pytest.mark.parametrize("factor", [0.0, 0.5, 1.2, 2.0, 1e6])
def test_a_day_or_two_that_fall_back_are_spikes(factor: float, noise: float) -> None:
    assert spikes_in(with_days({200: factor}, noise=noise)) == [200]
    assert spikes_in(with_days({200: factor, 201: factor}, noise=noise)) == [200, 201]
    assert spikes_in(with_days({0: factor, DAYS - 2: factor}, noise=noise)) == [0, DAYS - 2]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {200: 1.02},
        {DAYS - 1: 2.0},
        {DAYS - 2: 2.0, DAYS - 1: 2.0},
        dict.fromkeys(range(200, 204), 2.0),
        dict.fromkeys(range(20, 320, 30), 2.0),
        dict.fromkeys(range(0, DAYS, 2), 0.0),
    ],
    ids=["none", "small", "last day", "last two days", "four days", "monthly", "every other day"],
)
def test_what_is_no_spike_stays(changes: dict[int, float]) -> None:
    assert spikes_in(with_days(changes)) == []


def test_a_step_and_its_gaps_are_no_spikes() -> None:
    values = np.where(np.arange(DAYS) < 200, 1000.0, 1500.0)
    assert spikes_in(values) == []
    values[195:199] = np.nan
    values[202] = np.nan
    assert spikes_in(values) == []


def test_a_spike_is_found_among_gaps() -> None:
    values = with_days({200: 2.0})
    values[[150, 198, 203]] = np.nan
    assert spikes_in(values) == [200]
    values[:] = np.nan
    assert spikes_in(values) == []
    assert spikes_in(np.ones(6)) == []


def bands_of_growth(block: Floats) -> Floats:
    found = engine.forecast(
        block.astype(np.float32), origin=AS_OF, horizon_days=120, seed=1, samples=60
    )
    return np.concatenate([part.paths for part in found.bands(SHARES)])


def bands_of_loads(block: Floats) -> Floats:
    found = seasonal.forecast(block.astype(np.float32), origin=AS_OF, horizon_days=120, seed=1)
    paths = np.concatenate([part.paths for part in found.blocks()])
    return np.asarray(np.quantile(paths, SHARES, axis=1).transpose(1, 0, 2))


@pytest.mark.parametrize("factor", [0.0, 2.0, 10.0])
@pytest.mark.parametrize("bands", [bands_of_growth, bands_of_loads])
def test_one_wrong_reading_changes_no_forecast(
    bands: Callable[[Floats], Floats], factor: float
) -> None:
    clean, spiked = bands(np.stack([usual(), with_days({200: factor})]))
    assert spiked == pytest.approx(clean, rel=0.02)
