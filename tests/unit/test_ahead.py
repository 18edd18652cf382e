"""What is dated after now: refused where it comes in, found in the store, and taken out of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

from collectors.contract import BadAnswer, Budget, Source
from collectors.files import FilesCollector, FilesOptions
from collectors.poll import Result
from collectors.rvtools import RvtoolsCollector, RvtoolsOptions
from inventory.ahead import ahead_faults, polls_ahead, take_out_ahead
from inventory.check import faults
from inventory.clocks import MAY_BE_AHEAD
from inventory.findings import remember_findings, report_before
from inventory.records import Datastore, Guest
from lumbung.choices import Exit
from lumbung.collecting import Collected
from rvtools_book import Book as Workbook
from rvtools_book import Vm
from site_files import guest as guest_row
from site_files import host as host_row
from site_files import write_csv
from stored import GIB, JAKARTA, Book, at, datastore, guest, host, used

NOW = at(48)
YEAR = timedelta(days=365)


@pytest.fixture
def book() -> Iterator[Book]:
    book = Book.empty()
    yield book
    with book.store.reading() as connection:
        assert faults(connection) == []


# Refused where it comes in


def read(
    folder: Path,
    *,
    stated: datetime | None,
    used_at: datetime | None = None,
    files_at: float | None = None,
) -> Any:
    """What a directory says at NOW."""
    write_csv(folder / "hosts.csv", [host_row("h1")])
    write_csv(folder / "guests.csv", [guest_row("g1", "h1")])
    if stated is not None:
        write_csv(folder / "source.csv", [{"taken_at": stated.isoformat()}])
    if used_at is not None:
        sample = {"taken_at": used_at.isoformat(), "entity": "host", "entity_id": "h1"}
        write_csv(folder / "usage.csv", [sample])
    if files_at is not None:
        os.utime(folder / "hosts.csv", (files_at, files_at))
    options = FilesOptions(path=folder)
    raw = FilesCollector().fetch(Source("site", "files", options, now=NOW), Budget(300))
    return FilesCollector().parse(raw, source="site", taken_at=NOW)


def test_a_directory_dated_ahead_is_refused_with_its_place_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadAnswer) as told:
        read(tmp_path, stated=NOW + YEAR)
    assert str(told.value) == (
        "source.csv, line 2, column taken_at: 2027-11-03T00:00:00+00:00 is ahead of this "
        "machine's clock (2026-11-03T00:00:00+00:00); correct it, or set the clock"
    )


def test_a_sample_dated_ahead_refuses_its_directory(tmp_path: Path) -> None:
    with pytest.raises(BadAnswer, match=r"^usage\.csv, line 2, column taken_at: .* is ahead"):
        read(tmp_path, stated=NOW, used_at=NOW + timedelta(hours=1))


def test_a_directory_that_says_no_time_is_not_dated_by_a_file_of_the_future(tmp_path: Path) -> None:
    late = (NOW + YEAR).timestamp()
    with pytest.raises(BadAnswer, match=r"its newest file, .* is ahead.*source\.csv"):
        read(tmp_path, stated=None, files_at=late)


def test_clocks_may_differ_by_a_little(tmp_path: Path) -> None:
    assert read(tmp_path, stated=NOW + MAY_BE_AHEAD).taken_at == NOW + MAY_BE_AHEAD


def test_a_workbook_dated_ahead_is_refused_by_its_name(tmp_path: Path) -> None:
    taken = (NOW + timedelta(hours=7)).replace(tzinfo=None)
    Workbook.of([Vm(1)], taken=taken).save(tmp_path / "export.xlsx")
    options = RvtoolsOptions(path=tmp_path / "export.xlsx", timezone="UTC")
    with pytest.raises(BadAnswer, match=r"^export\.xlsx: its time, .* is ahead.*`timezone`"):
        RvtoolsCollector().fetch(Source("vc", "rvtools", options, now=NOW), Budget(300))


# Superseded is no success


def test_a_superseded_poll_is_told_with_since_when_and_what_is_in_the_way(book: Book) -> None:
    book.poll(at(0), host(), guest())
    book.poll(at(10), host(), guest())
    book.poll(at(3), host(), guest(vcpus=8.0))
    book.poll(at(4), host(), guest(vcpus=8.0))
    state = book.source(at(11))
    assert (state.last_outcome, state.last_success_at) == ("superseded", at(10))
    assert (state.superseded_since, state.superseded_by) == (at(3), at(10))


def test_what_is_dated_ahead_is_no_success_of_now(book: Book) -> None:
    book.poll(NOW + YEAR, host(), guest())
    book.poll(NOW, host(), guest(), guest("101"))
    state = book.source(NOW)
    assert (state.last_success_at, state.last_taken_at) == (None, None)
    assert state.superseded_by == NOW + YEAR


def test_a_source_is_read_again_once_it_is_newer(book: Book) -> None:
    book.poll(at(10), host(), guest())
    book.poll(at(3), host(), guest())
    book.poll(at(10), host(), guest())  # the same directory again
    state = book.source(at(11))
    assert (state.last_outcome, state.superseded_since) == ("stored", None)


def test_a_superseded_collect_is_done_in_part() -> None:
    assert Collected((Result("a", "stored"),)).exit is Exit.DONE
    assert Collected((Result("a", "stored"), Result("b", "superseded"))).exit is Exit.PARTIAL
    assert Collected((Result("b", "superseded"),)).exit is Exit.PARTIAL


# Found, and taken out


def of_the_store(book: Book) -> dict[str, Any]:
    """All rows of all tables but those that count or log attempts."""
    with book.store.reading() as connection:
        tables = [t for t in SQLModel.metadata.sorted_tables if t.name != "poll"]
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table)).all()))
            for table in tables
        }


def before(book: Book) -> None:
    sample = used("host", "h1", at(0), cpu_used_cores=2.0)
    facts = (host(), guest(), guest("101"), datastore(used_bytes=GIB))
    book.poll(at(0), *facts, usage=[sample])


def mend(book: Book, now: datetime = NOW) -> Any:
    with book.store.writing() as connection:
        return take_out_ahead(connection, now, JAKARTA)


def test_a_store_without_a_time_to_come_has_no_fault_and_is_left_as_it_is(book: Book) -> None:
    before(book)
    whole = of_the_store(book)
    with book.store.reading() as connection:
        assert ahead_faults(connection, NOW, JAKARTA) == []
    gone = mend(book)
    assert (gone.polls, gone.versions, gone.samples, gone.reopened) == (0, 0, 0, 0)
    assert of_the_store(book) == whole


def test_polls_facts_and_samples_of_a_time_to_come_are_found(book: Book) -> None:
    before(book)
    late = NOW + YEAR
    book.poll(late, host(), guest(vcpus=4.0), usage=[used("host", "h1", late, cpu_used_cores=1)])
    with book.store.reading() as connection:
        found = ahead_faults(connection, NOW, JAKARTA)
        [ahead] = polls_ahead(connection, NOW)
    assert found[0] == (
        "source site: 1 polls are dated after now, the last 2027-11-03T00:00:00+00:00: nothing it "
        "shows is taken in until then"
    )
    assert found[1:] == ["guest: 1 rows are dated after now", "usage: 1 rows are dated after now"]
    assert (ahead.source, ahead.newest_at) == ("site", late)


def test_taking_them_out_makes_the_store_what_it_was(book: Book) -> None:
    before(book)
    whole = of_the_store(book)
    for late in (NOW + timedelta(days=2), NOW + YEAR):
        book.poll(
            late,
            host(),
            guest(vcpus=4.0),
            datastore("nfs2"),
            usage=[used("host", "h1", late, cpu_used_cores=1)],
        )
    gone = mend(book)
    assert (gone.polls, gone.versions, gone.samples) == (2, 2, 2)
    now = of_the_store(book)
    assert [row["guest_id"] for row in book.versions(Guest)] == ["100", "101"]
    assert [row["valid_to"] for row in book.versions(Guest)] == [None, None]
    for name in ("guest", "host", "coverage", "usage", "entity_day"):
        assert now[name] == whole[name]


def test_a_level_measured_in_a_time_to_come_is_not_known(book: Book) -> None:
    before(book)
    book.poll(NOW + YEAR, datastore(used_bytes=9 * GIB))
    mend(book)
    assert book.of(Datastore, NOW + 2 * YEAR)["san"].record.used_bytes is None


def test_after_it_the_source_is_taken_in_again(book: Book) -> None:
    book.poll(NOW + YEAR, host(), guest())
    assert book.poll(NOW, host(), guest(), guest("101")).superseded_by == NOW + YEAR
    mend(book)
    assert book.poll(NOW, host(), guest(), guest("101")).superseded_by is None
    assert set(book.of(Guest, NOW)) == {"100", "101"}
    assert book.source(NOW).last_outcome == "stored"


def test_a_day_that_a_fast_clock_closed_is_counted_anew(book: Book) -> None:
    book.poll(NOW, host(), usage=[used("host", "h1", NOW, cpu_used_cores=2.0)])
    book.close_days(NOW + timedelta(days=2))
    today = NOW.astimezone(JAKARTA).date()
    assert today in book.days("host", "h1")
    mend(book)
    assert today not in book.days("host", "h1")
    book.close_days(NOW + timedelta(days=1))
    assert today in book.days("host", "h1")


def test_a_report_of_a_day_to_come_no_longer_hides_the_next(book: Book) -> None:
    today = NOW.astimezone(JAKARTA).date()
    with book.store.writing() as connection:
        remember_findings(connection, [], ["r"], today + YEAR)
        assert take_out_ahead(connection, NOW, JAKARTA).reports == 1
        remember_findings(connection, [], ["r"], today)
        assert report_before(connection, today + timedelta(days=7)) is not None
