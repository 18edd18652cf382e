"""Failover proven by packing: guests of lost hosts are placed on the survivors (glossary 14)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from math import comb

from planner.placement.packing import (
    SEARCH_CHECKS,
    WORST_FIRST,
    Bin,
    Load,
    Packing,
    Room,
    Verdict,
    pack_into,
)
from planner.placement.remedy import smallest_change
from planner.placement.together import Bundles

_MOST_SETS = 2_000  # of hosts lost together that are tried
_MOST_SETS_BEYOND = 500  # the same, beyond what the policy asks for
_MOST_CHECKS = 4_000_000  # that all searches of one test may take together


@dataclass(frozen=True, slots=True)
class FailoverCase:
    """The outcome of losing some hosts at once; ``stays_down`` is what found no place.

    ``at_least`` so many stay down however the others are placed. ``by_hand`` is what has a place
    and is not under HA: a person must start it. ``domain`` names the rack, room or site that is
    lost; "" for hosts by themselves.
    """

    lost: tuple[str, ...]
    verdict: Verdict
    stays_down: tuple[str, ...] = ()
    placed: tuple[tuple[str, str], ...] = ()  # guest → host
    why: str = ""
    at_least: int = 0
    smallest_change: str = ""
    by_hand: tuple[str, ...] = ()
    domain: str = ""

    @property
    def stays_down_count(self) -> int | None:
        """How many stay down; None where none is named and it is not proven that all run."""
        return len(self.stays_down) or (0 if self.verdict == "pass" else None)

    @property
    def at_least_down(self) -> int | None:
        """``at_least``, where anything is known of who stays down."""
        return None if self.stays_down_count is None else self.at_least


@dataclass(frozen=True, slots=True)
class Resilience:
    """How far a pool's failover goes: ``tolerates`` so many lost hosts at once, proven.

    ``maintenance`` is the failover test while one host more is away.
    """

    tolerates: int | None
    maintenance: Verdict
    why: str = ""


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
    if not hosts:
        yield FailoverCase((), "unproven", why="no live host's size is known")
        return
    yield from FailoverTest(hosts, loads).cases(k)


def overall(cases: Iterable[FailoverCase]) -> Verdict:
    """A pool's verdict: it passes when every case does; no case at all is not applicable."""
    verdicts = {case.verdict for case in cases}
    return next((verdict for verdict in WORST_FIRST if verdict in verdicts), "not_applicable")


