"""Privacy governance: classification and accountable owners."""

from __future__ import annotations

from planner.estate import Estate, GuestView
from planner.risks.rule import MEDIUM, Outcome, Rule, not_applicable, ok, risk, rule, unknown


@rule(
    "PRV-001",
    "Guest without data classification",
    subject="guest",
    severity=MEDIUM,
    group="privacy",
    essential=True,
    refs=("ISO 27001 A.5.12", "NIST RA-2", "CIS 3.7", "UU 27/2022 art. 4"),
    why="Nobody can say whether citizens' data is on it, so nobody can say how to protect it.",
    fix="Tag the guest cls.publik, cls.terbatas, cls.pribadi-umum, cls.pribadi-spesifik or "
    "cls.infra, or name it in the estate file.",
)
def unclassified(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.template:
        return not_applicable("template")
    if view.classification is not None:
        return ok()
    if view.guest.tags is None:
        return unknown("its tags were not seen")
    return risk(tags=view.guest.tags or "none")


@rule(
    "PRV-002",
    "Guest without an accountable owner",
    subject="guest",
    severity=MEDIUM,
    group="privacy",
    essential=True,
    refs=("ISO 27001 A.5.9", "NIST CM-8", "CIS 1.1"),
    why="A finding without an owner is fixed by no one, and a guest without one is never retired.",
    fix="Tag the guest opd.CODE, or name its service or agency in the estate file.",
)
def ownerless(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.template:
        return not_applicable("template")
    if view.agency is not None:
        return ok()
    if view.guest.tags is None:
        return unknown("its tags were not seen")
    return risk(tags=view.guest.tags or "none")


RULES: tuple[Rule, ...] = (unclassified, ownerless)
