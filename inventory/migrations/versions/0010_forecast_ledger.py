"""The ledger of forecasts: what reports published of the future."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_KEY = ("pool_kind", "pool", "resource", "model", "as_of")


def upgrade() -> None:
    op.create_table(
        "forecast",
        *_key_columns(),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("inputs_on", sa.Date(), nullable=True),
        sa.Column("engine", sa.String(), nullable=False),
        sa.Column("policy_version", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("level", sa.Float(), nullable=False),
        sa.Column("usable_line", sa.String(), nullable=False),
        sa.Column("runway_reason", sa.String(), nullable=False),
        sa.Column("first_over_p10", sa.Date(), nullable=True),
        sa.Column("first_over_p50", sa.Date(), nullable=True),
        sa.Column("first_over_p90", sa.Date(), nullable=True),
        sa.Column("order_by", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint(*_KEY),
    )
    op.create_table(
        "forecast_band",
        *_key_columns(),
        sa.Column("ahead_days", sa.Integer(), nullable=False),
        sa.Column("p2_5", sa.Float(), nullable=False),
        sa.Column("p10", sa.Float(), nullable=False),
        sa.Column("p50", sa.Float(), nullable=False),
        sa.Column("p90", sa.Float(), nullable=False),
        sa.Column("p97_5", sa.Float(), nullable=False),
        sa.Column("widened", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint(*_KEY, "ahead_days"),
    )


def _key_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column(name, sa.Date() if name == "as_of" else sa.String(), nullable=False)
        for name in _KEY
    ]
