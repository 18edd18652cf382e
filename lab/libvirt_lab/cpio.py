"""A cpio archive in the "newc" format, which is what a kernel unpacks as its initramfs."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A file, folder or device node; ``mode`` holds its type and permissions."""

    name: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def folder(name: str) -> Entry:
    return Entry(name, stat.S_IFDIR | 0o755)


def file(name: str, data: bytes, permissions: int = 0o644) -> Entry:
    return Entry(name, stat.S_IFREG | permissions, data)


def character_device(name: str, major: int, minor: int) -> Entry:
    return Entry(name, stat.S_IFCHR | 0o600, device=(major, minor))


def archive(entries: Iterable[Entry]) -> bytes:
    """The bytes of an archive that holds these entries, in this order."""
    numbered = enumerate((*entries, Entry("TRAILER!!!", 0)), start=1)
    return b"".join(_member(inode, entry) for inode, entry in numbered)


def _member(inode: int, entry: Entry) -> bytes:
    """Header, name and data, each padded to four bytes (kernel: buffer-format.rst)."""
    name = entry.name.encode() + b"\0"
    user = group = modified_at = checksum = 0
    fields = (
        *(inode, entry.mode, user, group, 1, modified_at, len(entry.data)),
        *(0, 0, *entry.device, len(name), checksum),
    )
    header = b"070701" + "".join(f"{value:08X}" for value in fields).encode()
    return _padded(header + name) + _padded(entry.data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
