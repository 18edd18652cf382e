"""The estate as a scenario has made it, beside the one that is: facts, and demand that moved.

What is allocated follows from the changed facts. What guests *use* is measured, so a change says
by how much demand shifts: a new guest counts in full, one that goes takes its share with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from inventory.facts import Fact, Facts
from inventory.records import Datastore, Disk, Guest, Host, Record
from planner.answers import Answer, PoolAnswer, answer_all
from planner.capacity import Capacity
from planner.efficiency.answer import Efficiency, efficiency_of
from planner.efficiency.showback import Rates, rates_of
from planner.estate import Estate
from planner.loads import Load, load_of
from planner.past import Past
from planner.placement.packing import WORST_FIRST, Verdict
from planner.policy import Model, Resource
from planner.pools import Pool, pools_of
from planner.questions import Question, questions
from planner.scenario.changes import Growth
from planner.tiers import Limits
from planner.twins import GuestKey
from planner.usable import capacity_of, limits_of

PoolKey = tuple[str, str]  # kind and name
NOWHERE = "(no host)"  # the host of a guest that found none


def key_of(pool: Pool) -> PoolKey:
    return (pool.kind, pool.name)


@dataclass(frozen=True, slots=True)
class Shift:
    """By how much a pool's load changes, in base units; None is not known.

    ``like``: the pool whose growth it has, for demand that moves from there.
    """

    pool: PoolKey
    resource: Resource
    model: Model
    amount: float | None
    like: PoolKey | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a cluster's new and homeless guests went, and which found no host."""

    placed: tuple[tuple[str, str], ...] = ()  # guest → host, by their labels
    unplaced: tuple[str, ...] = ()
    verdict: Verdict = "pass"
    why: str = ""

    def and_then(self, later: Placement) -> Placement:
        """Both, as one."""
        moved = {name for name, _host in later.placed} | set(later.unplaced)
        return Placement(
            (*(pair for pair in self.placed if pair[0] not in moved), *later.placed),
            (*(name for name in self.unplaced if name not in moved), *later.unplaced),
            min(self.verdict, later.verdict, key=WORST_FIRST.index),
            later.why or self.why,
        )


@dataclass(frozen=True)
class Base:
    """Doing nothing: the estate as it is, what was asked of it, and the answers."""

    estate: Estate
    past: Past
    zone: ZoneInfo
    asked: tuple[Question, ...]
    answers: tuple[PoolAnswer, ...]
    power_since: Mapping[int, datetime] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        estate: Estate,
        past: Past,
        zone: ZoneInfo,
        power_since: Mapping[int, datetime] = MappingProxyType({}),
    ) -> Base:
        asked = questions(estate, past, zone)
        return cls(estate, past, zone, asked, answer_all(estate, asked), power_since)

    @cached_property
    def efficiency(self) -> Efficiency:
        """What could be given back today."""
        return efficiency_of(self.estate, self.past.guest_days, self.power_since)

    @cached_property
    def rates(self) -> Mapping[str, Rates]:
        """What a vCPU and a GiB cost a month, by cluster; none without a rate card."""
        return rates_of(self.estate, self.answers)

    @cached_property
    def by_pool(self) -> Mapping[PoolKey, PoolAnswer]:
        return {key_of(answer.pool): answer for answer in self.answers}

    @cached_property
    def flat(self) -> tuple[Answer, ...]:
        """The answers in the order of the questions."""
        by_key = {
            (key_of(answer.question.pool), answer.question.resource, answer.question.model): answer
            for pool in self.answers
            for answer in pool.answers
        }
        return tuple(by_key[key_of(q.pool), q.resource, q.model] for q in self.asked)

    def answer(self, pool: PoolKey, resource: Resource, model: Model) -> Answer:
        return next(
            answer
            for answer in self.by_pool[pool].answers
            if (answer.question.resource, answer.question.model) == (resource, model)
        )

    def cluster(self, name: str) -> PoolAnswer:
        return self.by_pool["cluster", name]

    def used_share(self, pool: PoolKey, resource: Resource) -> float | None:
        """What is used per unit that is allocated; None when one is not known or nothing is."""
        answer = self.answer(pool, resource, "demand")
        allocated = answer.question.load.allocated
        return None if answer.demand is None or not allocated else answer.demand / allocated

    def busy_cores_per_vcpu(self, cluster: str) -> float | None:
        """How many cores a vCPU is busy with; without guests what the ratio allows."""
        answer = self.answer(("cluster", cluster), "cpu", "demand")
        if answer.question.load.allocated == 0:
            return 1.0 / self.estate.policy.overcommit.cpu
        return self.used_share(("cluster", cluster), "cpu")


@dataclass(frozen=True, slots=True)
class WaitingDisk:
    """A disk that needs a datastore: which one was asked for, and how much it will use there."""

    disk: Disk
    wanted: PoolKey | None
    uses_bytes: float | None


