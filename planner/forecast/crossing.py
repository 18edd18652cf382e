"""When the futures of a fan are over a limit, told without laying their paths out.

A future is a rank that wanders, and a fan is ordered: on each day those futures are over whose rank
is above a certain one. So the limit is held against the fan, and only ranks against ranks. The
answer is that of runway.first_passage.
"""

from __future__ import annotations

import numpy as np

from planner.forecast.engine import FanPaths, ranks_of
from planner.forecast.fan import SHARES
from planner.forecast.paths import Floats
from planner.forecast.steps import Ints
from planner.numbers import TOLERANCE

_CELLS_AT_ONCE = 2_000_000  # of series, futures and days: 2 MB


def first_over(paths: FanPaths, usable: Floats) -> Ints:
    """The first day on which each future is over ``usable[series, day]``: ``[series, sample]``; the
    number of days where it never is. NaN is over nothing, and nothing is over it."""
    ranks = ranks_of(paths.samples, paths.horizon_days + 1, paths.seed)
    safe = _safe_ranks(paths, usable, len(ranks)).astype(ranks.dtype)
    found = np.full((paths.series, len(ranks)), ranks.shape[1], dtype=np.int64)
    some_over = np.flatnonzero((safe < len(ranks)).any(axis=1))
    at_once = max(1, _CELLS_AT_ONCE // ranks.size)
    for first in range(0, len(some_over), at_once):
        rows = some_over[first : first + at_once]
        over = ranks >= safe[rows, None, :]
        day = over.argmax(axis=2)  # 0 also where none is
        is_over = np.take_along_axis(over, day[:, :, None], axis=2)[:, :, 0]
        found[rows] = np.where(is_over, day, ranks.shape[1])
    return found


def _safe_ranks(paths: FanPaths, usable: Floats, samples: int) -> Ints:
    """How many futures are not over on each day, ``[series, day]``: those of the lowest ranks."""
    levels = paths.levels()  # [day, series, share]
    limit = (usable + TOLERANCE * np.abs(usable)).T
    below = (levels <= limit[:, :, None]).sum(axis=2)
    left = np.clip(below - 1, 0, len(SHARES) - 2)
    low, high = (np.take_along_axis(levels, at[:, :, None], 2)[:, :, 0] for at in (left, left + 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        part = (limit - low) / (high - low)
    share = SHARES[left] + part * (SHARES[left + 1] - SHARES[left])
    safe = np.floor(np.nan_to_num(share * samples) + 0.5)
    safe = np.where(part < -1.0, 0, np.where(part >= 2.0, samples, safe))  # as fan.share_weights
    safe = np.where(low == high, np.where(below > 0, samples, 0), safe)
    unknown = np.isnan(limit) | np.isnan(levels[:, :, 0])
    safe = np.where(unknown, samples, np.where(limit < 0, 0, safe))
    return np.asarray(np.clip(safe, 0, samples).T, dtype=np.int64)
