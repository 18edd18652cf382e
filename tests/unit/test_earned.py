"""What the back-test over a fleet changes, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest

from bench.growth_made import make
from planner.forecast.earned import earned
from planner.forecast.engine import USUAL, Calibration
from planner.forecast.paths import Block

TWO = Calibration({"mean drift": 0.5, "last value": 0.5})


def fleet(growth: float, count: int = 40, days: int = 365) -> Block:
    random = np.random.default_rng(1)
    draws = random.normal(growth, 3.0, (count, days)).cumsum(axis=1)
    return (5000 + draws).astype(np.float32)


def test_weights_sum_to_one_and_stay_near_the_usual_where_experts_are_alike() -> None:
    found = earned(make(40, 365, 2).astype(np.float32), seed=1)
    assert sum(found.weights.values()) == pytest.approx(1)
    assert found.weights.keys() == USUAL.weights.keys()


def test_an_expert_that_erred_more_weighs_less() -> None:
    assert earned(fleet(growth=5.0), seed=1, prior=TWO).weights["last value"] < 0.1
    assert earned(fleet(growth=0.0), seed=1, prior=TWO).weights["last value"] > 0.5


def test_a_band_that_held_too_little_is_widened_and_one_that_held_too_much_narrowed() -> None:
    walks = fleet(growth=0.0)
    for told, wider in ((0.5, True), (3.0, False)):
        prior = Calibration({"last value": 1.0}, width=told)
        assert (earned(walks, seed=1, prior=prior).width > told) is wider


def test_the_outer_band_is_widened_beyond_the_inner_one_by_what_it_held() -> None:
    walks = fleet(growth=0.0)
    for told, wider in ((0.6, True), (3.0, False)):
        prior = Calibration({"last value": 1.0}, tail=told)
        found = earned(walks, seed=1, prior=prior)
        assert (found.tail > told) is wider
        assert found.width == earned(walks, seed=1, prior=Calibration({"last value": 1.0})).width


def test_young_series_move_as_the_middle_one_of_the_fleet_does() -> None:
    lively, quiet = (earned(fleet(0.0) * scale + 5000 * (1 - scale), seed=1).young_ratio
                     for scale in (1.0, 0.25))  # fmt: skip
    assert quiet == pytest.approx(lively / 4, rel=0.1)


def test_few_series_and_short_pasts_change_nothing() -> None:
    assert earned(fleet(1.0, count=5), seed=1) is USUAL
    assert earned(fleet(1.0, days=100), seed=1) is USUAL
    assert earned(np.zeros((0, 400), dtype=np.float32), seed=1) is USUAL
    assert earned(np.full((50, 365), 7.0, dtype=np.float32), seed=1) is USUAL


def test_what_an_earlier_day_has_earned_knows_nothing_of_later_ones() -> None:
    whole = make(30, 500, 3).astype(np.float32)
    changed = whole.copy()
    changed[:, 400:] = 1.0
    assert earned(whole[:, :400], seed=1) == earned(changed[:, :400], seed=1)
