"""The answer: everything that is known of one guest and a window of time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inventory.changes import Change
from inventory.platform_records import Grant, Principal, Role
from inventory.records import Backup, Datastore, Guest, GuestSnapshot, Host
from inventory.window import Span
from planner.change_rows import change_row
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.incident.neighbours import Neighbours, key_of
from planner.incident.past import Past, Window
from planner.incident.rows import (
    AgencyRow,
    ConfigurationRow,
    CopyRow,
    DataRow,
    NeighbourRow,
    OpenFindingRow,
    RightRow,
    WhereRow,
)
from planner.incident.unknown import NotKnown
from planner.risks.access import ADMINISTRATOR, ROOT, user_of
from planner.risks.catalogue import Language, chosen, texts_of
from planner.risks.engine import Assessment, assess
from planner.risks.rule import Finding
from planner.twins import GuestKey


@dataclass(frozen=True)
class Incident:
    """The answer: the guest, and a table for each question."""

    window: Window
    site: str
    made_at: datetime
    key: GuestKey
    then: GuestView | None  # at the beginning of the window, or when it was first seen
    now: GuestView | None
    first_seen: datetime
    tables: Mapping[str, tuple[Any, ...]]
    made_from: Mapping[str, str]  # SHA-256 of the files that were read beside the store

    @property
    def label(self) -> str:
        view = self.now or self.then
        return view.label if view else self.key[1]

    @property
    def is_gone(self) -> bool:
        return self.now is None

    def reached(self, shares: str) -> tuple[str, ...]:
        """The other guests that shared a host, network or datastore with it."""
        rows: Sequence[NeighbourRow] = self.tables["neighbours"]
        return tuple(dict.fromkeys(row.guest for row in rows if row.shares == shares))

    @property
    def reached_personal(self) -> tuple[NeighbourRow, ...]:
        """The neighbours with personal data, each once, and those whose class nobody knows."""
        rows: Sequence[NeighbourRow] = self.tables["neighbours"]
        return tuple({row.guest: row for row in rows if row.personal is not False}.values())


def incident_of(
    key: GuestKey, window: Window, then: Estate, now: Estate, past: Past, language: Language = "en"
) -> Incident:
    """What is known of a guest and a window. ``then`` is the estate at the window's beginning, or
    when the guest was first seen in it; ``now`` that of today."""
    own = [span for span in past.guests if key_of(span) == key]
    told = _Telling(key, window, then, now, past, own)
    near = Neighbours(key, window, then, now, past, own, told.host_names())
    neighbours = tuple(near.rows())
    return Incident(
        window=window,
        site=now.site,
        made_at=now.at,
        key=key,
        then=then.guest_of.get(key),
        now=now.guest_of.get(key),
        first_seen=min(span.start for span in own),
        tables={
            "data": tuple(told.data()),
            "configuration": tuple(told.configuration()),
            "where": tuple(told.where()),
            "agencies": tuple(_agencies(neighbours, now, then)),
            "neighbours": neighbours,
            "rights": tuple(told.rights()),
            "copies": tuple(told.copies()),
            "changes": tuple(change_row(c) for c in past.changes if told.concerns(c)),
            "findings": tuple(told.findings(language)),
            "not_known": tuple(NotKnown(key, window, then, now, past, own).rows()),
        },
        made_from=now.made_from,
    )


def _agencies(neighbours: Iterable[NeighbourRow], now: Estate, then: Estate) -> Iterator[AgencyRow]:
    """Whose personal data was near, or may have been, each agency once; nobody's comes last."""
    near: dict[str, list[NeighbourRow]] = defaultdict(list)
    for row in neighbours:
        if row.personal is not False:
            near[row.agency or ""].append(row)
    for agency in sorted(near, key=lambda name: (not name, name)):
        rows = near[agency]
        keys = {(row.cluster, row.id) for row in rows}
        yield AgencyRow(
            agency=agency or None,
            owner=next((row.owner for row in rows if row.owner), None),
            guests=";".join(dict.fromkeys(row.guest for row in rows)),
            classes=";".join(sorted({row.classification or "?" for row in rows})),
            shares=";".join(dict.fromkeys(row.shares for row in rows)),
            certain=any(row.certain for row in rows),
            people=_people(now.guest_of.get(key) or then.guest_of.get(key) for key in keys),
        )


def _people(views: Iterable[GuestView | None]) -> int | None:
    """How many people the services of some guests have data of; None when one does not say."""
    services = {view.service: view.service_entry if view else None for view in views if view}
    told = [entry.data_subjects if entry else None for entry in services.values()]
    known = [count for count in told if count is not None]
    return sum(known) if known and len(known) == len(told) else None


