"""Spikes: a day or two far off the level before and after, to which the series comes back.

A wrong reading, a copy that was deleted the next day. What happened once tells nothing of where a
level goes, but a year's variability would be that of the spike. What happens for the fifth time in
one direction is a habit, and stays. A level that has been left for three days may have moved.
"""

from __future__ import annotations

import numpy as np

from planner.forecast.medians import SEVEN, row_medians, sevens_in_order
from planner.forecast.paths import Floats
from planner.forecast.steps import Flags

_AROUND = SEVEN // 2  # days on either side
_FEWEST = _AROUND + 1  # values within them that tell a level, with the one in question
_FAR = 6.0  # robust standard deviations
_MATERIAL_RATIO = 0.05  # of the level
_HABIT = 5
_NEARLY = 0.8  # as far from what was three days ago as from the middle of the week
_NORMAL = 1.4826  # standard deviations per median absolute deviation


def without_spikes(values: Floats) -> Floats:
    """``values[series, day]``, NaN where one is a spike; NaN is a day without a value."""
    if values.shape[1] < SEVEN:
        return values
    rows = np.flatnonzero(_may_have_some(values))
    if not len(rows):
        return values
    result = values.copy()
    result[rows] = np.where(_spikes(values[rows]), np.nan, values[rows])
    return result


def _may_have_some(values: Floats) -> Flags:
    """Which series leave a level and come back to it within six days, or are not whole: most do
    not, and that is quickly told."""
    missing = np.isnan(values).any(axis=1)
    least = _NEARLY * _MATERIAL_RATIO * row_medians(np.abs(values))[:, None]
    moved = values[:, _AROUND:] - values[:, :-_AROUND]
    up, down = moved > least, moved < -least
    back = (up[:, :-_AROUND] & down[:, _AROUND:]) | (down[:, :-_AROUND] & up[:, _AROUND:])
    far = up | down  # at either end there is no way back to see
    at_ends = far[:, :_AROUND].any(axis=1) | far[:, -_AROUND:].any(axis=1)
    return np.asarray(missing | at_ends | back.any(axis=1))


def _spikes(values: Floats) -> Flags:
    apart = values - _medians_around(values)
    usual = _NORMAL * row_medians(np.abs(apart))
    least = np.maximum(_FAR * usual, _MATERIAL_RATIO * row_medians(np.abs(values)))[:, None]
    found = np.zeros(values.shape, dtype=bool)
    for far in (apart > least, apart < -least):
        is_rare = far.sum(axis=1, keepdims=True) < _HABIT
        found |= far & is_rare
    return found & _came_back(values, found)


def _came_back(values: Floats, far: Flags) -> Flags:
    """Where a later value is known that is not far off."""
    near = ~np.isnan(values) & ~far
    return np.asarray(np.logical_or.accumulate(near[:, ::-1], axis=1)[:, ::-1])


def _medians_around(values: Floats) -> Floats:
    """The median of the seven days around each; of four at least, else NaN."""
    found = np.empty(values.shape)
    padded = np.pad(values, ((0, 0), (_AROUND, _AROUND)), constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(padded, SEVEN, axis=1)
    whole = ~np.isnan(values).any(axis=1)
    inner = slice(_AROUND, -_AROUND)
    found[whole, inner] = sevens_in_order(values[whole])[_AROUND]
    for edge in (slice(0, _AROUND), slice(-_AROUND, None)):
        found[whole, edge] = row_medians(around[whole, edge])
    few = (~np.isnan(around[~whole])).sum(axis=2) < _FEWEST
    found[~whole] = np.where(few, np.nan, row_medians(around[~whole]))
    return found
