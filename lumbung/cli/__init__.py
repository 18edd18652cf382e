"""The command line: every command with its options, and nothing else.

A command loads what it needs when it runs, so that `--help` is instant.
"""

from __future__ import annotations

import gc
import io
import os
import sys
import traceback
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from lumbung.choices import Exit, Globals
from lumbung.cli import looking, owning, planning, polling, protecting, reporting, saving, storing
from lumbung.cli.help import InFull

_HELP = """The granary of a data centre's computing: what there is, whose it is, how long it lasts,
and by which date to order.

\b
On Monday                  lumbung report          then read orders.csv and brief.html
Every month                lumbung changes --from DATE · lumbung risks
Before an order            lumbung capacity · lumbung fit · lumbung failover · lumbung explain KEY
Before an audit            lumbung risks --framework iso27001 · lumbung report verify
When something is wrong    lumbung sources check · lumbung incident --guest X --from TIME
"""

_LOOK = {
    "cls": InFull,
    "no_args_is_help": True,
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 100},
}
app = typer.Typer(help=_HELP, **_LOOK)  # type: ignore[arg-type]  # options of several types
for _part in (polling, looking, planning, saving, protecting):
    app.add_typer(_part.commands)
app.add_typer(polling.sources, name="sources")
app.add_typer(owning.estate, name="estate")
app.add_typer(reporting.report, name="report")
app.add_typer(storing.db, name="db")


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"lumbung {metadata.version('lumbung')}")
        raise typer.Exit


@app.callback()
def _global(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            help="configuration; default $LUMBUNG_CONFIG, else ./config/lumbung.toml, else "
            "/etc/lumbung/lumbung.toml"
        ),
    ] = None,
    db_url: Annotated[
        str | None, typer.Option("--db", metavar="URL", help="the store, instead of [store] url")
    ] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="say more")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="tell it and end"),
    ] = False,
) -> None:
    context.obj = Globals(config=config, db=db_url, verbose=verbose)


# An estate is many small things that stay. To look through them for cycles each time that a few
# hundred more are there takes a tenth of a report's time, and there are hardly any.
_NEW_BEFORE_CYCLES_ARE_SOUGHT = 50_000


def main() -> None:
    """Runs the command line; every expected trouble is one line and an exit code."""
    gc.set_threshold(_NEW_BEFORE_CYCLES_ARE_SOUGHT)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a locale without × or – still gets its table
        sys.stdout.reconfigure(errors="backslashreplace")
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the reader went away: what is left is for no one
        _drop_the_rest()
    except OSError as error:
        _drop_the_rest()
        code = _told(error, verbose=False)
    sys.exit(code)


def _drop_the_rest() -> None:
    """Nothing more is written to standard output, also not when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(arguments: list[str]) -> int:
    """The exit code of one command line."""
    try:
        result = app(args=arguments, prog_name="lumbung", standalone_mode=False)
    except typer.Abort:
        _say("stopped")
        return Exit.FAULT
    except TyperException as error:
        told = error.format_message().replace("Value error, ", "")  # of a choice that is none
        _say(f"lumbung: {told} (see `lumbung --help`)")
        return Exit.USAGE
    except SystemExit as stopped:
        if isinstance(stopped.__context__, BrokenPipeError):
            return Exit.DONE  # the reader went away (`| head`): it has all that it wanted
        raise
    except Exception as error:  # noqa: BLE001  (the last line of defence: told below)
        return _told(error, verbose=bool({"-v", "--verbose"} & set(arguments)))
    return int(result) if isinstance(result, int) else Exit.DONE


def _told(error: Exception, *, verbose: bool) -> int:
    """The exit code of an error, told in one line; one that is not foreseen is our own fault."""
    from collectors.contract import CollectError
    from inventory.errors import StoreError
    from lumbung.settings import SettingsError

    if isinstance(error, SettingsError | StoreError | CollectError):
        _say(f"lumbung: {error}")
        return Exit.USAGE
    if verbose:
        traceback.print_exception(error)
    if isinstance(error, OSError) and error.strerror:  # a full disk, a folder that is none, …
        _say(f"lumbung: {error.filename or 'what was to be written'}: {error.strerror}")
        return Exit.USAGE
    _say(
        f"lumbung: an unexpected {type(error).__name__}: {error}; this is a fault of the "
        "program, please report it (-v shows where)"
    )
    return Exit.FAULT


def _say(message: str) -> None:
    from lumbung.printing import note

    note(message)
