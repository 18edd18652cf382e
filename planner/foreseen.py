"""What is foreseen of each question: its paths, when they are first over, steps, the back-test."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import numpy as np

from planner.chances import differs, draw, may_grow
from planner.estate import Estate
from planner.forecast import engine, futures, seasonal
from planner.forecast.calendar import Calendar
from planner.forecast.engine import FEWEST_VALUES, USUAL, Calibration
from planner.forecast.futures import Futures
from planner.forecast.ledger import Widening, widening_of
from planner.forecast.paths import Floats, PathSource
from planner.forecast.steps import Step
from planner.forecast.widened import WidenedPaths
from planner.policy import ForecastRules
from planner.questions import Question
from planner.runway import Passage, first_passage
from planner.series import HISTORY_DAYS, wape

_BACKTEST_DAYS = 30
_BACKTEST_ORIGINS = 3


@dataclass(frozen=True, slots=True)
class LevelStep:
    """A day on which the level of a series changed at once: the first of the new level.

    ``before`` is the last day known of the old one. A ``habit`` recurs and stays in the trend.
    """

    on: date
    before: date
    size: float
    habit: bool


@dataclass(frozen=True, slots=True)
class Foreseen:
    """When the paths of one question are first over, and the steps that it had."""

    passage: Passage
    steps: tuple[LevelStep, ...]


def has_enough(question: Question, rules: ForecastRules) -> bool:
    """Whether a question can be answered with a date: fresh, long and dense enough."""
    series = question.load.series
    return (
        not question.stale
        and series.history_days >= rules.minimum_history_days
        and series.coverage_ratio(rules.coverage_window_days) >= rules.minimum_coverage_ratio
        and int((~np.isnan(series.trend)).sum()) >= FEWEST_VALUES  # fewer, and no path is told
    )


def is_provisional(question: Question, rules: ForecastRules) -> bool:
    """Whether there is a path to show, though no date: three days are known, and not enough."""
    known = int((~np.isnan(question.load.series.trend)).sum())
    return not question.stale and known >= FEWEST_VALUES and not has_enough(question, rules)


def engine_of(question: Question) -> str:
    """The name and version of the engine that answers a question."""
    return engine.NAME if question.grows else seasonal.NAME


def paths_of(estate: Estate, asked: Sequence[Question], horizon_days: int | None = None) -> Futures:
    """The sample paths of questions that have enough history, to the horizon or another day."""
    return _futures(
        estate.policy.forecast,
        asked,
        origin=estate.as_of,
        horizon_days=horizon_days or estate.policy.forecast.horizon_days,
        calibration=asked[0].calibration,
        calendar=estate.calendar,
    )


def _futures(
    rules: ForecastRules,
    asked: Sequence[Question],
    *,
    origin: date,
    horizon_days: int,
    calibration: Calibration,
    calendar: Calendar,
    known_days: int = HISTORY_DAYS,
) -> Futures:
    """The paths of some questions from the first ``known_days`` of their history."""
    block = np.stack([question.load.series.trend for question in asked]).astype(np.float32)
    coarse = np.stack([question.load.series.coarse_days for question in asked])
    return futures.forecast(
        block[:, :known_days],
        growing=np.array([question.grows or not has_enough(question, rules) for question in asked]),
        origin=origin,
        horizon_days=horizon_days,
        seed=rules.seed,
        samples=rules.samples,
        trend_days=rules.trend_days,
        coarse=coarse[:, :known_days],
        calibration=calibration,
        calendar=calendar,
    )


def passages_of(
    estate: Estate, asked: Sequence[Question], *, tentative: bool = False
) -> tuple[Passage, ...]:
    """When each question's paths are first over; with ``tentative`` those projects may come."""
    return _first_over(estate, asked, widened_paths(estate, asked), tentative=tentative)


def widening(question: Question) -> Widening:
    """By how much the band is widened, for what earlier reports missed by."""
    return widening_of(question.track, engine_of(question))


def widened_paths(estate: Estate, asked: Sequence[Question]) -> PathSource:
    """The sample paths as they are published: those whose band did not hold are wider."""
    return _widened(paths_of(estate, asked), asked)


