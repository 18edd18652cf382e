"""Storage pools as datastores: one per backend, however many pools look at it.

libvirt shows a pool as it was when someone last refreshed it. A disk that lies in a pool and is not
among its volumes proves that this was long ago.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element

from collectors.libvirt.values import attribute, child, items, size_bytes, tree
from collectors.untrusted import whole
from inventory.records import Datastore

# What several hosts reach by nature.
_SHARED = frozenset({"netfs", "iscsi", "iscsi-direct", "rbd", "gluster", "sheepdog", "vstorage"})
_SAME_FILL_RATIO = 0.01  # two directories whose file systems differ less are taken for one


@dataclass(frozen=True, slots=True)
class Volume:
    """One volume of a pool, read anew when it was asked for."""

    path: str
    capacity_bytes: int | None
    allocated_bytes: int | None
    backing: str  # the image below it; "" when it stands alone
    is_encrypted: bool
    format: str | None  # raw, qcow2, iso, dir, …
    is_folder: bool
    mode: int | None = None  # permission bits
    encryption: str = ""  # its format

    @classmethod
    def of(cls, answer: Any) -> Volume | None:
        xml = tree(answer, "volume")
        path = child(xml, "target/path") or child(xml, "key")
        if xml is None or path is None:
            return None
        return cls(
            path=path,
            capacity_bytes=size_bytes(xml, "capacity", "bytes"),
            allocated_bytes=size_bytes(xml, "allocation", "bytes"),
            backing=child(xml, "backingStore/path") or "",
            is_encrypted=xml.find("target/encryption") is not None,
            format=attribute(xml, "target/format", "type"),
            is_folder=xml.get("type") in ("dir", "netdir"),
            mode=mode_of(xml),
            encryption=attribute(xml, "target/encryption", "format") or "",
        )


@dataclass(frozen=True, slots=True)
class Pool:
    """One storage pool of a host."""

    name: str
    is_active: bool | None
    xml: Element | None = None
    capacity_bytes: int | None = None
    used_bytes: int | None = None
    volumes: Mapping[str, Volume] = field(default_factory=dict)  # by path and by name
    volumes_seen: bool = False
    unreadable_volumes: int = 0
    trouble: str = ""  # why its size is not known

    @property
    def kind(self) -> str | None:
        return attribute(self.xml, ".", "type")

    @property
    def target(self) -> str | None:
        return child(self.xml, "target/path")

    @property
    def is_shared(self) -> bool | None:
        return None if self.kind is None else self.kind in _SHARED

    @property
    def backend(self) -> str | None:
        """What every host calls a shared backend; None for one that is the host's own."""
        if self.xml is None or not self.is_shared:
            return None
        hosts = sorted(h.get("name", "") for h in self.xml.findall("source/host"))
        place = (
            attribute(self.xml, "source/dir", "path")
            or child(self.xml, "source/name")
            or attribute(self.xml, "source/device", "path")
            or ""
        )
        return f"{','.join(hosts)}:{place}" if any(hosts) or place else None

    def holds(self, path: str) -> bool:
        """Whether a file or device lies below the pool's target."""
        return self.target is not None and path.startswith(self.target.rstrip("/") + "/")


def pool_of(
    name: str, is_active: bool | None, xml: Any, info: Any, volumes: Any, trouble: str
) -> Pool:
    """A pool from its answers: XML, [state, capacity, allocation, available], volume XMLs."""
    figures = items(info) if is_active and len(items(info)) == 4 else [None] * 4
    capacity = whole(figures[1]) or None
    found = [Volume.of(answer) for answer in items(volumes)]
    read = [volume for volume in found if volume is not None]
    by_name = {PurePosixPath(volume.path).name: volume for volume in read}
    return Pool(
        name=name,
        is_active=is_active,
        xml=tree(xml, "pool"),
        capacity_bytes=capacity,
        used_bytes=None if capacity is None else whole(figures[2]),
        volumes=by_name | {volume.path: volume for volume in read},
        volumes_seen=isinstance(volumes, list),
        unreadable_volumes=len(found) - len(read),
        trouble=trouble,
    )


