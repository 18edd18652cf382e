"""Reasons, dates, status and confidence, in the glossary's order and at its boundaries."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from estates import AS_OF, answers, estate, health
from inventory.levels import DayPoint
from planner.answers import Answer, answer_all
from planner.forecast.paths import StraightPaths
from planner.policy import StatusRules
from planner.pools import Past, questions
from planner.runway import (
    OrderBy,
    Runway,
    confidence,
    first_passage,
    most_urgent,
    no_runway,
    order_by,
    runway,
    status,
)
from stored import GIB, JAKARTA, guest, host

RULES = StatusRules()
LEAD = 100
# Four hosts of 512 GiB: usable are 0.8 × 3 × 512 = 1228.8.
HOSTS = tuple(host(f"h{i}") for i in range(4))


def memory(values: list[float | None], *, stale: bool = False, **policy: Any) -> Answer:
    """The answer for memory, demand model, from day means in GiB."""
    place = estate(*HOSTS, sources=[health(stale=stale)], policy=policy)
    [cluster] = answers(place, memory=values)
    return next(a for a in cluster.answers if a.question.key == "pool/c/memory/demand")


def growing(days: int, last: float, growth: float) -> list[float | None]:
    return [last - growth * (days - 1 - i) for i in range(days)]


# Reasons, in their order


def test_a_stale_source_has_no_runway_whatever_else_is_wrong() -> None:
    found = memory([2000.0] * 5, stale=True)
    assert (found.runway.reason, found.runway.days, found.status) == ("stale", None, "unknown")
    assert found.confidence == "none"


def test_thirteen_days_are_too_few_even_when_all_is_used() -> None:
    assert memory([2000.0] * 13).runway.reason == "not_enough_history"
    assert memory([2000.0] * 14).runway.reason == "exhausted"


@pytest.mark.parametrize("days", [3, 13])
def test_a_short_history_shows_a_path_that_gives_no_date(days: int) -> None:
    found = memory(growing(days, last=1000.0, growth=20.0))
    assert found.provisional is not None
    assert "provisional" in found.flags
    assert found.provisional.level / GIB == pytest.approx(np.full(731, 1000.0), rel=1e-3)
    assert found.provisional.growth_per_day_high > 0
    assert (found.passage, found.runway.days, found.order.on) == (None, None, None)
    assert (found.status, found.confidence) == ("unknown", "none")


@pytest.mark.parametrize("days", [0, 1, 2])
def test_under_three_days_there_is_no_path(days: int) -> None:
    found = memory(growing(days, last=1000.0, growth=20.0))
    assert (found.provisional, found.passage) == (None, None)
    assert "provisional" not in found.flags


def test_a_stale_source_shows_no_path() -> None:
    assert memory([1000.0] * 10, stale=True).provisional is None


@pytest.mark.parametrize(("weeks", "reason"), [(2, "not_enough_history"), (3, "no_growth")])
def test_two_means_of_a_week_are_fourteen_days_and_no_history(weeks: int, reason: str) -> None:
    """From two values no path is told: a path of nothing known is over no limit."""
    points = tuple(
        DayPoint(AS_OF - timedelta(days=7 * i + 4), 7, 1000.0 * GIB, None, 7 * 86_400)
        for i in reversed(range(weeks))
    )
    place = estate(*HOSTS, sources=[health()])
    past = Past(cluster_days={("c", "memory"): points}, datastore_days={})
    [cluster] = answer_all(place, questions(place, past, JAKARTA))
    found = next(a for a in cluster.answers if a.question.key == "pool/c/memory/demand")
    assert found.runway.reason == reason
    assert found.load == pytest.approx(1000.0 * GIB, rel=1e-3)


def test_too_many_gaps_are_not_enough_history() -> None:
    thin = [1000.0 if i % 3 == 0 else None for i in range(90)]
    assert memory(thin).runway.reason == "not_enough_history"
    denser = [1000.0 if i % 2 == 0 else None for i in range(90)]
    assert memory(denser).runway.reason == "no_growth"


def test_what_is_over_today_is_exhausted_with_a_runway_of_zero() -> None:
    found = memory([1300.0] * 60)
    assert (found.runway.reason, found.runway.days) == ("exhausted", 0)
    assert (found.runway.first_over, found.runway.conservative_first_over) == (AS_OF, AS_OF)
    assert found.headroom is not None
    assert found.headroom / GIB == pytest.approx(-71.2)
    assert found.status == "overdue"


def test_what_does_not_grow_has_no_date_and_is_ok() -> None:
    for values in ([1000.0] * 90, growing(90, 1000, -1.0)):
        found = memory(values)
        assert (found.runway.reason, found.runway.days, found.order.on) == ("no_growth", None, None)
        assert found.status == "ok"


def test_growth_that_ends_beyond_the_horizon_says_so() -> None:
    found = memory(growing(90, 500, 0.1))
    assert (found.runway.reason, found.status) == ("beyond_horizon", "ok")


def test_growth_within_the_horizon_has_a_date_and_no_reason() -> None:
    found = memory(growing(90, 1000, 2.0))
    assert found.runway.reason == ""
    assert found.runway.days == pytest.approx(113, abs=2)
    assert found.runway.first_over == AS_OF + timedelta(days=(found.runway.days or 0) + 1)


def test_a_host_of_unknown_size_leaves_the_capacity_unknown() -> None:
    place = estate(*HOSTS, host("blind", memory_bytes=None))
    [cluster] = answers(place, memory=[1000.0] * 60)
    found = next(a for a in cluster.answers if a.question.key == "pool/c/memory/demand")
    assert (found.runway.reason, found.status, found.usable) == (
        "capacity_unknown",
        "unknown",
        None,
    )


def test_a_runway_longer_than_its_history_is_extrapolated() -> None:
    assert "extrapolated" in memory(growing(60, 1000, 2.0)).flags
    assert "extrapolated" not in memory(growing(200, 1000, 2.0)).flags


def test_what_the_policy_does_not_say_is_flagged() -> None:
    assumed = memory(growing(90, 1000, 2.0)).flags
    assert {"lead_assumed", "threshold_assumed", "reserve_assumed"} <= set(assumed)
    said = memory(
        growing(90, 1000, 2.0),
        lead_time={"confirmed": True},
        threshold={"memory": 0.8},
        reserve={"memory_gib_per_host": 8},
    )
    assert not {"lead_assumed", "threshold_assumed", "reserve_assumed"} & set(said.flags)


def test_a_critical_guest_on_a_single_host_is_acted_on() -> None:
    place = estate(host(), guest(tags=("crit.1",)))
    [cluster] = answers(place, memory=[100.0] * 60)
    assert {a.status for a in cluster.answers} == {"act"}
    [calm] = answers(estate(host(), guest(tags=("crit.2",))), memory=[100.0] * 60)
    assert "act" not in {a.status for a in calm.answers}


# Dates


def test_equal_is_still_safe_and_a_hair_more_is_not() -> None:
    for usable, days in ((100.0, 10), (99.999, 9)):
        paths = StraightPaths(np.zeros((1, 1)), np.full((1, 1), 10.0), 30)
        [passage] = first_passage(paths, np.full((1, 31), usable))
        assert runway(passage, as_of=AS_OF, usable_now=usable).days == days


def test_over_on_the_day_itself_leaves_no_complete_day() -> None:
    usable = np.full((1, 31), 100.0)
    usable[0, 0] = 0.0  # capacity that comes tomorrow
    paths = StraightPaths(np.full((1, 1), 50.0), np.zeros((1, 1)), 30)
    [passage] = first_passage(paths, usable)
    found = runway(passage, as_of=AS_OF, usable_now=100.0)
    assert (found.days, found.first_over) == (0, AS_OF)
    assert found.windows == ((AS_OF, AS_OF),)


def over_in(days: int | None, base: int | None = None) -> Runway:
    """A runway whose conservative path is first over after so many days."""
    conservative = None if days is None else AS_OF + timedelta(days=days)
    first = None if base is None else AS_OF + timedelta(days=base)
    return Runway(base, first, days, conservative, "" if days is not None else "no_growth")


def test_the_basis_of_the_order_is_the_conservative_date_unless_policy_says_base() -> None:
    found = over_in(200, base=300)
    common = {"as_of": AS_OF, "lead_days": LEAD, "lead_confirmed": True}
    assert order_by(found, **common).on == AS_OF + timedelta(days=100)
    base = order_by(found, **common, basis="base")
    assert (base.on, base.basis) == (AS_OF + timedelta(days=200), "base")


def test_a_base_that_never_crosses_leaves_the_date_to_the_conservative_one() -> None:
    order = order_by(over_in(200), as_of=AS_OF, lead_days=LEAD, lead_confirmed=True, basis="base")
    assert (order.on, order.basis) == (AS_OF + timedelta(days=100), "conservative")


@pytest.mark.parametrize(("first_over", "overdue"), [(60, 40), (100, 0), (101, 0)])
def test_overdue_days_are_never_negative(first_over: int, overdue: int) -> None:
    order = order_by(over_in(first_over), as_of=AS_OF, lead_days=LEAD, lead_confirmed=True)
    assert order.overdue_days == overdue


# Status


def ordered(days_from_now: int | None, *, assumed: bool = False) -> OrderBy:
    on = None if days_from_now is None else AS_OF + timedelta(days=days_from_now)
    return OrderBy(on, 0, LEAD, "conservative", assumed)


@pytest.mark.parametrize(
    ("due", "assumed", "expected"),
    [
        (-1, False, "overdue"),
        (0, False, "overdue"),
        (0, True, "overdue_if_assumed"),
        (1, False, "act"),
        (1, True, "act"),
        (30, False, "act"),
        (31, False, "plan"),
        (90, False, "plan"),
        (91, False, "ok"),
        (None, False, "ok"),
    ],
)
def test_the_status_follows_the_date(due: int | None, assumed: bool, expected: str) -> None:
    order = ordered(due, assumed=assumed)
    assert status(over_in(500), order, as_of=AS_OF, rules=RULES) == expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("exhausted", "overdue"),
        ("stale", "unknown"),
        ("not_enough_history", "unknown"),
        ("capacity_unknown", "unknown"),
        ("no_growth", "ok"),
        ("beyond_horizon", "ok"),
    ],
)
def test_the_status_follows_the_reason(reason: Any, expected: str) -> None:
    order = ordered(None, assumed=True)
    assert status(no_runway(reason), order, as_of=AS_OF, rules=RULES) == expected


def test_a_whole_is_as_urgent_as_its_most_urgent_part() -> None:
    ranks = ["overdue", "overdue_if_assumed", "act", "plan", "unknown", "ok"]
    for i, worst in enumerate(ranks):
        assert most_urgent(ranks[i:]) == worst  # type: ignore[arg-type]
    assert most_urgent([]) == "unknown"


# Confidence


BEST: dict[str, Any] = {
    "history_days": 90,
    "coverage_ratio": 0.90,
    "wape_30": 10.0,
    "stale": False,
    "runway_days": 90,
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "high"),
        ({"stale": True}, "none"),
        ({"history_days": 13.9}, "none"),
        ({"coverage_ratio": 0.399}, "none"),
        ({"history_days": 14, "runway_days": None}, "low"),
        ({"coverage_ratio": 0.40}, "low"),
        ({"wape_30": None}, "low"),
        ({"coverage_ratio": 0.899}, "medium"),
        ({"history_days": 89.9, "runway_days": 10}, "medium"),
        ({"wape_30": 10.1}, "medium"),
        ({"runway_days": 91}, "medium"),
        ({"runway_days": None}, "high"),
        ({"coverage_ratio": 0.60}, "medium"),
        ({"coverage_ratio": 0.599}, "low"),
        ({"history_days": 30, "runway_days": 10}, "medium"),
        ({"history_days": 29.9, "runway_days": 10}, "low"),
        ({"wape_30": 25.0}, "medium"),
        ({"wape_30": 25.1}, "low"),
        ({"wape_30": 25.0, "runway_days": 500}, "medium"),
    ],
)
def test_confidence_at_its_boundaries(changed: dict[str, Any], expected: str) -> None:
    assert confidence(**(BEST | changed)) == expected


def test_dates_are_dates_of_the_site_not_numbers() -> None:
    found = memory(growing(90, 1000, 2.0))
    assert isinstance(found.runway.first_over, date)
    assert isinstance(found.order.on, date)
    assert found.order.on == found.runway.conservative_first_over - timedelta(days=314)  # type: ignore[operator]
