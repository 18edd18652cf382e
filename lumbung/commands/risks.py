"""risks, risks --by, risks --matrix."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from importlib.metadata import version

from lumbung.choices import Exit, Format, Level, RiskFormat, ScoreBy
from lumbung.dates import day_option
from lumbung.plan import When, plan_matrix
from lumbung.printing import note, out, plain_lines, show
from lumbung.session import Session
from planner.report import Report, in_language
from planner.risks.catalogue import Language
from planner.risks.matrix import MatrixRow
from planner.risks.rule import SEVERITIES
from planner.risks.scores import reasons, score_rows
from planner.risks.trend import NOT_COMPARABLE, TURNS, Trend, count
from planner.rows import RiskRow, ScoreRow
from reports.profiles import Profile, for_profile
from reports.sarif import sarif_of

_MOST_FIXED = 5


@dataclass(frozen=True, slots=True)
class RisksAsked:
    """Which findings are shown, to whom, and when they are too many."""

    least: Level
    fail_on: Level | None
    profile: Profile
    lang: Language


def show_risks(session: Session, asked: RisksAsked, on: str | None, form: RiskFormat) -> Exit:
    """Risks with evidence and remedy, what is accepted, and what could not be checked."""
    report = session.report(day_option(on, "--on"))
    _show_findings(report, asked, form)
    limit = None if asked.fail_on is None else SEVERITIES.index(asked.fail_on.value)
    grave = [SEVERITIES.index(found.severity) for found in report.assessment.risks]
    return Exit.MET if limit is not None and max(grave, default=-1) >= limit else Exit.DONE


def _show_findings(report: Report, asked: RisksAsked, form: RiskFormat) -> None:
    floor = SEVERITIES.index(asked.least.value)
    told = for_profile(in_language(report, asked.lang), asked.profile)
    chosen = [row for row in told.risks if SEVERITIES.index(row.severity) >= floor]
    if form is RiskFormat.sarif:
        sys.stdout.write(sarif_of(told, chosen, version=version("lumbung"), language=asked.lang))
        return
    columns = [field.name for field in fields(RiskRow)]
    rows = [[getattr(row, name) for name in columns] for row in chosen]
    if form is RiskFormat.table:
        columns = list(_FINDINGS)
        rows = [_finding_line(row) for row in chosen]
    show(columns, rows, Format(form.value), empty="no findings")
    if form is not RiskFormat.table:
        return
    found, coverage = report.assessment, report.assessment.coverage_percent
    note(
        f"{len(found.risks)} risks, {len(found.waived)} accepted, {len(found.unknowns)} unknown, "
        f"{found.total('ok')} ok; coverage " + ("?" if coverage is None else f"{coverage:.1f} %")
    )
    _say_trend(report.trend)


_FINDINGS = (
    "severity", "outcome", "rule", "subject", "agency", "evidence", "since_days", "points",
    "last week",
)  # fmt: skip


def _finding_line(row: RiskRow) -> list[object]:
    return [
        row.severity,
        f"accepted until {row.waiver_until}" if row.waiver else row.outcome,
        row.rule,
        row.subject,
        row.agency,
        row.evidence,
        row.since_days,
        row.points_waived or row.points,
        row.change_since_last_week.replace("_", " "),
    ]


def _say_trend(trend: Trend | None) -> None:
    """What became of findings since an earlier report, and which were mended."""
    if trend is None:
        note("no earlier report to compare with; `lumbung report` remembers what it found")
        return
    told = [f"{count(trend.turned, turn)} {turn}" for turn in TURNS]
    if other := count(trend.turned, *NOT_COMPARABLE):
        told.append(f"{other} not comparable")
    note(f"since the report of {trend.since}: {', '.join(told)}")
    fixed = [f"{found.rule} {found.subject}" for found in trend.turned if found.turn == "fixed"]
    for line in fixed[:_MOST_FIXED]:
        note(f"fixed: {line}")
    if len(fixed) > _MOST_FIXED:
        note(f"fixed: and {len(fixed) - _MOST_FIXED} more")


_SCORES = (
    "name", "level", "points", "points_waived", "critical", "high", "medium", "low", "waived",
    "unknown", "guests", "guests_high_pct", "coverage_pct", "turned_new", "turned_fixed",
)  # fmt: skip


def show_score(session: Session, by: ScoreBy, on: str | None, form: Format) -> None:
    """The score of each agency, service or guest, and what weighs most."""
    report = session.report(day_option(on, "--on"))
    found = score_rows(report.estate, report.assessment, report.trend, by.value)
    columns = [field.name for field in fields(ScoreRow)]
    rows = [[getattr(row, name) for name in columns] for row in found]
    if form is Format.table:
        place = columns.index("name")
        rows = [[*row[:place], row[place] or _UNNAMED[by], *row[place + 1 :]] for row in rows]
    show(columns, rows, form, on_screen=_SCORES, empty="nothing is known yet")
    if form is Format.table:
        out().print(plain_lines("\nWhat weighs most:"), markup=False)
        for line in reasons(report.assessment.risks):
            out().print(plain_lines(f"  {line}"), markup=False, highlight=False)
        _say_trend(report.trend)


_UNNAMED = {
    ScoreBy.estate: "(all)",
    ScoreBy.agency: "(no agency)",
    ScoreBy.service: "(no service)",
    ScoreBy.guest: "(no guest)",
}


def show_matrix(session: Session, on: str | None, form: Format) -> None:
    """Place by place the guests by class, and whether personal data meets the public there."""
    settings = session.settings()
    when = When.of(settings, day_option(on, "--on"), session.now())
    with session.store(settings) as store:
        rows = plan_matrix(settings, store, when)
    columns = [field.name for field in fields(MatrixRow)]
    shown = [*columns[: columns.index("public_unknown")], "meets"]
    cells = [[getattr(row, name) for name in columns] for row in rows]
    show(columns, cells, form, on_screen=shown, empty="no guests are known")
    met = [row for row in rows if row.meets == "yes"]
    for row in met if form is Format.table else ():
        where = "/".join(filter(None, (row.cluster, row.place)))
        note(f"{row.scope} {where}: {row.personal_guests} beside {row.public_guests}")
