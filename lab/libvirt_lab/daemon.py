"""One private libvirtd on this machine: a host of the lab."""

from __future__ import annotations

import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lab.libvirt_lab.guest_system import READY
from lab.libvirt_lab.guests import stable_uuid
from lab.libvirt_lab.home import Home, Listening, Mode
from lab.libvirt_lab.processes import command_line, kill
from lab.libvirt_lab.programs import LabError, run

_FIRST_GIVEN = 32_768  # of the ports that Linux gives to who names none (ip(7))


@dataclass(frozen=True)
class Host:
    """A running libvirtd and how to reach it."""

    name: str
    uuid: str
    mode: Mode
    folder: Path
    socket: Path
    pid: int
    listening: Listening

    @property
    def uri(self) -> str:
        return f"qemu+unix:///{self.mode}?socket={self.socket}"

    @property
    def tcp_uri(self) -> str | None:
        port = self.listening.tcp_port
        return f"qemu+tcp://127.0.0.1:{port}/{self.mode}" if port else None

    @property
    def tls_uri(self) -> str | None:
        port, pki = self.listening.tls_port, self.listening.pki
        return f"qemu+tls://127.0.0.1:{port}/{self.mode}?pkipath={pki}" if port else None

    def virsh(self, *arguments: str | Path, seconds: float = 300) -> str:
        """What virsh prints; raises LabError with its complaint."""
        return run("virsh", "-q", "-c", self.uri, *arguments, seconds=seconds).strip()

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of all that is defined, running or not."""
        return tuple(self.virsh("list", "--all", "--name").split())

    def console(self, domain: str) -> Path:
        """The file of what a guest of the lab says on its serial console since its start."""
        return self.folder / "console" / f"{domain}.log"

    def has_booted(self, domain: str) -> bool:
        """Whether this guest of the lab said, since its last start, that it is up."""
        return READY in self.console(domain).read_text(errors="replace")

    def qemu_pid(self, domain: str) -> int:
        """The process that runs this domain; raises LabError when none does."""
        try:
            return _emulators(self.folder)[domain]
        except KeyError:
            raise LabError(f"{domain} does not run on {self.name}") from None

    def migrate(self, domain: str, to: Host) -> None:
        """Moves a running domain to another host of the lab, which shares all paths with us."""
        here = ("--listen-address", "127.0.0.1")
        self.virsh("migrate", "--live", "--unsafe", *here, domain, to.uri, "tcp://127.0.0.1")


@contextmanager
def libvirtd(
    name: str, folder: Path, mode: Mode, listening: Listening, cache: Path
) -> Iterator[Host]:
    """Runs a libvirtd in this folder until the block ends; then it and its guests are gone."""
    home = Home(folder, mode)
    identity = stable_uuid(name)
    home.make_folders(cache)
    home.write_configuration(identity, listening)
    process = home.start(name)
    try:
        host = Host(name, identity, mode, folder, home.socket, process.pid, listening)
        _wait(host, process)
        yield host
    finally:
        _stop(process)
        for pid in _emulators(folder).values():
            kill(pid)


def _emulators(folder: Path) -> dict[str, int]:
    """The processes that run this host's domains, by name, as libvirtd has written them down."""
    files = folder.glob("run/**/qemu/**/*.pid")
    written = {file.stem: int(text) for file in files if (text := file.read_text())}
    # A number may be stale, and another process's by now.
    return {name: pid for name, pid in written.items() if f"guest={name}," in command_line(pid)}


def _wait(host: Host, process: subprocess.Popen[bytes], seconds: float = 300) -> None:
    """Returns when the daemon answers; raises LabError with its reason when it ends instead."""
    until = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < until:
        if host.socket.exists():
            with suppress(LabError):  # it may still end while it is asked
                host.virsh("version", seconds=seconds)
                return
        time.sleep(0.05)
    raise LabError(f"libvirtd did not start: {_last_words(host.folder)}")


def _last_words(folder: Path) -> str:
    """Why a daemon ended: its log's line about a driver, else the last of all it wrote."""
    files = (folder / "log" / "output", folder / "log" / "libvirtd.log")
    lines = [
        line for f in files if f.exists() for line in f.read_text(errors="replace").split("\n")
    ]
    reasons = [line for line in lines if "Initialization of" in line] or list(filter(None, lines))
    return reasons[-1] if reasons else "it said nothing"


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the daemon, be it stopped or not."""
    for number in (signal.SIGTERM, signal.SIGCONT):
        process.send_signal(number)
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that no one is given who asks for any."""
    for _ in range(1_000):
        port = 30_000 + secrets.randbelow(_FIRST_GIVEN - 30_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise LabError(f"no free port between 30000 and {_FIRST_GIVEN}")
