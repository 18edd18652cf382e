"""The steps of a backfill: each stores its samples once and is then done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inventory.identity import Identities
from inventory.peaks import store_peaks
from inventory.records import Peak, Snapshot, Usage
from inventory.samples import insert, store_usage
from inventory.schema import HistoryStepRow, table_of

_STEP = table_of(HistoryStepRow)


def done_steps(connection: Connection, source_key: int) -> frozenset[str]:
    """The names of the steps of a source's backfill that are done."""
    rows = connection.scalars(sa.select(_STEP.c.step).where(_STEP.c.source_key == source_key))
    return frozenset(rows)


def store_step(
    connection: Connection,
    source_key: int,
    step: str,
    usage: Sequence[Usage],
    peaks: Sequence[Peak],
    now: datetime,
    zone: ZoneInfo,
) -> int:
    """Stores one step's samples and marks it done; returns the number of samples.

    Samples that are there already stay as they are: the store's own are never overwritten.
    """
    identities = Identities(connection, now)
    snapshot = Snapshot(source="", taken_at=now, usage=tuple(usage))
    stored = store_usage(
        connection, snapshot, source_key, identities, period_seconds=300, zone=zone
    )
    store_peaks(connection, peaks, identities)
    row = {"source_key": source_key, "step": step, "done_at": now, "samples": stored}
    insert(connection, _STEP, [row], renew=True)
    return stored
