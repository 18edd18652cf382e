"""inventory, changes."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from inventory.changes import changes_between
from inventory.read import facts_at
from inventory.records import Backup, Datastore, Disk, Guest, GuestSnapshot, Host, Nic, Record
from lumbung.dates import day_option
from lumbung.plan import When
from lumbung.printing import Format, show
from lumbung.session import Session


class Kind(StrEnum):
    hosts = "hosts"
    guests = "guests"
    disks = "disks"
    nics = "nics"
    datastores = "datastores"
    snapshots = "snapshots"
    backups = "backups"


_RECORDS: dict[Kind, type[Record]] = {
    Kind.hosts: Host,
    Kind.guests: Guest,
    Kind.disks: Disk,
    Kind.nics: Nic,
    Kind.datastores: Datastore,
    Kind.snapshots: GuestSnapshot,
    Kind.backups: Backup,
}
_PROVENANCE = ("source", "valid_from", "confirmed_at")
_ON_SCREEN: dict[Kind, tuple[str, ...]] = {
    Kind.hosts: (
        "name", "cluster", "status", "cpu_cores", "cpu_threads", "memory_bytes", "version",
        "confirmed_at",
    ),
    Kind.guests: (
        "guest_id", "name", "cluster", "host_id", "kind", "power", "vcpus", "memory_bytes",
        "template", "tags", "confirmed_at",
    ),
    Kind.disks: (
        "disk_id", "datastore_id", "capacity_bytes", "allocated_bytes", "backup", "cache",
        "confirmed_at",
    ),
    Kind.nics: ("nic_id", "network", "vlan", "mac", "model", "firewall", "confirmed_at"),
    Kind.datastores: (
        "datastore_id", "cluster", "kind", "shared", "capacity_bytes", "used_bytes", "aliases",
        "confirmed_at",
    ),
    Kind.snapshots: ("guest_id", "name", "created_at", "bytes", "memory_state", "confirmed_at"),
    Kind.backups: (
        "guest_id", "created_at", "datastore_id", "bytes", "protected", "name", "confirmed_at",
    ),
}  # fmt: skip


def register(app: typer.Typer) -> None:
    app.command("inventory")(inventory_command)
    app.command("changes")(changes_command)


def inventory_command(
    context: typer.Context,
    kind: Annotated[Kind, typer.Argument(help="what to list")],
    at: Annotated[
        str | None, typer.Option(metavar="DATE", help="as it was at the end of that day")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="table, csv or json")] = Format.table,
) -> None:
    """What is known, now or at any past date; bytes and other base units."""
    session: Session = context.obj
    settings = session.settings()
    when = When.of(settings, day_option(at, "--at"), session.now())
    with session.store(settings) as store, store.reading() as connection:
        facts = facts_at(connection, when.at).of(_RECORDS[kind])
    names = list(_RECORDS[kind].model_fields)
    columns = [names[0], *(n for n in names[1:2]), "source", *names[2:], *_PROVENANCE[1:]]
    rows = [
        [getattr(fact if name in _PROVENANCE else fact.record, name) for name in columns]
        for fact in facts
    ]
    show(columns, rows, form, on_screen=_ON_SCREEN[kind], empty=f"no {kind.value} are known")


def changes_command(
    context: typer.Context,
    start: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="default: 7 days before")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="DATE", help="default: today")] = None,
    form: Annotated[Format, typer.Option("--format", help="table, csv or json")] = Format.table,
) -> None:
    """What was added, removed, resized, moved, renamed or reclassified."""
    session: Session = context.obj
    settings = session.settings()
    until = When.of(settings, day_option(end, "--to"), session.now()).at
    first = day_option(start, "--from")
    after = _midnight(first, settings.zone) if first else until - timedelta(days=7)
    with session.store(settings) as store, store.reading() as connection:
        changes = changes_between(connection, after, until)
    columns = ["at", "kind", "subject", "guest_uuid", "field", "old", "new"]
    on_screen = ["at", "kind", "subject", "field", "old", "new"]
    rows = ([getattr(change, name) for name in columns] for change in changes)
    show(columns, rows, form, on_screen=on_screen, empty="nothing changed")


def _midnight(day: date, zone: object) -> datetime:
    return datetime.combine(day, time(), zone)  # type: ignore[arg-type]  # a ZoneInfo
