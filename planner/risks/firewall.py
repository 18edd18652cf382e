"""Firewalls of the platform: whether they are on, what they let in, what they write down."""

from __future__ import annotations

from collections import defaultdict
from ipaddress import ip_network

from inventory.platform_records import Firewall, FirewallRule
from inventory.records import Nic
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.risks.around import Around
from planner.risks.rule import (
    CRITICAL,
    HIGH,
    MEDIUM,
    Outcome,
    Rule,
    not_applicable,
    ok,
    risk,
    rule,
    unknown,
)

_PROXMOX = ("proxmox",)


class Firewalls:
    """The firewalls of every level. Made once of an estate: ``estate.once(Firewalls)``."""

    def __init__(self, estate: Estate) -> None:
        self._walls = {(w.cluster, w.level): w for w in estate.facts.records(Firewall)}
        self._rules: dict[tuple[str, str], list[FirewallRule]] = defaultdict(list)
        for one in sorted(estate.facts.records(FirewallRule), key=lambda one: one.position):
            self._rules[one.cluster, one.level].append(one)

    def of(self, cluster: str, level: str) -> Firewall | None:
        """The settings of "cluster", "host/NAME" or "guest/ID"; None when they were not seen."""
        return self._walls.get((cluster, level))

    def rules(self, wall: Firewall) -> tuple[FirewallRule, ...]:
        """The rules of a level in their order, those of its security groups in their place."""
        found: list[FirewallRule] = []
        for one in self._rules.get((wall.cluster, wall.level), ()):
            is_group = one.direction == "group" and one.enabled is not False
            group = (wall.cluster, f"group/{one.action}")
            found += self._rules.get(group, ()) if is_group else [one]
        return tuple(found)


def is_on(level: str, cluster: str, estate: Estate) -> bool | None:
    """Whether a level filters: the cluster's switch and its own are both on."""
    walls = [estate.once(Firewalls).of(cluster, name) for name in ("cluster", level)]
    switches = [wall.enabled if wall else None for wall in walls]
    if False in switches:
        return False
    return None if None in switches else True


def guest_of(wall: Firewall, estate: Estate) -> GuestView | None:
    level, _slash, name = wall.level.partition("/")
    return estate.guest_of.get((wall.cluster, name)) if level == "guest" else None


def _is_template(wall: Firewall, estate: Estate) -> bool:
    view = guest_of(wall, estate)
    return view is not None and view.guest.template is True


@rule(
    "NET-001",
    "Cluster firewall disabled",
    subject="firewall",
    severity=HIGH,
    group="network",
    essential=True,
    sources=_PROXMOX,
    mutes=("NET-003",),
    why="With this one switch off no firewall of any host or guest filters anything, whatever "
    "their own settings say.",
    fix="First let in the addresses of the administrators, then switch it on: Datacenter, "
    "Firewall, Options. A firewall between all networks instead is a case for a waiver.",
)
def cluster_firewall_off(wall: Firewall, estate: Estate) -> Outcome:
    if wall.level != "cluster":
        return not_applicable("not the cluster's own")
    if wall.enabled is None:
        return unknown("its switch was not seen")
    return ok() if wall.enabled else risk(enable=0)


@rule(
    "NET-002",
    "Host firewall disabled",
    subject="firewall",
    severity=MEDIUM,
    group="network",
    sources=_PROXMOX,
    why="The host's own services, its console and its storage are open to everyone who reaches "
    "its address, although the cluster's firewall is on.",
    fix="Switch it on again: the host, Firewall, Options.",
)
def host_firewall_off(wall: Firewall, estate: Estate) -> Outcome:
    if not wall.level.startswith("host/"):
        return not_applicable("not a host's")
    whole = estate.once(Firewalls).of(wall.cluster, "cluster")
    if whole is not None and whole.enabled is False:
        return not_applicable("the cluster's firewall is off, see NET-001")
    if wall.enabled is None:
        return unknown("its switch was not seen")
    return ok() if wall.enabled else risk(enable=0)


@rule(
    "NET-003",
    "Guest interface that no firewall filters",
    subject="nic",
    severity=MEDIUM,
    group="network",
    essential=True,
    needs=("firewall",),
    sources=_PROXMOX,
    why="Every service of the guest can be reached by all who share its network, and a break-in "
    "spreads from it without hindrance.",
    fix="Two switches must be on: the guest's firewall (Firewall, Options), and the interface's "
    "own (Hardware, Network Device, Firewall).",
)
def interface_not_filtered(nic: Nic, estate: Estate) -> Outcome:
    view = estate.guest_of.get((nic.cluster, nic.guest_id))
    if view is None or view.guest.template:
        return not_applicable("template")
    if nic.link_down or nic.network == "" or _has_no_way_out(nic, view, estate):
        return not_applicable("it leads nowhere")
    wall = estate.once(Firewalls).of(nic.cluster, f"guest/{nic.guest_id}")
    switches = {"guest": wall.enabled if wall else None, "interface": nic.firewall}
    off = [name for name, on in switches.items() if on is False]
    if off:
        grave = view.public or view.is_personal
        return risk(HIGH if grave else None, off=off, bridge=nic.network, vlan=nic.vlan)
    missing = [name for name, on in switches.items() if on is None]
    return unknown(f"not seen: the switch of the {' and the '.join(missing)}") if missing else ok()


def _has_no_way_out(nic: Nic, view: GuestView, estate: Estate) -> bool:
    """Whether its bridge ends in its host: then only its neighbours there reach it."""
    bridge = estate.once(Around).networks.bridge(nic, view.guest.host_id)
    return bridge is not None and bridge.ports == ()


