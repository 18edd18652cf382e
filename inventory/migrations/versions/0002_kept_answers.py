"""Answers that the next polls may use again, and when an answer that was used again was given."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_answer",
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("source_key", "request"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("coverage") as table:
        table.add_column(sa.Column("asked_at", sa.BigInteger(), nullable=True))
