"""What was proposed to be given back, remembered until it is settled, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inventory.samples import insert
from inventory.schema import ProposalRow, table_of

_PROPOSAL = table_of(ProposalRow)


@dataclass(frozen=True, slots=True)
class Proposal:
    """One thing that was proposed: how much could be given back, of what was held; None is not
    known.

    ``outcome`` is "" while it is open, then freed (something was given back) or kept (it is in use
    again, exempt, or no longer asked for).
    """

    proposal_id: str
    claim: str
    reclaim_class: str
    cluster: str
    guest_id: str | None
    agency: str | None
    first_on: date
    last_on: date
    storage_bytes: float | None = None
    vcpus: float | None = None
    memory_bytes: float | None = None
    held_vcpus: float | None = None
    held_memory_bytes: float | None = None
    outcome: str = ""
    settled_on: date | None = None
    freed_storage_bytes: float | None = None
    freed_vcpus: float | None = None
    freed_memory_bytes: float | None = None


def proposals(connection: Connection) -> tuple[Proposal, ...]:
    """All that was ever proposed, by id."""
    rows = connection.execute(sa.select(_PROPOSAL).order_by(_PROPOSAL.c.proposal_id))
    return tuple(Proposal(**row) for row in rows.mappings())


def remember_proposals(connection: Connection, found: Iterable[Proposal]) -> None:
    """Writes proposals as they stand now; those that are not named stay as they were."""
    insert(connection, _PROPOSAL, [asdict(proposal) for proposal in found], renew=True)
