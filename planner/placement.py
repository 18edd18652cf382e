"""Failover proven by packing: for each lost host its guests are placed on the survivors, one by
one (glossary 14).

A packing that is found is the proof of "pass". "fail" is proven too: a guest larger than every
gap, more memory or vCPUs than there are gaps together, or an exact search that ends without a
packing. What neither proves is "unproven".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from planner.numbers import exceeds

Verdict = Literal["pass", "fail", "unproven", "not_applicable"]
WORST_FIRST: tuple[Verdict, ...] = ("fail", "unproven", "not_applicable", "pass")

_SEARCH_STEPS = 50_000
_MOST_SETS = 2_000  # of hosts lost together that are tried


@dataclass(frozen=True, slots=True)
class Load:
    """A powered-on guest: what it needs wherever it runs. None is not known."""

    name: str
    host: str | None
    memory_bytes: int | None
    vcpus: float | None


@dataclass(frozen=True, slots=True)
class Bin:
    """A live host: what it can carry in all, and the largest vCPU count it can run."""

    name: str
    memory_bytes: float
    vcpus: float
    cpu_cores: float


@dataclass(frozen=True, slots=True)
class FailoverCase:
    """The outcome of losing some hosts at once; ``stays_down`` is what found no place."""

    lost: tuple[str, ...]
    verdict: Verdict
    stays_down: tuple[str, ...] = ()
    placed: tuple[tuple[str, str], ...] = ()  # guest → host
    why: str = ""


@dataclass
class _Gap:
    name: str
    memory: float
    vcpus: float
    cores: float

    def takes(self, load: Load) -> bool:
        memory, vcpus = float(load.memory_bytes or 0), load.vcpus or 0.0
        return not (
            exceeds(memory, self.memory)
            or exceeds(vcpus, self.vcpus)
            or exceeds(vcpus, self.cores)  # no guest is larger than its host
        )

    def add(self, load: Load, sign: int = 1) -> None:
        self.memory -= sign * float(load.memory_bytes or 0)
        self.vcpus -= sign * (load.vcpus or 0.0)


def failover_cases(
    hosts: Sequence[Bin], loads: Sequence[Load], *, k: int, others: int = 0
) -> Iterator[FailoverCase]:
    """Every set of ``k`` live hosts lost at once, in order of their names.

    ``others`` counts hosts of the pool that are away now or of unknown size: they take no guest,
    but the pool is not one of a single host.
    """
    if len(hosts) + others <= 1 or k == 0:
        yield FailoverCase(tuple(host.name for host in hosts), "not_applicable", why="one host")
        return
    ordered = sorted(hosts, key=lambda host: host.name)
    for number, lost in enumerate(combinations(ordered, min(k, len(ordered)))):
        if number >= _MOST_SETS:
            yield FailoverCase((), "unproven", why=f"only {_MOST_SETS} sets of hosts were tried")
            return
        yield failover_case(ordered, loads, {host.name for host in lost})


def failover_case(hosts: Sequence[Bin], loads: Sequence[Load], lost: set[str]) -> FailoverCase:
    """What happens to the guests of the lost hosts."""
    names = tuple(sorted(lost))
    moving = [load for load in loads if load.host in lost]
    live = {host.name for host in hosts}
    unknown = sorted(load.name for load in loads if load.host in live and not _is_known(load))
    if unknown:
        return FailoverCase(names, "unproven", why=f"size not known of {', '.join(unknown[:5])}")
    gaps = _gaps(hosts, loads, lost)
    for pick in (_best_fit, _emptiest):
        for order in (_by_memory, _by_vcpus, _by_share(gaps)):
            placed, down = _place(moving, gaps, order, pick)
            if not down:
                return FailoverCase(names, "pass", placed=placed)
    placed, down = _place(moving, gaps, _by_memory, _best_fit)
    stays_down = tuple(sorted(load.name for load in down))
    proof = _impossible(moving, gaps)
    if proof:
        return FailoverCase(names, "fail", stays_down, placed, proof)
    found = _search(moving, gaps)
    if found is None:
        return FailoverCase(
            names, "unproven", stays_down, placed, "no packing found, none ruled out"
        )
    if found:
        return FailoverCase(names, "pass", placed=found)
    return FailoverCase(names, "fail", stays_down, placed, "an exhaustive search found no packing")


def _is_known(load: Load) -> bool:
    return load.memory_bytes is not None and load.vcpus is not None


def _gaps(hosts: Sequence[Bin], loads: Sequence[Load], lost: set[str]) -> list[_Gap]:
    """What the survivors have left beside the guests that they run already."""
    gaps = {
        host.name: _Gap(host.name, host.memory_bytes, host.vcpus, host.cpu_cores)
        for host in hosts
        if host.name not in lost
    }
    for load in loads:
        if load.host in gaps:
            gaps[load.host].add(load)
    return list(gaps.values())


def _place(
    moving: Sequence[Load],
    gaps: Sequence[_Gap],
    order: Callable[[Load], float],
    pick: Callable[[list[_Gap]], _Gap],
) -> tuple[tuple[tuple[str, str], ...], list[Load]]:
    """Places the largest first; returns what went where and what found no place."""
    free = [_Gap(gap.name, gap.memory, gap.vcpus, gap.cores) for gap in gaps]
    placed: list[tuple[str, str]] = []
    down: list[Load] = []
    for load in sorted(moving, key=lambda load: (-order(load), load.name)):
        able = [gap for gap in free if gap.takes(load)]
        if not able:
            down.append(load)
            continue
        chosen = pick(able)
        chosen.add(load)
        placed.append((load.name, chosen.name))
    return tuple(placed), down


def _best_fit(able: list[_Gap]) -> _Gap:
    return min(able, key=lambda gap: (gap.memory, gap.name))


def _emptiest(able: list[_Gap]) -> _Gap:
    return max(able, key=lambda gap: (gap.memory, gap.name))


def _by_memory(load: Load) -> float:
    return float(load.memory_bytes or 0)


def _by_vcpus(load: Load) -> float:
    return load.vcpus or 0.0


def _by_share(gaps: Sequence[_Gap]) -> Callable[[Load], float]:
    """Size as a share of all that is free, memory and vCPUs together."""
    memory = sum(max(0.0, gap.memory) for gap in gaps) or 1.0
    vcpus = sum(max(0.0, gap.vcpus) for gap in gaps) or 1.0
    return lambda load: _by_memory(load) / memory + _by_vcpus(load) / vcpus


def _impossible(moving: Sequence[Load], gaps: Sequence[_Gap]) -> str:
    """Why no packing can exist, when that is plain; "" when it is not."""
    for load in sorted(moving, key=lambda load: load.name):
        if not any(gap.takes(load) for gap in gaps):
            return f"{load.name} is larger than every gap"
    if exceeds(sum(map(_by_memory, moving)), sum(max(0.0, gap.memory) for gap in gaps)):
        return "together they need more memory than is free"
    if exceeds(sum(map(_by_vcpus, moving)), sum(max(0.0, gap.vcpus) for gap in gaps)):
        return "together they need more vCPUs than the ratio allows"
    return ""


def _search(moving: Sequence[Load], gaps: Sequence[_Gap]) -> tuple[tuple[str, str], ...] | None:
    """A packing by depth-first search; () when there is none, None when it gave up."""
    loads = sorted(moving, key=lambda load: (-_by_memory(load), load.name))
    free = [_Gap(gap.name, gap.memory, gap.vcpus, gap.cores) for gap in gaps]
    steps = 0

    def descend(index: int) -> list[tuple[str, str]] | None:
        nonlocal steps
        if index == len(loads):
            return []
        tried: set[tuple[float, float, float]] = set()
        for gap in free:
            alike = (gap.memory, gap.vcpus, gap.cores)
            if alike in tried or not gap.takes(loads[index]):
                continue
            tried.add(alike)
            steps += 1
            if steps > _SEARCH_STEPS:
                raise _GaveUp
            gap.add(loads[index])
            rest = descend(index + 1)
            if rest is not None:
                return [(loads[index].name, gap.name), *rest]
            gap.add(loads[index], -1)
        return None

    try:
        return tuple(descend(0) or ())
    except (_GaveUp, RecursionError):
        return None


class _GaveUp(Exception):
    pass


def overall(cases: Sequence[FailoverCase]) -> Verdict:
    """A pool's verdict: it passes when every case does; no case at all is not applicable."""
    if not cases:
        return "not_applicable"
    verdicts = {case.verdict for case in cases}
    return next(verdict for verdict in WORST_FIRST if verdict in verdicts)
