"""Commands about the store."""

from __future__ import annotations

from typing import Annotated

import typer

from lumbung.choices import Format
from lumbung.cli.help import InFull
from lumbung.cli.options import Form

db = typer.Typer(
    help="The store: what it holds, its schema, its health.", no_args_is_help=True, cls=InFull
)


@db.command("info")
def _db_info(context: typer.Context) -> None:
    """Where the store is, its schema, and how much it holds."""
    from lumbung.commands.storing import show_info
    from lumbung.session import Session

    show_info(Session.of(context.obj))


@db.command("upgrade")
def _db_upgrade(context: typer.Context) -> None:
    """Bring the schema up to this program; an embedded store is copied first."""
    from lumbung.commands.storing import upgrade
    from lumbung.session import Session

    upgrade(Session.of(context.obj))


@db.command("check")
def _db_check(context: typer.Context) -> None:
    """Look for damage: of the file, and of what the store promises about its facts."""
    from lumbung.commands.storing import check
    from lumbung.session import Session

    raise typer.Exit(check(Session.of(context.obj)))


@db.command("mend")
def _db_mend(
    context: typer.Context,
    sure: Annotated[bool, typer.Option("--yes", help="do it; without it only what is found")] = (
        False
    ),
) -> None:
    """Take out what is dated after now and in the way of new polls; a copy is kept."""
    from lumbung.commands.storing import mend
    from lumbung.session import Session

    raise typer.Exit(mend(Session.of(context.obj), sure=sure))


@db.command("purge")
def _db_purge(
    context: typer.Context,
    older_than: Annotated[
        int | None,
        typer.Option(min=30, metavar="DAYS", help="also forget facts, polls and samples before"),
    ] = None,
) -> None:
    """Merge and drop old samples as configured; with --older-than forget more, for good."""
    from lumbung.commands.storing import purge
    from lumbung.session import Session

    purge(Session.of(context.obj), older_than)


@db.command("log")
def _db_log(context: typer.Context, form: Form = Format.table) -> None:
    """The audit log: who ran what, when, on which sources, with which counts."""
    from lumbung.commands.verifying import show_log
    from lumbung.session import Session

    show_log(Session.of(context.obj), form)
