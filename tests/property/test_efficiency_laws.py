"""Laws of what is not used: nothing counted twice, unknown stays unknown, the bill is the cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estates import AS_OF, NOW, answers, estate
from inventory.guest_days import GuestDay
from inventory.records import GuestSnapshot, Record
from inventory.sketch import CPU_UNIT, MEMORY_UNIT, sketch_of
from planner.efficiency.answer import Efficiency, efficiency_of
from planner.efficiency.showback import rates_of, showback_rows
from planner.efficiency.sizing import one_round, vcpus_needed
from planner.estate import Estate
from stored import GIB, datastore, disk, guest, host

SIZES = st.sampled_from([1, 2, 3, 4, 6, 8, 16])
GUEST = st.fixed_dictionaries(
    {
        "power": st.sampled_from(["running", "stopped", "paused"]),
        "vcpus": SIZES.map(float),
        "memory_bytes": SIZES.map(lambda n: n * GIB),
        "ballooning": st.sampled_from([True, False, None]),
        "tags": st.sampled_from([(), ("opd.setda",), ("opd.dinkes",)]),
    }
)
USE = st.sampled_from([None, 0.0, 0.01, 0.5, 1.9, 3.5])
GUESTS = st.lists(st.tuples(GUEST, USE, st.integers(0, 60)), min_size=1, max_size=5)


def used(level: float | None) -> tuple[GuestDay, ...]:
    if level is None:
        return ()
    cpu = sketch_of(np.full(288, level), CPU_UNIT)
    memory = sketch_of(np.full(288, level * GIB), MEMORY_UNIT)
    return tuple(GuestDay(AS_OF - timedelta(days=i), cpu, memory, 10.0, 10.0) for i in range(1, 31))


def site(drawn: Sequence[tuple[dict[str, Any], float | None, int]], **more: Any) -> Estate:
    records: list[Record] = [host("h1"), host("h2"), datastore()]
    for number, (values, _level, age) in enumerate(drawn):
        name = str(100 + number)
        records.append(guest(name, **values))
        records.append(disk(name, allocated_bytes=30 * GIB))
        made = NOW - timedelta(days=age)
        records.append(
            GuestSnapshot(guest_id=name, cluster="c", name="s", created_at=made, bytes=10 * GIB)
        )
    return estate(*records, **more)


def judged(place: Estate, drawn: Sequence[tuple[dict[str, Any], float | None, int]]) -> Efficiency:
    keys = {view.guest.guest_id: view.fact.entity_key or 0 for view in place.guests}
    levels = {keys[str(100 + i)]: used(level) for i, (_v, level, _a) in enumerate(drawn)}
    since = {keys[str(100 + i)]: NOW - timedelta(days=age) for i, (*_, age) in enumerate(drawn)}
    return efficiency_of(place, levels, since)


@given(drawn=GUESTS)
def test_no_guest_gives_back_more_than_it_holds_and_nothing_twice(
    drawn: list[tuple[dict[str, Any], float | None, int]],
) -> None:
    place = site(drawn)
    found = judged(place, drawn)
    assert len({claim.key for claim in found.claims}) == len(found.claims)
    for view in place.guests:
        claims = found.of_guest(view.key)
        runs = bool(view.is_powered_on)
        assert sum(c.vcpus for c in claims) <= (view.guest.vcpus or 0) * runs
        assert sum(c.memory_bytes for c in claims) <= (view.guest.memory_bytes or 0) * runs
        assert sum(c.storage_bytes or 0 for c in claims) <= 30 * GIB  # snapshots are part of it
    for pool in answers(place):
        for resource in ("cpu", "memory"):
            if pool.pool.kind == "cluster":
                total = found.reclaimable(place, pool.pool, resource, "allocation").amount or 0
                each = sum(c.frees(resource, "allocation") or 0 for c in found.claims)
                assert total == each


@given(drawn=GUESTS)
def test_without_any_use_known_nothing_of_cores_or_memory_is_claimed(
    drawn: list[tuple[dict[str, Any], float | None, int]],
) -> None:
    unseen = [(values, None, age) for values, _level, age in drawn]
    found = judged(site(unseen), unseen)
    assert {c.reclaim_class for c in found.claims} <= {"powered_off", "old_snapshot"}
    running = [values for values, *_ in unseen if values["power"] == "running"]
    assert len({item.guest for item in found.unjudged if item.guest}) >= len(running)


@given(has=st.integers(1, 256), cores=st.floats(0, 256))
def test_rounds_end_at_what_is_needed_and_never_halve_more_than_once(
    has: int, cores: float
) -> None:
    needed, size = vcpus_needed(cores, 0.7), float(has)
    assert needed * 0.7 >= cores * (1 - 1e-6)
    for _round in range(10):
        if needed >= size:
            break
        smaller = one_round(size, needed, 1.0)
        assert needed <= smaller < size
        assert smaller >= size / 2
        size = smaller
    assert size <= max(needed, has)


@given(
    drawn=GUESTS,
    cost=st.floats(0, 1e9),
    parts=st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(1, 4)),
    by=st.sampled_from(["agency", "service", "guest"]),
)
def test_the_rows_of_a_cluster_sum_to_its_cost(
    drawn: list[tuple[dict[str, Any], float | None, int]],
    cost: float,
    parts: tuple[int, int, int],
    by: Any,
) -> None:
    whole = sum(parts)
    card = {
        "cost_month": cost,
        "cpu_ratio": parts[0] / whole,
        "memory_ratio": parts[1] / whole,
        "storage_ratio": 1 - (parts[0] + parts[1]) / whole,
    }
    place = site(drawn, policy={"showback": {"clusters": {"c": card}}})
    rates = rates_of(place, answers(place))
    rows = showback_rows(place, rates, judged(place, drawn).claims, by)
    assert sum(row.cost_month for row in rows) == pytest.approx(cost, abs=1e-3)
    assert [row.kind for row in rows][-1] == "unallocated"
    assert sum(row.guests for row in rows) == len(drawn)
