"""What changed between two instants: added, removed, resized, moved, renamed, reclassified."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from inventory.schema import BROUGHT_FACTS, DiskRow, GuestRow, HostRow, PollRow, table_of

ChangeKind = Literal["added", "removed", "resized", "moved", "renamed", "reclassified"]

_POLL = table_of(PollRow)
_GUEST = table_of(GuestRow)
_HOST = table_of(HostRow)
_DISK = table_of(DiskRow)

_GUEST_FIELDS: tuple[tuple[str, ChangeKind], ...] = (
    ("name", "renamed"),
    ("vcpus", "resized"),
    ("memory_bytes", "resized"),
    ("host_id", "moved"),
    ("cluster", "moved"),
    ("owner", "reclassified"),
)
_HOST_FIELDS: tuple[tuple[str, ChangeKind], ...] = (
    ("name", "renamed"),
    ("cpu_cores", "resized"),
    ("memory_bytes", "resized"),
    ("cluster", "moved"),
)
_DISK_FIELDS: tuple[tuple[str, ChangeKind], ...] = (
    ("capacity_bytes", "resized"),
    ("datastore_id", "moved"),
)
_CLASSIFYING = ("cls.", "opd.", "svc.", "dim.", "zone.", "expo.", "env.", "crit.", "ret.")


@dataclass(frozen=True, slots=True)
class Change:
    """One change. ``field`` is "" when the subject itself came or went.

    ``old`` and ``new`` are values by field, in base units: of a change the one before and after,
    of what came or went its size; hosts are called by their names. ``guest`` is (cluster, guest id)
    of a guest or its disk.
    """

    at: datetime
    kind: ChangeKind
    subject: str
    guest_uuid: str
    field: str
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    guest: tuple[str, str] | None = None


def changes_between(connection: Connection, after: datetime, until: datetime) -> tuple[Change, ...]:
    """The changes in (after, until], oldest first.

    What the first poll of a source found is the beginning, not a change.
    """
    polls = _Polls(connection)
    found: list[Change] = []
    for table, fields, label in (
        (_HOST, _HOST_FIELDS, "host"),
        (_GUEST, _GUEST_FIELDS, "guest"),
        (_DISK, _DISK_FIELDS, "disk"),
    ):
        for versions in _histories(connection, table, after, until):
            story = _Story(versions, fields, label, polls)
            found += [change for change in story.changes() if after < change.at <= until]
    names = _host_names(connection)
    found = [_with_host_names(change, names) for change in _without_disks_of(found)]
    return tuple(sorted(found, key=lambda change: (change.at, change.kind, change.subject)))


def _host_names(connection: Connection) -> dict[str, str]:
    """The newest name of each host; none for an id that hosts of several names have."""
    rows = connection.execute(
        sa.select(_HOST.c.host_id, _HOST.c.cluster, _HOST.c.name).order_by(_HOST.c.valid_from)
    )
    newest = {(host_id, cluster): name for host_id, cluster, name in rows}
    names: dict[str, set[str]] = defaultdict(set)
    for (host_id, _cluster), name in newest.items():
        names[host_id].add(name)
    return {host_id: name for host_id, (name, *more) in names.items() if not more}


def _with_host_names(change: Change, names: Mapping[str, str]) -> Change:
    """A guest's move as people speak of it: from host to host, not from id to id."""
    if change.field != "host_id":
        return change
    old, new = (
        {"host_id": names.get(side["host_id"], side["host_id"])}
        for side in (change.old, change.new)
    )
    return replace(change, old=old, new=new)


