"""The highest values of periods that are too coarse for their samples to show them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "peak",
        sa.Column("entity_key", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("period_seconds", sa.Integer(), nullable=False),
        sa.Column("memory_used_bytes", sa.Float(), nullable=True),
        sa.Column("storage_used_bytes", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("entity_key", "taken_at", "period_seconds"),
        sqlite_with_rowid=False,
    )
