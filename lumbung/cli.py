"""The command line."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from collectors.contract import CollectError
from inventory.errors import StoreError
from lumbung.commands import (
    collecting,
    looking,
    planning,
    reporting,
    scheduling,
    showing,
    starting,
    storing,
)
from lumbung.printing import note
from lumbung.session import Exit, Session
from lumbung.settings import SettingsError

_HELP = """The granary of a data centre's computing: what there is, whose it is, how long it lasts,
and by which date to order.

\b
On Monday                  lumbung report          then read orders.csv and brief.html
Every month                lumbung changes --from DATE · lumbung risks
Before an order            lumbung capacity · lumbung failover · lumbung explain KEY
Before an audit            lumbung risks · lumbung inventory guests --at DATE
When something is wrong    lumbung sources check · lumbung sources
"""

app = typer.Typer(
    help=_HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


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
    db: Annotated[str | None, typer.Option(help="the store's URL, instead of [store] url")] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="say more")] = False,
) -> None:
    context.obj = Session(config=config, db=db, verbose=verbose)


for _module in (
    starting,
    collecting,
    looking,
    planning,
    reporting,
    scheduling,
    storing,
    showing,
):
    _module.register(app)


def main() -> None:
    """Runs the command line; every expected trouble is one line and an exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit code of one command line."""
    verbose = bool({"-v", "--verbose"} & set(arguments))
    try:
        result = app(args=arguments, prog_name="lumbung", standalone_mode=False)
    except typer.Abort:
        note("stopped")
        return Exit.FAULT
    except TyperException as error:
        note(f"lumbung: {error.format_message()} (see `lumbung --help`)")
        return Exit.USAGE
    except (SettingsError, StoreError, CollectError) as error:
        note(f"lumbung: {error}")
        return Exit.USAGE
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away; there is no one to tell
        return Exit.DONE
    except Exception as error:  # noqa: BLE001  (the last line of defence: our fault, said plainly)
        if verbose:
            traceback.print_exc()
        note(
            f"lumbung: an unexpected {type(error).__name__}: {error}; this is a fault of the "
            "program, please report it (-v shows where)"
        )
        return Exit.FAULT
    return int(result) if isinstance(result, int) else Exit.DONE


if __name__ == "__main__":
    main()
