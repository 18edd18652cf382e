"""Writing one snapshot: what changed becomes a new version, what was seen is remembered as seen.

A version is closed only when its scope was read completely; a value that was not seen this time
keeps its last known one. Everything happens on the caller's connection, in its transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from inventory.errors import ClusterConflict
from inventory.identity import Identities
from inventory.records import Coverage, Guest, Host, Record, Snapshot
from inventory.samples import store_usage
from inventory.schema import (
    BROUGHT_FACTS,
    VERSION_ROWS,
    CoverageRow,
    HostRow,
    PollRow,
    SourceRow,
    table_of,
)

_SOURCE = table_of(SourceRow)
_POLL = table_of(PollRow)
_COVERAGE = table_of(CoverageRow)
_HOST = table_of(HostRow)
TABLES: dict[type[Record], sa.Table] = {kind: table_of(row) for kind, row in VERSION_ROWS.items()}
_ENTITY_KINDS = {"host": "host", "guest": "guest", "datastore": "datastore"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to poll a source."""

    source: str
    kind: str
    started_at: datetime
    finished_at: datetime
    zone: ZoneInfo  # whose midnight ends a day
    purpose: str = "poll"
    cluster_configured: bool = False
    period_seconds: int = 300


@dataclass(frozen=True, slots=True)
class Stored:
    """What one snapshot changed."""

    added: int = 0
    changed: int = 0
    closed: int = 0
    samples: int = 0
    gaps: tuple[Coverage, ...] = ()
    new_gaps: tuple[Coverage, ...] = ()
    superseded_by: datetime | None = None  # of what is stored; only the usage was kept then

    @property
    def superseded(self) -> bool:
        """Whether it was older than what is stored, so that none of its facts were taken in."""
        return self.superseded_by is not None

    @property
    def is_partial(self) -> bool:
        """Whether something was not seen that could have been."""
        return any(not gap.is_beyond_reach for gap in self.gaps)

    def __add__(self, other: Stored) -> Stored:
        return replace(
            self,
            added=self.added + other.added,
            changed=self.changed + other.changed,
            closed=self.closed + other.closed,
            samples=self.samples + other.samples,
        )


def append(connection: Connection, snapshot: Snapshot, attempt: Attempt) -> Stored:
    """Stores a snapshot and the attempt that brought it.

    Raises ClusterConflict when another source owns one of its clusters.
    """
    # The store keeps whole seconds: a version that began within this one began now.
    snapshot = replace(snapshot, taken_at=snapshot.taken_at.replace(microsecond=0))
    source_key = source_key_of(connection, attempt)
    _refuse_foreign_clusters(connection, snapshot, attempt, source_key)
    identities = Identities(connection, snapshot.taken_at)
    newest = _newest_snapshot_at(connection, source_key)
    is_older = newest is not None and snapshot.taken_at < newest
    stored = Stored(superseded_by=newest if is_older else None)
    if not is_older:
        identities.learn(snapshot.facts)
        stored += _store_facts(connection, snapshot, source_key, identities)
        stored = replace(
            stored,
            gaps=tuple(part for part in snapshot.coverage if part.is_gap),
            new_gaps=_store_coverage(connection, snapshot, source_key, newest),
        )
    samples = store_usage(
        connection,
        snapshot,
        source_key,
        identities,
        period_seconds=attempt.period_seconds,
        zone=attempt.zone,
    )
    stored = replace(stored, samples=samples)
    _record(connection, source_key, snapshot, attempt, stored)
    return stored


def record_failure(connection: Connection, attempt: Attempt, outcome: str, error: str) -> None:
    """Remembers an attempt that brought nothing: ``outcome`` is "failed" or "timed_out"."""
    connection.execute(
        _POLL.insert().values(
            source_key=source_key_of(connection, attempt),
            purpose=attempt.purpose,
            started_at=attempt.started_at,
            taken_at=attempt.started_at,
            finished_at=attempt.finished_at,
            outcome=outcome,
            error=error,
            seconds=(attempt.finished_at - attempt.started_at).total_seconds(),
        )
    )


