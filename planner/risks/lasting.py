"""Risks that count only once they last: what polls saw, and for how long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from inventory.records import Record
from planner.estate import Estate
from planner.risks.rule import Outcome, ok, risk, unknown


def once_lasting(days: float, record: Record, estate: Estate, **evidence: Any) -> Outcome:
    """A risk once ``record`` has been as it is for more than ``days``.

    Younger is ok when a poll saw it otherwise before; what was so at the very first poll may have
    been so for long.
    """
    fact = estate.fact_of(record)
    since = fact.valid_from
    if estate.at - since > timedelta(days=days):
        return risk(since=since.date(), **evidence)
    health = estate.source_health(fact.source)
    began = health.state.first_success_at if health else None
    if began is None or since <= began:
        told = "; ".join(f"{name} {_told(value)}" for name, value in evidence.items())
        return unknown(f"seen since {since.date()} only, {days:g} days count: {told}")
    return ok()


def _told(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
