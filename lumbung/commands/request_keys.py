"""The key of a request: nothing of it is stored, so the key itself says what was asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote, unquote

from lumbung.commands.asked import Asked
from lumbung.dates import day_option
from lumbung.settings import SettingsError

_KIND = "request/"
_PLAIN = "/:@+ "  # what stays as it is in a value, beside letters and digits
_SEVERAL = "add"
_NAMES = (_SEVERAL, "project", "pool", "storage", "when", "until", "agency")


@dataclass(frozen=True, slots=True)
class RequestAsked:
    """The options of a request beside those of a scenario."""

    until: date | None = None
    project: str | None = None
    page: Path | None = None
    lang: str = "en"


def request_key(asked: Asked, wanted: RequestAsked) -> str:
    """request/add=8xM,when=2027-03-01,…: the options that were given, by their names."""
    return _KIND + ",".join(
        f"{name}={quote(text, safe=_PLAIN)}" for name, text in _told(asked, wanted)
    )


def _told(asked: Asked, wanted: RequestAsked) -> Iterator[tuple[str, str]]:
    yield from ((_SEVERAL, text) for text in asked.add)
    given = (wanted.project, asked.pool, asked.storage, asked.when, wanted.until, asked.agency)
    for name, value in zip(_NAMES[1:], given, strict=True):
        if value is not None:
            yield name, str(value)


def asked_by_key(key: str) -> tuple[Asked, RequestAsked]:
    """What a key asks for. Raises SettingsError for what cannot be read."""
    found: dict[str, list[str]] = {name: [] for name in _NAMES}
    for part in key.removeprefix(_KIND).split(","):
        name, equals, text = part.partition("=")
        if name not in found or not equals or (found[name] and name != _SEVERAL):
            raise SettingsError(
                f"{key!r}: {part!r} cannot be read; a request's key is "
                f"request/add=8xM,when=2027-03-01 with any of {', '.join(_NAMES)}"
            )
        found[name].append(unquote(text))
    one = {name: values[0] if values else None for name, values in found.items()}
    asked = Asked(
        add=found[_SEVERAL],
        pool=one["pool"],
        storage=one["storage"],
        agency=one["agency"],
        when=day_option(one["when"], "when"),
    )
    return asked, RequestAsked(day_option(one["until"], "until"), one["project"])


def split_column(key: str, columns: tuple[str, ...]) -> tuple[str, str | None]:
    """The key of a request, and the column of its answer that is asked for."""
    head, _slash, column = key.rpartition("/")
    return (head, column) if column in columns and "=" in head else (key, None)
