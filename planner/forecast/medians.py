"""Medians and means that pass over gaps, of many rows at once; and windows of seven in order."""

from __future__ import annotations

import numpy as np

from planner.forecast.paths import Floats

SEVEN = 7
# These exchanges, one after the other, put any seven values in order.
_EXCHANGES = (
    (0, 6), (2, 3), (4, 5), (0, 2), (1, 4), (3, 6), (0, 1), (2, 5),
    (3, 4), (1, 2), (4, 6), (2, 3), (4, 5), (1, 2), (3, 4), (5, 6),
)  # fmt: skip


def row_medians(values: Floats) -> Floats:
    """The median of the known values of each row; NaN where there is none.

    The same as numpy's nanmedian of the last axis, several times as fast.
    """
    count = values.shape[-1]
    if count == 0:
        return np.full(values.shape[:-1], np.nan)
    missing = np.isnan(values)
    if not missing.any():
        below, above = (count - 1) // 2, count // 2
        ordered = np.partition(values, sorted({below, above}), axis=-1)
        return np.asarray((ordered[..., below] + ordered[..., above]) / 2)
    ordered = np.sort(values, axis=-1)  # NaN comes last
    known = (~missing).sum(axis=-1)[..., None]
    low = np.take_along_axis(ordered, np.maximum(known - 1, 0) // 2, axis=-1)
    high = np.take_along_axis(ordered, np.where(known > 0, known // 2, 0), axis=-1)
    return np.asarray(((low + high) / 2)[..., 0])


def row_means(values: Floats) -> Floats:
    """The mean of the known values of each row; 0 where none is."""
    known = ~np.isnan(values)
    return np.asarray(np.where(known, values, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1))


def row_quantiles(values: Floats, shares: Floats) -> Floats:
    """The quantiles of the known values of each row, ``[row, share]``; NaN where there is none."""
    if not values.shape[-1]:
        return np.full((len(values), len(shares)), np.nan)
    ordered = np.sort(values, axis=-1)  # NaN comes last
    last = np.maximum((~np.isnan(values)).sum(axis=-1)[:, None] - 1, 0)
    place = shares * last
    low = place.astype(np.int64)
    high = np.minimum(low + 1, last)
    below, above = (np.take_along_axis(ordered, at, axis=-1) for at in (low, high))
    return np.asarray(below + (above - below) * (place - low))


def sevens_in_order(values: Floats) -> list[Floats]:
    """The seven values from each place of a row on, least first, each ``[row, place]``; all are
    NaN where one is. Faster by far than sorting them."""
    places = values.shape[1] - SEVEN + 1
    ranks = [values[:, i : i + places] for i in range(SEVEN)]
    for one, other in _EXCHANGES:
        low, high = ranks[one], ranks[other]
        ranks[one], ranks[other] = np.minimum(low, high), np.maximum(low, high)
    return ranks
