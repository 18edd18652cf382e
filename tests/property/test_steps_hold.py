"""What holds of steps whatever the series."""

from __future__ import annotations

from datetime import date

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.forecast import seasonal
from planner.forecast.paths import Floats
from planner.forecast.steps import find_steps
from planner.runway import first_passage

AS_OF = date(2026, 11, 23)
NEVER = 10**6


@st.composite
def series(draw: st.DrawFn) -> Floats:
    """A level with growth, noise, up to three steps and some gaps."""
    days = draw(st.integers(30, 200))
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    values = 1000 + draw(st.floats(-2, 2)) * np.arange(days)
    values = values + draw(st.sampled_from([0.0, 2.0, 20.0])) * random.standard_normal(days)
    for _step in range(draw(st.integers(0, 3))):
        values = values + draw(st.floats(-300, 300)) * (
            np.arange(days) >= draw(st.integers(1, days))
        )
    values[random.random(days) < draw(st.sampled_from([0.0, 0.2]))] = np.nan
    return values


@settings(deadline=None)
@given(series())
def test_removing_steps_leaves_the_present_and_every_gap(values: Floats) -> None:
    block = values[None, :]
    steps = find_steps(block)
    cleaned = steps.removed_from(block)[0]
    assert (np.isnan(cleaned) == np.isnan(values)).all()
    newest = max((step.day for step in steps.of(0)), default=0)
    assert np.array_equal(cleaned[newest:], values[newest:], equal_nan=True)
    for step in steps.of(0):
        assert step.before < step.day
        assert not np.isnan(values[[step.before, step.day]]).any()
        assert np.isnan(values[step.before + 1 : step.day]).all()


@settings(deadline=None, max_examples=30)
@given(st.lists(series(), min_size=2, max_size=4))
def test_a_series_is_told_the_same_alone_and_among_others(many: list[Floats]) -> None:
    longest = max(map(len, many))
    block = np.full((len(many), longest), np.nan)
    for row, values in enumerate(many):
        block[row, longest - len(values) :] = values
    together = find_steps(block)
    backwards = find_steps(block[::-1])
    for row in range(len(many)):
        alone = find_steps(block[row : row + 1]).of(0)
        assert together.of(row) == alone == backwards.of(len(many) - 1 - row)


@settings(deadline=None)
@given(series(), st.integers(-3, 40))
def test_another_unit_finds_the_same_days(values: Floats, power: int) -> None:
    plain, scaled = find_steps(values[None, :]), find_steps(values[None, :] * 2.0**power)
    assert [step.day for step in plain.of(0)] == [step.day for step in scaled.of(0)]


@settings(deadline=None, max_examples=50)
@given(
    days=st.integers(40, 150),
    at=st.integers(1, 150),
    size=st.floats(0, 500),
    growth=st.floats(0, 3),
    limit=st.floats(1500, 3000),
)
def test_a_step_up_lengthens_no_runway(
    days: int, at: int, size: float, growth: float, limit: float
) -> None:
    plain = 1000 + growth * np.arange(days)
    stepped = plain + np.where(np.arange(days) >= at, size, 0.0)
    block = np.stack([plain, stepped]).astype(np.float32)
    paths = seasonal.forecast(block, origin=AS_OF, horizon_days=365, seed=1, samples=100)
    before, after = first_passage(paths, np.full((2, 366), limit))
    for name in ("base", "conservative"):
        days_before, days_after = getattr(before, name), getattr(after, name)
        assert (NEVER if days_after is None else days_after) <= (
            NEVER if days_before is None else days_before
        )
