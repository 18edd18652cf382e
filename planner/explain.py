"""The defence of a number: formula, inputs with their dates and sources, policy, run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import datetime
from functools import partial
from typing import Any, get_args

from inventory.read import Fact
from inventory.records import Guest, Record
from planner.answers import Answer, PoolAnswer
from planner.camera_report import explanation
from planner.contention import grade, pressure_percent
from planner.efficiency import explained
from planner.estate import Estate
from planner.growth import Teller
from planner.levels import level_dates
from planner.outlook import Outlook
from planner.policy import Policy, Resource
from planner.pools import GIB, MODELS, host_share
from planner.purchase_reasons import (
    budget_lines,
    buy_lines,
    coming_lines,
    lead_lines,
    level_lines,
)
from planner.recorders import keepers_of
from planner.report import Report, in_unit
from planner.risks.rule import Finding
from planner.risks.trend import Trend
from planner.rows import GuestLine, PoolRow, RiskRow
from planner.track import record_told
from planner.waiver_entries import Waiver

_WEEKS_SHOWN = 8


class UnknownKey(Exception):
    """The key names nothing in this report; the message says what it could name."""


def explain(report: Report, key: str, growth: Teller | None = None) -> str:
    """The text behind ``key``: pool/NAME/RESOURCE/MODEL[/COLUMN], guest/ID[/COLUMN], finding/ID,
    recorder/NAME.

    ``growth`` tells the growth of pools apart; without it nothing is said of that. Raises
    UnknownKey.
    """
    kind, _slash, rest = key.partition("/")
    explainers: dict[str, Callable[[Report, str], Iterator[str]]] = {
        "pool": partial(_pool, growth=growth),
        "guest": _guest,
        "finding": _finding,
        "recorder": _recorder,
    }
    if kind not in explainers or not rest:
        raise UnknownKey(
            f"{key!r}: a key is pool/NAME/RESOURCE/MODEL[/COLUMN], guest/ID[/COLUMN], finding/ID "
            "or recorder/NAME"
        )
    return "\n".join([key, "", *explainers[kind](report, rest), "", *_footer(report)])


def _footer(report: Report) -> Iterator[str]:
    run = f", run {report.run_id}" if report.run_id else ""
    yield f"as of {report.as_of}, policy {report.policy.version}{run}"


def _pool(report: Report, rest: str, growth: Teller | None) -> Iterator[str]:
    parts = rest.split("/")
    cut = next((i for i in range(len(parts) - 1, 1, -1) if _ends_a_key(parts, i)), None)
    if cut is None or len(parts) > cut + 2:
        raise UnknownKey(f"pool/{rest}: write pool/NAME/RESOURCE/MODEL[/COLUMN]")
    name, resource, model = "/".join(parts[: cut - 1]), parts[cut - 1], parts[cut]
    column = parts[cut + 1] if len(parts) > cut + 1 else None
    pool, answer = _find(report, name, resource, model)
    row = next(
        row
        for row in report.pools
        if (row.pool, row.resource, row.model) == (pool.pool.name, resource, model)
    )
    told = None if growth is None else Outlook(report, answer, growth.growth(answer))
    sections = _Sections(report, pool, answer, row, told)
    if column is None:
        yield from sections.all()
        return
    if column not in {field.name for field in fields(PoolRow)}:
        raise UnknownKey(f"{column!r} is no column of pools.csv")
    yield f"{column} = {_shown(getattr(row, column))}"
    yield from sections.of(column)


def _ends_a_key(parts: list[str], i: int) -> bool:
    """Whether RESOURCE/MODEL end there: a column is called demand too."""
    return parts[i] in MODELS and parts[i - 1] in get_args(Resource)


def _find(report: Report, name: str, resource: str, model: str) -> tuple[PoolAnswer, Answer]:
    for pool in report.answers:
        if pool.pool.answers_to(name):
            for answer in pool.answers:
                if (answer.question.resource, answer.question.model) == (resource, model):
                    return pool, answer
            raise UnknownKey(f"pool {name!r} has no {resource}/{model}")
    known = ", ".join(pool.pool.name for pool in report.answers)
    raise UnknownKey(f"no pool is named {name!r}; known are {known}")


class _Sections:
    """The parts of a pool's explanation, by what they explain."""

    def __init__(
        self,
        report: Report,
        pool: PoolAnswer,
        answer: Answer,
        row: PoolRow,
        outlook: Outlook | None,
    ) -> None:
        self._outlook = outlook
        self._report = report
        self._pool = pool
        self._answer = answer
        self._row = row
        self._policy: Policy = report.policy
        self._by_column: dict[str, Callable[[], Iterator[str]]] = {
            **dict.fromkeys(
                ("raw", "host_reserve", "k", "ha_reserve", "threshold", "usable"), self._capacity
            ),
            **dict.fromkeys(
                ("allocated", "overcommit_now", "overcommit_after_failure"), self._allocated
            ),
            **dict.fromkeys(("demand", "demand_p95", "demand_peak"), self._demand),
            **dict.fromkeys(("headroom", "headroom_pct", "used_pct_of_usable"), self._headroom),
            **dict.fromkeys(
                (
                    "growth_per_day",
                    "growth_per_day_hi",
                    "runway_days",
                    "runway_days_conservative",
                    "runway_reason",
                    "first_over_date",
                    "first_over_date_conservative",
                    "shortfall_windows",
                    "committed_projects",
                    "runway_days_with_tentative",
                    "runway_days_conservative_with_tentative",
                    "first_over_date_with_tentative",
                    "first_over_date_conservative_with_tentative",
                ),
                self._runway,
            ),
            **dict.fromkeys(
                (
                    "lead_days",
                    "order_by_date",
                    "order_by_basis",
                    "order_overdue_days",
                    "status",
                    "binding",
                ),
                self._order,
            ),
            **dict.fromkeys(("budget_by_date", "budget_missed"), self._budget),
            "buy_quantity": self._buy,
            "reclaimable": self._reclaimable,
            **dict.fromkeys(("fit_s", "fit_m", "fit_l"), self._fit),
            **dict.fromkeys(
                ("failover_test", "stays_down_count", "tolerates_hosts", "maintenance_test"),
                self._failover,
            ),
            **dict.fromkeys(
                (
                    "confidence",
                    "coverage_pct",
                    "history_days",
                    "backtest_wape_30d",
                    "stale_sources",
                    "flags",
                ),
                self._confidence,
            ),
        }

    def all(self) -> Iterator[str]:
        sections = list(dict.fromkeys(self._by_column.values()))
        for number, section in enumerate(sections):
            if number:
                yield ""
            yield from section()

    def of(self, column: str) -> Iterator[str]:
        section = self._by_column.get(column)
        if section is None:
            yield "  (a label, or a column that a later version fills)"
            return
        yield from section()

    def _unit(self, value: float | None) -> str:
        shown = in_unit(value, self._answer)
        return f"{_shown(shown)} {self._answer.question.unit}"

    def _capacity(self) -> Iterator[str]:
        question, capacity = self._answer.question, self._answer.question.capacity
        yield "usable = factor × (ΣH − N+k reserve); H = capacity − host reserve (glossary 2-5)"
        yield (
            f"  = {capacity.factor:g} × ({_shown(in_unit(capacity.effective, self._answer))} − "
            f"{_shown(in_unit(capacity.ha_reserve, self._answer))}) = "
            f"{self._unit(capacity.usable)}"
        )
        table = "threshold" if question.model == "demand" else "overcommit"
        origin = (
            "assumed" if question.limits.policy.is_assumed(table, question.resource) else "policy"
        )
        named = f"{table}.{question.resource}, {origin}"
        yield f"  factor {capacity.factor:g} ({named}); k = {capacity.k}"
        yield from (
            f"  {one}" for one in question.limits.demanded(question.resource, question.model)
        )
        for fact in question.pool.hosts:
            if fact.record.status == "retired":
                continue
            share = host_share(fact.record, question.resource, self._policy)
            yield (
                f"  host {fact.record.name}: capacity {self._unit(share.capacity)}, reserve "
                + (self._unit(share.reserve) if share.reserve is not None else "0 (assumed)")
                + f", source {fact.source}, confirmed {fact.confirmed_at:%Y-%m-%d %H:%MZ}"
            )
        if (store := question.pool.datastore) is not None:
            yield (
                f"  datastore {store.record.datastore_id}: "
                f"{self._unit(store.record.capacity_bytes)}, source {store.source}, confirmed "
                f"{store.confirmed_at:%Y-%m-%d %H:%MZ}"
            )
        for name in capacity.unknown:
            yield f"  not known: the capacity of {name}"

    def _allocated(self) -> Iterator[str]:
        load, capacity = self._answer.question.load, self._answer.question.capacity
        what = (
            "virtual size of all disks of all guests and templates"
            if self._answer.question.resource == "storage"
            else "configured size of powered-on guests that are no templates"
        )
        yield f"allocated A = Σ {what} (glossary 6) = {self._unit(load.allocated)}"
        yield f"  with stopped guests {self._unit(load.allocated_all)}"
        if load.unknown_parts:
            yield f"  a lower bound: the size of {load.unknown_parts} of them is not known"
        yield (
            f"overcommit now = A ÷ ΣH = {_shown(self._answer.overcommit_now)}; after a failure = "
            f"A ÷ F = {_shown(self._answer.overcommit_after_failure)} "
            f"(F {_shown(in_unit(capacity.failover, self._answer))})"
        )

    def _demand(self) -> Iterator[str]:
        series = self._answer.question.load.series
        reducers = {
            "cpu": "highest two-hour mean of the day, hosts summed slot by slot",
            "memory": "day's maximum of used less reclaimable cache, hosts summed slot by slot",
            "storage": "day's maximum",
        }
        yield f"demand D = {reducers[self._answer.question.resource]} (glossary 7)"
        if self._answer.question.model != "demand":
            yield "  (this row is of the allocation model: what counts is allocated)"
            return
        basis = "the forecast's middle at as_of" if self._answer.passage else "the last closed day"
        if series.last is None:
            basis = "the newest poll: no day has closed yet"
        yield f"  D₀ = {self._unit(self._answer.demand)}, {basis}"
        if series.last is not None:
            yield f"  last closed day {series.last[0]}: {self._unit(series.last[1])}"
        for fact in self._answer.question.pool.hosts:
            wait = pressure_percent(fact.record, self._answer.question.resource)
            if wait is not None:
                told = f"work waited {wait:.1f} % of the time: {grade(wait)}"
                yield f"  host {fact.record.name}: {told}"
        row = self._row
        yield (
            f"  of the last {self._policy.forecast.coverage_window_days} closed days: P95 "
            f"{_shown(row.demand_p95)}, peak {_shown(row.demand_peak)} {row.unit}"
        )
        for end, mean, high in series.weeks(_WEEKS_SHOWN):
            yield f"  week to {end}: mean {self._unit(mean)}, highest day {self._unit(high)}"

    def _headroom(self) -> Iterator[str]:
        load = "D₀" if self._answer.question.model == "demand" else "A"
        yield (
            f"headroom = U − {load} = {self._unit(self._answer.usable)} − "
            f"{self._unit(self._answer.load)} = {self._unit(self._answer.headroom)} (glossary 8)"
        )

    def _runway(self) -> Iterator[str]:
        runway, passage = self._answer.runway, self._answer.passage
        yield (
            "runway = complete days after as_of until a path first exceeds U; base: half of the "
            "paths, conservative: one in ten (glossary 10)"
        )
        yield (
            f"  base {_shown(runway.days)} days, first over {_shown(runway.first_over)}; "
            f"conservative {_shown(runway.conservative_days)} days, first over "
            f"{_shown(runway.conservative_first_over)}"
        )
        if runway.reason:
            yield f"  reason: {runway.reason} (glossary 11)"
        if passage is not None:
            yield (
                f"  growth {_shown(in_unit(passage.growth_per_day, self._answer))} a day, upper "
                f"{_shown(in_unit(passage.growth_per_day_high, self._answer))}; "
                f"{self._engine()}"
            )
        if self._outlook is not None:
            yield from (f"  {line}" for line in self._outlook.words())
        record = record_told(self._report.track_record, self._answer)
        yield from (f"  {line}" for line in record)
        for window in runway.windows:
            yield f"  short from {window[0]} to {window[1]}"
        if self._answer.question.committed:
            yield f"  committed projects add {self._unit(self._answer.question.committed)}"
        yield from coming_lines(self._answer)
        yield from level_lines(level_dates(self._report.estate, self._answer))

    def _engine(self) -> str:
        """How the paths were made."""
        rules, question = self._policy.forecast, self._answer.question
        if question.grows:
            earned = question.calibration.weights.items()
            parts = ", ".join(f"{name} {weight:.2f}" for name, weight in earned)
            told = f"several experts, weighed by what they have earned: {parts}"
        else:
            told = f"that for loads; drift over {rules.trend_days} days, {self._calendar()}"
        return f"engine: {told}; {rules.samples} paths, seed {rules.seed}"

    def _calendar(self) -> str:
        known = self._report.estate.calendar
        ends = f"the last {known.month_end_days} days of a month" if known.month_end_days else ""
        holidays = (
            f"{len(known.holidays)} holidays until {max(known.holidays)}"
            if known.holidays
            else "no holidays known"
        )
        return f"{holidays} and {ends}" if ends else holidays

    def _order(self) -> Iterator[str]:
        order = self._answer.order
        yield f"order by = first over ({order.basis}) − lead days (glossary 12)"
        yield from lead_lines(self._answer, self._policy)
        yield f"  order by {_shown(order.on)}, overdue {order.overdue_days} days"
        yield f"status {self._answer.status} (glossary 19)"
        if "ring_buffer" in self._answer.flags:
            yield "  full by design: the status is that of its recordings (`lumbung cameras`)"
        yield f"the pool's binding constraint is {self._row.binding}"

    def _budget(self) -> Iterator[str]:
        yield from budget_lines(self._answer)

    def _buy(self) -> Iterator[str]:
        pool = self._pool.pool
        purchase = self._report.purchases.get((pool.kind, pool.name))
        yield from buy_lines(self._answer, purchase, self._policy)

    def _reclaimable(self) -> Iterator[str]:
        question, found = self._answer.question, self._report.efficiency
        yield from explained.pool_lines(
            self._report.estate, found, question.pool, question.resource, question.model
        )

    def _fit(self) -> Iterator[str]:
        pool = self._pool.pool
        yield "fit = the least of what each limit allows, host by host (glossary 15)"
        for fit in self._report.fits[pool.kind, pool.name]:
            size = fit.profile
            yield (
                f"  {size.name} ({size.vcpus:g} vCPU, {size.memory_bytes / GIB:g} GiB, "
                f"{size.storage_bytes / GIB:g} GiB): {_shown(fit.count)}; pooled "
                f"{_shown(fit.pooled)}, proven with every failure packed "
                f"{_shown(fit.lower_bound)}; binding: {fit.binding}"
            )
            limits = "; ".join(f"{limit.name} {_shown(limit.count)}" for limit in fit.limits)
            yield f"    {limits}"
        if pool.kind == "cluster":
            yield "  CPU demand of a new guest: its vCPUs as busy as those of the pool now"

    def _failover(self) -> Iterator[str]:
        pool = self._pool
        yield f"failover test: {pool.failover} (glossary 14)"
        yield "  configured memory ≤ effective memory, vCPUs ≤ ratio × cores, no guest > its host"
        for case in (*pool.cases, *pool.domain_cases):
            down = f"; stays down: {', '.join(case.stays_down)}" if case.stays_down else ""
            why = f" ({case.why})" if case.why else ""
            where = f" [{case.domain}]" if case.domain else ""
            yield f"  without {', '.join(case.lost) or '-'}{where}: {case.verdict}{why}{down}"
            if case.stays_down:
                yield f"    at least {case.at_least} stay down however the others are placed"
            if case.smallest_change:
                yield f"    would let all run: {case.smallest_change}"
            if case.by_hand:
                yield f"    no HA, to be started by hand: {', '.join(case.by_hand)}"
        if pool.pool.kind != "cluster":
            return
        found = pool.resilience
        yield f"hosts that may be lost at once: {_shown(found.tolerates)}, proven"
        why = f" ({found.why})" if found.why else ""
        yield f"the same test while one more host is away: {found.maintenance}{why}"

    def _confidence(self) -> Iterator[str]:
        answer = self._answer
        yield f"confidence {answer.confidence} (glossary 18)"
        yield (
            f"  history {answer.history_days:.1f} days, coverage {100 * answer.coverage_ratio:.1f}"
            f" % of the last {self._policy.forecast.coverage_window_days} days, WAPE of 30-day "
            f"forecasts {_shown(answer.wape_30)}"
        )
        if self._outlook is not None:
            yield from (f"  {line}" for line in self._outlook.quality_words())
        if answer.flags:
            yield f"  flags: {', '.join(answer.flags)}"


