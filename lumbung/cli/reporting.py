"""Commands that write the weekly files, and prove them whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lumbung.choices import CsvDialect, Language, Profile
from lumbung.cli.help import InFull
from lumbung.cli.options import Reader

report = typer.Typer(
    help="Write the weekly files: orders, pools, guests, risks, changes, sources, failover, "
    "cameras…",
    invoke_without_command=True,
    cls=InFull,
)


@report.callback()
def _report(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="default: weekly/ in the project")
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="as of the end of that day")
    ] = None,
    lang: Annotated[
        Language, typer.Option(help="of the brief, and of what the risks say")
    ] = Language.en,
    dialect: Annotated[
        CsvDialect, typer.Option("--csv-dialect", help="excel-id: semicolons, decimal commas")
    ] = CsvDialect.standard,
    profile: Reader = Profile.technical,
) -> None:
    """Write the weekly files: orders, pools, guests, risks, changes, sources, failover, cameras…"""
    if context.invoked_subcommand is not None:
        return
    from lumbung.commands.reporting import report_once
    from lumbung.dates import day_option
    from lumbung.session import Session

    session, day = Session.of(context.obj), day_option(on, "--on")
    link = report_once(
        session, folder, day, dialect=dialect.value, lang=lang.value, profile=profile.value
    )
    print(link)


@report.command("verify")
def _report_verify(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="default: weekly/ in the project")
    ] = None,
) -> None:
    """Find what was altered, removed or added since it was published: files, weeks, log lines."""
    from lumbung.commands.verifying import verify
    from lumbung.session import Session

    raise typer.Exit(verify(Session.of(context.obj), folder))
