"""Containers: what separates them from their host."""

from __future__ import annotations

from planner.estate import Estate
from planner.guest_views import GuestView
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

# Raw lines that take confinement away: "key: value" as the platform keeps them.
_UNCONFINED = frozenset(
    {
        "lxc.apparmor.profile: unconfined",
        "lxc.aa_profile: unconfined",
        "lxc.cap.drop:",
        "lxc.cgroup2.devices.allow: a",
        "lxc.cgroup.devices.allow: a",
    }
)
_ONE_DEVICE = ("lxc.cgroup2.devices.allow:", "lxc.cgroup.devices.allow:")
_USUAL = frozenset({"nesting"})  # what systemd in a container needs


def _not_judged(view: GuestView) -> Outcome | None:
    """Why a guest is none that the rules below are about."""
    if view.guest.kind == "vm":
        return not_applicable("a virtual machine")
    if view.guest.template:
        return not_applicable("template")
    return unknown("what kind of guest it is was not seen") if view.guest.kind is None else None


@rule(
    "HYP-003",
    "Privileged container",
    subject="guest",
    severity=HIGH,
    group="hypervisor",
    essential=True,
    sources=("proxmox",),
    why="Root in a privileged container is root on the host, one kernel bug away from every "
    "other guest.",
    fix="Restore the container from backup as an unprivileged one.",
)
def privileged_container(view: GuestView, estate: Estate) -> Outcome:
    if reason := _not_judged(view):
        return reason
    if view.guest.unprivileged is None:
        return unknown("its configuration was not seen")
    return ok() if view.guest.unprivileged else risk(unprivileged=0)


@rule(
    "HYP-004",
    "Container whose confinement was taken away",
    subject="guest",
    severity=CRITICAL,
    group="hypervisor",
    essential=True,
    sources=("proxmox",),
    why="Whoever breaks into it is on the host, and there over every other guest.",
    fix="Remove the raw lxc lines named here; give it single devices, or make it a virtual "
    "machine.",
)
def confinement_weakened(view: GuestView, estate: Estate) -> Outcome:
    """A line that allows one device is less grave than one that allows all."""
    if reason := _not_judged(view):
        return reason
    lines = view.guest.raw_options
    if lines is None:
        return unknown("its configuration was not seen")
    taken = sorted(line for line in lines if line in _UNCONFINED)
    if taken:
        return risk(lines=taken)
    devices = sorted(line for line in lines if line.startswith(_ONE_DEVICE))
    return risk(MEDIUM, lines=devices) if devices else ok()


@rule(
    "HYP-005",
    "Container of personal or public data that may mount, nest or make devices",
    subject="guest",
    severity=MEDIUM,
    group="hypervisor",
    sources=("proxmox",),
    why="Each of these features opens a part of the host's kernel to it that is closed by default.",
    fix="Switch the features off, or move the service to a virtual machine.",
)
def risky_features(view: GuestView, estate: Estate) -> Outcome:
    if reason := _not_judged(view):
        return reason
    if not (view.is_personal or view.public):
        return not_applicable("neither personal data nor public")
    if view.guest.features is None:
        return unknown("its configuration was not seen")
    found = sorted(set(view.guest.features) - _USUAL)
    if not found:
        return ok()
    return risk(features=found, classification=view.classification or "not known")


RULES: tuple[Rule, ...] = (privileged_container, confinement_weakened, risky_features)
