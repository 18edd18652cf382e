"""risks --framework: the statement of applicability, and the lists an auditor samples from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

from lumbung.choices import Format, RiskFormat
from lumbung.dates import day_option
from lumbung.plan import When, plan
from lumbung.printing import note, show
from lumbung.publish import publish_pack
from lumbung.session import Session
from lumbung.settings import SettingsError
from lumbung.verifying import checksum
from planner.evidence import Evidence, evidence_of, statement_of
from planner.report import Report
from planner.risks.regulations import Pack, UnknownFramework
from planner.risks.statement import CONTROL_STATUSES, ControlRow
from reports.cells import scalar
from reports.profiles import Profile, redacted_rows, redactor_for
from reports.weekly_csv import csv_of_rows

_ON_SCREEN = ("control", "title", "status", "open_risks", "unknown", "subjects", "coverage_pct")


@dataclass(frozen=True, slots=True)
class IndexRow:
    """index.csv: one file of the folder, and the controls that it is evidence of."""

    file: str
    controls: str
    shows: str
    rows: int
    sha256: str


def show_framework(
    session: Session,
    framework: str,
    out: Path | None,
    profile: Profile,
    on: str | None,
    form: RiskFormat,
) -> None:
    """Each control of a framework and what the findings tell of it; with ``out`` its evidence."""
    if form is RiskFormat.sarif:
        raise SettingsError("--format sarif tells findings, not controls; leave out --framework")
    settings = session.settings()
    with session.store(settings) as store:
        report = plan(
            settings, store, When.of(settings, day_option(on, "--on"), session.now()), run_id=""
        )
        pack = _pack(report, framework)
        rows = statement_of(report, pack)
        if out is not None:
            content = _files(report, pack, rows, profile)
            told = {"framework": pack.id, "as_of": scalar(report.as_of), "profile": profile}
            more = {"draft": pack.is_draft_on(report.as_of), "made_from": report.estate.made_from}
            deed = {"framework": pack.id, "profile": profile}
            command = "risks --framework"
            publish_pack(session, store, out, content, told | more, command, deed)
    columns = [field.name for field in fields(ControlRow)]
    lines = [[getattr(row, name) for name in columns] for row in rows]
    show(columns, lines, Format(form.value), on_screen=_ON_SCREEN)
    if out is not None:
        note(f"{out}: {len(content)} files and a manifest; `lumbung report verify {out}` checks it")
    if form is RiskFormat.table:
        note(_summary(pack, rows, report.as_of))


def _pack(report: Report, framework: str) -> Pack:
    try:
        return report.regulations.pack(framework, report.as_of)
    except UnknownFramework as error:
        raise SettingsError(f"--framework: {error}") from None


def _summary(pack: Pack, rows: tuple[ControlRow, ...], on: date) -> str:
    """How many controls stand how, and whether anybody read the mapping."""
    counts = Counter(row.status for row in rows)
    told = ", ".join(f"{counts[s]} {s.replace('_', ' ')}" for s in CONTROL_STATUSES if counts[s])
    review = (
        "a draft mapping that nobody has reviewed"
        if pack.is_draft_on(on)
        else f"reviewed by {pack.reviewed_by} on {pack.reviewed_on}"
    )
    return f"{pack.name}: {told}; {review}"


def _files(
    report: Report, pack: Pack, rows: tuple[ControlRow, ...], profile: Profile
) -> Mapping[str, bytes]:
    """The statement, the lists, and the index of both, by file name."""
    redact = redactor_for(report, profile)
    content = {"statement.csv": csv_of_rows(ControlRow, rows).encode()}
    index = [IndexRow("statement.csv", "all", "each control, and what the findings tell of it",
                      len(rows), checksum(content["statement.csv"]))]  # fmt: skip
    for one in evidence_of(report):
        controls = one.controls(pack)
        if not controls:
            continue
        name = _name(one, pack)
        content[name] = csv_of_rows(one.row_type, redacted_rows(one.rows, redact)).encode()
        told = " ".join(controls) if one.name != "findings" else "all"
        index.append(IndexRow(name, told, one.shows, len(one.rows), checksum(content[name])))
    content["index.csv"] = csv_of_rows(IndexRow, index).encode()
    return content


def _name(one: Evidence, pack: Pack) -> str:
    """Under Annex A, lists are called by the control that an auditor asks for them by."""
    prefix = f"{one.annex_a}-" if one.annex_a in pack.controls else ""
    return f"{prefix}{one.name}.csv"
