"""Which CPUs of their host guests are pinned to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("guest") as batch_op:
        batch_op.add_column(sa.Column("pinned_cpus", sa.String(), nullable=True))
