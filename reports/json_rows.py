"""Tables as JSON: a list of objects with the CSV's column names; not known is null."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from reports.cells import scalar


def json_of(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """The rows as a JSON list, one object a line."""
    objects = [
        json.dumps(
            {name: _value(value) for name, value in zip(columns, row, strict=True)},
            ensure_ascii=False,
            allow_nan=False,
        )
        for row in rows
    ]
    return "[\n" + ",\n".join(f"  {text}" for text in objects) + "\n]\n" if objects else "[]\n"


def _value(value: Any) -> Any:
    """Lists and truth values keep their JSON form; everything else is as in the CSV."""
    if isinstance(value, tuple | list):
        return [scalar(item) for item in value]
    return value if isinstance(value, bool) else scalar(value)
