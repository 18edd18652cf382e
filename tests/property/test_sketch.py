"""Sketches against the samples they were made of."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.sketch import (
    CPU_UNIT,
    MEMORY_UNIT,
    RELATIVE_ERROR,
    merged,
    sketch_of,
    unpacked,
)

CORES = st.floats(0, 512, allow_subnormal=False)
DAYS = st.lists(st.lists(CORES, min_size=1, max_size=60), min_size=1, max_size=8)


@given(days=DAYS, share=st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]))
def test_a_quantile_of_merged_days_is_within_the_stated_error(
    days: list[list[float]], share: float
) -> None:
    parts = [(sketch_of(np.array(day), CPU_UNIT), 1.0) for day in days]
    ordered = sorted(value for day in days for value in day)
    exact = ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]
    found = merged(parts, CPU_UNIT).quantile(share)
    assert found is not None
    assert abs(found - exact) <= RELATIVE_ERROR * exact * (1 + 1e-6) + 1.1 * CPU_UNIT


@given(day=st.lists(CORES, max_size=80), limit=st.floats(0.01, 64))
def test_a_count_below_a_limit_is_never_too_high_and_misses_one_bin_at_most(
    day: list[float], limit: float
) -> None:
    found = sketch_of(np.array(day), CPU_UNIT).count_below(limit)
    one_bin_lower = limit * 2 ** (-1 / 16)
    assert found <= sum(value < limit * (1 + 1e-8) for value in day)
    assert found >= sum(value < one_bin_lower * (1 - 1e-8) for value in day)


@given(day=st.lists(CORES, min_size=1, max_size=80))
def test_what_is_packed_is_what_is_read(day: list[float]) -> None:
    sketch = sketch_of(np.array(day), CPU_UNIT)
    again = unpacked(sketch.packed(), CPU_UNIT)
    assert (again.first, again.counts.tolist()) == (sketch.first, sketch.counts.tolist())
    assert (again.least, again.greatest) == (min(day), max(day))
    assert again.count == len(day)


@pytest.mark.parametrize("vcpus", [1, 2, 4, 8, 16])
def test_two_percent_of_a_power_of_two_of_processors_is_counted_exactly(vcpus: int) -> None:
    limit = 0.02 * vcpus
    sketch = sketch_of(np.array([limit * 0.999, limit, limit * 1.001]), CPU_UNIT)
    assert sketch.count_below(limit) == 1


def test_no_values_have_no_quantile() -> None:
    assert merged([], MEMORY_UNIT).quantile(0.99) is None
    assert sketch_of(np.array([]), MEMORY_UNIT).quantile(0.99) is None