def _guest(report: Report, rest: str) -> Iterator[str]:
    wanted, column = rest, None
    columns = {field.name for field in fields(GuestLine)}
    head, _slash, tail = rest.rpartition("/")
    if head and tail in columns:
        wanted, column = head, tail
    found = [line for line in report.guests if _means(line, wanted)]
    if not found:
        raise UnknownKey(f"no guest has the id, uuid or name {wanted!r}")
    if len(found) > 1:
        ids = ", ".join(f"{line.cluster}/{line.guest_id}" for line in found)
        raise UnknownKey(f"{wanted!r} means several guests: {ids}")
    line = found[0]
    view = report.estate.guest_of[line.cluster, line.guest_id]
    if column is not None:
        yield f"{column} = {_shown(getattr(line, column))}"
    else:
        for field in fields(GuestLine):
            value = getattr(line, field.name)
            if value not in (None, ""):
                yield f"{field.name} = {_shown(value)}"
    of = report.rates.get(line.cluster)
    yield from explained.guest_lines(report.estate, report.efficiency, of, view.key, column)
    fact = view.fact
    yield ""
    yield (
        f"source {fact.source}, so since {fact.valid_from:%Y-%m-%d %H:%MZ}, confirmed "
        f"{fact.confirmed_at:%Y-%m-%d %H:%MZ}"
    )
    for origin, name in view.classifications:
        yield f"class {name}: stated by {origin} (the strictest wins)"
    yield from _around(report, view.guest)


