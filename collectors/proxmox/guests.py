"""Guests, their disks, interfaces and snapshots, from list rows and configurations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from collectors.proxmox.values import (
    MIB,
    flag,
    instant,
    memory_bytes,
    number,
    properties,
    size_bytes,
    smbios_uuid,
    text,
    whole,
    words,
)
from inventory.records import Disk, Guest, GuestSnapshot, Nic

_VM_DISK = re.compile(r"^(scsi|virtio|sata|ide|efidisk|tpmstate|unused)\d+$")
_CONTAINER_DISK = re.compile(r"^(rootfs|mp\d+|unused\d+)$")
_NIC = re.compile(r"^net\d+$")
_PASSTHROUGH = re.compile(r"^(hostpci|usb|dev)\d+$")
_MAC = re.compile(r"^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$")
_BASE_IMAGE = re.compile(r"(?:^|/)(base-\d+-disk-\d+[^/]*)/")

# What ostype tells; a Linux one says nothing about the release.
_OS = {
    "l24": "Linux 2.4",
    "l26": "Linux",
    "w2k": "Windows 2000",
    "w2k3": "Windows Server 2003",
    "w2k8": "Windows Server 2008",
    "wxp": "Windows XP",
    "wvista": "Windows Vista",
    "win7": "Windows 7 or Server 2008 R2",
    "win8": "Windows 8 or Server 2012",
    "win10": "Windows 10 or Server 2016/2019",
    "win11": "Windows 11 or Server 2022/2025",
    "solaris": "Solaris",
    "other": "",
    "unmanaged": "",
}

Config = Mapping[str, Any]
DatastoreId = Callable[[str, str], str]  # (node, storage) → the datastore's id


def guest_of(row: Config, config: Config | None, cluster: str) -> Guest:
    """A guest from its row in /cluster/resources and its configuration.

    The row caps vCPUs at the host's threads and knows the boot disk only, so sizes come from the
    configuration; without one they are not known.
    """
    is_container = row.get("type") == "lxc"
    settings = _container(config) if is_container else _machine(config)
    return Guest(
        guest_id=str(row.get("vmid")),
        name=text(row.get("name")) or None,
        cluster=cluster,
        host_id=text(row.get("node")),
        kind="container" if is_container else "vm",
        power=_power(row.get("status")),
        template=_template(row),
        tags=words(row.get("tags"), ";"),
        resource_pool=text(row.get("pool")) or "",
        ha_state=text(row.get("hastate")) or "",
        lock=text(row.get("lock")) or "",
        **settings,
    )


def _power(status: Any) -> Any:
    """ "unknown" is what a row says when its node's statistics are older than five minutes."""
    return status if status in ("running", "stopped", "paused") else None


def _template(row: Config) -> bool | None:
    """A row whose statistics are gone does not say whether it is a template."""
    return flag(row.get("template")) if "template" in row or "name" not in row else False


def _machine(config: Config | None) -> dict[str, Any]:
    if config is None:
        return {}
    ballooning = whole(config.get("balloon"))
    return {
        "vcpus": _vcpus(config),
        "memory_bytes": memory_bytes(config),
        "memory_min_bytes": ballooning * MIB if ballooning else None,
        "os": _OS.get(str(config.get("ostype")), text(config.get("ostype")) or ""),
        "uuid": smbios_uuid(config),
        "autostart": flag(config.get("onboot", 0)),
        "raw_arguments": bool(config.get("args")),
        "passthrough": _passthrough(config),
    }


def _vcpus(config: Config) -> float | None:
    """sockets × cores, or ``vcpus`` where fewer of them are plugged in."""
    plugged = number(config.get("vcpus"))
    if plugged:
        return plugged
    sockets, cores = number(config.get("sockets", 1)), number(config.get("cores", 1))
    return None if sockets is None or cores is None else sockets * cores


def _container(config: Config | None) -> dict[str, Any]:
    if config is None:
        return {}
    # Without cores or a limit a container may use every processor of whatever host it is on.
    limit = number(config.get("cores")) or number(config.get("cpulimit")) or None
    return {
        "vcpus": limit,
        "memory_bytes": memory_bytes(config),
        "os": text(config.get("ostype")) or "",
        "autostart": flag(config.get("onboot", 0)),
        "unprivileged": flag(config.get("unprivileged", 0)),
        "raw_arguments": bool(config.get("lxc")),
        "passthrough": _passthrough(config),
    }


