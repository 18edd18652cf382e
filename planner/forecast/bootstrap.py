"""The block bootstrap: futures made of pieces of the series' own past.

Blocks of one to four weeks of past increments are drawn, recent ones more often, and laid end
to end. Lumps, quiet spells and habits recur as they did. Nothing is assumed of their
shape; nothing is foreseen that did not happen before.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from planner.forecast.fan import DAYS_AHEAD, SHARES, Fan
from planner.forecast.paths import Floats
from planner.forecast.traits import YEAR, Year

_FUTURES = 96
_BLOCK_DAYS = (7, 14, 21, 28)
_HALF_LIFE_DAYS = 180.0
_WEEK = 7
_KEPT = 64  # matrices of a megabyte each: one for a whole year, one for each number of weeks

Ints = npt.NDArray[np.int64]


def bootstrap(year: Year, *, seed: int) -> Fan:
    """The quantiles of futures drawn from each series' own year.

    Of a younger series whole weeks are drawn from.
    """
    fan = np.zeros((len(year.span), len(DAYS_AHEAD), len(SHARES)))
    unit = np.where(year.scale > 0, year.scale, 1.0)
    past = np.where(year.span < YEAR, np.maximum(year.span // _WEEK * _WEEK, _WEEK), YEAR)
    moved = (year.moved / unit[:, None]).astype(np.float32)
    for span in np.unique(past):
        rows = past == span
        futures = (moved[rows] @ _sums(int(span), seed)).reshape(-1, len(DAYS_AHEAD), _FUTURES)
        futures.sort(axis=2)
        fan[rows] = _quantiles(futures)
    return np.asarray(fan * unit[:, None, None])


@lru_cache(maxsize=_KEPT)
def _sums(span: int, seed: int) -> npt.NDArray[np.float32]:
    """How often each day of the past counts in each future: [day, (day ahead, future)].

    A block adds the level at its end and takes off that at its beginning. The draws are the same
    for every series.
    """
    random = np.random.default_rng(seed)
    blocks = int(DAYS_AHEAD[-1]) // min(_BLOCK_DAYS) + 1
    days = random.choice(np.array(_BLOCK_DAYS), (_FUTURES, blocks))
    start = _starts(span, days, random.random((_FUTURES, blocks)))
    laid = days.cumsum(axis=1) - days
    counted = np.zeros((YEAR, len(DAYS_AHEAD), _FUTURES), dtype=np.float32)
    for place, ahead in enumerate(DAYS_AHEAD):
        end = np.minimum(start + np.clip(ahead - laid, 0, days), YEAR - 1)
        counted[:, place] = _per_day(end) - _per_day(start)
    return counted.reshape(YEAR, -1)


def _per_day(found: Ints) -> Ints:
    """How often each future has each day: [day, future] of ``found[future, block]``."""
    cells = found * _FUTURES + np.arange(_FUTURES)[:, None]
    return np.bincount(cells.ravel(), minlength=YEAR * _FUTURES).reshape(YEAR, _FUTURES)


def _starts(span: int, days: Ints, luck: Floats) -> Ints:
    """Where each block begins; how old it is halves how likely it is every half a year."""
    oldest = np.maximum(span - 1 - days, 1)
    chance = 1 - 0.5 ** (oldest / _HALF_LIFE_DAYS)
    age: Ints = (-np.log2(1 - luck * chance) * _HALF_LIFE_DAYS).astype(np.int64)
    first: Ints = np.maximum(YEAR - 1 - age - days, 0)
    return first


def _quantiles(futures: npt.NDArray[np.float32]) -> Fan:
    """The quantiles of ordered futures, straight between them."""
    place = SHARES * (_FUTURES - 1)
    left = np.minimum(place.astype(np.int64), _FUTURES - 2)
    part = place - left
    return np.asarray(futures[:, :, left] * (1 - part) + futures[:, :, left + 1] * part)
