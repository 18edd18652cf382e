"""The libvirt collector: reads one KVM host over a connection that can only read.

``address`` reads the URI, ``wire`` speaks libvirt through a list of allowed calls, ``refusals``
puts its errors into words, ``fetch`` decides what to ask and how long to wait for it, ``parse``
turns answers into facts: ``domains`` and ``settings`` the guests, ``disks`` and ``snapshots`` what
is theirs, ``storage`` the pools, ``volumes`` what lies in them unused, ``usage`` the figures,
``coverage`` what was not seen.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field, field_validator

from collectors.contract import Budget, Options, Raw, Source
from collectors.libvirt.address import Address
from inventory.records import Snapshot


class LibvirtOptions(Options):
    """One host that runs libvirt."""

    uri: str = Field(description="qemu+ssh://USER@HOST/system, qemu+tls://HOST/system, …")

    @field_validator("uri")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        Address.of(value)
        return value

    @property
    def address(self) -> Address:
        return Address.of(self.uri)

    @property
    def in_clear(self) -> bool:
        """Whether the host is read over a line that others can listen to."""
        return self.address.in_clear


class LibvirtCollector:
    """Reads KVM hosts with libvirt 5 and newer."""

    options = LibvirtOptions
    reports = frozenset(
        {
            "host.cpu_cores", "host.memory_bytes", "host.version", "host.transport",
            "host.transport_encrypted", "host.confinement", "host.ksm_shared_bytes",
            "guest.vcpus", "guest.memory_bytes", "guest.uuid", "guest.host_id", "guest.tags",
            "guest.os", "guest.os_source", "guest.autostart", "guest.persistent",
            "guest.machine", "guest.cpu_model", "guest.firmware", "guest.secure_boot",
            "guest.vtpm", "guest.memory_encryption", "guest.confinement", "guest.ballooning",
            "guest.agent", "guest.host_paths", "guest.consoles", "guest.clipboard",
            "guest.media", "guest.hints", "guest.raw_arguments", "guest.raw_options",
            "guest.passthrough", "guest.pinned_cpus",
            "disk.capacity_bytes", "disk.allocated_bytes", "disk.cache", "disk.encrypted",
            "disk.format", "disk.backing", "disk.host_device", "disk.shareable",
            "disk.transport_encrypted", "disk.encryption", "disk.file_mode", "nic.network",
            "nic.vlan", "nic.mac", "nic.firewall", "nic.address_filter", "nic.isolated",
            "datastore.capacity_bytes", "datastore.used_bytes", "datastore.folder_mode",
            "guest_snapshot.created_at", "volume.capacity_bytes", "volume.allocated_bytes",
        }
    )  # fmt: skip

    def fetch(self, source: Source[LibvirtOptions], budget: Budget) -> Raw:
        """Everything one poll asks. Raises CollectError when nothing could be had."""
        from collectors.libvirt.fetch import fetch

        return fetch(source, budget)

    def parse(self, raw: Raw, *, source: str, taken_at: datetime) -> Snapshot:
        """The facts in the answers; what was refused, missing or made up becomes a gap."""
        from collectors.libvirt.parse import parse

        return parse(raw, source=source, taken_at=taken_at)
