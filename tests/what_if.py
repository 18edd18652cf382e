"""A small site whose scenarios are easy to check by hand, for tests of what-if."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from estates import NOW, days, estate
from inventory.versions import AllocationVersion
from planner.answers import Answer, PoolAnswer
from planner.past import Past
from planner.scenario.changes import Change, Scenario
from planner.scenario.outcome import Outcome, outcome_of
from planner.scenario.world import Base
from stored import GIB, JAKARTA, datastore, disk, guest, host

MEMORY_NOW, MEMORY_PER_DAY = 800.0, 1.0  # GiB used, of 4 × 512


def site(
    *,
    hosts: int = 4,
    guests: int = 40,
    per_day: float = MEMORY_PER_DAY,
    owners: dict[str, Any] | None = None,
    policy: dict[str, Any] | None = None,
    history: bool = True,
    guest_memory: int | None = 24 * GIB,
    memory_now: float = MEMORY_NOW,
    more: Iterable[Any] = (),
) -> Base:
    """Cluster c with guests of 4 vCPUs / 24 GiB / 40 GiB, spread evenly, and a shared san."""
    records: list[Any] = [host(f"h{i}") for i in range(hosts)]
    for i in range(guests):
        records.append(
            guest(f"{100 + i}", name=f"web-{i}", host_id=f"h{i % hosts}", vcpus=4.0,
                  memory_bytes=guest_memory)
        )  # fmt: skip
        records.append(disk(f"{100 + i}"))
    records += [datastore("san", used_bytes=1000 * GIB), *more]
    place = estate(*records, owners=owners, policy=policy)
    memory = [(memory_now - per_day * (180 - i)) * GIB for i in range(180)]
    key = next(fact.entity_key for fact in place.datastores if fact.record.name == "san")
    polls = [NOW - timedelta(days=n) for n in range(180 if history else 0)]
    held = {("c", "cpu"): 4.0, ("c", "memory"): float(24 * GIB), ("c", "san"): float(40 * GIB)}
    past = Past(
        polls={"site": tuple(polls)},
        allocations=tuple(
            AllocationVersion(pool, guests * size, polls[-1], None)
            for pool, size in held.items()
            if polls
        ),
        cluster_days={
            ("c", "memory"): days(memory if history else []),
            ("c", "cpu"): days([20.0] * 180 if history else []),
        },
        datastore_days={(key or 0, "storage"): days([1000.0 * GIB] * 180 if history else [])},
    )
    return Base.of(place, past, JAKARTA)


def what_if(base: Base, *changes: dict[str, Any], name: str = "test") -> Outcome:
    told = tuple(Change.model_validate(change) for change in changes)
    return outcome_of(base, Scenario(name=name, changes=told))


def line(outcome: Outcome, resource: str, model: str, pool: str = "c") -> Answer:
    """The answer of one pool, resource and model."""
    [found] = [
        answer
        for each in outcome.answers
        for answer in each.answers
        if (each.pool.name, answer.question.resource, answer.question.model)
        == (pool, resource, model)
    ]
    return found


def figures(answers: Iterable[PoolAnswer]) -> list[tuple[Any, ...]]:
    """Everything that a scenario is compared by, without what names its guests."""
    return [
        (
            answer.question.key,
            answer.headroom,
            answer.demand,
            answer.usable,
            answer.runway,
            answer.order,
            answer.status,
            pool.failover,
            len(pool.stays_down),
        )
        for pool in answers
        for answer in pool.answers
    ]
