"""The week's rhythm of a series: what each weekday adds."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt

from planner.forecast.medians import row_medians
from planner.forecast.paths import Floats

_WEEK = 7
_PROFILE_WEEKS = 8
_FEWEST_PROFILE_DAYS = 28

Days = npt.NDArray[np.int64]


def weekday_of(origin: date, days: Days) -> Days:
    """The weekdays, Monday 0, of days counted from the origin."""
    return np.asarray((origin.weekday() + days) % _WEEK)


def weekly_profile(values: Floats, origin: date) -> Floats:
    """What each weekday adds: the median over the last weeks of a day less its own week's mean.

    Zero for a series with too few daily values to tell.
    """
    recent = values[:, -_PROFILE_WEEKS * _WEEK :]
    weekday = weekday_of(origin, np.arange(-recent.shape[1], 0))
    around = _centred_week_means(recent)
    apart = recent - around
    profile = np.zeros((len(values), _WEEK))
    for day in range(_WEEK):
        usual = row_medians(apart[:, weekday == day])
        profile[:, day] = np.where(np.isnan(usual), 0.0, usual)
    profile -= profile.mean(axis=1, keepdims=True)
    enough = (~np.isnan(apart)).sum(axis=1) >= _FEWEST_PROFILE_DAYS - _WEEK + 1
    return np.where(enough[:, None], profile, 0.0)


def _centred_week_means(values: Floats) -> Floats:
    """The mean of the seven days around each day; NaN where one of them is missing."""
    means = np.full(values.shape, np.nan)
    if values.shape[1] >= _WEEK:
        windows = np.lib.stride_tricks.sliding_window_view(values, _WEEK, axis=1)
        means[:, _WEEK // 2 : -(_WEEK // 2)] = windows.mean(axis=2)
    return means
