"""What boots inside the guests: Debian's kernel, taken out of its package, and a busybox.

Nothing is installed. The kernel stays in the lab's cache; the initramfs is put together anew.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lab.libvirt_lab import cpio
from lab.libvirt_lab.programs import LabError, NoGuestSystem, program, run

READY = "LAB GUEST READY"
_KERNEL = "linux-image-cloud-amd64"
# A mirror that is busy is asked again. Root needs no sandbox of its own user, who could not write
# into the lab's folder.
_APT = ("-qq", "-o", "Acquire::Retries=5", "-o", "APT::Sandbox::User=root")
# In the order in which they need each other; those built into a kernel have no file.
_MODULES = (
    *("virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci"),
    *("virtio_blk", "virtio_balloon", "failover", "net_failover", "virtio_net"),
    *("rng-core", "virtio-rng"),
)
# The kernel hands words of its command line that it does not know to init, as variables:
# lab_name, lab_load (idle, light, cpu), lab_address and lab_peer.
_INIT = f"""#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in {" ".join(_MODULES)}; do
    [ ! -e /modules/$module.ko ] || insmod /modules/$module.ko
done
hostname "$lab_name"
if [ -e /sys/class/net/eth0 ]; then
    ip link set eth0 up
    ip addr add "$lab_address/24" dev eth0
fi
dd if=/dev/urandom of=/dev/vda bs=64k count=64 conv=fsync 2>/dev/null
[ -b /dev/vda ] && echo "{READY} $lab_name"
round=0
while :; do
    case "$lab_load" in
    cpu) : ;;
    light)
        round=$((round + 1))
        dd if=/dev/zero of=/dev/vda bs=64k count=4 seek=$((round % 512)) conv=fsync 2>/dev/null
        ping -c 1 -W 1 "$lab_peer" >/dev/null 2>&1
        sleep 2
        ;;
    *) sleep 3600 ;;
    esac
done
"""


@dataclass(frozen=True)
class GuestSystem:
    kernel: Path
    initramfs: Path


def guest_system(cache: Path, folder: Path) -> GuestSystem:
    """The kernel from the cache, filled on first use, and an initramfs written into the folder.

    Raises NoGuestSystem when no kernel can be had.
    """
    kernel = cache / "kernel"
    with _locked(cache / "kernel.lock"):
        if not kernel.exists():
            _fill(kernel)
    initramfs = folder / "initramfs.cpio"
    initramfs.write_bytes(cpio.archive(_entries(kernel)))
    return GuestSystem(kernel / "vmlinuz", initramfs)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fill(kernel: Path) -> None:
    """Downloads the kernel's package and keeps the kernel and the few modules."""
    with tempfile.TemporaryDirectory(dir=kernel.parent) as scratch:
        package = _download(Path(scratch))
        wanted = Path(scratch) / "kernel"
        (wanted / "modules").mkdir(parents=True)
        _unpack(package, wanted)
        wanted.rename(kernel)


def _download(folder: Path) -> Path:
    try:
        run("apt-get", *_APT, "download", _package_name(), cwd=folder, seconds=600)
    except LabError as error:
        raise NoGuestSystem(f"no kernel for the guests, apt cannot fetch it: {error}") from None
    return next(folder.glob("*.deb"))


def _package_name() -> str:
    """The package that really holds a kernel: the one the version-less package points to."""
    if not (answer := _dependencies()) and os.geteuid() == 0:
        run("apt-get", *_APT, "update", seconds=600)  # a machine whose lists were never fetched
        answer = _dependencies()
    if not answer:
        raise LabError(f"apt knows no {_KERNEL} (apt-get update?)")
    return answer[0]


def _dependencies() -> list[str]:
    words = run("apt-cache", "depends", _KERNEL).split()
    return [word for word in words if word.startswith("linux-image-") and word != _KERNEL]


def _unpack(package: Path, wanted: Path) -> None:
    """Picks the kernel and the modules out of the package while it streams by."""
    command = [program("dpkg-deb"), "--fsys-tarfile", str(package)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as unpacking,
        tarfile.open(fileobj=unpacking.stdout, mode="r|") as files,
    ):
        for member in files:
            place = _place(PurePosixPath(member.name))
            content = files.extractfile(member) if place else None
            if place and content:
                (wanted / place).write_bytes(content.read())
    if not (wanted / "vmlinuz").exists():
        raise NoGuestSystem(f"no kernel for the guests: {package.name} holds none")


def _place(path: PurePosixPath) -> str | None:
    """Where a file of the package is kept; None for the many that are not."""
    if path.parent.name == "boot" and path.name.startswith("vmlinuz-"):
        return "vmlinuz"
    if path.suffix == ".ko" and path.stem in _MODULES:
        return f"modules/{path.name}"
    return None


def _entries(kernel: Path) -> Iterator[cpio.Entry]:
    yield from map(cpio.folder, ("bin", "dev", "modules", "proc", "sys"))
    yield cpio.character_device("dev/console", 5, 1)
    yield cpio.file("init", _INIT.encode(), 0o755)
    yield cpio.file("bin/busybox", _busybox(), 0o755)
    for module in sorted((kernel / "modules").iterdir()):
        yield cpio.file(f"modules/{module.name}", module.read_bytes())


def _busybox() -> bytes:
    content = Path(program("busybox")).read_bytes()
    if b"/ld-linux" in content[:4096]:
        raise NoGuestSystem("busybox here needs libraries: apt install busybox-static")
    return content
