"""Guests and their interfaces, from domain XML and states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from collectors.libvirt.settings import settings_of
from collectors.libvirt.values import attribute, child, size_bytes, text
from collectors.tags import Told, told_in
from collectors.untrusted import whole
from inventory.records import Guest, Host, Nic

_LIBOSINFO = "{http://libosinfo.org/xmlns/libvirt/domain/1.0}"
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
_PAUSED, _ARRIVING = 3, (2, 11)  # for a migration, or because it is only starting


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
        return self._state == (_SHUT_OFF, _MIGRATED_AWAY)

    @property
    def is_arriving(self) -> bool:
        """Whether it is the copy that a migration fills: until it runs, the guest is the other one.

        The copy is not defined here before the migration ends; the one that leaves may be.
        """
        state, reason = self._state
        return state == _PAUSED and reason in _ARRIVING and self.persistent is False

    @property
    def _state(self) -> tuple[int | None, int | None]:
        state, reason = (whole(self.statistics.get(f"state.{x}")) for x in ("state", "reason"))
        return state, reason

    @property
    def power(self) -> Any:
        state = _POWER.get(whole(self.statistics.get("state.state")) or 0)
        return state or (None if self.is_active else "stopped")

    @property
    def told(self) -> Told:
        """What its metadata says of whose it is and what it holds."""
        return told_in(None if self.xml is None else self.xml.find("metadata"))

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


def guest_of(domain: Domain, host: Host) -> Guest:
    """A guest from its domain XML; without one its sizes are not known.

    libvirt knows no templates: one is a guest that is shut off, like any other.
    """
    xml = domain.xml
    return Guest(
        guest_id=domain.uuid,
        uuid=domain.uuid,
        name=domain.name,
        cluster=host.cluster,
        host_id=host.host_id,
        kind="vm",
        power=domain.power,
        template=False,
        autostart=domain.autostart,
        persistent=domain.persistent,
        **({} if xml is None else _stated(xml, domain, host)),
    )


def _stated(xml: Element, domain: Domain, host: Host) -> dict[str, Any]:
    """The Guest fields that come from the definition."""
    system = attribute(xml, f"metadata/{_LIBOSINFO}libosinfo/{_LIBOSINFO}os", "id")
    return {
        "vcpus": _vcpus(xml),
        "memory_bytes": size_bytes(xml, "memory", "KiB"),
        "memory_min_bytes": _ballooned_to(xml),
        "os": system,
        "os_source": None if system is None else "metadata",
        "tags": domain.told.tags,
        **settings_of(xml, host.confinement, is_active=domain.is_active, is_fake=domain.is_fake),
    }


def _vcpus(xml: Element) -> float | None:
    """The processors that are plugged in, of those that could be."""
    current = whole(attribute(xml, "vcpu", "current"))
    return current or whole(child(xml, "vcpu")) or None


def _ballooned_to(xml: Element) -> int | None:
    """What the balloon leaves to the guest, where that is less than its maximum."""
    maximum, current = (size_bytes(xml, path, "KiB") for path in ("memory", "currentMemory"))
    return current if maximum is not None and current is not None and current < maximum else None


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
            address_filter=_filter(nic),
            isolated=_is_isolated(nic),
            attachment=_attachment(nic),
        )


def _attachment(nic: Element) -> str | None:
    """Its type; of a direct one with the mode, which is vepa where none is named."""
    kind = text(nic.get("type"))
    return f"direct {attribute(nic, 'source', 'mode') or 'vepa'}" if kind == "direct" else kind


def _network(nic: Element) -> str:
    """The virtual network, bridge or device it is on; "" for one that is on none."""
    names = ("network", "bridge", "dev")
    return next((name for key in names if (name := attribute(nic, "source", key))), "")


def _vlan(nic: Element, tags: list[int]) -> int | None:
    """The tag, 0 without one. What a virtual network tags shows once the guest runs."""
    if tags:
        return tags[0] if len(tags) == 1 else None
    return None if _waits_for_its_network(nic) else 0


def _waits_for_its_network(nic: Element) -> bool:
    """Whether a virtual network decides more than its definition shows while it is shut off."""
    on_network = attribute(nic, "source", "network") is not None
    return on_network and attribute(nic, "source", "bridge") is None


def _filter(nic: Element) -> str | None:
    """The network filter it passes; "" without, None for one without a name."""
    return "" if nic.find("filterref") is None else attribute(nic, "filterref", "filter")


def _is_isolated(nic: Element) -> bool | None:
    """Whether it reaches no other port of its bridge; None where it is on none that libvirt set."""
    if nic.find("port") is not None:
        return attribute(nic, "port", "isolated") == "yes"
    if nic.get("type") == "direct":  # what the other modes reach, the device below decides
        return {"private": True, "bridge": False}.get(attribute(nic, "source", "mode") or "")
    on_a_bridge = nic.get("type") in ("bridge", "network") and not _waits_for_its_network(nic)
    return False if on_a_bridge else None
