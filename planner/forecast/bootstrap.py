"""The block bootstrap: futures made of pieces of the series' own past.

Blocks of one to four weeks of past increments are drawn, recent ones more often, and laid end
to end. Lumps, quiet spells and habits recur as they did. Nothing is assumed of their
shape; nothing is foreseen that did not happen before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.forecast.fan import DAYS_AHEAD, SHARES, Fan
from planner.forecast.paths import Floats
from planner.forecast.traits import YEAR, Year

_FUTURES = 96
_BLOCK_DAYS = (7, 14, 21, 28)
_HALF_LIFE_DAYS = 180.0
_AT_ONCE = 200

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Draws:
    """The same for every series: the blocks' lengths, where they are laid, and how old."""

    days: Ints
    laid: Ints
    luck: Floats

    @classmethod
    def of(cls, seed: int) -> _Draws:
        random = np.random.default_rng(seed)
        blocks = int(DAYS_AHEAD[-1]) // min(_BLOCK_DAYS) + 1
        days = random.choice(np.array(_BLOCK_DAYS), (_FUTURES, blocks))
        return cls(days, days.cumsum(axis=1) - days, random.random((_FUTURES, blocks)))


def bootstrap(year: Year, *, seed: int) -> Fan:
    """The quantiles of futures drawn from each series' own year."""
    draws = _Draws.of(seed)
    parts = [
        _fan(year.moved[first : first + _AT_ONCE], year.span[first : first + _AT_ONCE], draws)
        for first in range(0, len(year.span), _AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, len(DAYS_AHEAD), len(SHARES)))


def _fan(moved: Floats, span: Ints, draws: _Draws) -> Fan:
    start = _starts(span, draws)
    row = np.arange(len(moved))[:, None, None]
    futures = np.empty((len(moved), len(DAYS_AHEAD), _FUTURES))
    for place, days in enumerate(DAYS_AHEAD):
        taken = np.clip(days - draws.laid, 0, draws.days)
        used = int(np.flatnonzero(taken.max(axis=0))[-1]) + 1
        first = start[:, :, :used]
        end = np.minimum(first + taken[:, :used], YEAR - 1)
        futures[:, place] = (moved[row, end] - moved[row, first]).sum(axis=2)
    futures.sort(axis=2)
    return _quantiles(futures)


def _starts(span: Ints, draws: _Draws) -> Ints:
    """Where each block begins; how old it is halves how likely it is every half a year."""
    oldest = np.maximum(span[:, None, None] - 1 - draws.days, 1)
    chance = 1 - 0.5 ** (oldest / _HALF_LIFE_DAYS)
    age: Ints = (-np.log2(1 - draws.luck * chance) * _HALF_LIFE_DAYS).astype(np.int64)
    first: Ints = np.maximum(YEAR - 1 - age - draws.days, 0)
    return first


def _quantiles(futures: Floats) -> Fan:
    """The quantiles of ordered futures, straight between them."""
    place = SHARES * (_FUTURES - 1)
    left = np.minimum(place.astype(np.int64), _FUTURES - 2)
    part = place - left
    return np.asarray(futures[:, :, left] * (1 - part) + futures[:, :, left + 1] * part)
