"""Consoles of guests: screens, serial lines and monitors that wait for someone on the network."""

from __future__ import annotations

import re
from ipaddress import ip_address

from planner.estate import Estate
from planner.guest_views import GuestView
from planner.risks.rule import (
    CRITICAL,
    HIGH,
    Outcome,
    Rule,
    not_applicable,
    ok,
    risk,
    rule,
    unknown,
)

_SCREENS = ("vnc", "spice", "rdp")
_SOCKET = ("socket", "none", "")
# HOST:PORT of a line that waits: "tcp 0.0.0.0:4555", "telnet::5555,server", "socket,…host=…"
_LINE = re.compile(
    r"^(?:tcp|telnet|udp|websocket)[ :](?P<host>\[[^\]]*\]|[^:,\s]*):(?P<port>[\w?]+)"
)
_CHARACTER_DEVICE = re.compile(r"^socket,(?=.*\bport=(?P<port>\w+))(?:.*\bhost=(?P<host>[^,]+))?")
_DISPLAY = re.compile(r"^(?P<host>\[[^\]]*\]|[^:,\s]*):(?P<port>\d+)")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


@rule(
    "NET-007",
    "Console of a guest open to the network",
    subject="guest",
    severity=CRITICAL,
    group="network",
    essential=True,
    sources=("libvirt",),
    why="Whoever reaches the port sits before the guest's screen and keyboard, and can restart it "
    "into a system of their own.",
    fix="Let the console listen on 127.0.0.1 or on a socket, and reach it through SSH.",
)
def console_on_the_network(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.consoles is None:
        return unknown("its consoles were not seen")
    told = [line.partition(" ") for line in view.guest.consoles]
    screens = [(kind, address) for kind, _space, address in told if kind in _SCREENS]
    if not screens:
        return not_applicable("it has no screen")
    known = [(kind, address) for kind, address in screens if address != "?"]
    open_to = [f"{k} {a}" for k, a in known if a not in _SOCKET and not _is_loopback(a)]
    if open_to:
        return risk(listens_at=open_to)
    if len(known) < len(screens):
        return unknown("where it listens is decided when it starts")
    return ok()


@rule(
    "NET-015",
    "Serial line or monitor of a guest open to the network",
    subject="guest",
    severity=HIGH,
    group="network",
    sources=("proxmox", "libvirt"),
    why="Such a line asks for no password: it leads to a login of the guest, or straight into the "
    "program that runs it.",
    fix="Use a pty or a UNIX socket, or let it listen on 127.0.0.1 only.",
)
def line_on_the_network(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.kind == "container":
        return not_applicable("a container has none")
    if view.guest.consoles is None:
        return unknown("its devices were not seen")
    health = estate.source_health(view.fact.source)
    by_arguments = health is not None and health.state.kind == "proxmox"
    lines = [line.partition(" ") for line in view.guest.consoles]
    asked = [(kind, rest) for kind, _space, rest in lines if by_arguments or kind not in _SCREENS]
    found = [f"{kind} {place}" for kind, rest in asked if (place := _open_place(kind, rest))]
    return risk(listens_at=found) if found else ok()


def _open_place(kind: str, rest: str) -> str:
    """HOST:PORT that others can reach, without what else is set there; "" for none."""
    pattern = _DISPLAY if kind in _SCREENS else _LINE
    found = pattern.match(rest) or _CHARACTER_DEVICE.match(rest)
    if found is None or _is_loopback(found["host"] or ""):
        return ""
    return f"{found['host'] or '*'}:{found['port']}"


RULES: tuple[Rule, ...] = (console_on_the_network, line_on_the_network)
