"""The XML of the lab's guests and networks, as libvirt wants it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

from lab.libvirt_lab.guest_system import GuestSystem

_NAMES = uuid.UUID("6c9f3c52-4f0e-5d0b-9c5e-0d1a3c0b7a11")
MEMORY_MIB = 128
DISK_GIB = 1


@dataclass(frozen=True)
class Guest:
    """A tiny guest: one vCPU, one thin disk, one network interface, a balloon that reports."""

    name: str
    load: str
    address: str
    peer: str
    disk: Path
    console: Path
    network: str | None  # None: user networking
    system: GuestSystem | None  # None: the BIOS finds nothing to boot and waits


def stable_uuid(name: str) -> str:
    """The same UUID for the same name, in every lab."""
    return str(uuid.uuid5(_NAMES, name))


def guest_xml(guest: Guest) -> str:
    """A definition that boots anywhere: emulated CPU, no host device, no file outside the lab."""
    nic = f"<interface type='network'><source network='{guest.network}'/>"
    if guest.network is None:
        nic = "<interface type='user'>"
    return f"""
<domain type='qemu'>
  <name>{guest.name}</name>
  <uuid>{stable_uuid(guest.name)}</uuid>
  <metadata>
    <libosinfo:libosinfo xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/domain/1.0'>
      <libosinfo:os id='http://debian.org/debian/12'/>
    </libosinfo:libosinfo>
  </metadata>
  <memory unit='MiB'>{MEMORY_MIB}</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type>{_boot(guest)}</os>
  <features><acpi/></features>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='{guest.disk}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    {nic}<model type='virtio'/></interface>
    <serial type='file'><source path='{guest.console}'/><target port='0'/></serial>
    <graphics type='vnc' autoport='yes' listen='127.0.0.1'/>
    <memballoon model='virtio'><stats period='2'/></memballoon>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
  </devices>
</domain>
"""


def _boot(guest: Guest) -> str:
    if guest.system is None:
        return ""
    words = {
        "lab_name": guest.name,
        "lab_load": guest.load,
        "lab_address": guest.address,
        "lab_peer": guest.peer,
    }
    told = " ".join(f"{key}={value}" for key, value in words.items())
    return (
        f"<kernel>{guest.system.kernel}</kernel><initrd>{guest.system.initramfs}</initrd>"
        # An emulated CPU needs no mitigations, and its clock no long calibration.
        f"<cmdline>console=ttyS0 quiet mitigations=off tsc=reliable no_timer_check {told}</cmdline>"
    )


def network_xml(name: str, bridge: str) -> str:
    """A network that only joins an existing bridge: no address, no DHCP, no firewall rules."""
    return (
        f"<network><name>{name}</name><uuid>{stable_uuid(name)}</uuid>"
        f"<forward mode='bridge'/><bridge name='{bridge}'/></network>"
    )
