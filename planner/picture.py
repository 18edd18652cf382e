"""What a picture of a forecast shows: the past, the band, what is usable, and the dates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np

from planner.answers import Answer, in_unit
from planner.chances import differs, draw
from planner.estate import Estate
from planner.forecast.ledger import SHARES
from planner.forecast.paths import Floats
from planner.foreseen import widened_paths
from planner.pools import GIB
from planner.questions import Question

_PAST_DAYS = 365
_SHORTEST_AHEAD_DAYS = 180
_AFTER_DAYS = 45  # shown beyond the last date

Kind = Literal["step", "project", "arrives", "leaves", "over_one_in_ten", "over_half", "order_by"]


@dataclass(frozen=True, slots=True)
class Marker:
    """Something with a date; ``label`` names it, "" where the kind says all; ``amount`` is how
    much a step came to."""

    on: date
    kind: Kind
    label: str = ""
    amount: float | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """Amounts are in ``unit``. ``bands[day]`` are the quantiles of ``ledger.SHARES``; there is none
    without a forecast. ``usable`` holds from each date to the next; empty when not known."""

    pool: str
    resource: str
    model: str
    unit: str
    as_of: date
    first: date
    last: date
    history: tuple[tuple[date, float], ...]
    days: tuple[date, ...]
    bands: tuple[tuple[float, ...], ...]
    usable: tuple[tuple[date, float], ...]
    markers: tuple[Marker, ...]
    reason: str  # why a date is missing, as in pools.csv; "" where none is


def most_telling(answers: Iterable[Answer]) -> Answer | None:
    """The answer that is to be ordered for first, of those that are not over yet."""
    coming = [a for a in answers if a.order.on is not None and a.runway.reason != "exhausted"]
    return min(coming, key=lambda answer: answer.order.on or date.max, default=None)


def picture_of(estate: Estate, answer: Answer) -> Picture:
    """The picture of one pool, resource and model."""
    question, as_of = answer.question, estate.as_of
    ahead = _ahead_days(answer, estate.policy.forecast.horizon_days)
    history = tuple(_history(answer))
    days = list(range(ahead + 1))
    bands = _bands(estate, answer, days) if answer.passage is not None else None
    shown = () if bands is None else tuple(tuple(_in_unit(row, answer)) for row in bands)
    first = history[0][0] if history else as_of
    last = as_of + timedelta(days=ahead)
    return Picture(
        pool=question.pool.name,
        resource=question.resource,
        model=question.model,
        unit=question.unit,
        as_of=as_of,
        first=first,
        last=last,
        history=history,
        days=tuple(as_of + timedelta(days=day) for day in days) if shown else (),
        bands=shown,
        usable=tuple(_usable(answer, as_of, ahead)),
        markers=tuple(m for m in _markers(answer, as_of) if first <= m.on <= last),
        reason=answer.runway.reason,
    )


def _ahead_days(answer: Answer, horizon_days: int) -> int:
    """Up to shortly after the dates that were told, half a year at least."""
    known = (answer.runway.days, answer.runway.conservative_days)
    latest = max((days for days in known if days is not None), default=0)
    return min(max(latest + _AFTER_DAYS, _SHORTEST_AHEAD_DAYS), horizon_days)


def _in_unit(values: Floats, answer: Answer) -> list[float]:
    size = GIB if answer.question.unit == "gib" else 1.0
    return [float(value) / size for value in values]


def _history(answer: Answer) -> Iterator[tuple[date, float]]:
    series = answer.question.load.series
    recent = series.trend[-_PAST_DAYS:]
    for i in np.flatnonzero(~np.isnan(recent)):
        [shown] = _in_unit(recent[i : i + 1], answer)
        yield series.as_of - timedelta(days=len(recent) - int(i)), shown


def _bands(estate: Estate, answer: Answer, days: list[int]) -> Floats | None:
    """The quantiles of the published paths on some days; None where they are not known."""
    question, horizon = answer.question, estate.policy.forecast.horizon_days
    [block] = widened_paths(estate, [question]).blocks()
    added: Floats | None = question.added[days]
    if differs(question):
        samples = block.paths.shape[1]
        drawn = draw(question, estate.policy, estate.as_of, horizon, samples).added
        added = added if drawn is None else drawn[:, days]
    bands = np.quantile(block.paths[0][:, days] + added, SHARES, axis=0).T
    return None if np.isnan(bands).any() else np.asarray(bands)


def _usable(answer: Answer, as_of: date, ahead: int) -> Iterator[tuple[date, float]]:
    line = answer.question.usable[: ahead + 1]
    if np.isnan(line).any():
        return
    for i in (0, *(int(place) + 1 for place in np.flatnonzero(np.diff(line)))):
        [shown] = _in_unit(line[i : i + 1], answer)
        yield as_of + timedelta(days=i), shown


def _markers(answer: Answer, as_of: date) -> Iterator[Marker]:
    for step in answer.steps:
        yield Marker(step.on, "step", amount=in_unit(step.size, answer))
    yield from (marker for marker in _coming(answer.question) if marker.on > as_of)
    runway = answer.runway
    dates: dict[Kind, date | None] = {
        "over_one_in_ten": runway.conservative_first_over,
        "over_half": runway.first_over,
        "order_by": answer.order.on,
    }
    yield from (Marker(on, kind) for kind, on in dates.items() if on is not None)


def _coming(question: Question) -> Iterator[Marker]:
    for project in question.projects:
        if project.status == "committed":
            yield Marker(project.when, "project", project.name)
    for item in question.hardware:
        yield Marker(item.when, item.change, item.host or "")
    for one in question.pending:
        if one.is_on_its_way:
            yield Marker(one.expected, "arrives", one.order.name)
