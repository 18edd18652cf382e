"""What is on its way, or has a date to leave: a request that begins later finds it done."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from planner.leads import Pending
from planner.pools import Pool
from planner.purchases import Hardware
from planner.questions import Question
from planner.scenario.changes import AddHosts, AddStorage, Change, RetireHost
from planner.scenario.world import Base, PoolKey, key_of
from planner.usable import coming_of, usable_days

_MOST_LETTERS = 60  # of a name that a scenario gives


@dataclass(frozen=True, slots=True)
class Coming:
    """An order on its way, or hardware that the owners' file has arrive or leave."""

    pool: Pool
    event: Pending | Hardware
    as_of: date

    @property
    def hardware(self) -> Hardware:
        return self.event.hardware() if isinstance(self.event, Pending) else self.event

    @property
    def name(self) -> str:
        if isinstance(self.event, Pending):
            return self.event.order.name
        return self.event.host or ""

    @property
    def stage(self) -> str | None:
        """How far the order is; None of hardware that is declared."""
        return self.event.stage if isinstance(self.event, Pending) else None

    @property
    def arrives(self) -> bool:
        return self.hardware.change == "arrives"

    @property
    def by(self) -> date:
        """The day by which it has happened: as late as the latest of the past orders."""
        if isinstance(self.event, Pending) and self.event.spread:
            latest = self.as_of + timedelta(days=max(self.event.spread))
            return max(latest, self.event.expected)
        return self.hardware.when

    @property
    def change(self) -> Change | None:
        """What it does to the hosts and datastores; None where it is neither.

        What arrives is there from the start: what a pool is short of before the request begins is
        none of the request's.
        """
        what, name = self.hardware, self.name[:_MOST_LETTERS]
        if self.pool.kind == "datastore":
            size = what.count * what.storage_gib
            if not self.arrives or not size:
                return None
            return Change(add_storage=AddStorage(pool=self.pool.name, storage_gib=size))
        if not self.arrives:
            known = any(what.host == fact.record.name for fact in self.pool.hosts)
            leaves = RetireHost(host=f"{self.pool.cluster}/{what.host}")
            return Change(when=what.when, retire=leaves) if known else None
        if not (what.cpu_cores and what.memory_gib):
            return None
        hosts = AddHosts(
            pool=self.pool.name,
            count=what.count,
            cpu_cores=what.cpu_cores,
            memory_gib=what.memory_gib,
            name=name,
        )
        return Change(add_hosts=hosts)


def coming_in(base: Base, clusters: Collection[str]) -> tuple[Coming, ...]:
    """All that is coming to some clusters and to any datastore, as the pools have it."""
    return tuple(
        one
        for answer in base.answers
        if answer.pool.kind == "datastore" or answer.pool.name in clusters
        for one in _of(answer.answers[0].question, base.estate.as_of)
    )


def _of(question: Question, as_of: date) -> Iterator[Coming]:
    yield from (
        Coming(question.pool, item, as_of) for item in question.hardware if item.when > as_of
    )
    yield from (Coming(question.pool, one, as_of) for one in question.pending if one.is_on_its_way)


def without(base: Base, done: Sequence[Coming]) -> Base:
    """Doing nothing, asked without what is coming: it never does, or the world has it already."""
    if not done:
        return base
    events: dict[PoolKey, list[Pending | Hardware]] = {}
    for one in done:
        events.setdefault(key_of(one.pool), []).append(one.event)

    def of(question: Question) -> Question:
        gone = events.get(key_of(question.pool))
        return question if gone is None else _without(question, gone, base)

    answers = tuple(
        replace(
            pool,
            answers=tuple(replace(one, question=of(one.question)) for one in pool.answers),
        )
        for pool in base.answers
    )
    return replace(base, asked=tuple(map(of, base.asked)), answers=answers)


def _without(question: Question, gone: Sequence[Pending | Hardware], base: Base) -> Question:
    hardware = tuple(item for item in question.hardware if item not in gone)
    pending = tuple(one for one in question.pending if one not in gone)
    usable = usable_days(
        question.pool,
        question.resource,
        question.model,
        question.limits,
        coming_of(hardware, pending),
        base.estate.as_of,
        len(question.usable) - 1,
    )
    return replace(question, hardware=hardware, pending=pending, usable=usable)
