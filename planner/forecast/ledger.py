"""The ledger: what forecasts said, held against what came.

A level is scored on the days so many ahead for which the forecast gave quantiles, once such a day
is over and was measured. A date of being first over is scored against the usable capacity that was
published with it: capacity bought since is not the forecast's fault, nor its merit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import comb
from typing import Literal

import numpy as np

from inventory.forecast_records import Forecast, ForecastBand, Said
from planner.forecast.paths import Floats
from planner.forecast.steps import Flags
from planner.numbers import all_exceed, ceil, exceeds

AHEAD_DAYS = (7, 14, 30, 90, 180)
SHARES: Floats = np.array([0.025, 0.10, 0.50, 0.90, 0.975])

_WEEK_DAYS = 7
_RESOLUTION = 0.001  # of a level: what is nearer than that is the same to whoever measures
_INNER = 0.80
_DOUBT = 0.05  # the chance of calling a band too narrow that is not, over all its days ahead
_FEWEST_APART = 8  # forecasts that share no day of their future
_MOST_WIDENED = 4.0

Outcome = Literal["came", "unforeseen", "not_come", "open"]


@dataclass(frozen=True, slots=True)
class Measured:
    """What came: one value a day, the last one that of the day before ``as_of``; NaN is no value.

    ``coarse`` marks values that are means over a week, written on its middle day.
    """

    as_of: date
    values: Floats
    coarse: Flags

    def on(self, day: date) -> float | None:
        """The value of a day, else straight between the weekly means around it; None when not
        known."""
        i = self._place(day)
        if not 0 <= i < len(self.values):
            return None
        if not np.isnan(self.values[i]):
            return float(self.values[i])
        first = max(0, i - _WEEK_DAYS)
        near = np.flatnonzero(~np.isnan(self.values[first : i + _WEEK_DAYS])) + first
        before, after = near[near < i][-1:], near[near > i][:1]
        if not len(before) or not len(after):
            return None
        ends = np.array([before[0], after[0]])
        if ends[1] - ends[0] > _WEEK_DAYS or not self.coarse[ends].any():
            return None
        return float(np.interp(i, ends, self.values[ends]))

    def first_over(self, since: date, line: Sequence[tuple[date, float]]) -> date | None:
        """The first measured day from ``since`` on that exceeds what the line allows on it."""
        begin = max(0, self._place(since))
        values = self.values[begin:]
        changes = np.array([self._place(day) - begin for day, _amount in line])
        amounts = np.array([amount for _day, amount in line])
        held = np.searchsorted(changes, np.arange(len(values)), side="right") - 1
        over = np.flatnonzero(all_exceed(values, amounts[np.maximum(held, 0)]))
        return self._day(begin + int(over[0])) if len(over) else None

    @property
    def last_day(self) -> date | None:
        known = np.flatnonzero(~np.isnan(self.values))
        return self._day(int(known[-1])) if len(known) else None

    def _place(self, day: date) -> int:
        return len(self.values) - (self.as_of - day).days

    def _day(self, place: int) -> date:
        return self.as_of - timedelta(days=len(self.values) - place)


@dataclass(frozen=True, slots=True)
class LevelScore:
    """One level that was foreseen, and what it was."""

    said: Forecast
    band: ForecastBand
    on: date
    came: float

    @property
    def error(self) -> float:
        """Above 0: too much was foreseen."""
        return self.band.p50 - self.came

    @property
    def in_80(self) -> bool:
        return _within(self.came, self.band.p10, self.band.p90)

    @property
    def in_95(self) -> bool:
        return _within(self.came, self.band.p2_5, self.band.p97_5)

    @property
    def reach(self) -> float:
        """How far from the middle it came, in units of the way to the edge of the 80 % band on
        that side, as the band was before it was widened."""
        apart = abs(self.came - self.band.p50)
        if apart <= _RESOLUTION * abs(self.came):
            return 0.0
        edge = abs((self.band.p90 if self.error < 0 else self.band.p10) - self.band.p50)
        return apart / edge * self.band.widened if edge else float("inf")


def _within(value: float, low: float, high: float) -> bool:
    """Whether a value is in a band, or so near to it that a measurement cannot tell."""
    slack = _RESOLUTION * abs(value)
    return not exceeds(value, high + slack) and not exceeds(low - slack, value)


@dataclass(frozen=True, slots=True)
class CrossingScore:
    """One forecast of being first over, and what became of it.

    ``came``: on a day, and a date had been told; ``unforeseen``: on a day, and none had been;
    ``not_come``: the day by which nine in ten paths were over has passed without; else ``open``.
    """

    said: Forecast
    came_on: date | None
    outcome: Outcome

    @property
    def error_days(self) -> int | None:
        """Days from the real first day over to the one told; above 0: told too late."""
        if self.came_on is None or self.said.first_over_p50 is None:
            return None
        return (self.said.first_over_p50 - self.came_on).days

    @property
    def in_80(self) -> bool:
        """Whether it came between the dates of one path and of nine paths in ten."""
        first, last = self.said.first_over_p10, self.said.first_over_p90
        if self.came_on is None or first is None:
            return False
        return first <= self.came_on and (last is None or self.came_on <= last)


@dataclass(frozen=True, slots=True)
class Tally:
    """Scores counted together; errors in percent of what came, None where nothing was scored.

    ``apart`` of the scored forecasts share no day of their future.
    """

    said: int = 0
    scored: int = 0
    in_80: int = 0
    in_95: int = 0
    apart: int = 0
    wape: float | None = None
    bias_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """All that was said of one pool, resource and model, scored."""

    said: tuple[Said, ...] = ()
    levels: tuple[LevelScore, ...] = ()
    crossings: tuple[CrossingScore, ...] = ()

    def by(self, engine: str) -> Track:
        """What that engine said of it; another one, or another version, proves nothing of it."""
        return Track(
            tuple(one for one in self.said if one.forecast.engine == engine),
            tuple(score for score in self.levels if score.said.engine == engine),
            tuple(score for score in self.crossings if score.said.engine == engine),
        )

    def of(self, ahead_days: int) -> tuple[LevelScore, ...]:
        return tuple(score for score in self.levels if score.band.ahead_days == ahead_days)

    def tally(self, ahead_days: int) -> Tally:
        """The levels so many days ahead."""
        scores = self.of(ahead_days)
        total = sum(abs(score.came) for score in scores)
        return Tally(
            said=sum(band.ahead_days == ahead_days for one in self.said for band in one.bands),
            scored=len(scores),
            in_80=sum(score.in_80 for score in scores),
            in_95=sum(score.in_95 for score in scores),
            apart=_apart([score.said.as_of for score in scores], ahead_days),
            wape=100.0 * sum(abs(s.error) for s in scores) / total if total else None,
            bias_percent=100.0 * sum(s.error for s in scores) / total if total else None,
        )


def _apart(days: Sequence[date], ahead_days: int) -> int:
    """How many forecasts of these days can be had that do not overlap."""
    count, free_from = 0, date.min
    for day in sorted(days):
        if day >= free_from:
            count, free_from = count + 1, day + timedelta(days=ahead_days)
    return count


def together(tallies: Iterable[Tally]) -> Tally:
    """Several tallies as one: counts are summed, errors weigh by how many they are the mean of."""
    parts = list(tallies)

    def mean(name: str) -> float | None:
        known = [(getattr(part, name), part.scored) for part in parts]
        weights = sum(weight for value, weight in known if value is not None)
        total = sum(value * weight for value, weight in known if value is not None)
        return total / weights if weights else None

    counts = ("said", "scored", "in_80", "in_95", "apart")
    return Tally(
        **{name: sum(getattr(part, name) for part in parts) for name in counts},
        wape=mean("wape"),
        bias_percent=mean("bias_percent"),
    )


def track(said: Sequence[Said], measured: Measured) -> Track:
    """What was said, scored against what was measured since."""
    levels = tuple(
        LevelScore(one.forecast, band, day, came)
        for one in said
        for band in one.bands
        for day in [one.forecast.as_of + timedelta(days=band.ahead_days)]
        if day < measured.as_of and (came := measured.on(day)) is not None
    )
    crossings = (_crossing(one.forecast, measured) for one in said)
    return Track(tuple(said), levels, tuple(score for score in crossings if score is not None))


def _crossing(said: Forecast, measured: Measured) -> CrossingScore | None:
    """None where no date could be wrong: it was over already, or the capacity was not known."""
    line = usable_line(said)
    if said.runway_reason == "exhausted" or not line:
        return None
    came_on = measured.first_over(said.as_of, line)
    if came_on is not None:
        foreseen = said.first_over_p10 is not None
        return CrossingScore(said, came_on, "came" if foreseen else "unforeseen")
    last, seen = said.first_over_p90, measured.last_day
    passed = last is not None and seen is not None and last <= seen
    return CrossingScore(said, None, "not_come" if passed else "open")


def line_text(as_of: date, usable: Floats) -> str:
    """The usable capacity of the days from ``as_of`` on, as a ledger holds it."""
    if np.isnan(usable).any():
        return ""
    changes = [0, *(int(i) + 1 for i in np.flatnonzero(np.diff(usable)))]
    return " ".join(f"{as_of + timedelta(days=i)}:{float(usable[i])!r}" for i in changes)


def usable_line(said: Forecast) -> list[tuple[date, float]]:
    """From which day on how much was to be usable; empty when it was not known."""
    parts = (part.partition(":") for part in said.usable_line.split())
    return [(date.fromisoformat(day), float(amount)) for day, _colon, amount in parts]


# Bands that did not hold


@dataclass(frozen=True, slots=True)
class Widening:
    """By how much a band is widened, so many days ahead; between two of them straight."""

    ahead_days: tuple[int, ...] = ()
    factors: tuple[float, ...] = ()

    @property
    def most(self) -> float:
        return max(self.factors, default=1.0)

    @property
    def is_needed(self) -> bool:
        return self.most > 1.0

    def on(self, days: Floats) -> Floats:
        """The factor on each day ahead."""
        if not self.is_needed:
            return np.ones(len(days))
        return np.asarray(np.interp(days, self.ahead_days, self.factors), dtype=np.float64)


NOT_WIDENED = Widening()


def widening_of(found: Track, engine: str) -> Widening:
    """What the bands of an engine must be widened by to have held as often as they say.

    Judged is each distance that had enough forecasts apart. A farther one takes over what the one
    before it needs, or what would have held its own few forecasts, if that is less. What another
    engine said counts nothing.
    """
    own = found.by(engine)
    by_distance = {ahead: own.of(ahead) for ahead in AHEAD_DAYS}
    judged = {
        ahead
        for ahead, scores in by_distance.items()
        if _apart([score.said.as_of for score in scores], ahead) >= _FEWEST_APART
    }
    if not judged:
        return NOT_WIDENED
    factors: list[float] = []
    for ahead, scores in by_distance.items():
        if ahead in judged:
            factors.append(_factor(scores, ahead, _DOUBT / len(judged)))
        else:
            before = factors[-1] if factors else 1.0
            factors.append(min(before, _reach_that_holds(scores)) if scores else before)
    return Widening(AHEAD_DAYS, tuple(factors))


def _factor(scores: Sequence[LevelScore], ahead_days: int, doubt: float) -> float:
    """1 where the band of 80 % may well have held; else what it is to be widened by."""
    apart = _apart([score.said.as_of for score in scores], ahead_days)
    held = sum(not exceeds(score.reach, 1.0) for score in scores) / len(scores)
    if _chance_of_fewer(ceil(held * apart), apart) >= doubt:
        return 1.0
    return _reach_that_holds(scores)


def _reach_that_holds(scores: Sequence[LevelScore]) -> float:
    """The factor with which a band would have held 80 % of what came (conformal).

    What came though nothing at all was to move is left out: no factor widens a line.
    """
    finite = sorted(score.reach for score in scores if np.isfinite(score.reach))
    rank = min(len(scores), ceil((len(scores) + 1) * _INNER), len(finite))
    return min(max(finite[rank - 1], 1.0), _MOST_WIDENED) if finite else 1.0


def _chance_of_fewer(held: int, of: int) -> float:
    """The chance that a band of 80 % holds so few times, or fewer."""
    return sum(comb(of, k) * _INNER**k * (1 - _INNER) ** (of - k) for k in range(held + 1))


def holds(tally: Tally) -> bool | None:
    """Whether the band of 80 % may well be one; None while too few forecasts tell."""
    if tally.apart < _FEWEST_APART:
        return None
    held = ceil(tally.in_80 / tally.scored * tally.apart)
    return _chance_of_fewer(held, tally.apart) >= _DOUBT
