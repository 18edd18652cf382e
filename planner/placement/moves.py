"""Which few moves even out what hosts, or clusters, are used for (glossary 21)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.numbers import exceeds
from planner.placement.failover import FailoverTest
from planner.placement.packing import WORST_FIRST, Bin, Floats, Load, Room

POINTS_OVER_MEAN = 20.0
STDEV_RATIO = 0.15
_MOST_MOVES = 5
_LEAST_GAIN_RATIO = 0.02  # of the spread, below which a move is not worth its trouble


@dataclass(frozen=True, slots=True)
class Spread:
    """How even some utilisations are (0-1)."""

    mean: float
    highest: float
    stdev: float

    @classmethod
    def of(cls, utilisations: Sequence[float] | Floats) -> Spread:
        values = np.asarray(utilisations, dtype=np.float64)
        return cls(float(values.mean()), float(values.max()), float(values.std()))

    @property
    def over_mean_points(self) -> float:
        return 100.0 * (self.highest - self.mean)

    @property
    def is_imbalanced(self) -> bool:
        return exceeds(self.over_mean_points, POINTS_OVER_MEAN) or exceeds(self.stdev, STDEV_RATIO)


@dataclass(frozen=True, slots=True)
class Move:
    """A guest that had better run elsewhere."""

    guest: str
    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.guest} from {self.source} to {self.target}"


@dataclass(frozen=True, slots=True)
class Members:
    """Those among whom load can be shared: names, and per resource what each used and has."""

    names: tuple[str, ...]
    used: Mapping[str, Floats]
    capacity: Mapping[str, Floats]
    days: int

    def utilisation(self, resource: str) -> Floats:
        return np.asarray(self.used[resource] / self.capacity[resource])

    def spread(self, resource: str) -> Spread:
        return Spread.of(self.utilisation(resource))

    @property
    def imbalanced(self) -> tuple[str, ...]:
        return tuple(name for name in self.used if self.spread(name).is_imbalanced)


def moves_of(members: Members, bins: Sequence[Bin], loads: Sequence[Load]) -> tuple[Move, ...]:
    """At most five moves, each the one that evens out the imbalanced resources the most.

    A guest goes only where it fits as configured, and where nothing ties it elsewhere. What it
    takes along is its share, by configured size, of what its host used.
    """
    state, moves = members, []
    room, where = Room.of(bins, loads), {load.name: load.host for load in loads}
    known = {name: i for i, name in enumerate(members.names)}
    shares = _shares(members, loads)
    for _number in range(_MOST_MOVES):
        found = _best(state, room, where, [load for load in loads if load.name in shares], shares)
        if found is None:
            break
        load, source, target = found
        state = _with(state, known[source], known[target], shares[load.name])
        room.put(load, room.index[source], sign=-1)
        room.put(load, room.index[target])
        where[load.name] = target
        moves.append(Move(load.name, source, target))
    return tuple(moves)


def _shares(members: Members, loads: Sequence[Load]) -> dict[str, dict[str, float]]:
    """What each guest that may move takes along, per resource."""
    known = {name: i for i, name in enumerate(members.names)}
    here = [load for load in loads if load.host in known and load.is_known and load.is_on]
    total: dict[tuple[str, str], float] = defaultdict(float)
    for load in here:
        total[load.host or "", "memory"] += load.memory
        total[load.host or "", "cpu"] += load.processors
    shares: dict[str, dict[str, float]] = {}
    for load in here:
        host = load.host or ""
        parts = {"memory": load.memory, "cpu": load.processors}
        if not load.doubt:
            shares[load.name] = {
                resource: float(members.used[resource][known[host]])
                * parts[resource]
                / (total[host, resource] or 1.0)
                for resource in members.used
            }
    return shares


def _best(
    state: Members,
    room: Room,
    where: Mapping[str, str | None],
    loads: Sequence[Load],
    shares: Mapping[str, Mapping[str, float]],
) -> tuple[Load, str, str] | None:
    """The load, from where and to where, that evens out the most; None when none is worth it."""
    uneven = state.imbalanced
    if not uneven:
        return None
    fullest = {state.names[int(state.utilisation(resource).argmax())] for resource in uneven}
    now = _unevenness(state, uneven)
    best, least = None, now * (1.0 - _LEAST_GAIN_RATIO)
    for load in loads:
        source = where[load.name]
        if source not in fullest or source not in room.index:
            continue
        able = room.able(load)
        able[room.index[source]] = False
        for i in np.flatnonzero(able):
            target = room.names[int(i)]
            if target not in state.names:
                continue
            moved = _with(
                state, state.names.index(source), state.names.index(target), shares[load.name]
            )
            if (then := _unevenness(moved, uneven)) < least:
                best, least = (load, source, target), then
    return best


def _unevenness(state: Members, resources: Iterable[str]) -> float:
    """The sum of the variances: every resource that is uneven counts."""
    return float(sum(state.utilisation(resource).var() for resource in resources))


def _with(state: Members, source: int, target: int, share: Mapping[str, float]) -> Members:
    """The members once one of them has given a share to another."""
    used = {}
    for resource, amounts in state.used.items():
        used[resource] = amounts.copy()
        used[resource][source] -= share[resource]
        used[resource][target] += share[resource]
    return replace(state, used=used)


def moved(members: Members, moves: Sequence[Move], loads: Sequence[Load]) -> Members:
    shares, known = _shares(members, loads), {name: i for i, name in enumerate(members.names)}
    for move in moves:
        members = _with(members, known[move.source], known[move.target], shares[move.guest])
    return members


def safe(
    moves: tuple[Move, ...], bins: Sequence[Bin], loads: Sequence[Load], k: int
) -> tuple[Move, ...]:
    """As many of the first moves as leave the failover test no worse than it is."""
    now = _damage(bins, loads, k) if moves else (0, 0)
    while moves and _damage(bins, _placed(loads, moves), k) > now:
        moves = moves[:-1]
    return moves


def _placed(loads: Sequence[Load], moves: Sequence[Move]) -> list[Load]:
    targets = {move.guest: move.target for move in moves}
    return [replace(load, host=targets.get(load.name, load.host)) for load in loads]


def _damage(bins: Sequence[Bin], loads: Sequence[Load], k: int) -> tuple[int, int]:
    """How bad the failover test is: its worst verdict, and how many guests stay down."""
    cases = list(FailoverTest(bins, loads).cases(max(1, k)))
    worst = min((WORST_FIRST.index(case.verdict) for case in cases), default=len(WORST_FIRST))
    return (-worst, sum(len(case.stays_down) for case in cases))
