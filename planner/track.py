"""The record: what a report publishes of the future, and how what was published came true."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from inventory.forecast_records import Forecast, ForecastBand, Said
from planner.answers import Answer, PoolAnswer, answers_of, in_unit
from planner.estate import Estate
from planner.forecast.engine import USUAL
from planner.forecast.ledger import (
    AHEAD_DAYS,
    CrossingScore,
    LevelScore,
    Tally,
    Track,
    holds,
    line_text,
    together,
)
from planner.foreseen import engine_of, widening
from planner.keys import track_key
from planner.pools import MODELS
from planner.questions import Question
from planner.rows import TrackRow
from planner.saying import unit_name

FLEET = "fleet"
_TELLING_LEAD_DAYS = 90  # of the dates that came, the one said about so long before is shown
_TELLING_AHEAD = (90, 30, 180, 14, 7)
_NOT_PUBLISHED = ("stale", "not_enough_history", "ring_buffer")


# What is published


def published(
    answers: Iterable[Answer], *, as_of: date, run_id: str, policy_version: str, made_on: date
) -> tuple[Said, ...]:
    """What answers say of the future, for the ledger; nothing of those that give no forecast."""
    found = (_said(answer, as_of, run_id, policy_version, made_on) for answer in answers)
    return tuple(said for said in found if said is not None)


def _said(
    answer: Answer, as_of: date, run_id: str, policy_version: str, made_on: date
) -> Said | None:
    question, passage, runway = answer.question, answer.passage, answer.runway
    if passage is None or runway.reason in _NOT_PUBLISHED or np.isnan(passage.level_now):
        return None
    last, late = question.load.series.last, passage.optimistic
    forecast = Forecast(
        pool_kind=question.pool.kind,
        pool=question.pool.name,
        resource=question.resource,
        model=question.model,
        as_of=as_of,
        made_on=made_on,
        inputs_on=None if last is None else last[0],
        engine=engine_of(question),
        policy_version=policy_version,
        run_id=run_id,
        level=passage.level_now,
        usable_line=line_text(as_of, question.usable),
        runway_reason=runway.reason,
        first_over_p10=runway.conservative_first_over,
        first_over_p50=runway.first_over,
        first_over_p90=None if late is None else as_of + timedelta(days=late),
        order_by=answer.order.on,
    )
    factors = widening(question).on(np.array(AHEAD_DAYS, dtype=np.float64))
    bands = tuple(
        _band(ahead, levels, float(factor))
        for ahead, levels, factor in zip(AHEAD_DAYS, passage.bands, factors, strict=True)
        if not np.isnan(levels).any()
    )
    return Said(forecast, bands)


def _band(ahead: int, levels: Any, factor: float) -> ForecastBand:
    p2_5, p10, p50, p90, p97_5 = (float(level) for level in levels)
    return ForecastBand(
        ahead_days=ahead, p2_5=p2_5, p10=p10, p50=p50, p90=p90, p97_5=p97_5, widened=factor
    )


def replayed(
    estate: Estate,
    asked: Sequence[Question],
    days: Iterable[date],
    *,
    run_id: str,
    horizon_days: int | None = None,
    samples: int | None = None,
) -> Iterator[Said]:
    """What reports of past days would have published, of what was measured by then.

    No farther than ``horizon_days``, and of so many ``samples``, else what the policy says.
    Capacity and lead times are those of today; no project and no order is known, nor what the
    experts had earned by then.
    """
    rules = estate.policy.forecast
    horizon = horizon_days or rules.horizon_days
    coarser = {"horizon_days": horizon, "samples": samples or rules.samples}
    policy = estate.policy.model_copy(update={"forecast": rules.model_copy(update=coarser)})
    for day in days:
        then = [_as_of(question, day, horizon) for question in asked]
        yield from published(
            answers_of(replace(estate, as_of=day, policy=policy), then, {}),
            as_of=day,
            run_id=run_id,
            policy_version=estate.policy.version,
            made_on=estate.as_of,
        )


def _as_of(question: Question, day: date, horizon_days: int) -> Question:
    series = question.load.series.until(day)
    was = None if series.last is None else series.last[1]
    load = replace(question.load, series=series, today=None)
    if question.model == "allocation":
        load = replace(load, allocated=was)
    now = np.nan if question.capacity.usable is None else question.capacity.usable
    return replace(
        question,
        load=load,
        usable=np.full(horizon_days + 1, now),
        added=np.zeros(horizon_days + 1),
        committed=0.0,
        stale=(),
        hardware=(),
        pending=(),
        projects=(),
        track=Track(),
        calibration=USUAL,
    )


# What came of it


def rows_of(report_rows: Iterable[TrackRow], question: Question) -> list[TrackRow]:
    """The rows of one pool, resource and model."""
    about = (question.pool.kind, question.pool.name, question.resource, question.model)
    return [
        row for row in report_rows if (row.pool_kind, row.pool, row.resource, row.model) == about
    ]


def track_rows(pools: Sequence[PoolAnswer], *, as_of: date, site: str) -> Iterator[TrackRow]:
    """The record of the fleet, then of each pool, resource and model that something was said of."""
    answers = [answer for pool in pools for answer in pool.answers]
    told = [answer for answer in answers if answer.question.track.said]
    for model in MODELS:
        same = [answer.question for answer in told if answer.question.model == model]
        yield from _fleet(same, as_of=as_of, site=site, model=model)
    for answer in told:
        yield from _of_answer(answer, as_of, site)


def _fleet(asked: Sequence[Question], **about: Any) -> Iterator[TrackRow]:
    if not asked:
        return
    tracks, own = [question.track for question in asked], [_own(question) for question in asked]
    same = {"pool": FLEET, "pool_kind": FLEET, "resource": "all", "unit": "", **about}
    for ahead in AHEAD_DAYS:
        tally, by_engine = (together(one.tally(ahead) for one in some) for some in (tracks, own))
        if tally.said:
            yield _row(same | _level_cells(ahead, tally, by_engine))
    every, by_own = ([s for one in some for s in one.crossings] for some in (tracks, own))
    yield _row(same | _crossing_cells(every, by_own))


def _own(question: Question) -> Track:
    """What the engine that answers the question now has said of it."""
    return question.track.by(engine_of(question))


def _of_answer(answer: Answer, as_of: date, site: str) -> Iterator[TrackRow]:
    question, found, own = answer.question, answer.question.track, _own(answer.question)
    same = {
        "as_of": as_of,
        "site": site,
        "pool": question.pool.name,
        "pool_kind": question.pool.kind,
        "resource": question.resource,
        "model": question.model,
        "unit": question.unit,
    }
    factors = widening(question).on(np.array(AHEAD_DAYS, dtype=np.float64))
    for ahead, factor in zip(AHEAD_DAYS, factors, strict=True):
        if scores := found.of(ahead):
            newest = max(scores, key=lambda score: score.on)
            cells = _level_cells(ahead, found.tally(ahead), own.tally(ahead))
            cells |= {"widened": round(float(factor), 2)}
            yield _row(same | cells | _level_example(newest, answer))
    if (telling := _telling(found.crossings)) is not None:
        cells = _crossing_cells(found.crossings, own.crossings)
        yield _row(same | cells | _crossing_example(telling))


def _row(cells: dict[str, Any]) -> TrackRow:
    """A row of these cells; the others are empty."""
    empty: dict[str, Any] = dict.fromkeys(TrackRow.__slots__)
    told = empty | {"band_holds": "", "outcome": ""} | cells
    about = (told[name] for name in ("pool", "resource", "model", "about", "ahead_days"))
    return TrackRow(**(told | {"key": track_key(*about)}))


def _level_cells(ahead: int, tally: Tally, by_engine: Tally) -> dict[str, Any]:
    """The record of all that was said; whether the band holds is told of the present engine's."""
    verdict = holds(by_engine)
    return {
        "about": "level",
        "ahead_days": ahead,
        "forecasts": tally.said,
        "scored": tally.scored,
        "scored_by_engine": by_engine.scored,
        "apart": tally.apart,
        "within_80_pct": _percent(tally.in_80, tally.scored),
        "within_95_pct": _percent(tally.in_95, tally.scored),
        "band_holds": "" if verdict is None else "yes" if verdict else "no",
        "wape": None if tally.wape is None else round(tally.wape, 2),
        "bias_pct": None if tally.bias_percent is None else round(tally.bias_percent, 2),
    }


