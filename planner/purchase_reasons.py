"""Why an order-by date, a budget gate, a quantity: the lines of `explain` on purchases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from planner.answers import Answer, PoolAnswer, in_unit
from planner.budget import BudgetBy, Opening
from planner.buying import Purchase
from planner.leads import Learnt
from planner.levels import LevelDate
from planner.policy import Policy
from planner.purchases import Band, Project
from planner.questions import size_of
from planner.saying import counted, unit_name

_MOST_ORDERS = 6  # past ones that are named


def lead_lines(answer: Answer, policy: Policy) -> Iterator[str]:
    """Where the lead time comes from, and what past orders of the same class took."""
    lead, parts = answer.question.lead, policy.lead_time
    if lead.basis == "learnt" and lead.learnt is not None and lead.learnt.total is not None:
        yield (
            f"  lead = median of past orders of class {lead.item} {lead.learnt.total} + safety "
            f"{parts.safety_days} = {lead.days} days, learnt"
        )
    else:
        yield (
            f"  lead = approval {parts.approval_days} + tender {parts.tender_days} + delivery "
            f"{parts.delivery_days} + installation {parts.installation_days} + safety "
            f"{parts.safety_days} = {lead.days} days, "
            + ("ASSUMED: set lead_time in the policy" if lead.is_assumed else "confirmed")
        )
    if lead.learnt is None:
        return
    yield from past_order_lines(lead.learnt)
    if lead.basis != "learnt" and lead.learnt.total is not None:
        longer = ": longer than confirmed" if lead.contradicts else ""
        yield f"  past orders of class {lead.item} took {lead.learnt.total}{longer}"
    for (before, after), span in lead.learnt.steps.items():
        yield f"    {before} to {after}: {span}"


def past_order_lines(learnt: Learnt) -> Iterator[str]:
    """The past orders that lead times are learnt from, with the dates that the estate file says."""
    told = [
        f"{one.name} {one.stages.proposed} to {one.stages.in_service}"
        for one in learnt.orders
        if one.stages.proposed is not None and one.stages.in_service is not None
    ]
    if told:
        more = f" and {len(told) - _MOST_ORDERS} more" if len(told) > _MOST_ORDERS else ""
        yield f"    proposed to in service: {'; '.join(told[-_MOST_ORDERS:])}{more} (estate file)"


def coming_lines(answer: Answer) -> Iterator[str]:
    """The orders under way and the projects, as the paths count them."""
    question = answer.question
    for one in question.pending:
        counted = "" if one.is_on_its_way else "; not counted before it is tendered"
        spread = (
            f"; drawn per path from {one.spread[0]} to {one.spread[-1]} days after as_of"
            if one.is_on_its_way and len(one.spread) > 1
            else ""
        )
        late = ", later than it should be" if one.is_late else ""
        yield (
            f"  order {one.order.name}: {one.order.count} × {one.order.item_class}, {one.stage} "
            f"since {one.since}, in service {one.expected} ({one.basis}{late}){spread}{counted}"
        )
    for project in question.projects:
        band = size_of(project, question.resource, question.model)
        if band.high:
            yield f"  project {project.name} from {project.when}: {_size(answer, band)}, " + (
                _weight(project)
            )
    second = answer.with_tentative
    if second is not None:
        yield (
            f"  with tentative projects: base {_day(second.days)}, first over "
            f"{_day(second.first_over)}; conservative {_day(second.conservative_days)}, first over "
            f"{_day(second.conservative_first_over)}"
        )


def level_lines(levels: Iterable[LevelDate]) -> Iterator[str]:
    """When each level of the policy is passed, base and conservative."""
    for level in levels:
        yield (
            f"  {level.name} ({100 * level.share:g} % of what a failure leaves): base "
            f"{_day(level.first_over)}, conservative {_day(level.conservative_first_over)}"
        )


def _day(value: object) -> str:
    return "never within the horizon" if value is None else str(value)


def _size(answer: Answer, band: Band) -> str:
    low, mid, high = (in_unit(size, answer) for size in (band.low, band.mid, band.high))
    unit = unit_name(answer.question.unit)
    if band.is_certain:
        return f"{mid:,g} {unit}"
    return f"{low:,g} to {high:,g}, most likely {mid:,g} {unit}, drawn per path"


def _weight(project: Project) -> str:
    if project.status == "committed":
        return "committed: it counts"
    return f"tentative: on {100 * project.probability:g} % of the paths of the second line"


def budget_lines(answer: Answer) -> Iterator[str]:
    """Which gate the money must pass, and what is left when that is missed."""
    yield "budget by = the last gate whose money can be spent by the order-by date (glossary 13)"
    if answer.budget is None:
        why = "no date to order by" if answer.order.on is None else "no budget: gates are declared"
        yield f"  none: {why}"
        return
    yield from gate_lines(answer.budget)


def gate_lines(found: BudgetBy) -> Iterator[str]:
    """The gate, what is left when it is missed, and the last day to act."""
    if found.opening is None:
        yield f"  no gate's money can be spent by {found.order_by}: MISSED"
    else:
        missed = ": MISSED, it closed before as_of" if found.missed else ""
        yield f"  {_opening(found.opening)}{missed}"
        if found.spend_by < found.order_by:
            yield f"  its money must be spent by {found.spend_by}, before the order-by date"
    yield f"  the last day to act is {found.feasible_by}, the earlier of both"
    if found.missed and found.following is not None:
        yield f"  the next that is open: {_opening(found.following)}"


def _opening(opening: Opening) -> str:
    to = f" to {opening.spend_to}" if opening.spend_to else " on"
    return f"{opening.gate}: hand in by {opening.submit_by}, spend from {opening.spend_from}{to}"


def buy_lines(
    pool: PoolAnswer, answer: Answer, purchase: Purchase | None, policy: Policy
) -> Iterator[str]:
    """How much to buy, of what, until when it lasts, and what it and waiting cost."""
    yield (
        f"buy = the least that lasts {policy.buy.target_days} days after it arrives, on nine of "
        f"ten paths ({policy.origin('buy', 'target_days')})"
    )
    if purchase is None:
        yield "  nothing: the pool has no date to order by"
        return
    yield from _item_lines(purchase)
    if pool.binding.order.on is None:
        few = counted(purchase.quantity, purchase.item.unit)
        yield f"  {few}: there is one, and none to take over"
    else:
        yield from _quantity_lines(answer, purchase)
    if purchase.quantity != 0:
        yield from _arrival_lines(pool.binding, purchase)
        yield from _cost_lines(purchase, policy)


def _item_lines(purchase: Purchase) -> Iterator[str]:
    """What is bought, and what could have been."""
    item = purchase.item
    sizes = [
        f"{amount:,g} {unit}"
        for amount, unit in (
            (item.cpu_cores, "cores"), (item.memory_gib, "GiB memory"), (item.storage_gib, "GiB")
        )
        if amount
    ]  # fmt: skip
    source = "ASSUMED: declare catalogue in the estate file" if item.is_assumed else "catalogue"
    source = "by the GiB: no catalogue" if item.unit == "gib" else source
    yield f"  item {item.name}: {', '.join(sizes)} ({source})"
    for other in purchase.others:
        if other.quantity is None:
            told = "does not help, or that is not known"
        else:
            told = f"would take {other.quantity}" + (
                "" if other.cost is None else f", {other.cost:,.0f}"
            )
        yield f"    not {other.item.name}: {told}"


def _quantity_lines(answer: Answer, purchase: Purchase) -> Iterator[str]:
    needed = purchase.quantities.get(answer.question.key)
    yield (
        f"  for this row {_count(needed)}, for the pool {_count(purchase.quantity)} "
        f"{unit_name(purchase.item.unit)}, the most that one of its rows needs:"
    )
    told = (
        f"{'/'.join(key.split('/')[-2:])} {_count(count)}"
        for key, count in purchase.quantities.items()
    )
    yield f"    {', '.join(told)}"


def _count(quantity: int | None) -> str:
    return "not known" if quantity is None else str(quantity)


def _arrival_lines(binding: Answer, purchase: Purchase) -> Iterator[str]:
    """When it is there and how long it must last; and how late that is, asked for today."""
    order, as_of = binding.order, binding.question.load.series.as_of
    if order.on is not None and order.on > as_of:
        begin = f"the order-by date {order.on}"
    else:
        past = "" if order.on is None else f", the order-by date {order.on} is not after it"
        begin = f"as_of {as_of}{past}"
    yield (
        f"  there {purchase.arrival}: {order.lead_days} lead days after {begin}; it must last "
        f"until {purchase.until}"
    )
    first = binding.runway.conservative_first_over or binding.runway.first_over
    if first is None:
        return
    budget, through = binding.budget, ""
    if budget is not None and budget.missed and budget.following is not None:
        gate = budget.following
        through = f" (money from {gate.spend_from} on, {gate.gate}, then the lead days)"
    late = purchase.shortfall_days
    told = f"{late} days too late" if late else "in time"
    yield (f"  asked for today it serves {purchase.earliest}{through}; first over {first}: {told}")


def _cost_lines(purchase: Purchase, policy: Policy) -> Iterator[str]:
    item = purchase.item
    if purchase.cost is None:
        yield "  cost not known: no price is declared in the catalogue"
    else:
        yield f"  cost {purchase.quantity} × {item.price:,.0f} = {purchase.cost:,.0f}"
    if purchase.cost_of_waiting_month is None:
        return
    parts = [
        text.format(value)
        for text, value in (
            ("prices rise {:g} % a month (buy.price_rise_month_pct)",
             policy.buy.price_rise_month_pct),
            ("a day short costs {:,.0f} (buy.short_day_cost)", policy.buy.short_day_cost),
        )
        if value is not None
    ]  # fmt: skip
    cost = f"{purchase.cost_of_waiting_month:,.0f}"
    yield f"  a month of waiting costs {cost}: {', '.join(parts)}"
