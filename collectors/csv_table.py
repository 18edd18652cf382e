"""Reading one CSV file strictly: every fault is told with its file, line and column."""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from collectors.contract import BadAnswer
from inventory.cpu_lists import cpus_in, ranges_of

_LARGEST = 2**62  # what the store's columns hold
_LARGEST_VLAN = 4094
_EARLIEST_YEAR = 2000  # what a clock without a battery says is before it


@dataclass(frozen=True, slots=True)
class Column:
    """A column, how a cell is read, whether the column must be there and its cells filled."""

    name: str
    read: Callable[[str], Any]
    required: bool = False
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One data row: its number in the file, and its values; an empty cell is None."""

    file: str
    number: int
    values: Mapping[str, Any]

    def __getitem__(self, column: str) -> Any:
        return self.values.get(column)

    def fault(self, column: str, reason: str) -> BadAnswer:
        return BadAnswer(f"{self.file}, line {self.number}, column {column}: {reason}")


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file's columns."""

    file: str
    columns: tuple[Column, ...]

    def rows(self, text: str) -> Iterator[Line]:
        """The data rows. Raises BadAnswer at the first fault."""
        reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            known = self._known(header)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield self._line(reader.line_num, header, known, cells)
        except csv.Error as error:
            raise BadAnswer(f"{self.file}, line {reader.line_num}: {error}") from error

    def _known(self, header: list[str]) -> dict[str, Column]:
        names = {column.name: column for column in self.columns}
        if len(header) == 1 and ";" in header[0]:
            raise BadAnswer(f"{self.file}, line 1: columns are separated by ; but must be by ,")
        for name in header:
            if name not in names:
                near = difflib.get_close_matches(name.lower(), names, 1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(names)}"
                raise BadAnswer(f"{self.file}, line 1: unknown column {name!r}{hint}")
        if len(set(header)) != len(header):
            raise BadAnswer(f"{self.file}, line 1: a column is named twice")
        missing = [c.name for c in self.columns if c.required and c.name not in header]
        if missing:
            raise BadAnswer(f"{self.file}, line 1: missing column {', '.join(missing)}")
        return names

    def _line(
        self, number: int, header: list[str], known: Mapping[str, Column], cells: list[str]
    ) -> Line:
        if len(cells) != len(header):
            raise BadAnswer(
                f"{self.file}, line {number}: {len(cells)} cells, the header has {len(header)}"
            )
        values: dict[str, Any] = {}
        for name, cell in zip(header, cells, strict=True):
            values[name] = self._value(known[name], cell.strip(), number)
        return Line(self.file, number, values)

    def _value(self, column: Column, cell: str, number: int) -> Any:
        if not cell:
            if column.filled:
                raise BadAnswer(f"{self.file}, line {number}, column {column.name}: is empty")
            return None
        try:
            return column.read(cell)
        except ValueError as error:
            raise BadAnswer(f"{self.file}, line {number}, column {column.name}: {error}") from error


def text(cell: str) -> str:
    if not cell.isprintable():
        raise ValueError("holds control characters")
    return cell


def number(cell: str) -> float:
    try:
        if "_" in cell or not cell.isascii():  # Python reads 1_0 as 10
            raise ValueError
        value = float(cell)
    except ValueError:
        raise ValueError(f"{cell!r} is not a number") from None
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{cell!r} is not a number of at least 0")
    return value


def whole(cell: str) -> int:
    value = number(cell)
    if value != int(value):
        raise ValueError(f"{cell!r} is not a whole number")
    if value > _LARGEST:
        raise ValueError(f"{cell!r} is too large")
    return int(value)


def vlan(cell: str) -> int:
    value = whole(cell)
    if value > _LARGEST_VLAN:
        raise ValueError(f"{cell!r} is no VLAN: they end at {_LARGEST_VLAN}")
    return value


def above_zero(cell: str) -> float:
    """A number of what nothing has none of: a 0 there stands for what nobody knew."""
    value = number(cell)
    if value == 0:
        raise ValueError("is 0; leave the cell empty where it is not known")
    return value


def whole_above_zero(cell: str) -> int:
    above_zero(cell)
    return whole(cell)


def flag(cell: str) -> bool:
    if cell not in ("0", "1"):
        raise ValueError(f"{cell!r} is neither 0 nor 1")
    return cell == "1"


def names(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text(cell).split(";") if part.strip())


def cpus(cell: str) -> tuple[str, ...]:
    """CPUs by their numbers, as 0-3;8; a ; alone is none."""
    listed = ",".join(names(cell.replace(",", ";")))
    found = cpus_in(listed) if listed else frozenset[int]()
    if found is None:
        raise ValueError(f"{cell!r} is no list of CPUs such as 0-3;8")
    return ranges_of(found)


@dataclass(frozen=True, slots=True)
class OneOf:
    """Reads a cell that holds one of a few words."""

    words: tuple[str, ...]

    def __call__(self, cell: str) -> str:
        if cell not in self.words:
            raise ValueError(f"{cell!r} is none of {', '.join(self.words)}")
        return cell


def one_of(*words: str) -> OneOf:
    return OneOf(words)


def instant(cell: str) -> datetime:
    try:
        value = datetime.fromisoformat(cell)
    except ValueError:
        raise ValueError(f"{cell!r} is not an ISO 8601 time") from None
    if value.tzinfo is None:
        local = value.isoformat()  # of a date alone too: an offset needs a time before it
        raise ValueError(f"{cell!r} has no offset; write it as {local}+07:00 or {local}Z")
    if value.year < _EARLIEST_YEAR:
        raise ValueError(f"{cell!r} is before the year {_EARLIEST_YEAR}; was a clock not set?")
    return value
