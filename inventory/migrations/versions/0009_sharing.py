"""Whether guests share memory, and how interfaces are attached."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("guest") as batch_op:
        batch_op.add_column(sa.Column("shares_memory", sa.Boolean(), nullable=True))
    with op.batch_alter_table("nic") as batch_op:
        batch_op.add_column(sa.Column("attachment", sa.String(), nullable=True))