def _widened(paths: PathSource, asked: Sequence[Question]) -> PathSource:
    found = [widening(question) for question in asked]
    if not any(one.is_needed for one in found):
        return paths
    days = np.arange(paths.horizon_days + 1, dtype=np.float64)
    return WidenedPaths(paths, np.stack([one.on(days) for one in found]))


def with_tentative(
    estate: Estate, asked: Sequence[Question], chosen: Iterable[int]
) -> dict[int, Passage]:
    """The second line: the same where a tentative project would add to the demand."""
    some = [i for i in chosen if may_grow(asked[i], estate.as_of)]
    if not some:
        return {}
    found = passages_of(estate, [asked[i] for i in some], tentative=True)
    return dict(zip(some, found, strict=True))


def _first_over(
    estate: Estate, asked: Sequence[Question], paths: PathSource, *, tentative: bool = False
) -> tuple[Passage, ...]:
    days = paths.horizon_days
    chances = {
        i: partial(draw, question, estate.policy, estate.as_of, days, tentative=tentative)
        for i, question in enumerate(asked)
        if differs(question, tentative=tentative)
    }
    usable = np.stack([question.usable for question in asked])
    added = np.stack([question.added for question in asked])
    return first_passage(paths, usable, added, chances)


def foresee(estate: Estate, asked: Sequence[Question]) -> dict[int, Foreseen]:
    """What is foreseen of those questions that can be answered with a date, by their number."""
    chosen = [i for i, question in enumerate(asked) if has_enough(question, estate.policy.forecast)]
    if not chosen:
        return {}
    known = [asked[i] for i in chosen]
    paths = paths_of(estate, known)
    passages = _first_over(estate, known, _widened(paths, known))
    return {
        i: Foreseen(passages[row], _dated(paths.steps.of(row), estate.as_of))
        for row, i in enumerate(chosen)
    }


def provisional_passages(estate: Estate, asked: Sequence[Question]) -> dict[int, Passage]:
    """The paths of questions whose past is too short for a date, but no longer nothing."""
    rules = estate.policy.forecast
    chosen = [i for i, question in enumerate(asked) if is_provisional(question, rules)]
    if not chosen:
        return {}
    return dict(zip(chosen, passages_of(estate, [asked[i] for i in chosen]), strict=True))


def _dated(steps: Iterable[Step], as_of: date) -> tuple[LevelStep, ...]:
    def day(column: int) -> date:
        return as_of - timedelta(days=HISTORY_DAYS - column)

    return tuple(LevelStep(day(s.day), day(s.before), s.size, s.habit) for s in steps)


def back_test(estate: Estate, asked: Sequence[Question]) -> dict[int, float]:
    """Per question the WAPE of forecasts of 30 days made 30, 60 and 90 days ago."""
    rules = estate.policy.forecast
    chosen = [i for i, question in enumerate(asked) if has_enough(question, rules)]
    if not chosen:
        return {}
    block = np.stack([asked[i].load.series.trend for i in chosen])
    actual, foreseen = [], []
    for back in range(1, _BACKTEST_ORIGINS + 1):
        cut = HISTORY_DAYS - back * _BACKTEST_DAYS
        known = np.flatnonzero((~np.isnan(block[:, :cut])).sum(axis=1) >= FEWEST_VALUES)
        middle = np.full((len(chosen), _BACKTEST_DAYS), np.nan)
        if len(known):
            middle[known] = _middle(estate, [asked[chosen[row]] for row in known], back)
        actual.append(block[:, cut : cut + _BACKTEST_DAYS])
        foreseen.append(middle)
    truth, guess = np.concatenate(actual, axis=1), np.concatenate(foreseen, axis=1)
    errors = {i: wape(truth[row], guess[row]) for row, i in enumerate(chosen)}
    return {i: error for i, error in errors.items() if error is not None}


def _middle(estate: Estate, asked: Sequence[Question], back: int) -> Floats:
    """The median paths of 30 days, as they would have been told so many months ago."""
    ago = back * _BACKTEST_DAYS
    paths = _futures(
        estate.policy.forecast,
        asked,
        origin=estate.as_of - timedelta(days=ago),
        horizon_days=_BACKTEST_DAYS - 1,
        calibration=USUAL,  # what the fleet has earned since was not known then
        calendar=estate.calendar,
        known_days=HISTORY_DAYS - ago,
    )
    return np.concatenate([np.median(part.paths, axis=1) for part in paths.blocks()])
