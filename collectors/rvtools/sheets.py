"""The sheets and columns of an RVTools workbook that are read, under every name they have had.

Headers changed over the years (MB became MiB, which it always was); every other name of a column
stands in ``also`` here and nowhere else. Every fault is told with its file, sheet, row and column.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from collectors.contract import BadAnswer

MIB = 1024**2
_LARGEST = 2**62
_LONGEST_TEXT = 500

Cell = str | int | float | bool | None  # as JSON holds it; an instant is ISO text


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its newest name, its other names, how a cell is read, and whether the column
    must be there and its cells filled."""

    name: str
    read: Callable[[Cell], Any]
    also: tuple[str, ...] = ()
    required: bool = False
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One data row: where it stands, and its values by column; None for an empty cell."""

    file: str
    sheet: str
    number: int
    values: Mapping[str, Any]

    def __getitem__(self, column: str) -> Any:
        return self.values.get(column)

    def fault(self, column: str, reason: str) -> BadAnswer:
        return BadAnswer(
            f"{self.file}, sheet {self.sheet}, row {self.number}, column {column}: {reason}"
        )


# Reading one cell. Each raises ValueError for what it cannot be.


def text(cell: Cell) -> str:
    """Text without control characters; a number that stands for a name is its digits."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return "".join(c for c in str(cell) if c.isprintable()).strip()[:_LONGEST_TEXT]


def number(cell: Cell) -> float:
    """A number of at least 0; as text its thousands may be set apart by commas."""
    if isinstance(cell, bool):
        raise ValueError(f"{cell!r} is not a number")
    plain = cell
    if isinstance(cell, str) and re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", cell.strip()):
        plain = cell.replace(",", "")
    try:
        value = float(plain)  # type: ignore[arg-type]  # None and rubbish are told below
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{_shown(cell)} is not a number") from None
    if not math.isfinite(value) or not 0 <= value <= _LARGEST:
        raise ValueError(f"{_shown(cell)} is not a number of at least 0")
    return value


def whole(cell: Cell) -> int:
    value = number(cell)
    if value != int(value):
        raise ValueError(f"{_shown(cell)} is not a whole number")
    return int(value)


def mib(cell: Cell) -> int:
    """Bytes of a figure in MiB."""
    value = number(cell) * MIB
    if value > _LARGEST:
        raise ValueError(f"{_shown(cell)} MiB is more than there can be")
    return round(value)


def flag(cell: Cell) -> bool:
    word = str(cell).strip().casefold()
    if word not in _FLAGS:
        raise ValueError(f"{_shown(cell)} is neither True nor False")
    return _FLAGS[word]


