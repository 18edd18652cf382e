"""Scenarios side by side: one row per scenario, pool, resource and model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

from planner.answers import Answer, PoolAnswer
from planner.fitting import fits_of, profiles_of
from planner.placement.packing import Verdict
from planner.report import in_unit
from planner.scenario.changes import DOING_NOTHING, Scenario
from planner.scenario.names import ScenarioError
from planner.scenario.outcome import Outcome, outcome_of
from planner.scenario.world import Base, Placement

_TOLD = 4  # decimals
_NOT_COMPARED = frozenset(
    {"scenario", "site_binding", "headroom_change", "changed", "notes", "key"}
)


@dataclass(frozen=True, slots=True)
class ScenarioRow:
    """whatif: a pool, resource and model in one scenario.

    Headroom, fit and failover are those after every change, with today's load; runway and dates
    are simulated with each change from its day on.
    """

    scenario: str
    pool: str
    pool_kind: str
    resource: str
    model: str
    unit: str
    usable: float | None
    load: float | None
    headroom: float | None
    headroom_change: float | None
    runway_days: int | None
    runway_days_conservative: int | None
    runway_reason: str
    first_over_date: date | None
    first_over_date_conservative: date | None
    order_by_date: date | None
    order_overdue_days: int | None
    status: str
    binding: str
    site_binding: str
    fit_m: int | None
    failover_test: Verdict
    stays_down: str
    stays_down_count: int | None
    placement: str
    changed: str
    notes: str
    flags: str = ""
    key: str = ""


def compared(base: Base, scenarios: Iterable[Scenario]) -> tuple[ScenarioRow, ...]:
    """Doing nothing, and each scenario beside it. Raises ScenarioError, below its number."""
    outcomes = [outcome_of(base, Scenario(name=DOING_NOTHING))]
    for number, scenario in enumerate(scenarios):
        try:
            outcomes.append(outcome_of(base, scenario))
        except ScenarioError as error:
            raise error.below("scenarios", number) from error
    return rows_of(outcomes)


def rows_of(outcomes: Sequence[Outcome]) -> tuple[ScenarioRow, ...]:
    """The rows of outcomes of one base; the first is what the others are compared with."""
    tables = [list(_rows(outcome)) for outcome in outcomes]
    return tuple(
        _marked(row, tables[0][number]) for table in tables for number, row in enumerate(table)
    )


def _rows(outcome: Outcome) -> Iterator[ScenarioRow]:
    [medium] = [p for p in profiles_of(outcome.base.estate.policy) if p.name == "M"]
    site = outcome.binding
    for pool in outcome.answers:
        [fit] = fits_of(outcome.world.estate, outcome.answers, pool, [medium])
        for answer in pool.answers:
            yield _row(outcome, pool, answer, fit.count, site.question.key if site else "")


def _row(
    outcome: Outcome, pool: PoolAnswer, answer: Answer, fit_m: int | None, site: str
) -> ScenarioRow:
    question, runway = answer.question, answer.runway
    binding = pool.binding.question
    return ScenarioRow(
        scenario=outcome.name,
        pool=pool.pool.name,
        pool_kind=pool.pool.kind,
        resource=question.resource,
        model=question.model,
        unit=question.unit,
        usable=_told(in_unit(answer.usable, answer)),
        load=_told(in_unit(answer.load, answer)),
        headroom=_told(in_unit(answer.headroom, answer)),
        headroom_change=None,
        runway_days=runway.days,
        runway_days_conservative=runway.conservative_days,
        runway_reason=runway.reason,
        first_over_date=runway.first_over,
        first_over_date_conservative=runway.conservative_first_over,
        order_by_date=answer.order.on,
        order_overdue_days=answer.order.overdue_days if answer.order.on else None,
        status=answer.status,
        binding=f"{binding.resource}/{binding.model}",
        site_binding=site.removeprefix("pool/"),
        fit_m=fit_m,
        failover_test=pool.failover,
        stays_down="; ".join(pool.stays_down),
        stays_down_count=pool.stays_down_count,
        placement=_placement(outcome.placement_in(pool.pool)),
        changed="",
        notes="; ".join(outcome.world.notes),
        flags=" ".join(answer.flags),
        key=_key(outcome.name, answer),
    )


def key_prefix(scenario: str) -> str:
    """What the keys of a scenario's rows begin with."""
    return f"scenario/{scenario}"


def _key(scenario: str, answer: Answer) -> str:
    """What `explain` knows the row by; doing nothing is what the pool's own key explains."""
    own = answer.question.key
    if scenario == DOING_NOTHING:
        return own
    return f"{key_prefix(scenario)}/{own.removeprefix('pool/')}"


def _told(value: float | None) -> float | None:
    return None if value is None else round(value, _TOLD)


def _placement(found: Placement | None) -> str:
    """Which hosts took how many guests, and who found none."""
    if found is None:
        return ""
    counts: dict[str, int] = {}
    for _guest, host in sorted(found.placed, key=lambda pair: pair[1]):
        counts[host] = counts.get(host, 0) + 1
    told = [f"{host}: {count}" for host, count in counts.items()]
    return "; ".join([*told, *([f"no host: {len(found.unplaced)}"] if found.unplaced else [])])


def _marked(row: ScenarioRow, nothing: ScenarioRow) -> ScenarioRow:
    """The row with the names of the columns that differ from doing nothing."""
    names = [field.name for field in fields(row) if field.name not in _NOT_COMPARED]
    differing = [name for name in names if getattr(row, name) != getattr(nothing, name)]
    change: Any = None
    if row.headroom is not None and nothing.headroom is not None:
        change = round(row.headroom - nothing.headroom, _TOLD)
    return replace(row, headroom_change=change, changed=" ".join(differing))
