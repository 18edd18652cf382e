"""A private, real libvirtd with real tiny guests, on this machine.

It needs no KVM, cgroups, systemd or network, disturbs no libvirtd of the machine, listens on
127.0.0.1 only, and leaves nothing behind, even when it is killed. As root it is a
``qemu:///system``; where that is refused it is an unprivileged ``qemu:///session``, whose guests
have no bridge.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.libvirt_lab.certificates import certificates
from lab.libvirt_lab.daemon import Host, free_port, libvirtd
from lab.libvirt_lab.furniture import Furniture, bridge, furnish
from lab.libvirt_lab.guest_system import GuestSystem, guest_system
from lab.libvirt_lab.home import Listening, Mode, best_mode
from lab.libvirt_lab.keeper import kept
from lab.libvirt_lab.programs import LabError, NoGuestSystem, require


@dataclass(frozen=True)
class Lab:
    """A running lab: its hosts, each with the same number of guests."""

    folder: Path
    mode: Mode
    hosts: tuple[Host, ...]
    bridge: str | None  # None: the guests' own user networking, of which libvirt has no figures
    pki: Path | None
    ready_guests: tuple[str, ...]  # booted to their end; empty when there is no system to boot
    no_system_because: str | None

    @property
    def host(self) -> Host:
        """The first host, often the only one."""
        return self.hosts[0]

    @property
    def uri(self) -> str:
        return self.host.uri

    def virsh(self, *arguments: str | Path) -> str:
        return self.host.virsh(*arguments)


@contextmanager
def libvirt_lab(
    guests: int = 3,
    *,
    hosts: int = 1,
    folder: Path | None = None,
    tcp: bool = False,
    tls: bool = False,
    extras: bool = False,
    mode: Mode | None = None,
    loads: Sequence[str] = ("light", "idle"),
) -> Iterator[Lab]:
    """Runs a lab until the block ends.

    ``loads`` (idle, light, cpu) go to each host's guests in turn; ``extras`` are things worth
    reporting (lab.libvirt_lab.extras); a ``folder`` that is given stays, for a look at its logs.
    Raises LabError, in one line, when it cannot run here.
    """
    mode = mode or best_mode()
    require("libvirtd", "virsh", "qemu-system-x86_64", "qemu-img", "busybox")
    require(*(("unshare", "ip") if mode is Mode.SYSTEM else ()))
    with ExitStack() as stack:
        with _readable():
            cache = cache_folder()
            place = stack.enter_context(_place(folder))
            system, no_system_because = _system(cache, place)
            pki = certificates(place / "pki") if tls else None
            joined = stack.enter_context(bridge()) if mode is Mode.SYSTEM else None
            if folder is None:
                stack.enter_context(kept(place, interface=joined))
            running = [
                stack.enter_context(libvirtd(name, place / name, mode, _listening(tcp, pki), cache))
                for name in (f"kvm{i}" for i in range(1, hosts + 1))
            ]
        ready = furnish(running, Furniture(guests, tuple(loads), joined, system, extras))
        yield Lab(place, mode, tuple(running), joined, pki, ready, no_system_because)


@contextmanager
def _readable() -> Iterator[None]:
    """What is made in the block may be read by whoever runs the guests, whatever our own umask."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def cache_folder() -> Path:
    """Where the guests' kernel and libvirt's knowledge of the emulator stay between labs."""
    if base := os.environ.get("XDG_CACHE_HOME"):
        folder = Path(base) / "lumbung-lab"
    elif os.geteuid() == 0:
        folder = Path("/var/cache/lumbung-lab")
    else:
        folder = Path.home() / ".cache" / "lumbung-lab"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(f"{folder}: {error.strerror}; set XDG_CACHE_HOME") from None
    return folder


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    """The lab's folder, removed at the end when it is ours. Others may pass, not look around."""
    place = folder or Path(tempfile.mkdtemp(prefix="lab-"))
    place.mkdir(exist_ok=True)
    place.chmod(0o711)
    try:
        yield place
    finally:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)


def _system(cache: Path, place: Path) -> tuple[GuestSystem | None, str | None]:
    try:
        return guest_system(cache, place), None
    except NoGuestSystem as why:
        return None, str(why)


def _listening(tcp: bool, pki: Path | None) -> Listening:
    return Listening(free_port() if tcp else None, free_port() if pki else None, pki)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a lab until Ctrl-C; 1 when it cannot, with the reason in one line."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with libvirt_lab(
            options.guests,
            hosts=options.hosts,
            tcp=options.tcp,
            tls=options.tls,
            extras=options.extras,
            mode=Mode.SESSION if options.session else None,
        ) as lab:
            print(_greeting(lab), flush=True)
            while True:
                signal.pause()
    except KeyboardInterrupt:
        print("The lab is gone.")
        return 0
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m lab.libvirtd", description="A private libvirtd with tiny guests."
    )
    parser.add_argument("--guests", type=int, default=3, metavar="N", help="on each host")
    parser.add_argument("--hosts", type=int, default=1, metavar="N")
    parser.add_argument("--tcp", action="store_true", help="listen on TCP too, on 127.0.0.1")
    parser.add_argument("--tls", action="store_true", help="listen with TLS too, on 127.0.0.1")
    parser.add_argument("--extras", action="store_true", help="add things worth reporting")
    parser.add_argument("--session", action="store_true", help="unprivileged, also for root")
    return parser.parse_args(arguments)


def _greeting(lab: Lab) -> str:
    """What runs, where it is reached, and the configuration that collects it."""
    lines = []
    if lab.no_system_because:
        lines.append(f"The guests run their BIOS alone: {lab.no_system_because}")
    for host in lab.hosts:
        lines.append(f"{host.name} (libvirtd {host.pid}): {', '.join(host.domains)}")
        lines += [f"  {uri}" for uri in (host.uri, host.tcp_uri, host.tls_uri) if uri]
    lines.append("\nFor lumbung.toml:")
    for host in lab.hosts:
        uri = host.tls_uri or host.tcp_uri or host.uri
        lines.append(f'\n[[sources]]\nname = "{host.name}"\nkind = "libvirt"\nuri = "{uri}"')
        lines.append('cluster = "lab"')
    return "\n".join((*lines, "\nCtrl-C ends it."))


if __name__ == "__main__":
    sys.exit(main())
