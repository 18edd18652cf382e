"""A packing that is found is one; what is called impossible is."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.placement.failover import FailoverCase, failover_cases, overall
from planner.placement.packing import Bin, Load

NAMES = ("A", "B", "C", "D")
HOST = st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 6))
GUEST = st.tuples(st.sampled_from(NAMES), st.integers(0, 7), st.integers(0, 7))


@st.composite
def clusters(draw: st.DrawFn) -> tuple[list[Bin], list[Load]]:
    """Up to four hosts and seven guests, small enough to try everything."""
    sizes = draw(st.lists(HOST, min_size=2, max_size=4))
    hosts = [
        Bin(name, float(memory), float(vcpus), float(cores))
        for name, (memory, vcpus, cores) in zip(NAMES, sizes, strict=False)
    ]
    guests = draw(st.lists(GUEST, max_size=7))
    loads = [
        Load(f"g{i}", place, memory, float(vcpus))
        for i, (place, memory, vcpus) in enumerate(guests)
    ]
    return hosts, loads


def free(hosts: list[Bin], loads: list[Load], lost: tuple[str, ...]) -> dict[str, list[float]]:
    """What each survivor has left: memory, vCPUs, and the largest guest it can run."""
    left = {host.name: [host.memory_bytes, host.vcpus, host.cpu_cores] for host in hosts}
    left = {name: amounts for name, amounts in left.items() if name not in lost}
    for load in loads:
        if load.host in left:
            left[load.host][0] -= load.memory_bytes or 0
            left[load.host][1] -= load.vcpus or 0
    return left


def holds(left: dict[str, list[float]], placed: list[tuple[Load, str]]) -> bool:
    """Whether no host carries more than it has left, and no guest is larger than its host."""
    for name, (memory, vcpus, cores) in left.items():
        here = [load for load, place in placed if place == name]
        if not here:
            continue
        if sum(load.memory_bytes or 0 for load in here) > memory:
            return False
        if sum(load.vcpus or 0 for load in here) > vcpus:
            return False
        if any((load.vcpus or 0) > cores for load in here):
            return False
    return True


def can_be_packed(left: dict[str, list[float]], moving: list[Load]) -> bool:
    return any(
        holds(left, list(zip(moving, places, strict=True)))
        for places in product(left, repeat=len(moving))
    )


def moving_in(case: FailoverCase, loads: list[Load]) -> dict[str, Load]:
    return {load.name: load for load in loads if load.host in case.lost}


@settings(max_examples=300)
@given(clusters(), st.integers(1, 2))
def test_a_pass_is_a_packing_and_a_fail_has_none(
    cluster: tuple[list[Bin], list[Load]], k: int
) -> None:
    hosts, loads = cluster
    for case in failover_cases(hosts, loads, k=k):
        moving, left = moving_in(case, loads), free(hosts, loads, case.lost)
        if case.verdict == "pass":
            assert sorted(name for name, _place in case.placed) == sorted(moving)
            assert holds(left, [(moving[name], place) for name, place in case.placed])
            assert case.stays_down == ()
        else:
            assert case.verdict == "fail"  # these are small enough to be searched through
            assert not can_be_packed(left, list(moving.values()))


@given(clusters())
def test_what_stays_down_and_what_is_placed_are_all_that_moved(
    cluster: tuple[list[Bin], list[Load]],
) -> None:
    hosts, loads = cluster
    for case in failover_cases(hosts, loads, k=1):
        moving, left = moving_in(case, loads), free(hosts, loads, case.lost)
        placed = [name for name, _place in case.placed]
        assert sorted([*placed, *case.stays_down]) == sorted(moving)
        assert holds(left, [(moving[name], place) for name, place in case.placed])


@given(clusters(), st.integers(1, 2))
def test_every_set_of_lost_hosts_is_tried(cluster: tuple[list[Bin], list[Load]], k: int) -> None:
    hosts, loads = cluster
    cases = list(failover_cases(hosts, loads, k=k))
    names = sorted(host.name for host in hosts)
    assert len({case.lost for case in cases}) == len(cases)
    assert sorted({name for case in cases for name in case.lost}) == names
    assert {len(case.lost) for case in cases} == {k}
    assert (overall(cases) == "pass") == all(case.verdict == "pass" for case in cases)


@given(clusters(), st.sampled_from(["memory_bytes", "vcpus"]))
def test_a_guest_of_unknown_size_leaves_it_unproven(
    cluster: tuple[list[Bin], list[Load]], unknown: str
) -> None:
    hosts, loads = cluster
    sizes = {"memory_bytes": 1, "vcpus": 1.0} | {unknown: None}
    blind = Load("blind", "A", **sizes)  # type: ignore[arg-type]
    for case in failover_cases(hosts, [*loads, blind], k=1):
        assert case.verdict == "unproven"
        assert "size not known of blind" in case.why


@given(st.lists(GUEST, max_size=5))
def test_a_single_host_is_not_tested(guests: list[tuple[str, int, int]]) -> None:
    loads = [Load(f"g{i}", "A", m, float(v)) for i, (_place, m, v) in enumerate(guests)]
    assert overall(list(failover_cases([Bin("A", 9, 9, 9)], loads, k=1))) == "not_applicable"
