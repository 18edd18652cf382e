"""Disks of guests, and the images they stand on.

A running guest's XML names its whole chain of images. That of a guest that is shut off names the
top, and the volumes of the pools tell the rest, as far as they were refreshed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element

from collectors.libvirt.domains import Domain
from collectors.libvirt.settings import address_of
from collectors.libvirt.storage import Storages, Volume, place_of
from collectors.libvirt.values import attribute, text
from collectors.untrusted import whole
from inventory.records import Disk

_IMAGE_ENDINGS = frozenset({"qcow2", "qcow", "raw", "img", "qed", "vmdk", "vdi"})
_LONGEST_CHAIN = 200
# Whether the line to a network disk is encrypted, where its protocol decides it. Those of Ceph and
# Gluster are encrypted by settings that libvirt does not know.
_LINES = {
    "https": True, "ftps": True, "ssh": True,
    "http": False, "ftp": False, "tftp": False, "iscsi": False, "nfs": False, "sheepdog": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Images:
    """The image that a disk writes to and those below it, from the top."""

    places: tuple[str, ...]
    are_all: bool  # False: there may be more below

    @property
    def below(self) -> tuple[str, ...] | None:
        """The images below the top; None when nothing of them is known."""
        return self.places[1:] if self.are_all or len(self.places) > 1 else None

    @property
    def snapshots(self) -> set[str]:
        """The names of the snapshots that left an image behind."""
        links = pairwise(self.places)
        return {name for top, below in links if (name := _snapshot_name(top, below))}

    @property
    def cloned_from(self) -> str | None:
        """The image below that no snapshot put there; "" when there is none."""
        for top, below in pairwise(self.places):
            if _snapshot_name(top, below) is None:
                return below
        return "" if self.are_all else None


def images_of(drive: Element, storages: Storages) -> Images:
    """The images that a disk is made of: what the XML names, then what the volumes do."""
    places: list[str] = []
    layer = drive
    while (place := place_of(layer)) is not None and len(places) < _LONGEST_CHAIN:
        places.append(place)
        below = layer.find("backingStore")
        if below is None:
            is_raw = _format(layer) == "raw"  # such an image can have none below
            return Images(tuple(places), True) if is_raw else _followed(places, storages)
        layer = below
    return Images(tuple(places), bool(places) and place is None and len(layer) == 0)


def _format(layer: Element) -> str | None:
    return attribute(layer, "driver", "type") or attribute(layer, "format", "type")


def _followed(places: list[str], storages: Storages) -> Images:
    """The chain, with what the volumes know of it below the last image."""
    chain = list(places)
    while (volume := storages.volume_at(chain[-1])) is not None and len(chain) < _LONGEST_CHAIN:
        if not volume.backing:
            return Images(tuple(chain), True)
        if volume.backing in chain:
            break
        chain.append(volume.backing)
    return Images(tuple(chain), False)


def _snapshot_name(top: str, below: str) -> str | None:
    """The snapshot that put ``top`` above ``below``; None when it was not made by a snapshot.

    libvirt names the new image after the old one, with the snapshot's name for its ending.
    """
    over, under = PurePosixPath(top), PurePosixPath(below)
    name = text(over.name.removeprefix(f"{under.stem}."))
    same_image = over.parent == under.parent and over.name.startswith(f"{under.stem}.")
    return name if same_image and over != under and name not in _IMAGE_ENDINGS else None


def unrecorded_snapshots(domain: Domain, storages: Storages) -> set[str]:
    """The snapshots that only a guest's images show."""
    found: set[str] = set()
    for drive in domain.drives:
        found |= images_of(drive, storages).snapshots
    return found


def disks_of(domain: Domain, cluster: str, storages: Storages) -> Iterator[Disk]:
    """Every disk of a guest, in the order of its slots."""
    for slot, drive in sorted(_by_slot(domain.drives).items()):
        yield _disk(domain, slot, drive, cluster, storages)


def _by_slot(drives: list[Element]) -> dict[str, Element]:
    return {slot: d for d in drives if (slot := attribute(d, "target", "dev")) is not None}


def _disk(domain: Domain, slot: str, drive: Element, cluster: str, storages: Storages) -> Disk:
    volume, images = storages.volume_of(drive), images_of(drive, storages)
    figures = next((b for b in domain.numbered("block") if b.get("name") == slot), {})
    capacity = whole(figures.get("capacity"))
    allocated = volume.allocated_bytes if volume else None
    return Disk(
        disk_id=f"{domain.uuid}/{slot}",
        guest_id=domain.uuid,
        datastore_id=storages.datastore_id_of(drive),
        cluster=cluster,
        slot=slot,
        purpose="data",
        capacity_bytes=capacity
        if capacity is not None or volume is None
        else volume.capacity_bytes,
        allocated_bytes=_taken(figures, is_active=domain.is_active)
        if allocated is None
        else allocated,
        encrypted=True if _is_encrypted(drive, volume) else None,
        cache=attribute(drive, "driver", "cache") or "default",
        volume=place_of(drive),
        linked_clone_of=images.cloned_from,
        format=attribute(drive, "driver", "type"),
        backing=images.below,
        host_device=_host_device(drive, storages),
        shareable=drive.find("shareable") is not None,
        transport_encrypted=_line_is_encrypted(drive),
        encryption=_encryption(drive, volume),
        file_mode=volume.mode if volume else None,
    )


def _taken(figures: Mapping[str, Any], *, is_active: bool) -> int | None:
    """What a disk takes on its datastore, from its block statistics.

    Of a running guest ``physical`` is what the image takes and ``allocation`` its highest offset;
    of one that is shut off ``allocation`` is what it takes and ``physical`` the file's length.
    libvirt leaves out what is 0.
    """
    if whole(figures.get("capacity")) is None:
        return None
    return whole(figures.get("physical" if is_active else "allocation", 0))


def _is_encrypted(drive: Element, volume: Volume | None) -> bool:
    """Whether QEMU encrypts the disk; if it does not, the guest or the host still may."""
    stated = drive.find("source/encryption") is not None or drive.find("encryption") is not None
    return stated or (volume is not None and volume.is_encrypted)


def _encryption(drive: Element, volume: Volume | None) -> str:
    """The format in which QEMU encrypts it; old definitions state it beside the source."""
    stated = attribute(drive, "source/encryption", "format") or attribute(
        drive, "encryption", "format"
    )
    return stated or (volume.encryption if volume else "")


def _host_device(drive: Element, storages: Storages) -> str | None:
    """The device of the host that a disk is; "" for an image, and for a volume of a pool."""
    kind = drive.get("type")
    if kind == "nvme":
        return f"nvme {address_of(drive)}".strip()
    if kind != "block" or storages.pool_for(drive) is not None:
        return ""
    return attribute(drive, "source", "dev")


def _line_is_encrypted(drive: Element) -> bool | None:
    """Whether what a network disk reads and writes can be listened to; None for others, too."""
    if drive.get("type") != "network":
        return None
    if attribute(drive, "source", "tls") == "yes":
        return True
    hosts = [host.get("transport") for host in drive.iterfind("source/host")]
    protocol = attribute(drive, "source", "protocol") or ""
    if "unix" in hosts:  # a process of this host is spoken to, whose own line is not known
        return None
    return False if protocol == "nbd" else _LINES.get(protocol)
