"""What the explanations of scenarios and of requests share."""

from __future__ import annotations

from typing import Any

from planner.answers import Answer, PoolAnswer
from planner.fitting import fits_of, profiles_of
from planner.scenario.changes import Change
from planner.scenario.outcome import Outcome
from planner.scenario.world import key_of, name_of
from planner.sections import Basis, Sections


def scenario_sections(outcome: Outcome, pool: PoolAnswer, answer: Answer) -> Sections:
    """The parts of the explanation of a pool as a scenario leaves it."""
    world, base = outcome.world, outcome.base
    medium = [size for size in profiles_of(base.estate.policy) if size.name == "M"]
    there = {name_of(fact.record) for fact in base.estate.hosts}
    new = (f.record for f in world.estate.hosts if name_of(f.record) not in there)
    basis = Basis(
        estate=world.estate,
        fits=fits_of(world.estate, outcome.answers, pool, medium),
        efficiency=base.efficiency,
        shifted=bool(shifts_of(outcome, answer)),
        invented=frozenset((host.cluster, host.host_id) for host in new),
    )
    return Sections(basis, pool, answer)


def shifts_of(outcome: Outcome, answer: Answer) -> list[tuple[str, float | None]]:
    """What moved the load apart from facts: by what brings it, in base units."""
    question = answer.question
    return [
        (name, shift.amount)
        for name, found in outcome.world.shifts.items()
        for shift in found
        if (shift.pool, shift.resource, shift.model)
        == (key_of(question.pool), question.resource, question.model)
    ]


def worded(change: Change) -> str:
    """A change as its keys and values: add count 10, profile M, pool c."""
    [(verb, what)] = change.verbs.items()
    return f"{verb} {_listed(what.model_dump(mode='json', exclude_none=True))}"


def _listed(values: Any) -> str:
    if isinstance(values, dict):
        stated = {name: value for name, value in values.items() if value not in ("", [], {})}
        return ", ".join(f"{name} {_listed(value)}" for name, value in stated.items())
    if isinstance(values, list):
        return "; ".join(f"({_listed(value)})" for value in values)
    return str(values)