@dataclass(frozen=True, slots=True)
class _Telling:
    """The rows of each table."""

    key: GuestKey
    window: Window
    then: Estate
    now: Estate
    past: Past
    own: Sequence[Span[Guest]]

    # What data

    def data(self) -> Iterator[DataRow]:
        then, now = (self._declared(estate) for estate in (self.then, self.now))
        for name in then:
            yield DataRow(name, then[name], now[name])

    def _declared(self, estate: Estate) -> dict[str, str | None]:
        view = estate.guest_of.get(self.key)
        service = view.service_entry if view else None
        stated = {
            "classification": view.classification if view else None,
            "classification_stated_by": _joined(
                f"{where}={name}" for where, name in (view.classifications if view else ())
            ),
            "agency": view.agency if view else None,
            "owner": view.agency_contact if view else None,
            "owner_confirmed_on": view.owner_confirmed_on if view else None,
            "service": view.service if view else None,
            "criticality": view.criticality if view else None,
            "data_subjects": service.data_subjects if service else None,
            "ropa_id": service.ropa_id if service else None,
            "dpia_ref": service.dpia_ref if service else None,
            "retention_days": service.retention.days if service else None,
            "retention_basis": service.retention.basis if service else None,
            "data_protection_officer": estate.owners.organisation.dpo.contact or None,
            "incident_team": (service.incident_contact if service else None)
            or estate.owners.organisation.incident.contact,
        }
        return {name: None if value in (None, "") else str(value) for name, value in stated.items()}

    # Configuration, then and now

    def configuration(self) -> Iterator[ConfigurationRow]:
        then, now = (self._configured(estate) for estate in (self.then, self.now))
        for subject, name in dict.fromkeys((*then, *now)):
            before, after = then.get((subject, name)), now.get((subject, name))
            yield ConfigurationRow(subject, name, before, after, before != after)

    def _configured(self, estate: Estate) -> dict[tuple[str, str], str]:
        view = estate.guest_of.get(self.key)
        if view is None:
            return {}
        guest = view.guest
        parts: list[tuple[str, Any]] = [("guest", guest)]
        parts += [(f"disk {disk.slot or disk.disk_id}", disk) for disk in estate.disks_of(guest)]
        parts += [
            (f"interface {nic.nic_id.rpartition('/')[2]}", nic) for nic in estate.nics_of(guest)
        ]
        return {
            (subject, name): _text(value)
            for subject, record in parts
            for name, value in record
            if value is not None and name not in (_KEYS | record.measured)
        }

    # Where it ran

    def where(self) -> Iterator[WhereRow]:
        hosts = self.host_names()
        for first, last in _runs(self.own, lambda span: (span.record.host_id, span.record.power)):
            host_id = first.record.host_id
            yield WhereRow(
                host=hosts.get(host_id or "", host_id),
                power=first.record.power,
                since=first.start,
                until=last.until,
                source=first.source,
                not_before=self.past.began(first),
            )

    def host_names(self) -> dict[str, str]:
        return {
            host.host_id: host.name
            for estate in (self.then, self.now)
            for host in estate.in_cluster(Host, self.key[0])
        }

    # Rights

    def rights(self) -> Iterator[RightRow]:
        then, now = (self._held(estate) for estate in (self.then, self.now))
        for held in sorted(then | now):
            estate = self.now if held in now else self.then
            yield from self._right(held, estate, then=held in then, now=held in now)

    def _held(self, estate: Estate) -> set[tuple[str, str, str]]:
        """(principal, role, path) of every grant that covers the guest, and of who has rights
        without one: root, and tokens that may do what their user may."""
        view = estate.guest_of.get(self.key)
        paths = _paths(view.guest if view else self.own[-1].record, estate)
        held = {
            (grant.principal_id, grant.role_id, grant.path)
            for grant in estate.in_cluster(Grant, self.key[0])
            if grant.path in paths or (grant.propagates is not False and _above(grant.path, paths))
        }
        known = estate.in_cluster(Principal, self.key[0])
        held |= {(ROOT, ADMINISTRATOR, "/") for one in known if one.principal_id == ROOT}
        groups = {one.principal_id: set(one.members or ()) for one in known if one.kind == "group"}
        return held | {
            (token.principal_id, role, path)
            for token in known
            if token.kind == "token" and token.privilege_separated is False
            for holder, role, path in held
            if user_of(token.principal_id) in {holder, *groups.get(holder, ())}
        }

    def _right(
        self, held: tuple[str, str, str], estate: Estate, *, then: bool, now: bool
    ) -> Iterator[RightRow]:
        principal, role, path = held
        known = {one.principal_id: one for one in estate.in_cluster(Principal, self.key[0])}
        roles = {one.role_id: one.privileges for one in estate.in_cluster(Role, self.key[0])}
        one = known.get(principal)
        members = (one.members or ()) if one and one.kind == "group" else ()
        for member in members or (None,):
            account = known.get(member) if member else one
            yield RightRow(
                principal=principal,
                member=member,
                kind=one.kind if one else None,
                role=role,
                path=path,
                privileges=_names(roles.get(role)),
                enabled=account.enabled if account else None,
                second_factors=_names(account.second_factors) if account else None,
                then=then,
                now=now,
            )

    # Copies

    def copies(self) -> Iterator[CopyRow]:
        kinds: tuple[tuple[str, type[Any]], ...] = (("backup", Backup), ("snapshot", GuestSnapshot))
        for kind, record in kinds:
            then, now = (self._copies_in(estate, record) for estate in (self.then, self.now))
            for name, one in sorted((then | now).items()):
                made = one.created_at
                yield CopyRow(
                    kind=kind,
                    name=one.name,
                    created_at=made,
                    before_window=None if made is None else made < self.window.start,
                    datastore=getattr(one, "datastore_id", None),
                    encrypted=getattr(one, "encrypted", None),
                    verified=getattr(one, "verified", None),
                    there_now=name in now,
                )

    def _copies_in(self, estate: Estate, record: type[Any]) -> dict[str, Any]:
        guest = self.own[-1].record
        return {one.subject: one for one in estate.for_guest(record, guest)}

    # Changes and findings

    def concerns(self, change: Change) -> bool:
        """Whether a change is about the guest, its disks, or the hosts it ran on."""
        if change.guest is not None:
            return change.guest == self.key
        return any(
            change.subject.startswith(f"host {self.key[0]}/{span.record.host_id} ")
            or change.subject == f"host {self.key[0]}/{span.record.host_id}"
            for span in self.own
        )

    def findings(self, language: Language) -> Iterator[OpenFindingRow]:
        then, now = (self._found(estate) for estate in (self.then, self.now))
        for name, found in (then | now).items():
            texts = texts_of(found.rule, language)
            yield OpenFindingRow(
                finding_id=name,
                rule=found.rule.id,
                severity=found.severity,
                outcome=found.outcome.state,
                title=texts.title,
                subject=found.subject.label,
                evidence=found.evidence,
                fix=texts.fix,
                then=name in then,
                now=name in now,
            )

    def _found(self, estate: Estate) -> dict[str, Finding]:
        """The findings about the guest, its hosts and its platform, worst first; those about how
        long capacity lasts are not asked."""
        asked = estate.policy.risks.model_copy(update={"profile": "full"})
        assessment: Assessment = assess(estate, (), chosen(asked))
        hosts = {span.record.host_id for span in self.own}
        return {
            finding.id: finding for finding in assessment.findings if self._touches(finding, hosts)
        }

    def _touches(self, finding: Finding, hosts: set[str | None]) -> bool:
        subject = finding.subject
        if subject.guest:
            return subject.guest == f"{self.key[0]}/{self.key[1]}"
        if subject.kind == "host":
            return subject.cluster == self.key[0] and subject.host_id in hosts
        return subject.cluster == self.key[0]


