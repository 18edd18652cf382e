"""What stands in the way of a guest that is to leave VMware for KVM."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from inventory.records import Disk, Guest, GuestSnapshot
from planner.estate import Estate
from planner.guest_views import GuestView

Verdict = Literal["pass", "warn", "block"]

# Systems for which KVM has no drivers or that may not run there; old ones that run with emulated
# devices only, appliances, and names too vague to judge.
_UNSUPPORTED = re.compile(
    r"mac ?os|darwin|netware|os/2|ecomstation|\bsco\b|openserver|unixware|vmware esxi?|"
    r"windows (nt|95|98|me|2000)\b",
    re.IGNORECASE,
)
_DOUBTFUL = re.compile(
    r"windows (xp|vista|7|8)\b|windows server (2003|2008(?! r2))|solaris|photon|^other\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason, and how much it weighs: a block must be solved first, a warning be known."""

    weight: Literal["warn", "block"]
    reason: str


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found of one guest, and what could not be examined."""

    obstacles: tuple[Obstacle, ...]
    unknown: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        weights = {obstacle.weight for obstacle in self.obstacles}
        return "block" if "block" in weights else ("warn" if weights else "pass")

    @property
    def reasons(self) -> str:
        ordered = sorted(self.obstacles, key=lambda obstacle: obstacle.weight != "block")
        return "; ".join(obstacle.reason for obstacle in ordered)


def examine(view: GuestView, estate: Estate) -> Examined:
    """Everything known that stands in a guest's way."""
    guest = view.guest
    found = [
        *_of_disks(estate.disks_of(guest)),
        *_of_devices(guest),
        *_of_system(guest),
        *_of_snapshots(estate.snapshots_of(guest)),
        *_unseen(view, estate),
    ]
    return Examined(tuple(found), tuple(_unknown(guest)))


def _block(reason: str) -> Obstacle:
    return Obstacle("block", reason)


def _warn(reason: str) -> Obstacle:
    return Obstacle("warn", reason)


def _of_disks(disks: tuple[Disk, ...]) -> Iterator[Obstacle]:
    for disk in disks:
        name = disk.slot or disk.disk_id
        if disk.host_device:
            yield _block(f"{name} is a raw device ({disk.host_device}): copy it to a virtual disk")
        if disk.shareable:
            yield _block(f"{name} is shared with other guests: they must move together")
        if disk.backup is False:
            yield _warn(f"{name} is independent: snapshots, and copies made by them, leave it out")


def _of_devices(guest: Guest) -> Iterator[Obstacle]:
    if guest.passthrough:
        yield _block(f"devices of the host are handed through: {', '.join(guest.passthrough)}")
    if guest.vtpm:
        yield _block("virtual TPM: its keys stay behind, so release what they protect first")
    if guest.secure_boot:
        yield _warn("UEFI with secure boot: its keys must be enrolled at the target")
    elif guest.firmware == "uefi":
        yield _warn("UEFI: the target needs an EFI disk and its boot entry")


def _of_system(guest: Guest) -> Iterator[Obstacle]:
    if guest.agent is False:
        yield _warn("no VMware Tools: it can be neither shut down cleanly nor prepared")
    if guest.os and _UNSUPPORTED.search(guest.os):
        yield _block(f"{guest.os} is not supported on KVM")
    elif guest.os and _DOUBTFUL.search(guest.os):
        yield _warn(f"{guest.os}: old, an appliance, or too vague to judge: try a copy first")


def _of_snapshots(snapshots: tuple[GuestSnapshot, ...]) -> Iterator[Obstacle]:
    if snapshots:
        dates = [s.created_at.date() for s in snapshots if s.created_at is not None]
        oldest = f", the oldest of {min(dates)}" if dates else ""
        yield _warn(f"{len(snapshots)} snapshots{oldest}: consolidate them before the copy")


def _unseen(view: GuestView, estate: Estate) -> Iterator[Obstacle]:
    scope = f"guest/{view.guest.guest_id}"
    for kind, what in (("disk", "disks"), ("guest_snapshot", "snapshots"), ("nic", "interfaces")):
        gap = estate.gap(view.fact.source, kind, scope)
        if gap is not None:
            yield _warn(f"its {what} were not seen: {gap.reason}")


def _unknown(guest: Guest) -> Iterator[str]:
    """What neither the platform nor its export tells of the guest."""
    for name, value in (
        ("operating system", guest.os),
        ("firmware", guest.firmware),
        ("tools", guest.agent),
        ("virtual TPM", guest.vtpm),
        ("passthrough", guest.passthrough),
    ):
        if value is None:
            yield name
