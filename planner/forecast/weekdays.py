"""The rhythm of a series: what each weekday adds, or each hour of the day."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt

from planner.forecast.medians import row_medians
from planner.forecast.paths import Floats

WEEK = 7
_PERIODS = 8  # the last ones tell
_FEWEST_PERIODS = 4

_STRONG_RATIO = 4.0  # what the week moves a day, by what is left of it without the week

Days = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def weekday_of(origin: date, days: Days, period: int = WEEK) -> Days:
    """The weekdays, Monday 0, of days counted from the origin; or the places in another period."""
    return np.asarray((origin.weekday() + days) % period)


def weekly_profile(values: Floats, origin: date, period: int = WEEK) -> Floats:
    """What each weekday adds: the median over the last weeks of a day less its own week's mean.

    Zero for a series with too few daily values to tell. Of another ``period`` than a week, what
    each of its places adds.
    """
    recent = values[:, -_PERIODS * period :]
    weekday = weekday_of(origin, np.arange(-recent.shape[1], 0), period)
    apart = recent - _centred_means(recent, period)
    profile = np.zeros((len(values), period))
    for day in range(period):
        usual = row_medians(apart[:, weekday == day])
        profile[:, day] = np.where(np.isnan(usual), 0.0, usual)
    profile -= profile.mean(axis=1, keepdims=True)
    enough = (~np.isnan(apart)).sum(axis=1) >= (_FEWEST_PERIODS - 1) * period + 1
    return np.where(enough[:, None], profile, 0.0)


def _centred_means(values: Floats, period: int) -> Floats:
    """The mean of the period around each value; NaN where one of them is missing."""
    means = np.full(values.shape, np.nan)
    if values.shape[1] >= period:
        windows = np.lib.stride_tricks.sliding_window_view(values, period, axis=1)
        means[:, period // 2 : period // 2 + windows.shape[1]] = windows.mean(axis=2)
    return means


def steadied(plain: Floats, own_day: Flags, profile: Floats) -> Floats:
    """``plain[series, day]``, from which the ``profile`` was taken, so that a strong week leaves
    nothing behind.

    Where the week moves a series far more than all else does (a store that is pruned every
    Saturday), a day that differs from its weekday's usual part, because it was measured in part or
    the pruning was late, looks like growth or a clean-up. So there each day becomes the middle of
    the week before and after it, and one that stands alone is left out, unless nothing else tells
    of so long ago. ``own_day`` marks the known values that are no means over several days.
    """
    strong = np.flatnonzero(_is_strong(plain, own_day, profile))
    if not len(strong):
        return plain
    own = own_day[strong]
    found = np.where(own, plain[strong], np.nan)
    grown = _growth(found) * np.arange(plain.shape[1])
    middle = row_medians(_around(found - grown, WEEK)) + grown
    result = plain.copy()
    result[strong] = np.where(own, middle, plain[strong])
    alone = own & ((~np.isnan(_around(found, WEEK // 2))).sum(axis=2) == 1)
    others_since = np.logical_or.accumulate(~np.isnan(result[strong]) & ~alone, axis=1)
    result[strong] = np.where(alone & others_since, np.nan, result[strong])
    return result


def _around(values: Floats, days: int) -> Floats:
    """Each value with so many on either side, ``[series, day, value]``; NaN beyond the ends."""
    padded = np.pad(values, ((0, 0), (days, days)), constant_values=np.nan)
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * days + 1, axis=1)


def _is_strong(plain: Floats, own_day: Flags, profile: Floats) -> Flags:
    recent, own = plain[:, -_PERIODS * WEEK :], own_day[:, -_PERIODS * WEEK :]
    both = own[:, 1:] & own[:, :-1]
    steps = np.where(both, np.abs(np.diff(recent, axis=1)), 0.0).sum(axis=1)
    usual = steps / np.maximum(both.sum(axis=1), 1)
    of_week = np.abs(profile - np.roll(profile, 1, axis=1)).mean(axis=1)
    return np.asarray(of_week > _STRONG_RATIO * usual)


def _growth(values: Floats) -> Floats:
    """How much the middle of the last week is above that of the one before, a day, ``[series, 1]``;
    0 where not known."""
    week, before = values[:, -WEEK:], values[:, -2 * WEEK : -WEEK]
    grown = (row_medians(week) - row_medians(before)) / WEEK
    return np.where(np.isnan(grown), 0.0, grown)[:, None]
