"""The workbook: a sheet per weekly table, through XlsxWriter; opens right in every locale."""

from __future__ import annotations

import io
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any

import xlsxwriter

from planner.report import Report
from reports.cells import csv_text, scalar

_WIDEST_COLUMN = 60
_MOST_ROWS = 1_048_575  # of a sheet, below its header


def workbook_xlsx(report: Report) -> bytes:
    """The file's bytes: the same report gives the same bytes."""
    buffer = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(buffer, options) as workbook:
        workbook.set_properties(
            {
                "title": f"Lumbung {report.site} {report.as_of}",
                "created": datetime.combine(report.as_of, datetime.min.time(), UTC),
            }
        )
        formats = {
            "head": workbook.add_format({"bold": True, "bottom": 1}),
            "date": workbook.add_format({"num_format": "yyyy-mm-dd"}),
            "time": workbook.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
        }
        for name, (row_type, rows) in report.tables.items():
            _sheet(workbook.add_worksheet(name), row_type, rows[:_MOST_ROWS], formats)
    return buffer.getvalue()


def _sheet(sheet: Any, row_type: type[Any], rows: Any, formats: dict[str, Any]) -> None:
    columns = [field.name for field in fields(row_type)]
    widths = [len(name) for name in columns]
    sheet.write_row(0, 0, columns, formats["head"])
    for number, row in enumerate(rows, 1):
        for i, name in enumerate(columns):
            value = getattr(row, name)
            _write(sheet, number, i, value, formats)
            widths[i] = max(widths[i], len(str(value)) if value is not None else 0)
    for i, width in enumerate(widths):
        sheet.set_column(i, i, min(width + 1, _WIDEST_COLUMN))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(len(rows), 1), len(columns) - 1)


def _write(sheet: Any, row: int, column: int, value: Any, formats: dict[str, Any]) -> None:
    if value is None or value == "":
        return
    if isinstance(value, str):
        sheet.write_string(row, column, csv_text(value))
    elif isinstance(value, datetime):
        plain = value.astimezone(UTC).replace(tzinfo=None)
        sheet.write_datetime(row, column, plain, formats["time"])
    elif isinstance(value, date):
        sheet.write_datetime(row, column, value, formats["date"])
    else:
        sheet.write_number(row, column, scalar(value))
