"""How the face speaks: results on standard output, everything else on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console

from lumbung.choices import Format
from reports.cells import plain
from reports.json_rows import json_of
from reports.terminal import fitted
from reports.weekly_csv import csv_of

_PIPE_WIDTH = 200  # of a table that no terminal bounds
_LEAST_WIDTH = 20  # $COLUMNS may say anything


def out() -> Console:
    """Standard output; wide when it is not a terminal, so that no table is cut."""
    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else _PIPE_WIDTH
    console = Console(file=sys.stdout, width=width, highlight=False, soft_wrap=False)
    console.width = max(console.width, _LEAST_WIDTH)
    return console


def note(message: str) -> None:
    """One line on standard error."""
    print(plain(message), file=sys.stderr)


def show(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    form: Format,
    *,
    on_screen: Sequence[str] | None = None,
    title: str | None = None,
    empty: str = "nothing to show",
) -> None:
    """Prints a table; on a terminal only the columns ``on_screen``, the files hold them all."""
    rows = list(rows)
    if form is Format.csv:
        sys.stdout.write(csv_of(columns, rows))
    elif form is Format.json:
        sys.stdout.write(json_of(columns, rows))
    elif not rows:
        note(empty)
    else:
        chosen = list(on_screen or columns)
        picked = [columns.index(name) for name in chosen]
        print_table(chosen, ([row[i] for i in picked] for row in rows), title=title)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None
) -> None:
    """Prints a table for people, as the terminal has room for it."""
    console = out()
    console.print(fitted(columns, rows, console.width, title=title))


def plain_lines(text: str) -> str:
    """Lines without control characters: names in them came from a hypervisor."""
    return "\n".join(plain(line) for line in text.splitlines())


def number_of(count: int, thing: str) -> str:
    """So many things, in English: "1 fact", "2 facts"."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
