"""What a scenario does to every answer: dates with the changes on their days, the rest as if all
of them were made.

Headroom, fit and failover are those after every change, with today's load: growth is in the
runway. The runway is simulated with each change from its day on.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from planner.answers import Answer, PoolAnswer, answers_of, binding_of, failover_of
from planner.estate import Estate
from planner.forecast.paths import Floats
from planner.hosting import bins_of, loads_of
from planner.placement.failover import FailoverCase, overall
from planner.pools import Pool
from planner.questions import Question
from planner.scenario.changes import Growth, Scenario
from planner.scenario.names import ScenarioError
from planner.scenario.settling import settled
from planner.scenario.verbs import apply
from planner.scenario.world import (
    Base,
    Placement,
    PoolKey,
    Standing,
    World,
    key_of,
    standing,
    total,
)
from planner.usable import capacity_of, coming_of, limits_of, usable_days


@dataclass(frozen=True)
class Outcome:
    """A scenario's answers beside those of doing nothing, pool by pool in the same order."""

    name: str
    base: Base
    world: World
    answers: tuple[PoolAnswer, ...]

    @property
    def binding(self) -> Answer | None:
        """What binds the whole site."""
        answers = [answer for pool in self.answers for answer in pool.answers]
        return binding_of(answers) if answers else None

    def placement_in(self, pool: Pool) -> Placement | None:
        return self.world.placements.get(pool.cluster) if pool.kind == "cluster" else None


@dataclass(frozen=True, slots=True)
class Step:
    """The world from a day on; days count from as_of."""

    day: int
    world: World


def outcome_of(
    base: Base,
    scenario: Scenario,
    only: Collection[PoolKey] | None = None,
    *,
    packed: bool = True,
    on: date | None = None,
) -> Outcome:
    """The outcome of a scenario, for all pools or ``only`` for some; the rest stays as it is.

    With ``on`` the figures are those of that day: with the hardware that has come or gone and the
    committed projects that have begun by then.
    If it is not ``packed`` new guests have no host and the failover test stays that of doing
    nothing: packing every failure of a large cluster takes a while, and the figures do not ask
    which host. Raises ScenarioError for what cannot be.
    """
    steps = steps_of(base, scenario, packed=packed)
    world = steps[-1].world
    chosen = [a for a in base.flat if only is None or key_of(a.question.pool) in only]
    dated = _answered(base, steps, chosen)
    after = [
        _after(world, base, old, dated[id(old)], on) if id(old) in dated else old
        for old in base.flat
    ]
    groups: dict[PoolKey, list[Answer]] = {key_of(pool.pool): [] for pool in base.answers}
    for answer in after:
        groups[key_of(answer.question.pool)].append(answer)
    answers = tuple(
        _pool(world, base, key, tuple(group), packed=packed) for key, group in groups.items()
    )
    return Outcome(scenario.name, base, world, answers)


def steps_of(base: Base, scenario: Scenario, *, packed: bool = True) -> list[Step]:
    """The world day by day of a change, the first being the one that is."""
    steps = [Step(0, World(base.estate))]
    days = [_day(base, number, c.when) for number, c in enumerate(scenario.changes)]
    for day in sorted(set(days)):
        world = steps[-1].world
        for number, change in enumerate(scenario.changes):
            if days[number] == day:
                when = base.estate.as_of if change.when is None else change.when
                try:
                    world = apply(world, base, change, when)
                except ScenarioError as error:
                    raise error.below("changes", number) from error
        steps.append(Step(day, settled(world, base, packed=packed)))
    return steps


def _day(base: Base, number: int, when: date | None) -> int:
    """Days from as_of to a change. Raises ScenarioError outside what is foreseen."""
    as_of, horizon = base.estate.as_of, base.estate.policy.forecast.horizon_days
    day = 0 if when is None else (when - as_of).days
    if day < 0:
        raise ScenarioError(f"{when} lies before {as_of}", "changes", number, "when")
    if day > horizon:
        text = f"{when} lies beyond the {horizon} days that are foreseen"
        raise ScenarioError(text, "changes", number, "when")
    return day


# The dated part


def _answered(base: Base, steps: Sequence[Step], chosen: Sequence[Answer]) -> dict[int, Answer]:
    """The answers to the changed questions, by the identity of those they had."""
    asked = [(old, _dated(base, steps, old)) for old in chosen]
    changed = [(old, new) for old, new in asked if not _asks_the_same(old.question, new)]
    errors = {i: old.wape_30 for i, (old, _new) in enumerate(changed)}
    found = answers_of(base.estate, [new for _old, new in changed], errors)
    told = {id(old): answer for (old, _new), answer in zip(changed, found, strict=True)}
    return {id(old): old for old in chosen} | told


def _dated(base: Base, steps: Sequence[Step], answer: Answer) -> Question:
    """The question with what is usable and what is added from each step's day on."""
    question = answer.question
    usable, added = question.usable.copy(), question.added.copy()
    allocated = question.load.allocated
    now, without_changes = question, question.usable
    for step in steps[1:]:
        found = standing(step.world, base, answer)
        usable[step.day :] = _usable(step.world.estate, found.pool, question)[step.day :]
        more = _shifted(base, step, question)
        if question.model == "allocation":
            more = more + _or_nan(_less(_allocated(step.world, base, answer), allocated))
        added[step.day :] = (question.added + more)[step.day :]
        if step.day == 0:
            now = _standing_so(question, found)
            without_changes = _usable(step.world.estate, found.pool, question)  # it is the pool now
    added = added + _grown(base, steps[-1].world, answer)
    larger, more = usable - without_changes, added - question.added
    return replace(now, usable=usable, added=added, larger=larger, more=more)


