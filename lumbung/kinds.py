"""What people wrote keeps its kind: "yes" is text and no true, "0.8" is text and no number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

Place = tuple[str | int, ...]


def turned(written: Any, read: Any, place: Place = ()) -> tuple[Place, str] | None:
    """The first value that was taken for one of another kind, where it stands and what to write;
    None when there is none. ``written`` is what the file holds, ``read`` what was made of it."""
    for key, one, other in _parts(written, read):
        if found := turned(one, other, (*place, key)):
            return found
    said = _said(written, read)
    return (place, said) if said else None


def _parts(written: Any, read: Any) -> list[tuple[str | int, Any, Any]]:
    """What a table or a list holds, beside what was made of it."""
    if isinstance(written, Mapping) and isinstance(read, BaseModel):
        named = {field.alias or name: name for name, field in type(read).model_fields.items()}
        return [
            (key, value, getattr(read, named[key]))
            for key, value in written.items()
            if key in named
        ]
    if isinstance(written, Mapping) and isinstance(read, Mapping):
        return [(key, value, read[key]) for key, value in written.items() if key in read]
    if isinstance(written, list) and isinstance(read, tuple | list) and len(written) == len(read):
        return [(i, one, other) for i, (one, other) in enumerate(zip(written, read, strict=True))]
    return []


def _said(written: Any, read: Any) -> str | None:
    if isinstance(read, bool):
        return None if isinstance(written, bool) else "must be true or false, without quotes"
    if isinstance(read, int | float) and isinstance(written, bool):
        return "must be a number, not true or false"
    if isinstance(read, int | float) and isinstance(written, str):
        return "must be a number, without quotes"
    return None
