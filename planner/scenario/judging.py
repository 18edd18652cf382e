"""Whether a request is met: what is short of it, and what is not known, of an outcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from planner.answers import Answer, PoolAnswer
from planner.numbers import exceeds
from planner.policy import Resource
from planner.pools import Pool
from planner.scenario.outcome import Outcome
from planner.scenario.world import Base, PoolKey, key_of


@dataclass(frozen=True, slots=True)
class Said:
    """One statement: a key of the phrases, and what they are filled with."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Short:
    """What keeps the answer from being yes. ``on``: the day from which it is short.

    ``missing``: the resource of which headroom is missing, and the raw capacity that makes it up.
    """

    pool: Pool
    said: Said
    on: date
    missing: tuple[Resource, float] | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What is short, and what is not known, of an outcome."""

    shorts: tuple[Short, ...]
    unknown: tuple[Said, ...]


class Judge:
    """What a request needs, tested on outcomes with more or less hardware."""

    def __init__(self, base: Base, outcome: Outcome, begins: date, until: date | None) -> None:
        self._base, self.begins, self._until = base, begins, until
        self._last = begins if until is None else max(begins, until)
        shifted = {s.pool for shifts in outcome.world.shifts.values() for s in shifts}
        self.touched: frozenset[PoolKey] = frozenset(shifted)

    def of(self, outcome: Outcome, only: PoolKey | None = None) -> Judged:
        wanted = self.touched if only is None else {only}
        pools = [pool for pool in outcome.answers if key_of(pool.pool) in wanted]
        shorts: list[Short] = []
        unknown: list[Said] = []
        for pool in pools:
            for found in (*self._figures(pool), *self._running(pool, outcome)):
                (shorts if isinstance(found, Short) else unknown).append(found)  # type: ignore[arg-type]
        return Judged(tuple(shorts), tuple(unknown))

    def _figures(self, pool: PoolAnswer) -> Iterator[Short | Said]:
        """What is short or not known of capacity."""
        for answer in pool.answers:
            question, first = answer.question, first_over(answer)
            told = {"pool": pool.pool.name, "resource": question.resource, "model": question.model}
            unsure = question.model == "allocation" and question.load.is_incomplete
            if answer.headroom is None or unsure:
                yield Said("unknown_figure", told)
            elif exceeds(0.0, answer.headroom) and -answer.headroom > 1e-6 * (answer.usable or 1):
                short = told | {"amount": -answer.headroom, "unit": question.unit}
                raw = -answer.headroom / question.capacity.factor
                said = Said("short_headroom", short)
                yield Short(pool.pool, said, self.begins, (question.resource, raw))
            if first is not None and first <= self._last:
                short = told | {"date": first}
                yield Short(pool.pool, Said("short_runway", short), first)
            elif answer.runway.reason == "stale":
                yield Said("unknown_stale", told)
            elif self._until is not None and is_unforeseen(answer):
                yield Said("unknown_history", told | {"date": self._until})

    def _running(self, pool: PoolAnswer, outcome: Outcome) -> Iterator[Short | Said]:
        """What finds no host, and what a lost host takes down that it did not before."""
        placement = outcome.placement_in(pool.pool)
        unplaced = placement.unplaced if placement is not None else ()
        told: dict[str, Any] = {"pool": pool.pool.name}
        if placement is not None and placement.verdict == "fail":
            said = Said("short_placement", told | {"count": len(unplaced), "why": placement.why})
            yield Short(pool.pool, said, self.begins)
        elif placement is not None and placement.verdict != "pass":
            yield Said("unknown_placement", told | {"why": placement.why})
        before = set(self._base.by_pool[key_of(pool.pool)].stays_down)
        worse = sorted(set(pool.stays_down) - before - set(unplaced))
        if pool.failover == "unproven":
            why = next((case.why for case in pool.cases if case.verdict == "unproven"), "")
            yield Said("unknown_failover", told | {"why": why})
        elif worse:
            yield Short(pool.pool, Said("short_failover", told | {"names": worse}), self.begins)


def first_over(answer: Answer) -> date | None:
    """The conservative day where it is known, else that of the base; None when neither is."""
    return answer.runway.conservative_first_over or answer.runway.first_over


def is_unforeseen(answer: Answer) -> bool:
    """Whether nothing can be said of the days to come."""
    return answer.runway.reason in ("not_enough_history", "capacity_unknown", "demand_unknown")
