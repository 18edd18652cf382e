"""Images of disks: left behind, shared, cloned, readable by others."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from inventory.platform_records import Volume
from inventory.records import Datastore, Disk
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.owners import STRICTNESS
from planner.pools import GIB
from planner.risks.rule import (
    HIGH,
    MEDIUM,
    Outcome,
    Rule,
    not_applicable,
    ok,
    risk,
    rule,
    unknown,
)

_HOLDS_IMAGES = frozenset({"images", "rootdir"})
_NO_DATA = frozenset({"iso", "dir"})  # of volumes
_MOST_NAMED = 10
_BASE_OF = re.compile(r"^base(?:vol)?-(\d+)-")


@rule(
    "DAR-005",
    "A disk that no guest uses may still hold old data",
    subject="storage",
    severity=MEDIUM,
    group="data_at_rest",
    essential=True,
    sources=("proxmox", "libvirt", "files"),
    why="Nobody looks after it, it is in no list of what to protect, and it is sold, copied or "
    "restored with all that is on it.",
    fix="Look at what it is, keep what is needed, then wipe or delete it and write that down.",
)
def left_behind(store: Datastore, estate: Estate) -> Outcome:
    """Disks that a definition only still lists, and images that no definition mentions at all."""
    if store.content is not None and not _HOLDS_IMAGES & set(store.content):
        return not_applicable("holds no disks")
    disks = [d for d in estate.on_datastore(Disk, store) if d.purpose == "unused"]
    volumes = [v for v in estate.on_datastore(Volume, store) if v.kind not in _NO_DATA]
    if disks or volumes:
        owners = [estate.guest_of.get((disk.cluster, disk.guest_id)) for disk in disks]
        named = [_disk(d, view) for d, view in zip(disks, owners, strict=True)]
        named += [_sized(v.volume_id, v.allocated_bytes or v.capacity_bytes) for v in volumes]
        more = len(named) - _MOST_NAMED
        told = [*named[:_MOST_NAMED], *([f"{more} more"] if more > 0 else [])]
        personal = any(view is not None and view.is_personal for view in owners)
        return risk(HIGH if personal else None, datastore=store.datastore_id, unused=told)
    unseen = _unseen(store, estate)
    return unknown(unseen) if unseen else ok()


def _disk(disk: Disk, view: GuestView | None) -> str:
    whose = view.label if view else disk.guest_id
    return _sized(f"{whose} {disk.slot}", disk.capacity_bytes)


def _sized(name: str, size: int | None) -> str:
    return f"{name} of unknown size" if size is None else f"{name} ({size / GIB:.0f} GiB)"


def _unseen(store: Datastore, estate: Estate) -> str:
    """What was not seen of disks and images on a datastore; "" when all was.

    Images that nothing mentions are beyond any reader's reach on Proxmox: that is no gap, for
    there the definitions list what was detached.
    """
    source = next(f.source for f in estate.datastores if f.record is store)
    for kind, scope in (("disk", ""), ("volume", store.scope)):
        gap = estate.gap(source, kind, scope)
        if gap is not None and not gap.is_beyond_reach:
            return f"{kind}: {gap.reason or gap.state}"
    hosts = estate.unseen_behind(store)
    return f"the disks of guests on {hosts} were not all seen" if hosts else ""


@rule(
    "DAR-007",
    "One virtual disk is attached to more than one guest",
    subject="disk",
    severity=HIGH,
    group="data_at_rest",
    sources=("proxmox", "libvirt"),
    why="Two systems that write to one disk without knowing of each other destroy its file "
    "system, and each reads what the other may not show.",
    fix="Give each guest its own disk. Where a cluster file system shares it, tag all of its "
    "guests ha.app.",
)
def shared_disk(disk: Disk, estate: Estate) -> Outcome:
    if disk.purpose == "unused":
        return not_applicable("attached to nothing")
    if disk.shareable is None:
        return unknown("whether others share the disk was not seen")
    if not disk.shareable:
        return ok()
    guests = {d.guest_id for d in estate.users_of(disk)} | {disk.guest_id}
    views = [v for name in sorted(guests) if (v := estate.guest_of.get((disk.cluster, name)))]
    if len(views) == len(guests) and _is_cluster(views):
        return ok()
    return risk(disk=disk.slot, lets_others_in="yes", guests=[view.label for view in views])


def _is_cluster(views: Iterable[GuestView]) -> bool:
    """Whether guests are declared to work together, and belong to one agency and class."""
    listed = list(views)
    alike = len({(view.agency, view.classification) for view in listed}) == 1
    return alike and all("ha.app" in (view.guest.tags or ()) for view in listed)


@rule(
    "DAR-008",
    "A clone of a classified guest has a lower class",
    subject="disk",
    severity=MEDIUM,
    group="data_at_rest",
    sources=("proxmox", "libvirt"),
    why="The clone begins with all that was on the original's disk, and is guarded less.",
    fix="Make it anew from a clean template, or give it the class of what it was cloned from; if "
    "the template is classed too high, correct its tag.",
)
def clone_of_higher_class(disk: Disk, estate: Estate) -> Outcome:
    if disk.linked_clone_of is None:
        return unknown("whether it is a clone was not seen")
    child = estate.guest_of.get((disk.cluster, disk.guest_id))
    if not disk.linked_clone_of or child is None:
        return not_applicable("no clone")
    parent = _parent(disk, estate)
    if parent is None:
        return unknown("what it was cloned from is no guest that is seen")
    if parent.classification is None or child.classification is None:
        return unknown("the class of the clone, or of what it was cloned from, is not known")
    if _strictness(child) >= _strictness(parent):
        return ok()
    return risk(
        cloned_from=parent.label, its_class=parent.classification, own_class=child.classification
    )


def _parent(disk: Disk, estate: Estate) -> GuestView | None:
    """The guest that a clone's base image belongs to: by the number in its name, or its place."""
    base = disk.linked_clone_of or ""
    number = _BASE_OF.match(base)
    if number:
        return estate.guest_of.get((disk.cluster, number[1]))
    image = disk.model_copy(update={"volume": base})
    owners = [user.guest_id for user in estate.users_of(image) if user.guest_id != disk.guest_id]
    return estate.guest_of.get((disk.cluster, owners[0])) if owners else None


