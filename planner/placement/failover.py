"""Failover proven by packing: guests of lost hosts are placed on the survivors (glossary 14)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

from planner.placement.packing import (
    SEARCH_CHECKS,
    WORST_FIRST,
    Bin,
    Load,
    Room,
    Verdict,
    pack_into,
)

_MOST_SETS = 2_000  # of hosts lost together that are tried
_MOST_CHECKS = 4_000_000  # that all searches of one test may take together


@dataclass(frozen=True, slots=True)
class FailoverCase:
    """The outcome of losing some hosts at once; ``stays_down`` is what found no place.

    ``at_least`` so many stay down however the others are placed.
    """

    lost: tuple[str, ...]
    verdict: Verdict
    stays_down: tuple[str, ...] = ()
    placed: tuple[tuple[str, str], ...] = ()  # guest → host
    why: str = ""
    at_least: int = 0


def failover_cases(
    hosts: Sequence[Bin], loads: Sequence[Load], *, k: int, others: int = 0
) -> Iterator[FailoverCase]:
    """Every set of ``k`` live hosts lost at once, in order of their names.

    ``others`` counts hosts of the pool that are away now or of unknown size: they take no guest,
    but the pool is not one of a single host. Where there are too many sets, those of the fullest
    hosts are tried, and one unproven case says so.
    """
    if len(hosts) + others <= 1 or k == 0:
        yield FailoverCase(tuple(host.name for host in hosts), "not_applicable", why="one host")
        return
    test = FailoverTest(hosts, loads)
    sets, every = test.sets(k)
    for lost in sets:
        yield test.case(lost, checks=min(SEARCH_CHECKS, _MOST_CHECKS // len(sets)))
    if len(sets) < every:
        why = f"only {len(sets)} of {every} sets of hosts were tried, those of the fullest"
        yield FailoverCase((), "unproven", why=why)


class FailoverTest:
    """What survives of a pool's guests when hosts are lost; the room is measured once."""

    def __init__(self, hosts: Sequence[Bin], loads: Sequence[Load]) -> None:
        self._room = Room.of(hosts, loads)
        self._on: dict[str, list[Load]] = {name: [] for name in self._room.names}
        for load in loads:
            if load.host in self._on:
                self._on[load.host].append(load)
        self._unknown = sorted(
            load.name for here in self._on.values() for load in here if not load.is_known
        )

    def sets(self, k: int) -> tuple[list[tuple[str, ...]], int]:
        """The sets of k hosts to be tried, and how many there are in all."""
        names = self._room.names
        k = min(k, len(names))
        fullest = sorted(names, key=lambda name: (-sum(g.memory for g in self._on[name]), name))
        count = next(n for n in range(len(names), 0, -1) if comb(n, k) <= _MOST_SETS or n == k)
        chosen = combinations(sorted(fullest[:count]), k)
        return list(chosen), comb(len(names), k)

    def case(self, lost: Sequence[str], *, checks: int = SEARCH_CHECKS) -> FailoverCase:
        """What happens to the guests of the lost hosts."""
        names = tuple(sorted(lost))
        if self._unknown:
            why = f"size not known of {', '.join(self._unknown[:5])}"
            return FailoverCase(names, "unproven", why=why)
        moving = [load for name in names for load in self._on.get(name, ())]
        found = pack_into(self._room.without(names, moving), moving, checks=checks)
        verdict, why = found.verdict, found.proof
        if verdict == "unproven":
            why = "no packing found, none ruled out"
        doubts = [load for load in moving if load.doubt]
        if verdict == "pass" and doubts:
            verdict, why = "unproven", f"{doubts[0].name} {doubts[0].doubt}"
        return FailoverCase(names, verdict, found.unplaced, found.placed, why, found.lower_bound)


def overall(cases: Sequence[FailoverCase]) -> Verdict:
    """A pool's verdict: it passes when every case does; no case at all is not applicable."""
    if not cases:
        return "not_applicable"
    verdicts = {case.verdict for case in cases}
    return next(verdict for verdict in WORST_FIRST if verdict in verdicts)
