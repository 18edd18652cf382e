"""Guests that exist twice while they move from one platform to another.

Two sides are twins when they show one SMBIOS UUID, which a migration keeps, or when the owners'
file declares them so. A twin is counted once: on the side that is powered on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from inventory.facts import Fact
from inventory.records import POWERED_ON, Guest
from planner.owners import Match, Migration

GuestKey = tuple[str, str]  # cluster, guest id
VMWARE = "vmware"  # the platform that guests leave where the owners' file names no cluster


@dataclass(frozen=True, slots=True)
class Twins:
    """Both sides of every pair, and the sides that are not counted."""

    leaving: Mapping[GuestKey, GuestKey] = field(default_factory=dict)  # to the arriving side
    arriving: Mapping[GuestKey, GuestKey] = field(default_factory=dict)  # to the leaving side
    uncounted: frozenset[GuestKey] = frozenset()

    def of(self, key: GuestKey) -> GuestKey | None:
        return self.leaving.get(key) or self.arriving.get(key)


def key_of(guest: Guest) -> GuestKey:
    return (guest.cluster, guest.guest_id)


def matches(match: Match, fact: Fact[Guest]) -> bool:
    """Whether an entry of the owners' file speaks of a guest."""
    guest = fact.record
    tests = (
        (match.source, lambda value: value == fact.source),
        (match.cluster, lambda value: value == guest.cluster),
        (match.uuid, lambda value: value.lower() == (guest.uuid or "").lower()),
        (match.vmid, lambda value: str(value) == guest.guest_id),
        (match.guest_id, lambda value: value == guest.guest_id),
        (match.name_glob, lambda value: fnmatchcase(guest.name or "", value)),
        (match.pool, lambda value: value == guest.resource_pool),
    )
    return all(test(value) for value, test in tests if value is not None)


def is_leaving(fact: Fact[Guest], migration: Migration, vmware: frozenset[str]) -> bool:
    """Whether a guest is on the side that is left; ``vmware`` names the sources of VMware."""
    if migration.leaving:
        return fact.record.cluster in migration.leaving
    return fact.source in vmware


def is_arriving(fact: Fact[Guest], migration: Migration) -> bool:
    """Whether a guest of the other side is where guests move to."""
    return migration.arriving in (None, fact.record.cluster)


def twins_of(guests: Iterable[Fact[Guest]], migration: Migration, vmware: frozenset[str]) -> Twins:
    """The pairs among the guests of one instant."""
    leaving, arriving = [], []
    for fact in guests:
        if is_leaving(fact, migration, vmware):
            leaving.append(fact)
        elif is_arriving(fact, migration):
            arriving.append(fact)
    pairs = pairs_of(leaving, arriving, migration)
    facts = {key_of(fact.record): fact for fact in (*leaving, *arriving)}
    return Twins(
        leaving=pairs,
        arriving={there: here for here, there in pairs.items()},
        uncounted=frozenset(
            here if _counts(facts[there], facts[here]) else there for here, there in pairs.items()
        ),
    )


def pairs_of(
    leaving: Sequence[Fact[Guest]], arriving: Sequence[Fact[Guest]], migration: Migration
) -> dict[GuestKey, GuestKey]:
    """Who is whose twin: as declared, else by a UUID that is the only one on its side."""
    pairs: dict[GuestKey, GuestKey] = {}
    for twin in migration.twins:
        here = [key_of(fact.record) for fact in leaving if matches(twin.leaving, fact)]
        there = [key_of(fact.record) for fact in arriving if matches(twin.arriving, fact)]
        if len(here) == len(there) == 1:
            pairs.setdefault(here[0], there[0])
    taken = set(pairs.values())
    landed = _by_uuid(arriving)
    for uuid, here_key in _by_uuid(leaving).items():
        there_key = landed.get(uuid)
        if there_key is not None and there_key not in taken:
            pairs.setdefault(here_key, there_key)
    return pairs


def _by_uuid(guests: Iterable[Fact[Guest]]) -> dict[str, GuestKey]:
    """A UUID that two guests of one side share identifies neither."""
    found: dict[str, list[GuestKey]] = defaultdict(list)
    for fact in guests:
        if fact.record.uuid:
            found[fact.record.uuid.lower()].append(key_of(fact.record))
    return {uuid: keys[0] for uuid, keys in found.items() if len(keys) == 1}


def _counts(there: Fact[Guest], here: Fact[Guest]) -> bool:
    """Whether the arriving side counts: it alone is on, or both are alike and it was seen last."""
    on_there, on_here = (fact.record.power in POWERED_ON for fact in (there, here))
    return on_there if on_there != on_here else there.confirmed_at >= here.confirmed_at
