"""A guest or a service, with what its owners and its tags declare of it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, get_args

from inventory.facts import Fact
from inventory.records import POWERED_ON, Guest
from planner.owners import (
    PERSONAL,
    STRICTNESS,
    DeclaredBackup,
    Dimension,
    EstateFile,
    GuestEntry,
    Service,
)
from planner.twins import GuestKey, matches


@dataclass(frozen=True, slots=True)
class GuestView:
    """A guest with what owners declared of it."""

    fact: Fact[Guest]
    agency: str | None = None
    agency_contact: str | None = None
    owner_confirmed_on: date | None = None
    support_until: date | None = None  # of its operating system, where more was bought
    owner_confirmed_by: str | None = None
    owner_role: str | None = None
    service: str | None = None
    service_entry: Service | None = None
    dimension: str | None = None
    classification: str | None = None
    classification_from: str = ""  # estate, tag, service, or "" when not known
    classifications: tuple[tuple[str, str], ...] = ()  # every (source, class) that was stated
    criticality: int | None = None
    public: bool | None = None  # exposed to the public, by its tags
    entries: tuple[GuestEntry, ...] = ()  # of the owners' file that speak of it

    @property
    def guest(self) -> Guest:
        return self.fact.record

    @property
    def key(self) -> GuestKey:
        return (self.guest.cluster, self.guest.guest_id)

    @property
    def owner(self) -> str | None:
        """Who answers for it: a role, else the agency's mailbox."""
        return self.owner_role or self.agency_contact

    @property
    def label(self) -> str:
        """How a person would call it."""
        name = self.guest.name
        return f"{name} ({self.guest.guest_id})" if name else self.guest.guest_id

    def is_called(self, name: str) -> bool:
        """Whether a person may mean this guest by ``name``."""
        return name in (*names_of(self.guest), self.label)

    @property
    def is_personal(self) -> bool | None:
        return None if self.classification is None else self.classification in PERSONAL

    def tagged(self, prefix: str) -> tuple[str, ...]:
        """What its tags of a prefix say: of env.prod, "env" says prod."""
        return _Tags(self.guest.tags or ()).values(prefix)

    @property
    def declared_backup(self) -> DeclaredBackup | None:
        """A backup that its owners declare, for no source shows it."""
        return next((entry.backup for entry in self.entries if entry.backup), None)

    @property
    def encrypts_itself(self) -> bool:
        """Whether it was proven that the guest encrypts its own disks."""
        return any(entry.encrypted_in_guest_on is not None for entry in self.entries)

    @property
    def is_powered_on(self) -> bool | None:
        return None if self.guest.power is None else self.guest.power in POWERED_ON


def names_of(guest: Guest) -> tuple[str | None, ...]:
    """What a person may call a guest."""
    full = f"{guest.cluster}/{guest.guest_id}"
    return (guest.guest_id, guest.uuid, guest.name, full)


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A service of the owners' file, and the guests that make it up."""

    name: str
    entry: Service
    guests: tuple[GuestView, ...]

    @property
    def classification(self) -> str | None:
        """The strictest class that is stated of it or of one of its guests."""
        stated = [self.entry.classification, *(view.classification for view in self.guests)]
        return max(filter(None, stated), key=_strictness, default=None)

    @property
    def is_personal(self) -> bool | None:
        known = self.classification
        return None if known is None else known in PERSONAL


