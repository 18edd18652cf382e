"""Which advice leaves a guest alone, and until when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from inventory.facts import Fact
from inventory.records import Guest
from planner.owners import Exemption
from planner.twins import matches


def of_guest(exemptions: Iterable[Exemption], fact: Fact[Guest]) -> tuple[Exemption, ...]:
    """All that were ever granted to a guest."""
    return tuple(exemption for exemption in exemptions if matches(exemption.match, fact))


def holds(exemption: Exemption, on: date) -> bool:
    return exemption.since <= on <= exemption.until


def exempt_until(exemptions: Iterable[Exemption], on: date, advice: str = "") -> date | None:
    """The last day on which a guest is left alone, with any advice or this one; None: it is not."""
    return max(
        (e.until for e in exemptions if holds(e, on) and (not advice or advice in e.advice)),
        default=None,
    )


def ended(exemptions: Iterable[Exemption], on: date, advice: str) -> str:
    """What to say beside advice that comes back; "" when no exemption has ended."""
    over = [e for e in exemptions if e.until < on and advice in e.advice]
    if not over:
        return ""
    last = max(over, key=lambda e: e.until)
    return f"exempt until {last.until} ({last.author}: {last.reason}), which is over"
