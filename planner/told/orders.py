"""What stands behind a row of orders.csv: what to order or to decide, or an order under way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from planner.answers import PoolAnswer
from planner.camera_report import (
    Decider,
    camera_budget,
    deciding_office,
    explanation,
    order_explanation,
)
from planner.estate import Estate
from planner.leads import Pending
from planner.orders import (
    Reasoned,
    assumptions,
    decider,
    pool_of_order,
    under_way,
    what_to_do,
)
from planner.purchase_reasons import budget_lines, gate_lines
from planner.recorders import Keeper, keepers_of
from planner.report import Report
from planner.rows import OrderRow
from planner.sections import Sections, shown
from planner.told.asked import Asked, cells
from planner.told.pools import sections_of

Part = Callable[[], Iterator[str]]
_LABELS = frozenset({"pool", "stage", "order", "key"})
_WHEN = ("order_by_date", "runway_days")
_BUDGET = frozenset({"budget_by_date", "budget_missed", "gate", "feasible_by_date"})
_BUY = frozenset(
    {"quantity", "unit", "item", "in_service_date", "cost", "cost_of_waiting_month",
     "shortfall_days"}
)  # fmt: skip


def order_lines(asked: Asked, row: OrderRow, column: str | None) -> Iterator[str]:
    """Every part of it, or the part behind a column."""
    if column is None:
        yield from cells(row)
        yield ""
    parts = _parts(asked, row)
    if column in _LABELS:
        yield "  (a label)"
        return
    chosen = parts.values() if column is None else [parts[_part_of(parts, column)]]
    for number, part in enumerate(dict.fromkeys(chosen)):
        if number:
            yield ""
        yield from part()


def _part_of(parts: Mapping[str, Part], column: str) -> str:
    """A column's own part, else that of its kind, else the first."""
    kind = "budget" if column in _BUDGET else "buy" if column in _BUY else column
    return next((name for name in (column, kind) if name in parts), next(iter(parts)))


def order_called(report: Report, rest: str) -> OrderRow | None:
    """The row that a pool's, a recorder's or an order's own name means; None unless it is one."""
    found = [row for row in report.orders if rest in (row.order, row.pool)]
    by_name = [row for row in found if row.order == rest]
    open_ones = [row for row in found if not row.order]
    chosen = by_name or open_ones or found
    return chosen[0] if len(chosen) == 1 else None


def _parts(asked: Asked, row: OrderRow) -> Mapping[str, Part]:
    """What can be told of a row, by what it is about; the first part stands for every column that
    has none of its own."""
    report = asked.report
    if row.order:
        [one] = [one for one in under_way(report.estate) if one.order.name == row.order]
        return _UnderWay(asked, one, row).parts
    for pool in report.answers:
        if row.key == f"order/{pool.pool.name}":
            return _Needed(asked, pool, row).parts
    [keeper] = [k for k in keepers_of(report.estate) if row.key == f"order/recorder/{k.called}"]
    return _Recordings(report.estate, keeper, row).parts


class _Needed:
    """What is to be ordered for a pool, or to be decided about it."""

    def __init__(self, asked: Asked, pool: PoolAnswer, row: OrderRow) -> None:
        report = asked.report
        self._pool, self._row, self._estate = pool, row, report.estate
        self._answer = pool.binding
        self._purchase = report.purchases.get((pool.pool.kind, pool.pool.name))
        self._sections: Sections = sections_of(asked, pool, self._answer)

    @property
    def parts(self) -> Mapping[str, Part]:
        return {
            "what": self._what,
            "budget": self._budget,
            "buy": lambda: self._sections.of("buy_quantity"),
            "owner": lambda: _owner(decider(self._estate, self._pool.pool)),
            "assumed": self._assumed,
            "rest": lambda: self._sections.of_each(
                ("usable", self._load, "headroom", "confidence")
            ),
        }

    @property
    def _load(self) -> str:
        return "demand" if self._answer.question.model == "demand" else "allocated"

    def _what(self) -> Iterator[str]:
        told, question = what_to_do(self._answer, self._purchase), self._answer.question
        yield f"{told.text}: {told.because}"
        yield (
            f"  the row is of {question.key}: of the pool's resources it has the shortest runway, "
            "or the least headroom where none ends"
        )
        if self._answer.order.on is None:
            views = self._estate.guests_in(self._pool.pool.cluster)
            critical = [view.label for view in views if view.criticality == 1]
            yield f"  guests of the highest criticality: {', '.join(critical)}"
        yield ""
        yield from self._sections.of_each(_WHEN)

    @property
    def _is_bought_nothing(self) -> bool:
        return self._row.quantity == 0 and not self._row.item

    def _budget(self) -> Iterator[str]:
        if self._is_bought_nothing:
            yield "budget: nothing is to be bought, so there is no gate and no day to order"
            return
        yield from budget_lines(self._answer)

    def _assumed(self) -> Iterator[str]:
        purchase = None if self._is_bought_nothing else self._purchase
        yield from _assumed(assumptions(self._estate, self._answer, purchase))


