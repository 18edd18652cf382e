"""What is used of a datastore, told apart by guests and by disks, the rest unexplained."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from inventory.holdings import GuestUse, Holding, guest_use, holdings
from inventory.levels import DayPoint
from planner.growth_parts import Growth, Ledger, Weeks
from planner.storage_growth import storage_growth
from stored import GIB, Book, at, disk, guest, host, used

OLD, NEW = date(2026, 11, 2), date(2026, 11, 16)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
BETWEEN = datetime(2026, 11, 10, tzinfo=UTC)
THURSDAY = datetime(2026, 11, 19, tzinfo=UTC)  # three of the new week's days are over
HERE = frozenset({("c", "san")})


def owner(key: int, begins: datetime = LONG_AGO, ends: datetime | None = None) -> Holding:
    thing, name = ("guest", str(key), "memory"), ("c", str(key))
    return Holding(thing, name, f"g{key}", ("c", "memory"), 4, True, begins, ends)


def held(
    key: int,
    used: float | None,
    begins: datetime = LONG_AGO,
    ends: datetime | None = None,
    *,
    size: float = 100,
    place: str = "san",
    slot: str = "a",
) -> Holding:
    thing, name = ("disk", "c", f"{key}/{slot}"), ("c", str(key))
    label = f"disk {key}/{slot}"
    return Holding(thing, name, label, ("c", place), size, True, begins, ends, used)


def told(
    *rows: Holding,
    old: dict[int, float] | None = None,
    new: dict[int, float] | None = None,
    known_since: datetime = LONG_AGO,
    is_thick: bool = False,
    change: float = 100,
) -> Growth:
    """The growth between two weeks of a datastore that holds ``change`` more in the new one."""
    points = [
        DayPoint(week + timedelta(days=i), 1, level, None, 86_400)
        for week, level in ((OLD, 500.0), (NEW, 500.0 + change))
        for i in range(7)
    ]
    uses = (
        {key: GuestUse(None, None, value) for key, value in (given or {}).items()}
        for given in (old, new)
    )
    first, second = uses
    noon = timedelta(days=3, hours=12)
    weeks = Weeks(
        OLD,
        NEW,
        datetime.combine(OLD, datetime.min.time(), UTC) + noon,
        datetime(2026, 11, 23, tzinfo=UTC),
        known_since,
        first,
        second,
        {},
    )
    return storage_growth(Ledger(rows), HERE, weeks, points, is_thick=is_thick)


def parts(found: Growth) -> dict[str, tuple[str, float]]:
    return {part.label: (part.kind, part.amount) for part in found.parts or ()}


def test_guests_that_tell_what_they_store_are_told_apart() -> None:
    found = told(
        *(owner(1), held(1, None)),
        *(owner(2, BETWEEN), held(2, None, BETWEEN)),
        *(owner(3, ends=BETWEEN), held(3, None, ends=BETWEEN)),
        *(owner(4), held(4, None, ends=BETWEEN), held(4, None, BETWEEN, size=200)),
        old={1: 50, 3: 20, 4: 80},
        new={1: 80, 2: 60, 4: 95},
    )
    assert parts(found) == {
        "g1": ("organic", 30),
        "g2": ("added", 60),
        "g3": ("removed", -20),
        "g4": ("resized", 15),
    }
    assert found.unexplained == 100 - 85


def test_a_guest_counts_for_the_days_it_was_there() -> None:
    found = told(owner(2, THURSDAY), held(2, None, THURSDAY), new={2: 70})
    assert parts(found) == {"g2": ("added", pytest.approx(70 * 4 / 7))}


def test_a_disk_tells_for_a_guest_that_does_not() -> None:
    found = told(
        *(owner(1), held(1, 40), held(1, 30, BETWEEN, slot="b")),
        *(owner(2, ends=BETWEEN), held(2, 25, ends=BETWEEN)),
        *(owner(3), held(3, 10, ends=BETWEEN), held(3, 10, BETWEEN, place="nas")),
        *(owner(4), held(4, 10, ends=BETWEEN), held(4, 18, BETWEEN, size=200)),
    )
    assert parts(found) == {
        "disk 1/b": ("resized", 30),
        "disk 2/a": ("removed", -25),
        "disk 3/a": ("moved", -10),
        "disk 4/a": ("resized", 8),
    }
    assert found.of("organic") is None  # how far the disks that stayed filled up nobody tells
    assert found.of("added") == 0
    assert found.unexplained == 100 - 3


def test_where_disks_take_all_their_size_the_size_tells() -> None:
    rows = owner(1), held(1, None, BETWEEN)
    assert told(*rows).parts is None
    assert parts(told(*rows, is_thick=True)) == {"disk 1/a": ("resized", 100)}


def test_what_the_first_poll_found_is_no_growth() -> None:
    rows = owner(1, BETWEEN), held(1, 40, BETWEEN)
    assert told(*rows, known_since=BETWEEN).parts is None
    assert told(*rows, new={1: 40}, known_since=BETWEEN).parts is None


def test_a_guest_with_disks_elsewhere_is_not_told_by_its_own_figure() -> None:
    found = told(
        owner(1), held(1, None), held(1, None, slot="b", place="nas"), old={1: 10}, new={1: 90}
    )
    assert (found.parts, found.unexplained) == (None, 100)


def test_who_begins_to_tell_did_not_grow() -> None:
    assert told(owner(1), held(1, None), new={1: 90}).parts is None


def test_the_store_keeps_what_guests_and_disks_held() -> None:
    book = Book.empty()
    usage = [
        used("guest", "1", at(24 * day + 23), seconds=82_800, storage_used_bytes=70.0)
        for day in range(3, 7)
    ]
    book.poll(at(24 * 8), host(), guest("1"), disk("1", allocated_bytes=7 * GIB), usage=usage)
    book.close_days(at(24 * 9))
    with book.store.reading() as connection:
        [use] = guest_use(connection, date(2026, 11, 1), date(2026, 11, 7)).values()
        [row] = [h for h in holdings(connection, at(0), at(240)) if h.thing[0] == "disk"]
    assert (use.storage_bytes, use.memory_bytes) == (pytest.approx(70.0), None)
    assert row.used == 7 * GIB
