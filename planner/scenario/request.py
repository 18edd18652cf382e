"""A request answered: yes, no, yes if something is ordered by a date, or not known.

It is yes when, with all that is asked for in place, nothing of the pools it touches is over its
usable capacity until the date asked for, every new guest has a host, and no failure takes down
more than it does today. What is not proven is neither yes nor no.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Literal

from planner.answers import Answer, PoolAnswer
from planner.efficiency.showback import Cost, Rates
from planner.hosting import bins_of, planned_hosts
from planner.numbers import exceeds
from planner.placement.fit import Profile
from planner.pools import GIB, Pool
from planner.scenario.changes import (
    AddGuests,
    AddHosts,
    AddStorage,
    Change,
    Demand,
    Scenario,
)
from planner.scenario.names import ScenarioError, pool_called, profile_called
from planner.scenario.outcome import Outcome, outcome_of
from planner.scenario.ranking import HostChoice, ranked_hosts
from planner.scenario.world import Base, PoolKey, key_of

Verdict = Literal["yes", "yes_if", "no", "unknown"]
_BEST_FIRST: tuple[Verdict, ...] = ("yes", "yes_if", "unknown", "no")
_MOST_HOSTS = 64
_MOST_STORAGE_STEPS = 4096
_STORAGE_STEP_GIB = 1024.0


@dataclass(frozen=True, slots=True)
class Said:
    """One statement: a key of the phrases, and what they are filled with."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for: guests, or demand in one piece; ``pool`` None: wherever it fits best."""

    name: str
    guests: tuple[AddGuests, ...] = ()
    demand: Demand | None = None
    when: date | None = None  # None: today
    until: date | None = None
    agency: str | None = None

    @property
    def changes(self) -> tuple[Change, ...]:
        adds = [Change(when=self.when, add=guests) for guests in self.guests]
        demand = [Change(when=self.when, demand=self.demand)] if self.demand is not None else []
        return (*adds, *demand)


@dataclass(frozen=True, slots=True)
class Short:
    """What keeps the answer from being yes. ``on``: the day from which it is short."""

    pool: Pool
    said: Said
    on: date


@dataclass(frozen=True, slots=True)
class Condition:
    """What must be ordered, by when, so that the answer is yes.

    ``with_less`` is what would still be short with one host, or one TiB, less.
    """

    pool: Pool
    quantity: float
    unit: Literal["hosts", "gib"]
    like: str  # the host whose size they have
    needed_on: date
    order_by: date
    overdue_days: int
    in_service_on: date  # when it is ordered on that day, or today if that is past
    with_less: tuple[Said, ...] = ()

    def change(self) -> Change:
        if self.unit == "hosts":
            hosts = AddHosts(pool=self.pool.name, count=int(self.quantity), like=self.like)
            return Change(when=self.needed_on, add_hosts=hosts)
        storage = AddStorage(pool=self.pool.name, storage_gib=self.quantity)
        return Change(when=self.needed_on, add_storage=storage)


@dataclass(frozen=True, slots=True)
class Judged:
    """What is short, and what is not known, of an outcome."""

    shorts: tuple[Short, ...]
    unknown: tuple[Said, ...]


@dataclass(frozen=True)
class Decision:
    """The answer to a request, and everything behind it."""

    request: Request
    verdict: Verdict
    when: date
    until: date | None
    outcome: Outcome  # with what the conditions bring
    shorts: tuple[Short, ...]
    conditions: tuple[Condition, ...]
    unknown: tuple[Said, ...]
    assumptions: tuple[Said, ...]
    touched: tuple[PoolAnswer, ...]
    choices: tuple[HostChoice, ...]
    cost_month: float | None = None  # None: no rate card names its cluster

    @property
    def asked_by(self) -> str | None:
        """The agency, by its name and code."""
        code = self.request.agency
        known = self.outcome.base.estate.owners.agencies.get(code or "")
        return code if known is None else f"{known.name} ({code})"

    @property
    def possible_from(self) -> date:
        """The first day on which it can be there."""
        return max([self.when, *(c.in_service_on for c in self.conditions)])

    @property
    def binding(self) -> Answer:
        """What runs out first of what the request touches."""
        answers = [answer for pool in self.touched for answer in pool.answers]
        return min(answers, key=lambda a: (a.runway.shortest is None, a.runway.shortest or 0))

    @property
    def lasts_until(self) -> date | None:
        """The last safe day of what the request touches; None when no end is foreseen."""
        firsts = [_first_over(a) for pool in self.touched for a in pool.answers]
        known = [first for first in firsts if first is not None]
        return min(known) - timedelta(days=1) if known else None

    @property
    def hosts(self) -> tuple[tuple[str, int], ...]:
        """How many of the new guests each host takes."""
        counts: dict[str, int] = {}
        for placement in self.outcome.world.placements.values():
            for _guest, host in placement.placed:
                counts[host] = counts.get(host, 0) + 1
        return tuple(sorted(counts.items()))

    @property
    def stores(self) -> tuple[tuple[str, float], ...]:
        """How much of the new disks each datastore takes, in bytes."""
        sizes: dict[str, float] = {}
        for shifts in self.outcome.world.shifts.values():
            for shift in shifts:
                if shift.resource == "storage" and shift.model == "demand" and shift.amount:
                    sizes[shift.pool[1]] = sizes.get(shift.pool[1], 0.0) + shift.amount
        return tuple(sorted(sizes.items()))

    @property
    def stays_down(self) -> tuple[str, ...]:
        """Who stays down when the host is lost whose loss is the worst."""
        return tuple(sorted({name for pool in self.touched for name in pool.stays_down}))

    @property
    def failover(self) -> str:
        clusters = [pool.failover for pool in self.touched if pool.pool.kind == "cluster"]
        return clusters[0] if clusters else "not_applicable"


