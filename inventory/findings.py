"""The planner's findings, remembered: when each was first and last seen, and what each report said.

A state is written once and lasts as long as reports say the same, so a year of reports costs what
changed in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inventory.records import FindingState
from inventory.samples import insert
from inventory.schema import FindingReportRow, FindingRow, FindingStateRow, table_of

_FINDING = table_of(FindingRow)
_STATE = table_of(FindingStateRow)
_REPORT = table_of(FindingReportRow)
_SAID = [column for column in _STATE.c if column.name not in ("since_on", "last_on")]
_WEEK = timedelta(days=7)
_BATCH = 500


@dataclass(frozen=True, slots=True)
class PastReport:
    """What an earlier report said of its findings, and which rules it asked."""

    on: date
    rules: frozenset[str]
    states: tuple[FindingState, ...]


def first_seen(connection: Connection) -> dict[str, date]:
    """Per finding the day it was first seen."""
    rows = connection.execute(sa.select(_FINDING.c.finding_id, _FINDING.c.first_seen_on))
    return dict(rows.all())


def report_before(connection: Connection, on: date) -> PastReport | None:
    """The newest report a week or more before a day, else the oldest before it; None without."""
    day = _REPORT.c.reported_on
    weekly = connection.scalar(sa.select(sa.func.max(day)).where(day <= on - _WEEK))
    chosen = weekly or connection.scalar(sa.select(sa.func.min(day)).where(day < on))
    if chosen is None:
        return None
    rules = connection.scalar(sa.select(_REPORT.c.rules).where(day == chosen))
    rows = connection.execute(
        sa.select(_STATE)
        .where(_STATE.c.since_on <= chosen, _STATE.c.last_on >= chosen)
        .order_by(_STATE.c.finding_id)
    ).mappings()
    states = tuple(FindingState.model_construct(**row) for row in rows)  # checked when written
    return PastReport(chosen, frozenset(rules or ()), states)


def remember_findings(
    connection: Connection, states: Iterable[FindingState], rules: Iterable[str], on: date
) -> None:
    """Notes what the report of a day says; a second report of that day replaces the first.

    A finding seen again keeps its first day. A report of a day before the newest one is made of
    the past as it is known now, and adds first days only.
    """
    found = {state.finding_id: state for state in states}
    _remember_days(connection, found, on)
    newest = connection.scalar(sa.select(sa.func.max(_REPORT.c.reported_on)))
    if newest is not None and on < newest:
        return
    before = connection.scalar(
        sa.select(sa.func.max(_REPORT.c.reported_on)).where(_REPORT.c.reported_on < on)
    )
    _undo(connection, on, before)
    row = {"reported_on": on, "rules": tuple(sorted(rules))}
    insert(connection, _REPORT, [row], renew=True)
    lasting = set() if before is None else _prolong(connection, found, before, on)
    fresh = [state.model_dump() for name, state in found.items() if name not in lasting]
    insert(connection, _STATE, [row | {"since_on": on, "last_on": on} for row in fresh])


def _remember_days(connection: Connection, findings: Iterable[str], on: date) -> None:
    known = {
        row.finding_id: (row.first_seen_on, row.last_seen_on)
        for row in connection.execute(sa.select(_FINDING))
    }
    rows = []
    for finding in sorted(findings):
        first, last = known.get(finding, (on, on))
        days = {"first_seen_on": min(first, on), "last_seen_on": max(last, on)}
        rows.append({"finding_id": finding} | days)
    insert(connection, _FINDING, rows, renew=True)


def _undo(connection: Connection, on: date, before: date | None) -> None:
    """Takes back what an earlier report of the same day said."""
    connection.execute(_STATE.delete().where(_STATE.c.since_on == on))
    if before is not None:
        connection.execute(_STATE.update().where(_STATE.c.last_on == on).values(last_on=before))


def _prolong(
    connection: Connection, found: Mapping[str, FindingState], before: date, on: date
) -> set[str]:
    """Lets the states of the report before that still hold last until a day; returns their ids.

    Most hold, so that all are prolonged and those that do not are taken back.
    """
    rows = connection.execute(sa.select(*_SAID).where(_STATE.c.last_on == before)).all()
    held = {row[0] for row in rows if row[0] in found and tuple(row) == _said(found[row[0]])}
    connection.execute(_STATE.update().where(_STATE.c.last_on == before).values(last_on=on))
    ended = sorted(row[0] for row in rows if row[0] not in held)
    for batch in _batched(ended):
        these = sa.and_(_STATE.c.last_on == on, _STATE.c.finding_id.in_(batch))
        connection.execute(_STATE.update().where(these).values(last_on=before))
    return held


def _said(state: FindingState) -> tuple[Any, ...]:
    """All of a state but its days."""
    return tuple(getattr(state, column.name) for column in _SAID)


def _batched(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """The names in parts that a statement can hold."""
    return (names[i : i + _BATCH] for i in range(0, len(names), _BATCH))
