"""Why an order-by date, a budget gate, a quantity: the lines of `explain` on purchases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from planner.answers import Answer, in_unit
from planner.budget import Opening
from planner.buying import Purchase
from planner.levels import LevelDate
from planner.policy import Policy
from planner.pools import size_of
from planner.purchases import Band, Project


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
    if lead.basis != "learnt" and lead.learnt.total is not None:
        longer = ": longer than confirmed" if lead.contradicts else ""
        yield f"  past orders of class {lead.item} took {lead.learnt.total}{longer}"
    for (before, after), span in lead.learnt.steps.items():
        yield f"    {before} to {after}: {span}"


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
    unit = answer.question.unit
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
    found = answer.budget
    if found is None:
        why = "no date to order by" if answer.order.on is None else "no budget: gates are declared"
        yield f"  none: {why}"
        return
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


def buy_lines(answer: Answer, purchase: Purchase | None, policy: Policy) -> Iterator[str]:
    """How much to buy, of what, until when it lasts, and what it and waiting cost."""
    days = policy.buy.target_days
    yield f"buy = the least that lasts {days} days after it arrives, on nine of ten paths"
    if purchase is None:
        yield "  nothing: the pool has no date to order by"
        return
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
    needed = purchase.quantities.get(answer.question.key)
    yield (
        f"  for this row {'not known' if needed is None else needed}, for the pool "
        f"{'not known' if purchase.quantity is None else purchase.quantity} {item.unit}; there "
        f"{purchase.arrival}, lasts until {purchase.until}"
    )
    if purchase.shortfall_days:
        yield f"  asked for today it serves {purchase.shortfall_days} days too late"
    if purchase.cost is not None:
        yield f"  cost {purchase.quantity} × {item.price:,.0f} = {purchase.cost:,.0f}"
    if purchase.cost_of_waiting_month is not None:
        parts = [
            text.format(value)
            for text, value in (
                ("prices rise {:g} % a month", policy.buy.price_rise_month_pct),
                ("a day short costs {:,.0f}", policy.buy.short_day_cost),
            )
            if value is not None
        ]
        cost = f"{purchase.cost_of_waiting_month:,.0f}"
        yield f"  a month of waiting costs {cost}: {', '.join(parts)}"
