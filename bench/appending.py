"""append: one snapshot into the store, when all is new, when little changed, when nothing did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.bare import copy_of, replay
from bench.fleet import NOW, Fleet, attempt
from bench.measure import Line, Size, Tell, by_turns, call_on
from bench.overheard import overheard
from inventory.append import append
from inventory.records import Snapshot
from inventory.store import Store

_FLOOR = "bare sqlite3: the same rows, executemany"
_MOST_TIMES = 5.0
_BETWEEN_POLLS = timedelta(minutes=5)


def append_lines(size: Size, tell: Tell) -> Iterator[Line]:
    """How long a snapshot takes to store."""
    guests = size.append_guests
    first = Fleet(guests).snapshot(NOW)
    second, third = (NOW + polls * _BETWEEN_POLLS for polls in (1, 2))
    same = Fleet(guests, asked_at=NOW)
    changed = Fleet(guests, asked_at=NOW, resized=max(1, guests // 100))
    tell(f"append: {len(first.facts):,} facts of {guests:,} guests")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "inventory.db"
        Store.open(_url(path), create=True).close()
        yield _line(f"append {guests:,} guests, all new", path, first, size)
        with Store.open(_url(path)) as store:
            _append(store, first)
            _append(store, same.snapshot(second))
        yield _line(f"append {guests:,} guests, 1 % changed", path, changed.snapshot(third), size)
        yield _line(f"append {guests:,} guests, nothing changed", path, same.snapshot(third), size)


def _line(name: str, path: Path, snapshot: Snapshot, size: Size) -> Line:
    with _copied(path) as store, overheard(store) as statements:
        _append(store, snapshot)
    figure, floor = by_turns(
        size.repeat,
        call_on(lambda: _copied(path), lambda fresh: _append(fresh, snapshot)),
        call_on(lambda: copy_of(path), lambda fresh: replay(fresh, statements)),
    )
    return Line(name, "s", figure.seconds, floor.seconds, _FLOOR, most_times=_MOST_TIMES)


@contextmanager
def _copied(path: Path) -> Iterator[Store]:
    with copy_of(path) as copy, Store.open(_url(copy)) as store:
        yield store


def _append(store: Store, snapshot: Snapshot) -> None:
    with store.writing() as connection:
        append(connection, snapshot, attempt(snapshot.taken_at))


def _url(path: Path) -> str:
    return f"sqlite:///{path}"
