"""Snapshots of guests: those that libvirt keeps a record of, and those it does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from collectors.libvirt.disks import unrecorded_snapshots
from collectors.libvirt.domains import Domain
from collectors.libvirt.storage import Storages
from collectors.libvirt.values import attribute, child, tree
from collectors.untrusted import instant, whole
from inventory.records import GuestSnapshot


def snapshots_of(
    domain: Domain, answers: list[Any], cluster: str, storages: Storages
) -> Iterator[GuestSnapshot]:
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
    for name in sorted(unrecorded_snapshots(domain, storages) - names):
        yield GuestSnapshot(guest_id=domain.uuid, cluster=cluster, name=name, memory_state=None)
