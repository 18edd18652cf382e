"""Answers that a collector may use again: what it asked before and need not ask at every poll."""

from __future__ import annotations

import json
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inventory.records import KeptAnswer
from inventory.samples import insert
from inventory.schema import KeptAnswerRow, SourceRow, table_of

_KEPT = table_of(KeptAnswerRow)
_SOURCE = table_of(SourceRow)


def kept_answers(connection: Connection) -> dict[str, dict[str, KeptAnswer]]:
    """By the source's name: what it may use again, by request."""
    rows = connection.execute(
        sa.select(
            _SOURCE.c.name, _KEPT.c.request, _KEPT.c.answer, _KEPT.c.asked_at, _KEPT.c.mark
        ).join(_SOURCE, _SOURCE.c.key == _KEPT.c.source_key)
    )
    found: dict[str, dict[str, KeptAnswer]] = {}
    for source, request, answer, asked_at, mark in rows:
        found.setdefault(source, {})[request] = KeptAnswer(json.loads(answer), asked_at, mark)
    return found


def keep_answers(connection: Connection, source_key: int, kept: Mapping[str, KeptAnswer]) -> None:
    """Makes these the answers of a source that may be used again; the others are forgotten."""
    before = dict(
        connection.execute(
            sa.select(_KEPT.c.request, _KEPT.c.asked_at).where(_KEPT.c.source_key == source_key)
        ).all()
    )
    gone = [{"gone": request} for request in before.keys() - kept.keys()]
    if gone:
        connection.execute(
            _KEPT.delete().where(
                _KEPT.c.source_key == source_key, _KEPT.c.request == sa.bindparam("gone")
            ),
            gone,
        )
    fresh = [
        {
            "source_key": source_key,
            "request": request,
            "answer": json.dumps(one.answer, ensure_ascii=False, separators=(",", ":")),
            "asked_at": one.asked_at,
            "mark": one.mark,
        }
        for request, one in kept.items()
        if before.get(request) != one.asked_at.replace(microsecond=0)
    ]
    insert(connection, _KEPT, fresh, renew=True)
