"""What must hold of every scenario: more demand never helps, one more host never harms."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estates import AS_OF
from planner.scenario.outcome import Outcome
from planner.scenario.world import Base
from what_if import figures, line, site, what_if

NEVER = 10**6
RESOURCES = (
    ("memory", "demand"),
    ("memory", "allocation"),
    ("cpu", "demand"),
    ("cpu", "allocation"),
)
sites = st.sampled_from([(4, 40, 1.0), (3, 24, 3.0), (2, 10, 0.0), (5, 45, 0.5)])
days_ahead = st.integers(0, 700)
profiles = st.sampled_from(["S", "M", "L", "2/3/5", "average"])


@cache
def base_of(shape: tuple[int, int, float]) -> Base:
    hosts, guests, per_day = shape
    return site(hosts=hosts, guests=guests, per_day=per_day)


def on(day: int) -> str:
    return str(AS_OF + timedelta(days=day))


@st.composite
def additions(draw: st.DrawFn) -> dict[str, Any]:
    size = {"count": draw(st.integers(1, 12)), "profile": draw(profiles), "pool": "c"}
    return {"add": size, "when": on(draw(days_ahead))}


def runway(outcome: Outcome, resource: str, model: str) -> int:
    days = line(outcome, resource, model).runway.shortest
    return NEVER if days is None else days


@settings(max_examples=25)
@given(sites, additions(), additions())
def test_more_demand_never_lengthens_a_runway(
    shape: tuple[int, int, float], first: dict[str, Any], second: dict[str, Any]
) -> None:
    base = base_of(shape)
    one, both = what_if(base, first), what_if(base, first, second)
    for resource, model in RESOURCES:
        assert runway(both, resource, model) <= runway(one, resource, model)
        less, more = line(both, resource, model).headroom, line(one, resource, model).headroom
        assert less is not None
        assert more is not None
        assert less <= more


@settings(max_examples=25)
@given(sites, additions(), days_ahead)
def test_one_more_host_never_shortens_a_runway(
    shape: tuple[int, int, float], addition: dict[str, Any], day: int
) -> None:
    base = base_of(shape)
    without = what_if(base, addition)
    host = {"add_hosts": {"like": "h0"}, "when": on(day)}
    with_host = what_if(base, addition, host)
    for resource, model in RESOURCES:
        assert runway(with_host, resource, model) >= runway(without, resource, model)


@settings(max_examples=20)
@given(sites, additions(), st.integers(0, 700))
def test_what_is_removed_when_it_was_added_leaves_no_trace_at_the_end(
    shape: tuple[int, int, float], addition: dict[str, Any], wait: int
) -> None:
    base = base_of(shape)
    day = min(700, (_day(addition) + wait))
    gone = {"remove": {"match": {"name_glob": "new-*"}}, "when": on(day)}
    after = what_if(base, addition, gone)
    nothing = what_if(base)
    assert [row[1:4] for row in figures(after.answers)] == [
        row[1:4] for row in figures(nothing.answers)
    ]
    if day == _day(addition):
        assert figures(after.answers) == figures(base.answers)


def _day(change: dict[str, Any]) -> int:
    return (AS_OF.fromisoformat(change["when"]) - AS_OF).days


@settings(max_examples=20)
@given(sites, st.permutations(range(5)))
def test_the_order_of_independent_changes_does_not_matter(
    shape: tuple[int, int, float], order: list[int]
) -> None:
    base = base_of(shape)
    changes: list[dict[str, Any]] = [
        {"add": {"count": 3, "profile": "S", "pool": "c"}, "when": on(30)},
        {"add": {"count": 2, "profile": "L", "pool": "c"}, "when": on(30)},
        {"resize": {"match": {"name_glob": "web-1"}, "memory_gib": 32}, "when": on(30)},
        {"add_storage": {"pool": "san", "storage_gib": 100}, "when": on(60)},
        {"growth": {"memory": 1.5}},
    ]
    told = figures(what_if(base, *changes).answers)
    shuffled = figures(what_if(base, *(changes[i] for i in order)).answers)
    for row, other in zip(told, shuffled, strict=True):
        assert row[1:4] == pytest.approx(other[1:4])
        assert row[4:] == other[4:]


@settings(max_examples=10)
@given(sites)
def test_an_empty_scenario_equals_doing_nothing(shape: tuple[int, int, float]) -> None:
    base = base_of(shape)
    assert figures(what_if(base).answers) == figures(base.answers)
