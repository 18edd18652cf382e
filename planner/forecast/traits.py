"""What is to be seen of a year of a series, in numbers that do not depend on its unit or level.

Steps have been taken out and are told apart. Everything is a difference, divided by the series'
own variability: how much it moves over a day, a week, four weeks and a quarter, each as a walk
would (by the root of the time), averaged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.forecast.paths import Floats
from planner.forecast.steps import Flags, Ints, Steps, find_steps

YEAR = 365
_LAGS = (1, 7, 28, 90)
_BACK = (3, 7, 14, 28, 45, 60, 90, 120, 180, 270, 364)
_MEANS = (7, 28, 90, 364)
_SPELLS = (28, 90, 364)
_MONTH = 28
_MONTHS = 13
_FLAT_RATIO = 1e-9  # of the largest value: less is rounding
_LITTLE = 1e-3


@dataclass(frozen=True, slots=True)
class Year:
    """The last year of some series, gaps bridged; see the functions that make it.

    ``moved[series, day]`` is the value less the last one, ``span`` the days since the first known
    value, ``scale`` the variability (0 for a series that never moved), ``last`` the last value;
    ``risen`` and ``fallen`` sum the sizes of the steps that were taken out.
    """

    moved: Floats
    span: Ints
    scale: Floats
    last: Floats
    risen: Floats
    fallen: Floats

    @property
    def steps(self) -> Floats:
        return np.diff(self.moved, axis=1)


def year_and_steps(values: Floats) -> tuple[Year, Steps]:
    """The last year of ``values[series, day]`` without its single steps, and all steps."""
    steps = find_steps(values)
    year = year_of(steps.removed_from(values))
    recent = ~steps.habit & (steps.day >= values.shape[1] - YEAR)
    for direction, total in ((1, year.risen), (-1, year.fallen)):
        chosen = recent & (steps.size * direction > 0)
        np.add.at(total, steps.series[chosen], np.abs(steps.size[chosen]))
    return year, steps


def year_of(values: Floats) -> Year:
    """The last year of ``values[series, day]`` as it is; NaN is a gap.

    A gap is bridged by a straight line, so that what came in it, or between two coarse samples,
    is spread over its days. Before the first value nothing moves; a gap at the end ends with the
    last value.
    """
    recent = _of_a_year(values)
    whole, first = _bridged(recent)
    span = np.where(first < YEAR, YEAR - first, 0)
    last = whole[:, -1]
    moved = whole - last[:, None]
    apart = np.stack([_mean_apart(moved, span, lag) / np.sqrt(lag) for lag in _LAGS], axis=1)
    scale = apart.mean(axis=1)
    still = scale <= _FLAT_RATIO * np.abs(whole).max(axis=1)
    none = np.zeros((2, len(values)))
    return Year(moved, span, np.where(still, 0.0, scale), last, *none)


def _of_a_year(values: Floats) -> Floats:
    recent = np.asarray(values[:, -YEAR:], dtype=np.float64)
    missing = YEAR - recent.shape[1]
    return np.pad(recent, ((0, 0), (missing, 0)), constant_values=np.nan)


def _bridged(values: Floats) -> tuple[Floats, Ints]:
    """The values without gaps, and the column of the first known one (YEAR where none is)."""
    known = ~np.isnan(values)
    gappy = ~known.all(axis=1)
    whole, first = values.copy(), np.zeros(len(values), dtype=np.int64)
    whole[gappy], first[gappy] = _over_gaps(values[gappy], known[gappy])
    return whole, first


def _over_gaps(values: Floats, known: Flags) -> tuple[Floats, Ints]:
    day = np.broadcast_to(np.arange(YEAR), values.shape)
    before = np.maximum.accumulate(np.where(known, day, -1), axis=1)
    after = np.minimum.accumulate(np.where(known, day, YEAR)[:, ::-1], axis=1)[:, ::-1]
    first = after[:, 0]
    left = np.where(before < 0, np.minimum(after, YEAR - 1), before)
    right = np.where(after == YEAR, left, after)
    low, high = np.take_along_axis(values, left, 1), np.take_along_axis(values, right, 1)
    part = np.where(right > left, (day - left) / np.maximum(right - left, 1), 0.0)
    part = np.clip(part, 0.0, 1.0)
    whole = np.where(known, values, low + (high - low) * part)
    return np.where((first < YEAR)[:, None], whole, 0.0), first


def _mean_apart(moved: Floats, span: Ints, lag: int) -> Floats:
    """The mean distance of two values that are ``lag`` days apart."""
    apart = np.abs(moved[:, lag:] - moved[:, :-lag]).sum(axis=1)
    return np.asarray(apart / np.maximum(span - lag, 1))


def traits_of(year: Year) -> Floats:
    """The traits of each series, as [series, trait]; all 0 where nothing ever moved."""
    unit = np.where(year.scale > 0, year.scale, 1.0)
    parts = [
        *_growth(year, unit),
        *(part for days in _SPELLS for part in _spell(year.steps[:, -days:], unit)),
        *_extremes(year, unit),
        *_roughness(year, unit),
        *_months(year, unit),
        *_ages(year),
        np.arcsinh(year.risen / unit / 10),
        np.arcsinh(year.fallen / unit / 10),
    ]
    traits = np.stack(parts, axis=1)
    traits[year.scale == 0] = 0.0
    return traits


def _growth(year: Year, unit: Floats) -> list[Floats]:
    """How far the last value is from those of some days before, and from their means."""
    back = [np.arcsinh(-year.moved[:, -1 - days] / unit / np.sqrt(days)) for days in _BACK]
    return back + [
        np.arcsinh(year.moved[:, -days:].mean(axis=1) / unit / np.sqrt(days)) for days in _MEANS
    ]


def _spell(steps: Floats, unit: Floats) -> list[Floats]:
    """How the last days moved: how often, up or down, by how much at most, and how evenly."""
    size = np.abs(steps)
    total = size.sum(axis=1)
    some = np.where(total > 0, total, 1.0)
    return [
        (steps == 0).mean(axis=1),
        (steps > 0).mean(axis=1),
        np.arcsinh(steps.max(axis=1) / unit),
        np.arcsinh(-steps.min(axis=1) / unit),
        size.max(axis=1) / some,
        steps.sum(axis=1) / some,
        np.log(total / steps.shape[1] / unit + _LITTLE),
    ]


def _extremes(year: Year, unit: Floats) -> list[Floats]:
    """How far the year's highest and lowest values are, and how long ago the highest was."""
    return [
        np.arcsinh(year.moved.max(axis=1) / unit / 10),
        np.arcsinh(year.moved.min(axis=1) / unit / 10),
        (YEAR - 1 - year.moved.argmax(axis=1)) / YEAR,
    ]