def decide(base: Base, request: Request, *, clusters: Sequence[str] = ()) -> Decision:
    """The answer; with several ``clusters`` that of the best one. Raises ScenarioError."""
    if request.until is not None and request.until < (request.when or base.estate.as_of):
        raise ScenarioError(f"{request.until} lies before the request begins", "until")
    if not clusters:
        return _decide(base, request)
    moved = [
        replace(request, guests=tuple(g.model_copy(update={"pool": c}) for g in request.guests))
        for c in clusters
    ]
    decisions = [_decide(base, one) for one in moved]
    return min(decisions, key=_badness)


def _badness(decision: Decision) -> tuple[int, date, int]:
    lasts = decision.lasts_until
    days = (lasts or date.max).toordinal()
    return (_BEST_FIRST.index(decision.verdict), decision.possible_from, -days)


def _decide(base: Base, request: Request) -> Decision:
    outcome = outcome_of(base, Scenario(name=request.name, changes=request.changes))
    when = request.when or base.estate.as_of
    judge = _Judge(base, outcome, when, request.until)
    first = judge.of(outcome)
    conditions = tuple(_conditions(base, request, judge, first))
    solved = first
    if conditions:
        changes = (*request.changes, *(condition.change() for condition in conditions))
        outcome = outcome_of(base, Scenario(name=request.name, changes=changes))
        solved = judge.of(outcome)
    touched = tuple(pool for pool in outcome.answers if key_of(pool.pool) in judge.touched)
    return Decision(
        request=request,
        verdict=_verdict(first, solved, conditions, request.until),
        when=when,
        until=request.until,
        outcome=outcome,
        shorts=first.shorts,
        conditions=conditions,
        unknown=solved.unknown,
        assumptions=tuple(_assumptions(request, touched, conditions)),
        touched=touched,
        choices=tuple(_choices(base, request)),
        cost_month=_cost_month(base, request),
    )


def _verdict(
    first: Judged, solved: Judged, conditions: Sequence[Condition], until: date | None
) -> Verdict:
    if solved.shorts:
        return "no"
    if until is not None and any(c.in_service_on > until for c in conditions):
        return "no"
    if solved.unknown:
        return "unknown"
    return "yes_if" if first.shorts else "yes"


# Is it enough?


class _Judge:
    """What a request needs, tested on outcomes with more or less hardware."""

    def __init__(self, base: Base, outcome: Outcome, when: date, until: date | None) -> None:
        self._base, self._when, self._until = base, when, until
        shifted = {s.pool for shifts in outcome.world.shifts.values() for s in shifts}
        self.touched: frozenset[PoolKey] = frozenset(shifted)

    def of(self, outcome: Outcome, only: PoolKey | None = None) -> Judged:
        wanted = self.touched if only is None else {only}
        pools = [pool for pool in outcome.answers if key_of(pool.pool) in wanted]
        shorts: list[Short] = []
        unknown: list[Said] = []
        for pool in pools:
            for found in (*self._figures(pool), *self._running(pool, outcome)):
                (shorts if isinstance(found, Short) else unknown).append(found)  # type: ignore[arg-type]
        return Judged(tuple(shorts), tuple(unknown))

    def _figures(self, pool: PoolAnswer) -> Iterator[Short | Said]:
        """What is short or not known of capacity."""
        for answer in pool.answers:
            question, first = answer.question, _first_over(answer)
            told = {"pool": pool.pool.name, "resource": question.resource, "model": question.model}
            unsure = question.model == "allocation" and question.load.is_incomplete
            if answer.headroom is None or unsure:
                yield Said("unknown_figure", told)
            elif exceeds(0.0, answer.headroom) and -answer.headroom > 1e-6 * (answer.usable or 1):
                short = told | {"amount": -answer.headroom, "unit": question.unit}
                yield Short(pool.pool, Said("short_headroom", short), self._when)
            if first is not None and first <= (self._until or self._when):
                short = told | {"date": first}
                yield Short(pool.pool, Said("short_runway", short), first)
            elif answer.runway.reason == "stale":
                yield Said("unknown_stale", told)
            elif self._until is not None and _is_unforeseen(answer):
                yield Said("unknown_history", told | {"date": self._until})

    def _running(self, pool: PoolAnswer, outcome: Outcome) -> Iterator[Short | Said]:
        """What finds no host, and what a lost host takes down that it did not before."""
        placement = outcome.placement_in(pool.pool)
        unplaced = placement.unplaced if placement is not None else ()
        told: dict[str, Any] = {"pool": pool.pool.name}
        if placement is not None and placement.verdict == "fail":
            said = Said("short_placement", told | {"count": len(unplaced), "why": placement.why})
            yield Short(pool.pool, said, self._when)
        elif placement is not None and placement.verdict != "pass":
            yield Said("unknown_placement", told | {"why": placement.why})
        before = set(self._base.by_pool[key_of(pool.pool)].stays_down)
        worse = sorted(set(pool.stays_down) - before - set(unplaced))
        if pool.failover == "unproven":
            why = next((case.why for case in pool.cases if case.verdict == "unproven"), "")
            yield Said("unknown_failover", told | {"why": why})
        elif worse:
            yield Short(pool.pool, Said("short_failover", told | {"names": worse}), self._when)


