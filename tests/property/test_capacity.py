"""More hosts never carry less, a larger reserve never more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from planner.capacity import HostShare, cluster_capacity, datastore_capacity

SIZE = st.integers(0, 4096).map(float)
RESERVE = st.none() | st.integers(0, 64).map(float)
HOST = st.builds(lambda size, reserve: HostShare("h", size, reserve), SIZE, RESERVE)
FACTOR = st.floats(0.1, 8)


@given(st.lists(HOST, min_size=1, max_size=8), HOST, st.integers(0, 4), FACTOR)
def test_one_host_more_never_lowers_what_is_usable(
    hosts: list[HostShare], more: HostShare, k: int, factor: float
) -> None:
    if len(hosts) > k:  # else it is the first host that something can be reserved from
        before = cluster_capacity(hosts, k=k, factor=factor).usable
        after = cluster_capacity([*hosts, more], k=k, factor=factor).usable
        assert before is not None
        assert after is not None
        assert after >= before * (1 - 1e-12)


@given(st.lists(HOST, min_size=2, max_size=8), st.data(), FACTOR)
def test_a_larger_k_never_raises_what_is_usable(
    hosts: list[HostShare], data: st.DataObject, factor: float
) -> None:
    k = data.draw(st.integers(0, len(hosts) - 2))
    less = cluster_capacity(hosts, k=k, factor=factor).usable
    more = cluster_capacity(hosts, k=k + 1, factor=factor).usable
    assert less is not None
    assert more is not None
    assert more <= less * (1 + 1e-12)


@given(st.lists(HOST, min_size=1, max_size=8), st.integers(0, 4), FACTOR)
def test_the_parts_add_up(hosts: list[HostShare], k: int, factor: float) -> None:
    found = cluster_capacity(hosts, k=k, factor=factor)
    effective = sorted((host.effective or 0.0) for host in hosts)
    assert found.raw == sum(host.capacity or 0.0 for host in hosts)
    assert found.raw - (found.host_reserve or 0.0) == sum(effective)
    assert found.failover == sum(effective[: len(hosts) - found.k])
    assert found.effective == sum(effective)
    assert ("no_ha" in found.flags) == (k >= len(hosts))


@given(st.lists(HOST, max_size=6), st.integers(0, 6), st.integers(0, 3))
def test_one_unknown_host_makes_the_whole_not_known(
    hosts: list[HostShare], place: int, k: int
) -> None:
    blind = HostShare("blind", None)
    found = cluster_capacity([*hosts[:place], blind, *hosts[place:]], k=k, factor=0.8)
    assert (found.usable, found.raw, found.unknown) == (None, None, ("blind",))
    assert "capacity_unknown" in found.flags


@given(SIZE, FACTOR)
def test_a_datastore_reserves_nothing_for_a_failure(size: float, factor: float) -> None:
    found = datastore_capacity(size, factor=factor)
    assert (found.usable, found.k, found.ha_reserve) == (factor * size, 0, 0)
