"""Things worth reporting that a host may be given: each is what a careless owner leaves behind."""

from __future__ import annotations

from pathlib import Path

from lab.libvirt_lab.daemon import Host
from lab.libvirt_lab.guests import Guest, stable_uuid
from lab.libvirt_lab.home import SECOND_POOL


def add_extras(host: Host, guests: list[Guest]) -> None:
    """Adds to a furnished host, and starts nothing:

    - a second pool on the same filesystem, with a thin image, an overlay of it and a sparse one
    - NAME-shut, shut off, with an internal snapshot
    - NAME-risky, which uses those images carelessly and would show its screen to everybody
    - an external snapshot of the last guest that libvirt has no record of
    """
    spare = host.folder / SECOND_POOL
    _add_pool(host, spare)
    _define(host, f"{host.name}-shut", _SHUT.format(disk=spare / "shut.qcow2"))
    host.virsh("snapshot-create-as", f"{host.name}-shut", "before-upgrade", "kept too long")
    _define(host, f"{host.name}-risky", _RISKY.format(pool=spare))
    for guest in guests[-1:]:
        snapshot = ("snapshot-create-as", guest.name, "unrecorded", "--disk-only", "--no-metadata")
        host.virsh(*snapshot)


def _add_pool(host: Host, folder: Path) -> None:
    host.virsh("pool-create-as", SECOND_POOL, "dir", "--target", folder)
    add = ("vol-create-as", SECOND_POOL)
    host.virsh(*add, "shut.qcow2", "2G", "--format", "qcow2")
    host.virsh(*add, "template.qcow2", "10G", "--format", "qcow2")
    backing = ("--backing-vol", folder / "template.qcow2", "--backing-vol-format", "qcow2")
    host.virsh(*add, "overlay.qcow2", "10G", "--format", "qcow2", *backing)
    host.virsh(*add, "sparse.raw", "5G", "--format", "raw", "--allocation", "0")


def _define(host: Host, name: str, body: str) -> None:
    definition = host.folder / f"{name}.xml"
    definition.write_text(
        f"<domain type='qemu'><name>{name}</name><uuid>{stable_uuid(name)}</uuid>{body}</domain>"
    )
    host.virsh("define", definition)


_SHUT = """
  <memory unit='MiB'>256</memory>
  <vcpu>2</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='{disk}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
  </devices>
"""

_RISKY = """
  <memory unit='MiB'>512</memory>
  <vcpu>2</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='unsafe'/>
      <source file='{pool}/overlay.qcow2'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='{pool}/sparse.raw'/>
      <target dev='vdb' bus='virtio'/>
      <shareable/>
    </disk>
    <filesystem type='mount' accessmode='passthrough'>
      <source dir='/etc'/>
      <target dir='configuration'/>
    </filesystem>
    <graphics type='vnc' port='5999' autoport='no' listen='0.0.0.0' passwd='open-it'/>
    <memballoon model='none'/>
  </devices>
"""
