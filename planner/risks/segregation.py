"""Segregation: what stands beside citizens' data."""

from __future__ import annotations

from inventory.records import Nic
from planner.estate import Estate, GuestView
from planner.risks.rule import CRITICAL, Outcome, Rule, not_applicable, ok, risk, rule, unknown


@rule(
    "SEG-001",
    "Personal-data guest in the same network segment as a public-facing guest",
    subject="guest",
    severity=CRITICAL,
    group="segregation",
    needs=("nic",),
    refs=("ISO 27001 A.8.22", "NIST SC-7", "CIS 12.2"),
    why="Whoever breaks into the public guest stands right beside the citizens' data, with no "
    "firewall between.",
    fix="Move one of them to another VLAN or bridge, and filter between the two.",
)
def beside_public(view: GuestView, estate: Estate) -> Outcome:
    if not view.is_personal:
        return not_applicable("no personal data" if view.classification else "class not known")
    nics = estate.nics_of(view.guest)
    if not nics:
        return not_applicable("no network interface")
    own = {segment for nic in nics for segment in _segments(nic)}
    if not own:
        return unknown("the bridge of its interfaces was not seen")
    shared: dict[str, set[str]] = {}
    for other in estate.guests_in(view.guest.cluster):
        if other.key == view.key or not other.public:
            continue
        for nic in estate.nics_of(other.guest):
            for segment in _segments(nic) & own:
                shared.setdefault(other.label, set()).add(segment)
    if not shared:
        return ok()
    return risk(
        classification=view.classification,
        segments=sorted(set().union(*shared.values())),
        public_guests=sorted(shared),
    )


def _segments(nic: Nic) -> set[str]:
    """The bridge and VLAN an interface is in; one that is down is in none."""
    if nic.network is None or nic.link_down:
        return set()
    return {f"{nic.network}/{'untagged' if nic.vlan is None else nic.vlan}"}


RULES: tuple[Rule, ...] = (beside_public,)
