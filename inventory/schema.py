"""The tables. A fact's row is its record plus keys; every fact's row is one version of it.

A version holds from ``valid_from`` until ``valid_to`` (open: still so). Nothing is overwritten, so
any past day can be rebuilt. ``inventory/migrations`` creates these tables; a test holds both to
be the same.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, Integer, String, Table, Text, and_
from sqlmodel import Field, SQLModel

from inventory.forecast_records import Forecast, ForecastBand
from inventory.platform_records import (
    Certificate,
    ClusterState,
    FailedTask,
    Firewall,
    FirewallRule,
    Grant,
    GuestFilesystem,
    HaResource,
    HaRule,
    HostNetwork,
    Package,
    PhysicalDisk,
    Principal,
    Realm,
    Recorder,
    Replication,
    Role,
    Service,
    StorageHealth,
    Volume,
)
from inventory.records import (
    Backup,
    BackupJob,
    Datastore,
    Disk,
    FindingState,
    Guest,
    GuestSnapshot,
    Highs,
    Host,
    Measures,
    Nic,
    Proposal,
    Record,
)
from inventory.types import Instant, Names

# SQLite counts rows only in a column of its own INTEGER type; PostgreSQL takes a big serial.
KEY_TYPE = BigInteger().with_variant(Integer, "sqlite")


def _key() -> Any:
    return Field(default=None, sa_type=KEY_TYPE, primary_key=True)


def _reference() -> Any:
    return Field(sa_type=BigInteger)


def _instant(**more: Any) -> Any:
    return Field(sa_type=Instant, **more)


class Version(SQLModel):
    """The keys that every version of a fact has."""

    key: int | None = _key()
    source_key: int = _reference()
    entity_key: int | None = Field(default=None, sa_type=BigInteger)
    subject_id: str
    valid_from: datetime = _instant()
    valid_to: datetime | None = _instant(default=None)
    measured_at: datetime = _instant()  # when the measured fields were last renewed


def _versions(table: str) -> tuple[Index, ...]:
    return (
        Index(f"ix_{table}_open", "source_key", "valid_to"),
        Index(f"ix_{table}_span", "valid_from", "valid_to"),
    )


def table_of(row: type[SQLModel]) -> Table:
    """The table of a row class, for SQL without the ORM."""
    table: Table = row.__table__  # type: ignore[attr-defined]  # every class with table=True has one
    return table


_UNFROZEN: Any = {"frozen": False}
_NOT_COUNTED: Any = {"autoincrement": False}


class HostRow(Host, Version, table=True):
    __tablename__ = "host"
    __table_args__ = _versions("host")
    model_config = _UNFROZEN


class GuestRow(Guest, Version, table=True):
    __tablename__ = "guest"
    __table_args__ = _versions("guest")
    model_config = _UNFROZEN


class DiskRow(Disk, Version, table=True):
    __tablename__ = "disk"
    __table_args__ = _versions("disk")
    model_config = _UNFROZEN


class NicRow(Nic, Version, table=True):
    __tablename__ = "nic"
    __table_args__ = _versions("nic")
    model_config = _UNFROZEN


class DatastoreRow(Datastore, Version, table=True):
    __tablename__ = "datastore"
    __table_args__ = _versions("datastore")
    model_config = _UNFROZEN


class GuestSnapshotRow(GuestSnapshot, Version, table=True):
    __tablename__ = "guest_snapshot"
    __table_args__ = _versions("guest_snapshot")
    model_config = _UNFROZEN


class BackupRow(Backup, Version, table=True):
    __tablename__ = "backup"
    __table_args__ = _versions("backup")
    model_config = _UNFROZEN


class BackupJobRow(BackupJob, Version, table=True):
    __tablename__ = "backup_job"
    __table_args__ = _versions("backup_job")
    model_config = _UNFROZEN


class ClusterStateRow(ClusterState, Version, table=True):
    __tablename__ = "cluster_state"
    __table_args__ = _versions("cluster_state")
    model_config = _UNFROZEN


class ReplicationRow(Replication, Version, table=True):
    __tablename__ = "replication"
    __table_args__ = _versions("replication")
    model_config = _UNFROZEN


class HaResourceRow(HaResource, Version, table=True):
    __tablename__ = "ha_resource"
    __table_args__ = _versions("ha_resource")
    model_config = _UNFROZEN


class HaRuleRow(HaRule, Version, table=True):
    __tablename__ = "ha_rule"
    __table_args__ = _versions("ha_rule")
    model_config = _UNFROZEN


class FirewallRow(Firewall, Version, table=True):
    __tablename__ = "firewall"
    __table_args__ = _versions("firewall")
    model_config = _UNFROZEN


class FirewallRuleRow(FirewallRule, Version, table=True):
    __tablename__ = "firewall_rule"
    __table_args__ = _versions("firewall_rule")
    model_config = _UNFROZEN


class PrincipalRow(Principal, Version, table=True):
    __tablename__ = "principal"
    __table_args__ = _versions("principal")
    model_config = _UNFROZEN


class RoleRow(Role, Version, table=True):
    __tablename__ = "role"
    __table_args__ = _versions("role")
    model_config = _UNFROZEN


class GrantRow(Grant, Version, table=True):
    __tablename__ = "grant"
    __table_args__ = _versions("grant")
    model_config = _UNFROZEN


class RealmRow(Realm, Version, table=True):
    __tablename__ = "realm"
    __table_args__ = _versions("realm")
    model_config = _UNFROZEN


class CertificateRow(Certificate, Version, table=True):
    __tablename__ = "certificate"
    __table_args__ = _versions("certificate")
    model_config = _UNFROZEN


class PackageRow(Package, Version, table=True):
    __tablename__ = "package"
    __table_args__ = _versions("package")
    model_config = _UNFROZEN


class ServiceRow(Service, Version, table=True):
    __tablename__ = "service"
    __table_args__ = _versions("service")
    model_config = _UNFROZEN


class HostNetworkRow(HostNetwork, Version, table=True):
    __tablename__ = "host_network"
    __table_args__ = _versions("host_network")
    model_config = _UNFROZEN


class PhysicalDiskRow(PhysicalDisk, Version, table=True):
    __tablename__ = "physical_disk"
    __table_args__ = _versions("physical_disk")
    model_config = _UNFROZEN


class StorageHealthRow(StorageHealth, Version, table=True):
    __tablename__ = "storage_health"
    __table_args__ = _versions("storage_health")
    model_config = _UNFROZEN


class FailedTaskRow(FailedTask, Version, table=True):
    __tablename__ = "failed_task"
    __table_args__ = _versions("failed_task")
    model_config = _UNFROZEN


class GuestFilesystemRow(GuestFilesystem, Version, table=True):
    __tablename__ = "filesystem"
    __table_args__ = _versions("filesystem")
    model_config = _UNFROZEN


class VolumeRow(Volume, Version, table=True):
    __tablename__ = "volume"
    __table_args__ = _versions("volume")
    model_config = _UNFROZEN


class RecorderRow(Recorder, Version, table=True):
    __tablename__ = "recorder"
    __table_args__ = _versions("recorder")
    model_config = _UNFROZEN


VERSION_ROWS: dict[type[Record], type[SQLModel]] = {
    Host: HostRow,
    Guest: GuestRow,
    Disk: DiskRow,
    Nic: NicRow,
    Datastore: DatastoreRow,
    GuestSnapshot: GuestSnapshotRow,
    Backup: BackupRow,
    BackupJob: BackupJobRow,
    ClusterState: ClusterStateRow,
    Replication: ReplicationRow,
    HaResource: HaResourceRow,
    HaRule: HaRuleRow,
    Firewall: FirewallRow,
    FirewallRule: FirewallRuleRow,
    Principal: PrincipalRow,
    Role: RoleRow,
    Grant: GrantRow,
    Realm: RealmRow,
    Certificate: CertificateRow,
    Package: PackageRow,
    Service: ServiceRow,
    HostNetwork: HostNetworkRow,
    PhysicalDisk: PhysicalDiskRow,
    StorageHealth: StorageHealthRow,
    FailedTask: FailedTaskRow,
    GuestFilesystem: GuestFilesystemRow,
    Volume: VolumeRow,
    Recorder: RecorderRow,
}
FACT_KINDS: tuple[type[Record], ...] = tuple(VERSION_ROWS)


class MetaRow(SQLModel, table=True):
    """Facts about the store itself."""

    __tablename__ = "meta"

    name: str = Field(primary_key=True)
    value: str


class SourceRow(SQLModel, table=True):
    """One configured source, by its name."""

    __tablename__ = "source"

    key: int | None = _key()
    name: str = Field(unique=True)
    kind: str
    cluster: str | None = None  # the name it last reported, for a poll that may not ask
    cluster_configured: bool = False
    added_at: datetime = _instant()


class PollRow(SQLModel, table=True):
    """One attempt to read a source, whatever became of it."""

    __tablename__ = "poll"
    __table_args__ = (Index("ix_poll_source", "source_key", "taken_at"),)

    key: int | None = _key()
    source_key: int = _reference()
    purpose: str  # poll, backfill
    started_at: datetime = _instant()
    taken_at: datetime = _instant()
    finished_at: datetime = _instant()
    outcome: str  # stored, partial, superseded, failed, timed_out
    error: str = Field(default="", sa_type=Text)
    platform: str = ""
    guests_seen: int | None = None
    guests_reported: int | None = None
    token_expires_on: date | None = None
    excess_rights: tuple[str, ...] | None = Field(default=None, sa_type=Names)
    requests: int = 0
    bytes: int = Field(default=0, sa_type=BigInteger)
    seconds: float = 0.0


_OF_POLL = table_of(PollRow).c
# The polls that told facts; what was superseded told none.
BROUGHT_FACTS = and_(_OF_POLL.purpose == "poll", _OF_POLL.outcome.in_(("stored", "partial")))


class CoverageRow(SQLModel, table=True):
    """A run of polls that saw ``kind`` in ``scope`` the same way, from first to last."""

    __tablename__ = "coverage"
    __table_args__ = (Index("ix_coverage_source", "source_key", "last_at"),)

    key: int | None = _key()
    source_key: int = _reference()
    scope: str
    kind: str
    state: str
    reason: str = Field(default="", sa_type=Text)
    remedy: str = Field(default="", sa_type=Text)
    first_at: datetime = _instant()
    last_at: datetime = _instant()
    asked_at: datetime | None = _instant(default=None)  # None: at last_at


class EntityRow(SQLModel, table=True):
    """Something whose usage is kept and which keeps its identity through renames and moves."""

    __tablename__ = "entity"
    __table_args__ = (Index("ix_entity_native", "cluster", "kind", "native_id"),)

    key: int | None = _key()
    kind: str
    cluster: str
    native_id: str
    first_at: datetime = _instant()


class AliasRow(SQLModel, table=True):
    """A name that points to an entity: its UUID, or its id on the platform."""

    __tablename__ = "alias"
    __table_args__ = (Index("ix_alias_current", "cluster", "until_at"),)

    key: int | None = _key()
    entity_key: int = _reference()
    cluster: str
    space: str  # uuid; vm, container, or native while the kind is not known
    value: str
    since_at: datetime = _instant()
    until_at: datetime | None = _instant(default=None)


class UsageRow(Measures, table=True):
    """One usage sample."""

    __tablename__ = "usage"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}
    model_config = _UNFROZEN

    entity_key: int = Field(sa_type=BigInteger, primary_key=True)
    taken_at: datetime = _instant(primary_key=True)
    period_seconds: int = Field(primary_key=True)


class PeakRow(Highs, table=True):
    """The highest values of one period, as the platform's own history tells them."""

    __tablename__ = "peak"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}
    model_config = _UNFROZEN

    entity_key: int = Field(sa_type=BigInteger, primary_key=True)
    taken_at: datetime = _instant(primary_key=True)
    period_seconds: int = Field(primary_key=True)


