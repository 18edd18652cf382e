"""What rules are asked about: every subject of a kind, how it is called, and whose it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from inventory.changes import Change
from inventory.facts import Fact
from inventory.platform_records import Firewall, Principal, Realm
from inventory.records import BackupJob, Datastore, Disk, Guest, Host, Nic, Record
from planner.answers import PoolAnswer
from planner.estate import Estate, Platform, SourceHealth
from planner.guest_views import GuestView, ServiceView
from planner.recorders import Keeper, keepers_of
from planner.risks.rule import Severity, Subject, SubjectKind
from planner.risks.waivers import WaiverView
from planner.waiver_entries import Waiver


@dataclass(frozen=True, slots=True)
class Changed:
    """A guest and what happened to it and its disks; ``view`` is None for one that is gone."""

    key: tuple[str, str]
    view: GuestView | None
    changes: tuple[Change, ...]


def subjects_of(
    kind: SubjectKind,
    estate: Estate,
    answers: Sequence[PoolAnswer],
    severity_of: Mapping[str, Severity],
) -> Iterable[Subject]:
    """Every subject of a kind. What is nobody's is its operator's.

    ``severity_of`` has every rule by id: a waiver is as grave as the rule that it accepts.
    """
    if kind in ("cluster", "datastore"):
        pools = (_of_pool(answer) for answer in answers if answer.pool.kind == kind)
        return (_run_by_its_operator(pool, estate) for pool in pools)
    found: Iterable[Subject]
    if kind == "waiver":
        found = (_of_waiver(entry, severity_of[entry.rule]) for entry in estate.owners.waivers)
    else:
        found = _OF_KIND[kind](estate)
    if kind in _OF_OWNERS:
        return found
    return (_run_by_its_operator(subject, estate) for subject in found)


_OF_OWNERS: frozenset[SubjectKind] = frozenset({"guest", "disk", "nic", "service"})


def _run_by_its_operator(subject: Subject, estate: Estate) -> Subject:
    """A part of the platforms, charged once to the agency that runs it."""
    operator = None if subject.agency else estate.operator_of(subject.cluster)
    if operator is None:
        return subject
    return replace(subject, agency=operator, owner=_contact_of(operator, estate))


def _contact_of(agency: str | None, estate: Estate) -> str | None:
    known = estate.owners.agencies.get(agency or "")
    return known.contact if known else None


def _of_guest(view: GuestView, estate: Estate) -> Subject:
    """A guest; for one that nobody owns its operator is asked, but is not accountable."""
    guest: Guest = view.guest
    operator = None if view.agency else estate.operator_of(guest.cluster)
    return Subject(
        kind="guest",
        thing=view,
        name=f"{guest.cluster}/{guest.guest_id}",
        label=view.label,
        source=view.fact.source,
        scope=guest.scope,
        cluster=guest.cluster,
        host_id=guest.host_id,
        guest=f"{guest.cluster}/{guest.guest_id}",
        guest_uuid=guest.uuid or "",
        agency=view.agency,
        owner=view.owner or _contact_of(operator, estate),
        classification=view.classification,
        public=view.public is True,
        service=view.service,
    )


class _OfGuests:
    """Every guest as a subject: its disks, interfaces and firewall are told of like it."""

    def __init__(self, estate: Estate) -> None:
        self.all = tuple(_of_guest(view, estate) for view in estate.guests)
        self.by_key = {subject.thing.key: subject for subject in self.all}


def _of_host(fact: Fact[Host]) -> Subject:
    return replace(_plain("host", fact, fact.record.name), host_id=fact.record.host_id)


_NAMED: Mapping[SubjectKind, tuple[type[Record], str]] = {
    "job": (BackupJob, "job_id"),
    "storage": (Datastore, "name"),
    "principal": (Principal, "principal_id"),
    "realm": (Realm, "realm_id"),
}


def _of_each(kind: SubjectKind, estate: Estate) -> Iterator[Subject]:
    """The facts of a kind that is judged as it stands, by the field that names it."""
    record, name = _NAMED[kind]
    return (_plain(kind, fact, getattr(fact.record, name)) for fact in estate.facts.of(record))


def _plain(kind: SubjectKind, fact: Fact[Any], label: str) -> Subject:
    record = fact.record
    name = f"{record.cluster}/{record.subject}"
    return Subject(
        kind, record, name, label, source=fact.source, scope=record.scope, cluster=record.cluster
    )


def _of_platform(platform: Platform) -> Subject:
    name = platform.cluster
    return Subject("platform", platform, name, name, source=platform.source, cluster=name)


def _of_source(health: SourceHealth) -> Subject:
    name = health.state.name
    return Subject("source", health, name, name, source=name)


def _of_pool(answer: PoolAnswer) -> Subject:
    pool = answer.pool
    source = pool.sources[0] if pool.sources else None
    kind: Any = pool.kind
    name = f"{pool.cluster}/{pool.name}"
    return Subject(kind, answer, name, pool.name, source=source, cluster=pool.cluster)


def _of_service(service: ServiceView, estate: Estate) -> Subject:
    return Subject(
        kind="service",
        thing=service,
        name=service.name,
        label=service.name,
        agency=service.entry.owner,
        owner=_contact_of(service.entry.owner, estate),
        classification=service.classification,
        service=service.name,
    )


def _of_processing(part: ServiceView | GuestView, estate: Estate) -> Subject:
    whose = _of_service(part, estate) if isinstance(part, ServiceView) else _of_guest(part, estate)
    return replace(whose, kind="processing")


def _of_keeper(keeper: Keeper, estate: Estate) -> Subject:
    return Subject(
        kind="recorder",
        thing=keeper,
        name=f"{keeper.kind}/{keeper.name}",
        label=keeper.label,
        source=keeper.source,
        agency=keeper.agency,
        owner=_contact_of(keeper.agency, estate),
    )


def _of_waiver(entry: Waiver, severity: Severity) -> Subject:
    return Subject("waiver", WaiverView(entry, severity), entry.id, f"waiver {entry.id}")


def _of_part(kind: SubjectKind, fact: Fact[Any], estate: Estate) -> Subject:
    """A disk or network interface: whose it is follows from its guest."""
    part = fact.record
    owner = estate.once(_OfGuests).by_key.get((part.cluster, part.guest_id))
    called = part.subject.rpartition("/")[2] if kind == "nic" else part.slot or part.disk_id
    base = owner or Subject(kind, part, "", part.guest_id)
    return replace(
        base,
        kind=kind,
        thing=part,
        name=f"{part.cluster}/{part.guest_id}/{called}",
        label=f"{base.label} {'disk' if kind == 'disk' else 'interface'} {called}",
        source=fact.source,
        scope=part.scope,
        cluster=part.cluster,
        guest=f"{part.cluster}/{part.guest_id}",
    )


def _of_firewall(fact: Fact[Firewall], estate: Estate) -> Subject:
    """A level's settings: a guest's are its owner's."""
    wall = fact.record
    level, _slash, name = wall.level.partition("/")
    plain = _plain("firewall", fact, f"{name or wall.cluster} firewall")
    if level == "host":
        return replace(plain, host_id=name)
    whose = estate.once(_OfGuests).by_key.get((wall.cluster, name)) if level == "guest" else None
    if whose is None:
        return replace(plain, guest=f"{wall.cluster}/{name}" if level == "guest" else "")
    return replace(
        whose,
        kind="firewall",
        thing=wall,
        name=plain.name,
        label=f"{whose.label} firewall",
        scope=wall.scope,
    )


