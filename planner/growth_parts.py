"""The parts that growth is told apart in, and those of what is allocated: versions tell them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Literal

from inventory.holdings import GuestUse, Holding
from inventory.levels import DayPoint
from planner.quality import mean_day

Kind = Literal["added", "removed", "resized", "moved", "switched", "organic"]
KINDS: tuple[Kind, ...] = ("added", "removed", "resized", "moved", "switched", "organic")

WEEK_DAYS = 7  # demand is compared by weeks: a weekday with a weekend would be no growth


@dataclass(frozen=True, slots=True)
class Part:
    """What one guest or disk adds to a change."""

    kind: Kind
    label: str
    amount: float


@dataclass(frozen=True, slots=True)
class Growth:
    """A change since a day, in parts.

    ``change`` is None where either end is not known; ``parts`` is None where no guest tells, and
    ``unexplained`` is what the parts leave. Of the kinds ``untold`` nothing is known.
    """

    since: date
    change: float | None
    parts: tuple[Part, ...] | None = None
    untold: frozenset[Kind] = frozenset()

    def of(self, kind: Kind) -> float | None:
        """What parts of a kind add; None where it is not known."""
        if self.change is None or self.parts is None or kind in self.untold:
            return None
        return sum(part.amount for part in self.parts if part.kind == kind)

    @property
    def unexplained(self) -> float | None:
        if self.change is None:
            return None
        return self.change - sum(part.amount for part in self.parts or ())


@dataclass(frozen=True)
class Ledger:
    """The versions of guests and disks, by what they are of and where they were."""

    holdings: tuple[Holding, ...]

    @cached_property
    def of(self) -> Mapping[tuple[str, ...], tuple[Holding, ...]]:
        found: dict[tuple[str, ...], list[Holding]] = defaultdict(list)
        for holding in self.holdings:
            found[holding.thing].append(holding)
        return {thing: tuple(rows) for thing, rows in found.items()}

    @cached_property
    def at(self) -> Mapping[tuple[str, str], tuple[tuple[str, ...], ...]]:
        """The things that were ever at a place."""
        found: dict[tuple[str, str], dict[tuple[str, ...], None]] = defaultdict(dict)
        for holding in self.holdings:
            found[holding.place][holding.thing] = None
        return {place: tuple(things) for place, things in found.items()}

    def things_at(self, places: Iterable[tuple[str, str]]) -> Iterable[tuple[str, ...]]:
        return dict.fromkeys(thing for place in sorted(places) for thing in self.at.get(place, ()))

    def has_guest(self, guest: tuple[str, str], at: datetime) -> bool:
        return any(row.holds_at(at) for row in self._of_guest.get(guest, ()))

    def guest_rows(self, guest: tuple[str, str]) -> tuple[Holding, ...]:
        """The versions of a guest itself, of each resource."""
        return self._of_guest.get(guest, ())

    def disk_rows(self, guest: tuple[str, str]) -> tuple[Holding, ...]:
        """The versions of a guest's disks, wherever they lie."""
        return self._of_disks.get(guest, ())

    @cached_property
    def _of_disks(self) -> Mapping[tuple[str, str], tuple[Holding, ...]]:
        found: dict[tuple[str, str], list[Holding]] = defaultdict(list)
        for holding in self.holdings:
            if holding.thing[0] == "disk":
                found[holding.guest].append(holding)
        return {guest: tuple(rows) for guest, rows in found.items()}

    @cached_property
    def _of_guest(self) -> Mapping[tuple[str, str], tuple[Holding, ...]]:
        found: dict[tuple[str, str], list[Holding]] = defaultdict(list)
        for holding in self.holdings:
            if holding.thing[0] == "guest":
                found[holding.guest].append(holding)
        return {guest: tuple(rows) for guest, rows in found.items()}


@dataclass(frozen=True, slots=True)
class Weeks:
    """Two weeks that are compared, by their first days, and what each guest used in them.

    ``seen_old`` and ``seen_new`` are the instants at which guests are taken to be there or not.
    The store knows the guests since ``known_since``; ``used_earlier`` is of a week before that.
    """

    old: date
    new: date
    seen_old: datetime
    seen_new: datetime
    known_since: datetime
    used_old: Mapping[int, GuestUse]
    used_new: Mapping[int, GuestUse]
    used_earlier: Mapping[int, GuestUse]

    def change(self, points: Iterable[DayPoint]) -> float | None:
        """By how much the mean day differs; None where a week has no well covered day."""
        known = list(points)
        old, new = (mean_day(known, first, WEEK_DAYS) for first in (self.old, self.new))
        return None if old is None or new is None else new - old


# What is allocated


@dataclass(frozen=True, slots=True)
class End:
    """A guest or disk at one end of a window: its versions then, and what counts of them here."""

    rows: tuple[Holding, ...]
    here: tuple[Holding, ...]

    @classmethod
    def of(cls, rows: Iterable[Holding], places: frozenset[tuple[str, str]], at: datetime) -> End:
        held = tuple(row for row in rows if row.holds_at(at))
        return cls(held, tuple(row for row in held if row.place in places))

    @property
    def counted(self) -> tuple[Holding, ...]:
        return tuple(row for row in self.here if row.counts)

    @property
    def amount(self) -> float:
        return sum(row.amount for row in self.counted if row.amount is not None)

    @property
    def unknown(self) -> bool:
        return any(row.amount is None for row in self.counted)


def allocation_growth(
    ledger: Ledger,
    places: frozenset[tuple[str, str]],
    since: datetime,
    until: datetime,
    day: date,
) -> Growth:
    """The change of what is allocated between two instants, exactly.

    A size that became known or unknown is no part: what it adds stays unexplained.
    """
    change, parts = 0.0, []
    for thing in ledger.things_at(places):
        rows = ledger.of[thing]
        old, new = End.of(rows, places, since), End.of(rows, places, until)
        amount = new.amount - old.amount
        change += amount
        if amount and not old.unknown and not new.unknown:
            stayed = thing[0] == "disk" and all(
                ledger.has_guest(rows[0].guest, at) for at in (since, until)
            )
            label = (new.rows or old.rows)[-1].label
            parts.append(Part(allocation_kind(old, new, guest_stayed=stayed), label, amount))
    return Growth(day, change, tuple(parts))


def allocation_kind(old: End, new: End, *, guest_stayed: bool) -> Kind:
    """A disk that came to a guest, or left it, resizes that guest."""
    if not old.rows or not new.rows:
        if guest_stayed:
            return "resized"
        return "added" if not old.rows else "removed"
    if bool(old.here) != bool(new.here):
        return "moved"
    return "switched" if bool(old.counted) != bool(new.counted) else "resized"
