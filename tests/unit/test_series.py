"""Daily series: what a day's value is, and what is not known stays so."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pytest

from estates import AS_OF, days
from inventory.levels import DayPoint
from inventory.versions import AllocationVersion
from planner.series import HISTORY_DAYS, DailySeries, demand_series, state_series, wape
from stored import JAKARTA


def point(back: int, mean: float | None, high: float | None = None, **more: int) -> DayPoint:
    given = {"span_days": 1, "seconds": 86_400} | more
    day = AS_OF - timedelta(days=back)
    return DayPoint(day=day, mean=mean, high=high, **given)


def test_a_series_ends_with_the_day_before_as_of() -> None:
    series = demand_series([point(1, 7.0, 7.0), point(0, 99.0, 99.0), point(-1, 99.0, 99.0)], AS_OF)
    assert len(series.values) == HISTORY_DAYS
    assert series.last == (AS_OF - timedelta(days=1), 7)
    assert np.nansum(series.values) == 7


def test_a_day_without_samples_is_not_filled_in() -> None:
    series = demand_series([point(1, 7.0, 7.0), point(3, 5.0, 5.0)], AS_OF)
    assert np.isnan(series.values[-2])
    assert series.recent(3).tolist() == [5, 7]


def test_a_day_covered_by_less_than_half_counts_for_coverage_alone() -> None:
    series = demand_series([point(1, 7.0, 7.0, seconds=40_000), point(2, 5.0, 5.0)], AS_OF)
    assert np.isnan(series.values[-1])
    assert series.history_days == pytest.approx(1 + 40_000 / 86_400)


def test_where_peaks_are_not_seen_they_are_estimated_from_those_that_are() -> None:
    fine = [point(back, 10.0, 12.0) for back in range(1, 10)]
    coarse = [point(back, 20.0) for back in range(10, 20)]
    series = demand_series([*fine, *coarse], AS_OF)
    assert series.flags == ("peak_estimated",)
    assert series.values[-1] == 12
    assert series.values[-15] == pytest.approx(24)
    assert series.trend[-1] == pytest.approx(12)  # day means on the scale of peaks


def test_peaks_that_were_never_seen_are_flagged_and_not_invented() -> None:
    series = demand_series(days([10.0] * 20), AS_OF)
    assert series.flags == ("peak_unknown",)
    assert series.values[-1] == 10


def test_a_series_with_all_its_peaks_or_none_of_anything_has_no_flag() -> None:
    assert demand_series(days([10.0] * 20, high=1.5), AS_OF).flags == ()
    empty = demand_series([], AS_OF)
    assert (empty.flags, empty.last, empty.history_days, empty.coverage_ratio(90)) == (
        (), None, 0, 0,
    )  # fmt: skip


def test_a_week_counts_as_a_week_of_coverage_and_one_value() -> None:
    series = demand_series([point(4, 10.0, span_days=7, seconds=7 * 86_400)], AS_OF)
    assert series.history_days == 7
    assert int((~np.isnan(series.values)).sum()) == 1
    assert series.coverage_ratio(90) == 1


def test_coverage_is_of_the_time_since_the_first_sample_or_of_the_window() -> None:
    half = [10.0 if i % 2 else None for i in range(1, 41)]
    assert demand_series(days(half), AS_OF).coverage_ratio(90) == pytest.approx(0.5, abs=0.02)
    old = [10.0] * 200 + [None] * 45 + [10.0] * 45
    assert demand_series(days(old), AS_OF).coverage_ratio(90) == pytest.approx(0.5)


def test_a_day_of_25_hours_covers_no_more_than_a_day() -> None:
    series = demand_series([point(1, 7.0, 7.0, seconds=90_000)], AS_OF)
    assert series.history_days == 1


# What was allocated


def version(amount: float, since: int, until: int | None = None) -> AllocationVersion:
    return AllocationVersion(
        ("c", "cpu"), amount, noon(since), None if until is None else noon(until)
    )


def noon(back: int) -> datetime:
    day = AS_OF - timedelta(days=back)
    return datetime(day.year, day.month, day.day, 12, 0, tzinfo=JAKARTA)


def test_an_allocation_is_what_the_last_poll_of_the_day_saw() -> None:
    versions = [version(4, 5), version(8, 3, 2)]
    polls = [noon(back) + timedelta(hours=1) for back in (5, 4, 3, 2, 1)]
    series = state_series(versions, polls, AS_OF, JAKARTA)
    assert series.values[-5:].tolist() == [4, 4, 12, 4, 4]
    assert np.isnan(series.values[-6])


def test_a_state_is_taken_to_last_between_polls_but_not_over_five_weeks() -> None:
    versions = [version(4, 100)]
    polls = [noon(back) + timedelta(hours=1) for back in (90, 40, 10)]
    series = state_series(versions, polls, AS_OF, JAKARTA)
    known = {HISTORY_DAYS - int(i) for i in np.flatnonzero(~np.isnan(series.values))}
    assert known == {90, *range(11, 41), *range(1, 11)}


def test_no_poll_is_no_allocation() -> None:
    assert state_series([version(4, 5)], [], AS_OF, JAKARTA).last is None
    assert state_series([], [noon(3)], AS_OF, JAKARTA).last == (date(2026, 11, 22), 0)


# The error of a forecast


def test_wape_counts_the_days_where_both_are_known() -> None:
    actual = np.array([100.0, np.nan, 200.0])
    assert wape(actual, np.array([90.0, 50.0, np.nan])) == 10


def test_wape_of_nothing_is_not_known() -> None:
    nothing = np.array([np.nan, 1.0])
    assert wape(nothing, np.array([1.0, np.nan])) is None
    assert wape(np.zeros(3), np.ones(3)) is None


def test_calendar_weeks_end_on_sunday_and_the_running_one_yesterday() -> None:
    values = np.full(HISTORY_DAYS, np.nan)
    values[-9:] = [1, 2, 3, 4, 5, 6, 7, 8, 9]  # the last one is the day before as_of, a Monday
    monday = date(2026, 11, 23)
    covered = np.zeros(HISTORY_DAYS)
    weeks = DailySeries(date(2026, 11, 25), values, values, covered).weeks(8)
    assert weeks == [
        (date(2026, 11, 22), pytest.approx(4.0), 7.0),
        (date(2026, 11, 24), pytest.approx(8.5), 9.0),
    ]
    assert monday.weekday() == 0
    assert DailySeries(monday, values, values, covered).weeks(1)[0][0] == date(2026, 11, 22)


def test_a_series_without_a_value_has_no_weeks() -> None:
    empty = np.full(HISTORY_DAYS, np.nan)
    assert DailySeries(date(2026, 11, 25), empty, empty, np.zeros(HISTORY_DAYS)).weeks(8) == []


def test_a_day_told_twice_counts_once_and_the_newer_value_holds() -> None:
    day = AS_OF - timedelta(days=1)
    told = [DayPoint(day, 1, 10.0, None, 86_400), DayPoint(day, 1, 12.0, None, 86_400)]
    series = demand_series(told, AS_OF)
    assert series.last == (day, 12.0)
    assert series.history_days == 1.0