def _level_example(score: LevelScore, answer: Answer) -> dict[str, Any]:
    low, middle, high, came = (
        None if (shown := in_unit(value, answer)) is None else round(shown, 4)
        for value in (score.band.p10, score.band.p50, score.band.p90, score.came)
    )
    return {
        "said_on": score.said.as_of,
        "replayed": int(score.said.made_on > score.said.as_of),
        "said_for_date": score.on,
        "said_low": low,
        "said_middle": middle,
        "said_high": high,
        "came": came,
        "outcome": "within" if score.in_80 else "outside",
    }


def _crossing_cells(
    crossings: Sequence[CrossingScore], by_engine: Sequence[CrossingScore]
) -> dict[str, Any]:
    scored = [score for score in crossings if score.outcome != "open"]
    errors = [score.error_days for score in scored if score.error_days is not None]
    return {
        "about": "first_over",
        "forecasts": len(crossings),
        "scored": len(scored),
        "scored_by_engine": sum(score.outcome != "open" for score in by_engine),
        "within_80_pct": _percent(sum(score.in_80 for score in scored), len(scored)),
        "error_days": round(sum(map(abs, errors)) / len(errors), 1) if errors else None,
        "bias_days": round(sum(errors) / len(errors), 1) if errors else None,
        "unforeseen": sum(score.outcome == "unforeseen" for score in scored),
        "not_come": sum(score.outcome == "not_come" for score in scored),
    }