def _passthrough(config: Config) -> tuple[str, ...]:
    """Devices of the host that bind the guest to it; a mapped one exists on several hosts."""
    found = []
    for key, value in config.items():
        if _PASSTHROUGH.match(key) and "mapping" not in properties(value):
            if properties(value).get("host", "") != "spice" and "spice" not in str(value):
                found.append(key)
        elif _VM_DISK.match(key) and str(value).startswith("/dev/"):
            found.append(key)
    return tuple(sorted(found))


def disks_of(guest: Guest, config: Config, datastore_id: DatastoreId) -> Iterator[Disk]:
    """Every disk in a configuration; media, empty drives and bind mounts are none."""
    pattern = _CONTAINER_DISK if guest.kind == "container" else _VM_DISK
    for slot in sorted(key for key in config if pattern.match(key)):
        drive = properties(config[slot])
        volume = drive.get("") or drive.get("file", "")
        if volume in ("", "none", "cdrom") or drive.get("media") == "cdrom":
            continue
        if guest.kind == "container" and volume.startswith("/"):
            continue  # a folder of the host: no volume, no size
        yield _disk(guest, slot, drive, volume, datastore_id)


def _disk(
    guest: Guest, slot: str, drive: dict[str, str], volume: str, datastore_id: DatastoreId
) -> Disk:
    storage, colon, name = volume.partition(":")
    base = _BASE_IMAGE.search(name)
    return Disk(
        disk_id=f"{guest.guest_id}/{slot}",
        guest_id=guest.guest_id,
        cluster=guest.cluster,
        slot=slot,
        purpose=_purpose(slot),
        datastore_id=datastore_id(guest.host_id or "", storage) if colon else None,
        capacity_bytes=size_bytes(drive.get("size")),
        backup=_in_backup(guest, slot, drive),
        cache=drive.get("cache", "none") if guest.kind == "vm" else "",
        volume=text(volume),
        linked_clone_of=base[1] if base else "",
    )


def _purpose(slot: str) -> Any:
    kinds = {"efidisk": "firmware", "tpmstate": "tpm", "unused": "unused"}
    return next((kind for start, kind in kinds.items() if slot.startswith(start)), "data")


def _in_backup(guest: Guest, slot: str, drive: dict[str, str]) -> bool | None:
    """A machine's disks are in a backup unless they say no, a container's mount points are not
    unless they say yes; its root always is."""
    if slot.startswith("unused"):
        return False
    if guest.kind == "container":
        return slot == "rootfs" or flag(drive.get("backup", "0"))
    return flag(drive.get("backup", "1"))


def nics_of(guest: Guest, config: Config) -> Iterator[Nic]:
    """Every network interface in a configuration."""
    for slot in sorted(key for key in config if _NIC.match(key)):
        given = properties(config[slot])
        model = next((key for key, value in given.items() if _MAC.match(value)), None)
        mac = given.get("hwaddr") or (given.get(model) if model else None)
        yield Nic(
            nic_id=f"{guest.guest_id}/{slot}",
            guest_id=guest.guest_id,
            cluster=guest.cluster,
            network=text(given.get("bridge")) or "",
            vlan=whole(given.get("tag", 0)),
            trunks=given.get("trunks", ""),
            mac=mac.upper() if mac else None,
            model=given.get("type") if guest.kind == "container" else model or given.get(""),
            firewall=flag(given.get("firewall", "0")),
            link_down=flag(given.get("link_down", "0")),
        )


def snapshots_of(guest: Guest, rows: list[Config]) -> Iterator[GuestSnapshot]:
    """A guest's snapshots; ``current`` stands for the running state and is none."""
    for row in sorted(rows, key=lambda row: str(row.get("name"))):
        name = text(row.get("name"))
        if not name or name == "current":
            continue
        taken = whole(row.get("snaptime"))
        yield GuestSnapshot(
            guest_id=guest.guest_id,
            cluster=guest.cluster,
            name=name,
            created_at=instant(taken),
            memory_state=flag(row.get("vmstate", 0)),
            parent=text(row.get("parent")) or "",
        )
