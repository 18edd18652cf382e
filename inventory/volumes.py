"""Which volumes that their own host calls left behind are used by a guest of another host.

A host's reader sees the guests of that host. Where hosts of one cluster share a folder without
saying so, the image of a guest that moved to another host lies on the first one, and no guest of
that host refers to it any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from inventory.platform_records import Volume
from inventory.records import Datastore, Disk, Guest

Place = tuple[str, str]  # a cluster, and a path or POOL/VOLUME


def used_elsewhere(
    volumes: Iterable[Volume],
    guests: Iterable[Guest],
    disks: Iterable[Disk],
    datastores: Iterable[Datastore],
) -> frozenset[tuple[str, str]]:
    """The (cluster, id) of the volumes that some guest of their cluster refers to.

    The same path on file systems of different sizes is two files. Of equal sizes it may be one: a
    volume is called left behind only when it is certain.
    """
    sizes = {(store.cluster, store.datastore_id): store.capacity_bytes for store in datastores}
    named: dict[Place, list[int | None]] = defaultdict(list)
    for disk in disks:
        if disk.volume:
            size = sizes.get((disk.cluster, disk.datastore_id or ""))
            named[disk.cluster, disk.volume].append(size)
    for place in _elsewhere(guests, disks):
        named[place].append(None)
    return frozenset(
        (volume.cluster, volume.volume_id)
        for volume in volumes
        for place in _places(volume)
        for size in named.get(place, ())
        if _may_be_equal(size, sizes.get((volume.cluster, volume.datastore_id)))
    )


def _elsewhere(guests: Iterable[Guest], disks: Iterable[Disk]) -> Iterator[Place]:
    """What is referred to without a word on where it lies: images below disks, and in drives."""
    yield from ((disk.cluster, image) for disk in disks for image in disk.backing or ())
    yield from ((guest.cluster, image) for guest in guests for image in guest.media or ())


def _places(volume: Volume) -> Iterator[Place]:
    """How a disk may name the volume: by its path, or within its pool."""
    path = volume.volume_id.removeprefix(f"{volume.datastore_id}:")
    pool = PurePosixPath(volume.datastore_id).name
    yield volume.cluster, path
    yield volume.cluster, f"{pool}/{PurePosixPath(path).name}"


def _may_be_equal(one: int | None, other: int | None) -> bool:
    return one is None or other is None or one == other
