"""What is recorded: frozen facts with their units in their names.

``None`` means "not known", and only that. A text that is known to be empty is ``""``, a list that
is known to be empty is ``()``. Bytes are binary counts, instants are aware, identifiers are those
the platform uses (a Proxmox vmid, a libvirt UUID).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import field_validator
from sqlalchemy import BigInteger, String
from sqlmodel import Field, SQLModel

from inventory.types import Instant, Names

HostStatus = Literal["in_service", "maintenance", "offline", "retired"]
GuestKind = Literal["vm", "container"]
Power = Literal["running", "stopped", "paused"]
EntityKind = Literal["host", "guest", "datastore"]
CoverageState = Literal["complete", "partial", "hidden", "failed"]

K = TypeVar("K", bound="Record")

POWERED_ON: frozenset[str] = frozenset({"running", "paused"})


def size_bytes() -> Any:
    """A field that counts bytes; None is not known."""
    return Field(default=None, ge=0, sa_type=BigInteger)


def amount() -> Any:
    """A field that is a number of at least 0."""
    return Field(default=None, ge=0)


def word(**more: Any) -> Any:
    """A field that is one of a few words."""
    return Field(default=None, sa_type=String, **more)


def names() -> Any:
    """A field that is several short names; () is none."""
    return Field(default=None, sa_type=Names)


class Record(SQLModel):
    """A frozen fact. ``subject`` names it within its source; ``scope`` is what must have been
    read completely before its absence means that it is gone."""

    model_config: ClassVar[Any] = {"frozen": True, "extra": "forbid"}

    kind_name: ClassVar[str]
    # Fields that are measured rather than configured: they change with every poll, so they are
    # renewed in the open version instead of starting a new one.
    measured: ClassVar[frozenset[str]] = frozenset()

    @property
    def subject(self) -> str:
        raise NotImplementedError

    @property
    def scope(self) -> str:
        """The narrowest scope of a Coverage that speaks about this fact."""
        return f"{self.kind_name}/{self.subject}"

    @field_validator(
        "taken_at", "created_at", "checked_at", "oldest_recording_at", check_fields=False
    )
    @classmethod
    def _whole_seconds(cls, value: datetime | None) -> datetime | None:
        """What the store keeps of an instant, so that a fact read back equals itself."""
        return value.replace(microsecond=0) if value is not None else None


class Host(Record):
    """One hypervisor."""

    kind_name: ClassVar[str] = "host"
    measured: ClassVar[frozenset[str]] = frozenset(
        {
            "root_used_bytes", "booted_at", "ksm_shared_bytes", "cpu_pressure_ratio",
            "memory_pressure_ratio", "io_pressure_ratio",
        }
    )  # fmt: skip

    host_id: str
    name: str
    cluster: str
    status: HostStatus | None = word()
    cpu_cores: float | None = amount()  # physical cores of all sockets
    cpu_threads: int | None = amount()
    memory_bytes: int | None = size_bytes()
    reserved_cpu_cores: float | None = amount()
    reserved_memory_bytes: int | None = size_bytes()
    cpu_mhz: float | None = amount()
    cpu_model: str | None = None
    platform: str | None = None  # proxmox-ve, libvirt, …
    version: str | None = None  # of the hypervisor, as it says it
    cpu_sockets: int | None = amount()
    kernel: str | None = None  # the one that runs
    swap_bytes: int | None = size_bytes()
    root_bytes: int | None = size_bytes()  # of the root file system
    root_used_bytes: int | None = size_bytes()
    booted_at: datetime | None = Field(default=None, sa_type=Instant)
    boot_mode: str | None = None
    secure_boot: bool | None = None
    ksm_shared_bytes: int | None = size_bytes()  # memory that guests share
    cpu_pressure_ratio: float | None = amount()  # 0-1: the share of time that tasks waited
    memory_pressure_ratio: float | None = amount()
    io_pressure_ratio: float | None = amount()
    subscription: str | None = None
    repositories: tuple[str, ...] | None = names()  # package sources that are enabled
    confinement: str | None = None  # of guests' processes: apparmor, selinux, none
    transport: str | None = None  # how it is read: https, unix, ssh, tls, tcp
    transport_encrypted: bool | None = None

    @property
    def subject(self) -> str:
        return self.host_id


class Guest(Record):
    """One virtual machine or container, running or not, template or not."""

    kind_name: ClassVar[str] = "guest"
    measured: ClassVar[frozenset[str]] = frozenset({"lock"})

    guest_id: str
    name: str | None = None
    cluster: str
    host_id: str | None = None
    kind: GuestKind | None = word()
    power: Power | None = word()
    vcpus: float | None = amount()  # configured, not what the host can give at once
    memory_bytes: int | None = size_bytes()  # the maximum, not the balloon's minimum
    memory_min_bytes: int | None = size_bytes()
    template: bool | None = None
    tags: tuple[str, ...] | None = names()
    os: str | None = None
    uuid: str | None = None
    owner: str | None = None
    autostart: bool | None = None
    resource_pool: str | None = None
    ha_state: str | None = None
    lock: str | None = None
    unprivileged: bool | None = None  # containers only
    raw_arguments: bool | None = None  # raw hypervisor arguments are set
    passthrough: tuple[str, ...] | None = names()  # SLOT DEVICE (or mapping:NAME)
    os_source: str | None = None  # what said so: agent, configuration, metadata
    cpu_model: str | None = None  # and the flags that are set: host +aes -pcid
    cpu_limit_cores: float | None = amount()  # 0: none
    machine: str | None = None
    firmware: Literal["bios", "uefi"] | None = word()
    secure_boot: bool | None = None
    vtpm: bool | None = None
    memory_encryption: str | None = None  # sev, tdx; "" for none
    confinement: str | None = None  # of its process: the model, or none
    ballooning: bool | None = None
    swap_bytes: int | None = size_bytes()  # containers only
    agent: bool | None = None  # a guest agent is configured
    protection: bool | None = None  # against deletion
    hook_script: str | None = None
    features: tuple[str, ...] | None = names()  # containers: nesting, keyctl, mount=…
    raw_options: tuple[str, ...] | None = names()  # names of raw arguments; containers: raw lines
    host_paths: tuple[str, ...] | None = names()  # folders of the host that it sees
    consoles: tuple[str, ...] | None = names()  # KIND ADDRESS of what listens for it
    clipboard: bool | None = None  # shared with whoever views its console
    media: tuple[str, ...] | None = names()  # images in its drives
    pending: tuple[str, ...] | None = names()  # settings that wait for a restart
    hints: tuple[str, ...] | None = names()  # what its free text holds that should not be there
    persistent: bool | None = None  # defined, and there after a restart of the host
    shares_memory: bool | None = None  # equal pages of it may be merged with those of others
    pinned_cpus: tuple[str, ...] | None = names()  # CPUs of its host, by number: 0-3, 8

    @property
    def subject(self) -> str:
        return self.guest_id


class Disk(Record):
    """One virtual disk, volume or mount point of a guest; installation media are not disks."""

    kind_name: ClassVar[str] = "disk"
    measured: ClassVar[frozenset[str]] = frozenset({"allocated_bytes"})

    disk_id: str
    guest_id: str
    datastore_id: str | None = None
    cluster: str
    slot: str | None = None
    purpose: Literal["data", "firmware", "tpm", "unused"] | None = word()
    capacity_bytes: int | None = size_bytes()  # the size promised to the guest
    allocated_bytes: int | None = size_bytes()  # what it takes on the datastore
    backup: bool | None = None  # would a backup job include it
    encrypted: bool | None = None
    cache: str | None = None
    volume: str | None = None
    linked_clone_of: str | None = None
    format: str | None = None  # raw, qcow2, …
    backing: tuple[str, ...] | None = names()  # the images below it, the nearest first
    host_device: str | None = None  # a disk of the host handed through; "" for none
    shareable: bool | None = None  # more than one guest may write to it
    replicated: bool | None = None  # would a replication include it
    transport_encrypted: bool | None = None  # network disks: the line to them
    encryption: str | None = None  # QEMU's own: luks, qcow; "" for none
    file_mode: int | None = amount()  # permission bits of its image

    @property
    def subject(self) -> str:
        return self.disk_id

    @property
    def scope(self) -> str:
        return f"guest/{self.guest_id}"


class Nic(Record):
    """One network interface of a guest."""

    kind_name: ClassVar[str] = "nic"

    nic_id: str
    guest_id: str
    cluster: str
    network: str | None = None  # bridge or virtual network
    vlan: int | None = amount()  # 0: untagged
    trunks: str | None = None
    mac: str | None = None
    model: str | None = None
    firewall: bool | None = None
    link_down: bool | None = None
    address_filter: str | None = None  # the filter against forged addresses; "" for none
    isolated: bool | None = None  # from the other ports of its bridge
    attachment: str | None = None  # bridge, network, direct MODE (past the host), hostdev, …

    @property
    def subject(self) -> str:
        return self.nic_id

    @property
    def scope(self) -> str:
        return f"guest/{self.guest_id}"


class Datastore(Record):
    """One storage backend, counted once however many hosts and names it has."""

    kind_name: ClassVar[str] = "datastore"
    measured: ClassVar[frozenset[str]] = frozenset({"used_bytes"})

    datastore_id: str
    name: str
    cluster: str
    kind: str | None = None  # dir, nfs, lvmthin, zfspool, rbd, pbs, …
    shared: bool | None = None
    capacity_bytes: int | None = size_bytes()
    used_bytes: int | None = size_bytes()
    hosts: tuple[str, ...] | None = names()
    aliases: tuple[str, ...] | None = names()  # other ids of the same backend
    content: tuple[str, ...] | None = names()
    enabled: bool | None = None
    retention: str | None = None  # the prune settings; "" when there are none
    backend: str | None = None  # the place it writes to: SERVER:EXPORT, a path, a pool
    encrypted_backups: bool | None = None  # a key is set for the backups stored there
    folder_mode: int | None = amount()  # permission bits of the folder of its images

    @property
    def subject(self) -> str:
        return self.datastore_id


class GuestSnapshot(Record):
    """One snapshot of a guest's state."""

    kind_name: ClassVar[str] = "guest_snapshot"

    guest_id: str
    cluster: str
    name: str
    created_at: datetime | None = Field(default=None, sa_type=Instant)
    bytes: int | None = size_bytes()
    memory_state: bool | None = None
    parent: str | None = None

    @property
    def subject(self) -> str:
        return f"{self.guest_id}/{self.name}"

    @property
    def scope(self) -> str:
        return f"guest/{self.guest_id}"


