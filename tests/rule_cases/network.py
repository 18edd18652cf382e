"""Network exposure."""

from __future__ import annotations

from typing import Any

from estates import health
from inventory.platform_records import ClusterState, FirewallRule, HostNetwork
from inventory.records import Record
from rule_cases import (
    LIBVIRT,
    OTHER,
    PERSONAL,
    PUBLIC,
    TEMPLATE,
    Case,
    Flip,
    changed,
    nic,
    wall,
)
from rule_cases.availability import BRIDGE, QUORATE
from stored import guest, host


def entry(position: int = 0, level: str = "guest/100", **more: Any) -> FirewallRule:
    """A rule that lets everyone in to a database."""
    given = {"enabled": True, "direction": "in", "action": "ACCEPT", "source": "", "macro": "",
             "protocol": "tcp", "ports": "5432", "interface": "", "destination": "",
             "log": ""}  # fmt: skip
    return FirewallRule(level=level, position=position, cluster="c", **(given | more))


def bridge(host_id: str = "h1", name: str = "vmbr0", **more: Any) -> HostNetwork:
    given = {"kind": "bridge", "vlan_aware": True, "ports": ("bond0",), "addresses": ()}
    return HostNetwork(host_id=host_id, name=name, cluster="c", **(given | more))


def vlan_of(host_id: str = "h1", name: str = "vmbr0.5", **more: Any) -> HostNetwork:
    given = {"kind": "vlan", "addresses": ("10.0.5.11/24",)}
    return HostNetwork(host_id=host_id, name=name, cluster="c", **(given | more))


def state(**more: Any) -> ClusterState:
    given = {"hosts_expected": 2, "migration_encrypted": True, "metric_targets": 1}
    return ClusterState(cluster="c", **(given | more))


HOST = host()
ON = (HOST, guest(), wall(), wall("guest/100"))  # a guest whose firewall filters
OFF = (HOST, guest(), wall(enabled=False), wall("guest/100"))
CONSOLE = {"consoles": ("vnc 0.0.0.0",)}
LETS_IN = wall(policy_in="ACCEPT")
TWIN = nic("200", vlan=10, mac=nic().mac)
ROUTER = guest(tags=("role.network",))
UNPLUGGED = nic(link_down=True)