class Join:
    """Joins the owners' file, as far as it can be known on a day, and the tags to guests."""

    def __init__(self, owners: EstateFile, as_of: date) -> None:
        self._entries_of_file = tuple(entry.known_on(as_of) for entry in owners.guests)
        self._owners = owners
        self._naming: dict[str, list[int]] = defaultdict(list)  # entries by the guest they name
        self._others: list[int] = []
        for i, entry in enumerate(owners.guests):
            match = entry.match
            name = match.uuid or match.guest_id or (match.vmid is not None and str(match.vmid))
            (self._naming[name.lower()] if name else self._others).append(i)

    def _entries(self, fact: Fact[Guest]) -> list[GuestEntry]:
        """The entries that speak of a guest, in their order; there may be one for every guest."""
        guest = fact.record
        named = {
            i
            for name in {guest.guest_id.lower(), (guest.uuid or "").lower()}
            for i in self._naming.get(name, ())
        }
        near = (self._entries_of_file[i] for i in sorted({*named, *self._others}))
        return [entry for entry in near if matches(entry.match, fact)]

    def view(self, fact: Fact[Guest]) -> GuestView:
        guest = fact.record
        tags = _Tags(guest.tags or ())
        entries = self._entries(fact)
        confirmed = next((e for e in entries if e.confirmed_on is not None), None)
        service = _first([*(e.service for e in entries), tags.value("svc")])
        declared = self._owners.services.get(service) if service else None
        agency = _first(
            (
                *(e.agency for e in entries),
                declared.owner if declared else None,
                tags.value("opd"),
                guest.owner,
            )
        )
        stated = _stated_classes(entries, tags, declared)
        chosen = max(stated, key=lambda pair: _strictness(pair[1]), default=None)
        known = self._owners.agencies.get(agency) if agency else None
        return GuestView(
            fact=fact,
            agency=agency,
            agency_contact=known.contact if known else None,
            owner_confirmed_on=confirmed.confirmed_on if confirmed else None,
            owner_confirmed_by=confirmed.confirmed_by if confirmed else None,
            owner_role=_first([e.owner for e in entries]),
            support_until=_first([e.support_until for e in entries]),
            service=service,
            service_entry=declared,
            dimension=_first([declared.dimension if declared else None, tags.dimension]),
            classification=chosen[1] if chosen else None,
            classification_from=stated[0][0] if stated else "",
            classifications=stated,
            criticality=_first(
                (
                    *(e.criticality for e in entries),
                    declared.criticality if declared else None,
                    tags.criticality,
                )
            ),
            public=tags.is_public if guest.tags is not None else None,
            entries=tuple(entries),
        )


def _strictness(name: str) -> int:
    return STRICTNESS.index(name) if name in STRICTNESS else -1


def _stated_classes(
    entries: list[GuestEntry], tags: _Tags, service: Service | None
) -> tuple[tuple[str, str], ...]:
    """Every class that was stated, in the order of who is named first."""
    stated = [("estate", e.classification) for e in entries if e.classification]
    stated += [("tag", tag) for tag in tags.values("cls") if tag in STRICTNESS]
    if service is not None and service.classification:
        stated.append(("service", service.classification))
    return tuple(stated)


def _first(choices: Iterable[Any]) -> Any:
    """The first choice that is known."""
    return next((choice for choice in choices if choice not in (None, "")), None)


@lru_cache(maxsize=1 << 14)  # tags are asked for by many rules, and many guests have the same
def _by_prefix(tags: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """What tags say, by what stands before their first dot."""
    found: dict[str, tuple[str, ...]] = {}
    for prefix, dot, said in (tag.lower().partition(".") for tag in tags):
        if dot:
            found[prefix] = (*found.get(prefix, ()), said)
    return found


@dataclass(frozen=True, slots=True)
class _Tags:
    """A guest's tags, read by their prefix (cls.pribadi-umum, opd.dukcapil, crit.1)."""

    tags: tuple[str, ...]

    def values(self, prefix: str) -> tuple[str, ...]:
        return _by_prefix(self.tags).get(prefix, ())

    def value(self, prefix: str) -> str | None:
        return next(iter(self.values(prefix)), None)

    @property
    def criticality(self) -> int | None:
        """The highest that is stated; 1 is the highest."""
        return min((int(v) for v in self.values("crit") if re.fullmatch("[1-4]", v)), default=None)

    @property
    def dimension(self) -> str | None:
        return next((v for v in self.values("dim") if v in get_args(Dimension)), None)

    @property
    def is_public(self) -> bool:
        return "public" in self.values("expo") or "dmz" in self.values("zone")