class Storages:
    """The pools of a host, looked up by what lies in them."""

    def __init__(self, pools: list[Pool], host_id: str, host_name: str) -> None:
        self.pools = sorted(pools, key=lambda pool: pool.name)
        self._host_id, self._host_name = host_id, host_name
        self._main = self._grouped()

    def _grouped(self) -> dict[str, Pool]:
        """For every pool the first one that looks at the same backend."""
        main: dict[str, Pool] = {}
        for pool in self.pools:
            firsts = (p for p in self.pools if main.get(p.name) is p)
            main[pool.name] = next((p for p in firsts if _same_backend(p, pool)), pool)
        return main

    def pool_for(self, drive: Element) -> Pool | None:
        """The pool that a disk lies in: the one it names, else the nearest above its path."""
        named = attribute(drive, "source", "pool")
        if named is not None:
            return next((pool for pool in self.pools if pool.name == named), None)
        if drive.get("type") == "network":
            return self._network_pool(drive)
        place = place_of(drive)
        above = [pool for pool in self.pools if place and pool.holds(place)]
        return max(above, key=lambda pool: len(pool.target or ""), default=None)

    def _network_pool(self, drive: Element) -> Pool | None:
        """The pool whose source an image such as POOL/IMAGE of a protocol belongs to."""
        protocol = attribute(drive, "source", "protocol")
        start = (attribute(drive, "source", "name") or "").partition("/")[0]
        for pool in self.pools:
            if pool.kind == protocol and start and child(pool.xml, "source/name") == start:
                return pool
        return None

    def volume_of(self, drive: Element) -> Volume | None:
        """The volume that a disk is, where its pool knows it."""
        pool = self.pool_for(drive)
        if pool is None:
            return None
        name = attribute(drive, "source", "volume")
        return pool.volumes.get(name or place_of(drive) or "")

    def volume_at(self, place: str) -> Volume | None:
        """The volume at a path, or called POOL/VOLUME, where a pool knows it."""
        return self._by_place.get(place)

    @cached_property
    def _by_place(self) -> dict[str, Volume]:
        found: dict[str, Volume] = {}
        for pool in self.pools:
            for name, volume in pool.volumes.items():
                found.setdefault(name if name == volume.path else f"{pool.name}/{name}", volume)
        return found

    def datastore_id_of(self, drive: Element) -> str | None:
        pool = self.pool_for(drive)
        return None if pool is None else self.datastore_id(pool)

    def datastore_id(self, pool: Pool) -> str:
        """The backend's name for a shared one, else host/pool: what is local to one host."""
        main = self._main[pool.name]
        return main.backend or f"{self._host_id}/{main.name}"

    def datastores(self, cluster: str) -> list[Datastore]:
        """Every backend once, under the first of its pools; the others are aliases."""
        return [self._datastore(cluster, key, pools) for key, pools in self.by_datastore.items()]

    @cached_property
    def by_datastore(self) -> dict[str, list[Pool]]:
        """The pools that look at each backend."""
        grouped: dict[str, list[Pool]] = {}
        for pool in self.pools:
            grouped.setdefault(self.datastore_id(pool), []).append(pool)
        return dict(sorted(grouped.items()))

    def _datastore(self, cluster: str, key: str, pools: list[Pool]) -> Datastore:
        main = pools[0]
        sized = [pool for pool in pools if pool.capacity_bytes is not None]
        shown = max(sized, key=lambda pool: pool.used_bytes or 0, default=main)
        return Datastore(
            datastore_id=key,
            name=main.name if main.backend else f"{self._host_name}/{main.name}",
            cluster=cluster,
            kind=main.kind,
            shared=main.is_shared,
            capacity_bytes=shown.capacity_bytes,
            used_bytes=shown.used_bytes,
            hosts=(self._host_id,),
            aliases=tuple(pool.name for pool in pools[1:]),
            enabled=True if any(pool.is_active for pool in pools) else None,
            folder_mode=mode_of(main.xml) if main.xml is not None else None,
        )

    def troubles(self, drives: list[Element]) -> dict[str, tuple[str, str]]:
        """Reason and remedy for every datastore whose figures are missing or too old."""
        found: dict[str, tuple[str, str]] = {}
        for pool in self.pools:
            if trouble := self._trouble(pool, drives):
                found.setdefault(self.datastore_id(pool), trouble)
        return found

    def _trouble(self, pool: Pool, drives: list[Element]) -> tuple[str, str] | None:
        if pool.is_active is False:
            return f"the pool {pool.name} is not active", f"virsh pool-start {pool.name}"
        if pool.capacity_bytes is None:
            return pool.trouble or f"the pool {pool.name} shows no size", ""
        if self._is_outdated(pool, drives):
            reason = f"the pool {pool.name} was last refreshed before some of its files were made"
            return reason, f"virsh pool-refresh {pool.name}, from cron on the host"
        return None

    def _is_outdated(self, pool: Pool, drives: list[Element]) -> bool:
        if not pool.volumes_seen:
            return False
        inside = [drive for drive in drives if self.pool_for(drive) is pool]
        missing = [d for d in inside if self.volume_of(d) is None and _is_direct(d, pool)]
        return bool(missing) or pool.unreadable_volumes > 0


def place_of(layer: Element) -> str | None:
    """Where a disk's or an image's data is: a path, POOL/VOLUME, or PROTOCOL:NAME."""
    path = attribute(layer, "source", "file") or attribute(layer, "source", "dev")
    if path is not None:
        return path
    pool, volume = attribute(layer, "source", "pool"), attribute(layer, "source", "volume")
    if pool is not None:
        return f"{pool}/{volume}"
    protocol, name = attribute(layer, "source", "protocol"), attribute(layer, "source", "name")
    return f"{protocol}:{name or ''}" if protocol is not None else None


def mode_of(xml: Element) -> int | None:
    """The permission bits of what a pool or a volume is on the host."""
    stated = child(xml, "target/permissions/mode") or ""
    return int(stated, 8) & 0o7777 if re.fullmatch(r"[0-7]{3,7}", stated) else None


def _is_direct(drive: Element, pool: Pool) -> bool:
    """Whether a disk lies in the pool itself and in no folder below, which a pool does not show."""
    path = attribute(drive, "source", "file")
    return path is not None and str(PurePosixPath(path).parent) == (pool.target or "").rstrip("/")


def _same_backend(one: Pool, other: Pool) -> bool:
    """Whether two pools look at one backend: a shared one by its name, volume groups and folders
    by their target, and folders on one file system by its size and fill."""
    if one.backend or other.backend:
        return one.backend == other.backend
    if one.kind != other.kind or one.target is None or other.target is None:
        return False
    if one.target == other.target:
        return True
    return one.kind == "dir" and _on_one_file_system(one, other)


def _on_one_file_system(one: Pool, other: Pool) -> bool:
    """A directory pool shows its whole file system, so two on one would be counted twice.

    Nothing names the file system itself. Twins that are still empty are taken for two.
    """
    size = one.capacity_bytes
    if size is None or size != other.capacity_bytes:
        return False
    if one.holds(f"{other.target}/") or other.holds(f"{one.target}/"):
        return True
    fills = (one.used_bytes or 0, other.used_bytes or 0)
    return min(fills) >= _SAME_FILL_RATIO * size >= abs(fills[0] - fills[1])
