"""Network exposure: what a guest receives and can pretend, and where hosts themselves listen."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_interface

from inventory.platform_records import HostNetwork
from inventory.records import Guest, Host, Nic
from planner.estate import Estate, Platform
from planner.guest_views import GuestView
from planner.risks.around import Around, cluster_state
from planner.risks.firewall import Firewalls, is_on
from planner.risks.naming import few, labels
from planner.risks.rule import (
    HIGH,
    LOW,
    MEDIUM,
    Outcome,
    Rule,
    not_applicable,
    ok,
    risk,
    rule,
    unknown,
)
from planner.risks.segments import BRIDGES

_PROXMOX = ("proxmox",)
_NEED_TRUNKS = frozenset({"network", "firewall", "router"})  # roles of guests
_SEND_FOR_OTHERS = frozenset({*_NEED_TRUNKS, "lb"})


def _connected(nic: Nic, estate: Estate) -> GuestView | None:
    """The guest of an interface that leads somewhere; None for a template's or one that is down."""
    view = estate.guest_of.get((nic.cluster, nic.guest_id))
    if view is None or view.guest.template or nic.link_down or nic.network == "":
        return None
    return view


_LEADS_NOWHERE = not_applicable("a template's, or it leads nowhere")


@rule(
    "NET-006",
    "Guest that can pretend to be its neighbour",
    subject="nic",
    severity=MEDIUM,
    group="network",
    sources=("proxmox", "libvirt"),
    why="Once broken into, it can take over the addresses of others on its network, and read or "
    "answer what is meant for them.",
    fix="On Proxmox VE switch on the IP filter (the guest's Firewall, Options) and list its "
    "addresses in an IP set; on libvirt give the interface the filter clean-traffic.",
)
def can_pretend(nic: Nic, estate: Estate) -> Outcome:
    view = _connected(nic, estate)
    if view is None:
        return _LEADS_NOWHERE
    if _SEND_FOR_OTHERS.intersection(view.tagged("role")):
        return not_applicable("its role is to send for others")
    agencies = estate.once(Around).agencies_beside(view.key)
    if not view.public and len(agencies) < 2:
        return not_applicable("neither public nor among guests of other agencies")
    if nic.address_filter is None:
        return _by_firewall(nic, estate)
    known = nic.address_filter.startswith(("clean-traffic", "no-ip-spoofing", "no-arp-spoofing"))
    if nic.address_filter and not known:
        return unknown(f"what the filter {nic.address_filter} lets through")
    return ok() if known else risk(address_filter="none", beside_agencies=few(agencies))


def _by_firewall(nic: Nic, estate: Estate) -> Outcome:
    """On Proxmox VE the filter is a part of the guest's firewall."""
    level = f"guest/{nic.guest_id}"
    on = is_on(level, nic.cluster, estate)
    wall = estate.once(Firewalls).of(nic.cluster, level)
    if on is False or nic.firewall is False:
        return not_applicable("nothing filters it, see NET-003")
    if on is None or wall is None or wall.address_filter is None:
        return unknown("its filter was not seen")
    return ok() if wall.address_filter else risk(ipfilter=0, bridge=nic.network, vlan=nic.vlan)


@rule(
    "NET-008",
    "Hypervisor reachable from a guest network or the internet",
    subject="host",
    severity=HIGH,
    group="network",
    needs=("host_network", "nic"),
    sources=_PROXMOX,
    why="Whoever takes over the hypervisor has every guest on it; its address should be out of "
    "reach of guests and of the internet.",
    fix="Give the management of hosts a VLAN or a bridge of its own, and tag the guests.",
)
def management_exposed(host: Host, estate: Estate) -> Outcome:
    networks = estate.on_host(HostNetwork, host.cluster, host.host_id)
    own = {one.name: one.addresses for one in networks if one.addresses}
    if not own:
        return unknown("none of its addresses was seen")
    public = [text for found in own.values() for text in found if ip_interface(text).is_global]
    bridges = {one.name for one in networks if one.name in own and one.kind in BRIDGES}
    beside = list(_untagged_on(host, bridges, estate))
    if not (public or beside):
        return ok()
    return risk(
        public_addresses=public or "none",
        bridges=sorted({nic.network or "" for nic in beside}) or "none",
        untagged_guests=labels(((nic.cluster, nic.guest_id) for nic in beside), estate) or "none",
    )


def _untagged_on(host: Host, bridges: set[str], estate: Estate) -> Iterator[Nic]:
    """The untagged interfaces there of guests that are no part of the infrastructure."""
    for guest in estate.on_host(Guest, host.cluster, host.host_id):
        view = estate.guest_of[guest.cluster, guest.guest_id]
        if not _belongs_to_management(view):
            yield from (
                nic
                for nic in estate.nics_of(guest)
                if nic.network in bridges and nic.vlan == 0 and _connected(nic, estate)
            )


def _belongs_to_management(view: GuestView) -> bool:
    return view.classification == "infra" or "mgmt" in view.tagged("zone")


