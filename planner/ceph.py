"""What a cluster's own Ceph can hold when its largest node is lost (glossary 5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from inventory.platform_records import CEPH_OSD, PhysicalDisk
from inventory.records import Datastore
from planner.capacity import Capacity, HostShare, ceph_capacity, datastore_capacity
from planner.estate import Estate

_KINDS = frozenset({"rbd", "cephfs"})


def ceph_nodes(estate: Estate, store: Datastore) -> tuple[HostShare, ...]:
    """The hosts that a Ceph datastore lies on, with all that their Ceph disks hold.

    Where no such disk was seen, every host of the cluster, of unknown size. None for a datastore
    that is not Ceph's, or that lies on other machines.
    """
    if store.kind not in _KINDS or _is_elsewhere(store):
        return ()
    hosts = {fact.record.host_id: fact.record.name for fact in estate.hosts_in(store.cluster)}
    sizes: dict[str, float | None] = defaultdict(float)
    for disk in estate.facts.records(PhysicalDisk):
        if disk.cluster == store.cluster and disk.used_for == CEPH_OSD:
            so_far = sizes[disk.host_id]
            known = so_far is not None and disk.capacity_bytes is not None
            sizes[disk.host_id] = (so_far or 0.0) + (disk.capacity_bytes or 0) if known else None
    if not sizes:
        return tuple(HostShare(name, None) for name in sorted(hosts.values()))
    return tuple(HostShare(hosts.get(key, key), size) for key, size in sorted(sizes.items()))


def _is_elsewhere(store: Datastore) -> bool:
    """Whether its configuration names monitors: a cluster's own needs none."""
    return bool(store.backend) and "monhost" in str(store.backend)


def ceph_store_capacity(
    capacity: float | None, nodes: Sequence[HostShare], *, nearfull: float
) -> Capacity:
    """A Ceph datastore's capacity, ``capacity`` being what it holds after redundancy.

    It is spread over the nodes as their disks are; evenly, with flag ``ceph_nodes_assumed``, where
    these were not seen. The largest node's part is held back, so that its copies find room.
    """
    if capacity is None:
        return datastore_capacity(None, factor=nearfull)
    if any(node.capacity is None for node in nodes):
        even = [HostShare(node.name, capacity / len(nodes), 0.0) for node in nodes]
        found = ceph_capacity(even, size=1, nearfull=nearfull)
        return replace(found, flags=(*found.flags, "ceph_nodes_assumed"))
    total = sum(node.capacity or 0.0 for node in nodes)
    known = [replace(node, reserve=0.0) for node in nodes]
    return ceph_capacity(known, size=total / capacity, nearfull=nearfull)
