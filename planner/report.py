"""The weekly report: the rows of the weekly files, made of an estate and its answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from inventory.changes import Change
from inventory.findings import PastReport
from inventory.forecast_records import Said
from inventory.records import Proposal
from planner.answers import Answer, PoolAnswer, answer_all, binding_of
from planner.answers import in_unit as in_unit
from planner.buying import PoolKey, Purchase, purchases_of
from planner.camera_report import camera_orders, camera_rows
from planner.change_rows import change_row
from planner.efficiency.answer import Efficiency, efficiency_of
from planner.efficiency.rows import guest_columns
from planner.efficiency.savings import settled
from planner.efficiency.showback import Rates, rates_of
from planner.estate import Estate, SourceHealth
from planner.fitting import fits_of, profiles_of
from planner.forecast.paths import Floats
from planner.guest_lines import guest_lines
from planner.keys import failover_key, finding_key, source_key
from planner.orders import (
    Misnamed,
    misnamed,
    most_pressing_first,
    orders_needed,
    orders_under_way,
)
from planner.past import Past
from planner.placement.fit import Fit
from planner.policy import Policy
from planner.questions import questions
from planner.risks.catalogue import Language, chosen, texts_of
from planner.risks.engine import Assessment, assess
from planner.risks.regulations import Regulations
from planner.risks.rule import Finding
from planner.risks.score import weights_of
from planner.risks.scores import WEEKLY, score_rows
from planner.risks.trend import Trend, trend_of
from planner.rows import (
    ROW_TYPES,
    CameraRow,
    ChangeRow,
    FailoverRow,
    GuestLine,
    OrderRow,
    PoolRow,
    RiskRow,
    ScoreRow,
    SourceRow,
    TrackRow,
)
from planner.runway import most_urgent
from planner.track import published, track_rows


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the weekly files say, and the answers they were made of."""

    as_of: date
    at: datetime
    site: str
    run_id: str
    policy: Policy
    orders: tuple[OrderRow, ...]
    pools: tuple[PoolRow, ...]
    guests: tuple[GuestLine, ...]
    risks: tuple[RiskRow, ...]
    changes: tuple[ChangeRow, ...]
    sources: tuple[SourceRow, ...]
    failover: tuple[FailoverRow, ...]
    cameras: tuple[CameraRow, ...]
    answers: tuple[PoolAnswer, ...]
    fits: Mapping[tuple[str, str], tuple[Fit, ...]]  # by kind and name of the pool: S, M, L
    assessment: Assessment
    estate: Estate
    efficiency: Efficiency
    rates: Mapping[str, Rates]  # by cluster of the rate card
    proposals: tuple[Proposal, ...]  # what this report changes of what is remembered
    remembered: tuple[Proposal, ...]
    zone_is_assumed: bool = False
    purchases: Mapping[PoolKey, Purchase] = field(default_factory=dict)
    risk_score: tuple[ScoreRow, ...] = ()
    trend: Trend | None = None  # None: no earlier report was remembered
    misnamed: tuple[Misnamed, ...] = ()  # what the estate file says of pools that are none
    track_record: tuple[TrackRow, ...] = ()
    forecasts: tuple[Said, ...] = ()  # what this report publishes of the future
    regulations: Regulations = Regulations()
    power_since: Mapping[int, datetime] = field(default_factory=dict)  # of guests, by their entity

    @property
    def tables(self) -> Mapping[str, tuple[type[Any], Sequence[Any]]]:
        """The weekly tables by file stem: the row type, whose fields are columns, and the rows."""
        return {stem: (row_type, getattr(self, stem)) for stem, row_type in ROW_TYPES.items()}

    @property
    def binding(self) -> Answer | None:
        """What binds the whole site."""
        answers = [answer for pool in self.answers for answer in pool.answers]
        return binding_of(answers) if answers else None

    @property
    def status(self) -> str:
        return most_urgent([answer.status for pool in self.answers for answer in pool.answers])


@dataclass(frozen=True, slots=True)
class Memory:
    """What the face remembers for the planner between runs."""

    changes: tuple[Change, ...] = ()
    first_seen: Mapping[str, date] = field(default_factory=dict)
    past_report: PastReport | None = None
    power_since: Mapping[int, datetime] = field(default_factory=dict)
    proposals: tuple[Proposal, ...] = ()