@dataclass(frozen=True)
class World:
    """What the estate is from some day on. ``shifts`` are by what brings them."""

    estate: Estate
    shifts: Mapping[str, tuple[Shift, ...]] = field(default_factory=dict)
    growths: tuple[tuple[date, Growth], ...] = ()
    born: frozenset[GuestKey] = frozenset()  # guests that only the scenario has
    homeless: frozenset[GuestKey] = frozenset()  # guests that need a host
    waiting: tuple[WaitingDisk, ...] = ()  # disks that need a datastore
    placements: Mapping[str, Placement] = field(default_factory=dict)  # by cluster
    notes: tuple[str, ...] = ()

    def noting(self, *notes: str) -> World:
        return replace(self, notes=tuple(dict.fromkeys((*self.notes, *notes))))

    def shifting(self, shifts: Mapping[str, Iterable[Shift]]) -> World:
        """With the shifts of some things, instead of those they had."""
        told = {name: tuple(found) for name, found in shifts.items()}
        rest = {name: found for name, found in self.shifts.items() if name not in told}
        return replace(self, shifts=rest | {name: found for name, found in told.items() if found})

    def facts(self, kind: type[Any]) -> tuple[Fact[Any], ...]:
        return self.estate.facts.of(kind)

    def with_facts(self, kind: type[Record], facts: Iterable[Fact[Any]]) -> World:
        """With other facts of one kind."""
        old = self.estate.facts
        changed = Facts(old.at, {**old.by_kind, kind: tuple(facts)})
        return replace(self, estate=replace(self.estate, facts=changed))

    def with_records(self, kind: type[Record], records: Mapping[str, Record]) -> World:
        """With some facts' records replaced; they are named by cluster and subject."""
        return self.with_facts(
            kind,
            (
                replace(fact, record=records[name])
                if (name := name_of(fact.record)) in records
                else fact
                for fact in self.facts(kind)
            ),
        )

    def adding(self, kind: type[Record], records: Iterable[Record], source: str) -> World:
        """With new facts, as if a source had told them."""
        at = self.estate.at
        more = tuple(Fact(record, source, None, at, at) for record in records)
        return self.with_facts(kind, (*self.facts(kind), *more)) if more else self

    @cached_property
    def pools(self) -> Mapping[PoolKey, Pool]:
        return {key_of(pool): pool for pool in pools_of(self.estate)}

    @cached_property
    def store_at(self) -> Mapping[tuple[str, str], PoolKey]:
        """The datastores' pools, by the cluster and id by which disks name them."""
        return {
            place: key
            for key, pool in self.pools.items()
            if pool.datastore is not None
            for place in self.estate.places_of(pool.datastore)
        }

    def store_of(self, disk: Disk) -> PoolKey | None:
        return self.store_at.get((disk.cluster, disk.datastore_id or ""))

    @cached_property
    def _by_question(self) -> Mapping[tuple[PoolKey, Resource, Model], list[Shift]]:
        found: dict[tuple[PoolKey, Resource, Model], list[Shift]] = defaultdict(list)
        for name in sorted(self.shifts):  # the order in which things happened adds no rounding
            for shift in self.shifts[name]:
                found[shift.pool, shift.resource, shift.model].append(shift)
        return found

    def shifts_of(self, question: Question) -> Sequence[Shift]:
        return self._by_question.get((key_of(question.pool), question.resource, question.model), [])


def name_of(record: Host | Guest | Disk | Datastore) -> str:
    """A fact's name inside the estate."""
    return f"{record.cluster}/{record.subject}"


# What a pool carries in a world


@dataclass(frozen=True, slots=True)
class Standing:
    """A question as it stands in a world, were every change of it made and nothing had grown."""

    pool: Pool
    capacity: Capacity
    load: Load
    limits: Limits
    carried: float | None  # demand, or what is allocated; None is not known

    @property
    def headroom(self) -> float | None:
        if self.capacity.usable is None or self.carried is None:
            return None
        return self.capacity.usable - self.carried


def standing(world: World, base: Base, answer: Answer) -> Standing:
    """How the question of an answer stands in a world."""
    question = answer.question
    pool = world.pools[key_of(question.pool)]
    load = load_of(world.estate, base.past, pool, question.resource, question.load.series)
    load = replace(load, today=question.load.today, flags=question.load.flags)
    shift = total(shift.amount for shift in world.shifts_of(question))
    limits = limits_of(world.estate, pool)
    carried = answer.demand if question.model == "demand" else load.allocated
    if question.model == "allocation" and load.allocated is not None and shift is not None:
        load = replace(load, allocated=load.allocated + shift)
    return Standing(
        pool=pool,
        capacity=capacity_of(pool, question.resource, question.model, limits),
        load=load,
        limits=limits,
        carried=None if carried is None or shift is None else carried + shift,
    )


def total(amounts: Iterable[float | None]) -> float | None:
    """The sum; not known when one part is not."""
    told = list(amounts)
    known = [amount for amount in told if amount is not None]
    return float(np.sum(known)) if len(known) == len(told) else None
