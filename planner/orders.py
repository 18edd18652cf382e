"""The rows of orders.csv: what must be ordered or decided, and every order that is under way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from typing import Any

from planner.answers import Answer, PoolAnswer, in_unit
from planner.buying import PoolKey, Purchase
from planner.camera_report import Decider
from planner.estate import Estate
from planner.keys import order_key
from planner.leads import Pending, learn, pending_of
from planner.pools import Pool
from planner.purchases import RECORDER
from planner.rows import OrderRow
from planner.runway import URGENCY
from planner.saying import Said, Text, joined

_URGENT = ("overdue", "overdue_if_assumed", "act", "plan")
_URGENCY: tuple[str, ...] = URGENCY


@dataclass(frozen=True, slots=True)
class Misnamed:
    """A name in the estate file that no pool or source has: what stands there counts nowhere."""

    place: tuple[str | int, ...]  # the keys that lead to it
    subject: Text
    name: str
    known: tuple[str, ...]
    kind: str = "pool"

    @property
    def told(self) -> Text:
        told = {"subject": self.subject, "kind": self.kind, "name": self.name}
        near = get_close_matches(self.name, self.known, 1)
        if near:
            return Text(Said("misnamed_near", told | {"near": near[0]}))
        return Text(Said("misnamed", told | {"known": ", ".join(self.known)}))

    def __str__(self) -> str:
        return self.told


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
            place, subject = ("exclusions", i, "source"), _of("exclusion", first=item.first)
            yield Misnamed(place, subject, item.source, known, kind="source")


def _of(kind: str, **values: Any) -> Text:
    return Text(Said(f"of_{kind}", values))


def _named(estate: Estate) -> Iterator[tuple[tuple[str | int, ...], Text, str]]:
    owners = estate.owners
    for i, project in enumerate(owners.projects):
        yield ("projects", i, "pool"), _of("project", name=project.name), project.pool
    for i, item in enumerate(owners.hardware):
        yield ("hardware", i, "pool"), _of("hardware", when=item.when), item.pool
    for i, order in enumerate(owners.orders):
        yield ("orders", i, "pool"), _of("order", name=order.name), order.pool
    for i, piece in enumerate(owners.catalogue):
        for n, name in enumerate(piece.pools if piece.item != RECORDER else ()):
            yield ("catalogue", i, "pools", n), _of("item", name=piece.name), name
    for i, left_out in enumerate(owners.exclusions):
        if left_out.pool is not None:
            yield ("exclusions", i, "pool"), _of("exclusion", first=left_out.first), left_out.pool
    for name in owners.pools:
        yield ("pools", name), _of("pool", name=name), name


def most_pressing_first(rows: Iterable[OrderRow]) -> tuple[OrderRow, ...]:
    """By status; within one by the last day to act, and what has none by when it serves."""
    return tuple(
        sorted(
            rows,
            key=lambda row: (
                _URGENCY.index(row.status),
                row.feasible_by_date or date.max,
                date.max if row.feasible_by_date else row.in_service_date or date.max,
                row.pool,
                row.order,
            ),
        )
    )


def orders_needed(
    estate: Estate, answers: Sequence[PoolAnswer], purchases: Mapping[PoolKey, Purchase]
) -> tuple[OrderRow, ...]:
    """What needs a decision; one row per pool, for what binds it."""
    return tuple(
        _needed(estate, pool, purchases.get((pool.pool.kind, pool.pool.name)))
        for pool in answers
        if _needs_a_decision(estate, pool.binding)
    )


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
    if purchase is not None and _is_enough(answer, purchase):
        return _hastened(estate, pool, purchase)
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
        why=Text(_why(answer), *_beside(answer, purchase)),
        owner=decider(estate, pool.pool).name,
        assumed=joined(one.text for one in assumptions(estate, answer, purchase)),
        item="" if purchase is None else purchase.item.name,
        in_service_date=None if purchase is None else purchase.arrival,
        gate="" if budget is None else budget.told,
        feasible_by_date=order.on if budget is None else budget.feasible_by,
        cost=None if priced is None else priced.cost,
        cost_of_waiting_month=None if priced is None else priced.cost_of_waiting_month,
        shortfall_days=None if priced is None else priced.shortfall_days,
        key=order_key(pool.pool.name),
    )


def _is_enough(answer: Answer, purchase: Purchase) -> bool:
    """Whether nothing more has to be bought once what is on its way serves."""
    return purchase.quantity == 0 and any(one.is_on_its_way for one in answer.question.pending)


def _hastened(estate: Estate, pool: PoolAnswer, purchase: Purchase) -> OrderRow:
    """What is on its way must come sooner: nothing is bought, so there is no gate and no day to
    order; the stage and the dates are those of the last to come."""
    answer = pool.binding
    coming = [one for one in answer.question.pending if one.is_on_its_way]
    last = max(coming, key=lambda one: one.expected)
    return OrderRow(
        pool=pool.pool.name,
        what=what_to_do(answer, purchase).text,
        quantity=0,
        unit=purchase.item.unit,
        order_by_date=None,
        order_overdue_days=None,
        budget_by_date=None,
        budget_missed=None,
        status=answer.status,
        stage=last.stage,
        why=Text(_why(answer), *_beside(answer, purchase)),
        owner=decider(estate, pool.pool).name,
        assumed=joined(one.text for one in assumptions(estate, answer, None)),
        in_service_date=last.expected,
        shortfall_days=_days_short(last, answer),
        key=order_key(pool.pool.name),
    )


@dataclass(frozen=True, slots=True)
class Reasoned:
    """A text of an order's row, and why it is that, or what settles it."""

    text: Text
    because: str


