"""The glossary's worked examples that are arithmetic; as_of is 2026-11-23.

Those that need no history run as `files` directories in tests/e2e/test_examples_as_files.py too.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from planner.capacity import (
    HostShare,
    ceph_capacity,
    cluster_capacity,
    datastore_capacity,
    headroom,
    overcommit,
    percent,
    thin_debt,
    thin_exposure,
)
from planner.forecast.paths import StraightPaths
from planner.numbers import floor
from planner.placement.failover import failover_cases, overall
from planner.placement.fit import Limit, Profile, fit, host_limits, hosts_needed, slots
from planner.placement.moves import Spread
from planner.placement.packing import Bin, Load, Room, pack
from planner.policy import LeadTime, StatusRules
from planner.runway import (
    OrderBy,
    Passage,
    Runway,
    confidence,
    first_passage,
    order_by,
    runway,
    status,
)
from planner.series import wape

AS_OF = date(2026, 11, 23)
RULES = StatusRules()


def memory(*sizes: float, reserve: float | None = None, k: int = 1, factor: float = 0.80):
    hosts = [HostShare(f"h{i}", size, reserve) for i, size in enumerate(sizes)]
    return cluster_capacity(hosts, k=k, factor=factor)


def paths(
    level: float, growth: float, upper: float | None = None, days: int = 730
) -> StraightPaths:
    """Ten straight paths: nine of the base and, where given, one on the upper band."""
    slopes = [growth] * 9 + [growth if upper is None else upper]
    return StraightPaths(np.full((1, 10), level), np.array([slopes]), days)


def passage(
    level: float, growth: float, usable: float, upper: float | None = None, days: int = 730
) -> Passage:
    return first_passage(paths(level, growth, upper, days), np.full((1, days + 1), usable))[0]


def found(level: float, growth: float, usable: float, upper: float | None = None) -> Runway:
    return runway(passage(level, growth, usable, upper), as_of=AS_OF, usable_now=usable)


def ordered(
    way: Runway, lead_days: int, *, confirmed: bool = True, basis: str = "conservative"
) -> OrderBy:
    return order_by(way, as_of=AS_OF, lead_days=lead_days, lead_confirmed=confirmed, basis=basis)


def test_example_1_usable_memory_after_n_plus_1() -> None:
    assert memory(512, 512, 512, 512).usable == pytest.approx(1228.8)


def test_example_2_the_host_reserve_comes_before_n_plus_1() -> None:
    assert memory(512, 512, 512, 512, reserve=8).usable == pytest.approx(1209.6)


def test_example_3_the_largest_host_is_reserved() -> None:
    found = memory(512, 512, 256, 256)
    assert (found.ha_reserve, found.failover) == (512, 1024)
    assert found.usable == pytest.approx(819.2)


def test_example_4_headroom_runway_and_first_over() -> None:
    way = found(1000, 2.0, 1228.8)
    assert headroom(1228.8, 1000) == pytest.approx(228.8)
    assert percent(228.8, 1228.8) == pytest.approx(18.62, abs=0.005)
    assert way.days == 114
    assert way.first_over == date(2027, 3, 18)
    assert AS_OF + timedelta(days=114) == date(2027, 3, 17)


def test_example_5_order_by_with_a_confirmed_lead() -> None:
    way = found(1000, 2.0, 1228.8)
    late = ordered(way, 240, basis="base")
    assert (late.on, late.overdue_days) == (date(2026, 7, 21), 125)
    assert status(way, late, as_of=AS_OF, rules=RULES) == "overdue"
    soon = ordered(way, 60, basis="base")
    assert soon.on == date(2027, 1, 17)
    assert (soon.on - AS_OF).days == 55
    assert status(way, soon, as_of=AS_OF, rules=RULES) == "plan"


def test_example_6_conservative_and_optimistic() -> None:
    way = found(1000, 2.0, 1228.8, upper=2.8)
    assert (way.days, way.conservative_days) == (114, 81)
    assert way.conservative_first_over == date(2027, 2, 13)
    assert ordered(way, 240).on == date(2026, 6, 18)
    assert found(1000, 1.4, 1228.8).days == 163


def test_example_7_equal_to_usable_is_still_safe() -> None:
    way = found(0, 10, 100)
    assert (way.days, way.first_over) == (10, AS_OF + timedelta(days=11))


def test_example_8_no_hair_is_lost_to_floating_point() -> None:
    assert found(0.1, 0.1, 0.7).days == 6
    assert floor((0.7 - 0.1) / 0.1) == 6


def test_example_9_exhausted_now() -> None:
    way = found(1300, 2.0, 1228.8)
    assert headroom(1228.8, 1300) == pytest.approx(-71.2)
    assert (way.days, way.reason, way.first_over) == (0, "exhausted", AS_OF)


@pytest.mark.parametrize("growth", [0.0, -1.0])
def test_example_10_no_growth_is_no_date(growth: float) -> None:
    way = found(1000, growth, 1228.8)
    assert (way.days, way.conservative_days, way.reason) == (None, None, "no_growth")


def test_example_11_a_committed_project_ends_the_runway() -> None:
    added = np.zeros((1, 731))
    added[0, 30:] = 200
    crossing = first_passage(paths(1000, 2.0), np.full((1, 731), 1228.8), added)[0]
    way = runway(crossing, as_of=AS_OF, usable_now=1228.8)
    assert (way.days, way.first_over) == (29, AS_OF + timedelta(days=30))


def test_example_12_a_shortfall_until_the_new_host_is_there() -> None:
    usable = np.full((1, 731), memory(512, 512, 512, 512).usable)
    usable[0, 60:] = memory(512, 512, 512, 512, 512).usable
    assert usable[0, 60] == pytest.approx(1638.4)
    crossing = first_passage(paths(1000, 5.0), usable)[0]
    (first, last), (again, _end) = crossing.windows
    assert (first, last, last - first + 1) == (46, 59, 14)
    assert again == 128


def test_example_13_allocation_of_cpu() -> None:
    hosts = [HostShare(f"h{i}", 32.0, 0.0) for i in range(4)]
    found = cluster_capacity(hosts, k=1, factor=4.0)
    assert found.usable == 384
    assert headroom(found.usable, 350) == 34
    assert overcommit(350, found.effective) == pytest.approx(2.734, abs=0.0005)
    assert overcommit(350, found.failover) == pytest.approx(3.646, abs=0.0005)


def test_example_14_demand_of_cpu() -> None:
    hosts = [HostShare(f"h{i}", 32.0, 0.0) for i in range(4)]
    usable = cluster_capacity(hosts, k=1, factor=0.80).usable
    assert usable == pytest.approx(76.8)
    assert found(60, 0.05, usable).days == 336


def test_example_15_the_shortest_runway_binds() -> None:
    allocation = found(350, 0.25, 384)
    demand = found(1000, 2.0, 1228.8)
    store = found(55, 0.1, 80)
    assert (allocation.days, demand.days, store.days) == (136, 114, 250)
    assert min(allocation.days, demand.days, store.days) == 114


def test_example_16_a_thin_datastore() -> None:
    found_store = datastore_capacity(100, factor=0.80)
    assert found(55, 0.1, found_store.usable).days == 250
    assert overcommit(140, found_store.failover) == pytest.approx(1.40)
    assert thin_debt(140, 55) == 85
    assert thin_exposure(140, 100) == 40
    assert found(55, 0.1, 100).days == 450


def test_example_17_ceph_after_the_loss_of_a_node() -> None:
    nodes = [HostShare(f"n{i}", 20.0, 0.0) for i in range(4)]
    found_pool = ceph_capacity(nodes, size=3, nearfull=0.85)
    assert found_pool.usable == pytest.approx(17.0)
    assert found_pool.raw == pytest.approx(26.67, abs=0.005)  # the naive figure
    assert found_pool.flags == ()
    assert "no_self_heal" in ceph_capacity(nodes[:3], size=3).flags
    assert ceph_capacity([HostShare("n", None)] * 4, size=3).usable is None


def profile(vcpus: float, gib: float) -> Profile:
    return Profile("x", vcpus, gib, 0)


def test_example_18_host_by_host_one_less_than_pooled() -> None:
    room = Room.of([Bin(f"h{i}", 20, 999, 99) for i in range(4)])
    one = profile(1, 16)
    fitted = fit(one, host_limits(room, one, k=0), room, ())
    assert (fitted.pooled, fitted.count) == (5, 4)


def test_example_19_the_smallest_of_both_models_binds() -> None:
    m = profile(4, 16)
    limits = [
        Limit.of("memory/demand", 1228.8 - 1000, m.memory_bytes),
        Limit.of("cpu/allocation", 384 - 350, m.vcpus),
    ]
    assert [limit.count for limit in limits] == [14, 8]
    fitted = fit(m, limits, None, None)
    assert (fitted.count, fitted.binding) == (8, "cpu/allocation")


def test_example_20_arithmetic_says_yes_and_packing_says_no() -> None:
    gib = 1024**3
    hosts = [Bin(name, 256 * gib, 4 * 32, 32) for name in "ABCD"]
    loads = [Load("big", "A", 160 * gib, 2)]
    loads += [Load(f"on-{name}", name, 150 * gib, 2) for name in "BCD"]
    cases = list(failover_cases(hosts, loads, k=1))
    assert overall(cases) == "fail"
    assert cases[0].lost == ("A",)
    assert cases[0].verdict == "fail"
    assert cases[0].stays_down == ("big",)
    assert 160 + 3 * 150 <= 3 * 256  # the arithmetic is content


def test_example_26_an_imbalance() -> None:
    spread = Spread.of([0.40, 0.45, 0.50, 0.85])
    assert spread.mean == pytest.approx(0.55)
    assert spread.stdev == pytest.approx(0.1768, abs=0.00005)
    assert spread.over_mean_points == pytest.approx(30)
    assert spread.is_imbalanced
    assert not Spread.of([0.4, 0.6, 0.5, 0.5]).is_imbalanced


def test_example_27_hosts_that_guests_need() -> None:
    loads = [Load(f"g{i}", None, 64, 8.0) for i in range(10)]
    like = Bin("host", 409.6, 128, 32)
    need = hosts_needed(loads, like)
    assert (need.lower_bound, need.found, need.gap_percent) == (2, 2, 0)
    assert slots(Room.of([like]), profile(8, 64)).tolist() == [6]
    three = [Bin(name, 409.6, 128, 32) for name in "abc"]
    placed = [Load(load.name, "abc"[i % 3], 64, 8.0) for i, load in enumerate(loads)]
    assert overall(list(failover_cases(three, placed, k=1))) == "pass"
    two = [Load(load.name, "ab"[i % 2], 64, 8.0) for i, load in enumerate(loads)]
    assert overall(list(failover_cases(three[:2], two, k=1))) == "fail"


def test_example_28_coverage_makes_it_medium() -> None:
    found = confidence(
        history_days=90, coverage_ratio=78 / 90, wape_30=8, stale=False, runway_days=60
    )
    assert found == "medium"


def test_example_29_wape() -> None:
    actual = np.array([100.0, 110, 120, 130])
    assert wape(actual, np.array([104.0, 108, 126, 128])) == pytest.approx(3.04, abs=0.005)


def test_example_35_no_guest_is_larger_than_its_host() -> None:
    large = Load("large", None, 1, 40.0)
    found_place = pack([large], [Bin("host", 512, 4 * 32, 32)])
    assert (found_place.verdict, found_place.unplaced) == ("fail", ("large",))
    assert slots(Room.of([Bin("host", 512, 4 * 32, 32)]), profile(40, 1)).tolist() == [0]
    assert hosts_needed([large], Bin("host", 512, 4 * 32, 32)).found is None


def test_example_37_the_lead_time_is_a_chain() -> None:
    lead = LeadTime(
        approval_days=30, tender_days=90, delivery_days=182, installation_days=21, safety_days=30
    )
    assert lead.days == 353
    way = Runway(None, None, 400, date(2027, 12, 31), "")
    assert ordered(way, lead.days).on == date(2027, 1, 12)


def test_example_45_one_host_has_no_ha() -> None:
    found_one = memory(512)
    assert (found_one.k, found_one.flags[0]) == (0, "no_ha")
    assert found_one.usable == pytest.approx(0.80 * 512)
    way = found(100, 0, found_one.usable)
    assert (
        status(way, ordered(way, 30), as_of=AS_OF, rules=RULES, critical_without_ha=True) == "act"
    )


def test_example_46_a_base_that_never_crosses() -> None:
    way = found(0, 0, 10, upper=0.5)
    assert (way.days, way.first_over) == (None, None)
    assert (way.conservative_days, way.conservative_first_over) == (20, date(2026, 12, 14))
    order = ordered(way, 5)
    assert order.on == date(2026, 12, 9)
    assert status(way, order, as_of=AS_OF, rules=RULES) == "act"
    assert ordered(way, 5, basis="base").on == date(2026, 12, 9)


def test_example_47_an_assumed_lead_does_not_shout() -> None:
    way = found(1000, 2.0, 1228.8, upper=2.8)
    order = ordered(way, LeadTime().days, confirmed=False)
    assert (order.lead_days, order.on, order.lead_assumed) == (314, date(2026, 4, 5), True)
    assert status(way, order, as_of=AS_OF, rules=RULES) == "overdue_if_assumed"


def test_example_48_a_project_alone_can_end_a_runway() -> None:
    added = np.zeros((1, 731))
    added[0, 30:] = 200
    crossing = first_passage(paths(0, 0.0), np.full((1, 731), 100.0), added)[0]
    way = runway(crossing, as_of=AS_OF, usable_now=100)
    assert (way.days, way.first_over) == (29, AS_OF + timedelta(days=30))
