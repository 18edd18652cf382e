"""Whether a guest's monitor answers, as its control state tells: [state, detail, milliseconds]."""

from __future__ import annotations

from typing import Any

_OCCUPIED = 2  # a command is under way
_STUCK_SECONDS = 10.0  # a healthy monitor answers within milliseconds


def busy_seconds(control: Any) -> float | None:
    """For how long the monitor has been busy with one command; None when it is not."""
    if not isinstance(control, list) or len(control) != 3 or control[0] != _OCCUPIED:
        return None
    busy = control[2]
    return busy / 1000 if isinstance(busy, int | float) and busy >= 0 else None


def is_stuck(control: Any) -> bool:
    """Whether the monitor has not answered for so long that it will not soon."""
    busy = busy_seconds(control)
    return busy is not None and busy >= _STUCK_SECONDS
