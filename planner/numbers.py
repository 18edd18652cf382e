"""Comparisons and roundings that agree with paper: a relative tolerance of 1e-9 everywhere."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

TOLERANCE = 1e-9


def floor(value: float) -> int:
    """The floor, where a hair below a whole number is that number: (0.7 − 0.1)/0.1 gives 6."""
    return math.floor(value + TOLERANCE * max(1.0, abs(value)))


def ceil(value: float) -> int:
    return math.ceil(value - TOLERANCE * max(1.0, abs(value)))


def exceeds(left: float, right: float) -> bool:
    """Whether left is greater than right; equal, within the tolerance, is not greater."""
    return left - right > TOLERANCE * max(abs(left), abs(right))


def all_exceed(
    left: npt.NDArray[np.float64], right: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """``exceeds`` for arrays of one shape; NaN exceeds nothing and nothing exceeds it."""
    over = left > right  # most paths are never near their limit: only the others are looked at
    near, limit = left[over], right[over]
    over[over] = near - limit > TOLERANCE * np.maximum(np.abs(near), np.abs(limit))
    return over


def as_float(value: int | None) -> float | None:
    """A whole number as one that may have parts; not known stays not known."""
    return None if value is None else float(value)
