"""The baseline engine: the same for one seed, honest about what it cannot tell."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import numpy as np
import pytest

from planner.forecast import seasonal
from planner.forecast.paths import Floats, StraightPaths
from planner.forecast.seasonal import SeasonalPaths
from planner.runway import first_passage

AS_OF = date(2026, 11, 23)
HORIZON = 60


def forecast(*series: Iterable[float], seed: int = 1, samples: int = 100) -> SeasonalPaths:
    block = np.array([list(values) for values in series], dtype=np.float32)
    return seasonal.forecast(block, origin=AS_OF, horizon_days=HORIZON, seed=seed, samples=samples)


def paths_of(found: SeasonalPaths) -> Floats:
    return np.concatenate([block.paths for block in found.blocks()])


def noisy(
    days: int, *, level: float = 1000.0, growth: float = 0.0, noise: float = 5.0, seed: int = 7
) -> Floats:
    random = np.random.default_rng(seed)
    return level + growth * np.arange(days) + noise * random.standard_normal(days)


def by_weekday(days: int, weekday: float, weekend: float) -> list[float]:
    dates = (AS_OF - timedelta(days=days - i) for i in range(days))
    return [weekend if day.weekday() >= 5 else weekday for day in dates]


def test_one_seed_gives_one_forecast_and_another_seed_another() -> None:
    series = noisy(90)
    same = [paths_of(forecast(series, seed=5)) for _again in range(2)]
    assert np.array_equal(*same)
    assert not np.array_equal(same[0], paths_of(forecast(series, seed=6)))


def test_the_paths_are_the_same_at_every_call() -> None:
    found = forecast(noisy(90), noisy(90, seed=8))
    assert np.array_equal(paths_of(found), paths_of(found))


def test_a_series_does_not_depend_on_the_others_nor_on_its_place() -> None:
    many = [noisy(90, level=1000 + 10 * i, seed=i) for i in range(20)]
    together = paths_of(forecast(*many))
    for i in (0, 7, 8, 19):
        assert np.allclose(together[i], paths_of(forecast(many[i]))[0])
    assert np.allclose(paths_of(forecast(*reversed(many)))[::-1], together)


def test_memory_stays_flat_however_many_series_there_are() -> None:
    sizes = {}
    for count in (20, 200):
        blocks = list(forecast(*[noisy(90)] * count, samples=20).blocks())
        sizes[count] = max(block.paths.nbytes for block in blocks)
        assert [block.first for block in blocks] == list(
            np.cumsum([0] + [len(block.paths) for block in blocks[:-1]])
        )
        assert sum(len(block.paths) for block in blocks) == count
    assert sizes[20] == sizes[200]


def test_the_middle_of_the_paths_is_level_plus_drift_and_the_days_part() -> None:
    found = forecast(noisy(90, growth=2.0), samples=400)
    middle = np.median(paths_of(found)[0], axis=0)
    days = np.arange(HORIZON + 1)
    expected = found.level[0] + found.drift[0] * (days + 1) + found.parts.on(AS_OF, days)[0]
    assert middle == pytest.approx(expected, abs=2.0)


def test_what_wanders_has_its_mirror_image() -> None:
    weekly = np.full(280, np.nan)
    weekly[3::7] = 1000 + np.random.default_rng(3).standard_normal(40).cumsum()
    paths = paths_of(forecast(weekly))[0]  # nothing is known of what flickers
    half = len(paths) // 2
    assert np.allclose(paths[:half] + paths[half:], 2 * np.median(paths, axis=0))


def test_what_flickers_is_as_lopsided_as_it_was_and_hardly_more() -> None:
    random = np.random.default_rng(5)
    values = 100 + np.where(random.random(180) < 0.2, 50.0, random.standard_normal(180))
    found = forecast(values, samples=400)
    assert found.flicker[0, -1] == pytest.approx(50 * 1.45, abs=8)
    assert found.flicker[0, 0] > -10
    low, middle, high = np.quantile(paths_of(found)[0][:, 0], [0.1, 0.5, 0.9])
    assert high - middle > 2 * (middle - low)


def test_growth_is_found_where_there_is_some() -> None:
    found = forecast(noisy(180, growth=2.0), noisy(180, growth=0.0), noisy(180, growth=-2.0))
    assert found.drift == pytest.approx([2, 0, -2], abs=0.1)
    assert found.growth_significant.tolist() == [True, False, False]


def test_growth_that_noise_hides_is_not_significant() -> None:
    found = forecast(noisy(60, growth=0.05, noise=50))
    assert found.growth_significant.tolist() == [False]


def test_example_32_a_weekly_rhythm_is_no_growth() -> None:
    values = by_weekday(90, 1000, 800)
    slope = np.polyfit(np.arange(90), values, 1)[0]
    assert abs(slope) > 0.05  # a straight fit falls for it
    found = forecast(values)
    assert found.drift[0] == pytest.approx(0, abs=0.01)
    assert not found.growth_significant[0]


def test_a_weekly_rhythm_goes_on_in_the_paths() -> None:
    middle = np.median(paths_of(forecast(by_weekday(90, 1000, 800)))[0], axis=0)
    weekday = (AS_OF.weekday() + np.arange(HORIZON + 1)) % 7
    assert middle[weekday < 5] == pytest.approx(1000, abs=1)
    assert middle[weekday >= 5] == pytest.approx(800, abs=1)


def test_gaps_change_little_and_are_not_zeros() -> None:
    whole = noisy(180, growth=2.0)
    holed = whole.copy()
    holed[20:40] = np.nan
    holed[::9] = np.nan
    found = forecast(whole, holed)
    assert found.drift[1] == pytest.approx(found.drift[0], abs=0.1)
    assert found.level[1] == pytest.approx(found.level[0], rel=0.01)


def test_weekly_values_alone_give_a_trend() -> None:
    weekly = np.full(280, np.nan)
    weekly[3::7] = 1000 + 2.0 * np.arange(280)[3::7]
    found = forecast(weekly)
    assert found.drift[0] == pytest.approx(2, abs=0.1)
    assert np.isfinite(paths_of(found)).all()
    assert found.growth_significant[0]


def test_means_of_weeks_have_no_weekday() -> None:
    """Weekly means first, then Sundays only, then whole weeks: nothing moved."""
    values = np.array(by_weekday(280, 1000, 650), dtype=np.float64)
    sundays = np.array([(AS_OF - timedelta(days=280 - i)).weekday() == 6 for i in range(280)])
    values[:-30][~sundays[:-30]] = np.nan
    coarse = sundays & (np.arange(280) < 220)
    values[coarse] = 900  # five days at 1000 and two at 650
    found = seasonal.forecast(
        values[None].astype(np.float32),
        origin=AS_OF,
        horizon_days=HORIZON,
        seed=1,
        coarse=coarse[None],
    )
    assert found.steps.of(0) == []
    assert found.drift[0] == pytest.approx(0, abs=0.2)


@pytest.mark.parametrize("known", [0, 1])
def test_a_series_with_fewer_than_two_values_is_over_no_limit(known: int) -> None:
    values = np.full(90, np.nan)
    values[-1 : -1 - known : -1] = 1000.0
    [passage] = first_passage(forecast(values), np.full((1, HORIZON + 1), 1.0))
    assert (passage.base, passage.conservative) == (None, None)


def test_a_constant_series_stays_where_it_is() -> None:
    paths = paths_of(forecast([500.0] * 90))
    assert paths == pytest.approx(np.full_like(paths, 500.0))


def test_demand_is_never_negative() -> None:
    assert (paths_of(forecast(noisy(90, level=50, growth=-0.5, noise=20))) >= 0).all()


def test_uncertainty_grows_with_distance() -> None:
    random = np.random.default_rng(3)
    walk = 1000 + random.standard_normal(180).cumsum()
    spread = paths_of(forecast(walk, samples=400))[0].std(axis=0)
    assert spread[0] < spread[20] < spread[-1]


def test_only_the_recent_past_tells_the_drift() -> None:
    values = np.concatenate([noisy(200, growth=5.0), noisy(180, level=2000.0)])
    assert forecast(values).drift[0] == pytest.approx(0, abs=0.2)


def test_straight_paths_say_whether_they_grow() -> None:
    straight = StraightPaths(np.zeros((2, 3)), np.array([[0.0, 0, 0], [1.0, 1, 0]]), 10)
    assert straight.growth_significant.tolist() == [False, True]
    assert (straight.series, straight.horizon_days) == (2, 10)


def test_four_of_five_days_of_bursty_wandering_loads_fall_within_the_band_of_80_percent() -> None:
    random, series = np.random.default_rng(9), 120
    days = 180 + HORIZON
    week = 20.0 * (np.arange(days) % 7 < 5)
    wander = 0.7 * random.standard_normal((series, days)).cumsum(axis=1)
    loads = 200 + week + wander + random.gamma(1.0, 8.0, (series, days))
    paths = paths_of(forecast(*loads[:, :180], samples=200))
    low, high = np.quantile(paths[:, :, :HORIZON], [0.1, 0.9], axis=1)
    came = loads[:, 180:]
    assert 0.75 <= float(((came >= low) & (came <= high)).mean()) <= 0.90
