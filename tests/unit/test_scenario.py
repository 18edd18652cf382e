"""What a scenario does to the answers, checked by hand on a small site."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from estates import AS_OF
from inventory.platform_records import HaRule
from planner.scenario.changes import Change, ScenarioFile
from planner.scenario.names import ScenarioError
from planner.scenario.outcome import Outcome
from planner.scenario.rows import compared
from planner.scenario.world import NOWHERE
from stored import GIB, datastore, disk, guest, host
from what_if import figures, line, site, what_if

LATER = str(AS_OF + timedelta(days=100))


def add(count: int = 1, profile: str = "M", **more: Any) -> dict[str, Any]:
    return {"add": {"count": count, "profile": profile, "pool": "c"} | more}


def gib(value: float | None) -> float:
    assert value is not None
    return value / GIB


def less(before: Outcome, after: Outcome, *which: str) -> float:
    """By how much the headroom is less after than before."""
    old, new = line(before, *which).headroom, line(after, *which).headroom
    assert old is not None
    assert new is not None
    return old - new


def test_an_empty_scenario_is_doing_nothing_exactly() -> None:
    base = site()
    assert figures(what_if(base).answers) == figures(base.answers)


def test_new_guests_take_their_size_from_the_headroom() -> None:
    base = site()
    nothing, after = what_if(base), what_if(base, add(10))
    for model in ("demand", "allocation"):
        assert gib(less(nothing, after, "memory", model)) == pytest.approx(160)
        assert gib(less(nothing, after, "storage", model, "san")) == pytest.approx(800)
    assert less(nothing, after, "cpu", "allocation") == pytest.approx(40)


def test_new_guests_are_as_busy_as_the_others() -> None:
    base = site()  # 20 cores for 160 vCPUs
    nothing, after = what_if(base), what_if(base, add(10))
    cores = line(nothing, "cpu", "demand").demand, line(after, "cpu", "demand").demand
    assert (cores[1] or 0) - (cores[0] or 0) == pytest.approx(40 * 20 / 160)


def test_demand_that_is_too_much_on_a_day_is_over_on_that_day() -> None:
    base = site(per_day=0.0)
    after = what_if(base, add(30) | {"when": LATER})  # 800 + 480 of 1228.8
    found = line(after, "memory", "demand")
    assert found.runway.first_over == date.fromisoformat(LATER)
    assert found.runway.days == 99
    assert gib(found.headroom) == pytest.approx(1228.8 - 1280)
    assert line(what_if(base), "memory", "demand").runway.reason == "no_growth"


def test_demand_that_is_too_much_today_is_exhausted() -> None:
    found = line(what_if(site(), add(30)), "memory", "demand")
    assert (found.runway.reason, found.runway.days, found.status) == ("exhausted", 0, "overdue")


def test_a_host_that_retires_takes_its_capacity_on_its_day_and_its_guests_move() -> None:
    base = site()
    after = what_if(base, {"retire": {"host": "h3"}, "when": LATER})
    found = line(after, "memory", "demand")
    assert gib(found.usable) == pytest.approx(0.8 * 2 * 512)
    placed = after.world.placements["c"]
    assert (len(placed.placed), placed.unplaced, placed.verdict) == (10, (), "pass")
    assert {host for _guest, host in placed.placed} == {"h0", "h1", "h2"}
    today = line(what_if(base), "memory", "demand").runway.first_over
    assert found.runway.first_over is not None
    assert today is not None
    assert date.fromisoformat(LATER) <= found.runway.first_over < today


def test_a_host_like_another_brings_its_capacity_on_its_day() -> None:
    base = site()
    after = what_if(base, {"add_hosts": {"like": "h0", "count": 2}, "when": LATER})
    assert gib(line(after, "memory", "demand").usable) == pytest.approx(0.8 * 5 * 512)
    longer = line(after, "memory", "demand").runway.shortest or 10**6
    assert longer > (line(what_if(base), "memory", "demand").runway.shortest or 0)


def test_what_comes_too_late_helps_only_from_its_day_on() -> None:
    base = site(per_day=5.0)  # over within ninety days
    late = what_if(base, {"add_hosts": {"like": "h0"}, "when": LATER})
    now = line(what_if(base), "memory", "demand").runway
    assert line(late, "memory", "demand").runway.first_over == now.first_over
    assert len(line(late, "memory", "demand").runway.windows) == 2  # it is over again later


def test_guests_that_go_give_back_their_share_of_what_is_measured() -> None:
    base = site()  # 800 GiB used of 960 allocated
    after = what_if(base, {"remove": {"match": {"name_glob": "web-1?"}}})
    share = (line(what_if(base), "memory", "demand").demand or 0) / (960 * GIB)
    assert gib(less(after, what_if(base), "memory", "demand")) == pytest.approx(240 * share)
    freed = (
        line(after, "memory", "allocation").headroom,
        line(what_if(base), "memory", "allocation"),
    )
    assert gib(freed[0]) - gib(freed[1].headroom) == pytest.approx(240)


def test_removing_what_was_added_restores_everything_exactly() -> None:
    base = site()
    after = what_if(
        base,
        add(7) | {"when": LATER},
        {"remove": {"match": {"name_glob": "new-M-*"}}, "when": LATER},
    )
    assert figures(after.answers) == figures(base.answers)


def test_a_resize_counts_what_grows_in_full_and_what_shrinks_by_its_share() -> None:
    base = site()
    match = {"match": {"name_glob": "web-1"}}
    larger = what_if(base, {"resize": match | {"memory_gib": 48}})
    smaller = what_if(base, {"resize": match | {"memory_gib": 12}})
    now = line(what_if(base), "memory", "demand").demand or 0
    assert gib((line(larger, "memory", "demand").demand or 0) - now) == pytest.approx(24)
    share = now / (960 * GIB)
    assert gib((line(smaller, "memory", "demand").demand or 0) - now) == pytest.approx(-12 * share)
    assert line(larger, "cpu", "demand").demand == line(what_if(base), "cpu", "demand").demand


def test_faster_growth_shortens_the_runway_in_proportion() -> None:
    base = site()
    now = line(what_if(base), "memory", "demand").runway.days or 0
    doubled = line(what_if(base, {"growth": {"memory": 2.0}}), "memory", "demand").runway.days or 0
    assert doubled == pytest.approx(now / 2, rel=0.05)
    stopped = line(what_if(base, {"growth": {"memory": 0.0}}), "memory", "demand").runway
    assert stopped.days is None


def other_cluster() -> list[Any]:
    return [
        *(host(f"k{i}", cluster="d", cpu_cores=16.0, memory_bytes=256 * GIB) for i in range(2)),
        *(guest(f"9{i}", name=f"old-{i}", cluster="d", host_id="k0", vcpus=4.0,
                memory_bytes=32 * GIB) for i in range(3)),
        *(disk(f"9{i}", cluster="d", datastore_id="nas") for i in range(3)),
        datastore("nas", cluster="d", used_bytes=60 * GIB),
    ]  # fmt: skip


def test_a_cluster_that_moves_leaves_nothing_and_needs_less_cpu_there() -> None:
    base = site(more=other_cluster())
    after = what_if(base, {"migrate": {"leaving": "d", "arriving": "c", "cpu_factor": 0.5}})
    assert line(after, "memory", "allocation", "d").question.load.allocated == 0
    gone = line(after, "memory", "allocation").question.load.allocated or 0
    assert gib(gone) == pytest.approx(960 + 96)
    assert len(after.world.placements["c"].placed) == 3
    moved = line(after, "storage", "allocation", "san").question.load.allocated or 0
    assert gib(moved) == pytest.approx(41 * 40 + 2 * 40)
    assert line(after, "storage", "allocation", "nas").question.load.allocated == 0


def test_what_is_given_back_counts_half() -> None:
    base = site()
    after = what_if(base, {"reclaim": {"pool": "san", "storage_gib": 400}})
    assert gib(less(after, what_if(base), "storage", "demand", "san")) == pytest.approx(200)
    assert "half counts" in after.world.notes[0]


def test_without_figures_half_of_what_reclaim_finds_is_given_back() -> None:
    """A guest that has been off for two months, and holds 30 GiB."""
    off = guest("900", power="stopped", host_id="h0"), disk("900", allocated_bytes=30 * GIB)
    base = site(more=off)
    key = base.estate.guest_of["c", "900"].fact.entity_key or 0
    base = replace(base, power_since={key: base.estate.at - timedelta(days=60)})
    after = what_if(base, {"reclaim": {"pool": "san"}})
    assert gib(less(after, what_if(base), "storage", "demand", "san")) == pytest.approx(15)
    assert "lumbung reclaim finds in san" in after.world.notes[0]
    of_cluster = what_if(base, {"reclaim": {"pool": "c"}})
    both = what_if(base, {"reclaim": {"pool": "c"}}, {"reclaim": {"pool": "san"}})
    for one in (of_cluster, both):  # the guest's bytes lie on the san, and are given back once
        assert gib(less(one, what_if(base), "storage", "demand", "san")) == pytest.approx(15)
        assert gib(less(one, what_if(base), "storage", "allocation", "san")) == pytest.approx(20)


def test_cameras_fill_a_datastore() -> None:
    base = site()
    after = what_if(base, {"cameras": {"pool": "san", "storage_gib": 500}})
    assert gib(line(after, "storage", "demand", "san").demand) == pytest.approx(1500)
    counted = {"cameras": {"pool": "san", "count": 106, "mbps": 4, "retention_days": 30}}
    more = gib(line(what_if(base, counted), "storage", "demand", "san").demand) - 1000
    assert more * GIB == pytest.approx(137.376e12)  # worked example 39


def test_a_service_is_its_guests_with_agency_and_class() -> None:
    base = site()
    parts = [{"count": 2, "profile": "S"}, {"profile": "8/32/0", "name": "db"}]
    service = {
        "name": "tax",
        "pool": "c",
        "agency": "x",
        "classification": "publik",
        "guests": parts,
    }
    after = what_if(base, {"service": service})
    views = {v.guest.guest_id: v for v in after.world.estate.guests if v.service == "tax"}
    assert sorted(views) == ["db-1", "tax-1", "tax-2"]
    assert {(v.agency, v.classification) for v in views.values()} == {("x", "publik")}


def test_guests_that_find_no_host_are_named_and_the_failover_fails() -> None:
    after = what_if(site(), add(2, "8/600/0"))
    placement = after.world.placements["c"]
    assert placement.verdict == "fail"
    assert "larger than every gap" in placement.why
    [cluster] = [a for a in after.answers if a.pool.name == "c"]
    assert cluster.failover == "fail"
    assert {g.guest.host_id for g in after.world.estate.guests if "new" in g.guest.guest_id} == {
        NOWHERE
    }


def test_unknown_sizes_leave_the_placement_unproven_and_are_not_given_back() -> None:
    base = site(guest_memory=None)
    after = what_if(base, add(1))
    assert after.world.placements["c"].verdict == "unproven"
    [cluster] = [a for a in after.answers if a.pool.name == "c"]
    assert cluster.failover == "unproven"
    gone = line(what_if(base, {"remove": {"match": {"name_glob": "web-1"}}}), "memory", "demand")
    assert (gone.headroom, gone.runway.reason, gone.status) == (None, "demand_unknown", "unknown")


def test_without_history_dates_stay_unknown_and_headroom_of_allocation_is_told() -> None:
    found = what_if(site(history=False), add(1))
    assert line(found, "memory", "demand").headroom is None
    assert line(found, "memory", "demand").runway.reason == "not_enough_history"
    assert line(found, "memory", "allocation").headroom is not None


def test_the_rows_mark_what_differs_and_name_what_binds() -> None:
    base = site()
    file = ScenarioFile.model_validate({"scenarios": [{"name": "A", "changes": [add(10)]}]})
    rows = {(r.scenario, r.pool, r.resource, r.model): r for r in compared(base, file.scenarios)}
    nothing, after = (rows[name, "c", "memory", "demand"] for name in ("doing nothing", "A"))
    assert nothing.changed == ""
    assert {"headroom", "runway_days", "fit_m"} <= set(after.changed.split())
    assert after.headroom_change == pytest.approx(-160)
    assert after.binding == "memory/demand"
    assert after.site_binding == "c/memory/demand"
    assert after.placement == "h0: 3; h1: 3; h2: 2; h3: 2"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (add(pool="b"), "no cluster is named 'b'"),
        (add(profile="X"), "'X' is neither S, M, L"),
        (add(profile="clone:web-x"), "no guest is called 'web-x'; did you mean 'web-"),
        (add(storage="sam"), "no datastore is named 'sam'; did you mean 'san'?"),
        ({"retire": {"host": "h9"}}, "no host is named 'h9'; known are h0, h1"),
        ({"remove": {"match": {"name_glob": "wob-1"}}}, "no guest has name like 'wob-1'; did you"),
        ({"migrate": {"leaving": "c", "arriving": "c"}}, "c cannot move to itself"),
        ({"demand": {"pool": "san", "memory_gib": 1}}, "san is a datastore and has no memory_gib"),
        ({"add_storage": {"pool": "c", "storage_gib": 1}}, "no datastore is named 'c'"),
        (add() | {"when": "2026-11-22"}, "2026-11-22 lies before 2026-11-23"),
        (add() | {"when": "2036-01-01"}, "lies beyond the 730 days"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ScenarioError, match=r"^[^\n]*$") as caught:
        what_if(site(), change)
    assert told in str(caught.value)
    assert caught.value.place[:2] == ("changes", 0)


@pytest.mark.parametrize(
    "change",
    [
        {"when": "2027-01-01"},
        {"add": {"pool": "c"}, "retire": {"host": "h0"}},
        {"resize": {"match": {"name_glob": "a"}}},
        {"add_hosts": {"pool": "c"}},
        {"add_hosts": {"like": "h0", "cpu_cores": 4, "memory_gib": 4, "pool": "c"}},
    ],
)
def test_a_change_is_exactly_one_thing(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Change.model_validate(change)


def test_scenarios_have_names_of_their_own() -> None:
    for names in (["A", "A"], ["doing nothing"]):
        with pytest.raises(ValidationError):
            ScenarioFile.model_validate({"scenarios": [{"name": name} for name in names]})


def test_guests_that_a_rule_keeps_together_move_together() -> None:
    rule = HaRule(
        rule_id="r1", cluster="c", kind="resource-affinity", affinity="positive", enabled=True,
        guest_ids=("103", "107"),
    )  # fmt: skip
    after = what_if(site(more=[rule]), {"retire": {"host": "h3"}})  # web-3 and web-7 run there
    where = dict(after.world.placements["c"].placed)
    assert where["web-3 (103)"] == where["web-7 (107)"]


def test_hardware_of_today_counts_once_beside_orders_of_uncertain_arrival() -> None:
    """It is as good as that of tomorrow: neither runway ends before."""
    start = AS_OF - timedelta(days=900)
    past = [
        {"name": f"past {n}", "pool": "c", "item": "host",
         "stages": {"contracted": start, "in_service": start + timedelta(days=n)}}
        for n in (60, 90, 240)
    ]  # fmt: skip
    pending = {"name": "new", "pool": "c", "memory_gib": 512, "cpu_cores": 32,
               "stages": {"contracted": AS_OF - timedelta(days=3)}}  # fmt: skip
    base = site(owners={"orders": [*past, pending]}, per_day=3.0)

    def lasts(when: date) -> int | None:
        host = {"pool": "c", "like": "h0"}
        after = what_if(base, {"when": str(when), "add_hosts": host})
        return line(after, "memory", "demand").runway.days

    assert lasts(AS_OF) is not None
    assert lasts(AS_OF) == lasts(AS_OF + timedelta(days=1))


@pytest.mark.parametrize("when", [None, LATER])
def test_the_tiers_of_a_scenario_are_those_of_its_guests(when: str | None) -> None:
    top = guest("900", name="top", host_id="h0", vcpus=4.0, tags=("crit.1",))
    base = site(policy={"tiers": {"1": {"threshold": {"memory": 0.5}}}}, more=[top])
    gone = what_if(base, {"remove": {"match": {"name_glob": "top"}}, "when": when})
    assert "tier:1" in line(what_if(base), "memory", "demand").flags
    assert "tier:1" not in line(gone, "memory", "demand").flags
    assert line(gone, "memory", "demand").question.limits.thresholds == {}
