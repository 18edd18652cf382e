"""What is used of a datastore, told apart: by guests where a platform tells it, else by disks.

A guest that tells what it stores, and has all its disks there, is told by that. Of any other, a
disk that came, went, moved or changed its size adds what it held when it was last seen. How far
a disk filled up between two looks nobody keeps, so that stays unexplained.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property

from inventory.holdings import GuestUse, Holding
from inventory.levels import DayPoint
from planner.growth_parts import (
    WEEK_DAYS,
    End,
    Growth,
    Kind,
    Ledger,
    Part,
    Weeks,
    allocation_kind,
)

Places = frozenset[tuple[str, str]]
THICK = frozenset({"lvm", "iscsi", "iscsidirect"})  # kinds on which a disk takes all its size


def storage_growth(
    ledger: Ledger, places: Places, weeks: Weeks, points: Iterable[DayPoint], *, is_thick: bool
) -> Growth:
    """The change of a datastore's mean day between two weeks, in the parts that are told."""
    change = weeks.change(points)
    stored: dict[tuple[str, str], list[tuple[Holding, ...]]] = defaultdict(list)
    for thing in ledger.things_at(places):
        rows = ledger.of[thing]
        stored[rows[-1].guest].append(rows)
    if change is None or not stored:
        return Growth(weeks.old, change)
    guests = [
        _Stored(guest, tuple(disks), ledger, places, weeks, is_thick)
        for guest, disks in stored.items()
    ]
    parts = tuple(part for guest in guests for part in guest.parts() if part.amount)
    told = any(guest.is_told for guest in guests)
    if not parts and not told:
        return Growth(weeks.old, change)
    return Growth(weeks.old, change, parts, frozenset[Kind]() if told else frozenset({"organic"}))


@dataclass(frozen=True)
class _Stored:
    """What one guest has on a datastore in two weeks: the versions of each disk ever there."""

    guest: tuple[str, str]
    disks: tuple[tuple[Holding, ...], ...]
    ledger: Ledger
    places: Places
    weeks: Weeks
    is_thick: bool

    def parts(self) -> Iterator[Part]:
        whole = self._whole
        if whole is not None:
            yield whole
            return
        yield from (part for rows in self.disks if (part := self._disk(rows)) is not None)

    @property
    def is_told(self) -> bool:
        """Whether what it stores is told by itself."""
        return self._whole is not None

    @cached_property
    def _whole(self) -> Part | None:
        """The guest as one part; None where that cannot be told."""
        old, new = (self._held(at) for at in self._ends)
        if any(row.place not in self.places for row in (*old, *new)):
            return None
        amount = 0.0
        weeks = self.weeks.old, self.weeks.new
        for sign, week, use in zip((-1, 1), weeks, self._use, strict=True):
            share = max(self._share(row, week) for rows in self.disks for row in rows)
            if share and use is None:
                return None
            amount += sign * share * (use or 0.0)
        return Part(self._kind(old, new), self._label, amount)

    def _kind(self, old: Sequence[Holding], new: Sequence[Holding]) -> Kind:
        """What happened to the guest; where its first disk came or its last one left, it stayed."""
        was, now = (self.ledger.has_guest(self.guest, at) for at in self._ends)
        if was and now:
            return "organic" if _provisioned(old) == _provisioned(new) else "resized"
        return "removed" if was else "added"

    @cached_property
    def _entities(self) -> frozenset[int]:
        """Who the guest is to the store; two where an id was used again."""
        return frozenset(int(row.thing[1]) for row in self.ledger.guest_rows(self.guest))

    @property
    def _use(self) -> tuple[float | None, float | None]:
        """What it stores on the days of either week that tell it."""
        if len(self._entities) != 1:
            return None, None
        [key], nothing = self._entities, GuestUse(None, None)
        old, new = (used.get(key, nothing) for used in (self.weeks.used_old, self.weeks.used_new))
        return old.storage_bytes, new.storage_bytes

    @property
    def _label(self) -> str:
        return self.ledger.guest_rows(self.guest)[-1].label

    @property
    def _ends(self) -> tuple[datetime, datetime]:
        """When it is looked at; what the first poll found was there before."""
        return max(self.weeks.seen_old, self.weeks.known_since), self.weeks.seen_new

    def _held(self, at: datetime) -> list[Holding]:
        """Its disks at an instant, wherever they lie."""
        return [row for row in self.ledger.disk_rows(self.guest) if row.holds_at(at)]

    # A disk by itself

    def _disk(self, rows: tuple[Holding, ...]) -> Part | None:
        """What a disk adds by being there for more or less of a week, as far as that is known."""
        amount = 0.0
        for row in rows:
            share = self._share(row, self.weeks.new) - self._share(row, self.weeks.old)
            if row.place not in self.places or not share:
                continue
            held = row.amount if row.used is None and self.is_thick else row.used
            if held is None:
                return None
            amount += share * held
        old, new = (End.of(rows, self.places, at) for at in self._ends)
        stayed = all(self.ledger.has_guest(self.guest, at) for at in self._ends)
        return Part(allocation_kind(old, new, guest_stayed=stayed), rows[-1].label, amount)

    def _share(self, row: Holding, week: date) -> float:
        """The share of a week, 0-1, in which a version held."""
        start = datetime.combine(week, time(), self.weeks.seen_old.tzinfo)
        end = start + timedelta(days=WEEK_DAYS)
        begins = start if row.valid_from <= self.weeks.known_since else max(start, row.valid_from)
        ends = end if row.valid_to is None else min(end, row.valid_to)
        return max(0.0, (ends - begins) / (end - start))


def _provisioned(rows: Iterable[Holding]) -> float:
    return sum(row.amount or 0.0 for row in rows)