class Backup(Record):
    """One stored backup of a guest; the guest itself may be gone."""

    kind_name: ClassVar[str] = "backup"

    guest_id: str
    cluster: str
    name: str
    created_at: datetime | None = Field(
        default=None, sa_type=Instant
    )  # None: age not to be trusted
    datastore_id: str | None = None
    bytes: int | None = size_bytes()
    encrypted: bool | None = None
    verified: bool | None = None
    protected: bool | None = None

    @property
    def subject(self) -> str:
        return self.name

    @property
    def scope(self) -> str:
        return f"datastore/{self.datastore_id}"


class BackupJob(Record):
    """One scheduled backup and what it selects."""

    kind_name: ClassVar[str] = "backup_job"

    job_id: str
    cluster: str
    enabled: bool | None = None
    schedule: str | None = None
    datastore_id: str | None = None
    selects_all: bool | None = None
    guest_ids: tuple[str, ...] | None = names()
    excluded_guest_ids: tuple[str, ...] | None = names()
    resource_pool: str | None = None
    host_id: str | None = None  # runs there only; "" means on every host
    retention: str | None = None  # "" when the job sets none and the datastore's counts

    @property
    def subject(self) -> str:
        return self.job_id


class Measures(Record):
    """Means over the ``period_seconds`` that end at ``taken_at``.

    ``cpu_used_cores`` of a host is its busy fraction times its physical cores; of a guest it is
    busy processor threads. ``memory_used_bytes`` excludes reclaimable cache.
    """

    taken_at: datetime = Field(sa_type=Instant)
    period_seconds: int = Field(default=300, gt=0)
    cpu_used_cores: float | None = amount()
    memory_used_bytes: float | None = amount()
    storage_used_bytes: float | None = amount()
    disk_read_bytes_per_second: float | None = amount()
    disk_write_bytes_per_second: float | None = amount()
    net_in_bytes_per_second: float | None = amount()
    net_out_bytes_per_second: float | None = amount()


