"""Classification and owners of guests, and what personal data asks of them."""

from __future__ import annotations

import re
from datetime import timedelta

from planner.estate import Estate
from planner.guest_views import GuestView
from planner.owners import STRICTNESS
from planner.risks.lasting import once_lasting
from planner.risks.rule import (
    HIGH,
    INFO,
    MEDIUM,
    Outcome,
    Rule,
    not_applicable,
    ok,
    risk,
    rule,
    unknown,
)

_TESTS = frozenset({"test", "dev", "lab", "uat", "staging"})
_DIMENSIONS = frozenset(
    {"governance", "branding", "economy", "living", "society", "environment", "none"}
)
_BASE_IMAGE = re.compile(r"^base-(?P<guest_id>\d+)-disk")


@rule(
    "PRV-001",
    "Guest without data classification",
    subject="guest",
    severity=MEDIUM,
    group="privacy",
    essential=True,
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
    why="A finding without an owner is fixed by no one, and a guest without one is never retired.",
    fix="Tag the guest opd.CODE, or name its service or agency in the estate file; add an agency "
    "that is missing there.",
)
def ownerless(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.template:
        return not_applicable("template")
    known = estate.owners.agencies
    if view.agency is not None:
        return risk(not_an_agency=view.agency) if known and view.agency not in known else ok()
    if view.guest.tags is None:
        return unknown("its tags were not seen")
    return risk(tags=view.guest.tags or "none")


def _not_personal(view: GuestView) -> Outcome | None:
    """Why a guest is none that the rules on personal data are about."""
    if view.guest.template:
        return not_applicable("template")
    if view.is_personal:
        return None
    return not_applicable("no personal data" if view.classification else "class not known")


def _unseen(view: GuestView, kind: str, estate: Estate) -> Outcome | None:
    """Unknown where a kind of fact about the guest was not wholly shown."""
    gap = estate.gap(view.fact.source, kind, view.guest.scope)
    return None if gap is None else unknown(f"{kind}: {gap.reason or gap.state}")


@rule(
    "PRV-008",
    "Backups outlive the retention of the data in them",
    subject="guest",
    severity=HIGH,
    group="privacy",
    essential=True,
    why="Data that should be gone can still be restored, stolen or demanded.",
    fix="Shorten the retention of the backup job or its storage, and remove what is too old; "
    "protect what must stay for a legal case.",
)
def backups_too_old(view: GuestView, estate: Estate) -> Outcome:
    """Protected backups are kept on purpose, for a case say: they do not count."""
    if reason := _not_personal(view):
        return reason
    days = retention_days(view)
    if days is None:
        return not_applicable("no retention is declared: see PRV-003")
    limit = days + estate.policy.privacy.backup_grace_days
    backups = [b for b in estate.backups_of(view.guest) if not b.protected]
    dated = [backup.created_at for backup in backups if backup.created_at is not None]
    oldest = min(dated, default=None)
    if oldest is not None and estate.at - oldest > timedelta(days=limit):
        return risk(
            oldest=oldest.date(),
            age_days=(estate.at - oldest).days,
            retention_days=days,
            limit_days=limit,
        )
    if len(dated) < len(backups):
        return unknown("the age of a backup cannot be trusted (renamed, or dated later than seen)")
    return _unseen(view, "backup", estate) or ok()


def retention_days(view: GuestView) -> int | None:
    """How long a guest's data is to be kept: its tag ret.DAYSd, else its service's days."""
    for value in view.tagged("ret"):
        if value.removesuffix("d").isdecimal():
            return int(value.removesuffix("d"))
    return view.service_entry.retention.days if view.service_entry else None


@rule(
    "PRV-010",
    "Personal data on a guest that is off for months",
    subject="guest",
    severity=MEDIUM,
    group="privacy",
    why="Nobody patches or watches it, and the data is still there to be copied.",
    fix="Archive or wipe the data and remove the guest; waive it where it is a standby.",
)
def dormant(view: GuestView, estate: Estate) -> Outcome:
    if reason := _not_personal(view):
        return reason
    if view.guest.power is None:
        return unknown("whether it runs was not seen")
    if view.is_powered_on:
        return ok()
    days = estate.policy.privacy.dormant_days
    sizes = [disk.capacity_bytes or 0 for disk in estate.disks_of(view.guest)]
    return once_lasting(days, view.guest, estate, off_gib=round(sum(sizes) / 1024**3))


@rule(
    "PRV-011",
    "Personal data in a test environment",
    subject="guest",
    severity=HIGH,
    group="privacy",
    why="Tests are open to more people, patched later and thrown away unwiped.",
    fix="Test with masked or made-up data; tag a guest that holds no personal data with its true "
    "class.",
)
def personal_data_in_tests(view: GuestView, estate: Estate) -> Outcome:
    """By its own class, or by that of the guest whose image it was cloned from."""
    environments = sorted(_TESTS & set(view.tagged("env")))
    if view.guest.template:
        return not_applicable("template")
    if not environments:
        return not_applicable("no test environment")
    if view.is_personal:
        return risk(env=environments, classification=view.classification)
    parents = [estate.guest_of.get((view.guest.cluster, name)) for name in _cloned(view, estate)]
    personal = [parent for parent in parents if parent is not None and parent.is_personal]
    if personal:
        return risk(env=environments, cloned_from=[parent.label for parent in personal])
    if any(parent is None or parent.classification is None for parent in parents):
        return unknown("the class of what it was cloned from is not known")
    return _unseen(view, "disk", estate) or ok()


def _cloned(view: GuestView, estate: Estate) -> list[str]:
    """The ids of the guests whose images its disks build upon."""
    bases = (disk.linked_clone_of or "" for disk in estate.disks_of(view.guest))
    return sorted({found["guest_id"] for base in bases if (found := _BASE_IMAGE.match(base))})


# What may be in a name or a tag and must not: found by form, told by the name of the form alone.
_FORMS = {
    "identity-number": re.compile(
        r"(?<!\d)(1[1-9]|[2-8]\d|9[0-4])\d{4}(0[1-9]|[12]\d|3[01]|4[1-9]|[56]\d|7[01])"
        r"(0[1-9]|1[0-2])\d{6}(?!\d)"
    ),
    "telephone": re.compile(r"(?<!\d)(\+62|62|0)8[1-9]\d{7,10}(?!\d)"),
    "e-mail": re.compile(r"[\w.+-]+@[\w-]+\.[a-z]{2,}", re.IGNORECASE),
    "password": re.compile(r"(passw(or)?d|sandi|secret|token)[=:]\S{4,}", re.IGNORECASE),
}
# Hints of the collectors that are no fault of whoever wrote the text.
_NO_FAULT = frozenset({"cloud-init-password"})


@rule(
    "PRV-012",
    "Personal data or secrets in a guest's name, notes or tags",
    subject="guest",
    severity=HIGH,
    group="privacy",
    essential=True,
    sources=("proxmox", "libvirt"),
    why="Everyone who may look at the platform reads them, and so does every copy of its "
    "configuration.",
    fix="Remove it, renew a password that stood there, and keep a reference to where it is kept.",
)
def private_text(view: GuestView, estate: Estate) -> Outcome:
    """Field and form are told, never what was found."""
    guest = view.guest
    found = {f"notes: {hint}" for hint in set(guest.hints or ()) - _NO_FAULT}
    for field, text in (("name", guest.name or ""), ("tags", " ".join(guest.tags or ()))):
        found |= {f"{field}: {form}" for form, shape in _FORMS.items() if shape.search(text)}
    if found:
        return risk(found=sorted(found))
    if guest.name is None or guest.tags is None or guest.hints is None:
        return unknown("its name, tags or notes were not seen")
    return ok()


@rule(
    "PRV-013",
    "Sources disagree on the class of a guest's data",
    subject="guest",
    severity=MEDIUM,
    group="privacy",
    essential=True,
    why="Who looks at the milder one protects it too little; the stricter counts meanwhile.",
    fix="Ask the owner which is right, and correct the tag, the guest's or the service's entry in "
    "the estate file.",
)
def classes_disagree(view: GuestView, estate: Estate) -> Outcome:
    """A service's class says how strict its strictest guest may be: a milder guest is no
    conflict, a stricter one is."""
    if view.guest.template:
        return not_applicable("template")
    stated = view.classifications
    if not stated:
        return not_applicable("no class is stated")
    own = {name for source, name in stated if source != "service"}
    of_service = [name for source, name in stated if source == "service"]
    beyond = own and of_service and _strict(max(own, key=_strict)) > _strict(of_service[0])
    if len(own) > 1 or beyond:
        return risk(stated=[f"{source}: {name}" for source, name in stated])
    return unknown("its tags were not seen") if view.guest.tags is None else ok()


def _strict(name: str) -> int:
    return [str(known) for known in STRICTNESS].index(name)


@rule(
    "PRV-014",
    "Data on a storage that is not meant for its class",
    subject="guest",
    severity=HIGH,
    group="privacy",
    why="The storage was judged good enough for less: it may be shared, unencrypted or thrown "
    "away unwiped.",
    fix="Move the disks, or raise max_class of the storage once it deserves that.",
)
def storage_too_weak(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.template or view.classification is None:
        return not_applicable("template" if view.guest.template else "class not known")
    if not any(entry.max_class for entry in estate.owners.storages.values()):
        return not_applicable("no max_class is declared of any storage")
    limits = {
        disk.datastore_id: entry.max_class
        for disk in estate.disks_of(view.guest)
        if (store := estate.datastore(view.guest.cluster, disk.datastore_id)) is not None
        if (entry := estate.declared(store)) is not None and entry.max_class is not None
    }
    weak = [f"{n}: {c}" for n, c in limits.items() if _strict(c) < _strict(view.classification)]
    if weak:
        return risk(classification=view.classification, max_class=sorted(weak))
    return _unseen(view, "disk", estate) or ok()


@rule(
    "PRV-020",
    "Guest that no part of city life is named for",
    subject="guest",
    severity=INFO,
    group="privacy",
    why="The city cannot tell which of its goals the guest serves, nor what its loss would harm.",
    fix="Tag it dim.governance, branding, economy, living, society or environment (dim.none for "
    "infrastructure), or give its service a dimension.",
)
def no_dimension(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.template:
        return not_applicable("template")
    if view.dimension in _DIMENSIONS or view.classification == "infra":
        return ok()
    if view.guest.tags is None:
        return unknown("its tags were not seen")
    return risk(dimension=view.dimension or "none stated")


RULES: tuple[Rule, ...] = (
    unclassified,
    ownerless,
    backups_too_old,
    dormant,
    personal_data_in_tests,
    private_text,
    classes_disagree,
    storage_too_weak,
    no_dimension,
)
