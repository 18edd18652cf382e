"""Who is who: entities keep their key through renames, moves and late-learnt UUIDs.

A guest is known by two aliases within its cluster: its UUID, and its native id with its kind.
The UUID wins. A UUID or a kind learnt later attaches to the entity the native id points to; a
native id that comes back with another UUID or kind is another guest. Names and generation ids
never count.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inventory.records import Datastore, EntityKind, Guest, Host, Record
from inventory.schema import AliasRow, EntityRow, table_of

_ENTITY = table_of(EntityRow)
_ALIAS = table_of(AliasRow)

Named = tuple[EntityKind, str, str]  # kind, cluster, id on the platform


class Identities:
    """The entity keys of a set of clusters, making the ones that are new."""

    def __init__(self, connection: Connection, at: datetime) -> None:
        self._connection = connection
        self._at = at
        self._native: dict[Named, int] = {}
        self._uuid_of: dict[int, str] = {}
        self._kind_of: dict[int, str] = {}
        self._by_uuid: dict[tuple[str, str], int] = {}
        self._loaded: set[str] = set()
        self._new_aliases: list[dict[str, Any]] = []  # kept back, to be written together

    def learn(self, facts: Iterable[Record]) -> None:
        """Gives every host, guest and datastore among the facts its entity."""
        things = [fact for fact in facts if isinstance(fact, Host | Guest | Datastore)]
        uuids = _telling_uuids(thing for thing in things if isinstance(thing, Guest))
        self._load({thing.cluster for thing in things})
        new: dict[Named, str | None] = {}
        for thing in things:
            if self._is_new(thing, uuids):
                new.setdefault(_named(thing), _kind(thing))
        self._make(new)
        for thing in things:
            if isinstance(thing, Guest):
                told = (thing.cluster, thing.uuid) in uuids
                self._guest(_named(thing), thing.kind, thing.uuid if told else None)
        self._write_aliases()

    def key(self, kind: EntityKind, cluster: str, native_id: str) -> int:
        """The entity's key; a usage sample may name one that no fact has shown yet."""
        self._load({cluster})
        named = (kind, cluster, native_id)
        if named not in self._native:
            self._make({named: None})
            self._write_aliases()
        return self._native[named]

    def find(self, kind: EntityKind, cluster: str, native_id: str) -> int | None:
        return self._native.get((kind, cluster, native_id))

    def _load(self, clusters: set[str]) -> None:
        new = clusters - self._loaded
        if not new:
            return
        self._loaded |= new
        things = sa.select(*_ENTITY.c["key", "kind", "cluster", "native_id"]).where(
            _ENTITY.c.cluster.in_(new), _ENTITY.c.kind != "guest"
        )
        for key, kind, cluster, native_id in self._connection.execute(things):
            self._native[kind, cluster, native_id] = key
        current = sa.select(*_ALIAS.c["entity_key", "cluster", "space", "value"]).where(
            _ALIAS.c.cluster.in_(new), _ALIAS.c.until_at.is_(None)
        )
        for key, cluster, space, value in self._connection.execute(current):
            if space == "uuid":
                self._by_uuid[cluster, value] = key
                self._uuid_of[key] = value
            else:
                self._native["guest", cluster, value] = key
                if space != "native":
                    self._kind_of[key] = space

    def _is_new(self, thing: Host | Guest | Datastore, uuids: set[tuple[str, str | None]]) -> bool:
        """Whether no entity is known by the thing's native id, nor by a UUID that tells."""
        uuid = (thing.cluster, getattr(thing, "uuid", None))
        return _named(thing) not in self._native and not (uuid in uuids and uuid in self._by_uuid)

    def _guest(self, named: Named, kind: str | None, uuid: str | None) -> None:
        cluster = named[1]
        by_native = self._native.get(named)
        by_uuid = self._by_uuid.get((cluster, uuid)) if uuid else None
        same = by_native if self._may_be(by_native, uuid, kind) else None
        if same and by_uuid not in (None, same) and same not in self._uuid_of:
            return  # it was told apart before: a clone that outlived its template
        key = by_uuid or same
        if key is None:
            self._make({named: kind})
            key = self._native[named]
        elif key != by_native:
            self._point(named, key)
        if kind and self._kind_of.get(key) != kind:
            self._kind_of[key] = kind
            self._point(named, key)
        if uuid and self._by_uuid.get((cluster, uuid)) != key:
            self._by_uuid[cluster, uuid] = key
            self._uuid_of[key] = uuid
            self._alias(key, cluster, "uuid", uuid)

    def _may_be(self, key: int | None, uuid: str | None, kind: str | None) -> bool:
        """Whether nothing that is known of the entity says that it is another guest."""
        if key is None:
            return False
        same_uuid = uuid is None or self._uuid_of.get(key, uuid) == uuid
        return same_uuid and (kind is None or self._kind_of.get(key, kind) == kind)

    def _make(self, new: Mapping[Named, str | None]) -> None:
        """Makes an entity of each of the names, which then point to it; of guests with their
        kind, where it is known."""
        rows = [
            {"kind": kind, "cluster": cluster, "native_id": native_id, "first_at": self._at}
            for kind, cluster, native_id in new
        ]
        if not rows:
            return
        made = _ENTITY.insert().returning(*_ENTITY.c["key", "kind", "cluster", "native_id"])
        for key, kind, cluster, native_id in self._connection.execute(made, rows):
            named: Named = (kind, cluster, native_id)
            guest_kind = new[named]
            if guest_kind:
                self._kind_of[key] = guest_kind
            if kind == "guest":
                self._point(named, key)
            else:
                self._native[named] = key

    def _point(self, named: Named, key: int) -> None:
        """From now on this native id means that guest."""
        _kind, cluster, native_id = named
        if named in self._native:
            self._write_aliases()
            self._connection.execute(
                _ALIAS.update()
                .where(
                    _ALIAS.c.cluster == cluster,
                    _ALIAS.c.space != "uuid",
                    _ALIAS.c.value == native_id,
                    _ALIAS.c.until_at.is_(None),
                )
                .values(until_at=self._at)
            )
        self._native[named] = key
        self._alias(key, cluster, self._kind_of.get(key, "native"), native_id)

    def _alias(self, key: int, cluster: str, space: str, value: str) -> None:
        self._new_aliases.append(
            {
                "entity_key": key,
                "cluster": cluster,
                "space": space,
                "value": value,
                "since_at": self._at,
            }
        )

    def _write_aliases(self) -> None:
        if self._new_aliases:
            self._connection.execute(_ALIAS.insert(), self._new_aliases)
            self._new_aliases = []


def _named(thing: Host | Guest | Datastore) -> Named:
    kind: EntityKind = thing.kind_name  # type: ignore[assignment]  # of these three it is one
    return kind, thing.cluster, thing.subject


def _kind(thing: Host | Guest | Datastore) -> str | None:
    """Of a guest its kind."""
    return thing.kind if isinstance(thing, Guest) else None


def _telling_uuids(guests: Iterable[Guest]) -> set[tuple[str, str | None]]:
    """The (cluster, UUID) that identify a guest: a clone may carry its template's, and one that
    two guests share identifies neither."""
    tally = Tally((guest.cluster, guest.uuid) for guest in guests if guest.uuid)
    return {uuid for uuid, guests in tally.items() if guests == 1}
