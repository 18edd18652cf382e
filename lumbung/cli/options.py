"""Options that many commands take."""

from __future__ import annotations

from typing import Annotated

import typer

from lumbung.choices import Format, Profile

Names = Annotated[list[str] | None, typer.Argument(help="sources; default all")]
Form = Annotated[Format, typer.Option("--format", help="table, csv or json")]
Reader = Annotated[
    Profile,
    typer.Option(
        help="who reads it: management gets no addresses and accounts, an auditor shortened ones"
    ),
]
On = Annotated[str | None, typer.Option("--on", metavar="DATE", help="as of that day")]