def _around(report: Report, guest: Guest) -> Iterator[str]:
    """The open risks of the cluster and host that a guest runs on: they weigh there, not here."""
    for found in report.assessment.risks:
        subject = found.subject
        here = subject.cluster == guest.cluster and subject.host_id in (None, guest.host_id)
        if here and subject.kind in ("platform", "cluster", "host"):
            yield f"around it: {found.rule.id} {subject.label}, {found.severity} (0 points here)"


def _means(line: GuestLine, wanted: str) -> bool:
    names = (line.guest_id, line.uuid, line.name, f"{line.cluster}/{line.guest_id}")
    return wanted in names


def _finding(report: Report, rest: str) -> Iterator[str]:
    found = next((f for f in report.assessment.findings if f.id == rest), None)
    if found is None:
        raise UnknownKey(f"no finding {rest!r} is open; `lumbung risks` lists them")
    rule, row = found.rule, next(row for row in report.risks if row.finding_id == rest)
    yield f"{rule.id} {rule.title}: {found.outcome.state}, {found.severity}, {found.points} points"
    if row.points_formula:
        yield f"points: {row.points_formula}"
    if found.waiver is not None:
        yield from _accepted(found.waiver, row)
    yield f"subject: {found.subject.label}"
    yield f"evidence: {found.evidence}"
    yield f"first seen: {row.first_seen}"
    yield from _last_week(report.trend, rest)
    yield f"why: {rule.why}"
    yield f"fix: {rule.fix}"
    yield f"controls: {row.controls}"
    if found.subject.source is not None:
        yield f"source: {found.subject.source}"
    yield from _observed(found, report.estate)


