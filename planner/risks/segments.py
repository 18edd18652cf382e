"""Network segments: which guests reach each other without anything between them that filters.

A segment is one VLAN of one bridge. An interface without a tag on a bridge that knows VLANs
receives all of them. A bridge of one name is one network on all hosts of a cluster, unless it has
no way out of its host.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from inventory.platform_records import HostNetwork
from inventory.records import Nic
from planner.twins import GuestKey

UNTAGGED, EVERY, UNSEEN = "untagged", "every VLAN", "?"
FIRST_VLAN, LAST_VLAN = 2, 4094
BRIDGES = ("bridge", "OVSBridge")


@dataclass(frozen=True, slots=True)
class Port:
    """An interface that is up, and what it receives: VLANs by number, UNTAGGED, EVERY, UNSEEN."""

    nic: Nic
    cluster: str
    bridge: str
    vlans: frozenset[str]

    @property
    def key(self) -> GuestKey:
        return (self.nic.cluster, self.nic.guest_id)

    @property
    def segments(self) -> tuple[str, ...]:
        """The segments it is certainly in, as people name them."""
        return tuple(f"{self.bridge}/{vlan}" for vlan in sorted(self.vlans - {UNSEEN}))

    @property
    def own_segments(self) -> tuple[str, ...]:
        """Those it was put in: not the others that it receives for want of a tag."""
        return tuple(name for name in self.segments if not name.endswith(f"/{EVERY}"))


class Segments:
    """Every interface by the segments it is in: look up whom a port reaches."""

    def __init__(self, ports: Iterable[Port]) -> None:
        self._ports: dict[GuestKey, list[Port]] = defaultdict(list)
        self._members: dict[tuple[str, str, str], list[Port]] = defaultdict(list)
        self._bridges: dict[tuple[str, str], list[Port]] = defaultdict(list)
        self._found: dict[tuple[object, ...], frozenset[GuestKey]] = {}
        for port in ports:
            self._ports[port.key].append(port)
            self._bridges[port.cluster, port.bridge].append(port)
            for vlan in port.vlans:
                self._members[port.cluster, port.bridge, vlan].append(port)

    def ports_of(self, key: GuestKey) -> tuple[Port, ...]:
        """A guest's interfaces that are up and on a network that is known."""
        return tuple(self._ports.get(key, ()))

    def beside(
        self, key: GuestKey, among: frozenset[GuestKey]
    ) -> Mapping[str, frozenset[GuestKey]]:
        """By each segment of a guest those of some guests that are certainly in it, too."""
        found: dict[str, frozenset[GuestKey]] = {}
        for port in self.ports_of(key):
            vlans = {EVERY} if EVERY in port.vlans else port.vlans - {UNSEEN}
            for vlan in vlans:
                name = f"{port.bridge}/{vlan}"
                met = self._met(port, vlan, among)
                others = met - {key} if key in met else met
                if others:
                    found[name] = found[name] | others if name in found else others
        return found

    def perhaps_beside(self, key: GuestKey, among: frozenset[GuestKey]) -> frozenset[GuestKey]:
        """Those of some guests on a bridge with a guest where VLANs of either are not known."""
        ports = self.ports_of(key)
        return frozenset().union(*(self._met(port, UNSEEN, among) for port in ports)) - {key}

    def received_by(self, key: GuestKey) -> frozenset[str]:
        """The segments a guest is certainly in; who receives every VLAN is in all of its bridge."""
        found: set[str] = set()
        for port in self.ports_of(key):
            found.update(port.segments)
            if EVERY in port.vlans:
                found |= self._segments_on[port.cluster, port.bridge]
        return frozenset(found)

    @cached_property
    def _segments_on(self) -> Mapping[tuple[str, str], set[str]]:
        found: dict[tuple[str, str], set[str]] = defaultdict(set)
        for cluster, segment in self.by_segment:
            found[cluster, segment.rpartition("/")[0]].add(segment)
        return found

    @cached_property
    def by_segment(self) -> Mapping[tuple[str, str], frozenset[GuestKey]]:
        """By (cluster, segment) its guests; who receives every VLAN is in each of its bridge."""
        found: dict[tuple[str, str], frozenset[GuestKey]] = {}
        for cluster, bridge, vlan in self._members:
            if vlan != UNSEEN:
                own, every = (self._members.get((cluster, bridge, v), ()) for v in (vlan, EVERY))
                guests = frozenset(port.key for port in (*own, *every))
                found[cluster, f"{bridge}/{vlan}"] = guests
        return found

    def _met(self, port: Port, vlan: str, among: frozenset[GuestKey]) -> frozenset[GuestKey]:
        """Whom of some a port reaches in a VLAN; with UNSEEN, whom it may reach."""
        isolated = port.nic.isolated is True
        alike = vlan == UNSEEN and UNSEEN in port.vlans
        query = (port.cluster, port.bridge, vlan, isolated, alike, among)
        if query not in self._found:
            listed = self._listed(port, EVERY if alike else vlan)
            # Two ports that are isolated do not reach each other.
            heard = (one.key for one in listed if not (isolated and one.nic.isolated))
            self._found[query] = among.intersection(heard)
        return self._found[query]

    def _listed(self, port: Port, vlan: str) -> Iterator[Port]:
        if vlan == EVERY:
            yield from self._bridges.get((port.cluster, port.bridge), ())
        else:
            for one in (vlan,) if vlan == UNSEEN else (vlan, EVERY):
                yield from self._members.get((port.cluster, port.bridge, one), ())


