"""Days from samples, against a count by hand; merging samples loses nothing of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from statistics import fmean
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.records import Usage
from stored import Book, host, used

SLOT = 300
# Begins a day before the clocks change, both ways, and in a zone where they never do.
PLACES = {
    "Asia/Jakarta": date(2026, 11, 1),
    "Europe/Berlin": date(2026, 10, 24),
    "America/New_York": date(2026, 3, 7),
}
PERIODS = (300, 600, 1800, 3600, 7200)

Sample = tuple[int, int, float]  # the slot it begins with, its seconds, its value


@st.composite
def samples(draw: st.DrawFn) -> list[Sample]:
    """Samples on the grid of three days, no two alike; they may overlap and leave gaps."""
    drawn = draw(
        st.lists(
            st.tuples(st.integers(0, 820), st.sampled_from(PERIODS), st.integers(1, 50)),
            min_size=1,
            max_size=25,
        )
    )
    unlike = {
        (begin * SLOT + seconds, seconds): (begin, seconds, float(v)) for begin, seconds, v in drawn
    }
    return list(unlike.values())


def slots_of(given_samples: Sequence[Sample], count: int) -> list[float | None]:
    """Slot by slot what the finest sample says, carried over two slots at most."""
    grid: list[float | None] = [None] * count
    for period in sorted(PERIODS, reverse=True):
        told: dict[int, list[float]] = {}
        for begin, seconds, value in given_samples:
            if seconds == period:
                for slot in range(begin, begin + seconds // SLOT):
                    told.setdefault(slot, []).append(value)
        for slot, values in told.items():
            if slot < count:
                grid[slot] = fmean(values)
    carried, age = list(grid), 99
    for slot, value in enumerate(grid):
        age = 0 if value is not None else age + 1
        if value is None and age <= 2:
            carried[slot] = grid[slot - age]
    return carried


@settings(max_examples=40)
@given(samples(), st.sampled_from(sorted(PLACES)))
def test_a_day_is_what_its_slots_say(given_samples: list[Sample], place: str) -> None:
    zone = ZoneInfo(place)
    first = PLACES[place]
    midnights = [
        datetime.combine(first + timedelta(days=n), datetime.min.time(), zone).timestamp()
        for n in range(5)
    ]
    start = datetime.fromtimestamp(midnights[0], zone)
    usage = [_usage(start, sample) for sample in given_samples]
    book = Book.empty(zone)
    book.poll(start + timedelta(days=9), host(), usage=usage)
    book.close_days(start + timedelta(days=9))
    found = book.days("host", "h1")
    grid = slots_of(given_samples, int(midnights[-1] - midnights[0]) // SLOT)
    for n in range(4):
        low, high = (int(midnights[n + i] - midnights[0]) // SLOT for i in (0, 1))
        known = [value for value in grid[low:high] if value is not None]
        row = found.get(first + timedelta(days=n))
        if row is None:
            # Only a carried value can lie in a day that no sample touches.
            assert len(known) <= 2
            continue
        assert row["memory_seconds"] == len(known) * SLOT
        assert row["memory_mean_bytes"] == pytest.approx(fmean(known))
        assert row["memory_high_bytes"] == max(known)


def _usage(start: datetime, sample: Sample) -> Usage:
    begin, seconds, value = sample
    ends = datetime.fromtimestamp(start.timestamp() + begin * SLOT + seconds, start.tzinfo)
    return used("host", "h1", ends, seconds=seconds, memory_used_bytes=value)


@st.composite
def rows_in_turn(draw: st.DrawFn) -> list[Sample]:
    """Samples one after the other, with holes between them, none across an hour."""
    found, slot = [], 0
    for wait, length, value in draw(
        st.lists(
            st.tuples(st.integers(0, 9), st.integers(1, 11), st.integers(0, 50)),
            min_size=1,
            max_size=20,
        )
    ):
        slot += wait
        if slot % 12 + length > 12:
            slot += 12 - slot % 12
        found.append((slot, length * SLOT, float(value)))
        slot += length
    return found


@settings(max_examples=40)
@given(rows_in_turn())
def test_merging_into_hours_loses_no_second_and_no_byte(given_samples: list[Sample]) -> None:
    start = datetime(2026, 11, 1, tzinfo=ZoneInfo("UTC"))
    book = Book.empty()
    book.poll(start, host(), usage=[_usage(start, sample) for sample in given_samples])
    book.close_days(start + timedelta(days=9))
    for _again in range(2):
        book.thin_out(start + timedelta(days=90))
        kept = book.samples()
        amount = sum(seconds * value for _begin, seconds, value in given_samples)
        assert sum(s * (m or 0.0) for _e, s, _c, m in kept) == pytest.approx(amount)
        assert sum(s for _e, s, _c, _m in kept) == sum(s for _b, s, _v in given_samples)
        hours = [(int(e.timestamp()) - 1) // 3600 for e, _s, _c, _m in kept]
        assert len(set(hours)) == len(hours)