class _Polls:
    """When each source was read, which tells what came or went from what was always there."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        rows = connection.execute(
            sa.select(
                _POLL.c.source_key, sa.func.min(_POLL.c.taken_at, type_=_POLL.c.taken_at.type)
            )
            .where(BROUGHT_FACTS)
            .group_by(_POLL.c.source_key)
        )
        self._first: dict[int, datetime] = dict(rows.all())

    def knew_before(self, version: RowMapping) -> bool:
        """Whether its source had been read before the version began."""
        begins: datetime = version["valid_from"]
        return begins > self._first.get(version["source_key"], begins)

    def missed(self, old: RowMapping, new: RowMapping) -> bool:
        """Whether a thing was nowhere between two of its versions.

        Sources are read one after the other: what left one of them and is seen by the other at
        its next poll has moved.
        """
        if old["valid_to"] is None or old["valid_to"] >= new["valid_from"]:
            return False
        if old["source_key"] == new["source_key"]:
            return True
        between = sa.and_(
            _POLL.c.source_key == new["source_key"],
            _POLL.c.taken_at >= old["valid_to"],
            _POLL.c.taken_at < new["valid_from"],
        )
        found = self._connection.execute(
            sa.select(_POLL.c.key).where(between, BROUGHT_FACTS).limit(1)
        )
        return found.first() is not None


def _histories(
    connection: Connection, table: sa.Table, after: datetime, until: datetime
) -> Iterator[list[RowMapping]]:
    """All versions of each thing that has a version beginning or ending in the window."""
    identity = [table.c.entity_key] if table is not _DISK else [table.c.cluster, table.c.subject_id]
    moved = sa.or_(
        sa.and_(table.c.valid_from > after, table.c.valid_from <= until),
        sa.and_(table.c.valid_to > after, table.c.valid_to <= until),
    )
    touched = sa.select(*identity).where(moved).distinct().subquery()
    same = sa.and_(*(column == touched.c[column.name] for column in identity))
    rows = connection.execute(
        sa.select(table).join(touched, same).order_by(table.c.valid_from, table.c.key)
    ).mappings()
    stories: dict[tuple[Any, ...], list[RowMapping]] = defaultdict(list)
    for row in rows:
        stories[tuple(row[column.name] for column in identity)].append(row)
    yield from stories.values()


@dataclass(frozen=True, slots=True)
class _Story:
    """The versions of one thing, oldest first."""

    versions: list[RowMapping]
    fields: tuple[tuple[str, ChangeKind], ...]
    label: str
    polls: _Polls

    def changes(self) -> Iterator[Change]:
        first = self.versions[0]
        if self.polls.knew_before(first):
            yield self._change(first, first["valid_from"], "added", "", {}, self._size(first))
        for old, new in zip(self.versions, self.versions[1:], strict=False):
            if self.polls.missed(old, new):
                yield self._change(old, old["valid_to"], "removed", "", self._size(old), {})
                yield self._change(new, new["valid_from"], "added", "", {}, self._size(new))
            yield from self._between(old, new)
        ends = [version["valid_to"] for version in self.versions]
        if all(ends):
            last = self.versions[-1]
            yield self._change(last, max(ends), "removed", "", self._size(last), {})

    def _between(self, old: RowMapping, new: RowMapping) -> Iterator[Change]:
        at = new["valid_from"]
        for name, kind in self.fields:
            if old[name] != new[name] and old[name] is not None and new[name] is not None:
                yield self._change(new, at, kind, name, {name: old[name]}, {name: new[name]})
        if "tags" in old:
            yield from self._reclassified(old, new)

    def _reclassified(self, old: RowMapping, new: RowMapping) -> Iterator[Change]:
        if old["tags"] is None or new["tags"] is None:
            return
        before, after = _classes(old["tags"]), _classes(new["tags"])
        if before != after:
            texts = {"tags": sorted(before)}, {"tags": sorted(after)}
            yield self._change(new, new["valid_from"], "reclassified", "tags", *texts)

    def _change(
        self,
        row: RowMapping,
        at: datetime,
        kind: ChangeKind,
        field: str,
        old: Mapping[str, Any],
        new: Mapping[str, Any],
    ) -> Change:
        uuid, guest_id = row.get("uuid") or "", row.get("guest_id")
        guest = None if guest_id is None else (row["cluster"], guest_id)
        return Change(at, kind, self._subject(row), uuid, field, old, new, guest)

    def _subject(self, row: RowMapping) -> str:
        name = row.get("name")
        named = f"{row['subject_id']} ({name})" if name else row["subject_id"]
        return f"{self.label} {row['cluster']}/{named}"

    def _size(self, row: RowMapping) -> dict[str, Any]:
        names = ("vcpus", "cpu_cores", "memory_bytes", "capacity_bytes")
        return {name: row[name] for name in names if row.get(name) is not None}


def _classes(tags: Iterable[str]) -> set[str]:
    return {tag for tag in tags if tag.startswith(_CLASSIFYING)}


def _without_disks_of(found: list[Change]) -> list[Change]:
    """Drops disks that came or went together with their guest: the guest says it."""
    whole = {
        (change.at, change.kind, change.guest)
        for change in found
        if change.subject.startswith("guest ") and not change.field
    }
    return [
        change
        for change in found
        if not (
            change.subject.startswith("disk ")
            and not change.field
            and (change.at, change.kind, change.guest) in whole
        )
    ]