def source_key_of(connection: Connection, attempt: Attempt) -> int:
    """The key of a source by its name, remembered now if it is new."""
    key = connection.scalar(sa.select(_SOURCE.c.key).where(_SOURCE.c.name == attempt.source))
    if key is not None:
        return int(key)
    result = connection.execute(
        _SOURCE.insert().values(
            name=attempt.source,
            kind=attempt.kind,
            cluster_configured=attempt.cluster_configured,
            added_at=attempt.started_at,
        )
    )
    return int(result.inserted_primary_key[0])  # type: ignore[index]  # one key column


def _newest_snapshot_at(connection: Connection, source_key: int) -> datetime | None:
    taken_at: datetime | None = connection.scalar(
        sa.select(sa.func.max(_POLL.c.taken_at, type_=_POLL.c.taken_at.type)).where(
            _POLL.c.source_key == source_key, BROUGHT_FACTS
        )
    )
    return taken_at


def _refuse_foreign_clusters(
    connection: Connection, snapshot: Snapshot, attempt: Attempt, source_key: int
) -> None:
    """Two sources make one cluster only when the configuration says so of both."""
    clusters = {host.cluster for host in snapshot.of(Host)}
    connection.execute(
        _SOURCE.update()
        .where(_SOURCE.c.key == source_key)
        .values(
            cluster_configured=attempt.cluster_configured,
            **({"cluster": min(clusters)} if len(clusters) == 1 else {}),
        )
    )
    if not clusters:
        return
    owner = connection.execute(
        sa.select(_SOURCE.c.name, _SOURCE.c.cluster_configured, _HOST.c.cluster)
        .join(_HOST, _HOST.c.source_key == _SOURCE.c.key)
        .where(
            _HOST.c.cluster.in_(clusters),
            _HOST.c.valid_to.is_(None),
            _SOURCE.c.key != source_key,
        )
        .order_by(_SOURCE.c.name)
    ).all()
    for name, configured, cluster in owner:
        if not (configured and attempt.cluster_configured):
            raise ClusterConflict(
                f"sources {name} and {attempt.source} both report the cluster {cluster!r}; set "
                f"`cluster` in both: to the same name if it is one cluster, else to two names"
            )


def _store_facts(
    connection: Connection, snapshot: Snapshot, source_key: int, identities: Identities
) -> Stored:
    coverage = {(part.kind, part.scope): part.state for part in snapshot.coverage}
    by_kind: dict[type[Record], list[Record]] = defaultdict(list)
    for fact in snapshot.facts:
        by_kind[type(fact)].append(fact)
    stored = Stored()
    for kind in VERSION_ROWS:
        facts = by_kind[kind]
        if facts or any(covered == kind.kind_name for covered, _scope in coverage):
            stored += _Versions(connection, kind, source_key, snapshot.taken_at, coverage).renew(
                facts, identities
            )
    return stored


