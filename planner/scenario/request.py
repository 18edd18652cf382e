"""A request answered: yes, no, yes if something is ordered by a date, or not known.

It is yes when, with all that is asked for in place, nothing of the pools it touches is over its
usable capacity until the date asked for, every new guest has a host, and no failure takes down
more than it does today. What is not proven is neither yes nor no. When what must be ordered is
there only later than asked, the answer is that of the day on which it is; the same where an order
that is on its way is enough. What it owes to such an order is a yes-if.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from planner.answers import Answer, PoolAnswer
from planner.efficiency.showback import Cost, Rates
from planner.placement.fit import Profile
from planner.pools import GIB, Pool
from planner.scenario.changes import AddGuests, Change, Demand, Scenario
from planner.scenario.coming import Coming, coming_in, without
from planner.scenario.judging import Judge, Judged, Said, Short, first_over, is_unforeseen
from planner.scenario.names import ScenarioError, pool_called, profile_called
from planner.scenario.ordering import Condition, conditions_of, ready_on
from planner.scenario.outcome import Outcome, outcome_of, steps_of
from planner.scenario.ranking import HostChoice, ranked_hosts
from planner.scenario.world import Base, key_of

Verdict = Literal["yes", "yes_if", "no", "unknown"]
MOST_GUESTS = 10_000  # in one request: each is placed, beside every failure
_BEST_FIRST: tuple[Verdict, ...] = ("yes", "yes_if", "unknown", "no")


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


@dataclass(frozen=True)
class Decision:
    """The answer to a request, and everything behind it."""

    request: Request
    verdict: Verdict
    when: date  # the day asked for
    begins: date  # the day that is judged: when what must be ordered is there, if that is later
    until: date | None
    outcome: Outcome  # with what the conditions bring
    shorts: tuple[Short, ...]  # with nothing ordered for it, nor what it relies on
    conditions: tuple[Condition, ...]
    unknown: tuple[Said, ...]
    assumptions: tuple[Said, ...]
    touched: tuple[PoolAnswer, ...]
    choices: tuple[HostChoice, ...]
    cost_month: float | None = None  # None: no rate card names its cluster
    coming: tuple[Coming, ...] = ()  # to where it may run
    relies_on: tuple[Coming, ...] = ()  # those without which something is short

    @property
    def asked_by(self) -> str | None:
        """The agency, by its name and code."""
        code = self.request.agency
        known = self.outcome.base.estate.owners.agencies.get(code or "")
        return code if known is None else f"{known.name} ({code})"

    @property
    def possible_from(self) -> date:
        """The first day on which it can be there; what is needed later does not delay it."""
        late = (c.in_service_on for c in self.conditions if c.overdue_days)
        return max([self.begins, *late])

    @property
    def binding(self) -> Answer:
        """What runs out first of what the request touches."""
        answers = [answer for pool in self.touched for answer in pool.answers]
        return min(answers, key=lambda a: (a.runway.shortest is None, a.runway.shortest or 0))

    @property
    def lasts_until(self) -> date | None:
        """The last safe day of what the request touches; None when no end is foreseen."""
        firsts = [first_over(a) for pool in self.touched for a in pool.answers]
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
    if sum(guests.count for guests in request.guests) > MOST_GUESTS:
        raise ScenarioError(f"a request is for at most {MOST_GUESTS:,} guests", "changes", 0, "add")
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
    """The answer on the first day on which the request can begin.

    That day moves as long as something needed by then is there only later: to the next day on
    which what is on its way arrives where something is short, or what is ordered today would; it
    cannot move past the longest lead time.
    """
    tried = _tried_until_ready(base, request)
    decision = _decision(base, request, tried)
    if decision.verdict == "yes_if" and decision.possible_from > decision.begins:
        told = {"date": decision.possible_from, "days": _horizon_days(base)}
        unknown = (*decision.unknown, Said("unknown_beyond", told))
        return replace(decision, verdict="unknown", unknown=unknown)
    return decision


def _tried_until_ready(base: Base, request: Request) -> _Tried:
    """The request on the first day after which nothing more comes that it lacks.

    The figures first: only a day that they allow is worth packing every failure for.
    """
    last = _last_day(base, request.until)
    tried = _Tried.on(base, request, request.when or base.estate.as_of)
    while True:
        while tried.begins < tried.next_on <= last:
            tried = _Tried.on(base, request, tried.next_on)
        whole = _Tried.on(base, request, tried.begins, packed=True)
        if not whole.begins < whole.next_on <= last:
            return whole
        tried = _Tried.on(base, request, whole.next_on)


@dataclass(frozen=True)
class _Tried:
    """A request that begins on a day, with nothing ordered for it.

    ``base`` is asked without what has come by that day: ``changes`` bring it.
    """

    base: Base
    coming: tuple[Coming, ...]
    changes: tuple[Change, ...]
    begins: date
    outcome: Outcome
    judge: Judge
    judged: Judged

    @classmethod
    def on(cls, base: Base, request: Request, begins: date, *, packed: bool = False) -> _Tried:
        coming = coming_in(base, _clusters(base, request))
        done = [one for one in coming if one.by <= begins and one.change is not None]
        arrived = [one.change for one in done if one.change is not None]
        ready, asked = without(base, done), replace(request, when=begins).changes
        return cls._judged(ready, request, coming, (*arrived, *asked), begins, packed=packed)

    @classmethod
    def _judged(
        cls,
        base: Base,
        request: Request,
        coming: tuple[Coming, ...],
        changes: tuple[Change, ...],
        begins: date,
        *,
        packed: bool,
    ) -> _Tried:
        scenario = Scenario(name=request.name, changes=changes)
        outcome = outcome_of(base, scenario, packed=packed, on=begins)
        judge = Judge(base, outcome, begins, request.until)
        return cls(base, coming, changes, begins, outcome, judge, judge.of(outcome))

    def bare(self, base: Base, request: Request, more: Iterable[Change]) -> _Tried:
        """The same with more changes, if nothing that is on its way ever arrived."""
        bare = without(base, [one for one in self.coming if one.arrives])
        changes = (*replace(request, when=self.begins).changes, *more)
        figures = self._judged(bare, request, (), changes, self.begins, packed=False)
        if figures.judged.shorts:
            return figures
        return self._judged(bare, request, (), changes, self.begins, packed=True)

    @property
    def next_on(self) -> date:
        """The first day after it on which less may be short; the same day where none is."""
        ready = ready_on(self.base, self.judged.shorts, self.begins)
        if ready == self.begins:
            return ready
        short = {key_of(one.pool) for one in self.judged.shorts}
        arrivals = (one for one in self.coming if one.arrives and key_of(one.pool) in short)
        return min([ready, *(one.by for one in arrivals if one.by > self.begins)])


def _clusters(base: Base, request: Request) -> frozenset[str]:
    """The clusters in which something is asked for."""
    names = {change.add.pool for change in request.changes if change.add is not None}
    if request.demand is not None:
        names.add(request.demand.pool)
    return frozenset(
        answer.pool.name
        for answer in base.answers
        if answer.pool.kind == "cluster" and any(map(answer.pool.answers_to, names))
    )


def _last_day(base: Base, until: date | None) -> date:
    """The last day on which a request can begin: not after its end, nor beyond what is foreseen."""
    horizon = base.estate.as_of + timedelta(days=_horizon_days(base))
    return horizon if until is None else min(horizon, until)


def _horizon_days(base: Base) -> int:
    return base.estate.policy.forecast.horizon_days


def _decision(base: Base, request: Request, tried: _Tried) -> Decision:
    """The answer if the request begins on the day that was tried."""
    conditions = conditions_of(tried.base, tried.changes, tried.judge, tried.judged)
    outcome, solved = tried.outcome, tried.judged
    if conditions:
        changes = (*tried.changes, *(condition.change() for condition in conditions))
        scenario = Scenario(name=request.name, changes=changes)
        outcome = outcome_of(tried.base, scenario, on=tried.begins)
        solved = tried.judge.of(outcome)
    touched = tuple(pool for pool in outcome.answers if key_of(pool.pool) in tried.judge.touched)
    relies_on, shorts = _relied_on(base, request, tried, conditions)
    needs = bool(relies_on or conditions)
    return Decision(
        request=request,
        verdict=_verdict(solved, conditions, request.until, needs=needs),
        when=request.when or base.estate.as_of,
        begins=tried.begins,
        until=request.until,
        outcome=outcome,
        shorts=shorts,
        conditions=conditions,
        unknown=solved.unknown,
        assumptions=tuple(_assumptions(request, touched, conditions, relies_on)),
        touched=touched,
        choices=tuple(_choices(tried, request)),
        cost_month=_cost_month(base, request),
        coming=tried.coming,
        relies_on=relies_on,
    )


def _relied_on(
    base: Base, request: Request, tried: _Tried, conditions: Sequence[Condition]
) -> tuple[tuple[Coming, ...], tuple[Short, ...]]:
    """What is on its way to where, without it, something would be short of the answer.

    Beside it what is short with nothing ordered; where that is nothing, what would be without it.
    """
    last = max(tried.begins, request.until or tried.begins)
    arrivals = [one for one in tried.coming if one.arrives and one.hardware.when <= last]
    if not arrivals:
        return (), tried.judged.shorts
    ordered = [condition.change() for condition in conditions]
    shorts = tried.bare(base, request, ordered).judged.shorts
    short = {key_of(one.pool) for one in shorts}
    found = tuple(one for one in arrivals if key_of(one.pool) in short)
    return found, tried.judged.shorts or shorts


def _verdict(
    solved: Judged, conditions: Sequence[Condition], until: date | None, *, needs: bool
) -> Verdict:
    if solved.shorts:
        return "no"
    if until is not None and any(c.in_service_on > until for c in conditions):
        return "no"
    if solved.unknown:
        return "unknown"
    return "yes_if" if needs else "yes"


# What it rests on


def _choices(tried: _Tried, request: Request) -> Iterator[HostChoice]:
    """The hosts of the cluster, the best for one of the new guests first."""
    if request.guests:
        guests, base = request.guests[0], tried.base
        pool = pool_called(base.answers, guests.pool, "cluster", "pool").pool
        arrived = tuple(change for change in tried.changes if change.add is None)
        world = steps_of(base, Scenario(name="arrived", changes=arrived))[-1].world
        profile = _profile(base, pool, guests)
        yield from ranked_hosts(world.estate, world.pools[key_of(pool)], profile)


def _profile(base: Base, pool: Pool, guests: AddGuests) -> Profile:
    return profile_called(base.estate, pool, guests.profile, "profile")


def _assumptions(
    request: Request,
    touched: Sequence[PoolAnswer],
    conditions: Sequence[Condition],
    relies_on: Sequence[Coming],
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
        if is_unforeseen(answer):
            told = {"pool": answer.question.pool.name, "resource": answer.question.resource}
            yield Said("assume_today", told | {"model": answer.question.model})
    new_hosts = [condition.pool for condition in conditions] + [one.pool for one in relies_on]
    for name in dict.fromkeys(pool.name for pool in new_hosts if pool.kind == "cluster"):
        yield Said("assume_sees", {"pool": name})
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
