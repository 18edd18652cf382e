"""What the store promises about itself, tested."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inventory.schema import VERSION_ROWS, UsageRow, table_of


def faults(connection: Connection) -> list[str]:
    """Every broken promise, one line each; none for a healthy store."""
    found: list[str] = []
    if connection.dialect.name == "sqlite":
        answers = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        found += [f"file: {answer}" for answer in answers if answer != "ok"]
    for row_class in VERSION_ROWS.values():
        found += _versions(connection, table_of(row_class))
    return found + _samples(connection)


def _versions(connection: Connection, table: sa.Table) -> list[str]:
    found = []
    backwards = sa.select(sa.func.count()).where(table.c.valid_to <= table.c.valid_from)
    if count := connection.scalar(backwards):
        found.append(f"{table.name}: {count} versions end before they begin")
    twice = (
        sa.select(table.c.source_key, table.c.cluster, table.c.subject_id)
        .where(table.c.valid_to.is_(None))
        .group_by(table.c.source_key, table.c.cluster, table.c.subject_id)
        .having(sa.func.count() > 1)
    )
    for source, cluster, subject in connection.execute(twice):
        found.append(f"{table.name}: two open versions of {cluster}/{subject} (source {source})")
    following = sa.func.lead(table.c.valid_from).over(
        partition_by=(table.c.source_key, table.c.cluster, table.c.subject_id),
        order_by=(table.c.valid_from, table.c.key),
    )
    ordered = sa.select(table.c.valid_to, following.label("following")).subquery()
    overlap = sa.select(sa.func.count()).where(
        ordered.c.following.is_not(None),
        sa.or_(ordered.c.valid_to.is_(None), ordered.c.valid_to > ordered.c.following),
    )
    if count := connection.scalar(overlap):
        found.append(f"{table.name}: {count} versions overlap the one that follows")
    return found


def _samples(connection: Connection) -> list[str]:
    usage = table_of(UsageRow)
    negative = sa.select(sa.func.count()).where(
        sa.or_(
            usage.c.cpu_used_cores < 0, usage.c.memory_used_bytes < 0, usage.c.period_seconds <= 0
        )
    )
    count = connection.scalar(negative)
    return [f"usage: {count} samples are negative"] if count else []
