"""When backups and snapshots were made, as far as that can be true: before they were seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from inventory.clocks import MAY_BE_AHEAD
from inventory.facts import Fact, Facts
from inventory.records import Backup, GuestSnapshot

# A directory of files may list what was made after the newest use that it tells of.
_LISTED_LATE = timedelta(days=1)


def possible(created_at: datetime | None, first_seen_at: datetime, at: datetime) -> datetime | None:
    """When something was made; None where its date is a wrong one, also after that day has come.

    What a clock that runs a little fast dates after ``at`` was made at ``at``: no age is negative.
    """
    if created_at is None or created_at > min(at + MAY_BE_AHEAD, first_seen_at + _LISTED_LATE):
        return None
    return min(created_at, at)


def with_possible_times(facts: Facts) -> Facts:
    """The facts; of a backup or snapshot that is dated after it was seen the age is not known."""
    by_kind = dict(facts.by_kind)
    for kind in (Backup, GuestSnapshot):
        by_kind[kind] = tuple(_corrected(fact, facts.at) for fact in facts.of(kind))
    return replace(facts, by_kind=by_kind)


def _corrected(fact: Fact[Any], at: datetime) -> Fact[Any]:
    stated = fact.record.created_at
    made = possible(stated, fact.valid_from, at)
    if made == stated:
        return fact
    return replace(fact, record=fact.record.model_copy(update={"created_at": made}))
