"""What changed, as the rows of changes.csv tell it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inventory.changes import Change
from planner.keys import change_key
from planner.pools import GIB
from planner.rows import ChangeRow


def change_row(change: Change) -> ChangeRow:
    """A change as a reader takes it in: sizes in GiB."""
    return ChangeRow(
        change.at,
        change.kind,
        change.subject,
        change.guest_uuid,
        in_gib(change.field),
        _told(change.old, named=not change.field),
        _told(change.new, named=not change.field),
        change_key(change.at, change.kind, change.subject, change.field),
    )


def _told(values: Mapping[str, Any], *, named: bool) -> str:
    """Values as text, with their names when there may be several."""
    return ", ".join(
        f"{in_gib(name)} {_readable(name, value)}" if named else _readable(name, value)
        for name, value in values.items()
    )


def in_gib(name: str) -> str:
    """A field's name in the unit that reports show."""
    return name.removesuffix("_bytes") + "_gib" if name.endswith("_bytes") else name


def _readable(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ";".join(value)
    if isinstance(value, int | float):
        return f"{value / GIB if name.endswith('_bytes') else value:.10g}"
    return str(value)
