"""How images of disks are encrypted, and who may read them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("disk") as batch_op:
        batch_op.add_column(sa.Column("encryption", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("file_mode", sa.Integer(), nullable=True))
    with op.batch_alter_table("datastore") as batch_op:
        batch_op.add_column(sa.Column("folder_mode", sa.Integer(), nullable=True))
