"""Reading an RVTools workbook from disk: the columns that are read of known sheets."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from collectors.contract import BadAnswer, NotInstalled, Unreachable
from collectors.rvtools.sheets import NEEDED_SHEET, SHEETS, Cell, wanted

Table = list[list[Cell]]

_LARGEST_FILE_BYTES = 512 * 1024**2
_LARGEST_CONTENT_BYTES = 4 * 1024**3  # unpacked: a bomb is refused before it is opened
_BROKEN = (
    zipfile.BadZipFile, zlib.error, ParseError, KeyError, ValueError, TypeError, IndexError,
    AttributeError, EOFError,
)  # fmt: skip  # what a damaged workbook makes the library raise


def workbooks(path: Path) -> tuple[Path, ...]:
    """The workbooks a path means: itself, or those in a directory, by name."""
    if path.is_file():
        return (path,)
    if not path.is_dir():
        raise Unreachable(f"{path} is neither a workbook nor a directory; is the medium mounted?")
    found = sorted(p for p in path.glob("*.xlsx") if not p.name.startswith("~$"))
    if not found:
        raise BadAnswer(f"{path} holds no .xlsx file; RVTools makes one with -c ExportAll2xlsx")
    return tuple(found)


def read_sheets(path: Path) -> dict[str, Table]:
    """The sheets that are known, each with its header and the columns that are read.

    Raises BadAnswer for what is no RVTools workbook, NotInstalled without the library.
    """
    _refuse_oversize(path)
    load = _library()
    try:
        with path.open("rb") as file:
            book = load(file, read_only=True, data_only=True)
            named = {name.strip(): name for name in book.sheetnames}
            _refuse_foreign(path, list(named))
            return {
                sheet: _table(path, sheet, book[named[sheet]]) for sheet in SHEETS if sheet in named
            }
    except OSError as error:
        raise Unreachable(f"{path}: {error.strerror or error}") from error
    except _BROKEN as error:
        raise BadAnswer(f"{path} cannot be read as a workbook: {_said(error)}") from error


def _library() -> Any:
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise NotInstalled(
            "a source of kind rvtools needs openpyxl; install it with: "
            "pip install 'lumbung[rvtools]'"
        ) from None
    return load_workbook


def _refuse_oversize(path: Path) -> None:
    try:
        size = path.stat().st_size
        if size > _LARGEST_FILE_BYTES:
            raise BadAnswer(f"{path} is larger than {_LARGEST_FILE_BYTES} bytes")
        with zipfile.ZipFile(path) as archive:
            content = sum(part.file_size for part in archive.infolist())
    except OSError as error:
        raise Unreachable(f"{path}: {error.strerror or error}") from error
    except zipfile.BadZipFile as error:
        raise BadAnswer(
            f"{path} is no .xlsx workbook, or its copying was cut short ({_said(error)})"
        ) from error
    if content > _LARGEST_CONTENT_BYTES:
        raise BadAnswer(f"{path} unpacks to more than {_LARGEST_CONTENT_BYTES} bytes")


def _refuse_foreign(path: Path, sheets: Sequence[str]) -> None:
    if NEEDED_SHEET not in sheets:
        shown = ", ".join(sheets[:8]) or "none"
        raise BadAnswer(
            f"{path} has no sheet {NEEDED_SHEET}, so RVTools did not export it; its sheets: {shown}"
        )


def _table(path: Path, sheet: str, page: Any) -> Table:
    """The header and the rows, cut to the columns that are read; an empty row is []."""
    page.reset_dimensions()  # what a file says of its own size is often wrong
    lines = iter(page.iter_rows(values_only=True))
    header = next(lines, ())
    if any(str(cell).startswith("vInfo") for cell in header):
        raise BadAnswer(
            f"{path}, sheet {sheet}, row 1: has the names of database columns; export it again "
            "without -DBColumnNames"
        )
    places = sorted(set(wanted(sheet, header).values()))
    table = [[header[place] for place in places]]
    table += [_cut(line, places) for line in lines]
    while table and not table[-1]:
        table.pop()
    return table


def _cut(line: Sequence[Any], places: Iterable[int]) -> list[Cell]:
    cells = [_cell(line[place]) if place < len(line) else None for place in places]
    return cells if any(cell is not None for cell in cells) else []


def _cell(value: Any) -> Cell:
    """A cell as JSON can hold it."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