def make_report(
    estate: Estate,
    past: Past,
    memory: Memory,
    *,
    zone: ZoneInfo,
    run_id: str,
    zone_is_assumed: bool = False,
    regulations: Regulations = Regulations(),  # noqa: B008  (immutable)
) -> Report:
    """The report of an estate at one date. Pure: the same in, the same out."""
    found = _Found.of(estate, past, memory, zone)
    return Report(
        as_of=estate.as_of,
        at=estate.at,
        site=estate.site,
        run_id=run_id,
        policy=estate.policy,
        orders=found.orders(),
        pools=found.pools(run_id),
        guests=found.guests(),
        risks=found.risks(regulations),
        changes=tuple(map(change_row, memory.changes)),
        sources=tuple(map(source_row, estate.sources)),
        failover=tuple(_failover_rows(found.answers)),
        cameras=tuple(camera_rows(estate)),
        risk_score=found.scores(),
        track_record=tuple(track_rows(found.answers, as_of=estate.as_of, site=estate.site)),
        answers=found.answers,
        fits=found.fits,
        assessment=found.assessment,
        trend=found.trend,
        efficiency=found.efficiency,
        rates=found.rates,
        purchases=found.purchases,
        forecasts=found.forecasts(run_id),
        proposals=settled(memory.proposals, found.efficiency, estate),
        remembered=memory.proposals,
        misnamed=misnamed(estate, [pool.pool for pool in found.answers]),
        estate=estate,
        zone_is_assumed=zone_is_assumed,
        regulations=regulations,
        power_since=memory.power_since,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found of an estate, of which the rows are made."""

    estate: Estate
    memory: Memory
    answers: tuple[PoolAnswer, ...]
    assessment: Assessment
    trend: Trend | None
    efficiency: Efficiency
    rates: Mapping[str, Rates]
    purchases: Mapping[PoolKey, Purchase]
    fits: Mapping[PoolKey, tuple[Fit, ...]]

    @classmethod
    def of(cls, estate: Estate, past: Past, memory: Memory, zone: ZoneInfo) -> _Found:
        answers = answer_all(estate, questions(estate, past, zone))
        assessment = assess(estate, answers, chosen(estate.policy.risks))
        profiles = profiles_of(estate.policy)
        return cls(
            estate=estate,
            memory=memory,
            answers=answers,
            assessment=assessment,
            trend=trend_of(memory.past_report, assessment),
            efficiency=efficiency_of(estate, past.guest_days, memory.power_since),
            rates=rates_of(estate, answers),
            purchases=purchases_of(estate, answers),
            fits={_key(pool): fits_of(estate, answers, pool, profiles) for pool in answers},
        )

    def orders(self) -> tuple[OrderRow, ...]:
        needed = orders_needed(self.estate, self.answers, self.purchases)
        under_way = orders_under_way(self.estate, self.answers, self.purchases)
        return most_pressing_first((*needed, *camera_orders(self.estate), *under_way))

    def pools(self, run_id: str) -> tuple[PoolRow, ...]:
        return tuple(
            self._pool_row(pool, answer, run_id) for pool in self.answers for answer in pool.answers
        )

    def _pool_row(self, pool: PoolAnswer, answer: Answer, run_id: str) -> PoolRow:
        key = _key(pool)
        fits, purchase = self.fits[key], self.purchases.get(key)
        return _pool_row(self.estate, pool, answer, fits, purchase, self.efficiency, run_id)

    def guests(self) -> tuple[GuestLine, ...]:
        lines = guest_lines(
            self.estate,
            self.answers,
            self.assessment,
            guest_columns(self.estate, self.efficiency, self.rates),
            changes=self.memory.changes,
            power_since=self.memory.power_since,
        )
        return tuple(lines)

    def risks(self, regulations: Regulations) -> tuple[RiskRow, ...]:
        as_of = self.estate.as_of
        citations = regulations.citations(as_of)
        return tuple(
            _risk_row(finding, as_of, self.memory, self.trend, citations)
            for finding in self.assessment.findings
        )

    def scores(self) -> tuple[ScoreRow, ...]:
        """Of what the weekly file is by."""
        return tuple(
            row for by in WEEKLY for row in score_rows(self.estate, self.assessment, self.trend, by)
        )

    def forecasts(self, run_id: str) -> tuple[Said, ...]:
        """What the report says of the days to come, to be held against them."""
        as_of, version = self.estate.as_of, self.estate.policy.version
        answers = (answer for pool in self.answers for answer in pool.answers)
        return published(answers, as_of=as_of, run_id=run_id, policy_version=version, made_on=as_of)


def _key(pool: PoolAnswer) -> PoolKey:
    return (pool.pool.kind, pool.pool.name)


# pools.csv


def _pool_row(
    estate: Estate,
    pool: PoolAnswer,
    answer: Answer,
    fits: Sequence[Fit],
    purchase: Purchase | None,
    efficiency: Efficiency,
    run_id: str,
) -> PoolRow:
    question, capacity = answer.question, answer.question.capacity
    passage, demand = answer.passage, answer.question.load.series
    recent = demand.recent(estate.policy.forecast.coverage_window_days)
    is_demand = question.model == "demand"
    binding, budget, second = pool.binding.question, answer.budget, answer.with_tentative
    freed = efficiency.reclaimable(estate, pool.pool, question.resource, question.model)

    def unit(value: float | None) -> float | None:
        return _rounded(in_unit(value, answer))

    return PoolRow(
        as_of=estate.as_of,
        site=estate.site,
        pool=pool.pool.name,
        pool_kind=pool.pool.kind,
        resource=question.resource,
        model=question.model,
        unit=question.unit,
        raw=unit(capacity.raw),
        host_reserve=unit(capacity.host_reserve),
        k=capacity.k,
        ha_reserve=unit(capacity.ha_reserve),
        threshold=capacity.factor,
        usable=unit(answer.usable),
        allocated=unit(question.load.allocated),
        demand=unit(answer.demand),
        demand_p95=unit(quantile(recent, 0.95)) if is_demand else None,
        demand_peak=unit(quantile(recent, 1.0)) if is_demand else None,
        used_pct_of_usable=_rounded(answer.used_percent),
        headroom=unit(answer.headroom),
        headroom_pct=_rounded(_percent(answer.headroom, answer.usable)),
        overcommit_now=_rounded(answer.overcommit_now),
        overcommit_after_failure=_rounded(answer.overcommit_after_failure),
        growth_per_day=unit(passage.growth_per_day if passage else None),
        growth_per_day_hi=unit(passage.growth_per_day_high if passage else None),
        runway_days=answer.runway.days,
        runway_days_conservative=answer.runway.conservative_days,
        runway_reason=answer.runway.reason,
        first_over_date=answer.runway.first_over,
        first_over_date_conservative=answer.runway.conservative_first_over,
        shortfall_windows=" ".join(f"{a}..{b}" for a, b in answer.runway.windows),
        lead_days=answer.order.lead_days,
        order_by_date=answer.order.on,
        order_by_basis=answer.order.basis,
        order_overdue_days=answer.order.overdue_days if answer.order.on else None,
        budget_by_date=None if budget is None else budget.on,
        budget_missed=None if budget is None else int(budget.missed),
        buy_quantity=None if purchase is None else purchase.quantities.get(question.key),
        status=answer.status,
        binding=f"{binding.resource}/{binding.model}",
        committed_projects=_rounded(in_unit(question.committed, answer)) or 0.0,
        reclaimable=unit(freed.amount),
        fit_s=fits[0].count,
        fit_m=fits[1].count,
        fit_l=fits[2].count,
        failover_test=pool.failover,
        stays_down_count=pool.stays_down_count if pool.pool.kind == "cluster" else None,
        confidence=answer.confidence,
        coverage_pct=round(100.0 * answer.coverage_ratio, 1),
        history_days=round(answer.history_days, 1),
        backtest_wape_30d=_rounded(answer.wape_30, 2),
        stale_sources=" ".join(question.stale),
        flags=" ".join((*answer.flags, *freed.flags, *(purchase.flags if purchase else ()))),
        policy_version=estate.policy.version,
        run_id=run_id,
        tolerates_hosts=pool.resilience.tolerates,
        maintenance_test=pool.resilience.maintenance,
        runway_days_with_tentative=second.days if second else None,
        runway_days_conservative_with_tentative=second.conservative_days if second else None,
        first_over_date_with_tentative=second.first_over if second else None,
        first_over_date_conservative_with_tentative=(
            second.conservative_first_over if second else None
        ),
        key=question.key,
        fit_s_proven=fits[0].lower_bound,
        fit_m_proven=fits[1].lower_bound,
        fit_l_proven=fits[2].lower_bound,
    )


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)


def _percent(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else 100.0 * part / whole


def quantile(values: Floats, share: float) -> float | None:
    """The share-quantile of the known values; None when there is none."""
    return float(np.quantile(values, share)) if len(values) else None


# The other tables


def _risk_row(
    finding: Finding,
    as_of: date,
    memory: Memory,
    trend: Trend | None,
    citations: Mapping[str, Sequence[str]],
) -> RiskRow:
    first_seen = memory.first_seen.get(finding.id, as_of)
    return RiskRow(
        finding_id=finding.id,
        rule=finding.rule.id,
        severity=finding.severity,
        outcome=finding.outcome.state,
        subject=finding.subject.label,
        guest_uuid=finding.subject.guest_uuid,
        agency=finding.subject.agency,
        owner=finding.subject.owner,
        evidence=finding.evidence,
        fix=finding.rule.fix,
        first_seen=first_seen,
        since_days=(as_of - first_seen).days,
        waiver_until=finding.waiver.last_day(finding.severity) if finding.waiver else None,
        controls="; ".join(citations.get(finding.rule.id, ())),
        points=finding.points,
        title=finding.rule.title,
        points_formula=weights_of(finding).formula if finding.outcome.state == "risk" else "",
        points_waived=finding.waived_points,
        waiver=finding.waiver.id if finding.waiver else "",
        change_since_last_week=trend.turn_of(finding.id) if trend else "",
        key=finding_key(finding.id),
    )


def in_language(report: Report, language: Language) -> Report:
    """The report whose risks are told in a language; it is made in English."""
    if language == "en":
        return report
    texts = {found.rule.id: texts_of(found.rule, language) for found in report.assessment.findings}
    risks = (
        replace(row, title=texts[row.rule].title, fix=texts[row.rule].fix) for row in report.risks
    )
    return replace(report, risks=tuple(risks))


def source_row(health: SourceHealth) -> SourceRow:
    """How a source is, and what it hides."""
    state = health.state
    hidden = sorted({gap.kind for gap in state.gaps if gap.state in ("hidden", "partial")})
    return SourceRow(
        source=state.name,
        kind=state.kind,
        last_success_at=state.last_success_at,
        age_minutes=None if health.age_minutes is None else round(health.age_minutes),
        status=source_status(health.stale, state.last_outcome, state.last_success_at),
        guests_seen=state.guests_seen,
        guests_reported=state.guests_reported,
        gaps=len(state.gaps),
        hidden=" ".join(hidden),
        token_expires_on=state.token_expires_on,
        key=source_key(state.name),
        taken_at=state.last_taken_at,
        superseded_since=state.superseded_since,
        superseded_by=state.superseded_by,
    )


def source_status(stale: bool, outcome: str, last_success_at: datetime | None) -> str:
    """superseded (what is read is older than what is stored: none of it is taken in), never,
    stale, failing (the last attempt brought nothing), partial or ok."""
    if outcome == "superseded":
        return "superseded"
    if last_success_at is None:
        return "never"
    if stale:
        return "stale"
    if outcome in ("failed", "timed_out"):
        return "failing"
    return "partial" if outcome == "partial" else "ok"


def _failover_rows(answers: Iterable[PoolAnswer]) -> Iterable[FailoverRow]:
    for pool in answers:
        for case in (*pool.cases, *pool.domain_cases):
            yield FailoverRow(
                pool=pool.pool.name,
                host=" ".join(case.lost),
                verdict=case.verdict,
                stays_down="; ".join(case.stays_down),
                stays_down_count=case.stays_down_count,
                why=case.why,
                smallest_change=case.smallest_change,
                stays_down_at_least=case.at_least_down,
                by_hand="; ".join(case.by_hand),
                domain=case.domain,
                key=failover_key(pool.pool.name, case.lost, case.domain),
            )
