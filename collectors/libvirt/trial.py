"""When credentials have to be tried again: finding out what they may do takes a connection more."""

from __future__ import annotations

from datetime import datetime, timedelta

from inventory.records import KeptAnswer

COULD_WRITE = "credentials/could_write"
_A_DAY = timedelta(days=1)


def tried_lately(kept: KeptAnswer | None, mark: str, now: datetime) -> KeptAnswer | None:
    """What was found out of an address within a day; None where it has to be tried."""
    if kept is None or kept.mark != mark:
        return None
    return kept if timedelta(0) <= now - kept.asked_at < _A_DAY else None
