"""inventory, changes."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, datetime, time, timedelta

from inventory.changes import changes_between
from inventory.facts import facts_at
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
    Guest,
    GuestSnapshot,
    Host,
    Nic,
    Record,
)
from lumbung.choices import Format, Thing
from lumbung.dates import day_option
from lumbung.plan import When
from lumbung.printing import show
from lumbung.session import Session
from lumbung.settings import SettingsError
from planner.change_rows import change_row
from planner.rows import ChangeRow

RECORDS: dict[Thing, type[Record]] = {
    Thing.hosts: Host,
    Thing.guests: Guest,
    Thing.disks: Disk,
    Thing.nics: Nic,
    Thing.datastores: Datastore,
    Thing.snapshots: GuestSnapshot,
    Thing.backups: Backup,
    Thing.jobs: BackupJob,
    Thing.clusters: ClusterState,
    Thing.replications: Replication,
    Thing.ha: HaResource,
    Thing.ha_rules: HaRule,
    Thing.firewalls: Firewall,
    Thing.firewall_rules: FirewallRule,
    Thing.principals: Principal,
    Thing.roles: Role,
    Thing.grants: Grant,
    Thing.realms: Realm,
    Thing.certificates: Certificate,
    Thing.packages: Package,
    Thing.services: Service,
    Thing.host_networks: HostNetwork,
    Thing.physical_disks: PhysicalDisk,
    Thing.storage_health: StorageHealth,
    Thing.failed_tasks: FailedTask,
    Thing.filesystems: GuestFilesystem,
    Thing.volumes: Volume,
    Thing.recorders: Recorder,
}
_PROVENANCE = ("source", "valid_from", "confirmed_at")
_ON_SCREEN: dict[Thing, tuple[str, ...]] = {
    Thing.hosts: (
        "name", "cluster", "status", "cpu_cores", "cpu_threads", "memory_bytes", "version",
        "confirmed_at",
    ),
    Thing.guests: (
        "guest_id", "name", "cluster", "host_id", "kind", "power", "vcpus", "memory_bytes",
        "template", "tags", "confirmed_at",
    ),
    Thing.disks: (
        "disk_id", "datastore_id", "capacity_bytes", "allocated_bytes", "backup", "cache",
        "confirmed_at",
    ),
    Thing.nics: ("nic_id", "network", "vlan", "mac", "model", "firewall", "confirmed_at"),
    Thing.datastores: (
        "datastore_id", "cluster", "kind", "shared", "capacity_bytes", "used_bytes", "aliases",
        "confirmed_at",
    ),
    Thing.snapshots: ("guest_id", "name", "created_at", "bytes", "memory_state", "confirmed_at"),
    Thing.backups: (
        "guest_id", "created_at", "datastore_id", "bytes", "protected", "name", "confirmed_at",
    ),
}  # fmt: skip


def columns_of(kind: Thing) -> list[str]:
    """The fields of one kind of thing, and where and when each fact comes from."""
    names = list(RECORDS[kind].model_fields)
    return [*names[:2], "source", *names[2:], *_PROVENANCE[1:]]


def list_things(session: Session, kind: Thing, at: str | None, form: Format) -> None:
    """What is known of one kind of thing, now or at the end of a past day."""
    settings = session.settings()
    when = When.of(settings, day_option(at, "--at"), session.now(), option="--at")
    with session.store(settings) as store, store.reading() as connection:
        facts = facts_at(connection, when.at).of(RECORDS[kind])
    columns = columns_of(kind)
    rows = [
        [getattr(fact if name in _PROVENANCE else fact.record, name) for name in columns]
        for fact in facts
    ]
    show(
        columns,
        rows,
        form,
        on_screen=_ON_SCREEN.get(kind) or _shown_of(columns),
        empty=f"no {kind.value} are known",
    )


def _shown_of(columns: list[str]) -> list[str]:
    """All but what only a file has room for."""
    return [name for name in columns if name not in ("source", "valid_from")]


def list_changes(session: Session, start: str | None, end: str | None, form: Format) -> None:
    """What was added, removed, resized, moved, renamed or reclassified."""
    settings = session.settings()
    last, first = day_option(end, "--to"), day_option(start, "--from")
    when = When.of(settings, last, session.now(), option="--to")
    if first is not None and first > when.as_of:
        raise SettingsError(f"--from: {first} is after {f'--to {last}' if last else 'today'}")
    until = when.at
    after = _midnight(first, settings.zone) if first else until - timedelta(days=7)
    with session.store(settings) as store, store.reading() as connection:
        changes = changes_between(connection, after, until)
    columns = [field.name for field in fields(ChangeRow)]
    on_screen = [name for name in columns if name != "guest_uuid"]
    rows = ([getattr(change_row(change), name) for name in columns] for change in changes)
    show(columns, rows, form, on_screen=on_screen, empty="nothing changed")


def _midnight(day: date, zone: object) -> datetime:
    return datetime.combine(day, time(), zone)  # type: ignore[arg-type]  # a ZoneInfo