def _observed(found: Finding, estate: Estate) -> Iterator[str]:
    """The fact a finding is about, with the poll that last saw it, and what else was read."""
    thing = getattr(found.subject.thing, "fact", found.subject.thing)
    fact = estate.fact_of(thing) if isinstance(thing, Record) else thing
    if isinstance(fact, Fact):
        record = fact.record
        yield (
            f"fact: {record.kind_name} {record.cluster}/{record.subject} of {fact.source}, so "
            f"since {_instant(fact.valid_from)}, last seen {_instant(fact.confirmed_at)}"
        )
    health = estate.source_health(found.subject.source or "")
    read = health.state.last_taken_at if health else None
    kinds = ", ".join(kind.replace("_", " ") for kind in found.rule.needs)
    if read is not None and kinds:
        yield f"beside it were read: {kinds}, last seen {_instant(read)}"


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _last_week(trend: Trend | None, finding_id: str) -> Iterator[str]:
    """What an earlier report said of a finding that changed since."""
    found = trend.of.get(finding_id) if trend else None
    if trend is None or found is None:
        return
    was = found.was
    if was is None:
        yield f"{trend.since}: not there ({found.turn.replace('_', ' ')})"
    else:
        state = f"accepted by {was.waiver}" if was.waiver else was.outcome
        points = was.points or was.points_waived
        yield f"{trend.since}: {state}, {was.severity}, {points} points ({found.turn})"


def _accepted(waiver: Waiver, row: RiskRow) -> Iterator[str]:
    """Who accepted a risk until when, and why."""
    yield (
        f"accepted until {row.waiver_until} by waiver {waiver.id}: {row.points_waived} points "
        "count as accepted risk"
    )
    yield f"reason: {waiver.reason}"
    if waiver.compensating_control:
        yield f"meanwhile: {waiver.compensating_control}"
    yield (
        f"asked for by {waiver.requested_by}, approved by {waiver.approved_by} on "
        f"{waiver.approved_at}" + (f" ({waiver.reference})" if waiver.reference else "")
    )


def _recorder(report: Report, rest: str) -> Iterator[str]:
    known = keepers_of(report.estate)
    found = next((keeper for keeper in known if keeper.answers_to(rest)), None)
    if found is None:
        labels = ", ".join(keeper.label for keeper in known) or "none"
        raise UnknownKey(f"no recorder is named {rest!r}; known are {labels}")
    return explanation(found)


def _shown(value: Any) -> str:
    if value is None:
        return "not known" if not isinstance(value, str) else ""
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    return str(value)
