"""Runs the migrations on the connection that the store hands over."""

from typing import Any, Literal

from alembic import context
from sqlmodel import SQLModel

import inventory.schema  # noqa: F401  (fills SQLModel.metadata)
from inventory.types import Instant, Names


def plain_type(kind: str, item: Any, _autogen: Any) -> str | Literal[False]:
    """Our column types as the plain ones they are stored in, so that a migration stands alone."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.BigInteger()"
    if kind == "type" and (isinstance(item, Names) or type(item).__name__ == "AutoString"):
        return "sa.String()"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=plain_type,
    transactional_ddl=True,
)
context.run_migrations()
