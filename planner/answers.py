"""The answers: per pool, resource and model the runway, the date to order by, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.budget import BudgetBy, budget_by
from planner.capacity import headroom, overcommit, percent, thin_debt, thin_exposure
from planner.contention import is_held_back
from planner.estate import Estate
from planner.foreseen import (
    Foreseen,
    LevelStep,
    back_test,
    foresee,
    provisional_passages,
    widening,
    with_tentative,
)
from planner.hosting import bins_of, domains_of, loads_of, planned_hosts
from planner.numbers import exceeds
from planner.placement.failover import (
    FailoverCase,
    FailoverTest,
    Resilience,
    failover_cases,
    overall,
)
from planner.placement.packing import Verdict
from planner.policy import ForecastRules, Policy
from planner.pools import GIB, Pool
from planner.quality import is_out_of_line
from planner.questions import Question
from planner.recorders import Verdict as RetentionVerdict
from planner.recorders import ring_buffers
from planner.runway import (
    Confidence,
    OrderBy,
    Passage,
    Runway,
    Status,
    confidence,
    no_runway,
    order_by,
    runway,
    status,
)
from planner.unseen import guests_unseen
from planner.usable import limits_of

_RING_STATUS: Mapping[RetentionVerdict, Status] = {"ok": "ok", "short": "act", "unknown": "unknown"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known and foreseen of one question."""

    question: Question
    demand: float | None  # D₀ of the demand model; None under allocation
    usable: float | None
    headroom: float | None
    runway: Runway
    order: OrderBy
    status: Status
    confidence: Confidence
    coverage_ratio: float
    history_days: float
    wape_30: float | None
    passage: Passage | None
    flags: tuple[str, ...]
    budget: BudgetBy | None = None  # None: no gates are configured, or nothing is to be ordered
    with_tentative: Runway | None = None  # None: no tentative project adds to this
    provisional: Passage | None = None  # a path to show where the past is too short for a date
    steps: tuple[LevelStep, ...] = ()

    @property
    def load(self) -> float | None:
        """What stands against the usable capacity: demand, or what is allocated."""
        if self.question.model == "demand":
            return self.demand
        return self.question.load.allocated

    @property
    def used_percent(self) -> float | None:
        return percent(self.load, self.usable)

    @property
    def overcommit_now(self) -> float | None:
        return overcommit(self.question.load.allocated, self.question.capacity.effective)

    @property
    def overcommit_after_failure(self) -> float | None:
        return overcommit(self.question.load.allocated, self.question.capacity.failover)


@dataclass(frozen=True, slots=True)
class PoolAnswer:
    """A pool's answers, the one that binds it, and its failover test."""

    pool: Pool
    answers: tuple[Answer, ...]
    failover: Verdict
    cases: tuple[FailoverCase, ...]
    domain_cases: tuple[FailoverCase, ...] = ()
    resilience: Resilience = Resilience(None, "not_applicable")

    @property
    def binding(self) -> Answer:
        """The shortest runway; where none is known, the least headroom."""
        return binding_of(self.answers)

    @property
    def stays_down(self) -> tuple[str, ...]:
        return tuple(sorted({name for case in self.cases for name in case.stays_down}))

    @property
    def stays_down_count(self) -> int | None:
        """How many some loss leaves down; None where none is named and not all losses pass."""
        return len(self.stays_down) or (0 if self.failover == "pass" else None)


def in_unit(value: float | None, answer: Answer) -> float | None:
    """A base amount of the answer's resource in the unit that reports show."""
    if value is None:
        return None
    return value / GIB if answer.question.unit == "gib" else float(value)


def binding_of(answers: Sequence[Answer]) -> Answer:
    """The answer that binds a cluster or a site: the minimum over its pools and resources."""
    return min(answers, key=_tightness)


def _tightness(answer: Answer) -> tuple[int, float, float]:
    shortest = answer.runway.shortest
    free = percent(answer.headroom, answer.usable)
    return (
        0 if shortest is not None else 1,
        0.0 if shortest is None else float(shortest),
        float("inf") if free is None else free,
    )


def answer_all(estate: Estate, asked: Sequence[Question]) -> tuple[PoolAnswer, ...]:
    """Every question answered, grouped by pool in the order they were asked."""
    answers = answers_of(estate, asked, back_test(estate, asked))
    grouped: dict[tuple[str, str], list[Answer]] = {}
    for answer in answers:
        pool = answer.question.pool
        grouped.setdefault((pool.kind, pool.name), []).append(answer)
    return tuple(_pool_answer(estate, tuple(group)) for group in grouped.values())


