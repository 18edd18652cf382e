"""The owners' file (estate.yaml): what no hypervisor knows.

Agencies, services, who owns which guest, how data is classified, what storage is declared to be,
planned projects, hardware and purchases on their way, budget gates.
"""

from __future__ import annotations

from datetime import date
from itertools import combinations
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from planner.camera_entries import Cameras
from planner.platform_entries import ClusterEntry, NetworkEntry, RealmEntry
from planner.purchases import (
    Budget,
    CatalogueItem,
    Hardware,
    Misplaced,
    Order,
    PoolEntry,
    Project,
    check_names,
)
from planner.waiver_entries import Waiver

Classification = Literal["publik", "terbatas", "infra", "pribadi-umum", "pribadi-spesifik"]
Dimension = Literal["governance", "branding", "economy", "living", "society", "environment", "none"]

Advice = Literal["powered_off", "idle", "old_snapshot", "orphan", "oversized", "undersized"]
ADVICE: tuple[Advice, ...] = (
    "powered_off",
    "idle",
    "old_snapshot",
    "orphan",
    "oversized",
    "undersized",
)
_LONGEST_EXEMPTION_DAYS = 365

# From the least to the most strict: where two sources disagree, the stricter wins.
STRICTNESS: tuple[Classification, ...] = (
    "publik",
    "terbatas",
    "infra",
    "pribadi-umum",
    "pribadi-spesifik",
)
PERSONAL: frozenset[str] = frozenset({"pribadi-umum", "pribadi-spesifik"})


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Contact(_Table):
    """Whom to ask."""

    role: str = Field("", description="the office, not a person")
    contact: str = Field("", description="a role's mailbox, not a person's")


class Organisation(_Table):
    """Whose data centre it is."""

    name: str = Field("", description="its name; no report shows it yet")
    dpo: Contact = Field(Contact(), description="the data protection officer")
    incident: Contact = Field(
        Contact(), description="who takes a breach further, within 3 x 24 hours"
    )
    operator: str | None = Field(
        None,
        description="the agency that runs the platforms: what is found on them is charged to it",
    )


class Agency(_Table):
    """An agency (OPD): the accountable owner of guests."""

    name: str = Field(description="its full name")
    contact: str = Field("", description="a role's mailbox, shown as the owner of its guests")


class Retention(_Table):
    """How long the data is kept; backups must not keep it longer."""

    days: int | None = Field(None, gt=0, description="days")
    basis: str = Field("", description="the rule or archive schedule that says so")


class RestoreTest(_Table):
    """The last time that a service was restored from its backups to see whether it works."""

    tested_on: date = Field(description="the day of the test")
    gib_per_hour: float | None = Field(
        None, gt=0, description="how fast it came back, as measured in that test"
    )


class Service(_Table):
    """A service that guests make up."""

    owner: str = Field(description="an agency's code")
    dimension: Dimension | None = Field(None, description="what part of city life it serves")
    classification: Classification | None = Field(None, description="of its data")
    criticality: int | None = Field(None, ge=1, le=4, description="1 is the highest")
    rpo_hours: int | None = Field(
        None, gt=0, description="how old its newest backup may be; default the policy's"
    )
    rto_hours: int | None = Field(None, gt=0, description="how soon it must be back")
    restore_test: RestoreTest | None = Field(
        None, description="the last restore that was tried; one of a sibling counts"
    )
    retention: Retention = Field(Retention(), description="how long its data is kept")
    data_subjects: int | None = Field(
        None,
        ge=0,
        description="about how many people's data it holds; a notice of a breach says it",
    )
    ropa_id: str | None = Field(
        None, description="its entry in the record of processing activities"
    )
    dpia_ref: str | None = Field(None, description="its data protection impact assessment")
    dpia_on: date | None = Field(None, description="when that was made or last renewed")
    dp_contact: str = Field(
        "", description="a role's mailbox for data protection; default the organisation's"
    )
    incident_contact: str = Field(
        "", description="a role's mailbox for breaches; default the organisation's"
    )
    system_category: str | None = Field(
        None, description="its category as an electronic system: strategis, tinggi, rendah"
    )
    assessed_on: date | None = Field(None, description="when its security was last assessed")
    reviewed_at: date | None = Field(None, description="when this entry was last reviewed")
    approved_by: str | None = Field(
        None, description="the office that approved it; no rule reads it yet"
    )


