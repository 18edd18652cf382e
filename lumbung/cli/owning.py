"""Commands about the owners' file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lumbung.choices import CsvDialect, Format, Language, RoundsShow
from lumbung.cli.help import InFull
from lumbung.cli.options import Form

estate = typer.Typer(
    help="The owners' file, and what agencies answer.", no_args_is_help=True, cls=InFull
)


@estate.command("check")
def _estate_check(context: typer.Context) -> None:
    """Validate the estate file, and the pools it names against what the store knows."""
    from lumbung.commands.owning import check_estate
    from lumbung.session import Session

    raise typer.Exit(check_estate(Session.of(context.obj)))


@estate.command("export")
def _estate_export(
    context: typer.Context,
    agency: Annotated[str | None, typer.Option(metavar="CODE", help="only of this agency")] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="default: attestation/DATE in the project"),
    ] = None,
    lang: Annotated[Language, typer.Option(help="of the text beside the lists")] = Language.en,
    dialect: Annotated[
        CsvDialect, typer.Option("--csv-dialect", help="excel-id: semicolons, decimal commas")
    ] = CsvDialect.standard,
) -> None:
    """Write each agency the list of its guests to fill in, with guesses marked as guesses."""
    from lumbung.commands.attesting import export_lists
    from lumbung.session import Session

    session = Session.of(context.obj)
    export_lists(session, agency, folder, dialect=dialect.value, lang=lang.value)


@estate.command("import")
def _estate_import(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="lists that came back")],
    yes: Annotated[bool, typer.Option("--yes", help="take them in without asking")] = False,
) -> None:
    """Check the lists that came back, show what changes, and record it when confirmed."""
    from lumbung.commands.attesting import import_answers
    from lumbung.session import Session

    raise typer.Exit(import_answers(Session.of(context.obj), files, yes=yes))


@estate.command("rounds")
def _estate_rounds(
    context: typer.Context,
    what: Annotated[
        RoundsShow | None, typer.Option("--show", help="default: agencies, and what comes first")
    ] = None,
    form: Form = Format.table,
) -> None:
    """How many guests agencies answered for, what is overdue, and what to classify first."""
    from lumbung.commands.attesting import show_rounds
    from lumbung.session import Session

    show_rounds(Session.of(context.obj), what, form)
