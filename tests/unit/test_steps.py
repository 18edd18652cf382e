"""Steps are found where a level changes at once and stays; nothing else is one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import numpy.typing as npt
import pytest

from planner.forecast import seasonal
from planner.forecast.paths import Floats
from planner.forecast.steps import Step, Steps, find_steps
from planner.runway import first_passage, runway

AS_OF = date(2026, 11, 23)


def steps_in(values: npt.ArrayLike) -> list[Step]:
    return find_steps(np.array([values], dtype=np.float64)).of(0)


def without_steps(values: npt.ArrayLike) -> Floats:
    block = np.array([values], dtype=np.float64)
    return np.asarray(find_steps(block).removed_from(block)[0])


def noise(days: int, size: float, seed: int = 5) -> Floats:
    return np.random.default_rng(seed).standard_normal(days) * size


def growth_of(values: npt.ArrayLike) -> tuple[float, str]:
    """The drift, and why there is no date with 1228.8 usable."""
    block = np.array([values], dtype=np.float32)
    paths = seasonal.forecast(block, origin=AS_OF, horizon_days=730, seed=1)
    [passage] = first_passage(paths, np.full((1, 731), 1228.8))
    return float(paths.drift[0]), runway(passage, as_of=AS_OF, usable_now=1228.8).reason


def test_example_30_a_step_after_sixty_days_is_no_growth() -> None:
    values = [1000.0] * 60 + [1200.0] * 30
    assert np.polyfit(np.arange(90), values, 1)[0] == pytest.approx(2.963, abs=0.01)
    assert steps_in(values) == [Step(day=60, before=59, size=200.0, habit=False)]
    assert growth_of(values) == (0.0, "no_growth")


def test_example_31_a_step_in_the_middle_is_no_growth() -> None:
    values = [1000.0] * 45 + [1200.0] * 45
    assert steps_in(values) == [Step(day=45, before=44, size=200.0, habit=False)]
    assert growth_of(values) == (0.0, "no_growth")


def test_example_32_weekends_are_no_steps_and_no_growth() -> None:
    values = [800.0 if (AS_OF.toordinal() - 90 + i) % 7 in (6, 0) else 1000.0 for i in range(90)]
    assert steps_in(values) == []
    drift, reason = growth_of(values)
    assert (drift, reason) == (pytest.approx(0, abs=1e-3), "no_growth")


def test_the_path_starts_at_the_present_level() -> None:
    block = np.array([[1000.0] * 60 + [1200.0] * 30], dtype=np.float32)
    paths = seasonal.forecast(block, origin=AS_OF, horizon_days=30, seed=1)
    assert paths.level[0] == 1200.0


def test_a_clean_up_counts_as_well_and_growth_goes_on_beside_it() -> None:
    values = np.arange(180) * 2.0 + np.where(np.arange(180) < 90, 1000, 600)
    assert steps_in(values) == [Step(day=90, before=89, size=-400.0, habit=False)]
    assert without_steps(values) == pytest.approx(np.arange(180) * 2.0 + 600)
    assert growth_of(values)[0] == pytest.approx(2.0)


def test_noise_around_a_step_shifts_it_by_no_day() -> None:
    for seed in range(20):
        values = np.where(np.arange(120) < 70, 1000, 1300) + noise(120, 20, seed)
        [step] = steps_in(values)
        assert (step.day, step.size) == (70, pytest.approx(300, abs=40))


@pytest.mark.parametrize(
    "made",
    [
        lambda r: 1000 + 50 * r.standard_normal(365),
        lambda r: 1000 + (10 * r.standard_normal(365)).cumsum(),
        lambda r: 1000 + 3 * np.arange(365) + 10 * r.standard_normal(365),
        lambda r: 1000 * 1.004 ** np.arange(365) + 5 * r.standard_normal(365),
        lambda r: 1000 + 5.0 * np.maximum(0, np.arange(365) - 310) + r.standard_normal(365),
        lambda r: 1000 + 30 * r.standard_normal(30),
    ],
    ids=["noise", "walk", "growth", "compound", "growth that sets in", "a month of noise"],
)
def test_what_is_no_step_is_not_cut(made: Callable[[np.random.Generator], Floats]) -> None:
    block = np.stack([made(np.random.default_rng(seed)) for seed in range(50)])
    assert len(find_steps(block).series) == 0


def test_a_burst_that_falls_back_moves_no_level() -> None:
    values = np.full(120, 1000.0)
    values[50:55] = 2000
    assert steps_in(values) == []


def test_a_level_of_less_than_a_week_is_no_step_yet() -> None:
    assert steps_in([1000.0] * 84 + [1200.0] * 6) == []
    assert steps_in([1000.0] * 83 + [1200.0] * 7) == [Step(83, 82, 200.0, habit=False)]


def test_gaps_are_skipped_and_the_days_on_both_sides_named() -> None:
    values = np.array([1000.0] * 60 + [1200.0] * 40)
    values[57:63] = np.nan
    values[20:30] = np.nan
    assert steps_in(values) == [Step(day=63, before=56, size=200.0, habit=False)]


def test_weekly_values_tell_a_step() -> None:
    values = np.full(364, np.nan)
    values[3::7] = np.where(np.arange(52) < 30, 1000, 1300)
    assert steps_in(values) == [Step(day=213, before=206, size=300.0, habit=False)]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_mean_over_a_week_within_which_the_step_came_is_of_neither_level(share: float) -> None:
    weeks = 9000.0 + 21 * np.arange(40)
    weeks[25:] -= 2000.0
    weeks[25] += 2000.0 * share
    values = np.full(280, np.nan)
    values[6::7] = weeks
    left = without_steps(values)[6::7]
    assert np.isnan(left[25])
    others = np.delete(left, 25) - np.delete(7000.0 + 21 * np.arange(40), 25)
    assert np.ptp(others) < 50


def test_a_day_on_the_way_to_another_level_stays() -> None:
    values = np.concatenate([np.full(60, 100.0), [150.0], np.full(60, 200.0)])
    assert not np.isnan(without_steps(values)).any()


def test_a_fifth_step_in_one_direction_makes_all_of_them_a_habit() -> None:
    def stairs(count: int) -> Floats:
        return 1000.0 + 200 * sum(
            (np.arange(400) >= 60 * (i + 1)).astype(float) for i in range(count)
        )

    assert [step.habit for step in steps_in(stairs(4))] == [False] * 4
    assert [step.habit for step in steps_in(stairs(5))] == [True] * 5
    assert without_steps(stairs(5)).tolist() == stairs(5).tolist()


def test_too_few_values_have_no_steps() -> None:
    assert steps_in([1000.0] * 6 + [2000.0] * 7) == []
    assert steps_in([np.nan] * 40) == []
    assert isinstance(find_steps(np.zeros((0, 10))), Steps)


def test_a_second_step_widens_the_band() -> None:
    once = np.where(np.arange(300) < 200, 1000, 1200) + noise(300, 2)
    twice = once + np.where(np.arange(300) < 100, 0, 200)
    block = np.stack([once, twice]).astype(np.float32)
    found = seasonal.forecast(block, origin=AS_OF, horizon_days=90, seed=1)
    assert found.steps.counted(2).tolist() == [1, 2]
    assert found.wander[1] > 5 * found.wander[0]
    assert found.drift == pytest.approx([0, 0], abs=0.05)


@pytest.mark.parametrize("back_for", [30, 60, 120, 170])
def test_a_load_that_doubled_for_three_weeks_and_is_back_has_the_band_of_before(
    back_for: int,
) -> None:
    usual = 1000 + noise(365, 20)
    away = usual.copy()
    away[-back_for - 21 : -back_for] += 1000
    found = seasonal.forecast(
        np.stack([usual, away]).astype(np.float32), origin=AS_OF, horizon_days=90, seed=1
    )
    assert found.steps.counted(2).tolist() == [0, 2]
    paths = np.concatenate([block.paths for block in found.blocks()])
    low, high = np.quantile(paths[:, :, 90], [0.1, 0.9], axis=1)
    assert low[1] == pytest.approx(low[0], rel=0.07)  # two steps are never told quite exactly
    assert high[1] == pytest.approx(high[0], rel=0.07)


def test_what_led_back_within_a_quarter_and_stayed_two_weeks_is_an_excursion() -> None:
    def excursions(*moves: tuple[int, float], days: int = 365) -> list[bool]:
        values = np.full((1, days), 1000.0)
        for day, size in moves:
            values[0, day:] += size
        steps = find_steps(values)
        assert steps.day.tolist() == [day for day, _size in moves]
        return list(steps.excursions(days))

    assert excursions((100, 500), (121, -500)) == [True, True]
    assert excursions((100, -500), (121, 400)) == [True, True]
    assert excursions((100, 500), (121, -300)) == [False, False]
    assert excursions((100, 500), (121, 500)) == [False, False]
    assert excursions((100, 500), (200, -500)) == [False, False]
    assert excursions((335, 500), (356, -500)) == [False, False]
    assert excursions((100, 500), (121, -500), (142, 500)) == [True, True, False]
    assert excursions((60, 300), (100, 500), (121, -500)) == [False, True, True]
    assert find_steps(np.full((2, 90), 5.0)).excursions(90).tolist() == []


def test_a_load_that_is_away_again_and_again_is_expected_to_be() -> None:
    times = np.arange(365)
    once, twice = (1000 + noise(365, 20) for _both in range(2))
    once[(times >= 300) & (times < 321)] += 1000
    twice[((times >= 240) & (times < 261)) | ((times >= 300) & (times < 321))] += 1000
    found = seasonal.forecast(
        np.stack([once, twice]).astype(np.float32), origin=AS_OF, horizon_days=90, seed=1
    )
    assert found.wander[1] > 5 * found.wander[0]
