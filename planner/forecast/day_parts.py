"""What a day adds to the level of a load: its weekday's part, or a holiday's, and a month's end.

A holiday has a part of its own where the past has four or more, else that of a Sunday; it never
counts among those of its weekday. What the end of a month adds is learnt from three or more
ends, and counts the less, the less it can be told from nothing. Values of an hour have the part of
their hour of the day, and that of their hour of the week as far as it would have told the weeks
that are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from planner.forecast.calendar import NO_CALENDAR, Calendar
from planner.forecast.medians import row_means, row_medians
from planner.forecast.paths import Floats
from planner.forecast.steps import Flags
from planner.forecast.weekdays import WEEK, Days, weekday_of, weekly_profile

_SUNDAY = 6
_FEWEST_HOLIDAYS = 4
_FEWEST_MONTHS = 3
_AROUND_DAYS = 21  # a holiday's level is that of the days around it; the longest are ten in a row
_DOUBTFUL = 2.0  # standard errors: an effect as large as that counts half
_NORMAL = 1.4826  # standard deviations per median absolute deviation
_MEDIAN_ERROR = 1.2533  # of a median, where that of a mean is 1
_TELLING_GAIN = 0.2  # of the error: an hour of the week that tells as much counts in full
_WEEKS_COMPARED = 4
_WEEKS_MOSTLY = 8


@dataclass(frozen=True, slots=True)
class DayParts:
    """What each day adds: by weekday (Monday first) or place in another period, on a holiday, and
    besides at the end of a month."""

    profile: Floats  # [series, place]
    holiday: Floats  # [series]
    month_end: Floats  # [series]
    calendar: Calendar

    def on(self, origin: date, days: Days, rows: slice = slice(None)) -> Floats:
        """What each of ``days``, counted from the origin, adds, as ``[series, day]``."""
        parts = self.profile[rows][:, weekday_of(origin, days, self.profile.shape[1])]
        if self.calendar.holidays:
            free = self.calendar.holidays_among(origin, days)
            parts = np.where(free, self.holiday[rows, None], parts)
        if self.calendar.month_end_days:
            ends = self.calendar.month_ends_among(origin, days)
            parts = parts + np.where(ends, self.month_end[rows, None], 0.0)
        return np.asarray(parts)


def day_parts(values: Floats, origin: date, calendar: Calendar) -> DayParts:
    """The parts that the days of ``values[series, day]`` show; NaN is a day that shows none."""
    days = np.arange(-values.shape[1], 0)
    weekday = weekday_of(origin, days)
    free, ends = calendar.holidays_among(origin, days), calendar.month_ends_among(origin, days)
    usual = np.where(free | ends, np.nan, values)
    profile = weekly_profile(_as_mostly(usual, free | ends, weekday), origin)
    plain = usual - profile[:, weekday]
    holiday = _of_holidays(values[:, free] - _around(plain, free), profile[:, _SUNDAY])
    part = np.where(free, holiday[:, None], profile[:, weekday])[:, ends]
    more = values[:, ends] - _around(plain, ends) - part
    month_end = _of_month_ends(more, calendar.months_of(origin, days)[ends])
    return DayParts(profile, holiday, month_end, calendar)


def hour_parts(values: Floats, origin: date, hours: int) -> DayParts:
    """The parts of values of which a day has so many: by place in the week."""
    profile = np.tile(weekly_profile(values, origin, hours), WEEK)
    nothing = np.zeros(len(values))
    parts = DayParts(profile, nothing, nothing, NO_CALENDAR)
    week = profile.shape[1]
    recent = values[:, -_WEEKS_COMPARED * week :]
    if recent.shape[1] < _WEEKS_COMPARED * week:
        return parts
    hour = np.arange(-recent.shape[1], 0)
    growth = row_medians(recent[:, week:] - recent[:, :-week])[:, None] / week
    plain = recent - parts.on(origin, hour) - growth * hour
    more = _beyond_the_day(plain.reshape(len(values), _WEEKS_COMPARED, week))
    return DayParts(
        profile + np.roll(more, origin.weekday(), axis=1), nothing, nothing, NO_CALENDAR
    )


def _beyond_the_day(weeks: Floats) -> Floats:
    """What each place of ``weeks[series, week, place]`` adds to its hour's part: all of it where
    three weeks tell the fourth better by a fifth, less where they tell it less well."""
    apart = weeks - row_medians(weeks)[:, :, None]
    without, with_it = np.zeros(len(weeks)), np.zeros(len(weeks))
    for left_out in range(weeks.shape[1]):
        others = np.delete(apart, left_out, axis=1)
        told = row_medians(others.transpose(0, 2, 1))
        without += row_means(np.abs(apart[:, left_out]))
        with_it += row_means(np.abs(apart[:, left_out] - told))
    gain = (without - with_it) / np.where(without > 0, without, 1.0)
    share = np.clip(gain / _TELLING_GAIN, 0.0, 1.0)
    usual = row_medians(apart.transpose(0, 2, 1))
    return np.where(np.isnan(usual), 0.0, usual) * share[:, None]


def _as_mostly(usual: Floats, special: Flags, weekday: Days) -> Floats:
    """The values where a special day is as its weekday mostly was, so that it hides no week."""
    filled = usual.copy()
    for day in np.unique(weekday[special]):
        mostly = row_medians(usual[:, weekday == day][:, -_WEEKS_MOSTLY:])
        filled[:, special & (weekday == day)] = mostly[:, None]
    return filled


def _around(plain: Floats, chosen: Flags) -> Floats:
    """The median of the days around each chosen one; NaN where none of them is known."""
    if not chosen.any():
        return np.empty((len(plain), 0))
    half = _AROUND_DAYS // 2
    padded = np.pad(plain, ((0, 0), (half, half)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _AROUND_DAYS, axis=1)
    return row_medians(windows[:, chosen])


def _of_holidays(apart: Floats, otherwise: Floats) -> Floats:
    """The middle of what holidays added; where there were too few, what is said otherwise."""
    enough = (~np.isnan(apart)).sum(axis=1) >= _FEWEST_HOLIDAYS
    return np.where(enough, row_medians(apart), otherwise)


def _of_month_ends(more: Floats, months: Days) -> Floats:
    """The middle of what month ends added, the less of it the less it can be told from none."""
    by_month = [row_medians(more[:, months == month]) for month in np.unique(months)]
    if len(by_month) < _FEWEST_MONTHS:
        return np.zeros(len(more))
    each = np.stack(by_month, axis=1)
    count = (~np.isnan(each)).sum(axis=1)
    middle = row_medians(each)
    spread = _NORMAL * row_medians(np.abs(each - middle[:, None]))
    error = _DOUBTFUL * _MEDIAN_ERROR * spread / np.sqrt(np.maximum(count, 1))
    weight = middle**2 / np.where(middle**2 + error**2 > 0, middle**2 + error**2, 1.0)
    return np.where(count >= _FEWEST_MONTHS, middle * weight, 0.0)
