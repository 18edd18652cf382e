"""Guests, their disks, interfaces and snapshots, from domain XML and block statistics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element

from collectors.libvirt.storage import Storages, Volume
from collectors.libvirt.values import (
    attribute,
    child,
    instant,
    size_bytes,
    text,
    tree,
    whole,
)
from inventory.records import Disk, Guest, GuestSnapshot, Nic

_LIBOSINFO = "{http://libosinfo.org/xmlns/libvirt/domain/1.0}"
_QEMU = "{http://libvirt.org/schemas/domain/qemu/1.0}"
_POWER = {
    1: "running",
    2: "running",  # blocked on something, not stopped
    3: "paused",
    4: "running",  # being shut down
    5: "stopped",
    6: "stopped",  # crashed
    7: "paused",  # suspended by the guest itself: its memory is still held
}
_SHUT_OFF, _MIGRATED_AWAY = 5, 4
_IMAGE_ENDINGS = frozenset({"qcow2", "qcow", "raw", "img", "qed", "vmdk", "vdi"})


@dataclass(frozen=True, slots=True)
class Domain:
    """What the answers hold of one domain."""

    uuid: str
    name: str | None
    domain_id: int | None  # None when it is shut off
    xml: Element | None  # None when it could not be read
    statistics: Mapping[str, Any]
    autostart: bool | None
    persistent: bool | None
    is_fake: bool  # of the test driver

    @property
    def has_left(self) -> bool:
        """Whether it was migrated away: what stays behind is a definition, not a guest."""
        state, reason = (whole(self.statistics.get(f"state.{x}")) for x in ("state", "reason"))
        return state == _SHUT_OFF and reason == _MIGRATED_AWAY

    @property
    def power(self) -> Any:
        state = _POWER.get(whole(self.statistics.get("state.state")) or 0)
        return state or (None if self.is_active else "stopped")

    @property
    def is_active(self) -> bool:
        return self.domain_id is not None

    def numbered(self, group: str) -> Iterator[Mapping[str, Any]]:
        """The entries of a group such as block.0.…, block.1.…, each by its own field names."""
        entries: dict[str, dict[str, Any]] = {}
        for key, value in self.statistics.items():
            start, _dot, rest = str(key).partition(".")
            place, dot, field = rest.partition(".")
            if start == group and dot and place.isdecimal():
                entries.setdefault(place, {})[field] = value
        yield from (entries[place] for place in sorted(entries, key=int))

    @property
    def interfaces(self) -> list[Element]:
        return [] if self.xml is None else self.xml.findall("devices/interface")

    @property
    def drives(self) -> list[Element]:
        """The disks; drives for installation media are none."""
        if self.xml is None:
            return []
        found = self.xml.findall("devices/disk")
        return [d for d in found if d.get("device", "disk") in ("disk", "lun")]


def guest_of(domain: Domain, host_id: str, cluster: str) -> Guest:
    """A guest from its domain XML; without one its sizes are not known.

    libvirt knows no templates: one is a guest that is shut off, like any other.
    """
    xml = domain.xml
    return Guest(
        guest_id=domain.uuid,
        uuid=domain.uuid,
        name=domain.name,
        cluster=cluster,
        host_id=host_id,
        kind="vm",
        power=domain.power,
        vcpus=_vcpus(xml),
        memory_bytes=size_bytes(xml, "memory", "KiB"),
        memory_min_bytes=_ballooned_to(xml),
        template=False,
        os=attribute(xml, f"metadata/{_LIBOSINFO}libosinfo/{_LIBOSINFO}os", "id"),
        autostart=domain.autostart,
        persistent=domain.persistent,
        machine=attribute(xml, "os/type", "machine"),
        # The test driver drops raw arguments, so their absence says nothing.
        raw_arguments=None if xml is None or domain.is_fake else _has_raw_arguments(xml),
        passthrough=None if xml is None else _passthrough(xml),
    )


def _vcpus(xml: Element | None) -> float | None:
    """The processors that are plugged in, of those that could be."""
    current = whole(attribute(xml, "vcpu", "current"))
    return current or whole(child(xml, "vcpu")) or None


def _ballooned_to(xml: Element | None) -> int | None:
    """What the balloon leaves to the guest, where that is less than its maximum."""
    maximum, current = (size_bytes(xml, path, "KiB") for path in ("memory", "currentMemory"))
    return current if maximum is not None and current is not None and current < maximum else None


def _has_raw_arguments(xml: Element) -> bool:
    given = xml.find(f"{_QEMU}commandline")
    return given is not None and len(given) > 0


def _passthrough(xml: Element) -> tuple[str, ...]:
    """Devices of the host that bind the guest to it."""
    found = [
        f"{d.get('type', 'device')} {_device(d)}".strip() for d in xml.findall("devices/hostdev")
    ]
    for nic in xml.findall("devices/interface"):
        direct = nic.get("type") == "direct" and attribute(nic, "source", "mode") == "passthrough"
        if nic.get("type") == "hostdev" or direct:
            found.append(f"interface {attribute(nic, 'source', 'dev') or _device(nic)}".strip())
    return tuple(sorted(text(name) or "device" for name in found))


def _device(element: Element) -> str:
    """A device's address, as 0000:06:12.5 or by its ids."""
    address = element.find("source/address")
    if address is not None and address.get("slot"):
        d, b, s, f = (
            address.get(k, "0").removeprefix("0x") for k in ("domain", "bus", "slot", "function")
        )
        return f"{d}:{b}:{s}.{f}"
    if address is not None and address.get("uuid"):
        return address.get("uuid", "")
    ids = [attribute(element, f"source/{part}", "id") for part in ("vendor", "product")]
    return ":".join(part.removeprefix("0x") for part in ids if part)


