"""A store in memory, filled poll by poll, for tests of what is remembered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from inventory.append import Attempt, Stored, append, record_failure
from inventory.changes import Change, changes_between
from inventory.facts import Fact, Facts, facts_at
from inventory.history import Forgotten, close_days, forget, thin_out
from inventory.records import (
    Backup,
    BackupJob,
    Coverage,
    Datastore,
    Disk,
    Guest,
    GuestSnapshot,
    Host,
    Nic,
    Record,
    Snapshot,
    Usage,
)
from inventory.samples import USAGE
from inventory.schema import VERSION_ROWS, ClusterDayRow, EntityDayRow, EntityRow, table_of
from inventory.sources import SourceState, sources_at
from inventory.store import Store

GIB = 1024**3
JAKARTA = ZoneInfo("Asia/Jakarta")
START = datetime(2026, 11, 1, 0, 0, tzinfo=UTC)
KINDS = (Host, Guest, Disk, Nic, Datastore, GuestSnapshot, Backup, BackupJob)
WHOLE = tuple(Coverage("", kind.kind_name, "complete") for kind in KINDS)

K = TypeVar("K", bound=Record)


def at(hours: float) -> datetime:
    """An instant, in hours after the first poll of most tests."""
    return START + timedelta(hours=hours)


def host(name: str = "h1", **more: Any) -> Host:
    given = {"cluster": "c", "status": "in_service", "cpu_cores": 32.0, "memory_bytes": 512 * GIB}
    return Host(host_id=name, name=name, **(given | more))


def guest(guest_id: str = "100", **more: Any) -> Guest:
    given = {
        "name": f"guest {guest_id}",
        "cluster": "c",
        "host_id": "h1",
        "kind": "vm",
        "power": "running",
        "vcpus": 2.0,
        "memory_bytes": 4 * GIB,
        "template": False,
        "tags": (),
    }
    return Guest(guest_id=guest_id, **(given | more))


def disk(guest_id: str = "100", key: str = "scsi0", **more: Any) -> Disk:
    given = {"cluster": "c", "datastore_id": "san", "purpose": "data", "capacity_bytes": 40 * GIB}
    return Disk(disk_id=f"{guest_id}/{key}", guest_id=guest_id, slot=key, **(given | more))


def datastore(name: str = "san", **more: Any) -> Datastore:
    given = {"cluster": "c", "kind": "nfs", "shared": True, "capacity_bytes": 4000 * GIB}
    return Datastore(datastore_id=name, name=name, **(given | more))


def used(
    entity: Any, name: str, ends: datetime, *, seconds: int = 300, **metrics: float | None
) -> Usage:
    """A sample: the mean over the seconds that end at an instant."""
    return Usage(
        entity=entity,
        entity_id=name,
        cluster="c",
        taken_at=ends,
        period_seconds=seconds,
        **metrics,
    )


@cache
def _shared() -> tuple[Store, bytes]:
    """One store in memory for all tests, and what it holds when nothing is in it.

    Statements are compiled once per store, which takes longer than most tests.
    """
    store = Store.open("sqlite://", create=True)
    connection = store.engine.raw_connection()
    content: bytes = connection.driver_connection.serialize()  # type: ignore[union-attr]
    connection.close()
    return store, content


@dataclass
class Book:
    """A store, and what polls wrote into it; there is one at a time."""

    store: Store
    zone: ZoneInfo = JAKARTA

    @classmethod
    def empty(cls, zone: ZoneInfo = JAKARTA) -> Book:
        store, nothing = _shared()
        connection = store.engine.raw_connection()
        connection.driver_connection.deserialize(nothing)  # type: ignore[union-attr]
        connection.close()
        return cls(store, zone)

    def poll(
        self,
        when: datetime,
        *facts: Record,
        coverage: Iterable[Coverage] = WHOLE,
        source: str = "site",
        configured: bool = False,
        usage: Iterable[Usage] = (),
        **more: Any,
    ) -> Stored:
        """One stored poll; unless told otherwise it saw everything."""
        snapshot = Snapshot(
            source=source,
            taken_at=when,
            facts=facts,
            usage=tuple(usage),
            coverage=tuple(coverage),
            **more,
        )
        with self.store.writing() as connection:
            return append(connection, snapshot, self._attempt(source, when, configured))

    def fail(
        self, when: datetime, error: str, *, source: str = "site", outcome: str = "failed"
    ) -> None:
        with self.store.writing() as connection:
            record_failure(connection, self._attempt(source, when, False), outcome, error)

    def _attempt(self, source: str, when: datetime, configured: bool) -> Attempt:
        return Attempt(
            source=source,
            kind="files",
            started_at=when,
            finished_at=when,
            zone=self.zone,
            cluster_configured=configured,
        )

    def facts(self, when: datetime) -> Facts:
        with self.store.reading() as connection:
            return facts_at(connection, when)

    def of(self, kind: type[K], when: datetime) -> dict[str, Fact[K]]:
        """The facts of one kind that held at an instant, by subject."""
        return {fact.record.subject: fact for fact in self.facts(when).of(kind)}

    def versions(self, kind: type[Record]) -> list[dict[str, Any]]:
        """Every version of a kind, oldest first."""
        table = table_of(VERSION_ROWS[kind])
        with self.store.reading() as connection:
            rows = connection.execute(sa.select(table).order_by(table.c.valid_from, table.c.key))
            return [dict(row) for row in rows.mappings()]

    def source(self, when: datetime, name: str = "site") -> SourceState:
        with self.store.reading() as connection:
            [state] = [s for s in sources_at(connection, when) if s.name == name]
        return state

    def changes(self, after: datetime, until: datetime) -> tuple[Change, ...]:
        with self.store.reading() as connection:
            return changes_between(connection, after, until)

    def close_days(self, now: datetime, zone: ZoneInfo | None = None) -> int:
        with self.store.writing() as connection:
            return close_days(connection, zone or self.zone, now)

    def days(self, entity: str, name: str) -> dict[date, dict[str, Any]]:
        """The daily statistics of one entity."""
        day = table_of(EntityDayRow)
        owner = table_of(EntityRow)
        query = (
            sa.select(day)
            .join(owner, owner.c.key == day.c.entity_key)
            .where(owner.c.kind == entity, owner.c.native_id == name)
            .order_by(day.c.day)
        )
        with self.store.reading() as connection:
            return {row["day"]: dict(row) for row in connection.execute(query).mappings()}

    def cluster_days(self, name: str = "c") -> dict[date, dict[str, Any]]:
        day = table_of(ClusterDayRow)
        query = sa.select(day).where(day.c.cluster == name).order_by(day.c.day)
        with self.store.reading() as connection:
            return {row["day"]: dict(row) for row in connection.execute(query).mappings()}

    def samples(self) -> list[tuple[datetime, int, float | None, float | None]]:
        """Every sample: when it ends, its seconds, CPU and memory."""
        columns = (
            USAGE.c.taken_at,
            USAGE.c.period_seconds,
            USAGE.c.cpu_used_cores,
            USAGE.c.memory_used_bytes,
        )
        with self.store.reading() as connection:
            rows = connection.execute(sa.select(*columns).order_by(*columns[:2]))
            return [tuple(row) for row in rows]

    def thin_out(self, now: datetime, *, raw_days: int = 35, hour_days: int = 400) -> Forgotten:
        with self.store.writing() as connection:
            return thin_out(connection, now, raw_days=raw_days, hour_days=hour_days)

    def forget(self, before: datetime) -> Forgotten:
        with self.store.writing() as connection:
            return forget(connection, before)
