"""Who is who: entities keep their key through renames, moves and late-learnt UUIDs.

A guest is known by two aliases within its cluster: its UUID, and its native id with its kind.
The UUID wins. A UUID or a kind learnt later attaches to the entity the native id points to; a
native id that comes back with another UUID or kind is another guest. Names and generation ids
never count.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from datetime import datetime

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

    def learn(self, facts: Iterable[Record]) -> None:
        """Gives every host, guest and datastore among the facts its entity."""
        facts = list(facts)
        self._load({fact.cluster for fact in facts if isinstance(fact, Host | Guest | Datastore)})
        for fact in facts:
            if isinstance(fact, Host | Datastore):
                self._thing(("host" if isinstance(fact, Host) else "datastore"), fact)
        self._guests([fact for fact in facts if isinstance(fact, Guest)])

    def key(self, kind: EntityKind, cluster: str, native_id: str) -> int:
        """The entity's key; a usage sample may name one that no fact has shown yet."""
        self._load({cluster})
        named = (kind, cluster, native_id)
        return self._native.get(named) or self._make(named)

    def find(self, kind: EntityKind, cluster: str, native_id: str) -> int | None:
        return self._native.get((kind, cluster, native_id))

    def _load(self, clusters: set[str]) -> None:
        new = clusters - self._loaded
        if not new:
            return
        self._loaded |= new
        for row in self._connection.execute(sa.select(_ENTITY).where(_ENTITY.c.cluster.in_(new))):
            if row.kind != "guest":
                self._native[row.kind, row.cluster, row.native_id] = row.key
        current = sa.select(_ALIAS).where(_ALIAS.c.cluster.in_(new), _ALIAS.c.until_at.is_(None))
        for row in self._connection.execute(current):
            if row.space == "uuid":
                self._by_uuid[row.cluster, row.value] = row.entity_key
                self._uuid_of[row.entity_key] = row.value
            else:
                self._native["guest", row.cluster, row.value] = row.entity_key
                if row.space != "native":
                    self._kind_of[row.entity_key] = row.space

    def _thing(self, kind: EntityKind, fact: Host | Datastore) -> int:
        named = (kind, fact.cluster, fact.subject)
        return self._native.get(named) or self._make(named)

    def _guests(self, guests: list[Guest]) -> None:
        # A cloned guest may carry its template's UUID: one that two share identifies neither.
        tally = Tally((guest.cluster, guest.uuid) for guest in guests if guest.uuid)
        for guest in guests:
            unique = guest.uuid and tally[guest.cluster, guest.uuid] == 1
            self._guest(guest, guest.uuid if unique else None)

    def _guest(self, guest: Guest, uuid: str | None) -> int:
        named: Named = ("guest", guest.cluster, guest.guest_id)
        by_native = self._native.get(named)
        by_uuid = self._by_uuid.get((guest.cluster, uuid)) if uuid else None
        same = by_native if self._may_be(by_native, uuid, guest.kind) else None
        if same and by_uuid not in (None, same) and same not in self._uuid_of:
            return same  # it was told apart before: a clone that outlived its template
        key = by_uuid or same
        if key is None:
            key = self._make(named, guest.kind)
        elif key != by_native:
            self._point(named, key)
        if guest.kind and self._kind_of.get(key) != guest.kind:
            self._kind_of[key] = guest.kind
            self._point(named, key)
        if uuid and self._by_uuid.get((guest.cluster, uuid)) != key:
            self._by_uuid[guest.cluster, uuid] = key
            self._uuid_of[key] = uuid
            self._alias(key, guest.cluster, "uuid", uuid)
        return key

    def _may_be(self, key: int | None, uuid: str | None, kind: str | None) -> bool:
        """Whether nothing that is known of the entity says that it is another guest."""
        if key is None:
            return False
        same_uuid = uuid is None or self._uuid_of.get(key, uuid) == uuid
        return same_uuid and (kind is None or self._kind_of.get(key, kind) == kind)

    def _make(self, named: Named, guest_kind: str | None = None) -> int:
        kind, cluster, native_id = named
        values = {"kind": kind, "cluster": cluster, "native_id": native_id, "first_at": self._at}
        result = self._connection.execute(_ENTITY.insert().values(values))
        key = int(result.inserted_primary_key[0])  # type: ignore[index]  # one key column
        if guest_kind:
            self._kind_of[key] = guest_kind
        if kind == "guest":
            self._point(named, key)
        else:
            self._native[named] = key
        return key

    def _point(self, named: Named, key: int) -> None:
        """From now on this native id means that guest."""
        _kind, cluster, native_id = named
        if named in self._native:
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
        self._connection.execute(
            _ALIAS.insert().values(
                entity_key=key, cluster=cluster, space=space, value=value, since_at=self._at
            )
        )
