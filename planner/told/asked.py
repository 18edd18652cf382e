"""What every teller is asked with, and the words that all of them use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from inventory.facts import Fact
from planner.growth import Teller
from planner.policy import Policy
from planner.report import Report
from planner.sections import shown


@dataclass(frozen=True, slots=True)
class Asked:
    """A report, and what tells the growth of its pools apart; None: nothing is said of that."""

    report: Report
    growth: Teller | None = None


def cells(row: Any) -> Iterator[str]:
    """Every cell of a row that holds something, by its column."""
    for field in fields(row):
        value = getattr(row, field.name)
        if value not in (None, "") and field.name != "key":
            yield f"{field.name} = {shown(value)}"


def seen(fact: Fact[Any]) -> str:
    """Who told a fact, since when it is so, and when that was last confirmed."""
    return (
        f"source {fact.source}, so since {minute(fact.valid_from)}, confirmed "
        f"{minute(fact.confirmed_at)}"
    )


def value_of(policy: Policy, table: str, name: str) -> str:
    """A value of the policy, and whether the site has set it."""
    value = shown(getattr(getattr(policy, table), name))
    return f"{table}.{name} {value}, {'assumed' if policy.is_assumed(table, name) else 'policy'}"


def minute(at: datetime | None) -> str:
    """An instant in UTC, to the minute."""
    return "not known" if at is None else f"{at:%Y-%m-%d %H:%MZ}"
