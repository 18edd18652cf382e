"""Straight pasts: what grew by the same amount every day is a machine's doing, and goes on.

How far a past is off its line decides how much the line counts: all where that is nothing beside
the growth, nothing where it is three hundredths. The band is the series' own noise, and what
becomes of machines: their rate is changed once in six years or so, so nine of ten futures hardly
differ and the outermost ones do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.forecast.fan import DAYS_AHEAD, Fan
from planner.forecast.paths import Floats
from planner.forecast.plain_experts import BELL
from planner.forecast.steps import Ints
from planner.forecast.traits import YEAR, Year

_STRAIGHT, _CROOKED = 0.01, 0.03  # how far off, as a share of the growth: all, and nothing
_SHORTEST_DAYS = 28
_RECENT_DAYS = 90
# By what share of the growth futures differ, for each of fan.SHARES.
_CHANGED: Floats = np.array(
    [-0.12, -0.05, -0.02, -0.008, -0.004, -0.002, 0.0, 0.002, 0.004, 0.008, 0.02, 0.05, 0.12]
)


@dataclass(frozen=True, slots=True)
class Line:
    """The straight lines through some years: see the functions that make and use them.

    ``end`` is the line at the last day less the last value, ``slope`` its growth a day, ``noise``
    the deviation around it, ``share`` how much the line counts, from 0 to 1.
    """

    end: Floats
    slope: Floats
    noise: Floats
    share: Floats
    span: Floats

    @property
    def fan(self) -> Fan:
        """What becomes of each series if it stays on its line."""
        grown = self.slope[:, None] * DAYS_AHEAD
        beyond = np.sqrt(np.maximum(DAYS_AHEAD / np.maximum(self.span, 1.0)[:, None], 1.0))
        changed = (np.abs(grown) * beyond)[:, :, None] * _CHANGED
        middle = (self.end[:, None] + grown)[:, :, None]
        return np.asarray(middle + changed + self.noise[:, None, None] * BELL)


def line_of(year: Year) -> Line:
    """The line through each series, least squares over what is known."""
    span = year.span.astype(np.float64)
    end, slope, noise = _fit(year.moved, year.span)
    _end, recent, _noise = _fit(year.moved, np.minimum(year.span, _RECENT_DAYS))
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.maximum(2 * noise / np.abs(slope * span), np.abs(recent / slope - 1) / 2)
    share = np.clip((_CROOKED - off) / (_CROOKED - _STRAIGHT), 0.0, 1.0)
    told = (year.scale > 0) & (year.span >= _SHORTEST_DAYS) & ~np.isnan(off)
    return Line(end, slope, noise, np.where(told, share, 0.0), span)


def _fit(moved: Floats, span: Ints) -> tuple[Floats, Floats, Floats]:
    """The end, the slope and the deviation of the line through the last ``span`` days of each."""
    day = np.arange(YEAR) - (YEAR - 1.0)
    known = day > -span[:, None]
    count = np.maximum(known.sum(axis=1), 1)
    centre = (known * day).sum(axis=1) / count
    mean = np.where(known, moved, 0.0).sum(axis=1) / count
    apart = np.where(known, day - centre[:, None], 0.0)
    slope = (apart * moved).sum(axis=1) / np.maximum((apart**2).sum(axis=1), 1.0)
    rest = np.where(known, moved - mean[:, None] - slope[:, None] * apart, 0.0)
    noise = np.sqrt((rest**2).sum(axis=1) / count)
    return mean - slope * centre, slope, noise
