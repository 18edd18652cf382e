"""How many more fit: against trying everything, and what may never happen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.placement.failover import FailoverTest, failover_cases
from planner.placement.fit import (
    Fit,
    Limit,
    Profile,
    fit,
    host_limits,
    hosts_needed,
    slots,
)
from planner.placement.packing import Bin, Load, Room
from small_clusters import clusters

PROFILE = st.builds(
    Profile,
    st.just("p"),
    st.integers(1, 4).map(float),
    st.integers(1, 6).map(float),
    st.just(0.0),
)
COUNT = st.none() | st.integers(0, 9)
Cluster = tuple[list[Bin], list[Load]]


def found(hosts: list[Bin], loads: list[Load], profile: Profile, *, k: int = 1) -> Fit:
    """The fit by hosts alone, with every failure of k hosts packed again."""
    room = Room.of(hosts, loads)
    return fit(profile, host_limits(room, profile, k=k), room, survivors(hosts, loads, k))


def survivors(hosts: list[Bin], loads: list[Load], k: int) -> Iterator[Room]:
    room = Room.of(hosts, loads)
    for case in failover_cases(hosts, loads, k=k):
        moving = {load.name: load for load in loads if load.host in case.lost}
        left = room.without(case.lost, list(moving.values()))
        for name, host in case.placed:
            left.put(moving[name], left.index[host])
        yield left


def new_on(hosts: list[Bin], counts: tuple[int, ...], profile: Profile) -> list[Load]:
    return [
        Load(f"new {host.name} {n}", host.name, int(profile.memory_bytes), profile.vcpus)
        for host, count in zip(hosts, counts, strict=True)
        for n in range(count)
    ]


def distributions(hosts: list[Bin], loads: list[Load], profile: Profile) -> list[tuple[int, ...]]:
    """Every way to put new guests on the hosts as long as each host can carry its own."""
    most = slots(Room.of(hosts, loads), profile).tolist()
    return list(product(*(range(count + 1) for count in most)))


@settings(max_examples=200)
@given(clusters(), PROFILE)
def test_the_count_is_what_trying_everything_finds(cluster: Cluster, profile: Profile) -> None:
    """New guests host by host, all of which survive beside what the survivors run today."""
    hosts, loads = cluster
    most = slots(Room.of(hosts, loads), profile).tolist()
    best = 0
    for counts in distributions(hosts, loads, profile):
        total = sum(counts)
        left = [sum(most) - most[lost] for lost in range(len(hosts))]  # slots without one host
        if all(total <= room for room in left):
            best = max(best, total)
    assert found(hosts, loads, profile).count == best


@settings(max_examples=100)
@given(clusters(), PROFILE)
def test_what_is_called_proven_is(cluster: Cluster, profile: Profile) -> None:
    """So many can be placed that no failure leaves more guests down than it does today."""
    hosts, loads = cluster
    bound = found(hosts, loads, profile).lower_bound
    assert bound is not None
    today = {case.lost: len(case.stays_down) for case in failover_cases(hosts, loads, k=1)}
    for counts in distributions(hosts, loads, profile):
        if sum(counts) != bound:
            continue
        both = [*loads, *new_on(hosts, counts, profile)]
        cases = failover_cases(hosts, both, k=1)
        if all(case.at_least <= today[case.lost] for case in cases):
            return
    raise AssertionError(f"no way to place {bound}")


@given(clusters(), PROFILE)
def test_the_lower_bound_the_count_and_the_pooled_estimate_are_in_order(
    cluster: Cluster, profile: Profile
) -> None:
    one = found(*cluster, profile)
    assert one.lower_bound is not None
    assert one.count is not None
    assert one.pooled is not None
    assert one.lower_bound <= one.count <= one.pooled
    assert sum(count for _host, count in one.where) == one.count


@given(clusters(), PROFILE, st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 6)))
def test_one_more_host_never_lowers_it(
    cluster: Cluster, profile: Profile, more: tuple[int, int, int]
) -> None:
    hosts, loads = cluster
    grown = [*hosts, Bin("new", *map(float, more))]
    before, after = found(hosts, loads, profile).count, found(grown, loads, profile).count
    assert before is not None
    assert after is not None
    assert after >= before


@given(clusters(), PROFILE, st.integers(0, 5), st.integers(0, 5))
def test_more_demand_never_raises_it(
    cluster: Cluster, profile: Profile, memory: int, vcpus: int
) -> None:
    hosts, loads = cluster
    fuller = [*loads, Load("more", hosts[0].name, memory, float(vcpus))]
    before, after = found(hosts, loads, profile).count, found(hosts, fuller, profile).count
    assert before is not None
    assert after is not None
    assert after <= before


@given(clusters(), PROFILE, st.integers(0, 2))
def test_a_larger_k_never_raises_it(cluster: Cluster, profile: Profile, k: int) -> None:
    room = Room.of(*cluster)
    least = [min(limit.count or 0 for limit in host_limits(room, profile, k=n)) for n in (k, k + 1)]
    assert least[1] <= least[0]


@given(st.lists(COUNT, min_size=1, max_size=5), PROFILE)
def test_while_a_limit_is_not_known_the_answer_is_not(
    counts: list[int | None], profile: Profile
) -> None:
    limits = [Limit(f"l{i}", count, count) for i, count in enumerate(counts)]
    one = fit(profile, limits, None, None)
    known = [count for count in counts if count is not None]
    if 0 in known:
        assert one.count == 0
    elif None in counts:
        assert one.count is None
        assert "not known" in one.binding
    else:
        assert one.count == min(known)
    assert one.pooled == min(known, default=None)
    assert one.lower_bound is None  # nothing was packed


GUESTS = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), max_size=7)


@settings(max_examples=200)
@given(GUESTS)
def test_the_hosts_found_are_enough_and_never_below_the_bound(
    sizes: list[tuple[int, int]],
) -> None:
    loads = [Load(f"g{i}", None, m, float(v)) for i, (m, v) in enumerate(sizes)]
    need = hosts_needed(loads, Bin("like", 8.0, 8.0, 8.0))
    assert need.found is not None
    assert need.lower_bound <= need.found <= len(loads)
    enough = [Bin(f"b{i}", 8.0, 8.0, 8.0) for i in range(need.found)]
    away = [Load(load.name, "away", load.memory_bytes, load.vcpus) for load in loads]
    case = FailoverTest([*enough, Bin("away", 99.0, 99.0, 99.0)], away).case(["away"])
    assert case.verdict == "pass"


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(0, 30))
def test_new_guests_are_spread_evenly(most: list[int], wanted: int) -> None:
    hosts = [Bin(f"h{i}", float(count), 99.0, 99.0) for i, count in enumerate(most)]
    room, one = Room.of(hosts), Profile("p", 1.0, 1.0, 0.0)
    total = min(wanted, sum(most))
    where = dict(fit(one, [Limit("wish", total, total)], room, None).where)
    placed = np.array([where.get(host.name, 0) for host in hosts])
    assert placed.sum() == total
    assert (placed <= most).all()
    below = [n for n, count in zip(placed, most, strict=True) if n < count]
    assert not below or placed.max() - min(below) <= 1
