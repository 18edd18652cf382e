"""A packing that is found is one; what is called impossible is."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.placement.failover import FailoverCase, failover_cases, overall
from planner.placement.packing import Bin, Load, Packing, pack
from small_clusters import GUEST, NAMES, clusters


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


TIED = st.tuples(st.none() | st.frozensets(st.sampled_from(NAMES)), st.sampled_from(["", "x", "y"]))


@st.composite
def tied_loads(draw: st.DrawFn) -> tuple[list[Bin], list[Load], list[Load]]:
    """A few hosts, some guests on them, and some to be placed that not every host may take."""
    hosts, running = draw(clusters())
    sizes = draw(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), TIED), max_size=5))
    loads = [
        Load(f"n{i}", None, memory, float(vcpus), only_on=only_on, apart=frozenset({group} - {""}))
        for i, (memory, vcpus, (only_on, group)) in enumerate(sizes)
    ]
    grouped = [replace(load, apart=frozenset({"x"})) for load in running[:1]]
    return hosts, [*grouped, *running[1:]], loads


def most_that_can_be_placed(hosts: list[Bin], running: list[Load], loads: list[Load]) -> int:
    """By trying every place, and none, for every load."""
    best, places = 0, [None, *(host.name for host in hosts)]
    left = free(hosts, running, ())
    for chosen in product(places, repeat=len(loads)):
        placed = [(load, place) for load, place in zip(loads, chosen, strict=True) if place]
        if len(placed) > best and is_allowed(placed, running) and holds(left, placed):
            best = len(placed)
    return best


def is_allowed(placed: list[tuple[Load, str]], running: list[Load]) -> bool:
    if any(load.only_on is not None and place not in load.only_on for load, place in placed):
        return False
    here = [(group, load.host) for load in running for group in load.apart]
    there = [(group, place) for load, place in placed for group in load.apart]
    return len({*here, *there}) == len(here) + len(there)


@settings(max_examples=200)
@given(tied_loads())
def test_ties_are_kept_and_no_packing_beats_the_bound(
    case: tuple[list[Bin], list[Load], list[Load]],
) -> None:
    hosts, running, loads = case
    found: Packing = pack(loads, hosts, running)
    by_name = {load.name: load for load in loads}
    placed = [(by_name[name], place) for name, place in found.placed]
    assert is_allowed(placed, running)
    assert holds(free(hosts, running, ()), placed)
    assert sorted([*found.unplaced, *(load.name for load, _place in placed)]) == sorted(by_name)
    most = most_that_can_be_placed(hosts, running, loads)
    assert found.lower_bound <= len(loads) - most <= len(found.unplaced)
    assert (found.verdict == "pass") == (most == len(loads))
    assert found.verdict in ("pass", "fail")  # these are small enough to be searched through


@given(clusters())
def test_behind_every_fail_stands_a_number_that_must_stay_down(
    cluster: tuple[list[Bin], list[Load]],
) -> None:
    for case in failover_cases(*cluster, k=1):
        assert (case.at_least > 0) == (case.verdict == "fail")
        assert case.at_least <= len(case.stays_down)
        assert case.stays_down or case.smallest_change == ""


@given(clusters(), st.data())
def test_the_order_of_hosts_and_guests_changes_no_verdict(
    cluster: tuple[list[Bin], list[Load]], data: st.DataObject
) -> None:
    hosts, loads = cluster
    shuffled = data.draw(st.permutations(hosts)), data.draw(st.permutations(loads))
    one, other = list(failover_cases(hosts, loads, k=1)), list(failover_cases(*shuffled, k=1))
    assert [(c.lost, c.verdict, c.at_least) for c in one] == [
        (c.lost, c.verdict, c.at_least) for c in other
    ]


@st.composite
def companions(draw: st.DrawFn) -> tuple[list[Bin], list[Load]]:
    """A cluster some of whose guests a rule keeps together."""
    hosts, loads = draw(clusters())
    groups = draw(st.lists(st.sampled_from(["", "x", "y"]), min_size=len(loads), max_size=7))
    return hosts, [
        replace(load, together=frozenset({group} - {""}))
        for load, group in zip(loads, groups, strict=False)
    ]


def stays_together(placed: list[tuple[Load, str]], staying: list[Load]) -> bool:
    """Who moves joins those of its group that need not, and goes where the others go."""
    hosts: dict[str, set[str | None]] = {}
    for load, place in placed:
        for group in load.together:
            hosts.setdefault(group, set()).add(place)
    homes = {g: {load.host for load in staying if g in load.together} for g in hosts}
    return all(len(places) == 1 and places <= (homes[g] or places) for g, places in hosts.items())


@settings(max_examples=300)
@given(companions())
def test_guests_that_must_share_a_host_are_placed_together_or_not_at_all(
    cluster: tuple[list[Bin], list[Load]],
) -> None:
    hosts, loads = cluster
    for case in failover_cases(hosts, loads, k=1):
        moving, left = moving_in(case, loads), free(hosts, loads, case.lost)
        names = {host.name for host in hosts}
        staying = [load for load in loads if load.host in names - set(case.lost)]
        placed = [(moving[name], place) for name, place in case.placed]
        assert stays_together(placed, staying)
        assert holds(left, placed)
        possible = any(
            holds(left, chosen) and stays_together(chosen, staying)
            for places in product(left, repeat=len(moving))
            if (chosen := list(zip(moving.values(), places, strict=True))) is not None
        )
        assert (case.verdict == "pass") == possible
        assert case.verdict in ("pass", "fail")