_KEYS = frozenset({"guest_id", "cluster", "disk_id", "nic_id"})


def _paths(guest: Guest, estate: Estate) -> set[str]:
    """The paths on which a right reaches the guest: its own, its pool's, its host's, its disks'."""
    found = {f"/vms/{guest.guest_id}"}
    if guest.resource_pool:
        found.add(f"/pool/{guest.resource_pool}")
    if guest.host_id:
        found.add(f"/nodes/{guest.host_id}")
    for disk in estate.disks_of(guest):
        store = estate.datastore(guest.cluster, disk.datastore_id)
        if store is not None:
            found.add(f"/storage/{_plain_name(store)}")
    return found


def _plain_name(store: Datastore) -> str:
    return store.datastore_id.rpartition("/")[2]


def _above(path: str, paths: set[str]) -> bool:
    """Whether something granted on a path, and on what lies below, reaches one of the paths."""
    return path == "/" or any(one.startswith(f"{path}/") for one in paths)


def _runs(spans: Sequence[Span[Guest]], told: Any) -> Iterator[tuple[Span[Guest], Span[Guest]]]:
    """The first and last of each row of spans that say the same."""
    first: Span[Guest] | None = None
    last: Span[Guest] | None = None
    for span in spans:
        if first is not None and last is not None and told(span) != told(first):
            yield first, last
            first = span
        first, last = first or span, span
    if first is not None and last is not None:
        yield first, last


def _text(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ";".join(str(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _names(names: tuple[str, ...] | None) -> str | None:
    return None if names is None else ";".join(names)


def _joined(parts: Iterable[str]) -> str:
    return "; ".join(parts)
