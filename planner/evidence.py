"""The lists that an auditor draws samples from, by the controls that they are evidence of.

Every row names its source and when that last confirmed it, so that a sample can be followed to
the platform's own answer and back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from inventory.platform_records import Grant, Principal
from inventory.records import Backup, BackupJob, Disk, Nic
from planner.backups import Cover
from planner.eol import Release, release_of
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.report import Report
from planner.risks.catalogue import absent, chosen
from planner.risks.engine import Assessment, assess
from planner.risks.lifecycle import os_of
from planner.risks.regulations import Pack
from planner.risks.statement import ControlRow, statement
from planner.rows import ChangeRow, FailoverRow, GuestLine, PoolRow, RiskRow, SourceRow


@dataclass(frozen=True, slots=True)
class AssetRow:
    """assets.csv: one host, guest or datastore."""

    kind: str  # host, guest or datastore
    name: str | None  # as people call it
    id: str  # as the platform names it
    uuid: str | None  # of a guest
    cluster: str  # where it is
    state: str | None  # status of a host, power of a guest
    agency: str | None  # the agency accountable for a guest
    owner: str | None  # that agency's mailbox
    owner_confirmed_on: date | None  # when the owner last confirmed it
    service: str | None  # the service it belongs to
    source: str  # the source that tells of it
    as_it_is_since: datetime  # since when nothing configured of it has changed
    confirmed_at: datetime  # the last poll that saw it


@dataclass(frozen=True, slots=True)
class ClassificationRow:
    """classification.csv: one guest, and who says what its data is."""

    guest: str  # as people call it
    id: str  # as the platform names it
    cluster: str  # where it is
    classification: str | None  # the strictest class that is stated; empty: none is
    stated: str  # every statement, as source=class
    tags: str | None  # its tags, `;` between them; empty: not seen
    service: str | None  # the service it belongs to
    agency: str | None  # the agency accountable for it
    owner_confirmed_on: date | None  # when the owner last confirmed it
    source: str  # the source that tells of it
    confirmed_at: datetime  # the last poll that saw it


@dataclass(frozen=True, slots=True)
class SupportRow:
    """support.csv: the system of one host or guest, and how long its maker supports it."""

    kind: str  # host or guest
    name: str | None  # as people call it
    id: str  # as the platform names it
    cluster: str  # where it is
    system: str | None  # as the platform or a tag says it
    release: str | None  # what that means; empty: too vague to say
    support: str  # supported, extended (for money), ended or unknown
    supported_until: date | None  # the last day; empty: none is announced, or it is not known
    extended_until: date | None  # the last day of support that must be bought
    dates_of: date  # the day of the end-of-life data
    source: str  # the source that tells of it
    confirmed_at: datetime  # the last poll that saw it


@dataclass(frozen=True, slots=True)
class BackupRow:
    """backups.csv: how one guest is backed up, and what is there of it."""

    guest: str  # as people call it
    id: str  # as the platform names it
    cluster: str  # where it is
    agency: str | None  # the agency accountable for it
    classification: str | None  # the class of its data
    backup_state: str  # covered, none or unknown
    jobs: str  # the jobs that select it
    schedules: str  # when they run
    targets: str  # where they write
    retention: str  # what they keep; empty: the target's own setting counts
    in_the_way: str  # why a run would fail, and what of that was not seen
    disks_left_out: str  # data disks that no run takes
    last_backup_at: datetime | None  # the newest one whose age can be trusted
    backups: int | None  # how many are there; empty: their list was not seen
    encrypted: int | None  # of them, known to be encrypted
    verified: int | None  # of them, known to be verified
    declared_method: str | None  # of a backup that no source shows, by the estate file
    declared_on: date | None  # the day of its newest one
    restore_tested_on: date | None  # when a restore of its service was last tried
    source: str  # the source that tells of it
    confirmed_at: datetime  # the last poll that saw the guest


@dataclass(frozen=True, slots=True)
class AccessRow:
    """access.csv: one role that somebody has on a path of a platform."""

    cluster: str  # whose platform
    principal: str  # user@realm, user@realm!token or @group
    kind: str | None  # user, token or group
    enabled: bool | None  # whether it may log in
    expires_at: datetime | None  # when it ends by itself
    second_factors: str | None  # their kinds; empty: none, or not seen
    members: str | None  # of a group
    role: str | None  # what it is granted; empty: nothing
    path: str | None  # on what
    propagates: bool | None  # also on what lies below
    source: str  # the source that tells of it
    confirmed_at: datetime  # the last poll that saw it


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """networks.csv: one network interface of a guest."""

    guest: str  # as people call it
    id: str  # as the platform names it
    cluster: str  # where it is
    interface: str  # its slot
    network: str | None  # bridge or virtual network
    vlan: int | None  # 0: untagged
    trunks: str | None  # further VLANs that it takes
    firewall: bool | None  # whether the platform filters it
    classification: str | None  # the class of the guest's data
    public: bool | None  # whether the public reaches it, by its tags
    source: str  # the source that tells of it
    confirmed_at: datetime  # the last poll that saw it


@dataclass(frozen=True, slots=True)
class Evidence:
    """One list: what it shows, of which rules' controls it is evidence, and its rows."""

    name: str
    shows: str
    rules: tuple[str, ...]  # beginnings of rule ids
    annex_a: str  # the control of ISO 27001's Annex A that it is asked for by
    row_type: type[Any]
    rows: Sequence[Any]

    def controls(self, pack: Pack) -> tuple[str, ...]:
        """The controls of a framework that it is evidence of."""
        return tuple(
            number
            for number, control in pack.controls.items()
            if any(rule.startswith(self.rules) for rule in control.cited)
        )