def _changed(estate: Estate) -> Iterator[Subject]:
    """Each guest that changed, once; one that is gone is called as the change called it.

    Where no approvals are kept to hold them against, all of them are one.
    """
    told: dict[tuple[str, str], list[Change]] = {}
    for change in estate.changes:
        if change.guest is not None:
            told.setdefault(change.guest, []).append(change)
    if told and estate.owners.approvals is None:
        everything = Changed(("", ""), None, estate.changes)
        yield Subject("change", everything, "all", f"{len(told)} guests that changed")
        return
    for key, changes in told.items():
        view, name = estate.guest_of.get(key), "/".join(key)
        thing = Changed(key, view, tuple(changes))
        called = changes[0].subject.partition(" ")[2]
        gone = Subject("change", thing, name, called, cluster=key[0], guest=name)
        yield replace(_of_guest(view, estate), kind="change", thing=thing) if view else gone


_OF_KIND: Mapping[SubjectKind, Callable[[Estate], Iterable[Subject]]] = {
    "guest": lambda estate: estate.once(_OfGuests).all,
    "disk": lambda estate: (_of_part("disk", fact, estate) for fact in estate.facts.of(Disk)),
    "nic": lambda estate: (_of_part("nic", fact, estate) for fact in estate.facts.of(Nic)),
    "host": lambda estate: map(_of_host, estate.hosts),
    "platform": lambda estate: map(_of_platform, estate.platforms),
    "storage": lambda estate: _of_each("storage", estate),
    "job": lambda estate: _of_each("job", estate),
    "principal": lambda estate: _of_each("principal", estate),
    "realm": lambda estate: _of_each("realm", estate),
    "firewall": lambda estate: (_of_firewall(f, estate) for f in estate.facts.of(Firewall)),
    "change": _changed,
    "service": lambda estate: (_of_service(service, estate) for service in estate.services),
    "processing": lambda estate: (_of_processing(part, estate) for part in estate.processings),
    "recorder": lambda estate: (_of_keeper(keeper, estate) for keeper in keepers_of(estate)),
    "source": lambda estate: map(_of_source, estate.sources),
    "tool": lambda estate: iter([Subject("tool", estate.tool, "lumbung", "lumbung")]),
}
