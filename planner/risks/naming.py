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
    return estate.once(_Labels).of(frozenset(keys))


class _Labels:
    """The labels of sets of guests: many guests stand beside the same others."""

    def __init__(self, estate: Estate) -> None:
        self._label = {view.key: view.label for view in estate.guests}
        self._found: dict[frozenset[GuestKey], list[str]] = {}

    def of(self, keys: frozenset[GuestKey]) -> list[str]:
        if keys not in self._found:
            self._found[keys] = few(self._label.get(key, key[1]) for key in keys)
        return list(self._found[keys])