class _UnderWay:
    """An order that is not in service yet."""

    def __init__(self, asked: Asked, one: Pending, row: OrderRow) -> None:
        self._report, self._one, self._row = asked.report, one, row
        self._pool = pool_of_order(one, asked.report.answers)

    @property
    def parts(self) -> Mapping[str, Part]:
        return {
            "when": self._when,
            "what": self._status,
            "status": self._status,
            "why": self._status,
            "shortfall_days": self._status,
            "order_by_date": self._status,
            "order_overdue_days": self._status,
            "budget": self._budget,
            "cost": self._cost,
            "owner": self._owner,
        }

    def _when(self) -> Iterator[str]:
        one, order = self._one, self._one.order
        as_of, rules = self._report.as_of, self._report.policy.lead_time
        yield f"in service {one.expected}, {one.basis}; its stages, as the estate file dates them"
        for stage, on in order.stages.dated():
            yield f"  {stage} {on}{' (expected)' if on > as_of else ''}"
        yield f"  as of {as_of} it is {one.stage} since {one.since}"
        if one.took is not None:
            gone = (as_of - one.since).days
            yield (
                f"  past orders of class {order.item_class} took {one.took} from {one.stage} to in "
                f"service; {gone} d are gone"
            )
        if one.basis == "learnt":
            yield (
                f"  the median of those that took longer: {(one.expected - as_of).days} d from "
                f"as_of on"
            )
        if one.basis == "assumed":
            yield (
                f"  ASSUMED: the policy's lead_time from {one.stage} on, or safety_days "
                f"{rules.safety_days} from today where that is past"
            )
        if len(one.spread) > 1:
            yield (
                f"  past orders let it come on {as_of + timedelta(days=one.spread[0])} to "
                f"{as_of + timedelta(days=one.spread[-1])}; each path draws one of those days"
            )
        if one.is_late:
            yield "  later than it should be"
        yield f"  counted as capacity to come: {'yes' if one.is_on_its_way else 'no'}"

    def _status(self) -> Iterator[str]:
        one, row = self._one, self._row
        yield f"{row.what}: it is {one.stage}"
        if self._pool is None:
            yield f"  no pool is named {one.order.pool!r}: it counts nowhere"
            return
        answer = self._pool.binding
        first = answer.runway.conservative_first_over
        yield (
            f"  {answer.question.key}, which binds its pool, is {answer.status} and first over "
            f"{shown(first)} (conservative)"
        )
        if one.is_on_its_way:
            yield (
                f"  on its way: overdue where it serves after that day; in service {one.expected} "
                f"is {shown(row.shortfall_days)} days after it"
            )
        else:
            yield (
                f"  not tendered yet: as urgent as its pool, to be ordered by "
                f"{shown(answer.order.on)} like more of it, and not counted: part of what the "
                f"pool needs"
            )

    def _budget(self) -> Iterator[str]:
        if self._pool is None or self._one.stage != "proposed":
            yield "budget: no gate is to be passed any more, or its pool is not known"
            return
        yield from budget_lines(self._pool.binding)

    def _cost(self) -> Iterator[str]:
        order = self._one.order
        if order.price is None:
            yield "cost not known: the order has no price in the estate file"
            return
        yield (
            f"cost {order.count} × {order.price:,.0f} = {shown(self._row.cost)} (count and price "
            "of the order in the estate file)"
        )

    def _owner(self) -> Iterator[str]:
        pool = None if self._pool is None else self._pool.pool
        yield from _owner(decider(self._report.estate, pool, self._one.order.owner))


class _Recordings:
    """What is to be ordered, or found out, for a recorder that keeps less than is required."""

    def __init__(self, estate: Estate, keeper: Keeper, row: OrderRow) -> None:
        self._estate, self._keeper, self._row = estate, keeper, row

    @property
    def parts(self) -> Mapping[str, Part]:
        return {
            "what": lambda: order_explanation(self._estate, self._keeper),
            "budget": self._budget,
            "owner": self._owner,
            "why": lambda: explanation(self._keeper),
        }

    def _budget(self) -> Iterator[str]:
        yield "budget by = the last gate whose money can be spent today: it is needed at once"
        found = camera_budget(self._estate)
        if found is None or self._row.feasible_by_date is None:
            yield "  none: no budget: gates are declared, or nothing is to be bought"
        else:
            yield from gate_lines(found)

    def _owner(self) -> Iterator[str]:
        yield from _owner(deciding_office(self._estate, self._keeper))


def _owner(found: Decider) -> Iterator[str]:
    yield f"owner {found.name or 'not named'}: {found.because}"


def _assumed(found: Iterator[Reasoned]) -> Iterator[str]:
    told = [f"  {one.text}: {one.because}" for one in found]
    yield "assumed: what nobody has confirmed" if told else "assumed: nothing"
    yield from told