def answers_of(
    estate: Estate, asked: Sequence[Question], errors: Mapping[int, float | None]
) -> list[Answer]:
    """Each question answered by itself; ``errors`` is the WAPE by its number, where measured."""
    foreseen = foresee(estate, asked)
    tentative = with_tentative(estate, asked, foreseen)
    provisional = provisional_passages(estate, asked)
    rings = ring_buffers(estate)
    return [
        _second_line(
            estate,
            _answer(
                estate,
                question,
                foreseen.get(i),
                errors.get(i),
                _ring(question, rings),
                provisional.get(i),
            ),
            tentative.get(i),
        )
        for i, question in enumerate(asked)
    ]


def _pool_answer(estate: Estate, answers: tuple[Answer, ...]) -> PoolAnswer:
    pool = answers[0].question.pool
    found = failover_of(estate, pool) if pool.kind == "cluster" else Failover()
    return PoolAnswer(
        pool, answers, overall(found.cases), found.cases, found.domains, found.resilience
    )


def _ring(
    question: Question, rings: Mapping[tuple[str, str], RetentionVerdict]
) -> RetentionVerdict | None:
    """Of a datastore that is full by design, whether it keeps what it must; None of any other."""
    store = question.pool.datastore
    return rings.get((store.record.cluster, store.record.datastore_id)) if store else None


def _answer(
    estate: Estate,
    question: Question,
    foreseen: Foreseen | None,
    error: float | None,
    ring: RetentionVerdict | None = None,
    provisional: Passage | None = None,
) -> Answer:
    policy, series = estate.policy, question.load.series
    passage, steps = (foreseen.passage, foreseen.steps) if foreseen else (None, ())
    usable = question.capacity.usable
    coverage = series.coverage_ratio(policy.forecast.coverage_window_days)
    demand = _demand_now(question, passage)
    load = demand if question.model == "demand" else question.load.allocated
    found = _runway(estate, question, passage, usable, load)
    if ring is not None:
        found = no_runway("ring_buffer")
    order = order_by(
        found,
        as_of=estate.as_of,
        lead_days=question.lead.days,
        lead_confirmed=not question.lead.is_assumed,
        basis=policy.forecast.order_by_basis,
    )
    return Answer(
        question=question,
        demand=demand,
        usable=usable,
        headroom=headroom(usable, load),
        runway=found,
        order=order,
        status=_RING_STATUS[ring]
        if ring is not None
        else status(
            found,
            order,
            as_of=estate.as_of,
            rules=policy.status,
            critical_without_ha=_is_critical_without_ha(estate, question),
        ),
        confidence=confidence(
            history_days=series.history_days,
            coverage_ratio=coverage,
            wape_30=error,
            stale=bool(question.stale),
            runway_days=found.shortest,
            minimum_history_days=policy.forecast.minimum_history_days,
            minimum_coverage_ratio=policy.forecast.minimum_coverage_ratio,
        ),
        coverage_ratio=coverage,
        history_days=series.history_days,
        wape_30=error,
        passage=passage,
        flags=(
            *_flags(question, found, order, policy, steps),
            *_alarm(found, passage, policy.forecast),
            *(["ring_buffer"] if ring else []),
            *(["provisional"] if provisional else []),
        ),
        steps=steps,
        budget=None
        if order.on is None
        else budget_by(estate.owners.budget, order.on, estate.as_of),
        provisional=provisional,
    )


def _second_line(estate: Estate, answer: Answer, passage: Passage | None) -> Answer:
    """The answer with the runway that tentative projects would leave; as it is without any."""
    if passage is None:
        return answer
    found = _runway(estate, answer.question, passage, answer.usable, answer.load)
    return replace(answer, with_tentative=found)


def _demand_now(question: Question, passage: Passage | None) -> float | None:
    """D₀: the forecast's middle at as_of, else the last closed day, else today so far.

    What is added from as_of on is a part of it.
    """
    more = float(question.added[0])
    if question.model != "demand" or np.isnan(more):
        return None
    if passage is not None:
        return passage.level_now
    last = question.load.series.last
    known = question.load.today if last is None else last[1]
    return None if known is None else known + more


def _runway(
    estate: Estate,
    question: Question,
    passage: Passage | None,
    usable: float | None,
    load: float | None,
) -> Runway:
    if question.stale:
        return no_runway("stale")
    if usable is None or np.isnan(question.usable).any():
        return no_runway("capacity_unknown")
    unseen = question.model == "allocation" and load is None
    if unseen or np.isnan(question.added).any():
        return no_runway("demand_unknown")
    if passage is None:
        return no_runway("not_enough_history")
    return runway(passage, as_of=estate.as_of, usable_now=usable, demand_now=load)


def _is_critical_without_ha(estate: Estate, question: Question) -> bool:
    return "no_ha" in question.capacity.flags and any(
        view.criticality == 1 for view in estate.guests_in(question.pool.cluster)
    )