def _asks_the_same(old: Question, new: Question) -> bool:
    """Whether a question has the answer it had: nothing of it changes on any day."""
    return (
        # a load's past is the same one in every scenario
        (old.pool, old.capacity, old.load) == (new.pool, new.capacity, new.load)
        and (old.limits.thresholds, old.limits.failover)
        == (new.limits.thresholds, new.limits.failover)
        and np.array_equal(old.usable, new.usable, equal_nan=True)
        and np.array_equal(old.added, new.added, equal_nan=True)
    )


def _usable(estate: Estate, pool: Pool, question: Question) -> Floats:
    """What is usable per day of a pool's hosts, with what the owners' file has arrive or leave."""
    limits, as_of = limits_of(estate, pool), estate.as_of
    coming = coming_of(question.hardware, question.pending)
    days = limits.policy.forecast.horizon_days
    return usable_days(pool, question.resource, question.model, limits, coming, as_of, days)


def _allocated(world: World, base: Base, answer: Answer) -> float | None:
    """What is allocated by guests and disks alone, without demand in one piece."""
    whole = standing(world, base, answer).load.allocated
    return _less(whole, total(shift.amount for shift in world.shifts_of(answer.question)))


def _less(whole: float | None, part: float | None) -> float | None:
    return None if whole is None or part is None else whole - part


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _shifted(base: Base, step: Step, question: Question) -> Floats:
    """What shifts add to the demand, per day; with the growth of where they come from."""
    more = np.zeros_like(question.added)
    for shift in step.world.shifts_of(question):
        curve: Floats | float = 1.0
        if shift.like is not None:
            curve = _curve(base.answer(shift.like, question.resource, question.model))
        more = more + _or_nan(shift.amount) * curve
    return more


def _level(answer: Answer) -> Floats | None:
    """The middle of the foreseen demand, without what projects add."""
    return None if answer.passage is None else answer.passage.level - answer.question.added


def _curve(answer: Answer) -> Floats | float:
    """The foreseen demand per unit of today's; 1 where none is foreseen."""
    level = _level(answer)
    if level is None or not level[0] > 0:
        return 1.0
    return np.asarray(level / level[0], dtype=np.float64)


def _grown(base: Base, world: World, answer: Answer) -> Floats:
    """What growth that is faster or slower than foreseen adds; shrinking stays as foreseen."""
    question, level = answer.question, _level(answer)
    more = np.zeros_like(question.added)
    for when, growth in world.growths:
        if level is None or not _concerns(growth, question):
            continue
        day = (when - base.estate.as_of).days
        factor = getattr(growth, question.resource) - 1.0
        if level[-1] > level[day]:
            more[day:] += factor * (level[day:] - level[day])
    return more


def _concerns(growth: Growth, question: Question) -> bool:
    return growth.pool is None or question.pool.answers_to(growth.pool)


# The part that is as if all changes were made


def _after(world: World, base: Base, old: Answer, new: Answer, on: date | None) -> Answer:
    """An answer with its dates, and the figures once every change is made."""
    found = standing(world, base, old)
    if on is not None:
        found = _standing_on(found, old.question, on, (on - base.estate.as_of).days)
    question = _standing_so(new.question, found)
    return replace(
        new,
        question=question,
        flags=_flags(new, question),
        demand=found.carried if question.model == "demand" else None,
        usable=found.capacity.usable,
        headroom=found.headroom,
    )


def _standing_on(found: Standing, question: Question, on: date, day: int) -> Standing:
    """How it stands on a day, by what is dated and no scenario's: hardware, committed projects."""
    come = [item for item in coming_of(question.hardware, question.pending) if item.when <= on]
    more = float(question.added[day] - question.added[0])
    carried = None if found.carried is None else found.carried + more
    allocated = found.load.allocated
    if question.model == "allocation" and allocated is not None:
        allocated += more
    return replace(
        found,
        capacity=capacity_of(found.pool, question.resource, question.model, found.limits, come),
        load=replace(found.load, allocated=allocated),
        carried=carried,
    )


def _standing_so(question: Question, found: Standing) -> Question:
    return replace(
        question, pool=found.pool, capacity=found.capacity, load=found.load, limits=found.limits
    )


def _flags(answer: Answer, question: Question) -> tuple[str, ...]:
    """The answer's flags, with the tiers of those guests that the question now has."""

    def of_tiers(one: Question) -> tuple[str, ...]:
        return one.limits.flags(one.resource, one.model)

    old, new = of_tiers(answer.question), of_tiers(question)
    if old == new:
        return answer.flags
    return (*(flag for flag in answer.flags if flag not in old), *new)


def _pool(
    world: World, base: Base, key: PoolKey, answers: tuple[Answer, ...], *, packed: bool
) -> PoolAnswer:
    old, pool = base.by_pool[key], answers[0].question.pool
    if not packed or pool.kind != "cluster" or _runs_the_same(world, base, old.pool, pool):
        return replace(old, pool=pool, answers=answers)
    found = failover_of(world.estate, pool)
    cases = (*found.cases, *_homeless(world, pool))
    return PoolAnswer(pool, answers, overall(cases), cases, found.domains, found.resilience)


def _runs_the_same(world: World, base: Base, old: Pool, new: Pool) -> bool:
    policy = base.estate.policy
    return bins_of(old, policy) == bins_of(new, policy) and loads_of(base.estate, old) == loads_of(
        world.estate, new
    )


def _homeless(world: World, pool: Pool) -> tuple[FailoverCase, ...]:
    """A case of no lost host at all, when not every guest found one."""
    found = world.placements.get(pool.cluster)
    if found is None or found.verdict == "pass":
        return ()
    why = found.why or "no packing found, none ruled out"
    return (FailoverCase((), found.verdict, found.unplaced, why=why),)
