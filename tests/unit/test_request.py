"""Requests: yes, no, yes if something is ordered, or not known."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from estates import AS_OF
from planner.scenario.changes import AddGuests, Demand
from planner.scenario.names import ScenarioError
from planner.scenario.outcome import Outcome, outcome_of
from planner.scenario.request import Decision, Request, decide
from planner.scenario.world import Base
from stored import GIB, datastore, disk, guest, host
from what_if import site

IN_MARCH = date(2027, 3, 1)
LEAD = 314  # days, the policy's default


def ask(base: Base, count: int, profile: str = "M", **more: Any) -> Decision:
    guests = (AddGuests(count=count, profile=profile, pool="c"),)
    return decide(base, Request(name="test", guests=guests, **more))


def keys(decision: Decision) -> set[str]:
    return {short.said.key for short in decision.shorts}


def test_what_fits_is_a_yes_with_hosts_datastore_and_end() -> None:
    found = ask(site(), 4, when=IN_MARCH)
    assert found.verdict == "yes"
    assert sum(count for _host, count in found.hosts) == 4
    assert found.stores == (("san", 320.0 * GIB),)
    assert found.lasts_until is not None
    assert found.lasts_until > IN_MARCH
    assert found.binding.question.key == "pool/c/memory/demand"
    assert (found.failover, found.stays_down, found.conditions) == ("pass", (), ())


def test_what_does_not_fit_says_the_fewest_hosts_and_by_when() -> None:
    base = site(per_day=0.0)
    found = ask(base, 40, when=date(2028, 3, 1))  # 800 + 640 of 1228.8; a host brings 409.6
    assert found.verdict == "yes_if"
    [condition] = [c for c in found.conditions if c.unit == "hosts"]
    assert (condition.quantity, condition.like) == (1, "c/h0")
    assert condition.order_by == date(2028, 3, 1) - timedelta(days=LEAD)
    assert (condition.overdue_days, found.possible_from) == (0, date(2028, 3, 1))
    assert {"short_headroom", "short_runway"} <= keys(found)
    assert found.failover == "pass"


def test_one_host_less_than_is_said_is_not_enough() -> None:
    base = site(per_day=0.0)
    found = ask(base, 90, when=date(2028, 3, 1))
    [condition] = [c for c in found.conditions if c.unit == "hosts"]
    assert condition.quantity == 3  # 800 + 1440 = 2240; 0.8 × 512 × (3 + n) ≥ 2240
    assert found.outcome.answers[0].binding.headroom is not None


def test_an_order_that_should_be_out_already_moves_the_first_day() -> None:
    found = ask(site(per_day=0.0), 40, when=IN_MARCH)
    [condition] = [c for c in found.conditions if c.unit == "hosts"]
    there = AS_OF + timedelta(days=LEAD)
    assert (found.verdict, found.possible_from, found.begins) == ("yes_if", there, there)
    assert (condition.needed_on, condition.order_by, condition.overdue_days) == (there, AS_OF, 0)


ARCHIVE = {
    "name": "archive", "pool": "san", "when": "2027-09-01", "storage_gib": 2190,
    "status": "committed",
}  # fmt: skip


def test_the_day_that_is_promised_is_the_day_that_is_judged() -> None:
    """The san is over before the hosts are there, and the request takes of it: both are ordered."""
    found = ask(site(per_day=0.0, owners={"projects": [ARCHIVE]}), 40, "4/16/5")
    there = AS_OF + timedelta(days=LEAD)
    assert there > date(2027, 9, 1)
    assert (found.verdict, found.possible_from) == ("yes_if", there)
    ordered = {c.pool.name: (c.quantity, c.needed_on, c.order_by) for c in found.conditions}
    assert ordered == {"c": (1, there, AS_OF), "san": (1024, there, AS_OF)}
    assert found.lasts_until is None or found.lasts_until >= there


def test_a_longer_lead_of_what_is_short_by_then_moves_the_day_again() -> None:
    orders = [
        {
            "name": f"disks {n}", "pool": "san", "storage_gib": 1, "count": 1,
            "stages": {"proposed": "2024-01-01", "in_service": "2025-02-04"},
        }
        for n in range(3)
    ]  # fmt: skip  # 400 days, and 30 for safety
    owners = {"projects": [ARCHIVE], "orders": orders}
    found = ask(site(per_day=0.0, owners=owners), 40, "4/16/5")
    there = AS_OF + timedelta(days=430)
    assert (found.verdict, found.possible_from, found.begins) == ("yes_if", there, there)
    assert {c.pool.name: (c.needed_on, c.overdue_days) for c in found.conditions} == {
        "c": (there, 0),
        "san": (there, 0),
    }
    ends_before = ask(site(per_day=0.0, owners=owners), 40, "4/16/5", until=date(2027, 12, 31))
    assert ends_before.verdict == "no"


def test_what_is_needed_only_later_does_not_delay_the_beginning() -> None:
    last = ask(site(), 1).lasts_until
    assert last is not None
    found = ask(site(), 1, when=last - timedelta(days=10), until=last + timedelta(days=400))
    [condition] = found.conditions
    assert condition.overdue_days == 0
    assert found.possible_from == found.when < condition.needed_on


def test_a_beginning_that_is_not_foreseen_is_not_known() -> None:
    policy = {"lead_time": {"tender_days": 900}}
    found = ask(site(per_day=0.0, policy=policy), 40)
    assert found.verdict == "unknown"
    assert "unknown_beyond" in {said.key for said in found.unknown}


@pytest.mark.parametrize("count", [1, 27, 45])
@pytest.mark.parametrize("until", [None, date(2028, 1, 31)])
def test_a_yes_is_true_on_the_day_it_promises(count: int, until: date | None) -> None:
    found = ask(site(per_day=2.0), count, until=until)
    assert found.verdict in ("yes", "yes_if", "no")
    if found.verdict != "no":
        last = max(found.possible_from, until or found.when)
        assert found.lasts_until is None or found.lasts_until >= last
        assert all(condition.order_by >= AS_OF for condition in found.conditions)


def test_what_cannot_be_there_before_it_ends_is_a_no() -> None:
    assert ask(site(per_day=0.0), 40, when=IN_MARCH, until=date(2027, 6, 1)).verdict == "no"


def test_a_guest_larger_than_every_host_is_a_no() -> None:
    found = ask(site(), 1, "40/16/0")  # of 32 physical cores
    assert found.verdict == "no"
    assert "short_placement" in keys(found)


def test_a_datastore_that_is_too_small_asks_for_tebibytes() -> None:
    found = ask(site(per_day=0.0), 3, "1/1/1000", when=date(2028, 3, 1))  # 1000 + 3000 of 3200
    [condition] = found.conditions
    assert (condition.pool.name, condition.quantity, condition.unit) == ("san", 1024, "gib")


def test_demand_that_grows_over_before_the_end_is_ordered_for_that_day() -> None:
    base = site()
    last = ask(base, 1).lasts_until
    assert last is not None
    found = ask(base, 1, until=last + timedelta(days=60))
    assert found.verdict == "yes_if"
    assert found.conditions[0].needed_on == last + timedelta(days=1)
    assert ask(base, 1, until=last).verdict == "yes"


def test_what_is_not_proven_is_neither_yes_nor_no() -> None:
    found = ask(site(guest_memory=None), 1)
    assert found.verdict == "unknown"
    assert {said.key for said in found.unknown} >= {"unknown_failover", "unknown_placement"}


def test_without_history_today_counts_and_no_end_is_promised() -> None:
    found = ask(site(history=False), 1)
    assert found.verdict == "unknown"  # demand is not known at all
    assert found.lasts_until is None


def test_a_failover_that_fails_today_is_no_reason_against_what_adds_nothing_to_it() -> None:
    large = [guest("900", name="large", host_id="h0", vcpus=4.0, memory_bytes=300 * GIB)]
    base = site(per_day=0.0, more=[*large, disk("900")])
    [before] = [a for a in base.answers if a.pool.name == "c"]
    assert before.failover == "fail"
    found = ask(base, 1, "1/1/1")
    assert (found.verdict, found.stays_down) == ("yes", ("large (900)",))


def test_a_single_host_is_told_and_does_not_forbid() -> None:
    found = ask(site(hosts=1, guests=4, per_day=0.0, memory_now=100.0), 1, "1/1/1")
    assert (found.verdict, found.failover) == ("yes", "not_applicable")


def test_without_a_pool_the_best_cluster_is_chosen() -> None:
    more = [host("k0", cluster="d", memory_bytes=2048 * GIB),
            host("k1", cluster="d", memory_bytes=2048 * GIB),
            datastore("nas", cluster="d", used_bytes=GIB)]  # fmt: skip
    request = Request(name="test", guests=(AddGuests(count=1, profile="40/16/0", pool=""),))
    found = decide(site(more=more), request, clusters=("c", "d"))
    assert found.verdict in ("no", "unknown")  # neither host has 40 cores
    small = Request(name="test", guests=(AddGuests(count=1, pool=""),))
    assert decide(site(more=more), small, clusters=("c", "d")).request.guests[0].pool == "c"


def test_demand_in_one_piece_is_judged_without_hosts() -> None:
    piece = Demand(pool="c", memory_gib=200, vcpus=20, cpu_cores=2)
    found = decide(site(), Request(name="project", demand=piece, when=IN_MARCH))
    assert (found.verdict, found.hosts) == ("yes", ())
    assert {said.key for said in found.assumptions} >= {"assume_one_piece", "lead_assumed"}


def test_the_best_host_is_the_one_with_the_most_room_that_survives_every_failure() -> None:
    found = ask(site(guests=39), 1)
    assert found.choices[0].host == "h3"  # has one guest less
    assert found.choices[0].failover == "pass"
    assert [c.room_ratio for c in found.choices] == sorted(
        (c.room_ratio for c in found.choices), reverse=True
    )


def test_a_request_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ScenarioError, match="before the request begins"):
        ask(site(), 1, when=IN_MARCH, until=AS_OF)


def test_many_guests_are_answered_with_few_packings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Counted, not timed: every failure is packed only for what the figures allow."""
    packed = []

    def counting(base: Base, *args: Any, **more: Any) -> Outcome:
        packed.append(more.get("packed", True))
        return outcome_of(base, *args, **more)

    monkeypatch.setattr("planner.scenario.request.outcome_of", counting)
    monkeypatch.setattr("planner.scenario.ordering.outcome_of", counting)
    found = ask(site(per_day=0.0), 300, "1/16/1", when=date(2028, 3, 1))
    [condition] = [c for c in found.conditions if c.unit == "hosts"]
    assert condition.quantity == 11  # 800 + 4,800 of 0.8 × 512 × (3 + n)
    assert packed.count(True) <= 4
    assert packed.count(False) <= 8


def test_more_guests_than_are_ever_carried_are_a_no_without_a_search() -> None:
    found = ask(site(per_day=0.0), 3000, "1/16/1", when=date(2028, 3, 1))
    assert (found.verdict, found.conditions) == ("no", ())


def test_a_request_for_too_many_guests_is_refused_in_one_line() -> None:
    with pytest.raises(ScenarioError, match="at most 10,000 guests"):
        ask(site(), 10_001)


def test_a_second_datastore_is_not_enlarged_for_what_the_first_one_takes() -> None:
    """Each alone would take all the disks: the one with more room is enlarged, that is enough."""
    small = datastore("small", capacity_bytes=2000 * GIB, used_bytes=500 * GIB)
    found = ask(site(per_day=0.0, more=[small]), 20, "1/1/400", when=date(2028, 3, 1))
    assert [c.pool.name for c in found.conditions] == ["san"]
    assert found.verdict == "yes_if"
