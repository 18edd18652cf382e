"""Requests that begin after something on its way has arrived, or something has left."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from estates import AS_OF
from planner.answers import Answer
from planner.scenario.changes import AddGuests
from planner.scenario.request import Decision, Request, decide
from planner.scenario.world import Base
from reports.request import request_row, request_text
from stored import GIB
from what_if import site

IN_MARCH = date(2027, 3, 1)
ARRIVES = date(2027, 1, 15)
LEAD = 314  # days, the policy's default
FIFTH = {
    "name": "Host 5", "pool": "c", "cpu_cores": 32, "memory_gib": 512,
    "stages": {"contracted": "2026-08-01", "in_service": str(ARRIVES)},
}  # fmt: skip


def ask(base: Base, count: int, profile: str = "4/16/5", **more: Any) -> Decision:
    guests = (AddGuests(count=count, profile=profile, pool="c"),)
    return decide(base, Request(name="test", guests=guests, **more))


def ordering(*orders: dict[str, Any], **more: Any) -> Base:
    return site(per_day=0.0, owners={"orders": list(orders)}, **more)


def memory(found: Decision, model: str = "demand") -> Answer:
    [answer] = [
        one
        for pool in found.touched
        for one in pool.answers
        if (one.question.resource, one.question.model) == ("memory", model)
    ]
    return answer


def test_after_its_arrival_an_order_counts_in_headroom_packing_and_failover() -> None:
    found = ask(ordering(FIFTH), 40, when=IN_MARCH)  # 800 + 640 of 0.8 × 512 × 4 = 1638.4
    assert (found.verdict, found.conditions, found.possible_from) == ("yes_if", (), IN_MARCH)
    assert [one.name for one in found.relies_on] == ["Host 5"]
    assert (memory(found).headroom or 0) / GIB == pytest.approx(1638.4 - 1440)
    assert dict(found.hosts)["Host 5"] > 0
    assert found.failover == "pass"
    assert found.choices[0].host == "Host 5"


def test_what_is_short_without_the_order_is_why_the_answer_depends_on_it() -> None:
    found = ask(ordering(FIFTH), 40, when=IN_MARCH)
    assert "short_headroom" in {short.said.key for short in found.shorts}
    assert "Host 5 (contracted) is in service in c by 2027-01-15" in request_text(found)
    assert "Host 5" in request_row(found).conditions
    assert "Yes, if:" in request_text(found)


def test_what_is_asked_for_before_the_arrival_is_met_from_the_arrival_on() -> None:
    found = ask(ordering(FIFTH), 40)
    assert (found.verdict, found.begins, found.possible_from) == ("yes_if", ARRIVES, ARRIVES)
    assert found.conditions == ()
    assert "Yes from 2027-01-15 on, if:" in request_text(found)
    assert "Ya mulai 2027-01-15, bila:" in request_text(found, lang="id")


def test_what_ends_before_the_arrival_is_a_no() -> None:
    assert ask(ordering(FIFTH), 40, until=ARRIVES - timedelta(days=1)).verdict == "no"


def test_an_order_that_is_not_enough_is_counted_and_the_rest_is_ordered() -> None:
    found = ask(ordering(FIFTH), 60, when=date(2028, 3, 1))  # 1760: 2 more hosts, one is coming
    [condition] = found.conditions
    assert (found.verdict, condition.quantity) == ("yes_if", 1)
    assert [one.name for one in found.relies_on] == ["Host 5"]


def test_what_fits_without_the_order_does_not_depend_on_it() -> None:
    found = ask(ordering(FIFTH), 4, when=IN_MARCH)
    assert (found.verdict, found.relies_on) == ("yes", ())


def test_an_order_that_is_not_tendered_is_not_counted() -> None:
    proposed = FIFTH | {"stages": {"proposed": "2026-08-01", "in_service": str(ARRIVES)}}
    found = ask(ordering(proposed), 40, when=IN_MARCH)
    assert found.relies_on == ()
    assert found.possible_from == AS_OF + timedelta(days=LEAD)


def test_what_is_over_before_the_arrival_is_none_of_a_later_request() -> None:
    found = ask(ordering(FIFTH, memory_now=1300.0), 4, when=IN_MARCH)
    assert (found.verdict, found.conditions) == ("yes_if", ())
    assert found.lasts_until is None


def test_an_order_is_there_when_the_slowest_of_past_orders_was() -> None:
    past = [
        {"name": f"past {n}", "pool": "c", "item": "host",
         "stages": {"contracted": "2025-01-01",
                    "in_service": str(date(2025, 1, 1) + timedelta(days=days))}}
        for n, days in enumerate((150, 170, 190))
    ]  # fmt: skip  # from 2026-08-01: the middle is 2027-01-18, the slowest 2027-02-07
    coming = FIFTH | {"stages": {"contracted": "2026-08-01"}}
    found = ask(ordering(*past, coming), 40)
    assert (found.verdict, found.begins) == ("yes_if", date(2027, 2, 7))


def test_declared_hardware_is_counted_as_an_order_is() -> None:
    arrives = {"pool": "c", "when": str(ARRIVES), "cpu_cores": 32, "memory_gib": 512}
    found = ask(site(per_day=0.0, owners={"hardware": [arrives]}), 40, when=IN_MARCH)
    assert found.verdict == "yes_if"
    assert "the hardware declared for 2027-01-15 is in service in c" in request_text(found)


def test_a_datastore_is_as_large_as_it_will_be() -> None:
    disks = {"name": "Disks 2", "pool": "san", "storage_gib": 2048,
             "stages": {"contracted": "2026-08-01", "in_service": str(ARRIVES)}}  # fmt: skip
    found = ask(ordering(disks), 3, "1/1/1000", when=IN_MARCH)  # 1000 + 3000 of 0.8 × (4000 + 2048)
    assert (found.verdict, found.conditions) == ("yes_if", ())
    assert found.stores == (("san", 3000.0 * GIB),)


def test_a_host_that_leaves_before_is_not_there() -> None:
    leaves = {"pool": "c", "when": str(ARRIVES), "change": "leaves", "host": "h3"}
    found = ask(site(per_day=0.0, owners={"hardware": [leaves]}), 2, when=date(2028, 3, 1))
    [missing] = [
        short.said.values["amount"]
        for short in found.shorts
        if short.said.key == "short_headroom"
        and (short.said.values["resource"], short.said.values["model"]) == ("memory", "demand")
    ]
    assert missing / GIB == pytest.approx(832 - 0.8 * 1024)
    assert "h3" not in dict(found.hosts)
    assert [condition.quantity for condition in found.conditions] == [1]


def test_a_committed_project_that_has_begun_takes_its_part() -> None:
    project = {"name": "p", "pool": "c", "when": "2027-02-01", "status": "committed",
               "memory_gib": 200}  # fmt: skip
    base = site(per_day=0.0, owners={"projects": [project]})
    for model, left in (("demand", 1228.8 - 800 - 200 - 32), ("allocation", 1536 - 960 - 200 - 32)):
        assert (memory(ask(base, 2, when=IN_MARCH), model).headroom or 0) / GIB == pytest.approx(
            left
        )
    before = memory(ask(base, 2, when=date(2027, 1, 1)))
    assert (before.headroom or 0) / GIB == pytest.approx(1228.8 - 800 - 32)


@pytest.mark.parametrize(("count", "until"), [(4, None), (30, date(2027, 12, 31)), (30, None)])
def test_one_more_order_on_its_way_never_makes_an_answer_worse(
    count: int, until: date | None
) -> None:
    best_first = ("yes", "yes_if", "unknown", "no")
    bare = ask(site(per_day=0.5), count, until=until)
    more = ask(site(per_day=0.5, owners={"orders": [FIFTH]}), count, until=until)
    assert best_first.index(more.verdict) <= best_first.index(bare.verdict)
    assert more.verdict == "no" or more.possible_from <= bare.possible_from
    bought = [
        sum(c.quantity for c in found.conditions if c.unit == "hosts") for found in (more, bare)
    ]
    assert more.verdict != bare.verdict or more.begins < bare.begins or bought[0] <= bought[1]