def _strictness(view: GuestView) -> int:
    order: tuple[Any, ...] = STRICTNESS
    return order.index(view.classification) if view.classification in order else -1


@rule(
    "DAR-009",
    "Images of disks can be read by every user of the host",
    subject="storage",
    severity=MEDIUM,
    group="data_at_rest",
    sources=("libvirt",),
    why="Whoever has any account on the host reads the guests' data past all of their rights.",
    fix="Set the images to mode 0600 and their folder to 0711, and write the mode into the pool's "
    "definition.",
)
def readable_by_all(store: Datastore, estate: Estate) -> Outcome:
    """An image is out of reach where others may not even enter its folder."""
    if store.folder_mode is None:
        return unknown("the permissions of its folder were not seen")
    disks = estate.on_datastore(Disk, store)
    can_enter = bool(store.folder_mode & 0o001)
    images = [d for d in disks if can_enter and d.file_mode is not None and d.file_mode & 0o004]
    if images or store.folder_mode & 0o002:
        named = [f"{_whose(disk, estate)} {disk.slot} {disk.file_mode:04o}" for disk in images]
        return risk(folder=f"{store.folder_mode:04o}", images=named[:_MOST_NAMED] or "none")
    if can_enter and any(disk.file_mode is None for disk in disks):
        return unknown("the permissions of some of its images were not seen")
    hosts = estate.unseen_behind(store)
    return unknown(f"the disks of guests on {hosts} were not all seen") if hosts else ok()


def _whose(disk: Disk, estate: Estate) -> str:
    view = estate.guest_of.get((disk.cluster, disk.guest_id))
    return (view and view.guest.name) or disk.guest_id


RULES: tuple[Rule, ...] = (left_behind, shared_disk, clone_of_higher_class, readable_by_all)
