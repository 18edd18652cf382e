"""What a host of the lab is given: a pool, a network on a bridge, and running guests."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from lab.libvirt_lab.daemon import Host
from lab.libvirt_lab.extras import add_extras
from lab.libvirt_lab.guest_system import GuestSystem
from lab.libvirt_lab.guests import DISK_GIB, Guest, guest_xml, network_xml
from lab.libvirt_lab.home import POOL
from lab.libvirt_lab.programs import LabError, run

_NETWORK = "lab"


@dataclass(frozen=True)
class Furniture:
    """What each host gets; ``loads`` go to its guests in turn."""

    guests: int
    loads: tuple[str, ...]
    bridge: str | None  # None: user networking
    system: GuestSystem | None  # None: guests with nothing to boot
    extras: bool


@contextmanager
def bridge() -> Iterator[str | None]:
    """A bridge of our own without an address: nothing is routed. None where it is refused."""
    name = _new_bridge()
    try:
        yield name
    finally:
        if name:
            run("ip", "link", "delete", name)


def _new_bridge() -> str | None:
    name = f"lab{secrets.token_hex(4)}"
    try:
        run("ip", "link", "add", name, "up", "type", "bridge")
    except LabError:
        return None
    return name


def furnish(hosts: Sequence[Host], furniture: Furniture) -> tuple[str, ...]:
    """Furnishes the hosts; the names of the guests that booted to their end, once all have."""
    made = {host: _furnish(host, i, furniture) for i, host in enumerate(hosts, start=1)}
    with_system = {host: guests for host, guests in made.items() if furniture.system}
    _wait_until_booted(with_system)
    for host, guests in made.items() if furniture.extras else ():
        add_extras(host, guests)
    return tuple(guest.name for guests in with_system.values() for guest in guests)


def _furnish(host: Host, number: int, furniture: Furniture) -> list[Guest]:
    """The guests of this host, the lab's ``number``-th, defined and started."""
    host.virsh("pool-define-as", POOL, "dir", "--target", host.folder / POOL)
    host.virsh("pool-start", POOL)
    if furniture.bridge:
        definition = host.folder / "network.xml"
        definition.write_text(network_xml(_NETWORK, furniture.bridge))
        host.virsh("net-define", definition)
        host.virsh("net-start", _NETWORK)
    guests = [_guest(host, number, i, furniture) for i in range(1, furniture.guests + 1)]
    for guest in guests:
        _start(host, guest)
    return guests


def _guest(host: Host, number: int, i: int, furniture: Furniture) -> Guest:
    name = f"{host.name}-guest{i}"
    next_one = 1 + i % furniture.guests
    return Guest(
        name=name,
        load=furniture.loads[(i - 1) % len(furniture.loads)],
        # The emulator's user networking has fixed addresses (QEMU, "Network emulation").
        address=f"10.99.{number}.{i}" if furniture.bridge else "10.0.2.15",
        peer=f"10.99.{number}.{next_one}" if furniture.bridge else "10.0.2.2",
        disk=host.folder / POOL / f"{name}.qcow2",
        console=host.console(name),
        network=_NETWORK if furniture.bridge else None,
        system=furniture.system,
    )


def _start(host: Host, guest: Guest) -> None:
    host.virsh("vol-create-as", POOL, guest.disk.name, f"{DISK_GIB}G", "--format", "qcow2")
    definition = host.folder / f"{guest.name}.xml"
    definition.write_text(guest_xml(guest))
    host.virsh("define", definition)
    host.virsh("start", guest.name)


def _wait_until_booted(made: Mapping[Host, list[Guest]], seconds: float = 900) -> None:
    until = time.monotonic() + seconds
    while waiting := [g.name for host in made for g in made[host] if not host.has_booted(g.name)]:
        if time.monotonic() > until:
            raise LabError(f"not up after {seconds:g} s: {', '.join(waiting)}")
        time.sleep(0.1)
