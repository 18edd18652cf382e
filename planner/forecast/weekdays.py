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

Days = npt.NDArray[np.int64]


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
