"""How evidence names many things: the first few, and how many more there are."""

from __future__ import annotations

from collections.abc import Iterable

from planner.estate import Estate
from planner.twins import GuestKey

_SHOWN = 5


def few(names: Iterable[str]) -> list[str]:
    """The first few names in their order, and "and 7 more"."""
    ordered = sorted(set(names))
    more = len(ordered) - _SHOWN
    return ordered if more <= 1 else [*ordered[:_SHOWN], f"and {more} more"]


def labels(keys: Iterable[GuestKey], estate: Estate) -> list[str]:
    """A few guests as people call them."""
    known = estate.guest_of
    return few(known[key].label if key in known else key[1] for key in keys)
