"""What is kept of each guest's day, and what an upgrade does about the days before."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.guest_days import GuestDay, guest_days
from inventory.records import Usage
from inventory.samples import DIRTY
from inventory.store import Store
from stored import JAKARTA, Book, guest, host, used

DAY = date(2026, 11, 2)
MIDNIGHT = datetime(2026, 11, 2, tzinfo=JAKARTA)
LATER = datetime(2026, 11, 20, 8, 0, tzinfo=JAKARTA)


def samples(values: list[float], *, seconds: int = 300, name: str = "100") -> list[Usage]:
    return [
        used(
            "guest", name, MIDNIGHT + timedelta(seconds=seconds * (i + 1)), seconds=seconds
        ).model_copy(
            update={
                "cpu_used_cores": value,
                "memory_used_bytes": 1024**3 * value,
                "net_in_bytes_per_second": 100.0,
                "net_out_bytes_per_second": 50.0,
                "disk_read_bytes_per_second": 7.0,
            }
        )
        for i, value in enumerate(values)
    ]


def days_of(book: Book) -> tuple[GuestDay, ...]:
    with book.store.reading() as connection:
        found = guest_days(connection, DAY - timedelta(days=9), DAY + timedelta(days=9))
    return next(iter(found.values()), ())


def remembered(usage: list[Usage]) -> Book:
    book = Book.empty()
    book.poll(LATER, host(), guest(), usage=usage)
    book.close_days(LATER)
    return book


def test_a_day_keeps_how_its_samples_lie_and_its_mean_rates() -> None:
    [day] = days_of(remembered(samples([0.01] * 280 + [1.5] * 8)))
    assert day.day == DAY
    assert day.cpu is not None
    assert (day.cpu.count, day.cpu.count_below(0.02)) == (288, 280)
    assert day.cpu.quantile(1.0) == pytest.approx(1.5, rel=0.022)
    assert day.memory is not None
    assert day.memory.quantile(0.5) == pytest.approx(0.01 * 1024**3, rel=0.022)
    assert day.net_bytes_per_second == pytest.approx(150)
    assert day.disk_bytes_per_second is None  # nothing was written, or it was not told: unknown


def test_a_sample_of_an_hour_counts_as_the_twelve_slots_it_lasts() -> None:
    [day] = days_of(remembered(samples([2.0] * 24, seconds=3600)))
    assert day.cpu is not None
    assert day.cpu.count == 288


def test_samples_of_half_a_day_hide_the_peaks_and_are_left_out() -> None:
    assert days_of(remembered(samples([2.0] * 2, seconds=43_200))) == ()


def test_only_guests_have_such_days() -> None:
    book = Book.empty()
    usage = [used("host", "h1", MIDNIGHT + timedelta(minutes=5), cpu_used_cores=3.0)]
    book.poll(LATER, host(), guest(), usage=usage)
    book.close_days(LATER)
    assert days_of(book) == ()


def test_the_sketches_are_dropped_with_the_hours() -> None:
    book = remembered(samples([1.0] * 288))
    book.thin_out(LATER, hour_days=400)
    assert len(days_of(book)) == 1
    book.thin_out(LATER, hour_days=10)
    assert days_of(book) == ()


def test_an_upgrade_marks_the_days_whose_samples_are_still_there(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    with Store.open(url, create=True) as store:
        book = Book(store)
        book.poll(LATER, host(), guest(), usage=samples([1.0] * 288 * 4))
        book.close_days(LATER)
        _back_to_the_schema_before(store)
    with Store.open_any_schema(url) as store:
        store.upgrade()
        with store.reading() as connection:
            marked = set(connection.scalars(sa.select(DIRTY.c.day)))
        assert marked == {date(2026, 11, 3), date(2026, 11, 4), date(2026, 11, 5)}
        book = Book(store)
        book.close_days(LATER)
        assert [day.day.day for day in days_of(book)] == [3, 4, 5]


def _back_to_the_schema_before(store: Store) -> None:
    with store.writing() as connection:
        for table in (
            "guest_day", "proposal", "filesystem", "forecast", "forecast_band", "audit_line",
            "finding_report", "finding_state",
        ):  # fmt: skip
            connection.exec_driver_sql(f"DROP TABLE {table}")
        for table, column in (
            ("disk", "encryption"), ("disk", "file_mode"), ("datastore", "folder_mode"),
            ("guest", "shares_memory"), ("guest", "pinned_cpus"), ("nic", "attachment"),
            ("poll", "excess_rights"),
        ):  # fmt: skip
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {column}")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0005'")
