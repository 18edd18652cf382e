"""The engine in the cases that have a name."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import numpy as np
import pytest

from planner.forecast import engine
from planner.forecast.engine import FanPaths
from planner.forecast.paths import Floats
from planner.runway import first_passage, runway

AS_OF = date(2026, 11, 23)
HORIZON = 730


def forecast(*series: Iterable[float], samples: int = 200) -> FanPaths:
    block = np.array([list(values) for values in series], dtype=np.float32)
    return engine.forecast(block, origin=AS_OF, horizon_days=HORIZON, seed=1, samples=samples)


def paths_of(found: FanPaths) -> Floats:
    return np.concatenate([part.paths for part in found.blocks()])


def middle_of(found: FanPaths) -> Floats:
    return np.concatenate([part.paths[:, 0] for part in found.bands(np.array([0.5]))])


def noisy(days: int, growth: float = 0.0, noise: float = 5.0, seed: int = 7) -> Floats:
    draws = np.random.default_rng(seed).standard_normal(days)
    return 1000 + growth * np.arange(days) + noise * draws


@pytest.mark.parametrize("at", [45, 60], ids=["example 31", "example 30"])
def test_a_step_is_no_growth(at: int) -> None:
    found = forecast([1000.0] * at + [1200.0] * (90 - at))
    assert middle_of(found) == pytest.approx(np.full((1, HORIZON + 1), 1200.0))
    [passage] = first_passage(found, np.full((1, HORIZON + 1), 1228.8))
    assert runway(passage, as_of=AS_OF, usable_now=1228.8).reason == "no_growth"


def test_example_32_a_weekly_rhythm_is_no_growth_and_goes_on() -> None:
    days = AS_OF.toordinal() + np.arange(-90, HORIZON + 1)
    values = np.where(days % 7 >= 1, 1000.0, 800.0)
    values[days % 7 == 6] = 800.0
    found = forecast(values[:90])
    assert middle_of(found)[0] == pytest.approx(values[90:], abs=1)
    assert not found.growth_significant[0]


def test_steady_growth_goes_on() -> None:
    found = forecast(noisy(365, growth=2.0), noisy(365), noisy(365, growth=-2.0))
    grown = middle_of(found)[:, 100] - middle_of(found)[:, 0]
    assert grown == pytest.approx([200, 0, -200], rel=0.1, abs=20)
    assert found.growth_significant.tolist() == [True, False, False]


def test_a_gap_is_no_zero_and_its_growth_counts() -> None:
    holed = noisy(365, growth=2.0)
    whole = holed.copy()
    holed[200:230] = np.nan
    holed[5::9] = np.nan
    found = middle_of(forecast(whole, holed))
    assert found[1, 180] == pytest.approx(found[0, 180], rel=0.05)


def test_weekly_values_tell_as_much_as_daily_ones() -> None:
    weekly = np.full(365, np.nan)
    weekly[::7] = noisy(365, growth=2.0, noise=0.0)[::7]
    found = forecast(weekly)
    assert middle_of(found)[0, 180] == pytest.approx(1000 + 2 * 545, rel=0.1)
    assert np.isfinite(paths_of(found)).all()


@pytest.mark.parametrize("known", [0, 1, 2])
def test_fewer_than_three_values_are_over_no_limit(known: int) -> None:
    values = np.full(90, np.nan)
    values[90 - known :] = 1000.0 + np.arange(known)
    [passage] = first_passage(forecast(values), np.full((1, HORIZON + 1), 1.0))
    assert (passage.base, passage.conservative) == (None, None)


@pytest.mark.parametrize("days", [3, 8, 13])
def test_a_short_history_stays_within_what_others_did(days: int) -> None:
    values = np.full(90, np.nan)
    values[90 - days :] = noisy(days, growth=50.0, noise=1.0)
    found = forecast(values)
    assert middle_of(found) == pytest.approx(np.full((1, HORIZON + 1), values[-1]), rel=1e-5)
    low, high = next(found.bands(np.array([0.1, 0.9]))).paths[0]
    assert low[30] < values[-1] < high[30]
    assert not found.growth_significant[0]


def test_a_band_of_a_short_history_is_the_fleets_even_where_nothing_moved_yet() -> None:
    values = np.full((1, 90), np.nan, dtype=np.float32)
    values[0, -5:] = 1000.0
    widths = []
    for ratio in (0.001, 0.004):
        found = engine.forecast(
            values, origin=AS_OF, horizon_days=90, seed=1,
            calibration=engine.Calibration({"last value": 1.0}, young_ratio=ratio),
        )  # fmt: skip
        low, high = next(found.bands(np.array([0.1, 0.9]))).paths[0]
        widths.append(high[60] - low[60])
    assert widths[0] > 0
    assert widths[1] == pytest.approx(4 * widths[0])


def test_zeros_stay_zero_and_nothing_falls_below() -> None:
    falling = np.maximum(300 - noisy(365, growth=1.0, noise=3.0) + 1000, 0)
    found = paths_of(forecast(np.zeros(365), falling))
    assert (found[0] == 0).all()
    assert (found >= 0).all()


def test_memory_stays_flat_however_many_series_there_are() -> None:
    for count in (20, 50):
        blocks = list(forecast(*[noisy(90)] * count, samples=500).blocks())
        assert max(part.paths.size for part in blocks) <= 3_000_000
        assert sum(len(part.paths) for part in blocks) == count
        assert [part.first for part in blocks] == list(range(0, count, 8))


def test_steps_are_those_of_each_series() -> None:
    """Across the seam of what is learnt at once."""
    plain, stepped = [1000.0] * 40, [1000.0] * 20 + [1300.0] * 20
    found = forecast(*[plain] * 1003, stepped, samples=50)
    assert found.steps.of(1002) == []
    assert [step.day for step in found.steps.of(1003)] == [20]


def test_no_series_have_no_paths() -> None:
    found = engine.forecast(
        np.zeros((0, 90), dtype=np.float32), origin=AS_OF, horizon_days=30, seed=1
    )
    assert (found.series, list(found.blocks())) == (0, [])


def test_a_mean_over_a_week_has_no_weekday() -> None:
    """A year of weekly means, then two months of days with quiet weekends."""
    days = AS_OF.toordinal() + np.arange(-365, 0)
    values = np.where(np.isin(days % 7, (6, 0)), 800.0, 1000.0)
    values[:305] = np.where(days[:305] % 7 == 3, 943.0, np.nan)
    coarse = (np.arange(365) < 305)[None, :]
    plain, marked = (
        engine.forecast(
            values[None, :].astype(np.float32),
            origin=AS_OF,
            horizon_days=90,
            seed=1,
            coarse=told,
        )
        for told in (None, coarse)
    )
    assert len(plain.steps.of(0)) == 1  # the weeks' means, taken for Thursdays, are too low
    assert marked.steps.of(0) == []


def test_a_future_keeps_its_rank_for_a_week_and_the_horizon_changes_no_day() -> None:
    ranks = engine.ranks_of(200, 15, seed=1)
    assert (ranks[:, :7] == ranks[:, :1]).all()
    assert (ranks[:, 7:] != ranks[:, :1]).any(axis=0).all()
    assert (np.sort(ranks, axis=0) == np.arange(200)[:, None]).all()
    assert (ranks + engine.ranks_of(200, 15, seed=1)[np.r_[100:200, 0:100]] == 199).all()
    assert (engine.ranks_of(200, 9, seed=1) == ranks[:, :9]).all()
