"""Growth told apart: by versions where they tell, by use where they don't, the rest unexplained."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from inventory.holdings import GuestUse, Holding, guest_use, holdings
from inventory.levels import DayPoint
from planner.foreseen import LevelStep
from planner.growth import cause_of, demand_growth
from planner.growth_parts import Growth, Ledger, Part, Weeks, allocation_growth
from planner.purchases import Hardware, Order
from stored import GIB, Book, at, disk, guest, host, used

MONDAY = date(2026, 11, 16)
START, END = datetime(2026, 11, 10, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
STEP = LevelStep(date(2026, 11, 16), date(2026, 11, 15), 100.0, habit=False)


def held(
    key: int,
    amount: float | None,
    begins: datetime = LONG_AGO,
    ends: datetime | None = None,
    *,
    cluster: str = "c",
    counts: bool = True,
) -> Holding:
    place = (cluster, "memory")
    thing = ("guest", str(key), "memory")
    return Holding(thing, (cluster, str(key)), f"g{key}", place, amount, counts, begins, ends)


def allocated(*rows: Holding) -> Growth:
    places = frozenset({("c", "memory")})
    return allocation_growth(Ledger(rows), places, START, END, START.date())


MID = datetime(2026, 11, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rows", "kind", "amount"),
    [
        ([held(1, 8, MID)], "added", 8),
        ([held(1, 8, ends=MID)], "removed", -8),
        ([held(1, 8, ends=MID), held(1, 12, MID)], "resized", 4),
        ([held(1, 8, ends=MID, cluster="other"), held(1, 8, MID)], "moved", 8),
        ([held(1, 8, ends=MID), held(1, 8, MID, cluster="other")], "moved", -8),
        ([held(1, 8, ends=MID, counts=False), held(1, 8, MID)], "switched", 8),
        ([held(1, 8, ends=MID), held(1, 8, MID, counts=False)], "switched", -8),
    ],
)
def test_what_is_allocated_is_told_apart(rows: list[Holding], kind: str, amount: float) -> None:
    found = allocated(held(2, 100), *rows)
    assert found.change == amount
    assert [(part.kind, part.label, part.amount) for part in found.parts or ()] == [
        (kind, "g1", amount)
    ]
    assert found.unexplained == 0


def test_a_size_that_became_known_is_no_growth_told() -> None:
    found = allocated(held(1, None, ends=MID), held(1, 8, MID))
    assert (found.change, found.parts, found.unexplained) == (8, (), 8)


def test_a_disk_that_comes_to_a_guest_resizes_it_and_one_with_a_guest_is_added() -> None:
    book = Book.empty()
    book.poll(at(0), host(), guest("1"), disk("1"))
    book.poll(at(24), host(), guest("1"), disk("1"), disk("1", "scsi1"), guest("2"), disk("2"))
    with book.store.reading() as connection:
        ledger = Ledger(holdings(connection, at(0), at(48)))
    found = allocation_growth(ledger, frozenset({("c", "san")}), at(0), at(48), MONDAY)
    assert {(part.kind, part.label): part.amount for part in found.parts or ()} == {
        ("resized", "disk 1/scsi1"): 40 * GIB,
        ("added", "disk 2/scsi0"): 40 * GIB,
    }
    assert found.change == 80 * GIB


# Demand


def points(old: float, new: float, before: int = 7) -> list[DayPoint]:
    first = MONDAY - timedelta(days=before)
    return [
        DayPoint(first + timedelta(days=i), 1, new if i >= before else old, None, 86_400)
        for i in range(before + 7)
    ]


def used_apart(
    old: dict[int, float],
    new: dict[int, float],
    *rows: Holding,
    known_since: datetime = LONG_AGO,
    earlier: dict[int, float] | None = None,
    change: tuple[float, float] = (500, 600),
) -> Growth:
    def use(given: dict[int, float]) -> dict[int, GuestUse]:
        return {key: GuestUse(value, value) for key, value in given.items()}

    weeks = Weeks(
        MONDAY - timedelta(days=7),
        MONDAY,
        datetime(2026, 11, 12, 12, tzinfo=UTC),
        datetime(2026, 11, 23, tzinfo=UTC),
        known_since,
        use(old),
        use(new),
        use(earlier or {}),
    )
    return demand_growth(Ledger(rows), ("c", "memory"), weeks, points(*change))


def test_what_guests_use_is_told_apart_and_the_rest_is_shown() -> None:
    found = used_apart(
        {1: 100, 2: 50, 3: 20, 5: 7},
        {1: 130, 3: 40, 4: 60},
        held(1, 200),
        held(2, 100, ends=MID),
        held(3, 64, ends=MID),
        held(3, 96, MID),
        held(4, 80, MID),
        held(5, 10, ends=MID),
        held(5, 10, MID, counts=False),
    )
    assert found.change == 100
    assert {part.label: (part.kind, part.amount) for part in found.parts or ()} == {
        "g1": ("organic", 30),
        "g2": ("removed", -50),
        "g3": ("resized", 20),
        "g4": ("added", 60),
        "g5": ("switched", -7),
    }
    assert found.of("moved") == 0
    assert found.unexplained == 100 - (30 - 50 + 20 + 60 - 7)


def test_a_guest_of_another_cluster_is_none_of_this_ones() -> None:
    elsewhere = held(2, 9, ends=MID, cluster="other"), held(2, 9, MID)
    found = used_apart({1: 1, 2: 40}, {1: 1, 2: 44}, held(1, 2), *elsewhere)
    assert [(p.label, p.kind, p.amount) for p in found.parts or () if p.amount] == [
        ("g2", "moved", 44)
    ]


def test_before_the_store_knew_a_guest_its_use_tells_when_it_came() -> None:
    known = datetime(2026, 11, 20, tzinfo=UTC)
    rows = held(1, 8, known), held(2, 8, known)
    found = used_apart({1: 5}, {1: 5, 2: 6}, *rows, known_since=known, earlier={1: 5, 2: 6})
    assert found.of("added") == 6
    # One whose platform told nothing of it from before the first poll may always have been there.
    found = used_apart({1: 5}, {1: 5, 2: 6}, *rows, known_since=known, earlier={1: 5})
    assert (found.of("added"), found.unexplained) == (0, 100)


def test_without_any_use_nothing_is_told_apart() -> None:
    found = used_apart({}, {1: 4}, held(1, 8))
    assert (found.parts, found.of("organic"), found.unexplained) == (None, None, 100)


def test_a_change_that_is_not_known_has_no_parts() -> None:
    weeks = Weeks(MONDAY, MONDAY, MID, MID, LONG_AGO, {1: GuestUse(1, 1)}, {}, {})
    found = demand_growth(Ledger((held(1, 8),)), ("c", "memory"), weeks, [])
    assert (found.change, found.parts, found.of("added"), found.unexplained) == (None,) * 4


def test_a_guest_with_fewer_days_than_others_used_nothing_on_the_rest() -> None:
    book = Book.empty()
    usage = [
        used("guest", name, at(24 * day + 23), seconds=82_800, memory_used_bytes=70.0)
        for name, days in (("1", range(7)), ("2", range(4, 7)))
        for day in days
    ]
    book.poll(at(24 * 8), host(), guest("1"), guest("2"), usage=usage)
    book.close_days(at(24 * 9))
    with book.store.reading() as connection:
        found = guest_use(connection, date(2026, 11, 1), date(2026, 11, 7))
    assert sorted(use.memory_bytes or 0.0 for use in found.values()) == pytest.approx([30, 70])


# What caused a step


def part(kind: str, label: str, amount: float) -> Part:
    return Part(kind, label, amount)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("measured", "allocated_parts", "why"),
    [
        ([part("added", "g1", 90), part("organic", "g2", 3)], [], "added: g1"),
        ([part("removed", "g1", -100)], [], "unexplained"),
        ([part("organic", "g1", 30)], [], "unexplained"),
        ([part("organic", "g1", 100)], [], "uses more: g1"),
        ([part("added", f"g{i}", 20) for i in range(5)], [], "added: g0, g1, g2 and 2 more"),
        ([], [part("added", "g1", 160)], "added: g1"),
        ([], [part("moved", "g1", 160)], "moved in: g1"),
        ([], [part("added", "g1", 60)], "unexplained"),
        ([], [part("added", "g1", 1000)], "unexplained"),
        ([], [], "unexplained"),
    ],
)
def test_a_step_is_put_down_to_what_fits_it(
    measured: list[Part], allocated_parts: list[Part], why: str
) -> None:
    assert cause_of(STEP, measured, allocated_parts, [], is_demand=True).why == why


def test_what_is_allocated_has_to_fit_exactly() -> None:
    near, far = [part("added", "g1", 96)], [part("added", "g1", 160)]
    assert cause_of(STEP, [], near, [], is_demand=False).why == "added: g1"
    assert cause_of(STEP, [], far, [], is_demand=False).why == "unexplained"


@pytest.mark.parametrize(
    ("when", "change", "told"),
    [
        ("2026-11-18", "arrives", True),
        ("2026-11-19", "arrives", False),
        ("2026-11-16", "leaves", False),
    ],
)
def test_hardware_that_arrives_within_two_days_is_named(when: str, change: str, told: bool) -> None:
    item = Hardware.model_validate({"pool": "c", "when": when, "change": change, "host": "h9"})
    why = cause_of(STEP, [], [], [item], is_demand=True).why
    assert why == ("hardware arrives: h9 (no size told)" if told else "unexplained")


@pytest.mark.parametrize(
    ("stages", "why"),
    [
        ({"in_service": "2026-11-17"}, "order new shelf: in service 2026-11-17 (no size told)"),
        ({"delivered": "2026-11-15"}, "order new shelf: delivered 2026-11-15 (no size told)"),
        ({"contracted": "2026-11-16"}, "unexplained"),
        ({"in_service": "2026-11-25"}, "unexplained"),
    ],
)
def test_a_step_up_on_the_day_of_an_order_is_put_down_to_it(
    stages: dict[str, str], why: str
) -> None:
    order = Order.model_validate({"name": "new shelf", "pool": "c", "stages": stages})
    assert cause_of(STEP, [], [], [], [order], is_demand=True).why == why
    down = replace(STEP, size=-100.0)
    assert cause_of(down, [], [], [], [order], is_demand=True).why == "unexplained"
