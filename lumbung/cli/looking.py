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
            help="what a row says in its column `key`, then /COLUMN for one figure: order/POOL, "
            "pool/NAME/RESOURCE/MODEL, guest/ID, finding/ID, failover/POOL/HOST, recorder/NAME, "
            "source/NAME, request/…; with --file scenario/NAME/POOL/RESOURCE/MODEL"
        ),
    ],
    file: Annotated[
        Path | None, typer.Option("--file", metavar="YAML", help="the scenarios of the key")
    ] = None,
    edition: Annotated[
        str | None,
        typer.Option(
            "--report",
            metavar="WEEK",
            help="as of the instant of a published report, beside what it says: 2026-W48, latest, "
            "a run, or its folder",
        ),
    ] = None,
    on: On = None,
) -> None:
    """Formula, inputs with their dates, and policy behind a number; what was published of it."""
    from lumbung.commands.planning import show_explanation
    from lumbung.session import Session

    if edition is not None and (on is not None or key.startswith(("request/", "scenario/"))):
        raise typer.BadParameter(
            "takes no --on, and is of rows of the weekly files", param_hint="--report"
        )
    if key.startswith("request/"):
        from lumbung.commands.whatif import explain_answer

        explain_answer(Session.of(context.obj), key, on)
        return
    if file is not None:
        from lumbung.commands.asked import Asked
        from lumbung.commands.whatif import explain_row

        explain_row(Session.of(context.obj), Asked(), file, on, key)
        return
    show_explanation(Session.of(context.obj), key, on, edition)
