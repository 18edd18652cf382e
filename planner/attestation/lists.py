"""The lists that agencies fill in: what is known of a guest, what is guessed, room to answer."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from planner.attestation.guesses import FIELDS, Guesses
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.pools import GIB

UNOWNED = "_unowned"


@dataclass(frozen=True, slots=True)
class AskRow:
    """AGENCY.csv: one guest. Cells that begin with ``answer`` are the agency's to fill in."""

    cluster: str
    guest_id: str
    uuid: str | None
    name: str | None
    kind: str | None
    power: str | None
    vcpus: float | None
    memory_gib: float | None
    disk_gib: float | None
    agency: str | None
    service: str | None
    classification: str | None
    criticality: int | None
    owner: str | None
    confirmed_by: str | None
    confirmed_on: date | None
    guess_agency: str
    guess_agency_from: str
    guess_service: str
    guess_service_from: str
    guess_classification: str
    guess_classification_from: str
    answer_agency: str = ""
    answer_service: str = ""
    answer_classification: str = ""
    answer_criticality: str = ""
    answer_owner: str = ""
    answered_by: str = ""
    answered_on: str = ""


def lists_of(estate: Estate, agency: str | None = None) -> dict[str, tuple[AskRow, ...]]:
    """The rows to ask about by the stem of their file, one per agency; templates are left out.

    What nobody owns is in UNOWNED.
    """
    guesses = Guesses(estate)
    lists: dict[str, list[AskRow]] = defaultdict(list)
    for view in asked_about(estate):
        if agency is None or view.agency == agency:
            lists[stem_of(view.agency)].append(_row(view, estate, guesses))
    return {stem: tuple(rows) for stem, rows in sorted(lists.items())}


def asked_about(estate: Estate) -> Sequence[GuestView]:
    """The guests that somebody must answer for, in a stable order."""
    views = (view for view in estate.guests if view.guest.template is not True)
    return sorted(views, key=lambda view: view.key)


def stem_of(agency: str | None) -> str:
    """A file's name for an agency, whose code may come from a tag and is untrusted."""
    if not agency:
        return UNOWNED
    return re.sub(r"[^A-Za-z0-9-]+", "_", agency).strip("_") or UNOWNED


def disk_bytes(view: GuestView, estate: Estate) -> float | None:
    """The size of its disks; None where one of them is not known or they were not seen."""
    disks = estate.disks_of(view.guest)
    sizes = [disk.capacity_bytes for disk in disks]
    if not sizes and estate.gap(view.fact.source, "disk", view.guest.scope) is not None:
        return None
    known = [size for size in sizes if size is not None]
    return float(sum(known)) if len(known) == len(sizes) else None


def in_gib(amount: float | None) -> float | None:
    return None if amount is None else round(amount / GIB, 1)


def _row(view: GuestView, estate: Estate, guesses: Guesses) -> AskRow:
    guest = view.guest
    told: dict[str, Any] = {}
    for name in FIELDS:
        guess = guesses.of(view, name)
        told[f"guess_{name}"] = guess.value if guess else ""
        told[f"guess_{name}_from"] = guess.sign if guess else ""
    return AskRow(
        cluster=guest.cluster,
        guest_id=guest.guest_id,
        uuid=guest.uuid,
        name=guest.name,
        kind=guest.kind,
        power=guest.power,
        vcpus=guest.vcpus,
        memory_gib=in_gib(guest.memory_bytes),
        disk_gib=in_gib(disk_bytes(view, estate)),
        agency=view.agency,
        service=view.service,
        classification=view.classification,
        criticality=view.criticality,
        owner=view.owner_role,
        confirmed_by=view.owner_confirmed_by,
        confirmed_on=view.owner_confirmed_on,
        **told,
    )