def _telling(crossings: Sequence[CrossingScore]) -> CrossingScore | None:
    """What is worth telling: of the newest day that came, the forecast some three months before;
    else a date that passed without, else the newest one that is still to come."""
    came = [score for score in crossings if score.came_on is not None]
    if came:
        newest = max(score.came_on for score in came if score.came_on is not None)
        chosen = [score for score in came if score.came_on == newest]
        return min(chosen, key=lambda s: abs((newest - s.said.as_of).days - _TELLING_LEAD_DAYS))
    dated = [score for score in crossings if score.said.first_over_p10 is not None]
    passed = [score for score in dated if score.outcome == "not_come"]
    return max(passed or dated, key=lambda score: score.said.as_of, default=None)


def _crossing_example(score: CrossingScore) -> dict[str, Any]:
    return {
        "said_on": score.said.as_of,
        "replayed": int(score.said.made_on > score.said.as_of),
        "said_first_date": score.said.first_over_p10,
        "said_middle_date": score.said.first_over_p50,
        "said_last_date": score.said.first_over_p90,
        "came_date": score.came_on,
        "outcome": score.outcome,
    }


def _percent(part: int, whole: int) -> float | None:
    return round(100.0 * part / whole, 1) if whole else None


# In words


def record_told(rows: Iterable[TrackRow], answer: Answer) -> Iterator[str]:
    """What earlier reports said of an answer's question, what came, and what that changed."""
    words = list(record_words(rows_of(rows, answer.question)))
    if not words:
        yield "record: nothing that earlier reports said is due yet"
        return
    yield "record: what earlier reports said, and what came"
    yield from (f"  {line}" for line in words)
    if (wider := widening(answer.question)).is_needed:
        at = ", ".join(
            f"{ahead} days ahead {factor:.2f}"
            for ahead, factor in zip(wider.ahead_days, wider.factors, strict=True)
        )
        yield (
            f"the band is {wider.most:g} times as wide as the engine makes it, for earlier ones "
            f"did not hold ({at})"
        )


def record_words(rows: Iterable[TrackRow]) -> Iterator[str]:
    """What rows of one subject say, line by line: first what was said and came, then how often."""
    chosen = [row for row in rows if row.forecasts]
    for row in _examples(chosen):
        yield example_words(row)
    for row in chosen:
        if row.about == "level" and row.scored:
            yield _level_words(row)
        elif row.about == "first_over" and row.scored:
            yield _crossing_words(row)


def _examples(rows: Sequence[TrackRow]) -> Iterator[TrackRow]:
    """The dates that were said, and one level: three months ahead, or as near to that as known."""
    yield from (row for row in rows if row.about == "first_over" and row.said_on is not None)
    levels = {row.ahead_days: row for row in rows if row.about == "level" and row.said_on}
    yield from [levels[ahead] for ahead in _TELLING_AHEAD if ahead in levels][:1]


def example_words(row: TrackRow) -> str:
    """ "On 1 March we said 14 to 29 June; it was 20 June", of the row's own example."""
    replay = " (replayed)" if row.replayed else ""
    if row.about == "level":
        return (
            f"on {row.said_on}{replay} we said {_amount(row.said_low)} to "
            f"{_amount(row.said_high)} {unit_name(row.unit)} for {row.said_for_date}; "
            f"it was {_amount(row.came)}"
        )
    told = (
        f"on {row.said_on}{replay} we said it would be over "
        f"{row.said_first_date} to {row.said_last_date or 'a day beyond what was foreseen'}"
        if row.said_first_date is not None
        else f"on {row.said_on}{replay} we gave no date"
    )
    endings = {
        "came": f"it was on {row.came_date}",
        "unforeseen": f"it was over on {row.came_date}",
        "not_come": "it has not come",
        "open": _while_open(row),
    }
    return f"{told}; {endings[row.outcome]}"


def _while_open(row: TrackRow) -> str:
    first = row.said_first_date
    return "still to come" if first is None or first > row.as_of else "it has not come so far"


def _level_words(row: TrackRow) -> str:
    verdicts = {"no": "; the band does not hold", "yes": "; it holds"}
    undecided = "; too few apart to judge it" if row.scored_by_engine else ""
    verdict = verdicts.get(row.band_holds, undecided)
    wape = "?" if row.wape is None else f"{row.wape:.2f} %"
    bias = "?" if row.bias_pct is None else f"{row.bias_pct:+.2f} %"
    return (
        f"{row.ahead_days} days ahead, {row.scored} scored{_of_others(row)}: WAPE {wape}, bias "
        f"{bias}; the band of 80 % held {row.within_80_pct:.0f} %, that of 95 % "
        f"{row.within_95_pct:.0f} %{verdict}"
    )


def _of_others(row: TrackRow) -> str:
    """How many of the scored ones another engine, or version, said: they do not judge this one."""
    others = row.scored - row.scored_by_engine
    if not others:
        return ""
    return f" ({others if row.scored_by_engine else 'all'} of an earlier engine)"


def _crossing_words(row: TrackRow) -> str:
    error = "" if row.error_days is None else f", {row.error_days:g} days off"
    return (
        f"dates of being first over, {row.scored} scored{_of_others(row)}: within the dates said "
        f"{row.within_80_pct:.0f} %{error}; not foreseen {row.unforeseen}, not come {row.not_come}"
    )


def _amount(value: float | None) -> str:
    if value is None:
        return "?"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"