class CounterRow(SQLModel, table=True):
    """The last value of a counter, from which the next poll derives a rate."""

    __tablename__ = "counter"

    series: str = Field(primary_key=True)
    metric: str = Field(primary_key=True)
    source_key: int = _reference()
    value: float
    at: float  # seconds since 1970


class DirtyDayRow(SQLModel, table=True):
    """A local day of an entity whose samples changed since its statistics were made."""

    __tablename__ = "dirty_day"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    entity_key: int = Field(sa_type=BigInteger, primary_key=True)
    day: date = Field(primary_key=True)


class DayStatistics(SQLModel):
    """One closed local day, or the ``span_days`` around it that a coarse sample covers.

    ``high`` is the day's highest two-hour mean (CPU) or its maximum (memory, storage); None where
    samples of two hours or finer cover too little of it. ``seconds`` is what samples cover.
    """

    day: date = Field(primary_key=True)
    span_days: int = 1
    cpu_mean_cores: float | None = None
    cpu_high_cores: float | None = None
    cpu_seconds: int = 0
    memory_mean_bytes: float | None = None
    memory_high_bytes: float | None = None
    memory_seconds: int = 0
    storage_mean_bytes: float | None = None
    storage_high_bytes: float | None = None
    storage_seconds: int = 0


class EntityDayRow(DayStatistics, table=True):
    """A day of one host, guest or datastore."""

    __tablename__ = "entity_day"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    entity_key: int = Field(sa_type=BigInteger, primary_key=True)
    disk_read_bytes_per_second: float | None = None
    disk_write_bytes_per_second: float | None = None
    net_in_bytes_per_second: float | None = None
    net_out_bytes_per_second: float | None = None


