"""Comparisons and roundings agree with paper."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from planner.numbers import TOLERANCE, all_exceed, ceil, exceeds, floor

WHOLE = st.integers(-(10**6), 10**6)
STEP = st.integers(1, 10**4).map(lambda n: n / 1000)
AMOUNT = st.floats(-1e15, 1e15)


@given(WHOLE, st.integers(1, 1000))
def test_floor_and_ceil_of_a_quotient_are_those_of_the_fraction(top: int, bottom: int) -> None:
    exact = Fraction(top, bottom)
    assert floor(top / bottom) == exact.numerator // exact.denominator
    assert ceil(top / bottom) == -(-exact.numerator // exact.denominator)


@given(st.integers(0, 10**4), STEP, STEP)
@example(6, 0.1, 0.1)  # (0.7 − 0.1) / 0.1 is 6 on paper and 5.999… here
def test_whole_numbers_of_steps_are_counted_whole(count: int, step: float, start: float) -> None:
    end = start + count * step
    if count * step > 1e-3 * end:  # else the subtraction itself has lost the digits
        assert floor((end - start) / step) == count
        assert ceil((end - start) / step) == count


@given(AMOUNT)
def test_floor_and_ceil_enclose_their_value(value: float) -> None:
    slack = TOLERANCE * max(1.0, abs(value))
    assert floor(value) <= value + slack
    assert ceil(value) >= value - slack
    assert floor(value) <= ceil(value) + 2 * slack


@given(AMOUNT, AMOUNT)
def test_of_two_amounts_at_most_one_exceeds_the_other(left: float, right: float) -> None:
    assert not exceeds(left, left)
    assert not (exceeds(left, right) and exceeds(right, left))
    assert not exceeds(left, right) or left > right


@given(st.floats(1e-6, 1e15), st.floats(-0.5, 0.5))
def test_what_differs_by_less_than_the_tolerance_is_equal(value: float, share: float) -> None:
    assert not exceeds(value * (1 + share * TOLERANCE), value)
    assert exceeds(value * (1 + 4 * TOLERANCE), value)


@given(st.lists(st.tuples(AMOUNT, AMOUNT), min_size=1, max_size=20))
def test_arrays_compare_as_numbers_do(pairs: list[tuple[float, float]]) -> None:
    left, right = (np.array(side) for side in zip(*pairs, strict=True))
    assert all_exceed(left, right).tolist() == [exceeds(a, b) for a, b in pairs]


def test_what_is_not_known_exceeds_nothing_and_nothing_exceeds_it() -> None:
    nan = np.array([np.nan, 1.0, np.nan])
    assert not all_exceed(nan, np.array([1.0, np.nan, np.nan])).any()
