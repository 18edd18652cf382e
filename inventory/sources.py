"""The sources: what their polls brought, what they hide, when they last told facts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from inventory.day_tables import span
from inventory.grid import Ints
from inventory.history_steps import done_steps
from inventory.records import Coverage
from inventory.schema import BROUGHT_FACTS, CoverageRow, PollRow, SourceRow, table_of

_SOURCE = table_of(SourceRow)
_POLL = table_of(PollRow)
_COVERAGE = table_of(CoverageRow)
_TOLD_BY_A_POLL = (
    "platform",
    "guests_seen",
    "guests_reported",
    "token_expires_on",
    "excess_rights",
    "requests",
    "bytes",
    "seconds",
)


@dataclass(frozen=True, slots=True)
class SourceState:
    """What the store knows of one source at an instant."""

    key: int
    name: str
    kind: str
    cluster: str | None
    first_success_at: datetime | None = None
    last_success_at: datetime | None = None
    last_taken_at: datetime | None = None  # what the newest facts are of
    last_attempt_at: datetime | None = None
    last_outcome: str = ""
    last_error: str = ""
    superseded_since: datetime | None = None  # while what is read is older than what is stored
    superseded_by: datetime | None = None  # what the stored facts are of, which are in the way
    platform: str = ""
    guests_seen: int | None = None
    guests_reported: int | None = None
    token_expires_on: date | None = None
    excess_rights: tuple[str, ...] | None = None  # of the credentials; None: not known
    requests: int = 0
    bytes: int = 0
    seconds: float = 0.0
    gaps: tuple[Coverage, ...] = ()
    covered: frozenset[tuple[str, str]] = frozenset()  # (kind, scope) seen completely
    history_steps: int = 0


def sources_at(connection: Connection, at: datetime) -> tuple[SourceState, ...]:
    """The sources that were polled by ``at``, by name."""
    rows = connection.execute(sa.select(_SOURCE).order_by(_SOURCE.c.name)).mappings().all()
    return tuple(_source_state(connection, row, at) for row in rows)


def _source_state(connection: Connection, source: RowMapping, at: datetime) -> SourceState:
    state = SourceState(source["key"], source["name"], source["kind"], source["cluster"])
    polls = sa.select(_POLL).where(
        _POLL.c.source_key == state.key, _POLL.c.purpose == "poll", _POLL.c.taken_at <= at
    )
    good = polls.where(BROUGHT_FACTS)
    backwards = _POLL.c.key.desc()  # as they were recorded: a clock may have been turned back
    last = _one(connection, polls.order_by(backwards))
    if last is None:
        return state
    state = replace(
        state,
        last_attempt_at=last["finished_at"],
        last_outcome=last["outcome"],
        last_error=last["error"],
        history_steps=len(done_steps(connection, state.key)),
        **(_superseded(connection, state.key) if last["outcome"] == "superseded" else {}),
    )
    last_good = _one(connection, good.order_by(backwards))
    if last_good is None:
        return _with_told(state, last)
    first_good = _one(connection, good.order_by(_POLL.c.key))
    newest = _one(connection, good.order_by(_POLL.c.taken_at.desc()))
    coverage = _coverage(connection, state.key, newest["taken_at"]) if newest else ()
    return replace(
        _with_told(state, last_good),
        first_success_at=first_good["taken_at"] if first_good else None,
        last_success_at=last_good["finished_at"],
        last_taken_at=newest["taken_at"] if newest else None,
        gaps=tuple(part for part in coverage if part.is_gap),
        covered=frozenset((p.kind, p.scope) for p in coverage if not p.is_gap),
    )


def _with_told(state: SourceState, poll: RowMapping) -> SourceState:
    return replace(state, **{name: poll[name] for name in _TOLD_BY_A_POLL})


def _superseded(connection: Connection, source_key: int) -> dict[str, Any]:
    """Since when nothing of a source is taken in, and the stored instant that is in the way."""
    polls = (_POLL.c.source_key == source_key, _POLL.c.purpose == "poll")
    good = (_POLL.c.source_key == source_key, BROUGHT_FACTS)
    newest = sa.select(sa.func.max(_POLL.c.taken_at, type_=_POLL.c.taken_at.type)).where(*good)
    last_good = sa.select(sa.func.max(_POLL.c.key)).where(*good).scalar_subquery()
    first = (
        sa.select(_POLL.c.finished_at)
        .where(*polls, _POLL.c.outcome == "superseded", _POLL.c.key > last_good)
        .order_by(_POLL.c.key)
    )
    return {
        "superseded_since": connection.scalar(first.limit(1)),
        "superseded_by": connection.scalar(newest),
    }


def _one(connection: Connection, query: sa.Select[Any]) -> RowMapping | None:
    return connection.execute(query.limit(1)).mappings().first()


def _coverage(connection: Connection, source_key: int, at: datetime) -> tuple[Coverage, ...]:
    rows = connection.execute(
        sa.select(_COVERAGE)
        .where(_COVERAGE.c.source_key == source_key)
        .where(_COVERAGE.c.first_at <= at, _COVERAGE.c.last_at >= at)
        .order_by(_COVERAGE.c.kind, _COVERAGE.c.scope)
    )
    return tuple(
        Coverage(row["scope"], row["kind"], row["state"], row["reason"], row["remedy"])
        for row in rows.mappings()
    )


def known_clusters(connection: Connection) -> dict[str, str]:
    """Per source the cluster it last reported."""
    rows = connection.execute(
        sa.select(_SOURCE.c.name, _SOURCE.c.cluster).where(_SOURCE.c.cluster.is_not(None))
    )
    return {name: cluster for name, cluster in rows if cluster}


def last_polls(
    connection: Connection, at: datetime, zone: ZoneInfo
) -> dict[str, tuple[datetime, ...]]:
    """Per source, of every local day the last poll that told facts."""
    rows = connection.execute(
        sa.select(_SOURCE.c.name, sa.type_coerce(_POLL.c.taken_at, sa.BigInteger))
        .join(_SOURCE, _SOURCE.c.key == _POLL.c.source_key)
        .where(BROUGHT_FACTS)
        .where(_POLL.c.taken_at <= at)
        .order_by(_POLL.c.taken_at)
    )
    instants: dict[str, list[int]] = defaultdict(list)
    for name, taken_at in rows:
        instants[name].append(taken_at)
    return {name: _last_of_days(np.array(found), zone) for name, found in instants.items()}


def _last_of_days(instants: Ints, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Of ascending instants (seconds since 1970) the last of every local day."""
    ends = {datetime.fromtimestamp(int(instants[i]), zone).date() for i in (0, -1)}
    day = np.searchsorted(span(ends, zone).bounds, instants, side="right")
    last = np.flatnonzero(np.diff(day, append=-1))
    return tuple(datetime.fromtimestamp(int(instant), UTC) for instant in instants[last])