@rule(
    "NET-010",
    "VLAN tag on a bridge that does not know VLANs",
    subject="nic",
    severity=HIGH,
    group="network",
    needs=("host_network",),
    sources=_PROXMOX,
    why="The tag then rests on helper bridges that the host makes as guests start; on a bridge "
    "without a port there is nothing to make them of, and the segment is not what it seems.",
    fix="Make the bridge VLAN-aware (the host, Network, the bridge).",
)
def tag_on_plain_bridge(nic: Nic, estate: Estate) -> Outcome:
    view = _connected(nic, estate)
    if view is None or nic.vlan == 0:
        return not_applicable("it has no tag, or leads nowhere")
    bridge = estate.once(Around).networks.bridge(nic, view.guest.host_id)
    if bridge is None or nic.vlan is None:
        return unknown(f"{nic.network or 'its bridge'} is not among the networks of its host")
    if bridge.kind != "bridge":
        return ok()
    if bridge.vlan_aware is None or bridge.ports is None:
        return unknown(f"whether {bridge.name} knows VLANs")
    evidence = {"bridge": bridge.name, "vlan": nic.vlan, "ports": bridge.ports or "none"}
    return ok() if bridge.vlan_aware else risk(LOW if bridge.ports else None, **evidence)


@rule(
    "NET-011",
    "Guest that receives every VLAN",
    subject="nic",
    severity=HIGH,
    group="network",
    essential=True,
    needs=("nic", "host_network"),
    sources=_PROXMOX,
    why="An interface without a tag on a VLAN-aware bridge is a trunk of all VLANs: whoever has "
    "the guest can join every one of them, whatever separates the others.",
    fix="Give the interface a tag, or list the VLANs it needs under trunks. A router or firewall "
    "that needs them all is tagged role.network.",
)
def receives_every_vlan(nic: Nic, estate: Estate) -> Outcome:
    view = _connected(nic, estate)
    if view is None:
        return _LEADS_NOWHERE
    if _NEED_TRUNKS.intersection(view.tagged("role")):
        return not_applicable("its role needs them")
    if nic.vlan is None or nic.network is None:
        return unknown("its bridge or its tag was not seen")
    if nic.vlan or nic.trunks:
        return ok()
    passes = estate.once(Around).networks.passes_vlans(nic, view.guest.host_id)
    if passes is None:
        return unknown(f"{nic.network} is not among the networks of its host")
    return risk(bridge=nic.network, tag="none", trunks="none") if passes else ok()


@rule(
    "NET-012",
    "Guests move between hosts in clear text",
    subject="platform",
    severity=HIGH,
    group="network",
    sources=_PROXMOX,
    why="A live migration sends the guest's memory, with every password and record in it; who "
    "listens on that network can read it.",
    fix="Set the migration type to secure (Datacenter, Options, Migration Settings). A network "
    "that reaches nothing but the hosts is a case for a waiver.",
)
def migration_in_clear(platform: Platform, estate: Estate) -> Outcome:
    state = cluster_state(platform.cluster, estate)
    if state is not None and state.hosts_expected == 1:
        return not_applicable("a single host")
    if state is None or state.migration_encrypted is None:
        return unknown("the options of the cluster were not seen")
    return ok() if state.migration_encrypted else risk(migration_type="insecure")


@rule(
    "NET-014",
    "Interface that passes by the host's filters",
    subject="nic",
    severity=MEDIUM,
    group="network",
    sources=("libvirt",),
    why="A direct (macvtap) interface goes from the guest straight to the network card: no filter "
    "of the host sees what it sends.",
    fix="Put the guest on a bridge with a network filter, or filter at the port of the switch.",
)
def direct_interface(nic: Nic, estate: Estate) -> Outcome:
    view = _connected(nic, estate)
    if view is None:
        return _LEADS_NOWHERE
    if nic.attachment is None:
        return unknown("how it is attached was not seen")
    if not nic.attachment.startswith("direct"):
        return ok()
    if view.classification is None:
        return unknown("its class of data is not known")
    if view.classification == "publik":
        return ok()
    return risk(attachment=nic.attachment, device=nic.network)


@rule(
    "NET-017",
    "Two guests with one hardware address on a segment",
    subject="nic",
    severity=MEDIUM,
    group="network",
    needs=("nic",),
    why="The switch sends what is meant for one now to the other: connections break without a "
    "reason, and one can read what is the other's.",
    fix="Let the platform make a new address for the clone (remove the MAC address and save).",
)
def same_hardware_address(nic: Nic, estate: Estate) -> Outcome:
    view = _connected(nic, estate)
    if view is None or view.is_powered_on is False:
        return not_applicable("it is off, or leads nowhere")
    if not nic.mac:
        return unknown("its hardware address was not seen")
    around = estate.once(Around)
    others = [one for one in around.nics_with(nic.mac, nic.cluster) if one.nic_id != nic.nic_id]
    if not others:
        return ok()
    named = frozenset((one.cluster, one.guest_id) for one in others if not one.link_down)
    twins = frozenset().union(*around.segments.beside(view.key, named).values())
    running = [key for key in twins if estate.guest_of[key].is_powered_on]
    if running:
        return risk(mac=f"{nic.mac[:8]}:…", guests=labels(running, estate))
    silent = [key for key in twins if estate.guest_of[key].is_powered_on is None]
    return unknown(f"whether {', '.join(labels(silent, estate))} runs") if silent else ok()


RULES: tuple[Rule, ...] = (
    can_pretend,
    management_exposed,
    tag_on_plain_bridge,
    receives_every_vlan,
    migration_in_clear,
    direct_interface,
    same_hardware_address,
)