class Usage(Measures):
    """What one host, guest or datastore used."""

    kind_name: ClassVar[str] = "usage"

    entity: EntityKind
    entity_id: str
    cluster: str

    @property
    def subject(self) -> str:
        return f"{self.entity}/{self.entity_id}"


class Highs(Record):
    """The highest values within the ``period_seconds`` that end at ``taken_at``.

    They are one entity's own: those of several must not be added up, for they need not coincide.
    """

    taken_at: datetime = Field(sa_type=Instant)
    period_seconds: int = Field(gt=0)
    memory_used_bytes: float | None = amount()
    storage_used_bytes: float | None = amount()


class Peak(Highs):
    """What one host, guest or datastore used at most, where its samples are too coarse to show."""

    kind_name: ClassVar[str] = "peak"

    entity: EntityKind
    entity_id: str
    cluster: str

    @property
    def subject(self) -> str:
        return f"{self.entity}/{self.entity_id}"


USAGE_METRICS: tuple[str, ...] = (
    "cpu_used_cores",
    "memory_used_bytes",
    "storage_used_bytes",
    "disk_read_bytes_per_second",
    "disk_write_bytes_per_second",
    "net_in_bytes_per_second",
    "net_out_bytes_per_second",
)


@dataclass(frozen=True, slots=True)
class Counter:
    """A figure that only grows while ``series`` lives; the store turns it into a rate.

    ``series`` carries the boot or domain id, so that a restart or a migration is a new series.
    ``metric`` is the Usage field that the rate times ``scale`` fills. ``at`` is seconds since 1970.
    """

    series: str
    entity: EntityKind
    entity_id: str
    cluster: str
    metric: str
    value: float
    at: float
    scale: float = 1.0
    born_at: float | None = None  # when it began at 0, where the platform tells
    limit: float | None = None  # a rate above this is a fault of the counter, not a load


