"""report."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lumbung.dates import day_option
from lumbung.printing import note
from lumbung.publish import publish, weekly
from lumbung.session import Session
from reports.weekly_csv import Dialect


class DialectName(StrEnum):
    standard = "standard"
    excel_id = "excel-id"


class Language(StrEnum):
    en = "en"
    id = "id"


def register(app: typer.Typer) -> None:
    app.command("report")(report_command)


def report_command(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="default: weekly/ in the project")
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="as of the end of that day")
    ] = None,
    lang: Annotated[Language, typer.Option(help="of the brief")] = Language.en,
    csv_dialect: Annotated[
        DialectName, typer.Option(help="excel-id: semicolons and decimal commas")
    ] = DialectName.standard,
) -> None:
    """Write the weekly files: orders, pools, guests, risks, changes, sources, failover, brief."""
    dialect: Dialect = "excel-id" if csv_dialect is DialectName.excel_id else "standard"
    day = day_option(on, "--on")
    print(report_once(context.obj, folder, day, dialect=dialect, lang=lang.value))


def report_once(
    session: Session,
    folder: Path | None = None,
    on: date | None = None,
    *,
    dialect: Dialect = "standard",
    lang: str = "en",
) -> Path:
    """Publishes the weekly files and returns the link to them."""
    settings = session.settings()
    with session.store(settings) as store:
        report = weekly(session, settings, store, on)
        link = publish(report, folder or settings.root / "weekly", dialect=dialect, lang=lang)
    note(
        f"{link}: {len(report.orders)} orders, {len(report.guests)} guests, "
        f"{len(report.assessment.risks)} risks, status {report.status}"
    )
    return link