class Match(_Table):
    """Which guests an entry speaks of; all that is given must fit."""

    source: str | None = Field(None, description="only of this source")
    cluster: str | None = Field(None, description="only of this cluster")
    uuid: str | None = Field(None, description="the guest's UUID: the surest")
    vmid: int | None = Field(None, description="the number that Proxmox gives it")
    guest_id: str | None = Field(None, description="its id as `lumbung inventory guests` shows it")
    name_glob: str | None = Field(None, description="its name, with * and ?")
    pool: str | None = Field(None, description="its resource pool")

    @model_validator(mode="after")
    def _names_something(self) -> Match:
        if not any((self.uuid, self.vmid, self.guest_id, self.name_glob, self.pool)):
            raise ValueError("needs one of uuid, vmid, guest_id, name_glob, pool")
        return self


class DeclaredBackup(_Table):
    """A backup that no source shows: by an agent in the guest, a dump, a tool of its own."""

    method: str = Field(min_length=1, description="the tool or the way")
    last_success: date = Field(description="the day of the newest one, from the tool's own log")
    site: str | None = Field(None, description="where it is kept")


class GuestEntry(_Table):
    """What is declared of the guests that match."""

    match: Match = Field(description="which guests")
    service: str | None = Field(None, description="the service they belong to")
    agency: str | None = Field(None, description="the agency's code; default the service's owner")
    classification: Classification | None = Field(None, description="of their data")
    criticality: int | None = Field(None, ge=1, le=4, description="1 is the highest")
    support_until: date | None = Field(
        None, description="until when extended support of their operating system is paid for"
    )
    backup: DeclaredBackup | None = Field(None, description="a backup that no source shows")
    encrypted_in_guest_on: date | None = Field(
        None, description="when it was last proven that they encrypt their own disks"
    )
    confirmed_on: date | None = Field(None, description="when the owner confirmed it")
    confirmed_by: str | None = Field(None, description="the role that confirmed it")
    owner: str | None = Field(
        None, description="the role that answers for them; not a person, not a department"
    )

    def known_on(self, day: date) -> GuestEntry:
        """The entry without what is said to have happened after a day: nobody can know that."""
        told = {name: getattr(self, name) for name in ("confirmed_on", "encrypted_in_guest_on")}
        to_come = [name for name, on in told.items() if on is not None and on > day]
        return self.model_copy(update=dict.fromkeys(to_come)) if to_come else self


class AttestedFile(_Table):
    """What agencies answered, beside the owners' file; `lumbung estate import` writes it."""

    version: Literal[1] = Field(1, description="of the file's form")
    guests: tuple[GuestEntry, ...] = Field((), description="one answer per guest")


class StorageEntry(_Table):
    """What is declared of a datastore, by its name or id."""

    site: str | None = Field(None, description="where it stands")
    copied_to: tuple[str, ...] = Field(
        (), description="other sites that hold a copy of it: a synchronised server, tapes"
    )
    country: str | None = Field(
        None, pattern=r"^[A-Z]{2}$", description="where it stands: two letters, such as ID"
    )
    abroad_ref: str = Field("", description="what allows it to stand abroad")
    encrypted: bool | Literal["unknown"] = Field(
        "unknown", description="at rest, where the platform does not say"
    )
    failure_domain: str | None = Field(None, description="what fails together with it")
    redundant: bool | None = Field(
        None, description="true: no single fault takes it down (two controllers, several nodes)"
    )
    max_class: Classification | None = Field(None, description="the strictest class it may hold")
    evidence_on: date | None = Field(
        None, description="when that was last proven; no rule reads it yet"
    )
    ring_buffer: bool = Field(
        False, description="full by design, as a camera recorder is: its retention counts"
    )


class HostPlace(_Table):
    """Where a host stands: what may take it down together with others."""

    site: str | None = Field(None, description="the building")
    room: str | None = Field(None, description="inside the site")
    rack: str | None = Field(None, description="inside the room")
    warranty_until: date | None = Field(
        None, description="the last day of its warranty or maintenance contract"
    )
    log_target: str | None = Field(
        None, min_length=1, description="the central log server that it sends its logs to"
    )


