"""Experts of a line each: the last value, the mean drift, the middle month's growth."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from planner.forecast.fan import DAYS_AHEAD, SHARES, Fan
from planner.forecast.medians import row_medians
from planner.forecast.paths import Floats
from planner.forecast.traits import Year

BELL: Floats = np.array([NormalDist().inv_cdf(float(share)) for share in SHARES])
_MONTH_DAYS = 28
_SHORTEST_DAYS = 2 * _MONTH_DAYS


def last_value(year: Year) -> Fan:
    """It stays; around it, a walk of the size of its steps."""
    return _around(np.zeros(len(year.span)), year)


def mean_drift(year: Year) -> Fan:
    """Brownian motion: it goes on as over the whole year, and wanders by its steps' deviation."""
    days = np.maximum(year.span - 1, 1)
    return _around(-year.moved[:, 0] / days, year)


def middle_month(year: Year) -> Fan:
    """It goes on as in the middle one of its months: lumps and clean-ups do not count.

    Where less than two months are known, nothing moves.
    """
    back = np.arange(0, year.moved.shape[1], _MONTH_DAYS)
    ends = year.moved[:, ::-1][:, back]
    grown = (ends[:, :-1] - ends[:, 1:]) / _MONTH_DAYS
    known = back[1:] < year.span[:, None]
    grown = np.where(known, grown, np.nan)
    grown[year.span < _SHORTEST_DAYS] = 0.0
    return _around(row_medians(grown), year)


def _around(drift: Floats, year: Year) -> Fan:
    """A straight middle and a bell around it that widens as a walk does."""
    days = np.maximum(year.span - 1, 1)
    mean = -year.moved[:, 0] / days
    spread = np.sqrt(np.maximum((year.steps**2).sum(axis=1) / days - mean**2, 0.0))
    walked = np.sqrt(DAYS_AHEAD)[None, :, None] * spread[:, None, None] * BELL
    return np.asarray(drift[:, None, None] * DAYS_AHEAD[None, :, None] + walked)
