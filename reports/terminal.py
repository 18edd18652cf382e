"""Tables on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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


def _cell(value: Any) -> Text:
    text = screen(value)
    return Text(text, style=COLOURS.get(text, "dim" if value is None else ""))