class ClusterDayRow(DayStatistics, table=True):
    """A day of a cluster's hosts taken together: summed slot by slot, then reduced."""

    __tablename__ = "cluster_day"

    cluster: str = Field(primary_key=True)
    members: int = 0
    cpu_from_guests: bool = False


class KeptAnswerRow(SQLModel, table=True):
    """A platform's answer that the next polls of a source may use again."""

    __tablename__ = "kept_answer"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    source_key: int = Field(sa_type=BigInteger, primary_key=True)
    request: str = Field(primary_key=True, sa_type=String)
    answer: str = Field(sa_type=Text)  # JSON, without secrets
    asked_at: datetime = _instant()
    mark: str


class HistoryStepRow(SQLModel, table=True):
    """A step of a source's backfill that is done."""

    __tablename__ = "history_step"

    source_key: int = Field(sa_type=BigInteger, primary_key=True)
    step: str = Field(primary_key=True, sa_type=String)
    done_at: datetime = _instant()
    samples: int = 0


class FindingRow(SQLModel, table=True):
    """When a finding was first and last seen."""

    __tablename__ = "finding"

    finding_id: str = Field(primary_key=True)
    first_seen_on: date
    last_seen_on: date


class FindingReportRow(SQLModel, table=True):
    """A day whose report was remembered, and the rules that it asked."""

    __tablename__ = "finding_report"

    reported_on: date = Field(primary_key=True)
    rules: tuple[str, ...] = Field(sa_type=Names)