ROW_TYPES: Mapping[str, type[Any]] = {
    "assets": AssetRow,
    "classification": ClassificationRow,
    "support": SupportRow,
    "backups": BackupRow,
    "access": AccessRow,
    "networks": NetworkRow,
    "statement": ControlRow,
}


def judged_in_full(report: Report) -> Assessment:
    """What all rules find that the policy does not switch off, whatever its profile."""
    asked = report.policy.risks.model_copy(update={"profile": "full"})
    return assess(report.estate, report.answers, chosen(asked))


def statement_of(report: Report, pack: Pack) -> tuple[ControlRow, ...]:
    """The statement of applicability of a framework."""
    reasons = {one.id: one.reason for one in absent()}
    return statement(pack, judged_in_full(report), reasons)


def evidence_of(report: Report) -> tuple[Evidence, ...]:
    """Every list, of an estate at one date."""
    lists = _Lists(report)
    return (
        Evidence(
            "assets", "what there is, whose it is, when that was confirmed",
            ("PRV-002", "PRV-020", "OWN-013"), "A.5.9", AssetRow, tuple(lists.assets()),
        ),
        Evidence(
            "classification", "the class of each guest's data, and who says so",
            ("PRV-001", "PRV-013", "PRV-014"), "A.5.12", ClassificationRow,
            tuple(lists.classes()),
        ),
        Evidence(
            "access", "who may do what on the platforms",
            ("IAM",), "A.8.2", AccessRow, tuple(lists.access()),
        ),
        Evidence(
            "capacity", "what is used of what is there, and how long it lasts",
            ("AVL-008", "AVL-009", "AVL-010"), "A.8.6", PoolRow, report.pools,
        ),
        Evidence(
            "support", "systems, and how long their makers support them",
            ("PAT-001", "PAT-003"), "A.8.8", SupportRow, tuple(lists.support()),
        ),
        Evidence(
            "backups", "how each guest is backed up, and what is there of it",
            ("BKP",), "A.8.13", BackupRow, tuple(lists.backups()),
        ),
        Evidence(
            "redundancy", "the loss of each host, rack, room and site, and what stays down",
            ("AVL-001", "AVL-002", "AVL-006"), "A.8.14", FailoverRow, report.failover,
        ),
        Evidence(
            "monitoring", "how completely and how lately each source was read",
            ("OWN-013", "MON"), "A.8.16", SourceRow, report.sources,
        ),
        Evidence(
            "networks", "the networks of each guest, beside the class of its data",
            ("NET", "SEG"), "A.8.22", NetworkRow, tuple(lists.networks()),
        ),
        Evidence(
            "changes", "what changed in the last seven days",
            ("OWN-013",), "A.8.32", ChangeRow, report.changes,
        ),
        Evidence(
            "findings", "every open finding, with its evidence and what could not be judged",
            ("",), "A.5.36", RiskRow, report.risks,
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Lists:
    """The rows of the lists that no weekly file has."""

    report: Report

    @property
    def _estate(self) -> Estate:
        return self.report.estate

    def _lines(self) -> Iterator[tuple[GuestView, GuestLine]]:
        """Each guest with its line of guests.csv, in that file's order."""
        for line in self.report.guests:
            yield self._estate.guest_of[line.cluster, line.guest_id], line

    def assets(self) -> Iterator[AssetRow]:
        for host in self._estate.hosts:
            record = host.record
            yield _asset("host", host, record.name, record.host_id, record.status)
        for store in self._estate.datastores:
            yield _asset("datastore", store, store.record.name, store.record.datastore_id, None)
        for view, line in self._lines():
            yield AssetRow(
                kind="guest",
                name=line.name,
                id=line.guest_id,
                uuid=line.uuid,
                cluster=line.cluster,
                state=line.power,
                agency=line.agency,
                owner=line.owner,
                owner_confirmed_on=line.owner_confirmed_on,
                service=line.service,
                source=view.fact.source,
                as_it_is_since=view.fact.valid_from,
                confirmed_at=view.fact.confirmed_at,
            )

    def classes(self) -> Iterator[ClassificationRow]:
        for view, line in self._lines():
            yield ClassificationRow(
                guest=view.label,
                id=line.guest_id,
                cluster=line.cluster,
                classification=line.classification,
                stated="; ".join(f"{where}={name}" for where, name in view.classifications),
                tags=line.tags,
                service=line.service,
                agency=line.agency,
                owner_confirmed_on=line.owner_confirmed_on,
                source=view.fact.source,
                confirmed_at=view.fact.confirmed_at,
            )

    def support(self) -> Iterator[SupportRow]:
        for host in self._estate.hosts:
            record = host.record
            release = None
            if record.platform == "proxmox-ve" and record.version:
                release = self._estate.eol.find("proxmox-ve", record.version.split(".")[0])
            known = " ".join(filter(None, (record.platform, record.version))) or None
            yield self._support("host", host, record.name, record.host_id, known, release)
        for view, line in self._lines():
            system = os_of(view)
            release = release_of(system, self._estate.eol) if system else None
            yield self._support("guest", view.fact, line.name, line.guest_id, system, release)

    def _support(
        self,
        kind: str,
        fact: Any,
        name: str | None,
        native_id: str,
        system: str | None,
        release: Release | None,
    ) -> SupportRow:
        return SupportRow(
            kind=kind,
            name=name,
            id=native_id,
            cluster=fact.record.cluster,
            system=system,
            release=release.label if release else None,
            support=_support_on(release, self._estate.as_of),
            supported_until=release.ends if release else None,
            extended_until=release.extended_ends if release else None,
            dates_of=self._estate.eol.dated,
            source=fact.source,
            confirmed_at=fact.confirmed_at,
        )

    def backups(self) -> Iterator[BackupRow]:
        for view, line in self._lines():
            found, made = self._estate.cover_of(view.guest), self._estate.backups_of(view.guest)
            declared, service = view.declared_backup, view.service_entry
            test = service.restore_test if service else None
            seen = bool(made) or self._estate.gap(view.fact.source, Backup.kind_name) is None
            yield BackupRow(
                guest=view.label,
                id=line.guest_id,
                cluster=line.cluster,
                agency=line.agency,
                classification=line.classification,
                backup_state=line.backup_state,
                jobs=_each(found, lambda job: job.job_id),
                schedules=_each(found, lambda job: job.schedule),
                targets=_each(found, lambda job: job.datastore_id),
                retention=_each(found, lambda job: job.retention),
                in_the_way="; ".join((*found.obstacles, *found.not_seen, *self._hidden(view))),
                disks_left_out=";".join(disk.slot or disk.disk_id for disk in found.left_out),
                last_backup_at=line.last_backup_at,
                backups=len(made) if seen else None,
                encrypted=sum(one.encrypted is True for one in made) if seen else None,
                verified=sum(one.verified is True for one in made) if seen else None,
                declared_method=declared.method if declared else None,
                declared_on=self._past(declared.last_success if declared else None),
                restore_tested_on=self._past(test.tested_on if test else None),
                source=view.fact.source,
                confirmed_at=view.fact.confirmed_at,
            )

    def _hidden(self, view: GuestView) -> Iterator[str]:
        """What was not shown of the jobs that may select a guest, and of its disks."""
        for kind, scope in ((BackupJob.kind_name, ""), (Disk.kind_name, view.guest.scope)):
            if gap := self._estate.gap(view.fact.source, kind, scope):
                yield f"{kind}: {gap.reason or gap.state}"

    def _past(self, day: date | None) -> date | None:
        """A declared day; None for one to come, which proves nothing."""
        return None if day is None or day > self._estate.as_of else day

    def access(self) -> Iterator[AccessRow]:
        grants: dict[tuple[str, str], list[Grant]] = {}
        for grant in self._estate.facts.records(Grant):
            grants.setdefault((grant.cluster, grant.principal_id), []).append(grant)
        for fact in self._estate.facts.of(Principal):
            principal = fact.record
            held = grants.get((principal.cluster, principal.principal_id), [])
            for one in (*held,) or (None,):
                yield AccessRow(
                    cluster=principal.cluster,
                    principal=principal.principal_id,
                    kind=principal.kind,
                    enabled=principal.enabled,
                    expires_at=principal.expires_at,
                    second_factors=_joined(principal.second_factors),
                    members=_joined(principal.members),
                    role=one.role_id if one else None,
                    path=one.path if one else None,
                    propagates=one.propagates if one else None,
                    source=fact.source,
                    confirmed_at=fact.confirmed_at,
                )

    def networks(self) -> Iterator[NetworkRow]:
        for fact in self._estate.facts.of(Nic):
            nic = fact.record
            view = self._estate.guest_of.get((nic.cluster, nic.guest_id))
            yield NetworkRow(
                guest=view.label if view else nic.guest_id,
                id=nic.guest_id,
                cluster=nic.cluster,
                interface=nic.nic_id.rpartition("/")[2],
                network=nic.network,
                vlan=nic.vlan,
                trunks=nic.trunks,
                firewall=nic.firewall,
                classification=view.classification if view else None,
                public=view.public if view else None,
                source=fact.source,
                confirmed_at=fact.confirmed_at,
            )


def _asset(kind: str, fact: Any, name: str, native_id: str, state: str | None) -> AssetRow:
    """A row of what no agency is accountable for by itself: the platform."""
    return AssetRow(
        kind=kind,
        name=name,
        id=native_id,
        uuid=None,
        cluster=fact.record.cluster,
        state=state,
        agency=None,
        owner=None,
        owner_confirmed_on=None,
        service=None,
        source=fact.source,
        as_it_is_since=fact.valid_from,
        confirmed_at=fact.confirmed_at,
    )


def _support_on(release: Release | None, day: date) -> str:
    if release is None:
        return "unknown"
    if release.ends is None or release.ends >= day:
        return "supported"
    extended = release.extended_ends is not None and release.extended_ends >= day
    return "extended" if extended else "ended"


def _each(found: Cover, told: Callable[[Any], str | None]) -> str:
    return ";".join(told(job) or "" for job in found.jobs)


def _joined(names: tuple[str, ...] | None) -> str | None:
    return None if names is None else ";".join(names)