class _Versions:
    """The open versions of one kind of fact of one source, brought up to a snapshot."""

    def __init__(
        self,
        connection: Connection,
        kind: type[Record],
        source_key: int,
        at: datetime,
        coverage: Mapping[tuple[str, str], str],
    ) -> None:
        self._connection = connection
        self._kind = kind
        self._table = TABLES[kind]
        self._source_key = source_key
        self._at = at
        self._coverage = coverage
        lasting = [field for field in kind.model_fields if field not in kind.measured]
        self._lasting = itemgetter("entity_key", *lasting)

    def renew(self, facts: Iterable[Record], identities: Identities) -> Stored:
        open_rows = self._open_rows()
        inserts: list[dict[str, Any]] = []
        ended: list[RowMapping] = []
        measured: list[dict[str, Any]] = []
        changed = 0
        seen: set[str] = set()
        for fact in facts:
            row = open_rows.get(fact.subject)
            seen.add(fact.subject)
            values = self._values(fact, row, identities)
            if row is not None and self._same(row, values):
                measured += self._measured(row, values)
                continue
            inserts.append(values)
            if row is not None:
                changed += 1
                ended.append(row)
        gone = [row for subject, row in open_rows.items() if self._is_gone(subject, row, seen)]
        self._end([*ended, *gone])
        self._insert(inserts)
        self._measure(measured)
        return Stored(added=len(inserts) - changed, changed=changed, closed=len(gone))

    def _open_rows(self) -> dict[str, RowMapping]:
        wanted = ("key", "entity_key", "subject_id", "valid_from", *self._kind.model_fields)
        rows = self._connection.execute(
            sa.select(*self._table.c[wanted]).where(
                self._table.c.source_key == self._source_key, self._table.c.valid_to.is_(None)
            )
        )
        return {row["subject_id"]: row for row in rows.mappings()}

    def _state(self, scope: str) -> str | None:
        """How this snapshot saw the scope: its own coverage, else that of the whole source."""
        name = self._kind.kind_name
        return self._coverage.get((name, scope), self._coverage.get((name, "")))

    def _values(
        self, fact: Record, row: RowMapping | None, identities: Identities
    ) -> dict[str, Any]:
        values = dict(vars(fact))
        if row is not None and self._state(fact.scope) != "complete":
            values = {name: row[name] if v is None else v for name, v in values.items()}
        return values | {
            "source_key": self._source_key,
            "entity_key": self._entity_key(fact, identities),
            "subject_id": fact.subject,
            "valid_from": self._at,
            "valid_to": None,
            "measured_at": self._at,
        }

    def _entity_key(self, fact: Record, identities: Identities) -> int | None:
        if self._kind.kind_name not in _ENTITY_KINDS:
            return None
        return identities.find(self._kind.kind_name, fact.cluster, fact.subject)  # type: ignore[arg-type, attr-defined]

    def _same(self, row: RowMapping, values: Mapping[str, Any]) -> bool:
        return bool(self._lasting(row) == self._lasting(values))

    def _measured(self, row: RowMapping, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        if not self._kind.measured:
            return []
        renewed = {name: values[name] for name in self._kind.measured}
        return [{"row_key": row["key"], "measured_at": self._at, **renewed}]

    def _is_gone(self, subject: str, row: RowMapping, seen: set[str]) -> bool:
        if subject in seen:
            return False
        fact = self._kind.model_construct(**{f: row[f] for f in self._kind.model_fields})
        return self._state(fact.scope) == "complete"

    def _end(self, rows: list[RowMapping]) -> None:
        """Closes versions; one that began at this very instant never held and is withdrawn."""
        void = [{"row_key": row["key"]} for row in rows if row["valid_from"] == self._at]
        closed = [
            {"row_key": row["key"], "ends": self._at}
            for row in rows
            if row["valid_from"] != self._at
        ]
        by_key = self._table.c.key == sa.bindparam("row_key")
        if void:
            self._connection.execute(self._table.delete().where(by_key), void)
        if closed:
            self._connection.execute(
                self._table.update().where(by_key).values(valid_to=sa.bindparam("ends")), closed
            )

    def _insert(self, rows: list[dict[str, Any]]) -> None:
        if rows:
            self._connection.execute(self._table.insert(), rows)

    def _measure(self, rows: list[dict[str, Any]]) -> None:
        if rows:
            self._connection.execute(
                self._table.update()
                .where(self._table.c.key == sa.bindparam("row_key"))
                .values({name: sa.bindparam(name) for name in rows[0] if name != "row_key"}),
                rows,
            )


def _store_coverage(
    connection: Connection, snapshot: Snapshot, source_key: int, newest: datetime | None
) -> tuple[Coverage, ...]:
    """Lengthens the runs of what was seen as before, starts the others; returns the new gaps."""
    running = _running(connection, source_key, newest)
    seen = {_alike(part) for part in snapshot.coverage}
    ended = [run.key for alike, run in running.items() if alike not in seen]
    _lengthen(connection, source_key, newest, snapshot.taken_at, ended)
    asked, started = [], []
    for part in snapshot.coverage:
        run = running.get(_alike(part))
        if run is None:
            started.append(_coverage_row(part, source_key, snapshot.taken_at))
        elif run.asked_at != part.asked_at:
            asked.append({"row_key": run.key, "asked": part.asked_at})
    by_key = _COVERAGE.c.key == sa.bindparam("row_key")
    if asked:
        renewed = _COVERAGE.update().where(by_key).values(asked_at=sa.bindparam("asked"))
        connection.execute(renewed, asked)
    if started:
        connection.execute(_COVERAGE.insert(), started)
    gaps_before = {(scope, kind, state) for scope, kind, state, _why, _how in running}
    return tuple(
        part
        for part in snapshot.coverage
        if part.is_gap
        and not part.is_beyond_reach
        and (part.scope, part.kind, part.state) not in gaps_before
    )


_Alike = tuple[str, str, str, str, str]


def _alike(part: Coverage) -> _Alike:
    """What two polls have to say alike to be of one run."""
    return part.scope, part.kind, part.state, part.reason, part.remedy


class _Run(NamedTuple):
    key: int
    asked_at: datetime | None


def _running(
    connection: Connection, source_key: int, newest: datetime | None
) -> dict[_Alike, _Run]:
    """The runs that last until the poll before."""
    columns = ("scope", "kind", "state", "reason", "remedy", "key", "asked_at")
    rows = connection.execute(
        sa.select(*_COVERAGE.c[columns]).where(
            _COVERAGE.c.source_key == source_key, _COVERAGE.c.last_at == newest
        )
    )
    return {tuple(alike): _Run(key, asked_at) for *alike, key, asked_at in rows}


def _lengthen(
    connection: Connection,
    source_key: int,
    newest: datetime | None,
    until: datetime,
    ended: list[int],
) -> None:
    """Makes the runs of the poll before last until now: all at once, less those that ended."""
    runs = _COVERAGE.c.source_key == source_key
    connection.execute(
        _COVERAGE.update().where(runs, _COVERAGE.c.last_at == newest).values(last_at=until)
    )
    if ended:
        connection.execute(
            _COVERAGE.update()
            .where(_COVERAGE.c.key == sa.bindparam("row_key"))
            .values(last_at=newest),
            [{"row_key": key} for key in ended],
        )


def _coverage_row(part: Coverage, source_key: int, at: datetime) -> dict[str, Any]:
    return {
        "source_key": source_key,
        "scope": part.scope,
        "kind": part.kind,
        "state": part.state,
        "reason": part.reason,
        "remedy": part.remedy,
        "first_at": at,
        "last_at": at,
        "asked_at": part.asked_at,
    }


def _record(
    connection: Connection,
    source_key: int,
    snapshot: Snapshot,
    attempt: Attempt,
    stored: Stored,
) -> None:
    outcome = "superseded" if stored.superseded else ("partial" if stored.is_partial else "stored")
    connection.execute(
        _POLL.insert().values(
            source_key=source_key,
            purpose=attempt.purpose,
            started_at=attempt.started_at,
            taken_at=snapshot.taken_at,
            finished_at=attempt.finished_at,
            outcome=outcome,
            platform=snapshot.platform,
            guests_seen=len(snapshot.of(Guest)),
            guests_reported=snapshot.guests_reported,
            token_expires_on=snapshot.token_expires_on,
            excess_rights=snapshot.excess_rights,
            requests=snapshot.effort.requests,
            bytes=snapshot.effort.bytes,
            seconds=snapshot.effort.seconds,
        )
    )