_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  (a workbook's times have no zone)
_EXCEL_DAYS = (20_000, 80_000)  # 1954 to 2119: a plainer number is no date


def local_time(cell: Cell) -> datetime:
    """The instant as the workbook shows it: local to where RVTools ran, without a zone."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        if _EXCEL_DAYS[0] <= cell <= _EXCEL_DAYS[1]:
            moment = _EXCEL_EPOCH + timedelta(days=cell)
            return (moment + timedelta(microseconds=500_000)).replace(microsecond=0)
        raise ValueError(f"{_shown(cell)} is not a date")
    try:
        value = datetime.fromisoformat(str(cell).strip().replace("/", "-"))
    except ValueError:
        raise ValueError(f"{_shown(cell)} is not a date such as 2026/11/23 14:05:00") from None
    return value


def names(cell: Cell) -> tuple[str, ...]:
    """The names of a list in one cell, as they stand there."""
    return tuple(part for part in re.split(r"[,;\s]+", text(cell)) if part)


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def uuid(cell: Cell) -> str | None:
    """A UUID in its usual form; None for one that is all zeros or none at all."""
    digits = re.sub(r"[^0-9a-f]", "", str(cell).casefold())
    if len(digits) != 32 or not digits.strip("0"):
        return None
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return "-".join(parts)


def _shown(cell: Cell) -> str:
    return repr(cell if not isinstance(cell, str) else cell[:60])


# What is read of each sheet


def _told(name: str, *also: str) -> Column:
    return Column(name, text, also)


_OF_A_VM = (
    Column("VM", text, required=True, filled=True),
    Column("VM ID", text),
    Column("VM UUID", uuid, ("VM Instance UUID",)),
    _told("VI SDK Server"),
    _told("VI SDK UUID"),
)

SHEETS: dict[str, tuple[Column, ...]] = {
    "vInfo": (
        *_OF_A_VM,
        Column("Powerstate", text, ("Power state",), required=True),
        Column("Template", flag),
        Column("Connection state", text),
        Column("CPUs", number, ("# vCPUs",), required=True),
        Column("Memory", mib, ("Memory MiB",), required=True),
        Column("In Use MiB", mib),
        _told("Resource pool"),
        _told("Datacenter"),
        _told("Cluster"),
        _told("Host"),
        _told("Firmware"),
        Column("EFI Secure boot", flag),
        _told("OS according to the VMware Tools"),
        _told("OS according to the configuration file", "OS"),
        Column("SMBIOS UUID", uuid, ("BIOS UUID",)),
    ),
    "vCPU": (*_OF_A_VM, Column("Overall", number)),
    "vMemory": (*_OF_A_VM, Column("Size MiB", mib)),
    "vDisk": (
        *_OF_A_VM,
        _told("Disk"),
        _told("Disk Key"),
        Column("Capacity MiB", mib, required=True),
        Column("Raw", flag),
        _told("Disk Mode"),
        _told("Sharing mode"),
        Column("Thin", flag),
        _told("Shared Bus"),
        _told("Path", "Disk Path"),
        _told("Raw LUN ID"),
        _told("Raw Comp. Mode", "Raw Com. Mode"),
        _told("Datacenter"),
    ),
    "vPartition": (
        *_OF_A_VM,
        Column("Disk", text, required=True),
        Column("Capacity MiB", mib, required=True),
        Column("Consumed MiB", mib),
        Column("Free MiB", mib),
    ),
    "vNetwork": (
        *_OF_A_VM,
        _told("NIC label"),
        _told("Adapter"),
        _told("Network"),
        Column("Connected", flag),
        Column("Starts Connected", flag),
        _told("Mac Address"),
        Column("Direct Path IO", flag),
    ),
    "vUSB": (*_OF_A_VM, _told("Device Node"), _told("Device Type")),
    "vSnapshot": (
        *_OF_A_VM,
        Column("Name", text, required=True),
        Column("Date / time", local_time),
        Column("Size MiB (total)", mib),
    ),
    "vTools": (*_OF_A_VM, _told("Tools")),
    "vHost": (
        Column("Host", text, required=True, filled=True),
        _told("Datacenter"),
        _told("Cluster"),
        Column("in Maintenance Mode", flag),
        _told("CPU Model"),
        Column("Speed", number),
        Column("HT Active", flag),
        Column("# CPU", whole, required=True),
        Column("Cores per CPU", whole),
        Column("# Cores", whole),
        Column("CPU usage %", number),
        Column("# Memory", mib, ("# Memory MiB",), required=True),
        Column("Memory usage %", number),
        Column("# VMs total", whole),
        _told("ESX Version"),
        Column("Boot time", local_time),
        _told("VI SDK Server"),
        _told("VI SDK UUID"),
    ),
    "vCluster": (
        Column("Name", text, required=True, filled=True),
        Column("NumHosts", whole),
        _told("VI SDK Server"),
    ),
    "vDatastore": (
        Column("Name", text, required=True, filled=True),
        _told("Address"),
        Column("Accessible", flag),
        _told("Type"),
        Column("Capacity MiB", mib, required=True),
        Column("In Use MiB", mib),
        Column("Free MiB", mib),
        Column("# Hosts", whole),
        Column("Hosts", names),
        Column("MHA", flag),
        _told("URL"),
        _told("VI SDK Server"),
    ),
    "vMetaData": (
        Column("xlsx creation datetime", local_time),
        _told("RVTools version"),
        _told("Server"),
    ),
}
NEEDED_SHEET = "vInfo"


def wanted(sheet: str, header: Sequence[Any]) -> dict[str, int]:
    """Where each column that is read stands in a header, by its newest name.

    The first of two columns of one name counts: custom attributes follow RVTools' own columns.
    """
    places: dict[str, int] = {}
    for place, cell in enumerate(header):
        places.setdefault(_plain(cell), place)
    found: dict[str, int] = {}
    for column in SHEETS[sheet]:
        for name in (column.name, *column.also):
            if _plain(name) in places:
                found[column.name] = places[_plain(name)]
                break
    return found


def _plain(header: Any) -> str:
    """A header without the differences that mean nothing: case, blanks, MB for MiB."""
    words = str(header or "").casefold().split()
    return " ".join("mib" if word == "mb" else word for word in words)


def rows(file: str, sheet: str, table: Sequence[Sequence[Cell]]) -> Iterator[Row]:
    """The data rows of a sheet whose first row is its header. Raises BadAnswer at a fault."""
    header = table[0] if table else ()
    places = wanted(sheet, header)
    missing = [c.name for c in SHEETS[sheet] if c.required and c.name not in places]
    if missing:
        raise BadAnswer(f"{file}, sheet {sheet}, row 1: missing column {', '.join(missing)}")
    columns = [column for column in SHEETS[sheet] if column.name in places]
    for number_, cells in enumerate(table[1:], 2):
        if any(cell not in (None, "") for cell in cells):
            values = {c.name: _value(file, sheet, number_, c, cells, places) for c in columns}
            yield Row(file, sheet, number_, values)


def _value(
    file: str,
    sheet: str,
    number_: int,
    column: Column,
    cells: Sequence[Cell],
    places: Mapping[str, int],
) -> Any:
    place = places[column.name]
    cell = cells[place] if place < len(cells) else None
    where = Row(file, sheet, number_, {})
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        if column.filled:
            raise where.fault(column.name, "is empty")
        return None
    try:
        return column.read(cell)
    except ValueError as error:
        raise where.fault(column.name, str(error)) from error


# What is made of values


def word(cell: str | None) -> str:
    """A word of RVTools to look up, whatever its case; "" for none."""
    return (cell or "").casefold()


def lower(cell: str | None) -> str | None:
    return None if cell is None else cell.lower()


def unused(taken: set[str], row: Row, column: str, name: str, more: Any) -> str:
    """The name, told apart by ``more`` from one that is taken. Raises BadAnswer if it cannot."""
    chosen = name if name not in taken else f"{name} ({more})"
    if chosen in taken:
        raise row.fault(column, f"{name!r} stands there twice")
    taken.add(chosen)
    return chosen