class FailoverTest:
    """What survives of a pool's guests when hosts are lost; the room is measured once."""

    def __init__(self, hosts: Sequence[Bin], loads: Sequence[Load]) -> None:
        self._hosts, self._loads = hosts, loads
        self._room = Room.of(hosts, loads)
        self._on: dict[str, list[Load]] = {name: [] for name in self._room.names}
        for load in loads:
            if load.host in self._on:
                self._on[load.host].append(load)
        here = [load for loads_here in self._on.values() for load in loads_here]
        self._unknown = _unknown(here, [load for load in loads if load.host is None])
        self._unsure = [load for load in here if load.is_on is None]

    def cases(self, k: int, *, most: int = _MOST_SETS) -> Iterator[FailoverCase]:
        """Every set of k hosts, or of the fullest hosts when there are more than ``most``."""
        sets, every = self._sets(k, most)
        for lost in sets:
            yield self.case(lost, checks=min(SEARCH_CHECKS, _MOST_CHECKS // len(sets)))
        if len(sets) < every:
            why = f"only {len(sets)} of {every} sets of hosts were tried, those of the fullest"
            yield FailoverCase((), "unproven", why=why)

    def domains(self, domains: Mapping[str, frozenset[str]]) -> Iterator[FailoverCase]:
        """A case per rack, room or site that takes several of the pool's live hosts with it."""
        for name, members in sorted(domains.items()):
            lost = sorted(members & set(self._on))
            if len(lost) > 1:
                yield replace(self.case(lost), domain=name)

    def resilience(self, k: int, found: Verdict) -> Resilience:
        """How many hosts may be lost at once, and whether one may be away; k was ``found``."""
        if found != "pass":
            return Resilience(self._below(k) if k > 1 else 0 if found == "fail" else None, found)
        tolerates, beyond = k, self._first_trouble(k + 1)
        maintenance, why = (beyond.verdict, beyond.why) if beyond else ("pass", "")
        while beyond is None:
            tolerates += 1
            beyond = self._first_trouble(tolerates + 1)
        return Resilience(tolerates, maintenance, why)

    def _below(self, k: int) -> int:
        """The most that is tolerated, where k is not."""
        return next((n for n in range(k - 1, 0, -1) if self._first_trouble(n) is None), 0)

    def _first_trouble(self, k: int) -> FailoverCase | None:
        """A case of k lost hosts that does not pass, a failed one first; None: all pass."""
        if k >= len(self._on):
            return FailoverCase(self._room.names, "fail", why="no host is left")
        unproven = None
        for case in self.cases(k, most=_MOST_SETS_BEYOND):
            if case.verdict == "fail":
                return case
            if case.verdict != "pass":
                unproven = unproven or case
        return unproven

    def _sets(self, k: int, most: int) -> tuple[list[tuple[str, ...]], int]:
        """The sets of k hosts to be tried, and how many there are in all."""
        names = self._room.names
        k = min(k, len(names))
        fullest = sorted(names, key=lambda name: (-sum(g.memory for g in self._on[name]), name))
        count = next(n for n in range(len(names), -1, -1) if comb(n, k) <= most or n == k)
        return list(combinations(sorted(fullest[:count]), k)), comb(len(names), k)

    def case(self, lost: Sequence[str], *, checks: int = SEARCH_CHECKS) -> FailoverCase:
        """What happens to the guests of the lost hosts."""
        names = tuple(sorted(lost))
        if self._unknown:
            return FailoverCase(names, "unproven", why=self._unknown)
        moving = [load for name in names for load in self._on.get(name, ())]
        room = self._room.without(names, moving)
        bundles = Bundles.of(moving, self._staying(names))
        packing = pack_into(room, bundles.loads, checks=checks)
        found = bundles.told_apart(packing)
        verdict, why = self._verdict(names, moving, found)
        return FailoverCase(
            lost=names,
            verdict=verdict,
            stays_down=found.unplaced,
            placed=found.placed,
            why=why,
            at_least=found.lower_bound,
            smallest_change=smallest_change(
                room, bundles.loads, list(self._staying(names)), packing
            )
            if packing.unplaced
            else "",
            by_hand=_by_hand(moving, found),
        )

    def _staying(self, lost: tuple[str, ...]) -> Iterator[Load]:
        """The guests of all other hosts: many, and asked for by few."""
        return (load for name, here in self._on.items() if name not in lost for load in here)

    def _verdict(
        self, lost: tuple[str, ...], moving: Sequence[Load], found: Packing
    ) -> tuple[Verdict, str]:
        """The packing's verdict, as far as what it rests on is known."""
        doubt = next((f"{load.name} {load.doubt}" for load in moving if load.doubt), "")
        if found.verdict == "pass":
            return ("unproven", doubt) if doubt else ("pass", "")
        if found.verdict == "fail" and self._unsure and self._certain.case(lost).verdict != "fail":
            return "unproven", f"whether {self._unsure[0].name} is running is not known"
        return found.verdict, found.proof or "no packing found, none ruled out"

    @cached_property
    def _certain(self) -> FailoverTest:
        """The same test without the guests that may not be running."""
        return FailoverTest(self._hosts, [load for load in self._loads if load.is_on])


def _unknown(here: Sequence[Load], nowhere: Sequence[Load]) -> str:
    """What stands in the way of any verdict: guests of unknown size, or of unknown host."""
    sizes = sorted(load.name for load in here if not load.is_known)
    places = sorted(load.name for load in nowhere if load.is_on)
    if sizes:
        return f"size not known of {', '.join(sizes[:5])}"
    return f"host not known of {', '.join(places[:5])}" if places else ""


def _by_hand(moving: Sequence[Load], found: Packing) -> tuple[str, ...]:
    """What has a place, but is started there by nobody but a person."""
    placed = {name for name, _host in found.placed}
    return tuple(sorted(load.name for load in moving if load.by_hand and load.name in placed))
