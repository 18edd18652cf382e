"""What stands behind a row of pools.csv."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from planner.answers import Answer, PoolAnswer
from planner.keys import pool_key
from planner.outlook import Outlook
from planner.policy import Resource
from planner.pools import MODELS
from planner.report import Report
from planner.rows import PoolRow
from planner.sections import Basis, Sections, UnknownKey
from planner.told.asked import Asked


def pool_lines(asked: Asked, row: PoolRow, column: str | None) -> Iterator[str]:
    """Every part of it, or the part behind a column."""
    pool, answer = _found(asked.report, row)
    sections = sections_of(asked, pool, answer)
    yield from sections.all() if column is None else sections.of(column)


def sections_of(asked: Asked, pool: PoolAnswer, answer: Answer) -> Sections:
    """The parts of the explanation of one answer of a pool."""
    report, key = asked.report, (pool.pool.kind, pool.pool.name)
    growth = asked.growth
    basis = Basis(
        estate=report.estate,
        fits=report.fits[key],
        efficiency=report.efficiency,
        purchase=report.purchases.get(key),
        track_record=report.track_record,
        outlook=None if growth is None else Outlook(report, answer, growth.growth(answer)),
    )
    return Sections(basis, pool, answer)


def _found(report: Report, row: PoolRow) -> tuple[PoolAnswer, Answer]:
    return next(
        (pool, answer)
        for pool in report.answers
        for answer in pool.answers
        if answer.question.key == row.key
    )


def pool_called(report: Report, rest: str) -> PoolRow | None:
    """The row that NAME/RESOURCE/MODEL means, however the pool is called.

    Raises UnknownKey where that can be said more exactly than "no such key".
    """
    name, resource, model = ("", "", *rest.rsplit("/", 2))[-3:]
    if resource not in get_args(Resource) or model not in MODELS:
        return None
    found = [pool for pool in report.answers if pool.pool.answers_to(name)]
    if not found:
        known = ", ".join(pool.pool.name for pool in report.answers)
        raise UnknownKey(f"no pool is named {name!r}; known are {known}")
    keys = {pool_key(pool.pool.name, resource, model) for pool in found}
    row = next((row for row in report.pools if row.key in keys), None)
    if row is None:
        raise UnknownKey(f"pool {name!r} has no {resource}/{model}")
    return row
