"""The rows of orders.csv: what must be ordered or decided, and every order that is under way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches

from planner.answers import Answer, PoolAnswer, in_unit
from planner.buying import PoolKey, Purchase
from planner.estate import Estate
from planner.keys import order_key
from planner.leads import Pending, learn, pending_of
from planner.pools import Pool
from planner.purchases import RECORDER
from planner.rows import OrderRow

_URGENT = ("overdue", "overdue_if_assumed", "act", "plan")


@dataclass(frozen=True, slots=True)
class Misnamed:
    """A name in the estate file that no pool or source has: what stands there counts nowhere."""

    place: tuple[str | int, ...]  # the keys that lead to it
    subject: str
    name: str
    known: tuple[str, ...]
    kind: str = "pool"

    def __str__(self) -> str:
        near = get_close_matches(self.name, self.known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(self.known)}"
        return (
            f"{self.subject}: no {self.kind} is named {self.name!r}, so it counts nowhere; {hint}"
        )


def misnamed(estate: Estate, pools: Sequence[Pool]) -> tuple[Misnamed, ...]:
    """Every name in the estate file that should be a pool's or a source's and is none's."""
    known = tuple(pool.name for pool in pools)
    found = tuple(
        Misnamed(place, subject, name, known)
        for place, subject, name in _named(estate)
        if not any(pool.answers_to(name) for pool in pools)
    )
    return (*found, *_of_no_source(estate))


def _of_no_source(estate: Estate) -> Iterator[Misnamed]:
    known = tuple(health.state.name for health in estate.sources)
    for i, item in enumerate(estate.owners.exclusions):
        if item.source is not None and item.source not in known:
            place, subject = ("exclusions", i, "source"), f"exclusion from {item.first}"
            yield Misnamed(place, subject, item.source, known, kind="source")


def _named(estate: Estate) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    owners = estate.owners
    for i, project in enumerate(owners.projects):
        yield ("projects", i, "pool"), f"project {project.name!r}", project.pool
    for i, item in enumerate(owners.hardware):
        yield ("hardware", i, "pool"), f"hardware of {item.when}", item.pool
    for i, order in enumerate(owners.orders):
        yield ("orders", i, "pool"), f"order {order.name!r}", order.pool
    for i, piece in enumerate(owners.catalogue):
        for n, name in enumerate(piece.pools if piece.item != RECORDER else ()):
            yield ("catalogue", i, "pools", n), f"catalogue item {piece.name!r}", name
    for i, left_out in enumerate(owners.exclusions):
        if left_out.pool is not None:
            yield ("exclusions", i, "pool"), f"exclusion from {left_out.first}", left_out.pool
    for name in owners.pools:
        yield ("pools", name), f"pool {name!r}", name


def orders_needed(
    estate: Estate, answers: Sequence[PoolAnswer], purchases: Mapping[PoolKey, Purchase]
) -> tuple[OrderRow, ...]:
    """What needs a decision, the most pressing first; one row per pool, for what binds it."""
    needed = [
        _needed(estate, pool, purchases.get((pool.pool.kind, pool.pool.name)))
        for pool in answers
        if _needs_a_decision(estate, pool.binding)
    ]
    needed.sort(
        key=lambda row: (
            row.status not in _URGENT,
            row.feasible_by_date or date.max,
            row.order_by_date or date.max,
            row.pool,
        )
    )
    return tuple(needed)


def _needs_a_decision(estate: Estate, answer: Answer) -> bool:
    """Whether its status says so, or the last gate for its money closes soon or has closed.

    What is full by design is ordered by its retention, with the cameras.
    """
    if "ring_buffer" in answer.flags:
        return False
    if answer.status in _URGENT:
        return True
    if answer.budget is None:
        return False
    soon = estate.as_of + timedelta(days=estate.policy.status.plan_days)
    return answer.budget.missed or answer.budget.feasible_by <= soon


