"""The parts of a pool's explanation: each formula with its inputs, their dates and sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from inventory.facts import Fact
from inventory.records import Host
from planner.answers import Answer, PoolAnswer
from planner.buying import Purchase
from planner.capacity import percent
from planner.contention import grade, pressure_percent
from planner.efficiency import explained
from planner.efficiency.answer import Efficiency
from planner.estate import Estate
from planner.fitting import why_no_guests
from planner.foreseen import engine_of
from planner.hosting import needed_in
from planner.levels import level_dates
from planner.outlook import Outlook
from planner.placement.fit import Fit
from planner.policy import Policy
from planner.pools import GIB
from planner.purchase_reasons import (
    budget_lines,
    buy_lines,
    coming_lines,
    lead_lines,
    level_lines,
)
from planner.report import in_unit, quantile
from planner.rows import TrackRow
from planner.saying import unit_name
from planner.track import record_told
from planner.usable import host_share

_WEEKS_SHOWN = 8


class UnknownKey(Exception):
    """The key names nothing that is known; the message says what it could name."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What a pool's numbers rest on beside its answers.

    ``shifted``: a scenario moved the demand. ``invented`` are its hosts, by cluster and id: no
    source has told of them.
    """

    estate: Estate
    fits: Sequence[Fit]
    efficiency: Efficiency
    purchase: Purchase | None = None
    track_record: Sequence[TrackRow] = ()
    outlook: Outlook | None = None
    shifted: bool = False
    invented: frozenset[tuple[str, str]] = frozenset()


class Sections:
    """The parts of a pool's explanation, by what they explain."""

    def __init__(self, basis: Basis, pool: PoolAnswer, answer: Answer) -> None:
        self._basis = basis
        self._pool = pool
        self._answer = answer
        self._policy: Policy = basis.estate.policy
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
            **dict.fromkeys(
                ("fit_s", "fit_m", "fit_l", "fit_s_proven", "fit_m_proven", "fit_l_proven"),
                self._fit,
            ),
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
        yield from self.of_each(self._by_column)

    def of_each(self, columns: Iterable[str]) -> Iterator[str]:
        """What stands behind some columns, each part once."""
        sections = list(dict.fromkeys(self._by_column[column] for column in columns))
        for number, section in enumerate(sections):
            if number:
                yield ""
            yield from section()

    def of(self, column: str) -> Iterator[str]:
        section = self._by_column.get(column)
        if section is None:
            yield "  (a label)"
            return
        yield from section()

    def _unit(self, value: float | None) -> str:
        return f"{shown(in_unit(value, self._answer))} {unit_name(self._answer.question.unit)}"

    def _capacity(self) -> Iterator[str]:
        question, capacity = self._answer.question, self._answer.question.capacity
        yield "usable = factor × (ΣH − N+k reserve); H = capacity − host reserve (glossary 2-5)"
        yield (
            f"  = {capacity.factor:g} × ({shown(in_unit(capacity.effective, self._answer))} − "
            f"{shown(in_unit(capacity.ha_reserve, self._answer))}) = "
            f"{self._unit(capacity.usable)}"
        )
        table = "threshold" if question.model == "demand" else "overcommit"
        named = question.limits.policy.origin(table, question.resource)
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
                + f", {self._told_by(fact)}"
            )
        if (store := question.pool.datastore) is not None:
            yield (
                f"  datastore {store.record.datastore_id}: "
                f"{self._unit(store.record.capacity_bytes)}, source {store.source}, confirmed "
                f"{store.confirmed_at:%Y-%m-%d %H:%MZ}"
            )
        for name in capacity.unknown:
            yield f"  not known: the capacity of {name}"

    def _told_by(self, fact: Fact[Host]) -> str:
        if (fact.record.cluster, fact.record.host_id) in self._basis.invented:
            return "of the scenario"
        return f"source {fact.source}, confirmed {fact.confirmed_at:%Y-%m-%d %H:%MZ}"

    def _allocated(self) -> Iterator[str]:
        load, capacity = self._answer.question.load, self._answer.question.capacity
        what = (
            "virtual size of all disks of all guests and templates"
            if self._answer.question.resource == "storage"
            else "configured size of powered-on guests that are no templates"
        )
        yield f"allocated A = Σ {what} (glossary 6) = {self._unit(load.allocated)}"
        yield f"  with stopped guests {self._unit(load.allocated_all)}"
        bound = "a lower bound" if load.allocated is not None else "not known"
        if load.unknown_parts:
            yield f"  {bound}: the size of {load.unknown_parts} of them is not known"
        if load.unseen:
            yield f"  {bound}: {load.unseen}"
        yield (
            f"overcommit now = A ÷ ΣH = {shown(self._answer.overcommit_now)}; after a failure = "
            f"A ÷ F = {shown(self._answer.overcommit_after_failure)} "
            f"(F {shown(in_unit(capacity.failover, self._answer))})"
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
        shifted = ", with what the scenario moves" if self._basis.shifted else ""
        yield f"  D₀ = {self._unit(self._answer.demand)}, {basis}{shifted}"
        if series.last is not None:
            yield f"  last closed day {series.last[0]}: {self._unit(series.last[1])}"
        for fact in self._answer.question.pool.hosts:
            wait = pressure_percent(fact.record, self._answer.question.resource)
            if wait is not None:
                told = f"work waited {wait:.1f} % of the time: {grade(wait)}"
                yield f"  host {fact.record.name}: {told}"
        days = self._policy.forecast.coverage_window_days
        recent = series.recent(days)
        yield (
            f"  of the last {days} closed days: P95 {self._unit(quantile(recent, 0.95))}, peak "
            f"{self._unit(quantile(recent, 1.0))}"
        )
        for end, mean, high in series.weeks(_WEEKS_SHOWN):
            yield f"  week to {end}: mean {self._unit(mean)}, highest day {self._unit(high)}"

    def _headroom(self) -> Iterator[str]:
        load = "D₀" if self._answer.question.model == "demand" else "A"
        yield (
            f"headroom = U − {load} = {self._unit(self._answer.usable)} − "
            f"{self._unit(self._answer.load)} = {self._unit(self._answer.headroom)} (glossary 8)"
        )
        free = percent(self._answer.headroom, self._answer.usable)
        yield (
            f"  {load} ÷ U = {shown(self._answer.used_percent)} %, headroom ÷ U = {shown(free)} %"
        )

    def _runway(self) -> Iterator[str]:
        runway, passage = self._answer.runway, self._answer.passage
        yield (
            "runway = complete days after as_of until a path first exceeds U; base: half of the "
            "paths, conservative: one in ten (glossary 10)"
        )
        yield (
            f"  base {_crossing(runway.days, runway.first_over)}; conservative "
            f"{_crossing(runway.conservative_days, runway.conservative_first_over)}"
        )
        if runway.reason:
            yield f"  reason: {runway.reason} (glossary 11)"
        if passage is not None:
            yield (
                f"  growth {self._unit(passage.growth_per_day)} a day, upper "
                f"{self._unit(passage.growth_per_day_high)}; {self._engine()}"
            )
        if self._basis.outlook is not None:
            yield from (f"  {line}" for line in self._basis.outlook.words())
        record = record_told(self._basis.track_record, self._answer)
        yield from (f"  {line}" for line in record)
        for window in runway.windows:
            yield f"  short from {window[0]} to {window[1]}"
        if self._answer.question.committed:
            yield f"  committed projects add {self._unit(self._answer.question.committed)}"
        yield from coming_lines(self._answer)
        yield from level_lines(level_dates(self._basis.estate, self._answer))

    def _engine(self) -> str:
        """How the paths were made."""
        rules, question = self._policy.forecast, self._answer.question
        if question.grows:
            earned = question.calibration.weights.items()
            parts = ", ".join(f"{name} {weight:.2f}" for name, weight in earned)
            told = f"several experts, weighed by what they have earned: {parts}"
        else:
            told = f"that for loads; drift over {rules.trend_days} days, {self._calendar()}"
        return f"engine {engine_of(question)}: {told}; {rules.samples} paths, seed {rules.seed}"

    def _calendar(self) -> str:
        known = self._basis.estate.calendar
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
        runway = self._answer.runway
        first = (
            runway.conservative_first_over if order.basis == "conservative" else runway.first_over
        )
        yield (
            f"  = first over {shown(first)} − {order.lead_days} days: order by {shown(order.on)}, "
            f"overdue {order.overdue_days} days as of {self._basis.estate.as_of}"
        )
        rules = self._policy.status
        why = f": the runway's reason is {runway.reason}" if runway.reason else ""
        yield f"status {self._answer.status} (glossary 19){why}"
        yield (
            f"  act {rules.act_days} days before the order-by date "
            f"({self._policy.origin('status', 'act_days')}), plan {rules.plan_days} before it "
            f"({self._policy.origin('status', 'plan_days')})"
        )
        if "ring_buffer" in self._answer.flags:
            yield "  full by design: the status is that of its recordings (`lumbung cameras`)"
        binding = self._pool.binding.question
        yield f"the pool's binding constraint is {binding.resource}/{binding.model}"

    def _budget(self) -> Iterator[str]:
        yield from budget_lines(self._answer)

    def _buy(self) -> Iterator[str]:
        yield from buy_lines(self._pool, self._answer, self._basis.purchase, self._policy)

    def _reclaimable(self) -> Iterator[str]:
        question, found = self._answer.question, self._basis.efficiency
        yield from explained.pool_lines(
            self._basis.estate, found, question.pool, question.resource, question.model
        )

    def _fit(self) -> Iterator[str]:
        return fit_lines(self._pool, self._basis.fits)

    def _failover(self) -> Iterator[str]:
        pool = self._pool
        yield f"failover test: {pool.failover} (glossary 14)"
        yield "  configured memory ≤ effective memory, vCPUs ≤ ratio × cores, no guest > its host"
        if self._policy.failover.exclusive_pins:
            yield "  no CPU is pinned by two guests of a host (failover.exclusive_pins, policy)"
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
        yield f"hosts that may be lost at once: {shown(found.tolerates)}, proven"
        why = f" ({found.why})" if found.why else ""
        yield f"the same test while one more host is away: {found.maintenance}{why}"
        if needed := needed_in(self._basis.estate, pool.pool):
            yield str(needed)

    def _confidence(self) -> Iterator[str]:
        answer = self._answer
        yield f"confidence {answer.confidence} (glossary 18)"
        yield (
            f"  history {answer.history_days:.1f} days, coverage {100 * answer.coverage_ratio:.1f}"
            f" % of the last {self._policy.forecast.coverage_window_days} days, WAPE of 30-day "
            f"forecasts {shown(answer.wape_30)}{'' if answer.wape_30 is None else ' %'}"
        )
        if self._basis.outlook is not None:
            yield from (f"  {line}" for line in self._basis.outlook.quality_words())
        if answer.flags:
            yield f"  flags: {', '.join(answer.flags)}"


def _crossing(days: int | None, first_over: date | None) -> str:
    """When a path is over; one that is never over, or of which nothing is known, has no date."""
    return "without a date" if days is None else f"{days} days, first over {shown(first_over)}"


def shown(value: Any) -> str:
    """A value in words, and that it is not known where it is not."""
    if value is None:
        return "not known" if not isinstance(value, str) else ""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    return str(value)


def fit_lines(answer: PoolAnswer, fits: Iterable[Fit]) -> Iterator[str]:
    """How many more guests of some sizes a pool takes, and what each limit allows."""
    pool = answer.pool
    yield "fit = the least of what each limit allows, host by host (glossary 15)"
    yield "proven = as many run again after every failure, packed anew: the number to promise"
    if pool.kind == "datastore" and (reason := why_no_guests(answer)):
        yield f"  none: {pool.name} holds no guests, {reason}"
        return
    for fit in fits:
        size = fit.profile
        yield (
            f"  {size.name} ({size.vcpus:g} vCPU, {size.memory_bytes / GIB:g} GiB, "
            f"{size.storage_bytes / GIB:g} GiB): {shown(fit.count)}; pooled "
            f"{shown(fit.pooled)}, proven {shown(fit.lower_bound)}; binding: {fit.binding}"
        )
        yield f"    {'; '.join(f'{limit.name} {shown(limit.count)}' for limit in fit.limits)}"
    if pool.kind == "cluster":
        yield "  CPU demand of a new guest: its vCPUs as busy as those of the pool now"
