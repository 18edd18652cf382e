"""The weekly report: the rows of the weekly files, made of an estate and its answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from inventory.changes import Change
from inventory.records import Backup, Disk, GuestSnapshot, Proposal
from planner.answers import Answer, PoolAnswer, answer_all, binding_of
from planner.answers import in_unit as in_unit
from planner.backups import newest
from planner.buying import PoolKey, Purchase, purchases_of
from planner.camera_report import camera_orders, camera_rows
from planner.efficiency.answer import Efficiency, efficiency_of
from planner.efficiency.rows import GuestColumns, guest_columns
from planner.efficiency.savings import settled
from planner.efficiency.showback import Rates, rates_of
from planner.estate import Estate, GuestView, SourceHealth
from planner.fitting import fits_of, profiles_of
from planner.hosting import host_labels
from planner.orders import Misnamed, misnamed, orders_needed, orders_under_way
from planner.placement.fit import Fit
from planner.policy import Policy
from planner.pools import GIB, Past, questions
from planner.risks.catalogue import chosen
from planner.risks.engine import Assessment, assess
from planner.risks.rule import Finding
from planner.risks.score import level
from planner.rows import (
    ROW_TYPES,
    CameraRow,
    ChangeRow,
    FailoverRow,
    GuestLine,
    OrderRow,
    PoolRow,
    RiskRow,
    SourceRow,
)
from planner.runway import most_urgent
from planner.twins import GuestKey


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
    misnamed: tuple[Misnamed, ...] = ()  # what the estate file says of pools that are none

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
) -> Report:
    """The report of an estate at one date. Pure: the same in, the same out."""
    answers = answer_all(estate, questions(estate, past, zone))
    assessment = assess(estate, answers, chosen(estate.policy.risks))
    purchases = purchases_of(estate, answers)
    efficiency = efficiency_of(estate, past.guest_days, memory.power_since)
    rates = rates_of(estate, answers)
    profiles = profiles_of(estate.policy)
    fits: dict[tuple[str, str], tuple[Fit, ...]] = {
        (pool.pool.kind, pool.pool.name): fits_of(estate, answers, pool, profiles)
        for pool in answers
    }
    return Report(
        as_of=estate.as_of,
        at=estate.at,
        site=estate.site,
        run_id=run_id,
        policy=estate.policy,
        orders=(
            *orders_needed(estate, answers, purchases),
            *camera_orders(estate),
            *orders_under_way(estate, answers),
        ),
        pools=tuple(
            _pool_row(estate, pool, answer, fits[key], purchases.get(key), efficiency, run_id)
            for pool in answers
            for answer in pool.answers
            for key in [(pool.pool.kind, pool.pool.name)]
        ),
        guests=tuple(
            _guest_lines(
                estate, answers, assessment, memory, guest_columns(estate, efficiency, rates)
            )
        ),
        risks=tuple(_risk_row(f, estate.as_of, memory) for f in assessment.findings),
        changes=tuple(change_row(change) for change in memory.changes),
        sources=tuple(source_row(health) for health in estate.sources),
        failover=tuple(_failover_rows(answers)),
        cameras=tuple(camera_rows(estate)),
        answers=answers,
        fits=fits,
        assessment=assessment,
        estate=estate,
        efficiency=efficiency,
        rates=rates,
        proposals=settled(memory.proposals, efficiency, estate),
        remembered=memory.proposals,
        zone_is_assumed=zone_is_assumed,
        purchases=purchases,
        misnamed=misnamed(estate, [pool.pool for pool in answers]),
    )


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
        demand_p95=unit(_quantile(recent, 0.95)) if is_demand else None,
        demand_peak=unit(_quantile(recent, 1.0)) if is_demand else None,
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
        stays_down_count=len(pool.stays_down) if pool.pool.kind == "cluster" else None,
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
    )


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)


def _percent(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else 100.0 * part / whole


def _quantile(values: Any, share: float) -> float | None:
    """The share-quantile of the known values; None when there is none."""
    if not len(values):
        return None
    ordered = sorted(float(value) for value in values)
    position = share * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


# guests.csv


def _guest_lines(
    estate: Estate,
    answers: Sequence[PoolAnswer],
    assessment: Assessment,
    memory: Memory,
    efficiency: Mapping[GuestKey, GuestColumns],
) -> Iterable[GuestLine]:
    context = _GuestContext(
        estate=estate,
        findings=assessment.by_guest(),
        memory=memory,
        stays_down={(pool.pool.name, name) for pool in answers for name in pool.stays_down},
        proven={place for pool in answers for place in _proven_hosts(pool)},
        changes=_changes_by_guest(memory.changes),
        efficiency=efficiency,
    )
    ordered = sorted(estate.guests, key=lambda v: (v.guest.cluster, _natural(v.guest.guest_id)))
    return (context.line(view) for view in ordered)


def _natural(guest_id: str) -> tuple[int, str]:
    return (int(guest_id), "") if guest_id.isdigit() else (10**12, guest_id)


def _changes_by_guest(changes: Iterable[Change]) -> dict[GuestKey, list[str]]:
    found: dict[GuestKey, list[str]] = {}
    for change in changes:
        if change.guest is not None and change.subject.startswith("guest "):
            text = f"{change.kind} {_in_gib(change.field)}".strip()
            found.setdefault(change.guest, []).append(text)
    return found


def _proven_hosts(pool: PoolAnswer) -> Iterable[tuple[str, str]]:
    """The hosts whose every case passes or fails, by cluster and host id."""
    for host_id, label in host_labels(pool.pool).items():
        verdicts = {case.verdict for case in pool.cases if label in case.lost}
        if verdicts and verdicts <= {"pass", "fail"} and pool.failover != "unproven":
            yield pool.pool.name, host_id


@dataclass(frozen=True, slots=True)
class _GuestContext:
    estate: Estate
    findings: Mapping[str, tuple[Finding, ...]]
    memory: Memory
    stays_down: set[tuple[str, str]]  # cluster and label
    proven: set[tuple[str, str]]  # cluster and id of hosts whose loss is proven to end some way
    changes: Mapping[GuestKey, list[str]]
    efficiency: Mapping[GuestKey, GuestColumns]

    def line(self, view: GuestView) -> GuestLine:
        guest, estate = view.guest, self.estate
        name = f"{guest.cluster}/{guest.guest_id}"
        findings = self.findings.get(name, ())
        disks = self._seen(view, Disk, estate.disks_of(guest))
        snapshots = self._seen(view, GuestSnapshot, estate.snapshots_of(guest))
        made = newest(estate.backups_of(guest))
        host = next(
            (
                h.record.name
                for h in estate.hosts_in(guest.cluster)
                if h.record.host_id == guest.host_id
            ),
            guest.host_id,
        )
        return GuestLine(
            as_of=estate.as_of,
            site=estate.site,
            source=view.fact.source,
            cluster=guest.cluster,
            host=host,
            guest_id=guest.guest_id,
            uuid=guest.uuid,
            name=guest.name,
            kind=guest.kind,
            agency=view.agency,
            owner=view.agency_contact,
            owner_confirmed_on=view.owner_confirmed_on,
            service=view.service,
            dimension=view.dimension,
            classification=view.classification,
            criticality=view.criticality,
            power=guest.power,
            days_in_state=self._days_in_state(view),
            os=guest.os,
            vcpus=guest.vcpus,
            memory_gib=_gib(guest.memory_bytes),
            disk_provisioned_gib=_gib(_total(disks, "capacity_bytes")),
            disk_used_gib=_gib(_total(disks, "allocated_bytes")),
            datastores=_joined(disk.datastore_id for disk in disks) if disks is not None else None,
            tags=_joined(guest.tags) if guest.tags is not None else None,
            snapshot_count=None if snapshots is None else len(snapshots),
            snapshot_oldest_days=self._oldest_days(snapshots),
            snapshot_gib=_gib(_total(snapshots, "bytes")) if snapshots else None,
            backup_state=self._backup_state(view),
            last_backup_at=made,
            **self._columns(view),
            stays_down_if_host_lost=self._stays_down(view),
            risk_level=level(findings),
            risk_points=sum(finding.points for finding in findings),
            change_since_last_week="; ".join(self.changes.get(view.key, [])),
        )

    def _seen(self, view: GuestView, kind: Any, records: Sequence[Any]) -> Sequence[Any] | None:
        """The records; None when there are none because they could not be seen."""
        if records:
            return records
        gap = self.estate.gap(view.fact.source, kind.kind_name, view.guest.scope)
        return None if gap is not None else records

    def _columns(self, view: GuestView) -> dict[str, Any]:
        """What is said of its use, size and cost; nothing of a side that counts elsewhere."""
        found = self.efficiency.get(view.key)
        names = [field.name for field in fields(GuestColumns)]
        return {name: None if found is None else getattr(found, name) for name in names}

    def _days_in_state(self, view: GuestView) -> int | None:
        since = self.memory.power_since.get(view.fact.entity_key or 0)
        return None if since is None or view.guest.power is None else (self.estate.at - since).days

    def _oldest_days(self, snapshots: Sequence[GuestSnapshot] | None) -> int | None:
        made = [s.created_at for s in snapshots or () if s.created_at is not None]
        return (self.estate.at - min(made)).days if made else None

    def _backup_state(self, view: GuestView) -> str:
        """covered: a job that can run or a stored backup; none: neither, and one was seen."""
        guest, source = view.guest, view.fact.source
        if self.estate.cover_of(guest).can_run or self.estate.backups_of(guest):
            return "covered"
        jobs_hidden = self.estate.gap(source, "backup_job") is not None
        if not jobs_hidden:
            return "none"
        return "unknown" if self.estate.gap(source, Backup.kind_name) else "none"

    def _stays_down(self, view: GuestView) -> int | None:
        cluster, host = view.guest.cluster, view.guest.host_id or ""
        if (cluster, host) not in self.proven or not view.is_powered_on:
            return None
        return int((cluster, view.label) in self.stays_down)


def _gib(value: float | None) -> float | None:
    return None if value is None else round(value / GIB, 3)


def _total(records: Sequence[Any] | None, field_name: str) -> float | None:
    """The sum over the records; None when one of them is not known, or they are not."""
    if records is None:
        return None
    amounts = [getattr(record, field_name) for record in records]
    return None if any(amount is None for amount in amounts) else float(sum(amounts))


def _joined(names: Iterable[str | None]) -> str:
    return ";".join(sorted({name for name in names if name}))


# The other tables


def _risk_row(finding: Finding, as_of: date, memory: Memory) -> RiskRow:
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
        waiver_until=None,
        controls="; ".join(finding.rule.refs),
        points=finding.points,
    )


def change_row(change: Change) -> ChangeRow:
    """A change as a reader takes it in: sizes in GiB."""
    return ChangeRow(
        change.at,
        change.kind,
        change.subject,
        change.guest_uuid,
        _in_gib(change.field),
        _told(change.old, named=not change.field),
        _told(change.new, named=not change.field),
    )


def _told(values: Mapping[str, Any], *, named: bool) -> str:
    """Values as text, with their names when there may be several."""
    return ", ".join(
        f"{_in_gib(name)} {_readable(name, value)}" if named else _readable(name, value)
        for name, value in values.items()
    )


def _in_gib(name: str) -> str:
    return name.removesuffix("_bytes") + "_gib" if name.endswith("_bytes") else name


def _readable(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ";".join(value)
    if isinstance(value, int | float):
        return f"{value / GIB if name.endswith('_bytes') else value:.10g}"
    return str(value)


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
    )


def source_status(stale: bool, outcome: str, last_success_at: datetime | None) -> str:
    """never, stale, failing (the last attempt brought nothing), partial or ok."""
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
                stays_down_count=len(case.stays_down),
                why=case.why,
                smallest_change=case.smallest_change,
                stays_down_at_least=case.at_least,
                by_hand="; ".join(case.by_hand),
                domain=case.domain,
            )
