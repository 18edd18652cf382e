"""The weekly tables as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, Literal

from reports.cells import csv_cell

Dialect = Literal["standard", "excel-id"]
DIALECTS: tuple[Dialect, ...] = ("standard", "excel-id")
_BYTE_ORDER_MARK = "\ufeff"  # tells a spreadsheet that the file is UTF-8


def csv_of_rows(row_type: type[Any], rows: Iterable[Any], dialect: Dialect = "standard") -> str:
    """The rows of one weekly table; the row type's fields are the columns, in order."""
    columns = [field.name for field in fields(row_type)]
    return csv_of(columns, ([getattr(row, name) for name in columns] for row in rows), dialect)


def csv_of(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], dialect: Dialect = "standard"
) -> str:
    """A header and its rows; "excel-id" has semicolons and decimal commas."""
    indonesian = dialect == "excel-id"
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";" if indonesian else ",", lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([csv_cell(value, decimal_comma=indonesian) for value in row])
    return (_BYTE_ORDER_MARK if indonesian else "") + text.getvalue()
