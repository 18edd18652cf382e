"""The budget gates: by when money must be asked for, to order by a date (glossary 13)."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from planner.purchases import Budget, Gate

_YEARS_BACK = 3
_YEARS_AHEAD = 4


@dataclass(frozen=True, slots=True)
class Opening:
    """One gate on one date: hand in by then, spend from and to."""

    submit_by: date
    gate: str
    spend_from: date
    spend_to: date | None

    def serves(self, order_by: date) -> bool:
        """Whether its money can be spent by that day."""
        return self.spend_from <= order_by


@dataclass(frozen=True, slots=True)
class BudgetBy:
    """The last gate that is early enough, and the next one that is still open.

    ``opening`` is None when no gate is early enough: then the date is missed as well.
    """

    opening: Opening | None
    missed: bool
    following: Opening | None
    order_by: date

    @property
    def on(self) -> date | None:
        return None if self.opening is None else self.opening.submit_by

    @property
    def gate(self) -> str:
        return "" if self.opening is None else self.opening.gate

    @property
    def told(self) -> str:
        """The gate by name; of one that is missed, the next that is open too."""
        if not self.missed or self.following is None:
            return self.gate
        following = self.following
        return (
            f"{self.gate or 'none in time'}, missed; next {following.gate} by "
            f"{following.submit_by}, money from {following.spend_from}"
        )

    @property
    def feasible_by(self) -> date:
        """The last day to act: to hand in the need, or to order, whichever comes first."""
        return self.order_by if self.on is None else min(self.order_by, self.on)

    @property
    def spend_by(self) -> date:
        """The last day of its spending window before the order-by date."""
        to = None if self.opening is None else self.opening.spend_to
        return self.order_by if to is None else min(self.order_by, to)


def budget_by(budget: Budget, order_by: date, as_of: date) -> BudgetBy | None:
    """Which gate the money for an order must pass; None when no gates are configured."""
    if not budget.gates:
        return None
    first = min(order_by, as_of).year - _YEARS_BACK
    found = openings(budget, first, max(order_by, as_of).year + _YEARS_AHEAD)
    serving = [opening for opening in found if opening.serves(order_by)]
    last = serving[-1] if serving else None
    open_still = [opening for opening in found if opening.submit_by >= as_of]
    return BudgetBy(
        opening=last,
        missed=last is None or last.submit_by < as_of,
        following=min(open_still, key=lambda o: (o.spend_from, o.submit_by), default=None),
        order_by=order_by,
    )


def openings(budget: Budget, first_year: int, last_year: int) -> tuple[Opening, ...]:
    """Every gate on every date of these years, the earliest first."""
    found = [opening for gate in budget.gates for opening in _openings(gate, first_year, last_year)]
    return tuple(sorted(found, key=lambda o: (o.submit_by, o.spend_from, o.gate)))


def _openings(gate: Gate, first_year: int, last_year: int) -> Iterator[Opening]:
    for one in gate.rounds:
        yield Opening(one.submit_by, gate.name, one.spend_from, one.spend_to)
    if gate.submit_by is None or gate.spend_from is None:
        return
    for year in range(first_year, last_year + 1):
        submit_by = _day(year, gate.submit_by)
        spend_from = _next(gate.spend_from, submit_by)
        spend_to = None if gate.spend_to is None else _next(gate.spend_to, spend_from)
        yield Opening(submit_by, gate.name, spend_from, spend_to)


def _day(year: int, text: str) -> date:
    """MM-DD of a year; 29 February is the 28th where there is none."""
    month, day = int(text[:2]), int(text[3:])
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def _next(text: str, after: date) -> date:
    """The first such day that is not before another."""
    this_year = _day(after.year, text)
    return this_year if this_year >= after else _day(after.year + 1, text)


def in_service_by(opening: Opening, as_of: date, lead_days: int) -> date:
    """When capacity serves whose money comes through a gate; the lead runs from the spending."""
    return max(as_of, opening.spend_from) + timedelta(days=lead_days)
