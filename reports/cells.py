"""One value as a cell: for CSV, JSON and the terminal. What a hypervisor said is untrusted text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from string import Formatter
from typing import Any

_FORMULA_START = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)


# A word that is long enough for 16 digits; found in one pass, however long a hostile text is.
_MAY_HOLD_IDENTITY = re.compile(r"[\dA-Za-z]{16,}")
_SIXTEEN = re.compile(r"(?<!\d)\d{16}(?!\d)")
_CHECKSUM = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}")
IDENTITY_MARK = "[NIK]"
_MOST_KEPT = 1_000  # texts: the same few stand in most cells of a report, and are cleaned once


def is_identity_number(digits: str) -> bool:
    """Whether 16 digits are formed as a national identity number (NIK): a province, two digits
    each of regency and district, a date of birth (women: day + 40), a number."""
    province, day, month = int(digits[:2]), int(digits[6:8]), int(digits[8:10])
    return 11 <= province <= 94 and (1 <= day <= 31 or 41 <= day <= 71) and 1 <= month <= 12


@lru_cache(maxsize=_MOST_KEPT)
def without_identities(text: str) -> str:
    """Text in which every national identity number is named as such, and not told."""
    return _MAY_HOLD_IDENTITY.sub(_hidden, text)


def _hidden(word: re.Match[str]) -> str:
    if _CHECKSUM.fullmatch(word[0]):
        return word[0]
    return _SIXTEEN.sub(
        lambda found: IDENTITY_MARK if is_identity_number(found[0]) else found[0], word[0]
    )


def plain(text: str) -> str:
    """Text without control characters, direction marks, line breaks or identity numbers."""
    cleaned = _CONTROL.sub("", text).replace("\r", " ").replace("\n", " ")
    return without_identities(cleaned)


@lru_cache(maxsize=_MOST_KEPT)
def csv_text(text: str) -> str:
    """Text that no spreadsheet takes for a formula, its line breaks alike, without identity
    numbers; the rest as it was."""
    cleaned = without_identities(_CONTROL.sub("", text))
    safe = f"'{cleaned}" if _is_formula(cleaned) else cleaned
    return safe.replace("\r\n", "\n").replace("\r", "\n")  # a lone one would end the row


def from_csv_text(cell: str) -> str:
    """The text that csv_text made a cell of."""
    return cell[1:] if cell.startswith("'") and _is_formula(cell) else cell


def _is_formula(text: str) -> bool:
    """Whether a spreadsheet might calculate it, once quotes before it are taken off."""
    return text.lstrip("'").startswith(_FORMULA_START)


def csv_cell(value: Any, *, decimal_comma: bool = False) -> str:
    """A CSV cell: empty for None, numbers as numbers, instants in UTC."""
    if value is None:
        return ""
    told = scalar(value)
    if isinstance(told, str):
        return csv_text(told)
    return str(told).replace(".", ",") if decimal_comma else str(told)


def scalar(value: Any) -> Any:
    """A value as JSON and spreadsheets hold it: None, number or text."""
    if isinstance(value, str):
        return without_identities(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return _tidy(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple | list | frozenset | set):
        return without_identities(";".join(str(item) for item in value))
    return value


def _tidy(value: float) -> int | float:
    """A whole number without its ".0"; never an infinity or a NaN, which no reader understands."""
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("a report holds no NaN and no infinity; what is not known is None")
    return int(value) if value == int(value) and abs(value) < 1e15 else value


_MARKS: Mapping[str, Mapping[int, int]] = {"id": str.maketrans(",.", ".,")}


def number(value: float, form: str, lang: str) -> str:
    """A number by a format of Python's, with the marks that a language writes: 24.590 and 99,9
    in Indonesian."""
    return format(value, form).translate(_MARKS.get(lang, {}))


class _Filler(Formatter):
    """Fills in numbers as a language writes them, and all else as it is."""

    def __init__(self, lang: str) -> None:
        self._lang = lang

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, int | float):
            return number(value, format_spec, self._lang)
        return format(value, format_spec)


def filled(phrase: str, lang: str, values: Mapping[str, Any]) -> str:
    """A phrase with its values."""
    return _Filler(lang).vformat(phrase, (), values)


def screen(value: Any, lang: str = "en") -> str:
    """A cell of a table on the terminal, or of a page: "?" for what is not known."""
    if value is None:
        return "?"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value, ",.0f" if abs(value) >= 100 or value == int(value) else ",.2f", lang)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ")
    return plain(str(scalar(value)))


def short(text: str, length: int) -> str:
    """Plain text of no more than so many characters."""
    told = plain(text)
    return told if len(told) <= length else f"{told[: length - 1]}…"