# Disks


def disks_of(domain: Domain, cluster: str, storages: Storages) -> Iterator[Disk]:
    """Every disk of a guest, in the order of its slots."""
    for slot, drive in sorted(_by_slot(domain.drives).items()):
        yield _disk(domain, slot, drive, cluster, storages)


def _by_slot(drives: list[Element]) -> dict[str, Element]:
    return {slot: d for d in drives if (slot := attribute(d, "target", "dev")) is not None}


def _disk(domain: Domain, slot: str, drive: Element, cluster: str, storages: Storages) -> Disk:
    volume = storages.volume_of(drive)
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
        volume=storages.place_of(drive),
        linked_clone_of=_cloned_from(drive, volume),
        format=attribute(drive, "driver", "type"),
        shareable=drive.find("shareable") is not None,
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


def _cloned_from(drive: Element, volume: Volume | None) -> str | None:
    """The image a disk stands on that no snapshot of its own put there; "" when it has none."""
    chain = _images(drive)
    if len(chain) == 1 and drive.find("backingStore") is None:
        if volume is None:
            return None  # of a guest that is shut off only the volume tells
        chain += [volume.backing] if volume.backing else []
    links = pairwise(chain)
    return next((below for top, below in links if _snapshot_name(top, below) is None), "")


def _images(drive: Element) -> list[str]:
    """The image that is written and those below it, from the top."""
    found: list[str] = []
    layer: Element | None = drive
    while layer is not None and len(found) < 200:
        source = _source(layer)
        if source is None:
            break
        found.append(source)
        layer = layer.find("backingStore")
    return found


def _source(layer: Element) -> str | None:
    return attribute(layer, "source", "file") or attribute(layer, "source", "dev")


def _snapshot_name(top: str, below: str) -> str | None:
    """The snapshot that put ``top`` above ``below``; None when it was not made by a snapshot.

    libvirt names the new image after the old one, with the snapshot's name for its ending.
    """
    over, under = PurePosixPath(top), PurePosixPath(below)
    name = text(over.name.removeprefix(f"{under.stem}."))
    same_image = over.parent == under.parent and over.name.startswith(f"{under.stem}.")
    return name if same_image and over != under and name not in _IMAGE_ENDINGS else None


# Interfaces


def nics_of(domain: Domain, cluster: str) -> Iterator[Nic]:
    """Every network interface of a guest, known by its hardware address."""
    seen: dict[str, int] = {}
    for place, nic in enumerate(domain.interfaces):
        mac = attribute(nic, "mac", "address")
        key = mac.upper() if mac else f"net{place}"
        seen[key] = seen.get(key, 0) + 1
        tags = [tag for t in nic.findall("vlan/tag") if (tag := whole(t.get("id"))) is not None]
        yield Nic(
            nic_id=f"{domain.uuid}/{key}" + (f"#{seen[key]}" if seen[key] > 1 else ""),
            guest_id=domain.uuid,
            cluster=cluster,
            network=_network(nic),
            vlan=_vlan(nic, tags),
            trunks=";".join(str(tag) for tag in tags) if len(tags) > 1 else "",
            mac=mac.upper() if mac else None,
            model=attribute(nic, "model", "type"),
            firewall=nic.find("filterref") is not None,
            link_down=attribute(nic, "link", "state") == "down",
        )


def _network(nic: Element) -> str:
    """The virtual network, bridge or device it is on; "" for one that is on none."""
    names = ("network", "bridge", "dev")
    return next((name for key in names if (name := attribute(nic, "source", key))), "")


def _vlan(nic: Element, tags: list[int]) -> int | None:
    """The tag, 0 without one. What a virtual network tags shows once the guest runs."""
    if tags:
        return tags[0] if len(tags) == 1 else None
    on_network = attribute(nic, "source", "network") is not None
    return None if on_network and attribute(nic, "source", "bridge") is None else 0


# Snapshots


def snapshots_of(domain: Domain, answers: list[Any], cluster: str) -> Iterator[GuestSnapshot]:
    """The snapshots that libvirt keeps a record of, and those that only the images show."""
    names: set[str] = set()
    for answer in answers:
        xml = tree(answer, "domainsnapshot")
        name = child(xml, "name")
        if xml is None or name is None or name in names:
            continue
        names.add(name)
        memory = attribute(xml, "memory", "snapshot")
        yield GuestSnapshot(
            guest_id=domain.uuid,
            cluster=cluster,
            name=name,
            created_at=instant(whole(child(xml, "creationTime"))),
            memory_state=None if memory is None else memory != "no",
            parent=child(xml, "parent/name") or "",
        )
    for name in sorted(_unrecorded(domain) - names):
        yield GuestSnapshot(guest_id=domain.uuid, cluster=cluster, name=name, memory_state=None)


def _unrecorded(domain: Domain) -> set[str]:
    """The snapshots that left an image behind."""
    found: set[str] = set()
    for drive in domain.drives:
        images = _images(drive)
        links = pairwise(images)
        found |= {name for top, below in links if (name := _snapshot_name(top, below))}
    return found