def _flags(
    question: Question,
    found: Runway,
    order: OrderBy,
    policy: Policy,
    steps: Sequence[LevelStep],
) -> tuple[str, ...]:
    load, series, limits = question.load, question.load.series, question.limits
    flags = [*question.capacity.flags, *load.flags, *series.flags]
    flags += _lead_flags(question, order)
    table = "threshold" if question.model == "demand" else "overcommit"
    if limits.policy.is_assumed(table, question.resource):
        flags.append(f"{table}_assumed")
    flags += limits.flags(question.resource, question.model)
    if load.is_incomplete:
        flags.append(f"allocation_incomplete:{'?' if load.unseen else load.unknown_parts}")
    if question.model == "demand" and series.last is None and load.today is not None:
        flags.append("demand_of_today")
    if found.shortest is not None and found.shortest > series.history_days:
        flags.append("extrapolated")
    hosts = [fact.record for fact in question.pool.hosts]
    from_some = "demand_from_guests" in load.flags and load.unseen
    if question.model == "demand" and (is_held_back(hosts, question.resource) or from_some):
        flags.append("demand_is_lower_bound")
    unexplained = is_out_of_line(load.reconciled, policy.quality.unexplained_pct)
    if question.model == "demand" and unexplained and not load.unseen:
        flags.append("unexplained_use")
    flags += [f"step:{step.on}" for step in steps if not step.habit]
    if (wider := widening(question)).is_needed:
        flags.append(f"band_widened:{wider.most:.2f}")
    flags += _thin_flags(question)
    return tuple(dict.fromkeys(flags))


def _alarm(found: Runway, passage: Passage | None, rules: ForecastRules) -> Iterator[str]:
    """Whether it may soon be over, as likely as the policy wants to be told of."""
    if passage is None or not found.is_to_come:
        return
    chance = 100.0 * passage.chance_within(rules.alarm_days)
    if not exceeds(rules.alarm_pct, chance):
        yield f"over_soon:{chance:.0f}"


def _lead_flags(question: Question, order: OrderBy) -> Iterable[str]:
    """Where the lead time comes from, and whether an order is later than expected."""
    if order.on is not None and question.lead.basis != "confirmed":
        yield "lead_assumed" if order.lead_assumed else "lead_learnt"
    if question.lead.contradicts:
        yield "lead_too_short"
    if any(one.is_late for one in question.pending if one.is_on_its_way):
        yield "order_late"


def _thin_flags(question: Question) -> Iterable[str]:
    """What a datastore has promised beyond what it holds, in GiB."""
    load, raw = question.load, question.capacity.raw
    if question.resource != "storage" or load.allocated is None or raw is None:
        return
    if load.used_now is not None and (debt := thin_debt(load.allocated, load.used_now)) > 0:
        yield f"thin_debt_gib:{debt / GIB:.0f}"
    if (exposure := thin_exposure(load.allocated, raw)) > 0:
        yield f"thin_exposure_gib:{exposure / GIB:.0f}"


@dataclass(frozen=True, slots=True)
class Failover:
    """What a cluster's failover test found: of hosts, of racks, rooms and sites, and beyond."""

    cases: tuple[FailoverCase, ...] = ()
    domains: tuple[FailoverCase, ...] = ()
    resilience: Resilience = Resilience(None, "not_applicable")


def failover_of(estate: Estate, pool: Pool) -> Failover:
    """The failover test of a cluster's live hosts (glossary 14)."""
    hosts, bins = planned_hosts(pool), bins_of(pool, estate.policy)
    k = max(1, limits_of(estate, pool).k_of(len(hosts))) if len(hosts) > 1 else 0
    loads, away = loads_of(estate, pool), len(hosts) - len(bins)
    unseen = guests_unseen(estate, pool.cluster)
    cases = _as_seen(failover_cases(bins, loads, k=k, others=away), unseen)
    if k == 0:
        return Failover(cases)
    found, test = overall(cases), FailoverTest(bins, loads)
    if not bins or (unseen and found != "fail"):
        why = next((case.why for case in cases if case.verdict == found), "")
        return Failover(cases, resilience=Resilience(None, found, why))
    return Failover(
        cases=cases,
        domains=_as_seen(test.domains(domains_of(estate, pool)), unseen),
        resilience=test.resilience(k, found),
    )


def _as_seen(cases: Iterable[FailoverCase], unseen: str) -> tuple[FailoverCase, ...]:
    """The cases as far as guests were seen: those that nobody saw need a place as well."""
    return tuple(
        replace(case, verdict="unproven", why=unseen) if unseen and case.verdict == "pass" else case
        for case in cases
    )
