"""Lead times, learnt from past orders where there are enough of them, else the policy's.

A lead runs from the proposal until the capacity serves (glossary 12). What past orders cannot teach
is the safety margin: it stays the policy's.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from planner.numbers import ceil
from planner.policy import LeadTime
from planner.purchases import ON_ITS_WAY, STAGES, Hardware, Order, Stage

K = TypeVar("K", bound=Hashable)
FEWEST_ORDERS = 3  # with fewer nothing is learnt
Days = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Span:
    """How many days something took in past orders, the shortest first."""

    days: tuple[int, ...]

    @property
    def median(self) -> int:
        """Half took no longer; of two in the middle their mean, rounded up."""
        return ceil(float(np.median(self.days)))

    def __str__(self) -> str:
        return f"{self.median} d ({self.days[0]} to {self.days[-1]}, {len(self.days)} orders)"


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the past orders of one class of item took.

    ``left`` is from a stage until in service, ``steps`` from the dated stage before; only what
    at least three orders tell is there. ``orders`` are those past orders.
    """

    item: str
    left: Mapping[Stage, Span]
    steps: Mapping[tuple[Stage, Stage], Span]
    orders: tuple[Order, ...] = ()

    @property
    def total(self) -> Span | None:
        """From proposed to in service."""
        return self.left.get("proposed")


def learn(orders: Iterable[Order], as_of: date) -> Mapping[str, Learnt]:
    """By class of item, what the orders in service by as_of teach."""
    past: dict[str, list[Order]] = defaultdict(list)
    for order in orders:
        reached = order.reached(as_of)
        if reached is not None and reached[0] == "in_service":
            past[order.item_class].append(order)
    return {item: _learnt(item, done) for item, done in past.items()}


def _learnt(item: str, orders: Sequence[Order]) -> Learnt:
    left: dict[Stage, list[int]] = defaultdict(list)
    steps: dict[tuple[Stage, Stage], list[int]] = defaultdict(list)
    for order in orders:
        dated = list(order.stages.dated())
        if order.stages.in_service is None:
            continue
        for stage, on in dated:
            left[stage].append((order.stages.in_service - on).days)
        for (stage, on), (following, then) in pairwise(dated):
            steps[stage, following].append((then - on).days)
    return Learnt(item, _spans(left), _spans(steps), tuple(orders))


def _spans(found: Mapping[K, list[int]]) -> dict[K, Span]:
    return {
        key: Span(tuple(sorted(days))) for key, days in found.items() if len(days) >= FEWEST_ORDERS
    }


@dataclass(frozen=True, slots=True)
class Lead:
    """From the decision until the capacity serves, and who says so."""

    days: int
    basis: str  # confirmed, learnt or assumed
    item: str
    learnt: Learnt | None = None

    @property
    def is_assumed(self) -> bool:
        return self.basis == "assumed"

    @property
    def contradicts(self) -> bool:
        """Whether past orders took longer than what was confirmed."""
        total = None if self.learnt is None else self.learnt.total
        return self.basis == "confirmed" and total is not None and total.median > self.days


def lead_of(item: str, policy: LeadTime, learnt: Mapping[str, Learnt]) -> Lead:
    """The lead of a class of item: as confirmed, else as learnt, else as assumed."""
    found = learnt.get(item)
    total = None if found is None else found.total
    if policy.confirmed:
        return Lead(policy.days, "confirmed", item, found)
    if total is not None:
        return Lead(total.median + policy.safety_days, "learnt", item, found)
    return Lead(policy.days, "assumed", item, found)


def assumed_left(stage: Stage, policy: LeadTime) -> int:
    """The policy's days from a stage until in service, without the safety margin."""
    parts: Mapping[Stage, int] = {
        "proposed": policy.approval_days,
        "budgeted": 0,  # the tender's days count until the contract, from whichever comes first
        "tendered": policy.tender_days,
        "contracted": policy.delivery_days,
        "delivered": policy.installation_days,
    }
    return sum(parts.get(later, 0) for later in STAGES[STAGES.index(stage) :])


@dataclass(frozen=True, slots=True)
class Pending:
    """An order that is not in service yet, and when it will be.

    ``spread`` holds the days after as_of on which it may come, as past orders did; empty when
    there are too few of them. ``took`` is what past orders took from its stage on, where that was
    asked.
    """

    order: Order
    stage: Stage
    since: date
    expected: date
    basis: str  # declared, learnt or assumed
    is_late: bool
    spread: tuple[int, ...] = ()
    took: Span | None = None

    @property
    def is_on_its_way(self) -> bool:
        """Whether it counts as capacity to come."""
        return self.stage in ON_ITS_WAY

    def hardware(self, when: date | None = None) -> Hardware:
        """What it brings, on the day it is expected or another."""
        order = self.order
        return Hardware(
            pool=order.pool,
            when=when or self.expected,
            host=order.name,
            count=order.count,
            cpu_cores=order.cpu_cores,
            memory_gib=order.memory_gib,
            storage_gib=order.storage_gib,
        )

    def arrivals(self, samples: int, seed: int) -> Days:
        """Per path the day after as_of on which it comes; the same at every call."""
        share = shares(samples, seed, self.order.name)
        days = np.quantile(np.array(self.spread, dtype=float), share)
        return np.asarray(np.ceil(days), dtype=np.int64)


def shares(samples: int, seed: int, name: str) -> npt.NDArray[np.float64]:
    """Per path a share of 1, evenly spread and in an order that is the name's own."""
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    return (random.permutation(samples) + 0.5) / samples


def pending_of(
    orders: Iterable[Order], policy: LeadTime, learnt: Mapping[str, Learnt], as_of: date
) -> tuple[Pending, ...]:
    """The orders that are under way as of a day, in the file's order."""
    found = []
    for order in orders:
        reached = order.reached(as_of)
        if reached is not None and reached[0] != "in_service":
            found.append(_pending(order, *reached, policy, learnt.get(order.item_class), as_of))
    return tuple(found)


def _pending(
    order: Order, stage: Stage, since: date, policy: LeadTime, learnt: Learnt | None, as_of: date
) -> Pending:
    span = None if learnt is None else learnt.left.get(stage)
    declared = order.stages.in_service
    if declared is not None and declared > as_of:
        possible = () if span is None else _around(declared, span, as_of)
        return Pending(order, stage, since, declared, "declared", False, possible, span)
    late = declared is not None
    if span is not None:
        gone = (as_of - since).days
        possible = tuple(days - gone for days in span.days if days > gone)
        if possible:
            expected = as_of + timedelta(days=Span(possible).median)
            return Pending(order, stage, since, expected, "learnt", late, possible, span)
        return replace(_overdue(order, stage, since, policy, as_of), took=span)
    expected = since + timedelta(days=assumed_left(stage, policy))
    if expected > as_of:
        return Pending(order, stage, since, expected, "assumed", late)
    return _overdue(order, stage, since, policy, as_of)


def _around(declared: date, span: Span, as_of: date) -> tuple[int, ...]:
    """The declared day, as early or late as past orders were against their median."""
    days = [(declared - as_of).days + took - span.median for took in span.days]
    return tuple(day for day in days if day > 0)


def _overdue(order: Order, stage: Stage, since: date, policy: LeadTime, as_of: date) -> Pending:
    """Later than anything that is known: it may take the safety margin from now on."""
    expected = as_of + timedelta(days=max(1, policy.safety_days))
    return Pending(order, stage, since, expected, "assumed", True)
