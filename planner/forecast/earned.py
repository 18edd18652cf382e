"""What the experts have earned: a rolling back-test over a fleet sets weights and width.

Forecasts are made as of three and six months ago with what was known then, and held against
what came. An expert that erred more weighs less; a band that held too little or too much is
widened or narrowed, the outer one for itself. Few series, or a short past, change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from planner.forecast.engine import EXPERTS, USUAL, Calibration, fan_of
from planner.forecast.fan import DAYS_AHEAD, MIDDLE, SHARES, Fan
from planner.forecast.paths import Block, Floats
from planner.forecast.spikes import without_spikes
from planner.forecast.traits import Year, year_and_steps

_BACK_DAYS = (90, 180)
_NEAREST_DAYS = 28  # of which the error counts: nearer ones tell of noise
_FEWEST_SERIES = 20
_MOST_SERIES = 400
_SHORTEST_DAYS = 90
_SEVERITY = 8.0  # a tenth more error halves a weight
_LARGEST_LOSS = 20.0  # in units of a series' own variability: one series must not decide
_LEAST_WIDTH, _MOST_WIDTH = 0.8, 1.5
_INNER_RATIO, _OUTER_RATIO = 0.8, 0.95
_INNER = int(np.searchsorted(SHARES, 0.1)), int(np.searchsorted(SHARES, 0.9))
_OUTER = 0, len(SHARES) - 1


def earned(block: Block, *, seed: int, prior: Calibration = USUAL) -> Calibration:
    """``prior``, changed by how it did on ``block[series, day]``."""
    every = max(1, -(-len(block) // _MOST_SERIES))
    trials = list(_trials(np.asarray(block[::every], dtype=np.float64)))
    if sum(len(year.span) for year, _came in trials) < _FEWEST_SERIES * len(_BACK_DAYS):
        return prior
    losses = {name: _loss(name, trials, seed) for name in prior.weights}
    weighed = replace(prior, weights=_weights(prior.weights, losses), young_ratio=_ratio(trials))
    width, tail = _widths(weighed, trials, seed)
    return replace(weighed, width=prior.width * width, tail=prior.tail * tail)


def _trials(values: Floats) -> Iterator[tuple[Year, Floats]]:
    """Pasts as they were known, and how far each series moved by each day ahead since."""
    for back in _BACK_DAYS:
        past, after = without_spikes(values[:, :-back]), values[:, -back:]
        told = (~np.isnan(past)).sum(axis=1) >= _SHORTEST_DAYS
        if told.any():
            year, _steps = year_and_steps(past[told])
            moves = year.scale > 0
            some = Year(**{name: getattr(year, name)[moves] for name in Year.__slots__})
            came = np.full((int(moves.sum()), len(DAYS_AHEAD)), np.nan)
            for place, ahead in enumerate(DAYS_AHEAD):
                if _NEAREST_DAYS <= ahead <= back:
                    came[:, place] = after[told][moves, ahead - 1] - some.last
            yield some, came


def _loss(name: str, trials: list[tuple[Year, Floats]], seed: int) -> float:
    """The mean pinball loss of one expert, in units of each series' own variability."""
    parts = []
    for year, came in trials:
        apart = came[:, :, None] - EXPERTS[name](year, seed)
        loss = np.maximum(SHARES * apart, (SHARES - 1) * apart).mean(axis=2)
        parts.append(loss / year.scale[:, None] / np.sqrt(DAYS_AHEAD))
    return float(np.nanmean(np.minimum(np.concatenate(parts), _LARGEST_LOSS)))


def _ratio(trials: list[tuple[Year, Floats]]) -> float:
    """By what share of their level series move: the middle one of them."""
    parts = [(year.scale, np.abs(year.last)) for year, _came in trials]
    scale, level = (np.concatenate(part) for part in zip(*parts, strict=True))
    return float(np.median(scale[level > 0] / level[level > 0]))


def _weights(prior: Mapping[str, float], losses: Mapping[str, float]) -> dict[str, float]:
    least = min(losses.values())
    raw = {name: prior[name] * (least / losses[name]) ** _SEVERITY for name in prior}
    return {name: weight / sum(raw.values()) for name, weight in raw.items()}


def _widths(
    weighed: Calibration, trials: list[tuple[Year, Floats]], seed: int
) -> tuple[float, float]:
    """Halfway to what the inner band had to be widened by to have held as often as it says, and to
    what the outer one had to be beyond that.

    Only halfway: the past months of one fleet are few, and hang together.
    """
    fans = [(fan_of(year, seed, weighed), came) for year, came in trials]
    inner, outer = (
        np.nanquantile(np.concatenate([_beyond(fan, came, band) for fan, came in fans]), held)
        for band, held in ((_INNER, _INNER_RATIO), (_OUTER, _OUTER_RATIO))
    )
    width = float(np.sqrt(np.clip(inner, _LEAST_WIDTH, _MOST_WIDTH)))
    return width, float(np.sqrt(np.clip(outer / inner, _LEAST_WIDTH, _MOST_WIDTH)))


def _beyond(fan: Fan, came: Floats, band: tuple[int, int]) -> Floats:
    """How far from the middle it came, as a share of the way to the edge on that side."""
    apart = came - fan[:, :, MIDDLE]
    low, high = band
    edge = np.where(apart >= 0, fan[:, :, high], fan[:, :, low]) - fan[:, :, MIDDLE]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.abs(apart) / np.abs(edge)
