"""What the owners' file tells of the past with a day that is still to come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from planner.owners import EstateFile

Place = tuple[str | int, ...]

# By table of the file, the keys that tell when something happened.
_HAPPENED: Mapping[str, tuple[Place, ...]] = {
    "guests": (("confirmed_on",), ("encrypted_in_guest_on",), ("backup", "last_success")),
    "services": (
        ("restore_test", "tested_on"),
        ("dpia_on",),
        ("assessed_on",),
        ("reviewed_at",),
    ),
    "storages": (("evidence_on",),),
    "waivers": (("approved_at",),),
    "exemptions": (("since",),),
}


@dataclass(frozen=True, slots=True)
class ToCome:
    """A day that cannot be known yet: what it would prove is taken as not said."""

    place: Place
    day: date

    def __str__(self) -> str:
        return f"{self.place[-1]}: {self.day} is a day to come, so it proves nothing"


def days_to_come(owners: EstateFile, today: date) -> tuple[ToCome, ...]:
    """Every such day, in the order of the file's tables."""
    return tuple(
        ToCome((table, name, *keys), day)
        for table, many in _HAPPENED.items()
        for name, entry in _entries(getattr(owners, table))
        for keys in many
        if (day := _at(entry, keys)) is not None and day > today
    )


def _entries(table: Any) -> Iterator[tuple[str | int, Any]]:
    yield from table.items() if isinstance(table, Mapping) else enumerate(table)


def _at(entry: Any, keys: Place) -> date | None:
    """The day below some keys; None where one of them is not set."""
    found: Any = entry
    for key in keys:
        found = None if found is None else getattr(found, str(key))
    day: date | None = found
    return day
