"""A day's values as a histogram of log-spaced bins: small, mergeable, exact enough for a quantile.

Sixteen bins an octave: a quantile read from merged sketches is within 2.2 % of the sample that
stands at its rank (glossary 16 and 17 need no more), and of the counts below a limit none is too
high. Limits that are a bin's edge, such as 2 % of 1, 2, 4, 8, … processors, are counted exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from struct import Struct

import numpy as np

from inventory.grid import Floats, Ints

BINS_PER_OCTAVE = 16
CPU_UNIT = 0.02 / 64  # cores: 2 % of a power of two of them is an edge
MEMORY_UNIT = float(2**20)  # bytes
RELATIVE_ERROR = 2 ** (0.5 / BINS_PER_OCTAVE) - 1
_HAIR = 1e-9  # of a bin: a value on an edge belongs to the bin above it
_LAST_BIN = 2**16 - 1
_HEAD = Struct("<ddH")  # the least and the greatest value, the first bin


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """How many values lie in each bin from ``first`` on; bin 0 takes everything below it, too.

    The least and the greatest value are exact: of values that are all alike every quantile is.
    """

    unit: float
    first: int
    counts: Floats  # whole numbers, unless the sketches were weighted when they were merged
    least: float
    greatest: float

    @property
    def count(self) -> float:
        return float(self.counts.sum())

    def quantile(self, share: float) -> float | None:
        """The value at the rank ``ceil(share × n)``, within RELATIVE_ERROR; None of no values."""
        total = self.count
        if total <= 0:
            return None
        reached = np.cumsum(self.counts) >= share * total * (1 - _HAIR)
        index = self.first + int(np.argmax(reached))
        middle = self.unit * 2 ** ((index + 0.5) / BINS_PER_OCTAVE) if index > 0 else 0.0
        return min(max(middle, self.least), self.greatest)

    def count_below(self, limit: float) -> float:
        """How many values are surely below a limit: those of the bins that end at or before it."""
        if limit <= 0:
            return 0.0
        ends = math.floor(BINS_PER_OCTAVE * math.log2(limit / self.unit) + _HAIR)
        return float(self.counts[: max(0, ends - self.first)].sum())

    def packed(self) -> bytes:
        """The sketch of one day as bytes: least, greatest, then the first bin and each count."""
        head = _HEAD.pack(self.least, self.greatest, self.first)
        return head + self.counts.astype("<u2").tobytes()


def sketch_of(values: Floats, unit: float) -> Sketch:
    """The sketch of values of which at most 65,535 are alike; none of them is NaN."""
    if not len(values):
        return nothing(unit)
    bins = bins_of(values, unit)
    first = int(bins.min())
    counts = np.bincount(bins - first).astype(np.float64)
    return Sketch(unit, first, counts, float(values.min()), float(values.max()))


def nothing(unit: float) -> Sketch:
    """The sketch of no values."""
    return Sketch(unit, 0, np.zeros(0), math.inf, -math.inf)


def bins_of(values: Floats, unit: float) -> Ints:
    """The bin of each value."""
    octaves = np.log2(np.maximum(values, unit) / unit)
    return np.clip(np.floor(BINS_PER_OCTAVE * octaves + _HAIR), 0, _LAST_BIN).astype(np.int64)


def unpacked(content: bytes, unit: float) -> Sketch:
    least, greatest, first = _HEAD.unpack_from(content)
    counts = np.frombuffer(content, dtype="<u2", offset=_HEAD.size)
    return Sketch(unit, first, counts.astype(np.float64), least, greatest)


def merged(parts: Iterable[tuple[Sketch, float]], unit: float) -> Sketch:
    """All values of several sketches, each counting as often as its weight says."""
    listed = [(part, weight) for part, weight in parts if len(part.counts)]
    if not listed:
        return nothing(unit)
    first = min(part.first for part, _weight in listed)
    total = np.zeros(max(part.first + len(part.counts) for part, _weight in listed) - first)
    for part, weight in listed:
        start = part.first - first
        total[start : start + len(part.counts)] += weight * part.counts
    least = min(part.least for part, _weight in listed)
    return Sketch(unit, first, total, least, max(part.greatest for part, _weight in listed))
