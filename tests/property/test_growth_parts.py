"""The parts of a change sum to the change, whatever came, went, grew or moved."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.holdings import GuestUse, Holding
from inventory.levels import DayPoint
from planner.growth import demand_growth
from planner.growth_parts import KINDS, Growth, Ledger, Weeks, allocation_growth

START = datetime(2026, 11, 1, tzinfo=UTC)
PLACE = ("c", "memory")
HOURS = 24 * 40

instants = st.integers(0, HOURS).map(lambda hours: START + timedelta(hours=hours))


@st.composite
def versions(draw: st.DrawFn) -> tuple[Holding, ...]:
    """The versions of up to five guests, each after the other, with gaps between some."""
    rows = []
    for key in range(draw(st.integers(0, 5))):
        cuts = sorted(draw(st.lists(instants, min_size=1, max_size=6, unique=True)))
        for begins, ends in zip(cuts, [*cuts[1:], None], strict=True):
            if ends is None and draw(st.booleans()):
                continue
            rows.append(
                Holding(
                    thing=("guest", str(key), "memory"),
                    guest=("c", str(key)),
                    label=f"g{key}",
                    place=(draw(st.sampled_from(["c", "other"])), "memory"),
                    amount=draw(st.one_of(st.none(), st.integers(1, 64).map(float))),
                    counts=draw(st.booleans()),
                    valid_from=begins,
                    valid_to=ends,
                )
            )
    return tuple(rows)


def total(rows: tuple[Holding, ...], at: datetime) -> float:
    return sum(
        row.amount or 0.0 for row in rows if row.place == PLACE and row.counts and row.holds_at(at)
    )


def assert_sums(found: Growth) -> None:
    assert found.change is not None
    if found.parts is not None:
        kinds = sum(found.of(kind) or 0.0 for kind in KINDS)
        assert found.unexplained is not None
        assert kinds + found.unexplained == pytest.approx(found.change, abs=1e-9)


@given(versions(), instants, instants)
def test_what_is_allocated(rows: tuple[Holding, ...], one: datetime, other: datetime) -> None:
    since, until = sorted([one, other])
    found = allocation_growth(Ledger(rows), frozenset({PLACE}), since, until, since.date())
    assert found.change == total(rows, until) - total(rows, since)
    assert_sums(found)
    unknown: dict[str, bool] = defaultdict(bool)
    for row in rows:
        unknown[row.label] |= row.amount is None
    if not any(unknown.values()):
        assert found.unexplained == 0
    back = allocation_growth(Ledger(rows), frozenset({PLACE}), until, since, since.date())
    assert back.change == -found.change


@given(versions(), instants)
def test_two_windows_make_one(rows: tuple[Holding, ...], middle: datetime) -> None:
    ends = START, START + timedelta(hours=HOURS)
    ledger, places = Ledger(rows), frozenset({PLACE})
    first, second, whole = (
        allocation_growth(ledger, places, since, until, START.date()).change or 0.0
        for since, until in ((ends[0], middle), (middle, ends[1]), ends)
    )
    assert first + second == whole


uses = st.dictionaries(st.integers(0, 5), st.floats(0, 1000)).map(
    lambda found: {key: GuestUse(value, value) for key, value in found.items()}
)


@given(versions(), uses, uses, uses, instants, st.floats(0, 5000), st.floats(0, 5000))
def test_what_is_used(
    rows: tuple[Holding, ...],
    old: dict[int, GuestUse],
    new: dict[int, GuestUse],
    earlier: dict[int, GuestUse],
    known_since: datetime,
    before: float,
    after: float,
) -> None:
    first = START.date()
    points = [
        DayPoint(first + timedelta(days=i), 1, before if i < 7 else after, None, 86_400)
        for i in range(14)
    ]
    weeks = Weeks(
        first,
        first + timedelta(days=7),
        START + timedelta(days=3),
        START + timedelta(days=14),
        known_since,
        old,
        new,
        earlier,
    )
    found = demand_growth(Ledger(rows), PLACE, weeks, points)
    assert found.change == pytest.approx(after - before)
    assert_sums(found)
    shuffled = demand_growth(Ledger(rows), PLACE, weeks, points[::-1])
    assert shuffled.parts == found.parts