def decider(estate: Estate, pool: Pool | None, stated: str = "") -> Decider:
    """Who decides: as stated with the order, else of the pool, else of the policy."""
    if stated:
        return Decider(stated, "stated with the order in the estate file")
    for name, entry in estate.owners.pools.items():
        if pool is not None and pool.answers_to(name) and entry.owner:
            return Decider(entry.owner, f"pools.{name}.owner of the estate file")
    if estate.policy.buy.owner:
        return Decider(estate.policy.buy.owner, "buy.owner of the policy: no pool's own is stated")
    return Decider("", "nobody: neither the estate file (pools) nor the policy (buy) names one")


def assumptions(estate: Estate, answer: Answer, purchase: Purchase | None) -> Iterator[Reasoned]:
    """The values behind a row that nobody has confirmed, and where to confirm each."""
    question = answer.question
    if answer.order.lead_assumed:
        yield _reasoned(
            "confirm lead_time in the policy, or write three past orders into the estate file",
            "lead_days",
            days=question.lead.days,
        )
    table = "threshold" if question.model == "demand" else "overcommit"
    if question.limits.policy.is_assumed(table, question.resource):
        where = f"set {table}.{question.resource} in the policy"
        yield _reasoned(where, table, factor=question.capacity.factor)
    if "reserve_assumed" in answer.flags:
        yield _reasoned("set reserve in the policy", "no_reserve")
    if purchase is not None and purchase.item.is_assumed:
        yield _reasoned("declare a catalogue in the estate file", "item", item=purchase.item.name)


def what_to_do(answer: Answer, purchase: Purchase | None) -> Reasoned:
    """What is to be ordered or decided for a pool."""
    resource = answer.question.resource
    coming = [one.order.name for one in answer.question.pending if one.is_on_its_way]
    if purchase is not None and _is_enough(answer, purchase):
        why = "with what is on its way nothing more has to be bought, but it comes too late"
        return _reasoned(why, "speed_up", orders=", ".join(coming))
    if answer.status == "overdue_if_assumed":
        why = "whether it is overdue hangs on a lead time that nobody has confirmed"
        return _reasoned(why, "confirm_lead", resource=resource)
    if answer.order.on is None:
        return _reasoned("one host, and a guest of the highest criticality on it", "second_host")
    return _reasoned("what binds the pool, see below", "more", resource=resource)


def _reasoned(because: str, key: str, **values: Any) -> Reasoned:
    return Reasoned(Text(Said(key, values)), because)


def _why(answer: Answer) -> Said:
    """One sentence with the figures behind the row."""
    question = answer.question
    if answer.order.on is None:
        return Said("one_host")
    load, usable = in_unit(answer.load, answer), in_unit(answer.usable, answer)
    if load is None or usable is None:
        return Said("load_not_known")
    values = {"load": load, "usable": usable, "unit": question.unit}
    if answer.runway.reason == "exhausted":
        return Said(f"{question.model}_over", values)
    first = answer.runway.conservative_first_over or answer.runway.first_over
    return (
        Said(f"{question.model}_first", values | {"first": first})
        if first
        else Said(question.model, values)
    )


