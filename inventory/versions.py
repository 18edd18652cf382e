"""What held over a time: what was allocated, how guests were."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inventory.facts import Fact, record_of
from inventory.records import POWERED_ON, Disk, Guest
from inventory.schema import VERSION_ROWS, SourceRow, table_of

_SOURCE = table_of(SourceRow)


@dataclass(frozen=True, slots=True)
class AllocationVersion:
    """An amount that was allocated over a time: a guest's vCPUs or memory, a disk's capacity."""

    pool: tuple[str, str]  # (cluster, "cpu" or "memory"), or (cluster, datastore id)
    amount: float
    valid_from: datetime
    valid_to: datetime | None


def allocation_versions(connection: Connection) -> tuple[AllocationVersion, ...]:
    """What was allocated, when: of powered-on guests that are no templates, and of all disks."""
    guest = table_of(VERSION_ROWS[Guest])
    on = guest.c.power.in_(sorted(POWERED_ON)) & sa.or_(
        guest.c.template.is_(None), sa.not_(guest.c.template)
    )
    found: list[AllocationVersion] = []
    for name, column in (("cpu", guest.c.vcpus), ("memory", guest.c.memory_bytes)):
        rows = connection.execute(
            sa.select(guest.c.cluster, column, guest.c.valid_from, guest.c.valid_to).where(
                on, column.is_not(None)
            )
        )
        found += [AllocationVersion((row[0], name), row[1], row[2], row[3]) for row in rows]
    disk = table_of(VERSION_ROWS[Disk])
    disks = connection.execute(
        sa.select(
            disk.c.cluster,
            disk.c.datastore_id,
            disk.c.capacity_bytes,
            disk.c.valid_from,
            disk.c.valid_to,
        ).where(disk.c.capacity_bytes.is_not(None), disk.c.datastore_id.is_not(None))
    )
    found += [AllocationVersion((row[0], row[1]), row[2], row[3], row[4]) for row in disks]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class GuestVersion:
    """A guest as it was over a time; ``until`` None means that it still is."""

    fact: Fact[Guest]
    until: datetime | None


def guest_versions(connection: Connection, at: datetime) -> tuple[GuestVersion, ...]:
    """Every version of every guest that began by ``at``, also of those that are gone."""
    table = table_of(VERSION_ROWS[Guest])
    sources = dict(connection.execute(sa.select(_SOURCE.c.key, _SOURCE.c.name)).all())
    names = set(Guest.model_fields)
    rows = connection.execute(
        sa.select(table).where(table.c.valid_from <= at).order_by(table.c.valid_from, table.c.key)
    )
    return tuple(
        GuestVersion(
            Fact(
                record=record_of(row, names, Guest, at),
                source=sources[row["source_key"]],
                entity_key=row["entity_key"],
                valid_from=row["valid_from"],
                confirmed_at=row["valid_from"],
            ),
            None if row["valid_to"] is None or row["valid_to"] > at else row["valid_to"],
        )
        for row in rows.mappings()
    )


def power_since(connection: Connection, at: datetime) -> dict[int, datetime]:
    """Per guest entity, since when it has been in the power state that it is in at ``at``."""
    guest = table_of(VERSION_ROWS[Guest])
    rows = connection.execute(
        sa.select(guest.c.entity_key, guest.c.power, guest.c.valid_from)
        .where(guest.c.valid_from <= at)
        .order_by(guest.c.entity_key, guest.c.valid_from)
    )
    since: dict[int, datetime] = {}
    state: dict[int, str | None] = {}
    for key, power, valid_from in rows:
        if key not in since or state[key] != power:
            since[key], state[key] = valid_from, power
    return since
