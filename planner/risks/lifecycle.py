"""Ends of life of operating systems and of what runs below the guests, and their support."""

from __future__ import annotations

from collections.abc import Mapping

from planner.eol import Release, release_of
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.risks.rule import (
    CRITICAL,
    HIGH,
    LOW,
    MEDIUM,
    Outcome,
    Rule,
    not_applicable,
    ok,
    risk,
    rule,
    unknown,
)

PAID_SUPPORT = "support.esm"  # the tag that says extended support was bought


def os_of(view: GuestView) -> str | None:
    """What says which operating system runs: the tag os.PRODUCT-CYCLE, else the platform."""
    return next(iter(view.tagged("os")), view.guest.os)


def _said_by(view: GuestView) -> str:
    """Who says so: metadata, for one, is written at installation and seldom after an upgrade."""
    return "tag" if view.tagged("os") else view.guest.os_source or "source"


def _release(view: GuestView, estate: Estate) -> Release | Outcome:
    """The release that a guest runs, or why that cannot be told."""
    if view.guest.template:
        return not_applicable("template")
    os = os_of(view)
    if not os:
        return unknown("its operating system is not known (tag it os.PRODUCT-RELEASE)")
    release = release_of(os, estate.eol)
    if release is None:
        return unknown(f"{os!r} does not say which release (tag it os.PRODUCT-RELEASE)")
    return release


def _is_supported(release: Release, view: GuestView, estate: Estate) -> bool:
    """Whether it still gets fixes, extended support included where someone says it was bought."""
    if release.ends is None or release.ends >= estate.as_of:
        return True
    if view.support_until is not None:
        return view.support_until >= estate.as_of
    extended = release.extended_ends
    return _claims_support(view) and extended is not None and extended >= estate.as_of


def _claims_support(view: GuestView) -> bool:
    return PAID_SUPPORT in (view.guest.tags or ())


@rule(
    "PAT-003",
    "Guest operating system past its end of life",
    subject="guest",
    severity=HIGH,
    group="lifecycle",
    essential=True,
    why="Known holes in it stay open for ever.",
    fix="Upgrade, replace or isolate the guest; buy extended support only with its end in sight.",
)
def guest_os_ended(view: GuestView, estate: Estate) -> Outcome:
    release = _release(view, estate)
    if isinstance(release, Outcome):
        return release
    if _is_supported(release, view, estate):
        return ok()
    return risk(
        CRITICAL if view.is_personal or view.public else None,
        os=release.label,
        said_by=_said_by(view),
        ended_on=release.ends,
        extended_until=release.extended_ends or "-",
        data_of=estate.eol.stamp,
    )


@rule(
    "PAT-004",
    "Guest operating system nears its end of life",
    subject="guest",
    severity=MEDIUM,
    group="lifecycle",
    essential=True,
    why="After that day its holes stay open, and a migration takes longer than it looks.",
    fix="Plan the upgrade now; the horizon is warn_days under [lifecycle] in the policy.",
)
def guest_os_ends_soon(view: GuestView, estate: Estate) -> Outcome:
    release = _release(view, estate)
    if isinstance(release, Outcome):
        return release
    if release.ends is None:
        return ok()
    days = (release.ends - estate.as_of).days
    if days < 0:
        return not_applicable("it has ended: see PAT-003")
    if view.support_until is not None and view.support_until > release.ends:
        return ok()
    if days > estate.policy.lifecycle.warn_days:
        return ok()
    return risk(
        os=release.label,
        said_by=_said_by(view),
        ends_on=release.ends,
        days_left=days,
        data_of=estate.eol.stamp,
    )


@rule(
    "PAT-005",
    "Guest whose operating system nobody knows",
    subject="guest",
    severity=LOW,
    group="lifecycle",
    essential=True,
    why="Whether it still gets security fixes cannot be told, so nobody plans its upgrade.",
    fix="Tag it os.PRODUCT-RELEASE (an appliance os.appliance.VENDOR), or install the guest agent.",
)
def guest_os_unknown(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.template:
        return not_applicable("template")
    if os_of(view):
        return ok()
    if view.guest.os is None or view.guest.tags is None:
        return unknown("its configuration was not seen, or does not tell")
    return risk(os="not set", tags=view.guest.tags or "none")


@rule(
    "PAT-013",
    "Operating system kept alive by extended support that nobody proves",
    subject="guest",
    severity=MEDIUM,
    group="lifecycle",
    why="Without a contract the fixes do not come, and the tag hides that its life has ended.",
    fix="Declare support_until for the guest in the estate file once the contract is at hand, or "
    "migrate it.",
)
def support_not_proven(view: GuestView, estate: Estate) -> Outcome:
    release = _release(view, estate)
    if isinstance(release, Outcome):
        return release
    if release.ends is None or release.ends >= estate.as_of:
        return ok()
    if view.support_until is not None:
        return ok() if view.support_until >= estate.as_of else not_applicable("see PAT-003")
    if not _is_supported(release, view, estate):
        return not_applicable("no extended support is claimed: see PAT-003")
    return risk(
        os=release.label,
        ended_on=release.ends,
        extended_until=release.extended_ends,
        claimed_by=f"tag {PAID_SUPPORT}",
    )


_NEWEST = frozenset({"pc", "q35", "i440fx", "virt", "microvm"})  # names that follow QEMU
# Machine types: QEMU's own calendar has been April, August and December since 4.0 (2019).
_MACHINE_YEARS = 6
_FIRST_YEAR_OF_MAJOR = 2015
_MONTH_OF_MINOR: Mapping[int, int] = {0: 4, 1: 8, 2: 12}


@rule(
    "PAT-011",
    "Guest pinned to an old machine type",
    subject="guest",
    severity=LOW,
    group="lifecycle",
    sources=("proxmox", "libvirt"),
    why="Old virtual hardware is dropped by newer hypervisors: the guest then fails to start or to "
    "migrate.",
    fix="Plan a shutdown in which it gets a newer machine type; Windows may ask for activation.",
)
def old_machine_type(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.kind == "container" or view.guest.template:
        return not_applicable("no virtual machine of its own")
    machine = view.guest.machine
    if machine is None:
        return unknown("its machine type was not seen")
    if machine in _NEWEST:
        return ok()
    release = _qemu_release(machine)
    if release is None:
        return unknown(f"{machine} is a machine type of its distribution's own")
    year, month = release
    age = estate.as_of.year - year + (estate.as_of.month - month) / 12
    if age <= _MACHINE_YEARS:
        return ok()
    return risk(machine=machine, released=f"{year}-{month:02d}", years=round(age, 1))


def _qemu_release(machine: str) -> tuple[int, int] | None:
    """Year and month of the QEMU release that a machine type such as pc-q35-5.2+pve0 names."""
    version = machine.partition("+")[0].rpartition("-")[2]
    major, dot, minor = version.partition(".")
    if not (dot and major.isdecimal() and minor.isdecimal()):
        return None
    if int(major) < 4:  # before 2019 releases came at other times: the last of them count
        return (2018, 12)
    return (_FIRST_YEAR_OF_MAJOR + int(major), _MONTH_OF_MINOR.get(int(minor), 12))


RULES: tuple[Rule, ...] = (
    guest_os_ended,
    guest_os_ends_soon,
    guest_os_unknown,
    support_not_proven,
    old_machine_type,
)
