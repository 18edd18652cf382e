"""The owners' file (estate.yaml): what no hypervisor knows.

Agencies, services, who owns which guest, how data is classified, what storage is declared to be,
planned projects and hardware on its way.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Classification = Literal["publik", "terbatas", "infra", "pribadi-umum", "pribadi-spesifik"]
Dimension = Literal["governance", "branding", "economy", "living", "society", "environment", "none"]

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
    role: str = ""
    contact: str = ""


class Organisation(_Table):
    name: str = ""
    dpo: Contact = Contact()


class Agency(_Table):
    """An agency (OPD): the accountable owner of guests."""

    name: str
    contact: str = Field("", description="a role's mailbox, not a person's")


class Retention(_Table):
    days: int | None = Field(None, gt=0)
    basis: str = ""


class Service(_Table):
    """A service that guests make up."""

    owner: str = Field(description="an agency's code")
    dimension: Dimension | None = None
    classification: Classification | None = None
    criticality: int | None = Field(None, ge=1, le=4)
    rpo_hours: int | None = Field(None, gt=0)
    rto_hours: int | None = Field(None, gt=0)
    retention: Retention = Retention()
    ropa_id: str | None = None
    dpia_ref: str | None = None
    system_category: str | None = None
    reviewed_at: date | None = None
    approved_by: str | None = None


class Match(_Table):
    """Which guests an entry speaks of; all that is given must fit."""

    source: str | None = None
    cluster: str | None = None
    uuid: str | None = None
    vmid: int | None = None
    guest_id: str | None = None
    name_glob: str | None = None
    pool: str | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Match:
        if not any((self.uuid, self.vmid, self.guest_id, self.name_glob, self.pool)):
            raise ValueError("needs one of uuid, vmid, guest_id, name_glob, pool")
        return self


class GuestEntry(_Table):
    """What is declared of the guests that match."""

    match: Match
    service: str | None = None
    agency: str | None = None
    classification: Classification | None = None
    criticality: int | None = Field(None, ge=1, le=4)
    confirmed_on: date | None = None
    confirmed_by: str | None = None


class StorageEntry(_Table):
    """What is declared of a datastore, by its name or id."""

    site: str | None = None
    country: str | None = Field(None, pattern=r"^[A-Z]{2}$")
    encrypted: bool | Literal["unknown"] = "unknown"
    failure_domain: str | None = None
    max_class: Classification | None = None
    evidence_on: date | None = None


class Project(_Table):
    """Demand that is planned; only a committed one counts in the runway."""

    name: str
    pool: str
    status: Literal["committed", "tentative"] = "tentative"
    when: date  # not "on", which YAML reads as true
    memory_gib: float = 0.0
    cpu_cores: float = Field(0.0, description="busy physical cores, for the demand model")
    vcpus: float = Field(0.0, description="configured vCPUs, for the allocation model")
    storage_gib: float = 0.0
    owner: str = ""


class Hardware(_Table):
    """A host or capacity that arrives or leaves on a date."""

    pool: str
    when: date
    change: Literal["arrives", "leaves"] = "arrives"
    host: str | None = Field(None, description="the leaving host, or a name for the new ones")
    count: int = Field(1, ge=1)
    cpu_cores: float = 0.0
    memory_gib: float = 0.0
    storage_gib: float = 0.0


class Wave(_Table):
    """Guests that move together."""

    name: str
    when: date | None = None  # not "on", which YAML reads as true
    match: tuple[Match, ...] = Field(description="any that fits; the first wave that fits counts")


class Twin(_Table):
    """A guest's two sides, where no common UUID tells."""

    leaving: Match
    arriving: Match


class Migration(_Table):
    """The move of guests from some clusters to another."""

    leaving: tuple[str, ...] = Field((), description="clusters; default: those of VMware")
    arriving: str | None = Field(None, description="the target cluster")
    until: date | None = Field(None, description="by when the last guest is to have moved")
    waves: tuple[Wave, ...] = ()
    wave_size: int = Field(10, ge=1, description="guests per wave where none is declared")
    twins: tuple[Twin, ...] = ()
    stays: tuple[Match, ...] = Field(
        (Match(name_glob="vCLS*"),), description="guests that do not move"
    )


class EstateFile(_Table):
    """The whole file."""

    version: Literal[1] = 1
    organisation: Organisation = Organisation()
    agencies: dict[str, Agency] = Field(default_factory=dict)
    services: dict[str, Service] = Field(default_factory=dict)
    guests: tuple[GuestEntry, ...] = ()
    storages: dict[str, StorageEntry] = Field(default_factory=dict)
    projects: tuple[Project, ...] = ()
    hardware: tuple[Hardware, ...] = ()
    migration: Migration = Migration()

    @model_validator(mode="after")
    def _names_what_exists(self) -> EstateFile:
        for name, service in self.services.items():
            if self.agencies and service.owner not in self.agencies:
                raise ValueError(f"services.{name}: owner {service.owner!r} is no agency here")
        for entry in self.guests:
            if entry.service is not None and entry.service not in self.services:
                raise ValueError(f"guests: {entry.service!r} is no service here")
            if entry.agency is not None and entry.agency not in self.agencies:
                raise ValueError(f"guests: {entry.agency!r} is no agency here")
        return self
