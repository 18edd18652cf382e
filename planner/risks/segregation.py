"""Segregation: what stands beside citizens' data."""

from __future__ import annotations

from collections.abc import Iterator

from inventory.records import Nic
from planner.estate import Estate, GuestView
from planner.risks.rule import CRITICAL, Outcome, Rule, not_applicable, ok, risk, rule, unknown

_LAST_VLAN = 4094


@rule(
    "SEG-001",
    "Personal-data guest in the same network segment as a public-facing guest",
    subject="guest",
    severity=CRITICAL,
    group="segregation",
    essential=True,
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
    publics = {
        other.label: {s for nic in estate.nics_of(other.guest) for s in _segments(nic)}
        for other in estate.guests_in(view.guest.cluster)
        if other.public and other.key != view.key
    }
    shared = {label: segments & own for label, segments in publics.items() if segments & own}
    if shared:
        return risk(
            classification=view.classification,
            segments=sorted(set().union(*shared.values())),
            public_guests=sorted(shared),
        )
    doubtful = [
        label
        for label, segments in publics.items()
        if any(_may_be_one(theirs, mine) for theirs in segments for mine in own)
    ]
    if doubtful:
        return unknown(f"same bridge as {', '.join(sorted(doubtful))}, the VLAN is not known")
    return ok()


def _segments(nic: Nic) -> set[str]:
    """The bridge and VLANs an interface is in; one that is down is in none."""
    if not nic.network or nic.link_down:
        return set()
    own = {None: "?", 0: "untagged"}.get(nic.vlan, str(nic.vlan))
    return {f"{nic.network}/{vlan}" for vlan in (own, *_trunked(nic.trunks or ""))}


def _trunked(trunks: str) -> Iterator[str]:
    """The VLANs of a list such as 5;8-12; "?" for a part that is none."""
    for part in filter(None, trunks.split(";")):
        first, _dash, last = part.partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            yield from map(str, range(int(first), min(int(last or first), _LAST_VLAN) + 1))
        else:
            yield "?"


def _may_be_one(left: str, right: str) -> bool:
    """Whether two segments share a bridge and one of their VLANs is not known."""
    (bridge, vlan), (other, other_vlan) = left.rsplit("/", 1), right.rsplit("/", 1)
    return bridge == other and "?" in (vlan, other_vlan)


RULES: tuple[Rule, ...] = (beside_public,)