class PrincipalEntry(_Table):
    """Whose an account of the platform is."""

    agency: str | None = Field(None, description="the code of the agency that it works for")
    kind: Literal["staff", "service", "processor"] = Field(
        "staff", description="a person, a program that logs in by token alone, or a contractor"
    )
    agreement_ref: str = Field("", description="of a contractor: the processing agreement")
    agreement_until: date | None = Field(None, description="the last day of the agreement")
    custodian: bool = Field(
        False, description="true: it looks after the guests of every agency, as their custodian"
    )


class Exclusion(_Table):
    """Days that say nothing of the demand to come: an outage, a restore, a migration."""

    pool: str | None = Field(
        None, description="only of this cluster or datastore, as `lumbung capacity` names it"
    )
    source: str | None = Field(None, description="only of what this source tells")
    first: date = Field(alias="from", description="the first day that no trend is learnt from")
    last: date = Field(alias="to", description="the last one")
    reason: str = Field(min_length=1, description="what happened")
    author: str = Field(min_length=1, description="who says so: an office, not a person")

    @model_validator(mode="after")
    def _is_possible(self) -> Exclusion:
        if self.last < self.first:
            raise ValueError(f"ends on {self.last}, before it begins on {self.first}")
        if self.pool is None and self.source is None:
            raise ValueError("needs a pool or a source")
        return self

    def overlaps(self, other: Exclusion) -> bool:
        """Whether both speak of one day of the same pool and source."""
        same = (self.pool, self.source) == (other.pool, other.source)
        return same and self.first <= other.last and other.first <= self.last


class Wave(_Table):
    """Guests that move together."""

    name: str = Field(description="as people call it")
    when: date | None = Field(None, description="its day")  # not "on", which YAML reads as true
    match: tuple[Match, ...] = Field(description="any that fits; the first wave that fits counts")


class Twin(_Table):
    """A guest's two sides, where no common UUID tells."""

    leaving: Match = Field(description="the guest on the side that is left")
    arriving: Match = Field(description="the same one on the other side")


class Migration(_Table):
    """The move of guests from some clusters to another."""

    leaving: tuple[str, ...] = Field((), description="clusters; default: those of VMware")
    arriving: str | None = Field(None, description="the target cluster")
    until: date | None = Field(None, description="by when the last guest is to have moved")
    waves: tuple[Wave, ...] = Field((), description="who moves when, in their order")
    wave_size: int = Field(10, ge=1, description="guests per wave where none is declared")
    twins: tuple[Twin, ...] = Field((), description="where no common UUID tells")
    stays: tuple[Match, ...] = Field(
        (Match(name_glob="vCLS*"),), description="guests that do not move"
    )


class Exemption(_Table):
    """Guests that advice leaves alone for a time, and who decided that."""

    match: Match = Field(description="which guests")
    advice: tuple[Advice, ...] = Field(ADVICE, description="which advice; default all")
    reason: str = Field(min_length=1, description="why, in one sentence")
    author: str = Field(min_length=1, description="the office that decided it")
    since: date = Field(description="when it was decided")
    until: date = Field(description="its last day; a year after since at most")

    @model_validator(mode="after")
    def _ends_within_a_year(self) -> Exemption:
        if not 0 <= (self.until - self.since).days <= _LONGEST_EXEMPTION_DAYS:
            raise ValueError("until must be 0 to 365 days after since; renew it when it ends")
        return self


class Approval(_Table):
    """A change of guests that was approved: who looks for the change finds the decision."""

    match: Match = Field(description="which guests, also ones that are gone by now")
    ref: str = Field(min_length=1, description="the change's number or letter")
    since: date = Field(description="the first day on which it may happen")
    until: date = Field(description="the last day on which it may happen")
    author: str = Field(min_length=1, description="the office that approved it")

    @model_validator(mode="after")
    def _is_possible(self) -> Approval:
        if self.until < self.since:
            raise ValueError(f"ends on {self.until}, before it begins on {self.since}")
        return self


