"""Tables on the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.cells import screen

# Colours follow the status (glossary 19), verdicts and outcomes.
COLOURS: Mapping[str, str] = {
    "overdue": "bold red",
    "overdue_if_assumed": "magenta",
    "act": "red",
    "plan": "yellow",
    "ok": "green",
    "unknown": "cyan",
    "fail": "bold red",
    "pass": "green",
    "unproven": "cyan",
    "risk": "red",
    "critical": "bold red",
    "high": "red",
    "medium": "yellow",
    "stale": "red",
    "failing": "red",
    "never": "red",
    "partial": "yellow",
}


def table_of(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None
) -> Table:
    """A table for people: numbers to the right, "?" for what is not known."""
    body = [list(row) for row in rows]
    table = Table(title=title, title_justify="left", header_style="bold", pad_edge=False, box=None)
    for i, name in enumerate(columns):
        numeric = any(isinstance(row[i], int | float) for row in body)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in body:
        table.add_row(*(_cell(value) for value in row))
    return table


_BETWEEN = 2  # blanks between two columns
_LONGEST_WORD = 36  # a UUID; a longer one is broken, lest one odd name turn a table into blocks


def fitted(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], width: int, *, title: str | None = None
) -> RenderableType:
    """A table as wide as the terminal at most, in which no word is broken; where the columns have
    no room for their words, row by row a block of lines: a column's name, and what it holds."""
    body = [list(row) for row in rows]
    least = [_longest(_HEADING_WORD.findall(name)) for name in columns]
    most = list(map(cell_len, columns))
    for i in range(len(columns)):
        told = [screen(row[i]) for row in body]
        least[i] = max(least[i], min(_longest(" ".join(told).split()), _LONGEST_WORD))
        most[i] = max(most[i], _longest(told))
    room = width - _BETWEEN * (len(columns) - 1)
    if sum(least) > room:
        return _blocks(columns, body, title)
    table = table_of(columns, body, title=title)
    for column, name, wide in zip(table.columns, columns, _shared(least, most, room), strict=True):
        column.width, column.header = wide, _heading(name, wide)
    return table


_HEADING_WORD = re.compile(r"[^\s_]+_?|_")


def _longest(texts: Iterable[str]) -> int:
    return max(map(cell_len, texts), default=0)


def _shared(least: Sequence[int], most: Sequence[int], room: int) -> list[int]:
    """The columns' widths: what their words need, and of the rest each gets a like part until it
    has all that it can use."""
    widths, left = list(least), room - sum(least)
    short = [i for i in range(len(widths)) if widths[i] < most[i]]
    while left > 0 and short:
        for i in short[:left]:
            widths[i] += 1
        left -= len(short[:left])
        short = [i for i in short if widths[i] < most[i]]
    return widths


def _heading(name: str, width: int) -> str:
    """A column's name, broken between its words."""
    lines = [""]
    for piece in re.findall(r"(?:[^\s_]+_?|_)\s*", name):
        if lines[-1] and cell_len(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)


def _blocks(
    columns: Sequence[str], body: Sequence[Sequence[Any]], title: str | None
) -> RenderableType:
    """Each row as lines of its own; what is empty is left out, what is not known is not."""
    parts: list[RenderableType] = [] if title is None else [Text(title, style="italic")]
    for first, *others in body:
        block = Table.grid(padding=(0, _BETWEEN, 0, 0))
        block.add_column(overflow="fold", style="bold")
        block.add_column(overflow="fold")
        block.add_row(columns[0], _cell(first))
        for name, value in zip(columns[1:], others, strict=True):
            if value != "":
                block.add_row(f"  {name}", _cell(value))
        parts.append(block)
    return Group(*parts)


def _cell(value: Any) -> Text:
    text = screen(value)
    return Text(text, style=COLOURS.get(text, "dim" if value is None else ""))
