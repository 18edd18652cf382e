"""What stands around a guest: its segments, its resource pool, and whose the others there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property

from inventory.platform_records import ClusterState, HostNetwork
from inventory.records import Guest, Nic
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.risks.segments import UNTAGGED, Networks, Segments, networks_of, segments_of
from planner.twins import GuestKey

NOBODY: frozenset[GuestKey] = frozenset()
_CAMERAS = "cctv"


class Around:
    """Guests by what they share. Made once of an estate: ``estate.once(Around)``."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._tagged: dict[tuple[str, frozenset[str]], frozenset[GuestKey]] = {}

    @cached_property
    def networks(self) -> Networks:
        """The bridges of hosts. Of the platforms that are read only Proxmox VE tells of them."""
        sources = self._estate.sources
        telling = {health.state.name for health in sources if health.state.kind == "proxmox"}
        guests = self._estate.facts.of(Guest)
        told = {fact.record.cluster for fact in guests if fact.source in telling}
        return networks_of(self._estate.facts.records(HostNetwork), told)

    @cached_property
    def segments(self) -> Segments:
        """The segments that guests are in; a template's interfaces are in none."""
        guests = self._estate.guests
        hosts = {v.key: v.guest.host_id for v in guests if v.guest.template is not True}
        nics = self._estate.facts.records(Nic)
        mine = (nic for nic in nics if (nic.cluster, nic.guest_id) in hosts)
        return segments_of(mine, hosts, self.networks)

    # Guests of a kind

    @cached_property
    def public(self) -> frozenset[GuestKey]:
        """Those that face the public, as their tags say."""
        return frozenset(view.key for view in self._estate.guests if view.public)

    @cached_property
    def cameras(self) -> frozenset[GuestKey]:
        """Those that belong to a camera system."""
        return frozenset(
            view.key
            for view in self._estate.guests
            if view.service == _CAMERAS or _CAMERAS in view.tagged("zone")
        )

    @cached_property
    def no_cameras(self) -> frozenset[GuestKey]:
        return frozenset(self._estate.guest_of) - self.cameras

    def tagged(self, prefix: str, values: frozenset[str]) -> frozenset[GuestKey]:
        """Those with a tag of a prefix that says one of some values; no template."""
        if (prefix, values) not in self._tagged:
            self._tagged[prefix, values] = frozenset(
                view.key
                for view in self._estate.guests
                if not view.guest.template and values.intersection(view.tagged(prefix))
            )
        return self._tagged[prefix, values]

    # What a guest shares

    def pool_mates(self, view: GuestView) -> frozenset[GuestKey]:
        """The guests of its resource pool, itself among them."""
        return self._by_pool.get((view.guest.cluster, view.guest.resource_pool or ""), NOBODY)

    @cached_property
    def _by_pool(self) -> Mapping[tuple[str, str], frozenset[GuestKey]]:
        found: dict[tuple[str, str], set[GuestKey]] = defaultdict(set)
        for view in self._estate.guests:
            if view.guest.resource_pool:
                found[view.guest.cluster, view.guest.resource_pool].add(view.key)
        return {place: frozenset(keys) for place, keys in found.items()}

    def agencies_beside(self, key: GuestKey) -> frozenset[str]:
        """The agencies with guests in a guest's segments, its own among them."""
        ports = self.segments.ports_of(key)
        places = {(port.cluster, name) for port in ports for name in port.segments}
        return frozenset().union(*(self._agencies.get(place, ()) for place in places))

    @cached_property
    def _agencies(self) -> Mapping[tuple[str, str], frozenset[str]]:
        agency = {view.key: view.agency for view in self._estate.guests}
        return {
            place: frozenset(named for key in keys if (named := agency[key]))
            for place, keys in self.segments.by_segment.items()
        }

    def zones_of(self, cluster: str, segment: str) -> frozenset[str]:
        """The zone that a segment is declared to be, else those that the tags of the guests say
        that are in this segment alone."""
        bridge, _slash, vlan = segment.rpartition("/")
        name = f"{bridge.partition(' on ')[0]}/{0 if vlan == UNTAGGED else vlan}"
        declared = self._estate.owners.networks
        entry = declared.get(f"{cluster}/{name}") or declared.get(name)
        return (
            frozenset({entry.zone}) if entry else self._zones.get((cluster, segment), frozenset())
        )

    @cached_property
    def _zones(self) -> Mapping[tuple[str, str], frozenset[str]]:
        found: dict[tuple[str, str], set[str]] = defaultdict(set)
        for view in self._estate.guests:
            ports = self.segments.ports_of(view.key)
            own = {name for port in ports for name in port.own_segments}
            if len(own) == 1:
                found[view.guest.cluster, own.pop()].update(view.tagged("zone"))
        return {place: frozenset(zones) for place, zones in found.items()}

    def nics_with(self, mac: str, cluster: str) -> tuple[Nic, ...]:
        """The interfaces of a cluster that have a hardware address."""
        return tuple(self._by_mac.get((cluster, mac), ()))

    @cached_property
    def _by_mac(self) -> Mapping[tuple[str, str], Iterable[Nic]]:
        found: dict[tuple[str, str], list[Nic]] = defaultdict(list)
        for nic in self._estate.facts.records(Nic):
            if nic.mac:
                found[nic.cluster, nic.mac].append(nic)
        return found


def cluster_state(cluster: str, estate: Estate) -> ClusterState | None:
    return next(iter(estate.in_cluster(ClusterState, cluster)), None)
