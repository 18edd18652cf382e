"""The audit log: who ran what, when, on which sources, with which counts.

Lines are only ever added. Each one carries a seal, a checksum of all it says and of the seal
before it, and the store keeps the seal of the last one: a line that is altered, put in between or
taken out breaks the chain. Who may write the store could make the whole chain anew; therefore the
manifest of every weekly report holds the seal of its day.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from inventory.samples import insert
from inventory.schema import AuditLineRow, MetaRow, table_of

_LINE = table_of(AuditLineRow)
_META = table_of(MetaRow)
_HEAD = "audit_head"
_BEGINNING = ""  # what the first line follows


@dataclass(frozen=True, slots=True)
class Deed:
    """What someone did: the command, the sources it read, and counts of what came of it."""

    at: datetime
    who: str  # the account of the operating system
    command: str
    sources: tuple[str, ...] = ()
    counts: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A deed as it was written down."""

    number: int
    deed: Deed
    previous: str
    seal: str

    @property
    def is_intact(self) -> bool:
        return self.seal == _seal(self.number, self.deed, self.previous)


def _seal(number: int, deed: Deed, previous: str) -> str:
    told = [
        number,
        int(deed.at.astimezone(UTC).timestamp()),
        deed.who,
        deed.command,
        list(deed.sources),
        dict(deed.counts),
        previous,
    ]
    text = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def append_deed(connection: Connection, deed: Deed) -> LogLine:
    """The line that the deed became, the last one of the log."""
    last = last_line(connection)
    number, previous = (1, _BEGINNING) if last is None else (last.number + 1, last.seal)
    # What is sealed is what is read back: instants are kept to the second.
    deed = replace(deed, at=deed.at.replace(microsecond=0))
    line = LogLine(number, deed, previous, _seal(number, deed, previous))
    row = {
        "number": number,
        "at": deed.at,
        "who": deed.who,
        "command": deed.command,
        "sources": deed.sources,
        "counts": json.dumps(dict(deed.counts), sort_keys=True, ensure_ascii=False),
        "previous": previous,
        "seal": line.seal,
    }
    connection.execute(_LINE.insert().values(row))
    insert(connection, _META, [{"name": _HEAD, "value": f"{number} {line.seal}"}], renew=True)
    return line


def last_line(connection: Connection) -> LogLine | None:
    """The newest line; None of a log without any."""
    newest = sa.select(_LINE).order_by(_LINE.c.number.desc()).limit(1)
    row = connection.execute(newest).mappings().first()
    return None if row is None else _line(row)


def log_lines(connection: Connection) -> tuple[LogLine, ...]:
    """Every line, oldest first."""
    rows = connection.execute(sa.select(_LINE).order_by(_LINE.c.number)).mappings()
    return tuple(_line(row) for row in rows)


_PUBLISHING = ("report", "incident", "risks --framework")


def publishings(connection: Connection) -> tuple[Mapping[str, Any], ...]:
    """What the lines say of every report and pack that was published, oldest first."""
    chosen = sa.select(_LINE.c.counts).where(_LINE.c.command.in_(_PUBLISHING))
    return tuple(_counts(text) for text in connection.scalars(chosen.order_by(_LINE.c.number)))


def _line(row: RowMapping) -> LogLine:
    deed = Deed(row["at"], row["who"], row["command"], row["sources"], _counts(row["counts"]))
    return LogLine(row["number"], deed, row["previous"], row["seal"])


def _counts(text: str) -> Mapping[str, Any]:
    """The counts of a line; of a text that is none, the text: its seal will not fit."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"unreadable": text}


def log_faults(connection: Connection) -> list[str]:
    """Every sign that the log is not what was written, one line each."""
    lines = log_lines(connection)
    head = connection.scalar(sa.select(_META.c.value).where(_META.c.name == _HEAD))
    return [*_chain_faults(lines), *_end_faults(lines, head)]


def _chain_faults(lines: Sequence[LogLine]) -> Iterator[str]:
    before, seal = 0, _BEGINNING
    for line in lines:
        if line.number != before + 1:
            yield f"audit log: line {before + 1} is missing"
        elif line.previous != seal:
            yield f"audit log: line {line.number} does not follow the one before it"
        if not line.is_intact:
            yield f"audit log: line {line.number} was altered"
        before, seal = line.number, line.seal


def _end_faults(lines: Sequence[LogLine], head: str | None) -> Iterator[str]:
    end = f"{lines[-1].number} {lines[-1].seal}" if lines else None
    if head != end:
        kept = f"line {head.partition(' ')[0]}" if head else "no line"
        last = "none" if end is None else f"line {end.split()[0]}"
        yield f"audit log: the store remembers {kept} as the last, and the last there is {last}"
