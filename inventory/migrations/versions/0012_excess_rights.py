"""What the credentials of a source may do beyond reading, as each poll saw it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("poll") as batch_op:
        batch_op.add_column(sa.Column("excess_rights", sa.String(), nullable=True))
