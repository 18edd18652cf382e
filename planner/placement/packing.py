"""One packing of guests onto hosts, for failover, fit and scenarios alike.

A packing that is found proves itself. That none exists is proven too, where it can be: a load that
no bin can take, more memory or vCPUs than is left together, or a search that went through
everything. What neither proves stays unproven.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from planner.numbers import TOLERANCE, exceeds

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]
Verdict = Literal["pass", "fail", "unproven", "not_applicable"]
WORST_FIRST: tuple[Verdict, ...] = ("fail", "unproven", "not_applicable", "pass")

SEARCH_CHECKS = 200_000  # of one load against one bin, until the search gives up
_NEARLY = 1.0 - TOLERANCE  # x ≥ need × _NEARLY is what "need does not exceed x" says of arrays
_MOST_NAMED = 3  # in one sentence
_MOST_SWAPS = 3  # loads for which others are moved, in one attempt


@dataclass(frozen=True, slots=True)
class Load:
    """A guest that must run somewhere: what it needs, and what ties it. None is not known."""

    name: str
    host: str | None  # where it runs now
    memory_bytes: int | None
    vcpus: float | None
    only_on: frozenset[str] | None = None  # the hosts it can run on; None: any
    apart: frozenset[str] = frozenset()  # groups of which no two members share a host
    together: frozenset[str] = frozenset()  # groups of which all members share a host
    widest: float | None = None  # of several guests as one load, the vCPUs of the largest
    rank: int = 0  # who comes first when not all fit: the lowest
    tie: str = ""  # what keeps it from running anywhere else, in words
    doubt: str = ""  # what is not known of where it can run, in words
    is_on: bool | None = True  # None: it may be running
    by_hand: bool | None = None  # whether a person must start it elsewhere; None is not known

    @property
    def is_known(self) -> bool:
        return self.memory_bytes is not None and self.vcpus is not None

    @property
    def memory(self) -> float:
        return float(self.memory_bytes or 0)

    @property
    def processors(self) -> float:
        return self.vcpus or 0.0

    @property
    def width(self) -> float:
        """The most vCPUs of one guest, which no host may have fewer cores than."""
        return self.processors if self.widest is None else self.widest


@dataclass(frozen=True, slots=True)
class Bin:
    """A live host: what it can carry in all, and the largest vCPU count it can run."""

    name: str
    memory_bytes: float
    vcpus: float
    cpu_cores: float


@dataclass(frozen=True, slots=True)
class Packing:
    """Which load went to which bin, and which found none.

    ``lower_bound``: however they are placed, at least so many stay unplaced. ``proof`` says why
    not all can be placed; "" while that is not proven.
    """

    placed: tuple[tuple[str, str], ...] = ()
    unplaced: tuple[str, ...] = ()
    lower_bound: int = 0
    proof: str = ""

    @property
    def verdict(self) -> Verdict:
        if not self.unplaced:
            return "pass"
        return "fail" if self.proof else "unproven"


def pack(
    loads: Sequence[Load],
    bins: Sequence[Bin],
    running: Sequence[Load] = (),
    *,
    checks: int = SEARCH_CHECKS,
) -> Packing:
    """The loads placed on what the bins have left beside what is ``running`` on them.

    A load of unknown size counts as nothing: ask ``is_known`` first. When not all fit, those of
    the lowest rank come first, the larger before the smaller.
    """
    return pack_into(Room.of(bins, running), loads, checks=checks)


def pack_into(room: Room, loads: Sequence[Load], *, checks: int = SEARCH_CHECKS) -> Packing:
    """``pack`` for who packs often: the room is made once, and left as it is."""
    attempts = _attempts(room, loads)
    placed, down = next(attempts)
    if not down:  # most often so: nothing has to be proven
        return Packing(placed)
    bound, proof = _bound(room, loads)
    if not proof:
        for placed, down in attempts:
            if not down:
                return Packing(placed)
        found = _search(room, loads, checks)
        if found:
            return Packing(found)
        if found is not None:
            bound, proof = 1, "an exhaustive search found no packing"
    placed, down = _greedy(room, loads, _by_rank, _best_fit)
    return Packing(placed, tuple(sorted(load.name for load in down)), bound, proof)


# What is left while loads are placed


@dataclass
class Room:
    """What each bin has left, in the order of their names; a closed bin takes nothing."""

    names: tuple[str, ...]
    memory: Floats
    vcpus: Floats
    cores: Floats
    open: Truths
    members: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)  # of groups, per bin

    @classmethod
    def of(cls, bins: Sequence[Bin], running: Sequence[Load] = ()) -> Room:
        ordered = sorted(bins, key=lambda one: one.name)
        room = cls(
            names=tuple(one.name for one in ordered),
            memory=np.array([one.memory_bytes for one in ordered], dtype=np.float64),
            vcpus=np.array([one.vcpus for one in ordered], dtype=np.float64),
            cores=np.array([one.cpu_cores for one in ordered], dtype=np.float64),
            open=np.ones(len(ordered), dtype=np.bool_),
        )
        for load in running:
            if load.host in room.index:
                room.put(load, room.index[load.host])
        return room

    @cached_property
    def index(self) -> Mapping[str | None, int]:
        return {name: i for i, name in enumerate(self.names)}

    def copy(self) -> Room:
        return Room(
            self.names,
            self.memory.copy(),
            self.vcpus.copy(),
            self.cores,
            self.open.copy(),
            {group: counts.copy() for group, counts in self.members.items()},
        )

    def without(self, lost: Sequence[str] | set[str], leaving: Sequence[Load] = ()) -> Room:
        """A copy in which the lost bins are closed, and what ran on them is gone."""
        room = self.copy()
        for name in lost:
            if name in self.index:
                room.open[self.index[name]] = False
        for load in leaving:
            if load.host in self.index:
                room.put(load, self.index[load.host], sign=-1)
        return room

    def put(self, load: Load, i: int, *, sign: int = 1) -> None:
        """Places a load on a bin, or with sign −1 takes it away; nothing is checked."""
        self.memory[i] -= sign * load.memory
        self.vcpus[i] -= sign * load.processors
        for group in load.apart:
            counts = self.members.setdefault(group, np.zeros(len(self.names), dtype=np.int64))
            counts[i] += sign

    def allowed(self, only_on: frozenset[str] | None) -> Truths:
        """Which bins are among those, full or not."""
        if only_on is None:
            return np.ones(len(self.names), dtype=np.bool_)
        return np.array([name in only_on for name in self.names], dtype=np.bool_)

    def admits(self, only_on: frozenset[str] | None, apart: frozenset[str]) -> Truths:
        """Which open bins are among those, and hold no member of those groups."""
        admits: Truths = self.open.copy()
        if only_on is not None:
            admits &= self.allowed(only_on)
        for group in apart & self.members.keys():
            admits &= self.members[group] == 0
        return admits

    def able(self, load: Load) -> Truths:
        """Which bins can take a load: no guest is larger than its host, however much is free."""
        memory, vcpus = load.memory * _NEARLY, load.processors * _NEARLY
        able: Truths = self.memory >= memory
        able &= self.vcpus >= vcpus
        able &= self.cores >= load.width * _NEARLY
        able &= self.admits(load.only_on, load.apart)
        return able

    def takes(self, i: int, loads: Sequence[Load], needs: Floats) -> Truths:
        """Which of the loads one bin can take; ``needs`` are their memory, vCPUs and width."""
        limits = np.array([self.memory[i], self.vcpus[i], self.cores[i]])
        fits: Truths = (needs * _NEARLY <= limits).all(axis=1) & self.open[i]
        for j in map(int, np.flatnonzero(fits)):
            if loads[j].only_on is not None or loads[j].apart:
                fits[j] = self.able(loads[j])[i]
        return fits


# Heuristics

Order = Callable[[Load], tuple[float, float, str]]
Pick = Callable[[Room, Truths], int]
Placed = tuple[tuple[str, str], ...]


def _attempts(room: Room, loads: Sequence[Load]) -> Iterator[tuple[Placed, list[Load]]]:
    """Packings by several orders and ways to choose, each mended where that is cheap."""
    for pick in (_best_fit, _emptiest):
        for order in (_by_memory, _by_vcpus, _by_share(room)):
            yield _greedy(room, loads, order, pick)
    yield _bin_by_bin(room, loads)


def _greedy(
    room: Room, loads: Sequence[Load], order: Order, pick: Pick
) -> tuple[Placed, list[Load]]:
    """Places one load after the other; a few that found no place are tried again by swapping."""
    free = room.copy()
    places: dict[str, int] = {}
    down: list[Load] = []
    by_name = {load.name: load for load in loads}
    for load in sorted(loads, key=order):
        able = free.able(load)
        if able.any():
            places[load.name] = i = pick(free, able)
            free.put(load, i)
        elif len(down) >= _MOST_SWAPS or not _swap(free, load, places, by_name):
            down.append(load)
    return tuple((name, room.names[i]) for name, i in places.items()), down


def _bin_by_bin(room: Room, loads: Sequence[Load]) -> tuple[Placed, list[Load]]:
    """Fills one bin after the other with the load whose shape is nearest to what is left of it
    (Panigrahy et al., Heuristics for Vector Bin Packing, 2011)."""
    free = room.copy()
    whole = np.array([_total(room, room.memory) or 1.0, _total(room, room.vcpus) or 1.0])
    every = np.array([[load.memory, load.processors, load.width] for load in loads]).reshape(-1, 3)
    needs = every[:, :2]
    weight, waiting = (needs / whole).sum(axis=0), np.ones(len(loads), dtype=np.bool_)
    placed: list[tuple[str, str]] = []
    for i in np.argsort(np.where(room.open, room.memory, np.inf)):
        while (able := waiting & free.takes(int(i), loads, every)).any():
            left = np.array([free.memory[i], free.vcpus[i]])
            distance = (weight * ((needs - left) / whole) ** 2).sum(axis=1)
            chosen = int(np.where(able, distance, np.inf).argmin())
            waiting[chosen] = False
            free.put(loads[chosen], int(i))
            placed.append((loads[chosen].name, free.names[i]))
    return tuple(placed), [load for load, left in zip(loads, waiting, strict=True) if left]


def _swap(free: Room, load: Load, places: dict[str, int], by_name: Mapping[str, Load]) -> bool:
    """Makes room for a load by moving one that was placed before it; whether it worked."""
    for name, i in places.items():
        other = by_name[name]
        if load.memory > other.memory + max(0.0, free.memory[i]):
            continue
        free.put(other, i, sign=-1)
        if free.able(load)[i]:
            free.put(load, i)
            able = free.able(other)
            if able.any():
                places[name] = j = _best_fit(free, able)
                free.put(other, j)
                places[load.name] = i
                return True
            free.put(load, i, sign=-1)
        free.put(other, i)
    return False


def _best_fit(room: Room, able: Truths) -> int:
    return int(np.where(able, room.memory, np.inf).argmin())


def _emptiest(room: Room, able: Truths) -> int:
    return int(np.where(able, room.memory, -np.inf).argmax())


def _by_memory(load: Load) -> tuple[float, float, str]:
    return (-load.memory, 0.0, load.name)


def _by_vcpus(load: Load) -> tuple[float, float, str]:
    return (-load.processors, 0.0, load.name)


def _by_rank(load: Load) -> tuple[float, float, str]:
    return (load.rank, -load.memory, load.name)


def _by_share(room: Room) -> Order:
    """Size as a share of all that is free, memory and vCPUs together."""
    memory, vcpus = _total(room, room.memory) or 1.0, _total(room, room.vcpus) or 1.0
    return lambda load: (-(load.memory / memory + load.processors / vcpus), 0.0, load.name)


def _total(room: Room, free: Floats) -> float:
    return float(np.maximum(free, 0.0)[room.open].sum())


# Bounds and search


def _bound(room: Room, loads: Sequence[Load]) -> tuple[int, str]:
    """At least how many stay unplaced, and why, when that is plain; "" when it is not."""
    homeless = sorted(load.name for load in loads if not room.able(load).any())
    others = [load for load in loads if load.name not in set(homeless)]
    bounds = {
        "together they need more memory than is free": _too_many(
            [load.memory for load in others], _total(room, room.memory)
        ),
        "together they need more vCPUs than the ratio allows": _too_many(
            [load.processors for load in others], _total(room, room.vcpus)
        ),
        "no two of the largest fit into one gap, and there are more of them than gaps": _too_large(
            [load.memory for load in others], room.memory[room.open]
        ),
    }
    most = max(bounds.values())
    if homeless:
        told = [_why_homeless(room, load) for load in loads if load.name in homeless[:_MOST_NAMED]]
        return len(homeless) + most, "; ".join(sorted(told))
    return most, next((why for why, bound in bounds.items() if bound), "")


def _why_homeless(room: Room, load: Load) -> str:
    """Why no bin can take a load at all."""
    if not room.open.any():
        return f"{load.name} has no host left"
    if not (room.open & room.allowed(load.only_on)).any():
        return f"{load.name} {load.tie or 'can run on none of the hosts that are left'}"
    if room.able(replace(load, apart=frozenset())).any():
        return f"{load.name} must keep apart from others ({_listed(load.apart)})"
    if room.able(replace(load, only_on=None)).any():
        return f"{load.name} is larger than every gap where it can run ({load.tie})"
    return f"{load.name} is larger than every gap"


def _listed(groups: Iterable[str]) -> str:
    named, more = sorted(groups)[:_MOST_NAMED], len(set(groups)) - _MOST_NAMED
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _too_large(sizes: Sequence[float], gaps: Floats) -> int:
    """How many of those above half of the largest gap find none of their own."""
    half = float(gaps.max(initial=0.0)) / 2
    large = [size for size in sizes if exceeds(size, half)]
    if not large:
        return 0
    takers = gaps >= min(large) * _NEARLY
    return max(0, len(large) - int(takers.sum()))


def _too_many(sizes: Sequence[float], free: float) -> int:
    """How many stay outside even if what is free were one piece and the smallest went first."""
    total = 0.0
    for number, size in enumerate(sorted(sizes)):
        total += size
        if exceeds(total, free):
            return len(sizes) - number
    return 0


class _GaveUp(Exception):
    pass


def _search(room: Room, loads: Sequence[Load], checks: int) -> Placed | None:
    """A packing by depth-first search; () when there is none, None when it gave up."""
    return _Search(room, loads, checks).run()


class _Search:
    """Depth first, the largest load first, never twice into bins that are alike."""

    def __init__(self, room: Room, loads: Sequence[Load], checks: int) -> None:
        self._loads = sorted(loads, key=_by_memory)
        self._names = [room.names[i] for i in np.flatnonzero(room.open)]
        self._memory = room.memory[room.open].tolist()
        self._vcpus = room.vcpus[room.open].tolist()
        self._cores = room.cores[room.open].tolist()
        self._members = {group: counts[room.open] for group, counts in room.members.items()}
        self._tied = any(load.only_on is not None or load.apart for load in loads)
        self._checks = checks

    def run(self) -> Placed | None:
        try:
            return tuple(self._descend(0) or ())
        except (_GaveUp, RecursionError):
            return None

    def _descend(self, depth: int) -> list[tuple[str, str]] | None:
        if depth == len(self._loads):
            return []
        load, tried = self._loads[depth], set()
        for i, name in enumerate(self._names):
            self._checks -= 1
            if self._checks < 0:
                raise _GaveUp
            alike = (self._memory[i], self._vcpus[i], self._cores[i], name if self._tied else "")
            if alike in tried or not self._takes(load, i):
                continue
            tried.add(alike)
            self._put(load, i, 1)
            rest = self._descend(depth + 1)
            if rest is not None:
                return [(load.name, name), *rest]
            self._put(load, i, -1)
        return None

    def _takes(self, load: Load, i: int) -> bool:
        return not (
            exceeds(load.memory, self._memory[i])
            or exceeds(load.processors, self._vcpus[i])
            or exceeds(load.width, self._cores[i])
            or (load.only_on is not None and self._names[i] not in load.only_on)
            or any(self._members[group][i] for group in load.apart if group in self._members)
        )

    def _put(self, load: Load, i: int, sign: int) -> None:
        self._memory[i] -= sign * load.memory
        self._vcpus[i] -= sign * load.processors
        for group in load.apart:
            none = np.zeros(len(self._names), dtype=np.int64)
            self._members.setdefault(group, none)[i] += sign
