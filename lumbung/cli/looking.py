"""Commands that tell what is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lumbung.choices import Format, Thing
from lumbung.cli.options import Form, On

commands = typer.Typer()


@commands.command("inventory")
def _inventory(
    context: typer.Context,
    kind: Annotated[Thing, typer.Argument(help="what to list")],
    at: Annotated[
        str | None, typer.Option(metavar="DATE", help="as it was at the end of that day")
    ] = None,
    form: Form = Format.table,
) -> None:
    """What is known, now or at any past date; bytes and other base units."""
    from lumbung.commands.looking import list_things
    from lumbung.session import Session

    list_things(Session.of(context.obj), kind, at, form)


@commands.command("changes")
def _changes(
    context: typer.Context,
    start: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="default: 7 days before")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="DATE", help="default: today")] = None,
    form: Form = Format.table,
) -> None:
    """What was added, removed, resized, moved, renamed or reclassified."""
    from lumbung.commands.looking import list_changes
    from lumbung.session import Session

    list_changes(Session.of(context.obj), start, end, form)


@commands.command("explain")
def _explain(
    context: typer.Context,
    key: Annotated[
        str,
        typer.Argument(
            help="pool/NAME/RESOURCE/MODEL[/COLUMN], guest/ID[/COLUMN], finding/ID, recorder/NAME, "
            "or with --file scenario/NAME/POOL/RESOURCE/MODEL[/COLUMN]"
        ),
    ],
    file: Annotated[
        Path | None, typer.Option("--file", metavar="YAML", help="the scenarios of the key")
    ] = None,
    on: On = None,
) -> None:
    """Formula, inputs with their dates, and policy behind a number."""
    from lumbung.commands.planning import show_explanation
    from lumbung.session import Session

    if file is not None:
        from lumbung.commands.asked import Asked
        from lumbung.commands.whatif import explain_row

        explain_row(Session.of(context.obj), Asked(), file, on, key)
        return
    show_explanation(Session.of(context.obj), key, on)
