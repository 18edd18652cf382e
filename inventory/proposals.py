"""What was proposed to be given back, remembered until it is settled, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inventory.records import Proposal
from inventory.samples import insert
from inventory.schema import ProposalRow, table_of

_PROPOSAL = table_of(ProposalRow)


def proposals(connection: Connection) -> tuple[Proposal, ...]:
    """All that was ever proposed, by id."""
    rows = connection.execute(sa.select(_PROPOSAL).order_by(_PROPOSAL.c.proposal_id))
    return tuple(Proposal.model_validate(dict(row)) for row in rows.mappings())


def remember_proposals(connection: Connection, found: Iterable[Proposal]) -> None:
    """Writes proposals as they stand now; those that are not named stay as they were."""
    insert(connection, _PROPOSAL, [proposal.model_dump() for proposal in found], renew=True)