def _needed(estate: Estate, pool: PoolAnswer, purchase: Purchase | None) -> OrderRow:
    answer = pool.binding
    order, budget = answer.order, answer.budget
    priced = purchase if purchase is not None and purchase.quantity else None
    return OrderRow(
        pool=pool.pool.name,
        what=what_to_do(answer, purchase).text,
        quantity=None if purchase is None else purchase.quantity,
        unit=answer.question.unit if purchase is None else purchase.item.unit,
        order_by_date=order.on,
        order_overdue_days=order.overdue_days if order.on else None,
        budget_by_date=None if budget is None else budget.on,
        budget_missed=None if budget is None else int(budget.missed),
        status=answer.status,
        stage="proposed",
        why="; ".join([_why(answer), *_beside(answer)]),
        owner=decider(estate, pool.pool).text,
        assumed="; ".join(one.text for one in assumptions(estate, answer, purchase)),
        order="",
        item="" if purchase is None else purchase.item.name,
        in_service_date=_arrival(answer, purchase),
        gate="" if budget is None else budget.told,
        feasible_by_date=order.on if budget is None else budget.feasible_by,
        cost=None if priced is None else priced.cost,
        cost_of_waiting_month=None if priced is None else priced.cost_of_waiting_month,
        shortfall_days=None if priced is None else priced.shortfall_days,
        key=order_key(pool.pool.name),
    )


def _arrival(answer: Answer, purchase: Purchase | None) -> date | None:
    """When what is to be bought serves; where nothing is, when the last of what is coming does."""
    if purchase is not None and purchase.quantity == 0:
        coming = (one.expected for one in answer.question.pending if one.is_on_its_way)
        return max(coming, default=None)
    return None if purchase is None else purchase.arrival


@dataclass(frozen=True, slots=True)
class Reasoned:
    """A text of an order's row, and why it is that, or what settles it."""

    text: str
    because: str


def decider(estate: Estate, pool: Pool | None, stated: str = "") -> Reasoned:
    """Who decides: as stated with the order, else of the pool, else of the policy."""
    if stated:
        return Reasoned(stated, "stated with the order in the estate file")
    for name, entry in estate.owners.pools.items():
        if pool is not None and pool.answers_to(name) and entry.owner:
            return Reasoned(entry.owner, f"pools.{name}.owner of the estate file")
    if estate.policy.buy.owner:
        return Reasoned(estate.policy.buy.owner, "buy.owner of the policy: no pool's own is stated")
    return Reasoned("", "nobody: neither the estate file (pools) nor the policy (buy) names one")


def assumptions(estate: Estate, answer: Answer, purchase: Purchase | None) -> Iterator[Reasoned]:
    """The values behind a row that nobody has confirmed, and where to confirm each."""
    question = answer.question
    if answer.order.lead_assumed:
        yield Reasoned(
            f"lead time {question.lead.days} d",
            "confirm lead_time in the policy, or write three past orders into the estate file",
        )
    table = "threshold" if question.model == "demand" else "overcommit"
    if question.limits.policy.is_assumed(table, question.resource):
        where = f"set {table}.{question.resource} in the policy"
        yield Reasoned(f"{table} {question.capacity.factor:g}", where)
    if "reserve_assumed" in answer.flags:
        yield Reasoned("host reserve 0", "set reserve in the policy")
    if purchase is not None and purchase.item.is_assumed:
        where = "declare a catalogue in the estate file"
        yield Reasoned(f"a host {purchase.item.name}", where)


def what_to_do(answer: Answer, purchase: Purchase | None) -> Reasoned:
    """What is to be ordered or decided for a pool."""
    coming = [one.order.name for one in answer.question.pending if one.is_on_its_way]
    if coming and purchase is not None and purchase.quantity == 0:
        why = "with what is on its way nothing more has to be bought, but it comes too late"
        return Reasoned(f"speed up {', '.join(coming)}", why)
    if answer.status == "overdue_if_assumed":
        why = "whether it is overdue hangs on a lead time that nobody has confirmed"
        return Reasoned(f"confirm the lead time for {answer.question.resource}", why)
    if answer.order.on is None:
        return Reasoned("a second host", "one host, and a guest of the highest criticality on it")
    return Reasoned(f"more {answer.question.resource}", "what binds the pool, see below")


def _why(answer: Answer) -> str:
    """One sentence with the figures behind the row."""
    question = answer.question
    if answer.order.on is None:
        return "one host only, and a guest of the highest criticality on it"
    load, usable = in_unit(answer.load, answer), in_unit(answer.usable, answer)
    if load is None or usable is None:
        return "capacity or demand is not known"
    noun = "demand" if question.model == "demand" else "allocated"
    text = f"{noun} {load:,.0f} of {usable:,.0f} usable {unit_name(question.unit)}"
    if answer.runway.reason == "exhausted":
        return f"{text}: already over"
    first = answer.runway.conservative_first_over or answer.runway.first_over
    return f"{text}, first over {first}" if first else text


