"""What a day adds: its weekday, a holiday, the end of a month, the hour of the week."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from planner.forecast import seasonal
from planner.forecast.calendar import NO_CALENDAR, Calendar, every_day
from planner.forecast.day_parts import day_parts, hour_parts
from planner.forecast.level import HOURS, level_of
from planner.forecast.paths import Floats

AS_OF = date(2026, 11, 23)  # a Monday
HORIZON = 60


def days_before(count: int) -> list[date]:
    return [AS_OF - timedelta(days=count - i) for i in range(count)]


def usual(count: int) -> Floats:
    """100 on weekdays, 40 on Saturday, 20 on Sunday."""
    return np.array([{5: 40.0, 6: 20.0}.get(day.weekday(), 100.0) for day in days_before(count)])


def with_holidays(count: int, holidays: set[date], level: float) -> Floats:
    values = usual(count)
    values[[day in holidays for day in days_before(count)]] = level
    return values


def middle(values: Floats, calendar: Calendar, horizon: int = HORIZON) -> dict[date, float]:
    found = seasonal.forecast(
        values[None].astype(np.float32), origin=AS_OF, horizon_days=horizon, seed=1,
        samples=60, calendar=calendar,
    )  # fmt: skip
    paths = np.concatenate([part.paths for part in found.blocks()])
    told = np.median(paths[0], axis=0)
    return {AS_OF + timedelta(days=i): float(value) for i, value in enumerate(told)}


FIVE = {date(2026, m, d) for m, d in ((5, 14), (5, 27), (6, 1), (6, 16), (8, 17))}
TO_COME = date(2026, 12, 24)  # a Thursday


def test_a_holiday_is_told_as_those_before_it_where_there_were_enough() -> None:
    values = with_holidays(250, FIVE, 30.0)
    told = middle(values, Calendar(frozenset(FIVE | {TO_COME})))
    assert told[TO_COME] == pytest.approx(30, abs=1)
    assert told[TO_COME - timedelta(days=1)] == pytest.approx(100, abs=1)


def test_a_holiday_is_told_as_a_sunday_where_there_were_too_few() -> None:
    three = {day for day in FIVE if day.month > 5}
    told = middle(with_holidays(250, three, 30.0), Calendar(frozenset(three | {TO_COME})))
    assert told[TO_COME] == pytest.approx(20, abs=1)


def test_without_a_calendar_no_day_is_a_holiday() -> None:
    assert middle(usual(250), NO_CALENDAR)[TO_COME] == pytest.approx(100, abs=1)


def test_holidays_do_not_bend_the_weekday_they_fall_on() -> None:
    """Five of the last eight Mondays were free."""
    mondays = {AS_OF - timedelta(weeks=i) for i in (1, 2, 4, 5, 7)}
    values = with_holidays(120, mondays, 20.0)
    found = day_parts(values[None], AS_OF, Calendar(frozenset(mondays)))
    undisturbed = day_parts(usual(120)[None], AS_OF, NO_CALENDAR)
    assert found.profile[0] == pytest.approx(undisturbed.profile[0])
    bent = day_parts(values[None], AS_OF, NO_CALENDAR)
    assert bent.profile[0, 0] < found.profile[0, 0] - 20


def test_ten_free_days_in_a_row_are_no_step() -> None:
    """The longest holiday ends two weeks ago: the level is what it was."""
    last = AS_OF - timedelta(days=14)
    free = set(every_day(last - timedelta(days=9), last))
    values = with_holidays(200, free, 15.0)
    found = seasonal.forecast(
        values[None].astype(np.float32), origin=AS_OF, horizon_days=10, seed=1,
        calendar=Calendar(frozenset(free)),
    )  # fmt: skip
    assert found.steps.of(0) == []
    assert found.level[0] == pytest.approx(np.mean([100] * 5 + [40, 20]), abs=2)


def test_what_the_end_of_a_month_adds_is_learnt_from_three_ends() -> None:
    calendar = Calendar(month_end_days=2)
    values = usual(200)
    ends = calendar.month_ends_among(AS_OF, np.arange(-200, 0))
    values[ends] += 60
    told = middle(values, calendar)
    assert told[date(2026, 12, 31)] == pytest.approx(160, abs=2)
    assert told[date(2026, 12, 29)] == pytest.approx(100, abs=2)
    short = middle(values[-45:], calendar)  # one end of a month
    assert short[date(2026, 12, 31)] == pytest.approx(100, abs=2)


def test_an_end_of_month_that_noise_explains_adds_little() -> None:
    values = usual(300) + 8 * np.random.default_rng(2).standard_normal(300)
    found = day_parts(values[None], AS_OF, Calendar(month_end_days=3))
    assert abs(found.month_end[0]) < 4


def test_the_last_days_of_a_month_are_told_from_its_length() -> None:
    days = np.arange(0, 140)
    ends = Calendar(month_end_days=2).month_ends_among(AS_OF, days)
    assert [str(AS_OF + timedelta(days=int(i))) for i in days[ends]] == [
        "2026-11-29", "2026-11-30", "2026-12-30", "2026-12-31", "2027-01-30", "2027-01-31",
        "2027-02-27", "2027-02-28", "2027-03-30", "2027-03-31",
    ]  # fmt: skip


def test_gaps_and_short_pasts_tell_no_part() -> None:
    calendar = Calendar(frozenset(FIVE | {TO_COME}), month_end_days=3)
    empty = np.full((1, 90), np.nan)
    found = day_parts(empty, AS_OF, calendar)
    assert not found.on(AS_OF, np.arange(90)).any()
    assert not day_parts(usual(10)[None], AS_OF, calendar).on(AS_OF, np.arange(90)).any()


def test_what_grows_by_the_hour_has_no_rhythm() -> None:
    hours = np.arange(-28 * 24, 0)
    values = 500 + 0.5 * hours + np.random.default_rng(4).standard_normal(len(hours))
    parts = hour_parts(values[None], AS_OF, 24)
    assert np.abs(parts.profile).max() < 2


def test_hours_follow_day_and_week() -> None:
    """A backup on Saturday nights, and busy hours every day."""
    hours = np.arange(-28 * 24, 0)
    random = np.random.default_rng(4)
    values = 50 + 30 * ((hours % 24 >= 8) & (hours % 24 < 16)) + random.standard_normal(len(hours))
    backup = (hours % 168 >= 130) & (hours % 168 < 140)
    values = values + 200 * backup
    found = seasonal.forecast(
        values[None].astype(np.float32), origin=AS_OF, horizon_days=167, seed=1,
        trend_days=len(hours), rhythm=HOURS,
    )  # fmt: skip
    told = np.median(np.concatenate([part.paths for part in found.blocks()])[0], axis=0)
    ahead = np.arange(168)
    to_come = (ahead % 168 >= 130) & (ahead % 168 < 140)
    assert told[to_come].min() > 200
    assert told[~to_come].max() < 100
    assert told[10] > told[20] + 20


def test_a_level_of_hours_that_moves_every_day_is_followed_and_one_that_flickers_is_not() -> None:
    random, hours = np.random.default_rng(6), 28 * 24
    moves = 500 + np.repeat(random.normal(0, 20, 28), 24).cumsum() / 5
    flickers = 500 + np.where(np.arange(hours) // 24 == 27, 60.0, 0.0)
    both = np.stack([moves, flickers]) + random.normal(0, 2, (2, hours))
    level = level_of(both, np.zeros(2), HOURS)
    now = moves[-24:].mean()
    usual = (np.median(both[0, -4 * 24 :]) + np.median(both[0, -7 * 24 :])) / 2
    assert abs(level[0] - now) < abs(usual - now) / 2
    assert level[1] == pytest.approx(500, abs=5)
