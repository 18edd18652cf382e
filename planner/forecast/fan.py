"""What experts say: quantiles of how far a level will have moved, some days ahead."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.forecast.paths import Floats

# The shares of futures that stay below, and the days ahead, that every expert speaks of.
SHARES: Floats = np.array(
    [0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975], dtype=np.float64
)
DAYS_AHEAD: npt.NDArray[np.int64] = np.array([1, 7, 14, 28, 60, 90, 120, 180, 365, 730])
MIDDLE = len(SHARES) // 2

Fan = Floats  # [series, day ahead, share]: the change since the last known value; ordered


def nothing_moves(series: int) -> Fan:
    """The fan of series that stay where they are."""
    return np.zeros((series, len(DAYS_AHEAD), len(SHARES)))


def by_day(fan: Fan, days: npt.NDArray[np.int64]) -> Floats:
    """The fan on each of ``days`` ahead, ``[day, series, share]``: straight between the days that
    experts speak of."""
    known = np.concatenate([[0], DAYS_AHEAD])
    moved = np.zeros((len(known), len(fan), fan.shape[2]))
    moved[1:] = fan.transpose(1, 0, 2)
    left = np.clip(np.searchsorted(known, days) - 1, 0, len(known) - 2)
    part = ((days - known[left]) / (known[left + 1] - known[left]))[:, None, None]
    found = moved[left]
    found *= 1 - part
    later = moved[left + 1]
    later *= part
    found += later
    return found


def share_weights(shares: Floats) -> Floats:
    """The matrix [share of a fan, wanted share] that turns the one's quantiles into the other's.

    Beyond the outermost shares the outermost slope goes on, as far as it is wide.
    """
    left = np.clip(np.searchsorted(SHARES, shares) - 1, 0, len(SHARES) - 2)
    width = SHARES[left + 1] - SHARES[left]
    part = np.clip((shares - SHARES[left]) / width, -1.0, 2.0)
    weights = np.zeros((len(SHARES), *shares.shape))
    np.put_along_axis(weights, left[None], (1 - part)[None], axis=0)
    np.put_along_axis(weights, left[None] + 1, part[None], axis=0)
    return weights
