"""The programs the lab runs: found, or named by their Debian package; run, with a limit."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

_PACKAGES = {
    "apt-cache": "apt",
    "apt-get": "apt",
    "busybox": "busybox-static",
    "dpkg-deb": "dpkg",
    "ip": "iproute2",
    "libvirtd": "libvirt-daemon libvirt-daemon-driver-qemu",
    "qemu-img": "qemu-utils",
    "qemu-system-x86_64": "qemu-system-x86",
    "unshare": "util-linux",
    "virsh": "libvirt-clients",
}
# Where daemons are, which is not on everybody's path.
_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


class LabError(Exception):
    """The lab cannot do what was asked; the message is one line that says why.

    LabError
    ├── NotInstalled      a program is missing: which Debian packages have it
    └── NoGuestSystem     no kernel to boot guests with: they run their BIOS alone
    """


class NotInstalled(LabError):
    pass


class NoGuestSystem(LabError):
    pass


def program(name: str) -> str:
    """The path of a program; raises NotInstalled with the package to install."""
    require(name)
    return str(shutil.which(name, path=_PATH))


def require(*names: str) -> None:
    """Returns when all these programs are here; raises NotInstalled with what to install."""
    missing = [name for name in names if not shutil.which(name, path=_PATH)]
    if missing:
        packages = " ".join(_PACKAGES[name] for name in missing)
        raise NotInstalled(f"{', '.join(missing)} not found: apt install {packages}")


def run(name: str, *arguments: str | Path, cwd: Path | None = None, seconds: float = 300) -> str:
    """What the program printed; raises LabError with its last words when it fails."""
    command = [program(name), *map(str, arguments)]
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LabError(f"{name} did not answer within {seconds:g} s") from None
    if done.returncode != 0:
        words = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise LabError(f"{' '.join((name, *map(str, arguments)))}: {words[-1]}")
    return done.stdout
