"""The file systems in guests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "filesystem",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("guest_id", sa.String(), nullable=False),
        sa.Column("mount", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("capacity_bytes", sa.BigInteger(), nullable=True),
        sa.Column("used_bytes", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("filesystem") as batch_op:
        batch_op.create_index("ix_filesystem_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_filesystem_span", ["valid_from", "valid_to"], unique=False)
