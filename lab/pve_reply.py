"""The form of every answer of the double."""

from __future__ import annotations

from typing import Any

Answer = tuple[int, str, Any]  # status, reason, data
Row = dict[str, Any]


def ok(data: Any) -> Answer:
    return 200, "OK", data


def fault(status: int, reason: str) -> Answer:
    return status, reason, None
