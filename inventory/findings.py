"""The planner's findings, remembered: when each was first and last seen."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inventory.samples import insert
from inventory.schema import FindingRow, table_of

_FINDING = table_of(FindingRow)


def first_seen(connection: Connection) -> dict[str, date]:
    """Per finding the day it was first seen."""
    rows = connection.execute(sa.select(_FINDING.c.finding_id, _FINDING.c.first_seen_on))
    return dict(rows.all())


def remember_findings(connection: Connection, findings: Iterable[str], on: date) -> None:
    """Notes that these findings were seen on a day; one seen again keeps its first day."""
    known = first_seen(connection)
    rows = [
        {
            "finding_id": finding,
            "first_seen_on": min(known.get(finding, on), on),
            "last_seen_on": on,
        }
        for finding in sorted(set(findings))
    ]
    insert(connection, _FINDING, rows, renew=True)
