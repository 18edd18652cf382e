"""Whose a guest may be, guessed from guests like it; a guess is shown as one and never counts.

Likeness is tried in this order: the first word of the name, the resource pool, the network segment.
A guess needs two guests like it that are known, and three of four of them alike; a word of the name
that is an agency's code or a service's name is a sign of its own.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from planner.estate import Estate
from planner.guest_views import GuestView

FIELDS = ("agency", "service", "classification")
_LEAST_ALIKE = 2
_SHARE = 0.75
_WORD = re.compile(r"[a-z]{3,}")


@dataclass(frozen=True, slots=True)
class Guess:
    """A value, and what speaks for it."""

    value: str
    sign: str


@dataclass(frozen=True)
class Guesses:
    """Guesses for what nobody says of guests."""

    estate: Estate
    _known: dict[tuple[str, Hashable], Counter[str]] = field(init=False)

    def __post_init__(self) -> None:
        known: dict[tuple[str, Hashable], Counter[str]] = defaultdict(Counter)
        for view in self.estate.guests:
            for name in FIELDS:
                value = getattr(view, name)
                for _sign, mark in self._marks(view) if value else ():
                    known[name, mark][value] += 1
        object.__setattr__(self, "_known", dict(known))

    def of(self, view: GuestView, name: str) -> Guess | None:
        """A guess for a field of FIELDS; None where it is known or nothing speaks for a value."""
        if getattr(view, name):
            return None
        return self._by_its_name(view, name) or next(self._by_its_like(view, name), None)

    def _by_its_name(self, view: GuestView, name: str) -> Guess | None:
        words = _words(view)
        declared: Mapping[str, Iterable[str]] = {
            "agency": self.estate.owners.agencies,
            "service": self.estate.owners.services,
        }
        found = [known for known in declared.get(name, ()) if known.lower() in words]
        return Guess(found[0], f"its name has {found[0]}") if len(found) == 1 else None

    def _by_its_like(self, view: GuestView, name: str) -> Iterator[Guess]:
        for sign, mark in self._marks(view):
            values = self._known.get((name, mark), Counter())
            total = values.total()
            for value, count in values.most_common(1):
                if count >= _LEAST_ALIKE and count >= _SHARE * total:
                    yield Guess(value, f"{count} of {total} guests {sign}")

    def _marks(self, view: GuestView) -> Iterator[tuple[str, Hashable]]:
        """What a guest may have in common with others, the most telling first."""
        guest = view.guest
        words = _WORD.findall((guest.name or "").lower())
        if words:
            yield f"called {words[0]}…", ("name", words[0])
        if guest.resource_pool:
            yield f"in pool {guest.resource_pool}", (guest.cluster, "pool", guest.resource_pool)
        for nic in self.estate.nics_of(guest):
            if nic.network is not None and nic.vlan is not None:
                place = f"{nic.network}/{nic.vlan}"
                yield f"on {place}", (guest.cluster, "segment", nic.network, nic.vlan)


def _words(view: GuestView) -> frozenset[str]:
    """The words of a guest's name, and the name itself."""
    name = (view.guest.name or "").lower()
    return frozenset({name, *re.split(r"[^a-z0-9]+", name)}) - {""}
