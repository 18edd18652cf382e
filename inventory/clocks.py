"""How far a time may lie ahead of this machine's clock before it is taken for a wrong one."""

from __future__ import annotations

from datetime import datetime, timedelta

# Machines that keep time differ by seconds, a guest after a pause by a minute or two; a date that
# was mistyped, and a zone that was left out, are further off.
MAY_BE_AHEAD = timedelta(minutes=5)


def is_ahead(instant: datetime, now: datetime) -> bool:
    """Whether an instant is of a time that is still to come."""
    return instant > now + MAY_BE_AHEAD


def told_ahead(instant: datetime, now: datetime) -> str:
    """That an instant is ahead, and of what."""
    return (
        f"{instant.isoformat(timespec='seconds')} is ahead of this machine's clock "
        f"({now.isoformat(timespec='seconds')})"
    )