def _roughness(year: Year, unit: Floats) -> list[Floats]:
    """Whether it trends, walks or flickers: the share of each lag in the variability."""
    return [
        np.log(_mean_apart(year.moved, year.span, lag) / np.sqrt(lag) / unit + _LITTLE)
        for lag in _LAGS
    ]


def _months(year: Year, unit: Floats) -> list[Floats]:
    """The growth of months, newest first: the middle one, some in order, how many grew."""
    ends = year.moved[:, ::-1][:, : _MONTH * _MONTHS + 1 : _MONTH]
    grown = (ends[:, :-1] - ends[:, 1:]) / unit[:, None] / np.sqrt(_MONTH)
    ordered = np.sort(grown, axis=1)
    return [
        np.arcsinh(np.median(grown, axis=1)),
        np.arcsinh(np.median(grown[:, :6], axis=1)),
        *(np.arcsinh(ordered[:, place]) for place in (1, 3, 9, 11)),
        (grown > 0.02).mean(axis=1),
        (grown[:, :4] > 0.02).mean(axis=1),
    ]


def _ages(year: Year) -> list[Floats]:
    """How long ago it last moved, and how much of a year is known."""
    newest = np.where(year.steps != 0, np.arange(1, YEAR), 0).max(axis=1)
    return [(YEAR - 1 - newest) / 90, np.log(np.maximum(year.span, 1) / YEAR)]
