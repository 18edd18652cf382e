"""Where to put one more guest: the hosts of a cluster, the best first, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from planner.estate import Estate
from planner.hosting import bins_of, loads_of, planned_hosts
from planner.placement.failover import failover_cases, overall
from planner.placement.fit import Profile, slots
from planner.placement.packing import WORST_FIRST, Bin, Load, Room, Verdict
from planner.pools import GIB, Pool
from planner.scenario.settling import room_of
from planner.usable import capacity_of, limits_of

_MOST_TESTED = 8  # hosts for which every failure is packed again


@dataclass(frozen=True, slots=True)
class HostChoice:
    """A host for one more guest. ``room_ratio``: the length (L2) of the free shares of memory
    and vCPUs once it is there; ``takes``: how many such guests; ``failover`` with one there."""

    host: str
    takes: int | None
    memory_left_gib: float
    vcpus_left: float
    room_ratio: float
    failover: Verdict


def ranked_hosts(estate: Estate, pool: Pool, profile: Profile) -> tuple[HostChoice, ...]:
    """The hosts that take one: those that survive every failure first, then by what is left."""
    bins, loads, hosts = bins_of(pool, estate.policy), loads_of(estate, pool), planned_hosts(pool)
    room = room_of(bins, loads, estate.policy)
    new = Load("new", None, round(profile.memory_bytes), profile.vcpus)
    roomy = sorted(_roomy(room, new, profile), key=lambda c: (-c.room_ratio, c.host))
    away = len(hosts) - len(bins)
    k = capacity_of(pool, "memory", "demand", limits_of(estate, pool)).k
    tested = [
        replace(choice, failover=_failover(bins, loads, replace(new, host=choice.host), k, away))
        for choice in roomy[:_MOST_TESTED]
    ]
    return tuple(sorted(tested, key=lambda c: -WORST_FIRST.index(c.failover)))


def _roomy(room: Room, new: Load, profile: Profile) -> Iterator[HostChoice]:
    counts = slots(room, profile)
    whole_memory = max(1.0, float(room.memory.max(initial=0.0)))
    whole_vcpus = max(1.0, float(room.vcpus.max(initial=0.0)))
    for i in map(int, np.flatnonzero(room.able(new))):
        memory, vcpus = float(room.memory[i]) - new.memory, float(room.vcpus[i]) - new.processors
        yield HostChoice(
            host=room.names[i],
            takes=int(counts[i]),
            memory_left_gib=memory / GIB,
            vcpus_left=vcpus,
            room_ratio=float(np.hypot(memory / whole_memory, vcpus / whole_vcpus)),
            failover="unproven",
        )


def _failover(
    bins: tuple[Bin, ...], loads: tuple[Load, ...], new: Load, k: int, away: int
) -> Verdict:
    return overall(failover_cases(bins, [*loads, new], k=k, others=away))
