"""Segregation on the network: what shares a segment with citizens' data."""

from __future__ import annotations

from collections.abc import Mapping

from planner.estate import Estate
from planner.guest_views import GuestView
from planner.risks.around import Around
from planner.risks.naming import few, labels
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
from planner.twins import GuestKey

# Roles of guests that stand between zones by design.
_BETWEEN_ZONES = frozenset({"firewall", "lb", "jump", "router", "network"})
_PRODUCTION, _TRIAL = frozenset({"prod"}), frozenset({"test", "dev", "lab"})


def _unconnected(view: GuestView, estate: Estate) -> Outcome:
    """What is said of a guest without a segment that is known."""
    nics = estate.nics_of(view.guest)
    if any(nic.network is None and not nic.link_down for nic in nics):
        return unknown("the bridge of its interfaces was not seen")
    return not_applicable("not on a network")


@rule(
    "SEG-001",
    "Personal-data guest in the same network segment as a public-facing guest",
    subject="guest",
    severity=CRITICAL,
    group="segregation",
    essential=True,
    needs=("nic",),
    why="Whoever breaks into the public guest stands right beside the citizens' data, with no "
    "firewall between.",
    fix="Move one of them to another VLAN or bridge, and filter between the two.",
)
def beside_public(view: GuestView, estate: Estate) -> Outcome:
    around = estate.once(Around)
    if not view.is_personal:
        return not_applicable("no personal data" if view.classification else "class not known")
    if not around.segments.ports_of(view.key):
        return _unconnected(view, estate)
    shared = around.segments.beside(view.key, around.public)
    if shared:
        return risk(
            classification=view.classification,
            segments=few(shared),
            public_guests=labels(_all(shared), estate),
        )
    doubtful = around.segments.perhaps_beside(view.key, around.public)
    if doubtful:
        names = ", ".join(labels(doubtful, estate))
        return unknown(f"same bridge as {names}, the VLAN is not known")
    return ok()


def _all(segments: Mapping[str, frozenset[GuestKey]]) -> frozenset[GuestKey]:
    first, *more = [*segments.values()] or [frozenset()]
    return first.union(*more) if more else first


@rule(
    "SEG-005",
    "Production and trial in one network segment or resource pool",
    subject="guest",
    severity=MEDIUM,
    group="segregation",
    needs=("nic",),
    why="Trial systems have weak passwords and old software; from there to production is one "
    "step, and a mistake in a test reaches real data.",
    fix="Give trial systems VLANs and resource pools of their own.",
)
def trial_beside_production(view: GuestView, estate: Estate) -> Outcome:
    around = estate.once(Around)
    if view.guest.template or not _PRODUCTION.intersection(view.tagged("env")):
        return not_applicable("not tagged env.prod")
    trial = around.tagged("env", _TRIAL)
    segments = around.segments.beside(view.key, trial)
    pool = around.pool_mates(view) & trial
    if segments or pool:
        return risk(
            segments=few(segments) or "none",
            resource_pool=view.guest.resource_pool if pool else "none",
            trial_guests=labels(pool | _all(segments) if pool else _all(segments), estate),
        )
    doubtful = around.segments.perhaps_beside(view.key, trial)
    if doubtful:
        return unknown(f"same bridge as {', '.join(labels(doubtful, estate))}, VLAN not known")
    return ok()


@rule(
    "SEG-006",
    "Guest that connects two zones",
    subject="guest",
    severity=HIGH,
    group="segregation",
    essential=True,
    needs=("nic",),
    why="A guest with a foot in two zones is a way around the firewall between them, and nobody "
    "watches it as one.",
    fix="Remove one of its interfaces; where it is meant to connect them, tag it role.firewall, "
    "role.lb or role.jump, and harden it as one.",
)
def connects_zones(view: GuestView, estate: Estate) -> Outcome:
    around = estate.once(Around)
    ports = around.segments.ports_of(view.key)
    segments = {name for port in ports for name in port.own_segments}
    if len(segments) < 2:
        return _unconnected(view, estate) if not segments else not_applicable("one segment")
    if _BETWEEN_ZONES.intersection(view.tagged("role")):
        return not_applicable("its role is to stand between zones")
    zones = {name: around.zones_of(view.guest.cluster, name) for name in segments}
    allowed = frozenset(estate.policy.risks.zones_beside_any)
    met = frozenset().union(*zones.values()) - allowed
    if len(met) > 1:
        shown = [f"{name} {'+'.join(sorted(found))}" for name, found in zones.items() if found]
        return risk(zones=sorted(met), segments=few(shown))
    silent = [name for name, found in zones.items() if not found]
    return unknown(f"which zone {', '.join(few(silent))} is in") if silent else ok()


@rule(
    "SEG-009",
    "Camera systems in a segment with other services",
    subject="guest",
    severity=MEDIUM,
    group="segregation",
    needs=("nic",),
    why="Cameras hang on poles in public: whoever plugs in there reaches everything that shares "
    "their network, and whoever breaks in beside them watches the city.",
    fix="Give cameras and their recorders a VLAN of their own, with rules that let connections "
    "go one way.",
)
def cameras_beside_others(view: GuestView, estate: Estate) -> Outcome:
    around = estate.once(Around)
    if view.key not in around.cameras:
        return not_applicable("no camera system")
    if not around.segments.ports_of(view.key):
        return _unconnected(view, estate)
    others = around.no_cameras
    found = around.segments.beside(view.key, others)
    if found:
        return risk(segments=few(found), other_guests=labels(_all(found), estate))
    doubtful = around.segments.perhaps_beside(view.key, others)
    if doubtful:
        return unknown(f"same bridge as {', '.join(labels(doubtful, estate))}, VLAN not known")
    return ok()


RULES: tuple[Rule, ...] = (
    beside_public,
    trial_beside_production,
    connects_zones,
    cameras_beside_others,
)
