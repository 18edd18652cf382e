"""A tier that asks for more never leaves more."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from estates import estate
from inventory.records import Guest, Host
from planner.pools import pools_of
from planner.usable import capacity_of, limits_of

GIB = 1024**3
SIZES = st.lists(st.integers(1, 512), min_size=1, max_size=5)
CRITICALITIES = st.lists(st.none() | st.integers(1, 4), max_size=6)
SHARES = st.sampled_from([0.1, 0.5, 0.75, 0.8, 1.0])
TIERS = st.dictionaries(
    st.sampled_from(["1", "2", "3", "4"]),
    st.fixed_dictionaries(
        {}, optional={"failover_hosts": st.integers(0, 5),
                      "threshold": st.fixed_dictionaries({"memory": SHARES})}
    ),
)  # fmt: skip


def usable(sizes: list[int], crits: list[int | None], tiers: dict[str, Any]) -> float:
    hosts = [
        Host(host_id=f"h{i}", name=f"h{i}", cluster="c", cpu_cores=8, memory_bytes=size * GIB)
        for i, size in enumerate(sizes)
    ]
    guests = [
        Guest(guest_id=f"g{i}", cluster="c", host_id="h0", power="running",
              tags=() if crit is None else (f"crit.{crit}",))
        for i, crit in enumerate(crits)
    ]  # fmt: skip
    where = estate(*hosts, *guests, policy={"tiers": tiers})
    [pool] = pools_of(where)
    found = capacity_of(pool, "memory", "demand", limits_of(where, pool)).usable
    assert found is not None
    return found


@given(SIZES, CRITICALITIES, TIERS, st.sampled_from(["1", "2", "3", "4"]), st.integers(0, 4))
def test_a_tier_with_a_larger_k_never_raises_what_is_usable(
    sizes: list[int], crits: list[int | None], tiers: dict[str, Any], tier: str, k: int
) -> None:
    def with_k(hosts: int) -> float:
        return usable(sizes, crits, tiers | {tier: tiers.get(tier, {}) | {"failover_hosts": hosts}})

    assert with_k(k + 1) <= with_k(k)


@given(SIZES, CRITICALITIES, TIERS, st.sampled_from(["1", "2", "3", "4"]), SHARES, SHARES)
def test_a_tier_with_a_lower_threshold_never_raises_what_is_usable(
    sizes: list[int], crits: list[int | None], tiers: dict[str, Any], tier: str, a: float, b: float
) -> None:
    def with_share(share: float) -> float:
        own = tiers.get(tier, {}) | {"threshold": {"memory": share}}
        return usable(sizes, crits, tiers | {tier: own})

    assert with_share(min(a, b)) <= with_share(max(a, b))


@given(SIZES, CRITICALITIES, TIERS)
def test_tiers_of_guests_that_are_not_there_change_nothing(
    sizes: list[int], crits: list[int | None], tiers: dict[str, Any]
) -> None:
    absent = {name: tier for name, tier in tiers.items() if int(name) not in crits}
    assert usable(sizes, crits, absent) == usable(sizes, crits, {})
