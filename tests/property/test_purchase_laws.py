"""What more, later and less do to runways, gates and quantities, whatever the figures."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from estates import AS_OF, days, estate
from planner.budget import budget_by
from planner.buying import Item, least
from planner.estate import Estate
from planner.foreseen import passages_of
from planner.past import Past
from planner.purchases import Budget
from planner.questions import Question, questions
from planner.runway import Passage
from planner.usable import usable_days
from stored import GIB, JAKARTA, host

DAYS = 400
SMALL = {"forecast": {"horizon_days": DAYS, "samples": 60, "minimum_history_days": 2}}
GROWTH = st.floats(0.1, 4.0)
LEVEL = st.integers(100, 900)
AHEAD = st.integers(1, 390)
few = settings(max_examples=30)


def place(owners: dict[str, Any] | None = None, *, hosts: int = 4, memory_gib: int = 256) -> Estate:
    alike = [
        host(f"h{i}", memory_bytes=memory_gib * GIB, cpu_cores=16.0, reserved_memory_bytes=0)
        for i in range(hosts)
    ]
    return estate(*alike, owners=owners, policy=SMALL)


def question(there: Estate, level: float, growth: float) -> Question:
    """Memory under demand, whose past wandered a little around a straight line."""
    values = [(level + growth * i + 5 * math.sin(i)) * GIB for i in range(120)]
    past = Past(cluster_days={("c", "memory"): days(values)})
    return next(q for q in questions(there, past, JAKARTA) if q.key == "pool/c/memory/demand")


def passage(there: Estate, level: float, growth: float) -> Passage:
    [found] = passages_of(there, [question(there, level, growth)])
    return found


def never_shorter(left: Passage, right: Passage) -> bool:
    """Whether left lasts at least as long as right on every share of the paths that is told."""
    pairs = [
        (left.conservative, right.conservative),
        (left.base, right.base),
        (left.optimistic, right.optimistic),
    ]
    return all((math.inf if a is None else a) >= (math.inf if b is None else b) for a, b in pairs)


def arrives(when: int) -> dict[str, Any]:
    return {
        "pool": "c",
        "when": AS_OF + timedelta(days=when),
        "cpu_cores": 16,
        "memory_gib": 256,
    }


def order(when: int, name: str = "new") -> dict[str, Any]:
    stages = {"contracted": AS_OF - timedelta(days=3), "in_service": AS_OF + timedelta(days=when)}
    return {"name": name, "pool": "c", "cpu_cores": 16, "memory_gib": 256, "stages": stages}


def taught(*took: int) -> list[dict[str, Any]]:
    start = AS_OF - timedelta(days=900)
    return [
        {
            "name": f"past {i}",
            "pool": "c",
            "item": "host",
            "stages": {"contracted": start, "in_service": start + timedelta(days=days)},
        }
        for i, days in enumerate(took)
    ]


@few
@given(LEVEL, GROWTH, AHEAD)
def test_one_more_host_never_shortens_a_runway(level: int, growth: float, when: int) -> None:
    more = passage(place({"hardware": [arrives(when)]}), level, growth)
    assert never_shorter(more, passage(place(), level, growth))


@few
@given(LEVEL, GROWTH, AHEAD, st.floats(0.1, 1.0), st.booleans())
def test_more_demand_never_lengthens_a_runway(
    level: int, growth: float, when: int, share: float, banded: bool
) -> None:
    size = {"low": 0, "mid": 100 * share, "high": 300 * share} if banded else 100 * share
    project = {"name": "p", "pool": "c", "status": "committed", "memory_gib": size,
               "when": AS_OF + timedelta(days=when)}  # fmt: skip
    more = passage(place({"projects": [project]}), level, growth)
    assert never_shorter(passage(place(), level, growth), more)


@few
@given(LEVEL, GROWTH, st.integers(150, 380), st.integers(1, 10), st.booleans())
def test_a_later_order_never_lengthens_a_runway(
    level: int, growth: float, when: int, later: int, spread: bool
) -> None:
    past = taught(100, 150, 240) if spread else []
    soon = passage(place({"orders": [*past, order(when)]}), level, growth)
    late = passage(place({"orders": [*past, order(when + later)]}), level, growth)
    assert never_shorter(soon, late)


@few
@given(LEVEL, GROWTH, st.lists(st.integers(100, 380), min_size=1, max_size=3))
def test_orders_on_their_way_never_shorten_a_runway(
    level: int, growth: float, days: list[int]
) -> None:
    orders = [order(day, f"order {i}") for i, day in enumerate(days)]
    more = passage(place({"orders": [*taught(60, 90, 160), *orders]}), level, growth)
    assert never_shorter(more, passage(place(), level, growth))


@few
@given(LEVEL, GROWTH, AHEAD, st.floats(0.05, 1.0))
def test_the_second_line_is_never_longer_and_longer_the_less_likely(
    level: int, growth: float, when: int, probability: float
) -> None:
    def line(likely: float) -> Passage:
        project = {"name": "p", "pool": "c", "memory_gib": 90, "probability": likely,
                   "when": AS_OF + timedelta(days=when)}  # fmt: skip
        there = place({"projects": [project]})
        [found] = passages_of(there, [question(there, level, growth)], tentative=True)
        return found

    plain, likely, sure = passage(place(), level, growth), line(probability), line(1.0)
    assert never_shorter(plain, likely)
    assert never_shorter(likely, sure)


@few
@given(
    LEVEL,
    st.floats(0.0, 3.0),
    st.integers(1, 200),
    st.integers(30, 600),
    st.sampled_from([64, 256, 700]),
)
def test_what_is_bought_lasts_and_one_less_would_not(
    level: int, growth: float, arrival: int, target: int, size: int
) -> None:
    there = place({"hardware": [arrives(arrival + 10)]})
    asked = question(there, level, growth)
    item = Item("x", "host", 16, size, 0)
    day = np.arange(arrival + target + 1)
    slopes = growth * np.linspace(0.5, 1.5, 40)
    paths = (level + slopes[:, None] * day) * GIB
    on = AS_OF + timedelta(days=arrival)
    count = least(there, asked, item, paths, on, on + timedelta(days=target))
    assert count is not None
    assert _lasts(asked, item, paths, on, count)
    assert count == 0 or not _lasts(asked, item, paths, on, count - 1)


def _lasts(asked: Question, item: Item, paths: Any, on: date, count: int) -> bool:
    """Whether fewer than one path in ten is ever over from the arrival on, day by day."""
    bought = [item.hardware(asked.pool, on, count)] if count else []
    last = paths.shape[1] - 1
    usable = usable_days(
        asked.pool,
        asked.resource,
        asked.model,
        asked.limits,
        [*asked.hardware, *bought],
        AS_OF,
        last,
    )
    first = (on - AS_OF).days
    over = (paths[:, first:] > usable[first:] * (1 + 1e-9)).any(axis=1)
    return int(over.sum()) < 0.1 * len(paths)


MONTH_DAY = st.dates(date(2026, 1, 1), date(2026, 12, 31)).map(lambda day: f"{day:%m-%d}")
GATE = st.fixed_dictionaries({"submit_by": MONTH_DAY, "spend_from": MONTH_DAY})
GATES = st.lists(GATE, min_size=1, max_size=4)
ORDER_BY = st.dates(date(2025, 1, 1), date(2029, 12, 31))


def budget(gates: list[dict[str, str]]) -> Budget:
    return Budget.model_validate({"gates": [g | {"name": str(i)} for i, g in enumerate(gates)]})


@given(GATES, ORDER_BY, st.integers(0, 900))
def test_a_later_order_by_date_never_needs_the_money_earlier(
    gates: list[dict[str, str]], order_by: date, later: int
) -> None:
    early = budget_by(budget(gates), order_by, AS_OF)
    late = budget_by(budget(gates), order_by + timedelta(days=later), AS_OF)
    assert early is not None
    assert late is not None
    assert early.on is not None
    assert late.on is not None
    assert early.on <= late.on
    assert early.feasible_by <= early.order_by


@given(GATES, GATE, ORDER_BY)
def test_one_more_gate_never_closes_earlier(
    gates: list[dict[str, str]], gate: dict[str, str], order_by: date
) -> None:
    few_gates = budget_by(budget(gates), order_by, AS_OF)
    more = budget_by(budget([*gates, gate]), order_by, AS_OF)
    assert few_gates is not None
    assert more is not None
    assert few_gates.on is not None
    assert more.on is not None
    assert few_gates.on <= more.on


@given(GATES, ORDER_BY)
def test_the_money_can_be_spent_by_then_and_the_next_gate_is_open(
    gates: list[dict[str, str]], order_by: date
) -> None:
    found = budget_by(budget(gates), order_by, AS_OF)
    assert found is not None
    assert found.opening is not None
    assume(found.following is not None)
    assert found.following is not None
    assert found.opening.submit_by <= found.opening.spend_from <= order_by
    assert found.missed == (found.opening.submit_by < AS_OF)
    assert found.following.submit_by >= AS_OF