def _first_over(answer: Answer) -> date | None:
    return answer.runway.conservative_first_over or answer.runway.first_over


def _is_unforeseen(answer: Answer) -> bool:
    return answer.runway.reason in ("not_enough_history", "capacity_unknown", "demand_unknown")


# What must be ordered


def _conditions(base: Base, request: Request, judge: _Judge, first: Judged) -> Iterator[Condition]:
    """Per pool that is short the least that helps; nothing for one that nothing helps."""
    pools = {key_of(short.pool): short.pool for short in first.shorts}
    for key, pool in pools.items():
        days = [short.on for short in first.shorts if key_of(short.pool) == key]
        needed_on = max(base.estate.as_of, min(days))
        own = tuple(short for short in first.shorts if key_of(short.pool) == key)
        found = _smallest(base, request, judge, pool, needed_on, own)
        if found is not None:
            yield found


def _smallest(
    base: Base,
    request: Request,
    judge: _Judge,
    pool: Pool,
    needed_on: date,
    without: tuple[Short, ...],
) -> Condition | None:
    """The least that helps; None when nothing does. ``without`` is what is short with nothing."""
    like = _largest_host(base, pool) if pool.kind == "cluster" else ""
    if like is None:
        return None

    def condition(steps: int) -> Condition:
        quantity = float(steps) if pool.kind == "cluster" else steps * _STORAGE_STEP_GIB
        return _condition(base, pool, quantity, like, needed_on)

    short = {0: without}

    def is_enough(steps: int) -> bool:
        """The figures first: only what they allow is worth packing every failure for."""
        changes, key = (*request.changes, condition(steps).change()), key_of(pool)
        scenario = Scenario(name=request.name, changes=changes)
        figures = outcome_of(base, scenario, only={key}, failover=False)
        short[steps] = judge.of(figures, key).shorts
        if not short[steps]:
            short[steps] = judge.of(outcome_of(base, scenario, only={key}), key).shorts
        return not short[steps]

    most = _MOST_HOSTS if pool.kind == "cluster" else _MOST_STORAGE_STEPS
    steps = _least(is_enough, most)
    if steps is None:
        return None
    return replace(condition(steps), with_less=tuple(one.said for one in short[steps - 1]))


def _least(is_enough: Callable[[int], bool], most: int) -> int | None:
    """The smallest number that is enough, of which more are enough too; None above ``most``."""
    high = 1
    while not is_enough(high):
        if high >= most:
            return None
        high = min(2 * high, most)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _condition(base: Base, pool: Pool, quantity: float, like: str, needed_on: date) -> Condition:
    as_of, lead = base.estate.as_of, base.by_pool[key_of(pool)].answers[0].question.lead.days
    order_by = needed_on - timedelta(days=lead)
    return Condition(
        pool=pool,
        quantity=quantity,
        unit="hosts" if pool.kind == "cluster" else "gib",
        like=like,
        needed_on=needed_on,
        order_by=order_by,
        overdue_days=max(0, (as_of - order_by).days),
        in_service_on=max(needed_on, as_of + timedelta(days=lead)),
    )


def _largest_host(base: Base, pool: Pool) -> str | None:
    """The live host that is largest, as the model for new ones."""
    bins = {one.name for one in bins_of(pool, base.estate.policy)}
    hosts = [h for h in planned_hosts(pool) if h.name in bins or h.host_id in bins]
    best = max(hosts, key=lambda h: (h.memory_bytes or 0, h.cpu_cores or 0.0), default=None)
    return None if best is None else f"{best.cluster}/{best.name}"


