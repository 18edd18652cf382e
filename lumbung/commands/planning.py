"""capacity, failover, risks, rules, explain."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any

import typer

from lumbung.dates import day_option
from lumbung.printing import Format, note, out, plain_lines, show
from lumbung.session import Exit, Session
from planner.explain import UnknownKey, explain
from planner.report import FailoverRow, PoolRow, RiskRow
from planner.risks.engine import RULES
from planner.risks.rule import SEVERITIES

FormatOption = Annotated[Format, typer.Option("--format", help="table, csv or json")]
OnOption = Annotated[str | None, typer.Option("--on", metavar="DATE", help="as of that day")]


def register(app: typer.Typer) -> None:
    app.command("capacity")(capacity_command)
    app.command("failover")(failover_command)
    app.command("risks")(risks_command)
    app.command("rules")(rules_command)
    app.command("explain")(explain_command)


def _columns(row_type: type[Any]) -> list[str]:
    return [field.name for field in fields(row_type)]


def capacity_command(
    context: typer.Context,
    pool: Annotated[str | None, typer.Option(help="one pool only")] = None,
    on: OnOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Per pool, resource and model: usable, demand, headroom, runway, and the date to order by."""
    session: Session = context.obj
    report = session.report(day_option(on, "--on"))
    known = [a.pool for a in report.answers]
    names = {p.name for p in known if pool is None or p.answers_to(pool)}
    if pool is not None and not names:
        raise typer.BadParameter(
            f"no pool is named {pool!r}; known are {', '.join(p.name for p in known)}"
        )
    columns = _columns(PoolRow)
    rows = [[getattr(row, c) for c in columns] for row in report.pools if row.pool in names]
    on_screen = (
        "pool", "resource", "model", "unit", "usable", "allocated", "demand", "headroom",
        "runway_days", "runway_days_conservative", "runway_reason", "order_by_date", "status",
        "confidence",
    )  # fmt: skip
    show(
        columns, rows, form, on_screen=on_screen, empty="no pools are known; run `lumbung collect`"
    )


def failover_command(
    context: typer.Context, on: OnOption = None, form: FormatOption = Format.table
) -> None:
    """Every host failure packed: the guests that would stay down."""
    session: Session = context.obj
    report = session.report(day_option(on, "--on"))
    columns = _columns(FailoverRow)
    rows = [[getattr(row, name) for name in columns] for row in report.failover]
    show(columns, rows, form, empty="no clusters are known; run `lumbung collect`")


def risks_command(
    context: typer.Context,
    least: Annotated[str, typer.Option("--min", metavar="S", help="least severity shown")] = "info",
    fail_on: Annotated[
        str | None, typer.Option(metavar="S", help="exit 5 when a risk is at least that severe")
    ] = None,
    on: OnOption = None,
    form: FormatOption = Format.table,
) -> None:
    """The findings: risks with evidence and remedy, and what could not be checked."""
    floor = _severity(least, "--min")
    limit = None if fail_on is None else _severity(fail_on, "--fail-on")
    session: Session = context.obj
    report = session.report(day_option(on, "--on"))
    chosen = [row for row in report.risks if SEVERITIES.index(row.severity) >= floor]
    columns = _columns(RiskRow)
    rows = [[getattr(row, name) for name in columns] for row in chosen]
    on_screen = ("severity", "outcome", "rule", "subject", "agency", "evidence", "since_days")
    show(columns, rows, form, on_screen=on_screen, empty="no findings")
    if form is Format.table:
        coverage = report.assessment.coverage_percent
        note(
            f"{len(report.assessment.risks)} risks, {len(report.assessment.unknowns)} unknown, "
            f"{report.assessment.total('ok')} ok; coverage "
            + ("?" if coverage is None else f"{coverage:.0f} %")
        )
    grave = [row for row in chosen if row.outcome == "risk"]
    if limit is not None and any(SEVERITIES.index(row.severity) >= limit for row in grave):
        raise typer.Exit(Exit.MET)


def _severity(text: str, option: str) -> int:
    if text not in SEVERITIES:
        raise typer.BadParameter(f"{option}: {text!r} is none of {', '.join(SEVERITIES)}")
    return SEVERITIES.index(text)


def rules_command(form: FormatOption = Format.table) -> None:
    """The catalogue of rules."""
    columns = ["id", "severity", "group", "subject", "title", "sources", "controls", "why", "fix"]
    rows = [
        [
            rule.id,
            rule.severity,
            rule.group,
            rule.subject,
            rule.title,
            ";".join(rule.sources) or "all",
            "; ".join(rule.refs),
            rule.why,
            rule.fix,
        ]
        for rule in RULES
    ]
    on_screen = ("id", "severity", "subject", "title", "controls")
    show(columns, rows, form, on_screen=on_screen)


def explain_command(
    context: typer.Context,
    key: Annotated[
        str,
        typer.Argument(help="pool/NAME/RESOURCE/MODEL[/COLUMN], guest/ID[/COLUMN] or finding/ID"),
    ],
    on: OnOption = None,
) -> None:
    """Formula, inputs with their dates, and policy behind a number."""
    session: Session = context.obj
    report = session.report(day_option(on, "--on"))
    try:
        text = explain(report, key)
    except UnknownKey as error:
        raise typer.BadParameter(str(error)) from None
    out().print(plain_lines(text), markup=False, highlight=False)
