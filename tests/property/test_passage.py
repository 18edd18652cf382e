"""The first passage of paths, against a count by hand."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from planner.forecast.paths import Floats, PathBlock
from planner.runway import first_passage, runway

AS_OF = date(2026, 11, 23)
LEVEL = st.integers(0, 12).map(float)


@dataclass(frozen=True)
class Given:
    """Paths as they are given, so many series at a time."""

    paths: Floats
    at_once: int = 100

    @property
    def series(self) -> int:
        return len(self.paths)

    @property
    def horizon_days(self) -> int:
        return self.paths.shape[2] - 1

    @property
    def growth_significant(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        return np.zeros(self.series, dtype=bool)

    def blocks(self) -> Iterator[PathBlock]:
        for first in range(0, self.series, self.at_once):
            yield PathBlock(first, self.paths[first : first + self.at_once])


@st.composite
def cases(draw: st.DrawFn) -> tuple[Floats, Floats, Floats]:
    """(paths[series, sample, day], usable[series, day], added[series, day])."""
    series, samples, days = (draw(st.integers(1, n)) for n in (3, 10, 8))
    shape = (series, samples, days + 1)
    paths = draw(arrays.arrays(np.float64, shape, elements=LEVEL))
    flat = (series, days + 1)
    usable = draw(arrays.arrays(np.float64, flat, elements=LEVEL | st.just(math.nan)))
    added = draw(arrays.arrays(np.float64, flat, elements=st.integers(0, 4).map(float)))
    return paths, usable, added


def first_over(path: Floats, usable: Floats, added: Floats) -> float:
    for day, level in enumerate(path):
        if not math.isnan(usable[day]) and level + added[day] > usable[day]:
            return day
    return math.inf


def earliest(firsts: list[float], share: float) -> float:
    """The first day by which at least this share of the paths are over."""
    for day in sorted(set(firsts)):
        if sum(first <= day for first in firsts) >= share * len(firsts) - 1e-9:
            return day
    return math.inf


@given(cases())
def test_each_share_of_the_paths_is_over_when_a_count_says_so(
    case: tuple[Floats, Floats, Floats],
) -> None:
    paths, usable, added = case
    for i, passage in enumerate(first_passage(Given(paths), usable, added)):
        firsts = [first_over(path, usable[i], added[i]) for path in paths[i]]
        told = (passage.conservative, passage.base, passage.optimistic)
        for share, found in zip((0.1, 0.5, 0.9), told, strict=True):
            assert (math.inf if found is None else found) == earliest(firsts, share)


@given(cases())
def test_the_windows_are_the_days_on_which_half_of_the_paths_are_over(
    case: tuple[Floats, Floats, Floats],
) -> None:
    paths, usable, added = case
    for i, passage in enumerate(first_passage(Given(paths), usable, added)):
        over = [
            sum(path[day] + added[i][day] > usable[i][day] for path in paths[i])
            for day in range(paths.shape[2])
        ]
        short = {day for day, count in enumerate(over) if 2 * count >= len(paths[i])}
        told = [set(range(first, last + 1)) for first, last in passage.windows]
        assert set().union(*told) == short
        assert all(max(a) + 1 < min(b) for a, b in itertools.pairwise(told))


@given(cases(), st.integers(1, 3))
def test_blocks_of_any_size_give_the_same(
    case: tuple[Floats, Floats, Floats], at_once: int
) -> None:
    paths, usable, added = case
    whole = first_passage(Given(paths), usable, added)
    parts = first_passage(Given(paths, at_once), usable, added)
    assert [(p.conservative, p.base, p.optimistic) for p in whole] == [
        (p.conservative, p.base, p.optimistic) for p in parts
    ]


@given(cases())
def test_the_conservative_runway_is_never_longer_and_ends_the_day_before(
    case: tuple[Floats, Floats, Floats],
) -> None:
    paths, usable, added = case
    [passage, *_others] = first_passage(Given(paths), usable, added)
    found = runway(passage, as_of=AS_OF, usable_now=math.inf)
    for days, over in (
        (found.days, found.first_over),
        (found.conservative_days, found.conservative_first_over),
    ):
        assert (days is None) == (over is None)
        if days is not None and over is not None and over > AS_OF:
            assert over == AS_OF + timedelta(days=days + 1)
    if found.days is not None:
        assert found.conservative_days is not None
        assert found.conservative_days <= found.days