class FindingStateRow(FindingState, table=True):
    """What reports said of a finding from one day to another."""

    __tablename__ = "finding_state"
    __table_args__: ClassVar[Any] = (Index("ix_finding_state_last", "last_on", "since_on"),)
    model_config = _UNFROZEN

    finding_id: str = Field(primary_key=True)
    since_on: date = Field(primary_key=True)


class GuestDayRow(SQLModel, table=True):
    """What a guest used on a closed day, as sketches; None is not known. The days of all guests
    lie together, for reports read the last ones."""

    __tablename__ = "guest_day"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    day: date = Field(primary_key=True)
    entity_key: int = Field(sa_type=BigInteger, primary_key=True)
    cpu: bytes | None = None
    memory: bytes | None = None


class ProposalRow(Proposal, table=True):
    """Something that was proposed to be given back, and what became of it."""

    __tablename__ = "proposal"
    model_config = _UNFROZEN

    proposal_id: str = Field(primary_key=True)


class ForecastRow(Forecast, table=True):
    """What a report published of one pool, resource and model."""

    __tablename__ = "forecast"
    model_config = _UNFROZEN

    pool_kind: str = Field(primary_key=True)
    pool: str = Field(primary_key=True)
    resource: str = Field(primary_key=True)
    model: str = Field(primary_key=True)
    as_of: date = Field(primary_key=True)


class ForecastBandRow(ForecastBand, table=True):
    """The quantiles of a published forecast so many days ahead."""

    __tablename__ = "forecast_band"
    model_config = _UNFROZEN

    pool_kind: str = Field(primary_key=True)
    pool: str = Field(primary_key=True)
    resource: str = Field(primary_key=True)
    model: str = Field(primary_key=True)
    as_of: date = Field(primary_key=True)
    ahead_days: int = Field(primary_key=True)


class AuditLineRow(SQLModel, table=True):
    """A line of the audit log; ``inventory.audit`` says how they hang together."""

    __tablename__ = "audit_line"

    number: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs=_NOT_COUNTED)
    at: datetime = _instant()
    who: str
    command: str
    sources: tuple[str, ...] = Field(sa_type=Names)
    counts: str = Field(sa_type=Text)  # JSON
    previous: str
    seal: str
