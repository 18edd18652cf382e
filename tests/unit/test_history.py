"""From samples to days: what is kept of them, and for how long."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from inventory.history_steps import store_step
from inventory.records import Guest, Peak, Usage
from stored import JAKARTA, Book, at, guest, host, used

DAY = date(2026, 11, 2)
MIDNIGHT = datetime(2026, 11, 2, tzinfo=JAKARTA)
LATER = datetime(2026, 11, 20, 8, 0, tzinfo=JAKARTA)


@pytest.fixture
def book() -> Book:
    return Book.empty()


def slots(
    name: str,
    values: list[float | None],
    *,
    start: datetime = MIDNIGHT,
    seconds: int = 300,
    metric: str = "memory_used_bytes",
    entity: str = "host",
) -> list[Usage]:
    """One sample after the other from an instant on; None leaves one out."""
    return [
        used(
            entity, name, start + timedelta(seconds=seconds * (i + 1)), seconds=seconds
        ).model_copy(update={metric: value})
        for i, value in enumerate(values)
        if value is not None
    ]


def remember(book: Book, *samples: list[Usage], hosts: tuple[str, ...] = ("h1",)) -> None:
    """Hosts that have been there all along, and their samples."""
    flat = [sample for part in samples for sample in part]
    book.poll(MIDNIGHT - timedelta(days=400), *(host(name) for name in hosts))
    book.poll(LATER, *(host(name) for name in hosts), usage=flat)


# A day


def test_a_day_keeps_its_mean_its_maximum_and_what_was_covered(book: Book) -> None:
    remember(book, slots("h1", [4.0] * 144 + [8.0] * 72))
    book.close_days(LATER)
    day = book.days("host", "h1")[DAY]
    assert day["memory_mean_bytes"] == pytest.approx((4 * 144 + 8 * 74) / 218)  # two are carried
    assert (day["memory_high_bytes"], day["memory_seconds"]) == (8, 218 * 300)
    assert (day["cpu_mean_cores"], day["cpu_seconds"], day["span_days"]) == (None, 0, 1)


def test_cpu_keeps_its_highest_two_hour_mean_not_its_maximum(book: Book) -> None:
    values = [2.0] * 288
    values[100] = 30.0
    values[200:224] = [10.0] * 24
    remember(book, slots("h1", values, metric="cpu_used_cores"))
    book.close_days(LATER)
    assert book.days("host", "h1")[DAY]["cpu_high_cores"] == pytest.approx(10)


def test_two_hours_with_too_little_in_them_have_no_peak(book: Book) -> None:
    remember(book, slots("h1", [9.0] * 12, metric="cpu_used_cores"))
    book.close_days(LATER)
    day = book.days("host", "h1")[DAY]
    assert (day["cpu_mean_cores"], day["cpu_high_cores"]) == (9, None)


def test_today_is_no_day_yet(book: Book) -> None:
    remember(book, slots("h1", [4.0] * 400))
    book.close_days(MIDNIGHT + timedelta(days=1, hours=6))
    assert set(book.days("host", "h1")) == {DAY}
    book.close_days(MIDNIGHT + timedelta(days=2))
    assert set(book.days("host", "h1")) == {DAY, DAY + timedelta(days=1)}


def test_closing_twice_writes_nothing_the_second_time(book: Book) -> None:
    remember(book, slots("h1", [4.0] * 288))
    assert book.close_days(LATER) == 1
    assert book.close_days(LATER) == 0


def test_a_late_import_reopens_its_days_alone(book: Book) -> None:
    tomorrow = MIDNIGHT + timedelta(days=1)
    remember(book, slots("h1", [4.0] * 144), slots("h1", [6.0] * 288, start=tomorrow))
    book.close_days(LATER)
    late = slots("h1", [8.0] * 144, start=MIDNIGHT + timedelta(hours=12))
    book.poll(LATER, host(), usage=late)
    assert book.close_days(LATER) == 1
    days = book.days("host", "h1")
    assert (days[DAY]["memory_mean_bytes"], days[DAY]["memory_seconds"]) == (6, 86_400)
    assert days[DAY + timedelta(days=1)]["memory_mean_bytes"] == 6
    assert book.cluster_days()[DAY]["memory_mean_bytes"] == 6


def test_another_time_zone_remakes_every_day(book: Book) -> None:
    values = [float(i // 12) for i in range(2 * 288)]  # the hour since midnight in Jakarta
    remember(book, slots("h1", values))
    book.close_days(LATER)
    assert book.days("host", "h1")[DAY]["memory_mean_bytes"] == pytest.approx(11.5)
    book.close_days(LATER, ZoneInfo("Asia/Jayapura"))  # two hours east
    days = book.days("host", "h1")
    assert days[DAY]["memory_seconds"] == 22 * 3600
    assert days[DAY]["memory_mean_bytes"] == pytest.approx(10.5)
    assert days[DAY + timedelta(days=1)]["memory_mean_bytes"] == pytest.approx(33.5)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Africa/Cairo", date(2026, 4, 24), 23),  # the clocks go on at midnight itself
        ("America/Santiago", date(2026, 9, 6), 23),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Asia/Kathmandu", date(2026, 10, 4), 24),
    ],
)
def test_a_day_is_as_long_as_the_clocks_make_it(zone: str, day: date, hours: float) -> None:
    place = ZoneInfo(zone)
    book = Book.empty(place)
    start = datetime.combine(day, datetime.min.time(), place).astimezone(UTC)
    before, after = start - timedelta(days=1), start + timedelta(hours=hours)
    samples = [
        *slots("h1", [1.0] * 288, start=before),
        *slots("h1", [5.0] * int(hours * 12), start=start),
        *slots("h1", [9.0] * 288, start=after),
    ]
    now = start + timedelta(days=9)
    book.poll(now, host(), usage=samples)
    book.close_days(now)
    found = book.days("host", "h1")
    assert found[day]["memory_seconds"] == hours * 3600
    assert (found[day]["memory_mean_bytes"], found[day]["memory_high_bytes"]) == (5, 5)
    assert found[day - timedelta(days=1)]["memory_high_bytes"] == 1
    assert found[day + timedelta(days=1)]["memory_high_bytes"] == 9


# Hosts together


def test_example_33_a_peak_is_one_that_coincides(book: Book) -> None:
    remember(book, slots("a", [10, 2, 2, 2]), slots("b", [2, 2, 2, 10]), hosts=("a", "b"))
    book.close_days(LATER)
    assert book.cluster_days()[DAY]["memory_high_bytes"] == 12  # the sum of peaks, 20, is wrong


def test_a_slot_with_a_missing_member_is_no_smaller_sum(book: Book) -> None:
    whole, holed = [5.0] * 288, [5.0] * 144 + [None] * 144
    remember(book, slots("a", whole), slots("b", holed), hosts=("a", "b"))
    book.close_days(LATER)
    day = book.cluster_days()[DAY]
    assert (day["memory_mean_bytes"], day["memory_seconds"]) == (10, 146 * 300)


def test_a_value_is_carried_over_two_slots_and_no_further(book: Book) -> None:
    for name, gap in (("two", 2), ("three", 3)):
        samples = slots(name, [4.0] * 10 + [None] * gap + [4.0] * 10)
        book.poll(LATER, host("two"), host("three"), usage=samples)
    book.close_days(LATER)
    tail = 2  # the last value is carried too
    assert book.days("host", "two")[DAY]["memory_seconds"] == (22 + tail) * 300
    assert book.days("host", "three")[DAY]["memory_seconds"] == (22 + tail) * 300


def test_a_host_counts_from_when_it_was_there_until_it_was_gone(book: Book) -> None:
    noon = MIDNIGHT + timedelta(hours=12)
    book.poll(MIDNIGHT - timedelta(days=9), host("a"), host("b"))
    book.poll(noon, host("a"))
    half, whole = slots("b", [5.0] * 144), slots("a", [5.0] * 288)
    book.poll(LATER, host("a"), usage=[*half, *whole])
    book.close_days(LATER)
    day = book.cluster_days()[DAY]
    assert (day["memory_high_bytes"], day["memory_seconds"]) == (10, 86_400)
    assert day["memory_mean_bytes"] == pytest.approx(7.5)


def test_a_host_that_is_retired_does_not_count(book: Book) -> None:
    book.poll(MIDNIGHT - timedelta(days=9), host("a"), host("b", status="retired"))
    book.poll(
        LATER,
        host("a"),
        host("b", status="retired"),
        usage=[*slots("a", [5.0] * 288), *slots("b", [7.0] * 288)],
    )
    book.close_days(LATER)
    assert book.cluster_days()[DAY]["memory_mean_bytes"] == 5


def test_where_no_host_tells_its_cpu_the_guests_do(book: Book) -> None:
    samples = [
        *slots("100", [3.0] * 288, metric="cpu_used_cores", entity="guest"),
        *slots("101", [5.0] * 144, metric="cpu_used_cores", entity="guest"),
    ]
    machine = host(cpu_cores=16.0, cpu_threads=32)
    book.poll(LATER, machine, guest("100"), guest("101"), usage=samples)
    book.close_days(LATER)
    day = book.cluster_days()[DAY]
    assert day["cpu_from_guests"] is True
    assert day["cpu_high_cores"] == pytest.approx((3 + 5) * 16 / 32)


# Several resolutions


def test_where_samples_of_several_periods_cover_a_time_the_finest_counts_once(book: Book) -> None:
    coarse = slots("h1", [100.0] * 24, seconds=3600)
    remember(book, coarse, slots("h1", [4.0] * 288))
    book.close_days(LATER)
    day = book.days("host", "h1")[DAY]
    assert (day["memory_mean_bytes"], day["memory_high_bytes"]) == (4, 4)
    assert day["memory_seconds"] == 86_400


def test_coarse_samples_fill_what_fine_ones_leave_open(book: Book) -> None:
    coarse = slots("h1", [8.0] * 24, seconds=3600)
    remember(book, coarse, slots("h1", [4.0] * 144))
    book.close_days(LATER)
    day = book.days("host", "h1")[DAY]
    assert day["memory_seconds"] == 86_400
    assert day["memory_mean_bytes"] == 6


def test_samples_too_coarse_for_peaks_give_a_mean_and_no_high(book: Book) -> None:
    remember(book, slots("h1", [3.0, 5.0], seconds=12 * 3600))
    book.close_days(LATER)
    day = book.days("host", "h1")[DAY]
    assert (day["memory_mean_bytes"], day["memory_high_bytes"]) == (4, None)
    assert day["memory_seconds"] == 86_400


def test_a_sample_that_ends_at_noon_tells_half_of_each_day(book: Book) -> None:
    noon = MIDNIGHT - timedelta(hours=12)
    remember(book, slots("h1", [2.0, 6.0], start=noon, seconds=86_400))
    book.close_days(LATER)
    days = book.days("host", "h1")
    assert days[DAY]["memory_mean_bytes"] == 4
    assert [days[DAY + timedelta(days=n)]["memory_seconds"] for n in (-1, 0, 1)] == [
        43_200, 86_400, 43_200,
    ]  # fmt: skip


def test_a_sample_longer_than_a_day_is_one_increment_not_many_equal_days(book: Book) -> None:
    remember(book, slots("h1", [10.0, 20.0], seconds=7 * 86_400))
    book.close_days(LATER)
    days = book.days("host", "h1")
    told = {day: (row["memory_mean_bytes"], row["span_days"]) for day, row in days.items()}
    assert told == {DAY + timedelta(days=3): (10, 7), DAY + timedelta(days=10): (20, 7)}
    assert {row["memory_seconds"] for row in days.values()} == {7 * 86_400}
    assert [row["memory_mean_bytes"] for row in book.cluster_days().values()] == [10, 20]


def test_a_week_of_memory_does_not_unmake_the_days_of_cpu(book: Book) -> None:
    week = slots("h1", [10.0], seconds=7 * 86_400)
    fine = slots("h1", [4.0] * 7 * 288, metric="cpu_used_cores")
    remember(book, week, fine)
    book.close_days(LATER)
    for days in (book.days("host", "h1"), book.cluster_days()):
        told = [days[DAY + timedelta(days=n)]["cpu_high_cores"] for n in range(7)]
        assert told == [pytest.approx(4)] * 7
        assert days[DAY + timedelta(days=3)]["memory_mean_bytes"] == 10


def test_a_month_stays_an_increment_when_a_few_hours_of_it_come_late(book: Book) -> None:
    month = slots("h1", [10.0], seconds=30 * 86_400)
    much_later = LATER + timedelta(days=40)
    remember(book, month)
    book.close_days(much_later)
    middle = MIDNIGHT + timedelta(days=15)
    book.poll(much_later, host(), usage=slots("h1", [90.0] * 12, start=middle))
    book.close_days(much_later)
    row = book.days("host", "h1")[middle.date()]
    assert (row["memory_mean_bytes"], row["span_days"]) == (10, 30)


def test_days_around_a_late_import_stay_as_they_are(book: Book) -> None:
    remember(book, slots("h1", [4.0] * 7 * 288), slots("h1", [10.0], seconds=7 * 86_400))
    book.close_days(LATER)
    before = book.days("host", "h1"), book.cluster_days()
    first, last = MIDNIGHT, MIDNIGHT + timedelta(days=6)
    late = [
        *slots("h1", [4.0], start=first, seconds=60),
        *slots("h1", [4.0], start=last, seconds=60),
    ]
    book.poll(LATER, host(), usage=late)
    book.close_days(LATER)
    assert (book.days("host", "h1"), book.cluster_days()) == before


# How long things are kept


def test_old_samples_become_hours_weighted_by_their_length(book: Book) -> None:
    samples = [
        *slots("h1", [6.0] * 6),
        *slots("h1", [2.0], start=MIDNIGHT + timedelta(minutes=30), seconds=1800),
    ]
    remember(book, samples)
    book.close_days(LATER)
    assert book.thin_out(LATER + timedelta(days=60)).samples_merged == 1
    hour = MIDNIGHT + timedelta(hours=1)
    assert book.samples() == [(hour.astimezone(UTC), 3600, None, 4)]


def test_an_hour_that_is_covered_in_part_stays_so(book: Book) -> None:
    remember(book, slots("h1", [6.0] * 3))
    book.close_days(LATER)
    later = LATER + timedelta(days=60)
    for _again in range(2):
        book.thin_out(later)
        [(ends, seconds, _cpu, memory)] = book.samples()
        assert (seconds, memory) == (900, 6)
        assert ends <= MIDNIGHT + timedelta(hours=1)


def test_thinning_out_keeps_the_statistics_of_days(book: Book) -> None:
    values = [float(i % 37) for i in range(288)]
    remember(book, slots("h1", values), slots("h1", values, metric="cpu_used_cores"))
    book.close_days(LATER)
    before = book.days("host", "h1"), book.cluster_days()
    much_later = LATER + timedelta(days=500)
    assert book.thin_out(much_later).samples > 0
    assert book.samples() == []
    book.close_days(much_later)
    assert (book.days("host", "h1"), book.cluster_days()) == before


def test_samples_of_days_that_are_not_closed_are_never_touched(book: Book) -> None:
    remember(book, slots("h1", [4.0] * 12))
    before = book.samples()
    much_later = LATER + timedelta(days=500)
    assert book.thin_out(much_later).samples == 0
    assert book.samples() == before
    book.close_days(much_later)
    book.thin_out(much_later)
    assert book.samples() == []
    assert book.days("host", "h1")[DAY]["memory_mean_bytes"] == 4


def test_young_samples_stay_as_they_came(book: Book) -> None:
    remember(book, slots("h1", [4.0] * 12))
    book.close_days(LATER)
    before = book.samples()
    book.thin_out(LATER)
    assert book.samples() == before


def test_forgetting_removes_what_ended_and_keeps_what_holds(book: Book) -> None:
    book.poll(at(0), host(), guest(), usage=slots("h1", [4.0], start=at(0)))
    book.poll(at(48), host(), guest(vcpus=4.0))
    book.poll(at(96), host(), guest(vcpus=8.0))
    book.close_days(at(96))
    gone = book.forget(at(72))
    assert (gone.versions, gone.polls, gone.samples) == (1, 2, 1)
    assert [row["vcpus"] for row in book.versions(Guest)] == [4, 8]
    assert book.days("host", "h1") != {}
    assert set(book.of(Guest, at(96))) == {"100"}
    assert book.changes(at(72), at(96))[0].kind == "resized"


def test_forgetting_leaves_it_known_when_a_dead_source_was_last_heard(book: Book) -> None:
    book.poll(at(0), guest())
    book.poll(at(24), guest())
    for hour in (48, 2000):
        book.fail(at(hour), "no route to host")
    book.forget(at(1900))
    state = book.source(at(2001))
    assert (state.last_success_at, state.last_error) == (at(24), "no route to host")
    assert book.of(Guest, at(2001))["100"].confirmed_at == at(24)
    assert ("guest", "") in state.covered


# Peaks that a platform's own history tells


def remember_peaks(book: Book, *names: str, high: float = 30.0, hours: int = 6) -> None:
    """Each host's highest memory in every period of a day, after hosts and means are there."""
    peaks = [
        Peak(
            entity="host", entity_id=name, cluster="c", period_seconds=hours * 3600,
            taken_at=MIDNIGHT + timedelta(hours=hours * (i + 1)),
            memory_used_bytes=high - i,
        )
        for name in names
        for i in range(24 // hours)
    ]  # fmt: skip
    with book.store.writing() as connection:
        store_step(connection, 1, "host", (), peaks, LATER, JAKARTA)


def test_a_peak_is_the_days_highest_where_samples_are_too_coarse(book: Book) -> None:
    remember(book, slots("h1", [10.0] * 4, seconds=6 * 3600))
    remember_peaks(book, "h1")
    book.close_days(LATER)
    day = book.days("host", "h1")[DAY]
    assert (day["memory_mean_bytes"], day["memory_high_bytes"]) == (10.0, 30.0)
    assert book.cluster_days()[DAY]["memory_high_bytes"] == 30.0  # of a cluster of one


def test_what_fine_samples_show_is_not_changed_by_a_peak(book: Book) -> None:
    remember(book, slots("h1", [10.0] * 288))
    remember_peaks(book, "h1")
    book.close_days(LATER)
    assert book.days("host", "h1")[DAY]["memory_high_bytes"] == 10.0


def test_peaks_of_several_hosts_are_not_added_up(book: Book) -> None:
    hosts = ("h1", "h2")
    remember(book, *(slots(name, [10.0] * 4, seconds=6 * 3600) for name in hosts), hosts=hosts)
    remember_peaks(book, *hosts)
    book.close_days(LATER)
    assert book.cluster_days()[DAY]["memory_mean_bytes"] == 20.0
    assert book.cluster_days()[DAY]["memory_high_bytes"] is None


def test_a_few_hours_peak_is_not_the_days_highest(book: Book) -> None:
    remember(book, slots("h1", [10.0] * 4, seconds=6 * 3600))
    with book.store.writing() as connection:
        peak = Peak(
            entity="host", entity_id="h1", cluster="c", period_seconds=6 * 3600,
            taken_at=MIDNIGHT + timedelta(hours=6), memory_used_bytes=30.0,
        )  # fmt: skip
        store_step(connection, 1, "host", (), [peak], LATER, JAKARTA)
    book.close_days(LATER)
    assert book.days("host", "h1")[DAY]["memory_high_bytes"] is None
