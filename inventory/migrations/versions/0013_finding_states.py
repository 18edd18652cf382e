"""What each report said of its findings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "finding_report",
        sa.Column("reported_on", sa.Date(), nullable=False),
        sa.Column("rules", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("reported_on"),
    )
    op.create_table(
        "finding_state",
        sa.Column("finding_id", sa.String(), nullable=False),
        sa.Column("since_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("points_waived", sa.Integer(), nullable=False),
        sa.Column("waiver", sa.String(), nullable=False),
        sa.Column("classification", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("guest", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("finding_id", "since_on"),
    )
    with op.batch_alter_table("finding_state") as batch_op:
        batch_op.create_index("ix_finding_state_last", ["last_on", "since_on"], unique=False)