def unit_name(unit: str) -> str:
    """A unit as people write it: "gib" is GiB."""
    return {"gib": "GiB", "vcpus": "vCPUs"}.get(unit, unit)


def _beside(answer: Answer) -> Iterator[str]:
    """What is under way for the pool already: counted, or not certain yet."""
    for one in answer.question.pending:
        counted = f"counted from {one.expected}" if one.is_on_its_way else "not counted"
        yield f"{one.order.name} is {one.stage}, {counted}"


# Orders that are under way


def orders_under_way(estate: Estate, answers: Sequence[PoolAnswer]) -> Iterator[OrderRow]:
    """A row for each order that is not in service, the first to serve first."""
    for one in under_way(estate):
        yield _order_row(estate, one, pool_of_order(one, answers))


def under_way(estate: Estate) -> list[Pending]:
    """Every order that is not in service, the first to serve first."""
    owners, lead_time = estate.owners, estate.policy.lead_time
    learnt = learn(owners.orders, estate.as_of)
    pending = pending_of(owners.orders, lead_time, learnt, estate.as_of)
    return sorted(pending, key=lambda one: (one.expected, one.order.name))


def pool_of_order(one: Pending, answers: Sequence[PoolAnswer]) -> PoolAnswer | None:
    """The pool that an order is for; None when none has that name."""
    return next((pool for pool in answers if pool.pool.answers_to(one.order.pool)), None)


def _order_row(estate: Estate, one: Pending, pool: PoolAnswer | None) -> OrderRow:
    order = one.order
    answer = None if pool is None else pool.binding
    open_still = answer is not None and not one.is_on_its_way
    budget = answer.budget if answer is not None and one.stage == "proposed" else None
    on = answer.order.on if answer is not None and open_still else None
    return OrderRow(
        pool=order.pool if pool is None else pool.pool.name,
        what=f"{_NEXT[one.stage]} {order.name}",
        quantity=order.count,
        unit=order.item_class,
        order_by_date=on,
        order_overdue_days=answer.order.overdue_days if answer is not None and on else None,
        budget_by_date=None if budget is None else budget.on,
        budget_missed=None if budget is None else int(budget.missed),
        status=_status(one, answer),
        stage=one.stage,
        why="; ".join(_of_order(one, answer)),
        owner=decider(estate, None if pool is None else pool.pool, order.owner).text,
        assumed="the time it still takes" if one.basis == "assumed" else "",
        order=order.name,
        item="",
        in_service_date=one.expected,
        gate="" if budget is None else budget.told,
        feasible_by_date=on if budget is None else budget.feasible_by,
        cost=None if order.price is None else order.count * order.price,
        cost_of_waiting_month=None,
        shortfall_days=_days_short(one, answer),
        key=order_key(order.pool if pool is None else pool.pool.name, order.name),
    )


_NEXT: Mapping[str, str] = {
    "proposed": "get the money for",
    "budgeted": "tender",
    "tendered": "sign the contract for",
    "contracted": "get the delivery of",
    "delivered": "put into service",
}


def _status(one: Pending, answer: Answer | None) -> str:
    """As urgent as its pool until it is on its way; then overdue when it serves too late."""
    if answer is None:
        return "unknown"
    if not one.is_on_its_way:
        return answer.status
    return "overdue" if _days_short(one, answer) else "ok"


def _days_short(one: Pending, answer: Answer | None) -> int | None:
    """How many days before it serves the pool is over, on one path in ten."""
    first = None if answer is None else answer.runway.conservative_first_over
    return 0 if first is None else max(0, (one.expected - first).days)


def _of_order(one: Pending, answer: Answer | None) -> Iterator[str]:
    yield f"{one.stage} since {one.since}, expected in service {one.expected} ({one.basis})"
    if answer is None:
        yield f"no pool is named {one.order.pool!r}: it counts nowhere"
    elif not one.is_on_its_way:
        yield "not counted before it is tendered"
    if one.is_late:
        yield "later than it should be"
    if len(one.spread) > 1:
        yield f"as past orders went in {one.spread[0]} to {one.spread[-1]} days"
    if one.order.note:
        yield one.order.note
