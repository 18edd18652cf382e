"""Camera recorders, as a directory of CSV tells of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "recorder",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("recorder_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=True),
        sa.Column("capacity_bytes", sa.BigInteger(), nullable=True),
        sa.Column("cameras", sa.Integer(), nullable=True),
        sa.Column("cameras_recording", sa.Integer(), nullable=True),
        sa.Column("oldest_recording_at", sa.BigInteger(), nullable=True),
        sa.Column("disks_failed", sa.Integer(), nullable=True),
        sa.Column("checked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("recorder") as batch_op:
        batch_op.create_index("ix_recorder_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_recorder_span", ["valid_from", "valid_to"], unique=False)
