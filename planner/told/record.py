"""What stands behind a row of track_record.csv: every forecast that was scored, and how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from planner.answers import Answer, in_unit
from planner.forecast.ledger import CrossingScore, LevelScore, Track
from planner.report import Report
from planner.rows import TrackRow
from planner.sections import shown
from planner.told.asked import Asked, cells
from planner.track import FLEET

_MOST = 24  # of the newest forecasts


def track_lines(asked: Asked, row: TrackRow, column: str | None) -> Iterator[str]:
    if column is None:
        yield from cells(row)
        yield ""
    if row.about == "level":
        yield (
            "WAPE = 100 × Σ |foreseen − came| ÷ Σ came (glossary 18); within = what came was in "
            "the band, or off by less than a thousandth"
        )
    else:
        yield "days off = the middle date that was said, less the day on which it came"
    if row.pool_kind == FLEET:
        yield from _members(asked.report, row)
        return
    answer = _answer(asked.report, row)
    track = answer.question.track
    yield from (
        _levels(track.of(row.ahead_days), answer)
        if row.ahead_days is not None
        else _crossings(track)
    )


def _members(report: Report, row: TrackRow) -> Iterator[str]:
    """The rows that a row of the fleet counts together."""
    same = [
        one
        for one in report.track_record
        if one.pool_kind != FLEET
        and (one.model, one.about, one.ahead_days) == (row.model, row.about, row.ahead_days)
    ]
    yield f"of {len(same)} rows together; WAPE and bias are their means, by how many were scored"
    for one in same:
        yield (
            f"  {one.key}: {one.scored} scored, WAPE {shown(one.wape)}, bias {shown(one.bias_pct)}"
        )


def _answer(report: Report, row: TrackRow) -> Answer:
    return next(
        answer
        for pool in report.answers
        for answer in pool.answers
        if (pool.pool.kind, pool.pool.name) == (row.pool_kind, row.pool)
        and (answer.question.resource, answer.question.model) == (row.resource, row.model)
    )


def _levels(scores: Sequence[LevelScore], answer: Answer) -> Iterator[str]:
    newest = sorted(scores, key=lambda score: score.said.as_of)[-_MOST:]
    yield f"scored: {len(scores)}" + (f", the newest {_MOST}" if len(scores) > _MOST else "")
    for score in newest:
        low, middle, high, came = (
            shown(in_unit(value, answer))
            for value in (score.band.p10, score.band.p50, score.band.p90, score.came)
        )
        yield (
            f"  on {score.said.as_of}{_replayed(score)} for {score.on}: {middle} ({low} to {high})"
            f", came {came}: {'within' if score.in_80 else 'outside'}; "
            f"{score.said.engine}, run {score.said.run_id}"
        )


def _crossings(track: Track) -> Iterator[str]:
    newest = sorted(track.crossings, key=lambda score: score.said.as_of)[-_MOST:]
    yield f"said: {len(track.crossings)}" + (
        f", the newest {_MOST}" if len(newest) == _MOST else ""
    )
    for score in newest:
        said = score.said
        yield (
            f"  on {said.as_of}{_replayed(score)}: {shown(said.first_over_p10)}, "
            f"{shown(said.first_over_p50)}, {shown(said.first_over_p90)}; came "
            f"{shown(score.came_on)}: {score.outcome}; {said.engine}, run {said.run_id}"
        )


def _replayed(score: LevelScore | CrossingScore) -> str:
    return " (replayed)" if score.said.made_on > score.said.as_of else ""