class EstateFile(_Table):
    """The whole file."""

    version: Literal[1] = Field(1, description="of the file's form")
    organisation: Organisation = Field(Organisation(), description="whose data centre it is")
    agencies: dict[str, Agency] = Field(default_factory=dict, description="by their code")
    services: dict[str, Service] = Field(default_factory=dict, description="by their short name")
    guests: tuple[GuestEntry, ...] = Field((), description="what is declared of guests")
    storages: dict[str, StorageEntry] = Field(
        default_factory=dict, description="by a datastore's name or id"
    )
    hosts: dict[str, HostPlace] = Field(
        default_factory=dict, description="by a host's name, or CLUSTER/NAME"
    )
    clusters: dict[str, ClusterEntry] = Field(
        default_factory=dict, description="by a cluster's name"
    )
    networks: dict[str, NetworkEntry] = Field(
        default_factory=dict,
        description="by a segment: BRIDGE/VLAN (0 is untagged), or CLUSTER/BRIDGE/VLAN",
    )
    principals: dict[str, PrincipalEntry] = Field(
        default_factory=dict, description="by an account, USER@REALM, or a group, @GROUP"
    )
    realms: dict[str, RealmEntry] = Field(default_factory=dict, description="by a realm's name")
    approvals: tuple[Approval, ...] | None = Field(
        None, description="changes of guests that were approved; left out: none is looked for"
    )
    projects: tuple[Project, ...] = Field((), description="planned demand")
    hardware: tuple[Hardware, ...] = Field((), description="capacity that comes and goes")
    pools: dict[str, PoolEntry] = Field(
        default_factory=dict, description="by a pool's name: who decides on it"
    )
    orders: tuple[Order, ...] = Field((), description="purchases, past ones too: they teach")
    budget: Budget = Field(Budget(), description="when money can be asked for and spent")
    catalogue: tuple[CatalogueItem, ...] = Field((), description="what can be bought")
    exclusions: tuple[Exclusion, ...] = Field(
        (), description="days that no trend is learnt from; they are listed"
    )
    migration: Migration = Field(Migration(), description="a move to another platform")
    cameras: Cameras = Field(Cameras(), description="cameras, their recorders and uplinks")
    exemptions: tuple[Exemption, ...] = Field((), description="guests that advice leaves alone")
    waivers: tuple[Waiver, ...] = Field((), description="risks that are accepted for a time")

    @model_validator(mode="after")
    def _excludes_each_day_once(self) -> EstateFile:
        ordered = sorted(enumerate(self.exclusions), key=lambda item: item[1].first)
        for (_, earlier), (i, later) in combinations(ordered, 2):
            if earlier.overlaps(later):
                told = (
                    f"{earlier.first} to {earlier.last} and {later.first} to {later.last} overlap "
                    f"for {later.pool or later.source}"
                )
                raise Misplaced(told, "exclusions", i)
        return self

    @model_validator(mode="after")
    def _names_what_exists(self) -> EstateFile:
        for name, service in self.services.items():
            if self.agencies and service.owner not in self.agencies:
                told = f"{service.owner!r} is no agency here"
                raise Misplaced(told, "services", name, "owner")
        for i, entry in enumerate(self.guests):
            if entry.service is not None and entry.service not in self.services:
                raise Misplaced(f"{entry.service!r} is no service here", "guests", i, "service")
            if entry.agency is not None and entry.agency not in self.agencies:
                raise Misplaced(f"{entry.agency!r} is no agency here", "guests", i, "agency")
        self._names_operators()
        for name, principal in self.principals.items():
            if principal.agency is not None and principal.agency not in self.agencies:
                told = f"{principal.agency!r} is no agency here"
                raise Misplaced(told, "principals", name, "agency")
        for i, group in enumerate(self.cameras.groups):
            if group.agency is not None and group.agency not in self.agencies:
                told = f"{group.agency!r} is no agency here"
                raise Misplaced(told, "cameras", "groups", i, "agency")
        return self

    def _names_operators(self) -> None:
        operator = self.organisation.operator
        if operator is not None and operator not in self.agencies:
            raise Misplaced(f"{operator!r} is no agency here", "organisation", "operator")
        for name, pool in self.pools.items():
            if pool.agency is not None and pool.agency not in self.agencies:
                raise Misplaced(f"{pool.agency!r} is no agency here", "pools", name, "agency")

    @model_validator(mode="after")
    def _names_each_once(self) -> EstateFile:
        check_names("orders", (order.name for order in self.orders))
        check_names("catalogue", (item.name for item in self.catalogue))
        for i, waiver in enumerate(self.waivers):
            if waiver.id in {other.id for other in self.waivers[:i]}:
                raise Misplaced(f"{waiver.id!r} is there twice", "waivers", i, "id")
        for i, gate in enumerate(self.budget.gates):
            if gate.name in {other.name for other in self.budget.gates[:i]}:
                raise Misplaced(f"{gate.name!r} is there twice", "budget", "gates", i, "name")
        return self
