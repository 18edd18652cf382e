"""Datastores: one per backend, however many nodes see it and names it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from collectors.proxmox.values import flag, text, words
from collectors.untrusted import whole
from inventory.records import Datastore

Row = Mapping[str, Any]

# Storage types whose plugin is shared by nature, also where "shared" is not set.
_SHARED_TYPES = frozenset(
    {"nfs", "cifs", "cephfs", "rbd", "pbs", "iscsi", "iscsidirect", "glusterfs", "zfs", "esxi"}
)
# What names the place that a storage of a type writes to; two ids with the same are one backend.
_PLACE = {
    "dir": ("path",),
    "btrfs": ("path",),
    "nfs": ("server", "export"),
    "cifs": ("server", "share", "subdir"),
    "glusterfs": ("server", "volume"),
    "cephfs": ("monhost", "fs-name", "subdir"),
    "rbd": ("monhost", "pool", "namespace"),
    "lvm": ("vgname",),
    "lvmthin": ("vgname", "thinpool"),
    "zfspool": ("pool",),
    "zfs": ("portal", "pool"),
    "iscsi": ("portal", "target"),
    "pbs": ("server", "datastore", "namespace"),
}
_LOCAL_PATH = "/var/lib/vz"  # of the storage named local, whatever its configuration says


@dataclass
class Storages:
    """The storages of a cluster, from their configuration and from the nodes' rows."""

    configured: dict[str, Row]
    rows: list[Row]
    nodes: tuple[str, ...]
    configuration_seen: bool
    _canonical: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, storage: Iterable[Row], resources: Iterable[Row], *, seen: bool) -> Storages:
        listed = list(resources)
        found = cls(
            configured={str(row.get("storage")): row for row in storage},
            rows=[row for row in listed if row.get("type") == "storage"],
            nodes=tuple(
                sorted(str(row.get("node")) for row in listed if row.get("type") == "node")
            ),
            configuration_seen=seen,
        )
        for name in found.names:
            for node in found.nodes_of(name):
                identity = found._identity(node, name)
                found._canonical.setdefault(identity, found._own_id(node, name))
        return found

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted({*self.configured, *(str(row.get("storage")) for row in self.rows)}))

    def is_shared(self, name: str) -> bool:
        given = self.configured.get(name, {})
        stated = flag(given.get("shared"))
        by_row = any(flag(r.get("shared")) for r in self.rows if r.get("storage") == name)
        return bool(stated) or by_row or self.kind(name) in _SHARED_TYPES

    def kind(self, name: str) -> str | None:
        rows = (row.get("plugintype") for row in self.rows if row.get("storage") == name)
        return text(self.configured.get(name, {}).get("type")) or text(next(rows, None))

    def nodes_of(self, name: str) -> tuple[str, ...]:
        """The nodes that have the storage: those it is limited to, else all."""
        limited = words(self.configured.get(name, {}).get("nodes"), ",")
        return limited or self.nodes

    def datastore_id(self, node: str, name: str) -> str:
        """The id of the datastore that a storage name means on a node."""
        return self._canonical.get(self._identity(node, name), self._own_id(node, name))

    def _own_id(self, node: str, name: str) -> str:
        return name if self.is_shared(name) else f"{node}/{name}"

    def _identity(self, node: str, name: str) -> str:
        """What two names of one backend have in common."""
        place = self._place(name)
        if not place:
            return f"id:{self._own_id(node, name)}"
        where = "" if self.is_shared(name) else node
        return ":".join(["place", where, self.kind(name) or "", *place])

    def _place(self, name: str) -> list[str]:
        """What names the place it writes to: a path, a server and its export, a pool."""
        kind, given = self.kind(name), self.configured.get(name, {})
        if name == "local" and kind == "dir":
            return [_LOCAL_PATH]
        keys = _PLACE.get(kind or "", ())
        told = {key: str(given[key]) for key in keys if given.get(key)}
        # Monitors are named where a Ceph is somebody else's: a cluster's own needs none.
        return [f"{key} {text}" if key == "monhost" else text for key, text in told.items()]

    def datastores(self, cluster: str) -> list[Datastore]:
        """Every backend once, under the first of its names; the others are aliases."""
        grouped: dict[str, list[tuple[str, str]]] = {}
        for name in self.names:
            for node in self.nodes_of(name):
                grouped.setdefault(self.datastore_id(node, name), []).append((node, name))
        return [self._datastore(cluster, key, uses) for key, uses in sorted(grouped.items())]

    def _datastore(self, cluster: str, key: str, uses: list[tuple[str, str]]) -> Datastore:
        names = sorted({name for _node, name in uses})
        main = key if key in names else key.rsplit("/", 1)[-1]
        live = self._live_row(uses)
        given = [self.configured.get(name, {}) for name in names]
        return Datastore(
            datastore_id=key,
            name=main,
            cluster=cluster,
            kind=self.kind(main),
            shared=self.is_shared(main),
            capacity_bytes=whole(live.get("maxdisk")) or None,
            used_bytes=whole(live.get("disk")) if whole(live.get("maxdisk")) else None,
            hosts=tuple(sorted({node for node, _name in uses})),
            aliases=tuple(name for name in names if name != main),
            content=self._content(names),
            enabled=not all(flag(row.get("disable")) for row in given) if given else None,
            retention=self._retention(given),
            backend=self._backend(main),
            encrypted_backups=self._encrypts_backups(main, given),
        )

    def _backend(self, name: str) -> str | None:
        """The place that it writes to; None when its configuration was not seen."""
        if name not in self.configured:
            return None
        return text(":".join(self._place(name)))

    def _encrypts_backups(self, name: str, given: list[Row]) -> bool | None:
        """Whether a key is set: told of backup servers only, where its absence means none."""
        if self.kind(name) != "pbs" or not self.configuration_seen:
            return None
        return any(row.get("encryption-key") for row in given)

    def _live_row(self, uses: list[tuple[str, str]]) -> Row:
        """A row that shows the backend's size; an empty one when no node shows it."""
        return next(
            (
                row
                for row in sorted(self.rows, key=lambda row: str(row.get("id")))
                if (str(row.get("node")), str(row.get("storage"))) in uses
                and row.get("status") == "available"
                and whole(row.get("maxdisk"))
            ),
            {},
        )

    def _content(self, names: list[str]) -> tuple[str, ...] | None:
        rows = [row for row in self.rows if row.get("storage") in names]
        found = {
            word
            for row in (*(self.configured.get(name, {}) for name in names), *rows)
            for word in words(row.get("content"), ",")
        }
        return tuple(sorted(found)) if found else None

    def _retention(self, given: list[Row]) -> str | None:
        """The prune settings of any of its names; "" when none has any."""
        if not self.configuration_seen:
            return None
        stated = [retention_text(row.get("prune-backups")) for row in given]
        return next((words for words in stated if words), "")


def retention_text(value: Any) -> str:
    """Prune settings as one text, such as keep-daily=7,keep-weekly=4; "" for none.

    They come as a property string or as an object. Keeping everything is no retention.
    """
    if isinstance(value, Mapping):
        parts = [f"{key}={amount}" for key, amount in value.items()]
    else:
        parts = (text(value) or "").split(",")
    kept = [part.strip() for part in parts if part.strip()]
    return ",".join(sorted(part for part in kept if not part.startswith("keep-all")))
