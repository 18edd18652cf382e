"""What a pydantic model says of itself: its keys with type, limits, default and meaning."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

_WORDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    date: "date",
    Path: "path",
}


def described(model: type[BaseModel]) -> str:
    """The model's docstring on one line."""
    return " ".join((model.__doc__ or "").split())


def keys_of(model: type[BaseModel]) -> list[tuple[str, str, str, str]]:
    """Per key: its name, what it holds, its default, its meaning."""
    return [
        (f"`{field.alias or name}`", _holds(field), _default(field), field.description or "")
        for name, field in model.model_fields.items()
    ]


def nested(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The models inside a model's fields, by key."""
    found = {name: _model_in(field.annotation) for name, field in model.model_fields.items()}
    return {name: inner for name, inner in found.items() if inner is not None}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(part) for part in typing.get_args(annotation))
    return next((model for model in inner if model is not None), None)


def _holds(field: FieldInfo) -> str:
    limits = " ".join(_limits(field))
    return f"{shape(field.annotation)}{', ' if limits else ''}{limits}"


def shape(annotation: Any) -> str:
    """A type in words."""
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in inside)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(shape(part) for part in inside if part is not type(None))
    if origin is tuple:
        return f"list of {shape(inside[0])}"
    if origin is dict:
        return f"{shape(inside[0])} → {shape(inside[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation.__name__
    return _WORDS.get(annotation, str(annotation))


def _limits(field: FieldInfo) -> Iterator[str]:
    known = {
        name: value
        for rule in field.metadata
        for name in ("ge", "gt", "le", "lt")
        if (value := getattr(rule, name, None)) is not None
    }
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    yield " and ".join(f"{words[name]} {value:g}" for name, value in known.items())


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return _pairs(value.model_dump(exclude_defaults=True)) or "–"
    if value is None or value in ("", (), {}):
        return "–"
    if isinstance(value, tuple) and all(isinstance(part, BaseModel) for part in value):
        stated = (part.model_dump(exclude_defaults=True) for part in value)
        return "; ".join(_pairs(part) for part in stated)
    if isinstance(value, dict):
        return _pairs(value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _pairs(value: Mapping[str, object]) -> str:
    return ", ".join(f"`{key} = {inner}`" for key, inner in value.items())