@rule(
    "NET-004",
    "Firewall that lets in whatever no rule forbids",
    subject="firewall",
    severity=HIGH,
    group="network",
    sources=_PROXMOX,
    why="Every service that someone starts is open at once, until somebody remembers to write a "
    "rule against it.",
    fix="Set the input policy to DROP, and write a rule for each service that is to be reached.",
)
def lets_everything_in(wall: Firewall, estate: Estate) -> Outcome:
    if wall.level.startswith("host/"):
        return not_applicable("hosts follow the cluster's policy")
    if _is_template(wall, estate):
        return not_applicable("template")
    on = is_on(wall.level, wall.cluster, estate)
    if on is False:
        return not_applicable("it is off, see NET-001 and NET-003")
    if on is None or wall.policy_in is None:
        return unknown("its switch or its policy was not seen")
    return risk(policy_in=wall.policy_in) if wall.policy_in == "ACCEPT" else ok()


# Open ports

_SCREENS = frozenset(range(5900, 6000))  # of VNC
_ALL = _SCREENS | {22, 445, 1433, 3306, 3389, 5432, 6379, 8006, 8007, 9200, 16509, 27017}
_MACROS = {
    "SSH": (22,), "SMB": (445,), "MySQL": (3306,), "RDP": (3389,), "PostgreSQL": (5432,),
    "VNC": _SCREENS, "PMG": (8006,), "PBS": (8007,),
}  # fmt: skip
_SERVICES = {
    "ssh": 22, "microsoft-ds": 445, "ms-sql-s": 1433, "mysql": 3306, "ms-wbt-server": 3389,
    "postgresql": 5432, "redis": 6379,
}  # fmt: skip
_STOPS = ("DROP", "REJECT")


@rule(
    "NET-005",
    "Port of administration or of a database open to everyone",
    subject="firewall",
    severity=CRITICAL,
    group="network",
    essential=True,
    needs=("firewall_rule",),
    sources=_PROXMOX,
    why="Passwords are tried on such ports day and night, and one that fits, or one hole in the "
    "service, hands over the system with all its data.",
    fix="Put the administrators' networks into an IP set, and let only that set in (Firewall, "
    "the rule, Source).",
)
def open_to_everyone(wall: Firewall, estate: Estate) -> Outcome:
    if _is_template(wall, estate):
        return not_applicable("template")
    on = is_on(wall.level, wall.cluster, estate)
    if on is False:
        return not_applicable("it is off, see NET-001 and NET-003")
    if on is None:
        return unknown("its switch was not seen")
    rules = estate.once(Firewalls).rules(wall)
    if not rules:
        return not_applicable("it has no rule")
    opened, unseen = _opened(rules)
    if opened:
        return risk(open_to_everyone=opened)
    return unknown(f"not seen: {', '.join(sorted(unseen))}") if unseen else ok()


def _opened(rules: tuple[FirewallRule, ...]) -> tuple[list[str], set[str]]:
    """The rules that let everyone in to such ports, and what of the others was not seen.

    A rule above that stops everyone leaves nothing for those below it.
    """
    opened: list[str] = []
    unseen: set[str] = set()
    stopped: frozenset[int] = frozenset()
    for one in rules:
        ports, everyone = _admin_ports(one) - stopped, _is_everyone(one.source)
        name = f"{one.level} rule {one.position}"
        if one.enabled is False or one.direction not in ("in", None) or not ports:
            continue
        if None in (one.enabled, one.direction, one.action):
            unseen.add(f"what {name} does")
        elif one.action in _STOPS and everyone and not one.interface and not one.destination:
            stopped |= ports
        elif one.action == "ACCEPT" and everyone:
            opened.append(f"{name}: {_shown(ports)}")
        elif one.action == "ACCEPT" and everyone is None:
            unseen.add(f"the address of {one.source or f'the source of {name}'}")
    return opened, unseen


def _is_everyone(source: str | None) -> bool | None:
    """Whether a source means everyone: none, or the whole network; None for an alias, whose
    address is not shown. A set cannot hold the whole network."""
    if not source:
        return None if source is None else True
    told = [_is_whole(part.strip()) for part in source.split(",")]
    return True if True in told else None if None in told else False


def _is_whole(part: str) -> bool | None:
    if part.startswith("+"):
        return False
    try:
        return ip_network(part, strict=False).prefixlen == 0
    except ValueError:
        return False if "-" in part and part[0].isdigit() else None


def _admin_ports(one: FirewallRule) -> frozenset[int]:
    """The ports of administration and databases that a rule is about."""
    if one.macro:
        return frozenset(_MACROS.get(one.macro, ()))
    if one.protocol not in ("tcp", "", "6"):
        return frozenset()
    if not one.ports:
        return _ALL
    return frozenset(port for part in one.ports.split(",") for port in _ports(part.strip()))


def _ports(part: str) -> frozenset[int]:
    first, _colon, last = part.partition(":")
    if first.isdecimal() and (last or first).isdecimal():
        return frozenset(p for p in _ALL if int(first) <= p <= int(last or first))
    return frozenset({_SERVICES[part]} if part in _SERVICES else ())


def _shown(ports: frozenset[int]) -> str:
    if ports == _ALL:
        return "every port"
    screens = sorted(ports & _SCREENS)
    span = [f"{screens[0]}-{screens[-1]}"] if len(screens) > 1 else map(str, screens)
    return "tcp " + " ".join([*map(str, sorted(ports - _SCREENS)), *span])


RULES: tuple[Rule, ...] = (
    cluster_firewall_off,
    host_firewall_off,
    interface_not_filtered,
    lets_everything_in,
    open_to_everyone,
)
