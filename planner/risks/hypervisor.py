"""Weak isolation between guests and their host."""

from __future__ import annotations

from planner.estate import Estate, GuestView
from planner.risks.rule import HIGH, Outcome, Rule, not_applicable, ok, risk, rule, unknown


@rule(
    "HYP-003",
    "Privileged container",
    subject="guest",
    severity=HIGH,
    group="hypervisor",
    essential=True,
    sources=("proxmox",),
    refs=("ISO 27001 A.8.22", "NIST SC-39", "CIS 4.1"),
    why="Root in a privileged container is root on the host, one kernel bug away from every "
    "other guest.",
    fix="Restore the container from backup as an unprivileged one.",
)
def privileged_container(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.kind != "container":
        return not_applicable("a virtual machine")
    if view.guest.unprivileged is None:
        return unknown("its configuration was not seen")
    return ok() if view.guest.unprivileged else risk(unprivileged=0)


RULES: tuple[Rule, ...] = (privileged_container,)