class Proposal(SQLModel):
    """One thing that was proposed: how much could be given back, of what was held; None is not
    known.

    ``outcome`` is "" while it is open, then freed (something was given back) or kept (it is in use
    again, exempt, or no longer asked for).
    """

    model_config: ClassVar[Any] = {"frozen": True, "extra": "forbid"}

    proposal_id: str
    claim: str
    reclaim_class: str
    cluster: str
    guest_id: str | None
    agency: str | None
    first_on: date
    last_on: date
    storage_bytes: float | None = None
    vcpus: float | None = None
    memory_bytes: float | None = None
    held_vcpus: float | None = None
    held_memory_bytes: float | None = None
    outcome: str = ""
    settled_on: date | None = None
    freed_storage_bytes: float | None = None
    freed_vcpus: float | None = None
    freed_memory_bytes: float | None = None


class FindingState(SQLModel):
    """What reports said of a finding from one day to another.

    ``agency``, ``service`` and ``guest`` are "" where there is none; ``waiver`` is "" while nobody
    accepts it.
    """

    model_config: ClassVar[Any] = {"frozen": True, "extra": "forbid"}

    finding_id: str
    since_on: date
    last_on: date
    rule: str
    outcome: str  # risk or unknown
    severity: str
    points: int
    points_waived: int
    waiver: str
    classification: str | None
    source: str | None
    agency: str
    service: str
    guest: str
    subject: str

    @property
    def is_open(self) -> bool:
        return self.outcome == "risk" and not self.waiver


# The remedy of what is hidden from everyone who may only read.
BEYOND_REACH = "no right that only reads is enough"


@dataclass(frozen=True, slots=True)
class Coverage:
    """What one poll saw of ``kind`` in ``scope``: a gap when ``state`` is not "complete".

    ``scope`` is "" for the whole source or "entity/ID" for one of its parts, which then speaks
    for that part alone. ``reason`` says what stood in the way, ``remedy`` the command that would
    show it ("" when there is none). ``asked_at`` is when an answer that was used again had been
    given; None means now.
    """

    scope: str
    kind: str
    state: CoverageState
    reason: str = ""
    remedy: str = ""
    asked_at: datetime | None = None

    @property
    def is_gap(self) -> bool:
        return self.state != "complete"

    @property
    def is_beyond_reach(self) -> bool:
        """Hidden from everyone who may only read: told, but no news and nobody's fault."""
        return self.state == "hidden" and self.remedy == BEYOND_REACH

    def __str__(self) -> str:
        where = f" of {self.scope}" if self.scope else ""
        return f"{self.kind}{where}: {self.state}" + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A platform's answer, as JSON could hold it, and when it was given.

    ``mark`` is what the platform's bulk answers said of the subject then: another mark means
    that it has to be asked again.
    """

    answer: Any
    asked_at: datetime
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Right:
    """A right that shows something, and whether the credentials of a source have it.

    ``shows`` are kinds of facts or "kind.field", ``asked`` the requests that need it, ``note``
    what is otherwise in places, ``remedy`` the command that grants it. ``writes``: it lets who has
    it change something, too, so that doing without it may be wise.
    """

    name: str
    path: str
    held: bool
    shows: tuple[str, ...]
    asked: str = ""
    note: str = ""
    remedy: str = ""
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Effort:
    """What one poll cost the platform."""

    requests: int = 0
    bytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One source at one instant: facts, usage, counters, and what could not be seen."""

    source: str
    taken_at: datetime
    facts: tuple[Record, ...] = ()
    usage: tuple[Usage, ...] = ()
    counters: tuple[Counter, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    rights: tuple[Right, ...] = ()  # of the credentials, where the platform tells; not stored
    platform: str = ""
    guests_reported: int | None = None  # what the platform itself counts
    token_expires_on: date | None = None
    excess_rights: tuple[str, ...] | None = None  # what the credentials may do beyond reading
    site_timezone: str | None = None
    clock_offset_seconds: float | None = None  # the platform's clock less ours
    effort: Effort = field(default_factory=Effort)

    def of(self, kind: type[K]) -> tuple[K, ...]:
        return tuple(fact for fact in self.facts if isinstance(fact, kind))


def gaps(coverage: Iterable[Coverage]) -> tuple[Coverage, ...]:
    """The parts of a coverage that are not complete."""
    return tuple(part for part in coverage if part.is_gap)
