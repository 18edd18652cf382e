"""The disks of guests, from the lines of their configurations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from collectors.proxmox.storage import Storages
from collectors.proxmox.values import flag, properties, size_bytes, text
from inventory.records import Disk, Guest

Config = Mapping[str, Any]
Drive = Mapping[str, str]

_VM_DISK = re.compile(r"^(scsi|virtio|sata|ide|efidisk|tpmstate|unused)\d+$")
_CONTAINER_DISK = re.compile(r"^(rootfs|mp\d+|unused\d+)$")
_BASE_IMAGE = re.compile(r"(?:^|/)(base-\d+-disk-\d+[^/]*)/")
_NAMED_FORMAT = re.compile(r"\.(raw|qcow2|vmdk|subvol)$")
# There a linked clone's name does not tell what it was cloned from.
_SILENT_CLONES = frozenset({"lvmthin", "btrfs"})
_IN_FILES = frozenset({"dir", "nfs", "cifs", "cephfs", "glusterfs", "btrfs"})


def drives_of(config: Config, *, container: bool) -> Iterator[tuple[str, str, Drive]]:
    """(slot, volume, options) of every line of a configuration that names a drive."""
    pattern = _CONTAINER_DISK if container else _VM_DISK
    for slot in sorted(key for key in config if pattern.match(str(key))):
        drive = properties(config[slot])
        yield slot, drive.get("") or drive.get("file") or drive.get("volume", ""), drive


def is_medium(volume: str, drive: Drive) -> bool:
    """Whether a drive takes media: an installation image, a cloud-init disk, or nothing."""
    return volume in ("none", "cdrom") or drive.get("media") == "cdrom"


def is_bind_mount(volume: str) -> bool:
    """Whether a container's mount point is a folder of the host: no volume, no size."""
    return volume.startswith("/") and not volume.startswith("/dev/")


def disks_of(guest: Guest, config: Config, storages: Storages) -> Iterator[Disk]:
    """Every disk in a configuration; media, empty drives and bind mounts are none."""
    container = guest.kind == "container"
    for slot, volume, drive in drives_of(config, container=container):
        if volume and not is_medium(volume, drive) and not (container and is_bind_mount(volume)):
            yield _disk(guest, slot, drive, volume, storages)


def _disk(guest: Guest, slot: str, drive: Drive, volume: str, storages: Storages) -> Disk:
    storage, colon, name = volume.partition(":")
    is_device = volume.startswith("/")
    on_storage = bool(colon) and not is_device and not name.startswith("//")
    kind = storages.kind(storage) if on_storage else None
    base = _BASE_IMAGE.search(name)
    return Disk(
        disk_id=f"{guest.guest_id}/{slot}",
        guest_id=guest.guest_id,
        cluster=guest.cluster,
        slot=slot,
        purpose=_purpose(slot),
        datastore_id=storages.datastore_id(guest.host_id or "", storage) if on_storage else None,
        capacity_bytes=size_bytes(drive.get("size")),
        backup=_in_backup(guest, slot, drive),
        cache=drive.get("cache", "none") if guest.kind == "vm" else "",
        volume=text(volume),
        linked_clone_of=_clone_of(base, kind, known=on_storage or is_device),
        format=_format(volume, drive, kind),
        backing=None if base is None and kind in _SILENT_CLONES else ((base[1],) if base else ()),
        host_device=text(volume) if is_device else "",
        shareable=False,
        replicated=None if slot.startswith("unused") else flag(drive.get("replicate", "1")),
    )


def _clone_of(base: re.Match[str] | None, kind: str | None, *, known: bool) -> str | None:
    """The base image in a volume's name; "" where the name would tell and does not."""
    if base is not None:
        return base[1]
    return "" if known and kind not in _SILENT_CLONES else None


def _format(volume: str, drive: Drive, kind: str | None) -> str | None:
    """As stated or named; block storages hold raw volumes, file storages name the format."""
    if drive.get("format"):
        return drive["format"]
    named = _NAMED_FORMAT.search(volume)
    if named:
        return named[1]
    if "subvol-" in volume:
        return "subvol"
    if volume.startswith("/"):
        return "raw"
    return None if kind is None or kind in _IN_FILES else "raw"


def _purpose(slot: str) -> Any:
    kinds = {"efidisk": "firmware", "tpmstate": "tpm", "unused": "unused"}
    return next((kind for start, kind in kinds.items() if slot.startswith(start)), "data")


def _in_backup(guest: Guest, slot: str, drive: Drive) -> bool | None:
    """A machine's disks are in a backup unless they say no, a container's mount points are not
    unless they say yes; its root always is."""
    if slot.startswith("unused"):
        return False
    if guest.kind == "container":
        return slot == "rootfs" or flag(drive.get("backup", "0"))
    return flag(drive.get("backup", "1"))


def marked_shareable(disks: Iterable[Disk]) -> list[Disk]:
    """The disks, those marked that more than one configuration refers to."""
    listed = list(disks)
    uses = Counter((disk.datastore_id, disk.volume) for disk in listed if _can_be_shared(disk))
    return [
        disk.model_copy(update={"shareable": True})
        if _can_be_shared(disk) and uses[disk.datastore_id, disk.volume] > 1
        else disk
        for disk in listed
    ]


def _can_be_shared(disk: Disk) -> bool:
    """Devices of hosts are not compared: one of the same name on another host is another."""
    return disk.datastore_id is not None and disk.purpose != "unused"
