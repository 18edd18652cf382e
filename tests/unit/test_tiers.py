"""What a pool's guests ask of it by their criticality: the strictest tier holds."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from estates import answers, estate
from inventory.records import Datastore, Disk, Guest, Host
from planner.answers import Answer
from planner.efficiency.answer import Efficiency, efficiency_of
from planner.estate import Estate
from planner.policy import Policy
from stored import GIB

STRICT = {"1": {"threshold": {"memory": 0.6, "storage": 0.5}, "failover_hosts": 2}}
LOOSE = {"4": {"threshold": {"memory": 0.9}, "failover_hosts": 0}}


def hosts(count: int = 4) -> list[Host]:
    return [
        Host(host_id=f"h{i}", name=f"h{i}", cluster="c", cpu_cores=32, memory_bytes=100 * GIB,
             reserved_cpu_cores=0, reserved_memory_bytes=0, status="in_service")
        for i in range(count)
    ]  # fmt: skip


def guest(name: str, crit: int | None = None, **more: Any) -> Guest:
    given = {
        "guest_id": name, "name": name, "cluster": "c", "host_id": "h0", "power": "running",
        "vcpus": 2, "memory_bytes": GIB, "tags": () if crit is None else (f"crit.{crit}",),
    }  # fmt: skip
    return Guest.model_validate(given | more)


def place(*guests: Any, tiers: dict[str, Any], count: int = 4, **policy: Any) -> Estate:
    return estate(*hosts(count), *guests, policy={"tiers": tiers, **policy})


def memory(where: Estate, model: str = "demand", resource: str = "memory") -> Answer:
    [answer] = [
        answer
        for pool in answers(where)
        for answer in pool.answers
        if (answer.question.resource, answer.question.model) == (resource, model)
    ]
    return answer


def held(answer: Answer) -> tuple[int, float]:
    return answer.question.capacity.k, answer.question.capacity.factor


def tier_flags(answer: Answer) -> list[str]:
    return [flag for flag in answer.flags if flag.startswith("tier")]


def test_one_guest_of_a_strict_tier_rules_the_whole_cluster() -> None:
    found = memory(place(guest("a"), guest("b", 4), guest("top", 1), tiers=STRICT | LOOSE))
    assert held(found) == (2, 0.6)
    assert found.usable == pytest.approx(0.6 * 200 * GIB)
    assert tier_flags(found) == ["tier:1"]
    assert "threshold_assumed" not in found.flags


def test_the_strictest_of_each_value_wins_whatever_tier_it_is_of() -> None:
    tiers = {"1": {"failover_hosts": 2}, "3": {"threshold": {"memory": 0.5}}}
    found = memory(place(guest("a", 1), guest("b", 3), tiers=tiers))
    assert held(found) == (2, 0.5)
    assert tier_flags(found) == ["tier:1", "tier:3"]


def test_the_allocation_model_has_the_hosts_of_a_tier_and_its_own_ratio() -> None:
    found = memory(place(guest("top", 1), tiers=STRICT), "allocation")
    assert held(found) == (2, 1.0)
    assert tier_flags(found) == ["tier:1"]


@pytest.mark.parametrize(
    "absent",
    [{"power": "stopped"}, {"template": True}, {"cluster": "elsewhere"}, {"tags": ("crit.9",)}],
)
def test_a_guest_that_cannot_run_there_or_is_of_no_tier_asks_nothing(
    absent: dict[str, Any],
) -> None:
    found = memory(place(guest("a"), guest("top", 1, **absent), tiers=STRICT))
    assert held(found) == (1, 0.8)
    assert tier_flags(found) == []
    assert "threshold_assumed" in found.flags


def test_a_guest_that_may_run_counts() -> None:
    assert held(memory(place(guest("top", 1, power=None), tiers=STRICT))) == (2, 0.6)


def test_a_loose_tier_holds_only_where_no_guest_asks_for_more() -> None:
    assert held(memory(place(guest("b", 4), tiers=LOOSE))) == (0, 0.9)
    for other in (guest("a"), guest("a", 2)):
        assert held(memory(place(guest("b", 4), other, tiers=LOOSE))) == (1, 0.8)


def test_a_cluster_without_guests_keeps_the_policy() -> None:
    assert held(memory(place(tiers=STRICT | LOOSE))) == (1, 0.8)


def test_a_tier_that_asks_for_too_many_hosts_leaves_one_and_says_so() -> None:
    found = memory(place(guest("top", 1), tiers=STRICT, count=2))
    assert found.question.capacity.k == 1
    assert sorted(tier_flags(found)) == ["tier:1", "tier_unmet"]
    alone = memory(place(guest("top", 1), tiers=STRICT, count=1))
    assert (alone.question.capacity.k, "no_ha" in alone.flags) == (0, True)


def test_the_failover_test_loses_as_many_hosts_as_the_tier_says() -> None:
    [pool] = answers(place(guest("top", 1), tiers=STRICT))
    assert {len(case.lost) for case in pool.cases} == {2}


def test_a_datastore_is_as_full_as_the_strictest_guest_with_a_disk_there_allows() -> None:
    store = Datastore(
        datastore_id="s", name="s", cluster="c", kind="nfs", shared=True, capacity_bytes=1024 * GIB
    )

    def disk(guest_id: str) -> Disk:
        return Disk(disk_id=f"{guest_id}/0", guest_id=guest_id, cluster="c", datastore_id="s")

    off = guest("top", 1, power="stopped")
    holding = place(store, off, guest("a"), disk("top"), disk("a"), tiers=STRICT)
    found = memory(holding, resource="storage")
    assert held(found) == (0, 0.5)
    assert tier_flags(found) == ["tier:1"]
    beside = place(store, off, guest("a"), disk("a"), tiers=STRICT)
    assert held(memory(beside, resource="storage")) == (0, 0.8)


def test_what_a_tier_sets_is_told_with_a_guest_behind_it() -> None:
    limits = memory(place(guest("a"), guest("top", 1), tiers=STRICT)).question.limits
    assert [str(one) for one in limits.demanded("memory", "demand")] == [
        "tiers.1.threshold.memory = 0.6 holds, the strictest here: top (top) is of criticality 1",
        "tiers.1.failover_hosts = 2 holds, the strictest here: top (top) is of criticality 1",
    ]


@pytest.mark.parametrize(
    "tiers",
    [
        {"5": {}},
        {"1": {"threshold": {"memory": 1.1}}},
        {"1": {"failover_hosts": -1}},
        {"1": {"treshold": {}}},
    ],
)
def test_an_impossible_tier_is_refused(tiers: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Policy.model_validate({"tiers": tiers})


def judged(tiers: dict[str, Any]) -> Efficiency:
    where = place(
        guest("top", 1, power="stopped"), guest("low", 4, power="stopped"), tiers=tiers,
        reclaim={"powered_off_days": 1},
    )  # fmt: skip
    since = {
        view.fact.entity_key or 0: where.at.replace(year=where.at.year - 1) for view in where.guests
    }
    return efficiency_of(where, {}, since)


def test_nothing_is_asked_back_of_a_tier_that_says_so() -> None:
    assert {claim.guest for claim in judged({}).claims} == {("c", "top"), ("c", "low")}
    found = judged({"1": {"reclaim": False}})
    assert [claim.guest for claim in found.claims] == [("c", "low")]
    assert [claim.guest for claim in found.exempt] == [("c", "top")]
    assert found.guests["c", "top"].left_alone == "criticality 1: tiers.1.reclaim is false"