@dataclass(frozen=True)
class Networks:
    """What hosts tell of their bridges; ``told`` are the clusters whose hosts tell it."""

    by_name: Mapping[tuple[str, str | None, str], HostNetwork]
    told: frozenset[str]

    def bridge(self, nic: Nic, host_id: str | None) -> HostNetwork | None:
        return self.by_name.get((nic.cluster, host_id, nic.network or ""))

    def passes_vlans(self, nic: Nic, host_id: str | None) -> bool | None:
        """Whether an interface without a tag receives every VLAN; None when nothing tells."""
        if nic.cluster not in self.told:
            return False
        bridge = self.bridge(nic, host_id)
        if bridge is None:
            return None
        return True if bridge.kind == "OVSBridge" else bridge.vlan_aware

    def place(self, nic: Nic, host_id: str | None) -> str:
        """The name of its bridge, with the host where the bridge has no way out of it."""
        bridge = self.bridge(nic, host_id)
        alone = bridge is not None and bridge.kind in BRIDGES and bridge.ports == ()
        return f"{nic.network} on {host_id}" if alone else f"{nic.network}"


def networks_of(records: Iterable[HostNetwork], told: Iterable[str]) -> Networks:
    by_name: dict[tuple[str, str | None, str], HostNetwork] = {
        (one.cluster, one.host_id, one.name): one for one in records
    }
    return Networks(by_name, frozenset(told))


def segments_of(
    nics: Iterable[Nic], hosts: Mapping[GuestKey, str | None], networks: Networks
) -> Segments:
    """The ports of guests whose host is known by ``hosts``; a link that is down is none."""
    return Segments(
        Port(nic, nic.cluster, networks.place(nic, host_id), vlans_of(nic, host_id, networks))
        for nic in nics
        if nic.network and not nic.link_down
        for host_id in [hosts.get((nic.cluster, nic.guest_id))]
    )


def vlans_of(nic: Nic, host_id: str | None, networks: Networks) -> frozenset[str]:
    """The VLANs that an interface receives."""
    if nic.vlan is None:
        return frozenset((UNSEEN, *_trunked(nic.trunks or "")))
    own = str(nic.vlan) if nic.vlan else UNTAGGED
    if nic.vlan or nic.trunks:
        return frozenset((own, *_trunked(nic.trunks or "")))
    passes = networks.passes_vlans(nic, host_id)
    more = {True: (EVERY,), False: (), None: (UNSEEN,)}[passes]
    return frozenset((own, *more))


def _trunked(trunks: str) -> Iterator[str]:
    """The VLANs of a list such as 5;8-12; UNSEEN for a part that is none."""
    for part in filter(None, trunks.split(";")):
        first, _dash, last = part.partition("-")
        if not (first.isdecimal() and (last or first).isdecimal()):
            yield UNSEEN
        elif int(first) <= FIRST_VLAN and int(last or first) >= LAST_VLAN:
            yield EVERY
        else:
            yield from map(str, range(int(first), min(int(last or first), LAST_VLAN) + 1))