CASES: list[Case] = [
    # NET-001 the cluster's firewall
    Case("NET-001", "ok", (HOST, wall())),
    Case("NET-001", "risk", (HOST, wall(enabled=False))),
    Case("NET-001", "unknown", (HOST, wall(enabled=None))),
    Case("NET-001", "unknown", (HOST,), sources=(health(hidden=("firewall",)),)),
    Case("NET-001", "not_applicable", (HOST, wall("host/h1", enabled=False))),
    # NET-002 a host's
    Case("NET-002", "ok", (HOST, wall(), wall("host/h1"))),
    Case("NET-002", "risk", (HOST, wall(), wall("host/h1", enabled=False))),
    Case("NET-002", "unknown", (HOST, wall(), wall("host/h1", enabled=None))),
    Case("NET-002", "not_applicable", (HOST, wall(enabled=False), wall("host/h1", enabled=False))),
    # NET-003 an interface that is not filtered
    Case("NET-003", "ok", (*ON, nic())),
    Case("NET-003", "risk", (*ON, nic(firewall=False)), severity="medium"),
    Case("NET-003", "risk", (guest(), wall(), wall("guest/100", enabled=False), nic())),
    Case("NET-003", "risk", (PERSONAL, wall("guest/100"), nic(firewall=False)), severity="high"),
    Case("NET-003", "risk", (PUBLIC, wall("guest/200"), nic("200", firewall=False)),
         severity="high"),
    Case("NET-003", "unknown", (guest(), nic())),
    Case("NET-003", "unknown", (*ON, nic(firewall=None))),
    Case("NET-003", "not_applicable", (*ON, nic(firewall=False, link_down=True))),
    Case("NET-003", "not_applicable", (*ON, bridge(ports=()), nic(firewall=False))),
    Case("NET-003", "not_applicable", (TEMPLATE, wall("guest/100"), nic(firewall=False))),
    # NET-004 what no rule forbids
    Case("NET-004", "ok", ON),
    Case("NET-004", "risk", (HOST, LETS_IN)),
    Case("NET-004", "risk", (HOST, guest(), LETS_IN, wall("guest/100", policy_in="ACCEPT"))),
    Case("NET-004", "unknown", (HOST, wall(policy_in=None))),
    Case("NET-004", "not_applicable", (*OFF, wall("host/h1", policy_in="ACCEPT"))),
    # NET-005 ports that are open to everyone
    Case("NET-005", "ok", (*ON, entry(ports="443"))),
    Case("NET-005", "ok", (*ON, entry(source="10.0.0.0/8"))),
    Case("NET-005", "ok", (*ON, entry(source="+dc/admins"))),
    Case("NET-005", "ok", (*ON, entry(source="10.0.0.1-10.0.0.9"))),
    Case("NET-005", "ok", (*ON, entry(enabled=False))),
    Case("NET-005", "ok", (*ON, entry(protocol="udp"))),
    Case("NET-005", "ok", (*ON, entry(direction="out"))),
    Case("NET-005", "ok", (*ON, entry(1), entry(0, action="DROP", protocol="", ports=""))),
    Case("NET-005", "ok", (*ON, entry(macro="HTTPS", ports=""))),
    Case("NET-005", "ok", (*ON, entry(direction="group", action="db", enabled=False),
                           entry(level="group/db"))),
    Case("NET-005", "risk", (*ON, entry())),
    Case("NET-005", "risk", (*ON, entry(source="0.0.0.0/0"))),
    Case("NET-005", "risk", (*ON, entry(source="10.0.0.0/8,::/0"))),
    Case("NET-005", "risk", (*ON, entry(ports="80,5900:5999"))),
    Case("NET-005", "risk", (*ON, entry(ports="ssh"))),
    Case("NET-005", "risk", (*ON, entry(ports="", protocol=""))),
    Case("NET-005", "risk", (*ON, entry(ports="", macro="SSH"))),
    Case("NET-005", "risk", (*ON, entry(0), entry(1, action="DROP"))),
    Case("NET-005", "risk", (*ON, entry(1), entry(0, action="DROP", source="10.0.0.0/8"))),
    Case("NET-005", "risk", (*ON, entry(direction="group", action="db"), entry(level="group/db"))),
    Case("NET-005", "risk", (HOST, wall(), entry(level="cluster"))),
    Case("NET-005", "unknown", (*ON, entry(source="office"))),
    Case("NET-005", "unknown", (*ON, entry(source=None))),
    Case("NET-005", "unknown", (*ON, entry(enabled=None))),
    Case("NET-005", "unknown", (HOST, guest(), wall("guest/100"), entry())),
    Case("NET-005", "not_applicable", (*OFF, entry())),
    # NET-006 pretending to be a neighbour
    Case("NET-006", "ok", (HOST, PUBLIC, wall(), wall("guest/200"), nic("200"))),
    Case("NET-006", "risk", (HOST, PUBLIC, wall(), wall("guest/200", address_filter=False),
                             nic("200"))),
    Case("NET-006", "risk", (guest(tags=("opd.a",)), guest("101", tags=("opd.b",)),
                             nic("101", address_filter=""), nic(address_filter="")),
         sources=LIBVIRT),
    Case("NET-006", "ok", (PUBLIC, nic("200", address_filter="clean-traffic")), sources=LIBVIRT),
    Case("NET-006", "unknown", (PUBLIC, nic("200", address_filter="mine")), sources=LIBVIRT),
    Case("NET-006", "unknown", (PUBLIC, nic("200"))),
    Case("NET-006", "not_applicable", (guest(tags=("opd.a",)), nic(address_filter="")),
         sources=LIBVIRT),
    Case("NET-006", "not_applicable", (guest(tags=("zone.dmz", "role.lb")),
                                       nic(address_filter="")), sources=LIBVIRT),
    Case("NET-006", "not_applicable", (HOST, PUBLIC, wall(enabled=False), wall("guest/200"),
                                       nic("200"))),
    # NET-007 consoles
    Case("NET-007", "ok", (guest(consoles=("vnc 127.0.0.1", "spice socket", "vnc ::1")),),
         sources=LIBVIRT),
    Case("NET-007", "risk", (guest(**CONSOLE),), sources=LIBVIRT),
    Case("NET-007", "risk", (guest(consoles=("spice ::",)),), sources=LIBVIRT),
    Case("NET-007", "unknown", (guest(consoles=("vnc ?",)),), sources=LIBVIRT),
    Case("NET-007", "unknown", (guest(),), sources=LIBVIRT),
    Case("NET-007", "not_applicable", (guest(consoles=("serial tcp 0.0.0.0:4",)),),
         sources=LIBVIRT),
    # NET-008 where hosts are reached
    Case("NET-008", "ok", (HOST, bridge(), vlan_of(), guest(), nic(vlan=0))),
    Case("NET-008", "ok", (HOST, bridge(addresses=("10.0.0.1/24",)), guest(), nic())),
    Case("NET-008", "ok", (HOST, bridge(addresses=("10.0.0.1/24",)),
                           guest(tags=("cls.infra",)), nic(vlan=0))),
    Case("NET-008", "risk", (HOST, bridge(addresses=("10.0.0.1/24",)), guest(), nic(vlan=0))),
    Case("NET-008", "risk", (HOST, bridge(addresses=("8.8.8.8/24",)))),
    Case("NET-008", "unknown", (HOST, bridge())),
    # NET-010 a tag on a plain bridge
    Case("NET-010", "ok", (guest(), bridge(), nic())),
    Case("NET-010", "ok", (guest(), bridge(kind="OVSBridge", vlan_aware=None), nic())),
    Case("NET-010", "risk", (guest(), bridge(vlan_aware=False, ports=()), nic()), severity="high"),
    Case("NET-010", "risk", (guest(), bridge(vlan_aware=False), nic()), severity="low"),
    Case("NET-010", "unknown", (guest(), nic())),
    Case("NET-010", "unknown", (guest(), bridge(vlan_aware=None), nic())),
    Case("NET-010", "not_applicable", (guest(), bridge(vlan_aware=False), nic(vlan=0))),
    # NET-011 every VLAN
    Case("NET-011", "ok", (guest(), bridge(), nic())),
    Case("NET-011", "ok", (guest(), bridge(), nic(vlan=0, trunks="5;6"))),
    Case("NET-011", "ok", (guest(), bridge(vlan_aware=False), nic(vlan=0))),
    Case("NET-011", "risk", (guest(), bridge(), nic(vlan=0))),
    Case("NET-011", "risk", (guest(), bridge(kind="OVSBridge", vlan_aware=None), nic(vlan=0))),
    Case("NET-011", "unknown", (guest(), nic(vlan=0))),
    Case("NET-011", "unknown", (guest(), bridge(vlan_aware=None), nic(vlan=0))),
    Case("NET-011", "unknown", (guest(), bridge(), nic(vlan=None))),
    Case("NET-011", "unknown", (guest(), bridge("h2"), nic(vlan=0))),
    Case("NET-011", "not_applicable", (ROUTER, bridge(), nic(vlan=0))),
    Case("NET-011", "not_applicable", (TEMPLATE, bridge(), nic(vlan=0))),
    Case("NET-011", "not_applicable", (guest(), bridge(), nic(vlan=0, link_down=True))),
    # NET-012 migration in clear
    Case("NET-012", "ok", (HOST, state())),
    Case("NET-012", "risk", (HOST, state(migration_encrypted=False))),
    Case("NET-012", "unknown", (HOST, state(migration_encrypted=None))),
    Case("NET-012", "unknown", (HOST,)),
    Case("NET-012", "not_applicable", (HOST, state(migration_encrypted=False, hosts_expected=1))),
    # NET-014 past the host's filters
    Case("NET-014", "ok", (PERSONAL, nic()), sources=LIBVIRT),
    Case("NET-014", "ok", (PUBLIC, nic("200", attachment="direct bridge")), sources=LIBVIRT),
    Case("NET-014", "risk", (PERSONAL, nic(attachment="direct vepa")), sources=LIBVIRT),
    Case("NET-014", "unknown", (guest(), nic(attachment="direct vepa")), sources=LIBVIRT),
    Case("NET-014", "unknown", (PERSONAL, nic(attachment=None)), sources=LIBVIRT),
    Case("NET-014", "not_applicable", (PERSONAL, nic(attachment="direct vepa", network="")),
         sources=LIBVIRT),
    # NET-015 serial lines and monitors
    Case("NET-015", "ok", (guest(consoles=("serial0 socket", "monitor unix:/run/m,server",
                                           "serial tcp:127.0.0.1:5,server", "vnc [::1]:7",
                                           "chardev socket,id=a,path=/run/c")),)),
    Case("NET-015", "ok", (guest(consoles=("vnc 0.0.0.0", "serial tcp 127.0.0.1:4")),),
         sources=LIBVIRT),
    Case("NET-015", "risk", (guest(consoles=("vnc 0.0.0.0:77,password=x",)),)),
    Case("NET-015", "risk", (guest(consoles=("vnc :7",)),)),
    Case("NET-015", "risk", (guest(consoles=("monitor tcp:10.0.0.1:4444,server,nowait",)),)),
    Case("NET-015", "risk", (guest(consoles=("serial telnet::5555,server",)),)),
    Case("NET-015", "risk", (guest(consoles=("chardev socket,id=a,host=0.0.0.0,port=6,server",)),)),
    Case("NET-015", "risk", (guest(consoles=("serial tcp 0.0.0.0:4555",)),), sources=LIBVIRT),
    Case("NET-015", "risk", (guest(consoles=("console telnet [::]:4",)),), sources=LIBVIRT),
    Case("NET-015", "unknown", (guest(),)),
    Case("NET-015", "not_applicable", (guest(kind="container"),)),
    # NET-017 one hardware address twice
    Case("NET-017", "ok", (guest(), guest("200"), nic(), nic("200"))),
    Case("NET-017", "ok", (guest(), guest("200"), nic(), nic("200", vlan=11, mac=nic().mac))),
    Case("NET-017", "ok", (guest(), guest("200", power="stopped"), nic(), TWIN)),
    Case("NET-017", "risk", (guest(), guest("200"), nic(), TWIN)),
    Case("NET-017", "unknown", (guest(power="stopped"), guest("200"), nic("200", mac=None))),
    Case("NET-017", "not_applicable", (guest(power="stopped"), nic())),
]  # fmt: skip
CLEAN: list[Record] = [
    wall(), wall("host/h1"), wall("host/h2"), wall("guest/100"), wall("guest/200"),
    vlan_of(), vlan_of("h2"), entry(source="+dc/admins"),
]  # fmt: skip
FLIPS: list[Flip] = [
    Flip("NET-001", wall(), wall(enabled=False)),
    Flip("NET-002", wall("host/h1"), wall("host/h1", enabled=False)),
    Flip("NET-003", nic("200", vlan=20), nic("200", vlan=20, firewall=False)),
    Flip("NET-003", wall("guest/100"), wall("guest/100", enabled=False)),
    Flip("NET-004", wall(), wall(policy_in="ACCEPT")),
    Flip("NET-005", entry(source="+dc/admins"), entry()),
    Flip("NET-005", becomes=entry(level="host/h1", ports="8006")),
    Flip("NET-006", wall("guest/200"), wall("guest/200", address_filter=False)),
    Flip("NET-008", BRIDGE, changed(BRIDGE, addresses=("9.9.9.9/24",))),
    # The public guest then hears the citizens' VLAN, too.
    Flip("NET-011", nic("200", vlan=20), nic("200", vlan=0),
         also=("SEG-001", "SEG-005", "SEG-009")),
    Flip("NET-010", BRIDGE, changed(BRIDGE, vlan_aware=False)),
    Flip("NET-007", OTHER, changed(OTHER, **CONSOLE), sources=LIBVIRT),
    Flip("NET-014", nic(), nic(attachment="direct bridge"), sources=LIBVIRT),
    Flip("NET-015", OTHER, changed(OTHER, consoles=("monitor tcp::4444",))),
    Flip("NET-012", QUORATE, changed(QUORATE, migration_encrypted=False)),
    Flip("NET-017", becomes=nic("200", vlan=10, mac=nic().mac).model_copy(
        update={"nic_id": "200/net1"}), also=("SEG-001",)),
]  # fmt: skip
