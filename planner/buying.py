"""How much to buy: the least that lasts until the target, and what it and waiting cost.

Of what the catalogue has for a pool, what costs least in all is bought; where a price is missing,
what takes the fewest pieces. A purchase is made for a pool as a whole: it arrives a lead time after
the pool's order-by date, or after as_of when that is past, and must leave nine of ten paths of each
resource and model below what is usable until the target, counted from the arrival.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from inventory.records import Host
from planner.answers import PoolAnswer
from planner.budget import in_service_by
from planner.chances import added
from planner.estate import Estate
from planner.forecast.paths import Floats
from planner.foreseen import has_enough, paths_of
from planner.numbers import all_exceed, ceil
from planner.policy import BuyRules
from planner.pools import GIB, ITEM_CLASS, Pool
from planner.purchases import CatalogueItem, Hardware
from planner.questions import Question
from planner.runway import CONSERVATIVE
from planner.usable import capacity_of

_MOST = 2**40  # more pieces than anyone would buy: what needs more is not helped by the item
_MONTH_DAYS = 30
PoolKey = tuple[str, str]  # kind and name


@dataclass(frozen=True, slots=True)
class Item:
    """What is bought by the piece."""

    name: str
    unit: str  # host, disk, or gib where there is no catalogue for a datastore
    cpu_cores: float
    memory_gib: float
    storage_gib: float
    price: float | None = None
    is_assumed: bool = False

    def hardware(self, pool: Pool, when: date, count: int) -> Hardware:
        return Hardware(
            pool=pool.name,
            when=when,
            host="bought",
            count=count,
            cpu_cores=self.cpu_cores,
            memory_gib=self.memory_gib,
            storage_gib=self.storage_gib,
        )


@dataclass(frozen=True, slots=True)
class Purchase:
    """What to buy for a pool. ``quantities`` is what each question would need by itself.

    None in it: not known, or the item does not help. ``earliest`` is when it serves if it is asked
    for today; ``others`` are the same with the other items that could be bought.
    """

    item: Item
    quantity: int | None
    quantities: Mapping[str, int | None]
    arrival: date
    until: date
    shortfall_days: int
    cost_of_waiting_month: float | None
    earliest: date
    others: tuple[Purchase, ...] = ()

    @property
    def cost(self) -> float | None:
        """Of all pieces; None without a price."""
        if self.quantity is None or self.item.price is None:
            return None
        return self.quantity * self.item.price

    @property
    def flags(self) -> tuple[str, ...]:
        return ("item_assumed",) if self.item.is_assumed else ()


def purchases_of(estate: Estate, answers: Sequence[PoolAnswer]) -> Mapping[PoolKey, Purchase]:
    """What to buy for each pool that has a date to order by, or lacks a second host."""
    plans = [plan for pool in answers if (plan := _plan(estate, pool)) is not None]
    counted = _quantities(estate, [plan for plan in plans if not plan.is_second_host])
    return {
        (plan.pool.pool.kind, plan.pool.pool.name): _purchase(estate, plan, counted)
        for plan in plans
    }


@dataclass(frozen=True, slots=True)
class _Plan:
    """A pool that needs something, what that can be, and from when until when it must last."""

    pool: PoolAnswer
    items: tuple[Item, ...]
    arrival: date
    until: date

    @property
    def is_second_host(self) -> bool:
        return self.pool.binding.order.on is None


def _plan(estate: Estate, pool: PoolAnswer) -> _Plan | None:
    order = pool.binding.order
    lacks_a_host = "no_ha" in pool.binding.flags and pool.binding.status == "act"
    items = items_for(estate, pool.pool)
    if not items or (order.on is None and not lacks_a_host):
        return None
    arrival = max(order.on or estate.as_of, estate.as_of) + timedelta(days=order.lead_days)
    return _Plan(pool, items, arrival, arrival + timedelta(days=estate.policy.buy.target_days))


def items_for(estate: Estate, pool: Pool) -> tuple[Item, ...]:
    """What the catalogue has for the pool alone, else for all; else what it is made of now."""
    wanted = ITEM_CLASS[pool.kind]
    fitting = [item for item in estate.owners.catalogue if item.item == wanted]
    own = [item for item in fitting if any(pool.answers_to(name) for name in item.pools)]
    if chosen := own or [item for item in fitting if not item.pools]:
        return tuple(map(_from_catalogue, chosen))
    if pool.datastore is not None:
        return (Item("GiB", "gib", 0.0, 0.0, 1.0),)
    return _like_the_largest(fact.record for fact in pool.hosts)


def _from_catalogue(item: CatalogueItem) -> Item:
    return Item(item.name, item.item, item.cpu_cores, item.memory_gib, item.storage_gib, item.price)


def _like_the_largest(hosts: Iterable[Host]) -> tuple[Item, ...]:
    known = [
        (host.memory_bytes, host.cpu_cores, host.name)
        for host in hosts
        if host.status != "retired" and host.memory_bytes is not None and host.cpu_cores is not None
    ]
    return tuple(
        Item(f"like {name}", "host", cores, memory / GIB, 0.0, is_assumed=True)
        for memory, cores, name in sorted(known)[-1:]
    )


# How many


_Counted = Mapping[tuple[str, Item], int | None]


def _quantities(estate: Estate, plans: Sequence[_Plan]) -> _Counted:
    """By question and item the least number that lasts; all paths are made once and looked at in
    turn."""
    asked = [
        (plan, answer.question)
        for plan in plans
        for answer in plan.pool.answers
        if has_enough(answer.question, estate.policy.forecast) and answer.usable is not None
    ]
    if not asked:
        return {}
    horizon = max((plan.until - estate.as_of).days for plan, _question in asked)
    paths = paths_of(estate, [question for _plan, question in asked], horizon)
    found: dict[tuple[str, Item], int | None] = {}
    for block in paths.blocks():
        for i in range(block.paths.shape[0]):
            plan, question = asked[block.first + i]
            for item in plan.items:
                found[question.key, item] = least(
                    estate, question, item, block.paths[i], plan.arrival, plan.until
                )
    return found


def least(
    estate: Estate, question: Question, item: Item, paths: Floats, arrival: date, until: date
) -> int | None:
    """The least number of an item with which nine of ten ``paths[sample, day]`` stay below.

    None when no number does.
    """
    first, last = (arrival - estate.as_of).days, (until - estate.as_of).days
    seed = estate.policy.forecast.seed
    demand = paths + added(question, estate.as_of, paths.shape[1] - 1, len(paths), seed)
    spans = list(_spans(estate, question, first, last))
    peaks = np.stack([demand[:, a : b + 1].max(axis=1) for a, b, _there in spans], axis=1)
    may_be_over = max(0, ceil(CONSERVATIVE * len(paths)) - 1)

    def lasts(count: int) -> bool:
        bought = item.hardware(question.pool, arrival, max(1, count))
        usable = [
            capacity_of(
                question.pool, question.resource, question.model, question.limits,
                (*there, bought) if count else there,
            ).usable
            for _first, _last, there in spans
        ]  # fmt: skip
        limits = np.array([np.nan if amount is None else amount for amount in usable])
        over = all_exceed(peaks, np.broadcast_to(limits, peaks.shape)).any(axis=1)
        return int(over.sum()) <= may_be_over

    return _smallest(lasts, most=_most(item))


def _most(item: Item) -> int:
    return _MOST if item.unit == "gib" else 4096


def _spans(
    estate: Estate, question: Question, first: int, last: int
) -> Iterator[tuple[int, int, tuple[Hardware, ...]]]:
    """The days between two changes of capacity, and the hardware that has come or gone by then."""
    coming = [item for item in question.hardware if item.when > estate.as_of]
    coming += [one.hardware() for one in question.pending if one.is_on_its_way]
    day = {id(item): (item.when - estate.as_of).days for item in coming}
    starts = sorted({first, *(day[id(item)] for item in coming if first < day[id(item)] <= last)})
    for start, following in zip(starts, [*starts[1:], last + 1], strict=True):
        yield start, following - 1, tuple(item for item in coming if day[id(item)] <= start)


def _smallest(lasts: Callable[[int], bool], *, most: int) -> int | None:
    """The least number for which it holds, where more never hurts; None when not even the most."""
    if lasts(0):
        return 0
    high = 1
    while not lasts(high):
        if high >= most:
            return None
        high *= 2
    low = high // 2  # does not last
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if lasts(middle) else (middle, high)
    return high


# What it costs


def _purchase(estate: Estate, plan: _Plan, counted: _Counted) -> Purchase:
    """The best of what can be bought: what helps, at the least cost or in the fewest pieces."""
    made = [_of_item(estate, plan, item, counted) for item in plan.items]
    priced = all(one.item.price is not None for one in made)

    def badness(one: Purchase) -> tuple[bool, float, int]:
        cost = one.cost if priced and one.cost is not None else 0.0
        return (one.quantity is None, cost, one.quantity or 0)

    best = min(made, key=badness)
    return replace(best, others=tuple(one for one in made if one is not best))


def _of_item(estate: Estate, plan: _Plan, item: Item, counted: _Counted) -> Purchase:
    keys = [answer.question.key for answer in plan.pool.answers]
    quantities = {key: counted[key, item] for key in keys if (key, item) in counted}
    binding = plan.pool.binding
    known = [count for count in quantities.values() if count is not None]
    quantity = max(known) if quantities.get(binding.question.key) is not None else None
    made = Purchase(
        item=item,
        quantity=1 if plan.is_second_host else quantity,
        quantities=quantities,
        arrival=plan.arrival,
        until=plan.until,
        shortfall_days=_short_days(estate, plan, 0),
        cost_of_waiting_month=None,
        earliest=_earliest(estate, plan),
    )
    return replace(made, cost_of_waiting_month=_waiting(estate, plan, made))


def _earliest(estate: Estate, plan: _Plan) -> date:
    """When capacity serves that is asked for today: through the next gate when one was missed."""
    answer = plan.pool.binding
    if answer.budget is not None and answer.budget.missed and answer.budget.following is not None:
        return in_service_by(answer.budget.following, estate.as_of, answer.order.lead_days)
    return estate.as_of + timedelta(days=answer.order.lead_days)


def _short_days(estate: Estate, plan: _Plan, later: int) -> int:
    """How many days too late it serves when it is asked for today, or some days later."""
    runway = plan.pool.binding.runway
    first_over = runway.conservative_first_over or runway.first_over
    if first_over is None:
        return 0
    return max(0, (_earliest(estate, plan) - first_over).days + later)


def _waiting(estate: Estate, plan: _Plan, made: Purchase) -> float | None:
    """What a month of waiting costs: dearer pieces, and more days without enough."""
    rules: BuyRules = estate.policy.buy
    parts = []
    if made.cost is not None and rules.price_rise_month_pct is not None:
        parts.append(made.cost * rules.price_rise_month_pct / 100)
    if rules.short_day_cost is not None:
        more = _short_days(estate, plan, _MONTH_DAYS) - _short_days(estate, plan, 0)
        parts.append(more * rules.short_day_cost)
    return sum(parts) if parts else None
