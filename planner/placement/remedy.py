"""The smallest change after which every guest of a lost host finds a place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.numbers import ceil
from planner.placement.packing import Load, Packing, Room

GIB = 1024**3
_MOST_HOSTS = 5  # that are tried with more memory, the emptiest first
_MOST_GUESTS = 20  # that are tried stopped, the smallest first


@dataclass(frozen=True, slots=True)
class _Change:
    bytes: float
    text: str


def smallest_change(
    room: Room, moving: Sequence[Load], staying: Sequence[Load], found: Packing
) -> str:
    """What would let all fit, in words: the least hardware, or the least from guests; "" if none.

    ``room`` is what the survivors have left before the packing that was ``found``. What the
    packing placed stays where it is, so a smaller change may exist; this one is enough.
    """
    after, waiting = _after(room, moving, found)
    tied = [load for load in waiting if not (after.open & after.allowed(load.only_on)).any()]
    if tied:
        return _untie(tied)
    choices = (
        min(_more_hardware(after, waiting), key=_size, default=None),
        min(
            (*_shrunk(after, waiting), *_stopped(after, waiting, staying)), key=_size, default=None
        ),
    )
    return ", or ".join(choice.text for choice in choices if choice is not None)


def _size(change: _Change) -> tuple[float, str]:
    return (change.bytes, change.text)


def _after(room: Room, moving: Sequence[Load], found: Packing) -> tuple[Room, list[Load]]:
    """The room once the packing stands, and the loads that wait, the largest first."""
    after, places = room.copy(), dict(found.placed)
    for load in moving:
        if load.name in places:
            after.put(load, after.index[places[load.name]])
    waiting = [load for load in moving if load.name not in places]
    return after, sorted(waiting, key=lambda load: (-load.memory, load.name))


def _untie(tied: Sequence[Load]) -> str:
    load = tied[0]
    more = f", and {len(tied) - 1} more" if len(tied) > 1 else ""
    return f"let {load.name} run elsewhere: it {load.tie or 'has no other host'}{more}"


def _fit(room: Room, loads: Sequence[Load]) -> bool:
    """Whether the loads find a place one after the other."""
    free = room.copy()
    for load in loads:
        able = free.able(load)
        if not able.any():
            return False
        free.put(load, int(np.where(able, free.memory, np.inf).argmin()))
    return True


def _more_hardware(after: Room, waiting: Sequence[Load]) -> Iterator[_Change]:
    """More memory, and vCPUs where they lack too, on one of the hosts that are left."""
    memory, vcpus = sum(load.memory for load in waiting), sum(load.processors for load in waiting)
    for i in np.argsort(-np.where(after.open, after.memory, -np.inf))[:_MOST_HOSTS]:
        if not after.open[i]:
            continue
        more_gib = max(0, ceil((memory - after.memory[i]) / GIB))
        more_vcpus = max(0, ceil(vcpus - after.vcpus[i]))
        grown = after.copy()
        grown.memory[i] += more_gib * GIB
        grown.vcpus[i] += more_vcpus
        if more_gib + more_vcpus and _fit(grown, waiting):
            parts = [f"{more_gib} GiB more memory"] * bool(more_gib)
            parts += [f"room for {more_vcpus} more vCPUs"] * bool(more_vcpus)
            yield _Change(more_gib * GIB, f"{' and '.join(parts)} on {after.names[i]}")


def _shrunk(after: Room, waiting: Sequence[Load]) -> Iterator[_Change]:
    """The one that waits, made as small as the largest gap that can take it."""
    if len(waiting) != 1:
        return
    [load] = waiting
    able = after.able(replace(load, memory_bytes=0))
    if not able.any():
        return
    gap = float(np.where(able, after.memory, -np.inf).max())
    less = ceil((load.memory - gap) / GIB)
    if 0 < less * GIB < load.memory:
        yield _Change(less * GIB, f"{load.name} shrunk by {less} GiB")


def _stopped(after: Room, waiting: Sequence[Load], staying: Sequence[Load]) -> Iterator[_Change]:
    """A guest on a survivor that is stopped, and no more critical than those that wait."""
    rank, least = min(load.rank for load in waiting), min(load.memory for load in waiting)
    willing = [
        load
        for load in staying
        if load.rank >= rank and least <= load.memory + after.memory[after.index[load.host]]
    ]
    smallest = sorted(willing, key=lambda load: (load.memory, -load.rank, load.name))
    for load in smallest[:_MOST_GUESTS]:
        freed = after.copy()
        freed.put(load, freed.index[load.host], sign=-1)
        if load.memory > 0 and _fit(freed, waiting):
            size = load.memory / GIB
            yield _Change(load.memory, f"{load.name} ({size:,.0f} GiB) stopped on {load.host}")
            return
