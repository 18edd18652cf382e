"""What guests use by day, and what was proposed to be given back.

The days of guests whose samples are still there are marked, so that they are made anew.
"""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_DAYS_BACK = 30  # what advice looks at; samples that old are never thinned out
_DAY_SECONDS = 86_400


def upgrade() -> None:
    op.create_table(
        "guest_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=False),
        sa.Column("cpu", sa.LargeBinary(), nullable=True),
        sa.Column("memory", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("day", "entity_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "proposal",
        sa.Column("proposal_id", sa.String(), nullable=False),
        sa.Column("claim", sa.String(), nullable=False),
        sa.Column("reclaim_class", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("guest_id", sa.String(), nullable=True),
        sa.Column("agency", sa.String(), nullable=True),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("storage_bytes", sa.Float(), nullable=True),
        sa.Column("vcpus", sa.Float(), nullable=True),
        sa.Column("memory_bytes", sa.Float(), nullable=True),
        sa.Column("held_vcpus", sa.Float(), nullable=True),
        sa.Column("held_memory_bytes", sa.Float(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("settled_on", sa.Date(), nullable=True),
        sa.Column("freed_storage_bytes", sa.Float(), nullable=True),
        sa.Column("freed_vcpus", sa.Float(), nullable=True),
        sa.Column("freed_memory_bytes", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("proposal_id"),
    )
    _mark_days()


def _mark_days() -> None:
    """Marks the last days of every guest, but not those that lost some of their samples."""
    connection = op.get_bind()
    usage = sa.table("usage", sa.column("entity_key"), sa.column("taken_at", sa.BigInteger()))
    entity = sa.table("entity", sa.column("key"), sa.column("kind"))
    dirty = sa.table("dirty_day", sa.column("entity_key"), sa.column("day", sa.Date()))
    first, last = sa.func.min(usage.c.taken_at), sa.func.max(usage.c.taken_at)
    spans = connection.execute(
        sa.select(usage.c.entity_key, first, last)
        .join(entity, entity.c.key == usage.c.entity_key)
        .where(entity.c.kind == "guest")
        .group_by(usage.c.entity_key)
    ).all()
    marked = set(connection.execute(sa.select(dirty.c.entity_key, dirty.c.day)).all())
    rows = [
        {"entity_key": key, "day": day}
        for key, begins, ends in spans
        for day in _whole_days(begins, ends)
        if (key, day) not in marked
    ]
    if rows:
        connection.execute(sa.insert(dirty), rows)


def _whole_days(begins: int, ends: int) -> list[date]:
    """The days between two samples that no time zone can cut, thirty at most."""
    epoch = date(1970, 1, 1)
    first = epoch + timedelta(days=int(begins) // _DAY_SECONDS + 2)
    last = epoch + timedelta(days=int(ends) // _DAY_SECONDS)
    count = min((last - first).days + 1, _DAYS_BACK)
    return [last - timedelta(days=back) for back in range(count)]
