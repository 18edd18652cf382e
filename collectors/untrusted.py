"""Reading single values that any platform may have answered with.

Every reader returns None for what is absent or cannot be what it should be: never a default.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

LARGEST = 2**62  # what the store's columns hold


def number(value: Any) -> float | None:
    """A number, also one that comes as text; None for anything else, negative or not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return None
    return result if math.isfinite(result) and 0 <= result <= LARGEST else None


def whole(value: Any) -> int | None:
    result = number(value)
    return None if result is None else int(result)


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def instant(epoch_seconds: int | None) -> datetime | None:
    """An instant from seconds since 1970; None for one that no clock can mean."""
    if epoch_seconds is None or not 0 < epoch_seconds < 2**33:
        return None
    return datetime.fromtimestamp(epoch_seconds, UTC)