def _beside(answer: Answer, purchase: Purchase | None) -> Iterator[Said]:
    """What is under way for the pool already: counted, or not certain yet and so a part of what
    is to be bought."""
    for one in answer.question.pending:
        told = {"order": one.order.name, "stage": one.stage}
        if one.is_on_its_way:
            yield Said("counted", told | {"expected": one.expected})
        elif (pieces := _alike(one, purchase)) is not None:
            yield Said("of_these", told | {"count": one.order.count, "quantity": pieces})
        else:
            yield Said("not_counted", told)


def _alike(one: Pending, purchase: Purchase | None) -> int | None:
    """How many pieces are to be bought, where an order's are of the same size and no more."""
    if purchase is None or not purchase.quantity or one.order.count > purchase.quantity:
        return None
    sizes = [(has.cpu_cores, has.memory_gib, has.storage_gib) for has in (one.order, purchase.item)]
    return purchase.quantity if sizes[0] == sizes[1] else None


# Orders that are under way


def orders_under_way(
    estate: Estate, answers: Sequence[PoolAnswer], purchases: Mapping[PoolKey, Purchase]
) -> Iterator[OrderRow]:
    """A row for each order that is not in service."""
    for one in under_way(estate):
        pool = pool_of_order(one, answers)
        needed = None if pool is None else purchases.get((pool.pool.kind, pool.pool.name))
        yield _order_row(estate, one, pool, needed)


def under_way(estate: Estate) -> list[Pending]:
    """Every order that is not in service, the first to serve first."""
    owners, lead_time = estate.owners, estate.policy.lead_time
    learnt = learn(owners.orders, estate.as_of)
    pending = pending_of(owners.orders, lead_time, learnt, estate.as_of)
    return sorted(pending, key=lambda one: (one.expected, one.order.name))


def pool_of_order(one: Pending, answers: Sequence[PoolAnswer]) -> PoolAnswer | None:
    """The pool that an order is for; None when none has that name."""
    return next((pool for pool in answers if pool.pool.answers_to(one.order.pool)), None)


def _order_row(
    estate: Estate, one: Pending, pool: PoolAnswer | None, needed: Purchase | None
) -> OrderRow:
    order = one.order
    answer = None if pool is None else pool.binding
    open_still = answer is not None and not one.is_on_its_way
    budget = answer.budget if answer is not None and one.stage == "proposed" else None
    on = answer.order.on if answer is not None and open_still else None
    return OrderRow(
        pool=order.pool if pool is None else pool.pool.name,
        what=Text(Said(f"next_{one.stage}", {"order": order.name})),
        quantity=order.count,
        unit=order.item_class,
        order_by_date=on,
        order_overdue_days=answer.order.overdue_days if answer is not None and on else None,
        budget_by_date=None if budget is None else budget.on,
        budget_missed=None if budget is None else int(budget.missed),
        status=_status(one, answer),
        stage=one.stage,
        why=Text(*_of_order(one, answer, needed)),
        owner=decider(estate, None if pool is None else pool.pool, order.owner).name,
        assumed=Text(Said("time_left")) if one.basis == "assumed" else "",
        order=order.name,
        item="",
        in_service_date=one.expected,
        gate="" if budget is None else budget.told,
        feasible_by_date=on if budget is None else budget.feasible_by,
        cost=None if order.price is None else order.count * order.price,
        cost_of_waiting_month=None,
        shortfall_days=None if open_still else _days_short(one, answer),
        key=order_key(order.pool if pool is None else pool.pool.name, order.name),
    )


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


def _of_order(one: Pending, answer: Answer | None, needed: Purchase | None) -> Iterator[Said]:
    told = {"stage": one.stage, "since": one.since, "expected": one.expected, "basis": one.basis}
    yield Said("under_way", told)
    if answer is None:
        yield Said("no_pool", {"pool": one.order.pool})
    elif not one.is_on_its_way:
        yield from _not_certain(one, answer, needed)
    if one.is_late:
        yield Said("late")
    if len(one.spread) > 1:
        yield Said("spread", {"first": one.spread[0], "last": one.spread[-1]})
    if one.order.note:
        yield Said("note", {"note": one.order.note})


def _not_certain(one: Pending, answer: Answer, needed: Purchase | None) -> Iterator[Said]:
    """What is not tendered is a part of what its pool needs, and as urgent as that."""
    pieces = _alike(one, needed)
    if pieces is not None:
        yield Said("part_of_pieces", {"quantity": pieces})
    elif needed is not None and needed.quantity:
        yield Said("part_of_need")
    yield Said("not_yet")
    if answer.order.on is not None:
        yield Said("as_its_pool", {"on": answer.order.on})
