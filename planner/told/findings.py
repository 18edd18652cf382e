"""What stands behind a row of risks.csv."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from inventory.facts import Fact
from inventory.records import Record
from planner.estate import Estate
from planner.risks.rule import Finding
from planner.risks.trend import Trend
from planner.rows import RiskRow
from planner.told.asked import Asked
from planner.waiver_entries import Waiver


def finding_lines(asked: Asked, row: RiskRow, _column: str | None) -> Iterator[str]:
    report = asked.report
    found = next(f for f in report.assessment.findings if f.id == row.finding_id)
    rule = found.rule
    yield f"{rule.id} {rule.title}: {found.outcome.state}, {found.severity}, {found.points} points"
    if row.points_formula:
        yield f"points: {row.points_formula}"
    if found.waiver is not None:
        yield from _accepted(found.waiver, row)
    yield f"subject: {found.subject.label}"
    yield f"evidence: {found.evidence}"
    yield f"first seen: {row.first_seen}"
    yield from _last_week(report.trend, row.finding_id)
    yield f"why: {rule.why}"
    yield f"fix: {rule.fix}"
    yield f"controls: {row.controls}"
    if found.subject.source is not None:
        yield f"source: {found.subject.source}"
    yield from _observed(found, report.estate)


def _observed(found: Finding, estate: Estate) -> Iterator[str]:
    """The fact a finding is about, with the poll that last saw it, and what else was read."""
    thing = getattr(found.subject.thing, "fact", found.subject.thing)
    fact = estate.fact_of(thing) if isinstance(thing, Record) else thing
    if isinstance(fact, Fact):
        record = fact.record
        yield (
            f"fact: {record.kind_name} {record.cluster}/{record.subject} of {fact.source}, so "
            f"since {_instant(fact.valid_from)}, last seen {_instant(fact.confirmed_at)}"
        )
    health = estate.source_health(found.subject.source or "")
    read = health.state.last_taken_at if health else None
    kinds = ", ".join(kind.replace("_", " ") for kind in found.rule.needs)
    if read is not None and kinds:
        yield f"beside it were read: {kinds}, last seen {_instant(read)}"


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _last_week(trend: Trend | None, finding_id: str) -> Iterator[str]:
    """What an earlier report said of a finding that changed since."""
    found = trend.of.get(finding_id) if trend else None
    if trend is None or found is None:
        return
    was = found.was
    if was is None:
        yield f"{trend.since}: not there ({found.turn.replace('_', ' ')})"
    else:
        state = f"accepted by {was.waiver}" if was.waiver else was.outcome
        points = was.points or was.points_waived
        yield f"{trend.since}: {state}, {was.severity}, {points} points ({found.turn})"


def _accepted(waiver: Waiver, row: RiskRow) -> Iterator[str]:
    """Who accepted a risk until when, and why."""
    yield (
        f"accepted until {row.waiver_until} by waiver {waiver.id}: {row.points_waived} points "
        "count as accepted risk"
    )
    yield f"reason: {waiver.reason}"
    if waiver.compensating_control:
        yield f"meanwhile: {waiver.compensating_control}"
    yield (
        f"asked for by {waiver.requested_by}, approved by {waiver.approved_by} on "
        f"{waiver.approved_at}" + (f" ({waiver.reference})" if waiver.reference else "")
    )
