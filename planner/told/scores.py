"""What stands behind a row of risk_score.csv: the findings whose points it adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from planner.keys import finding_key
from planner.report import Report
from planner.risks.engine import coverage_percent
from planner.risks.rule import Finding, State
from planner.risks.score import level, weights_of
from planner.risks.scores import HIGH, account_of, part_of
from planner.risks.trend import TURNS
from planner.rows import ScoreRow
from planner.told.asked import Asked, cells

_MOST = 12  # guests that are named


def score_lines(asked: Asked, row: ScoreRow, column: str | None) -> Iterator[str]:
    assessment, trend = asked.report.assessment, asked.report.trend
    part = part_of(row.by)
    own = [found for found in assessment.findings if part(found.subject.account) == row.name]
    if column is None:
        yield from cells(row)
        yield ""
    yield "points = Σ over its open findings; level = the worst of them, never an average"
    for found in sorted(own, key=lambda one: (-one.points, one.rule.id, one.subject.label)):
        yield f"  {finding_words(found)}"
    yield from _guests(asked.report, row)
    yield from judged_lines(assessment.judged_by(part).get(row.name, Counter()))
    if trend is None:
        yield "compared with nothing: no earlier report was remembered"
        return
    yield f"compared with the report of {trend.since}"
    for turned in trend.turned:
        if part(turned.account) == row.name and turned.turn in TURNS:
            key = finding_key(turned.finding_id)
            yield f"  {turned.turn}: {turned.rule} {turned.subject} ({key})"


def _guests(report: Report, row: ScoreRow) -> Iterator[str]:
    """Whose own guests they are, and which have a high risk or a critical one."""
    part = part_of(row.by)
    own = [view for view in report.estate.guests if part(account_of(view)) == row.name]
    findings = report.assessment.by_guest()
    grave = [view.label for view in own if level(findings.get(account_of(view).guest, ())) >= HIGH]
    yield f"guests: {len(own)}, with a high risk or a critical one {len(grave)}"
    if grave:
        more = f" and {len(grave) - _MOST} more" if len(grave) > _MOST else ""
        yield f"  {', '.join(grave[:_MOST])}{more}"


def judged_lines(counts: Mapping[State, int]) -> Iterator[str]:
    """How many controls were asked, and how many of them could be judged."""
    told = ", ".join(f"{state.replace('_', ' ')} {count}" for state, count in counts.items())
    percent = coverage_percent(counts)
    yield "coverage = of the controls asked, those that could be judged"
    yield f"  {told or 'none asked'}: {'not known' if percent is None else f'{percent:.1f} %'}"


def finding_words(found: Finding) -> str:
    """A finding in a line: what it weighs and by which formula, and the key of the rest."""
    told = {
        "risk": weights_of(found).formula,
        "unknown": "could not be checked: 0",
    }.get(found.outcome.state, "")
    accepted = ", accepted: counts as waived" if found.waiver is not None else ""
    return f"{told}{accepted}; {found.rule.id} {found.subject.label} ({finding_key(found.id)})"