# What it rests on


def _choices(base: Base, request: Request) -> Iterator[HostChoice]:
    """The hosts of the cluster, the best for one of the new guests first."""
    if request.guests:
        guests = request.guests[0]
        pool = pool_called(base.answers, guests.pool, "cluster", "pool")
        yield from ranked_hosts(base, pool, _profile(base, pool.pool, guests))


def _profile(base: Base, pool: Pool, guests: AddGuests) -> Profile:
    return profile_called(base.estate, pool, guests.profile, "profile")


def _assumptions(
    request: Request, touched: Sequence[PoolAnswer], conditions: Sequence[Condition]
) -> Iterator[Said]:
    """What was taken as given, for the reader to contradict."""
    if request.guests:
        yield Said("assume_full", {})
    else:
        yield Said("assume_one_piece", {})
    leads = [pool.answers[0].question.lead for pool in touched]
    for basis, days in sorted({(lead.basis, lead.days) for lead in leads}):
        yield Said(f"lead_{basis}", {"days": days})
    flags = {flag for pool in touched for answer in pool.answers for flag in answer.flags}
    if "reserve_assumed" in flags:
        yield Said("assume_reserve", {})
    answers = [answer for pool in touched for answer in pool.answers]
    limits = [answer.question for answer in answers if f"{_table(answer)}_assumed" in answer.flags]
    if limits:
        factors = [(one.resource, one.model, one.capacity.factor) for one in limits]
        yield Said("assume_limits", {"limits": factors})
    for answer in answers:
        if _is_unforeseen(answer):
            told = {"pool": answer.question.pool.name, "resource": answer.question.resource}
            yield Said("assume_today", told | {"model": answer.question.model})
    yield from _about_stores(touched, conditions)


def _about_stores(touched: Sequence[PoolAnswer], conditions: Sequence[Condition]) -> Iterator[Said]:
    for condition in conditions:
        if condition.unit == "hosts":
            yield Said("assume_sees", {"pool": condition.pool.name})
    if not any(pool.pool.kind == "datastore" for pool in touched):
        for pool in touched:
            yield Said("assume_no_storage", {"pool": pool.pool.name})


def _table(answer: Answer) -> str:
    """Which table of the policy limits a question."""
    return "threshold" if answer.question.model == "demand" else "overcommit"


def _cost_month(base: Base, request: Request) -> float | None:
    """What it would be charged by the rate card; None where none names one of its clusters."""
    parts = [part.cost.total for part in charged_parts(base, request)]
    return None if any(part is None for part in parts) else sum(part or 0.0 for part in parts)


@dataclass(frozen=True, slots=True)
class Charged:
    """What is asked of one pool, the rates (None: no rate card names it), and their product."""

    cluster: str
    amounts: Mapping[str, float]
    rates: Rates | None
    cost: Cost


def charged_parts(base: Base, request: Request) -> Iterator[Charged]:
    """What each part of a request would be charged a month."""
    for guests in request.guests:
        yield _charged(base, replace(request, guests=(guests,)))
    if request.demand is not None:
        yield _charged(base, request)


def _charged(base: Base, part: Request) -> Charged:
    name = part.demand.pool if part.demand is not None else part.guests[0].pool
    cluster = pool_called(base.answers, name, None, "pool").pool.cluster
    rates, amounts = base.rates.get(cluster), amounts_of(base, part)
    cost = Cost(None, None, None)
    if rates is not None:
        cost = Cost(
            rates.cpu.cost(amounts["vcpus"]),
            rates.memory.cost(amounts["memory_gib"]),
            rates.storage.cost(amounts["storage_gib"]),
        )
    return Charged(cluster, amounts, rates, cost)


def amounts_of(base: Base, request: Request) -> dict[str, float]:
    """All that is asked for together: guests, vcpus, memory_gib, storage_gib."""
    if request.demand is not None:
        piece = request.demand
        return {"guests": 0.0, "vcpus": piece.vcpus, "memory_gib": piece.memory_gib,
                "storage_gib": piece.storage_gib}  # fmt: skip
    totals = {"guests": 0.0, "vcpus": 0.0, "memory_gib": 0.0, "storage_gib": 0.0}
    for guests in request.guests:
        pool = pool_called(base.answers, guests.pool, "cluster", "pool").pool
        profile = _profile(base, pool, guests)
        totals["guests"] += guests.count
        totals["vcpus"] += guests.count * profile.vcpus
        totals["memory_gib"] += guests.count * profile.memory_bytes / GIB
        totals["storage_gib"] += guests.count * profile.storage_bytes / GIB
    return totals
