"""What stands behind the totals of `reclaim --by` and `rightsize --by`: the rows they add up."""

from __future__ import annotations

from collections.abc import Iterator

from planner.efficiency.rows import (
    RECLAIM_BY,
    RIGHTSIZE_BY,
    ReclaimTotal,
    RightsizeTotal,
    reclaim_rows,
    reclaim_totals,
    rightsize_rows,
    rightsize_totals,
)
from planner.keys import reclaim_total_key, rightsize_total_key
from planner.report import Report
from planner.sections import shown
from planner.told.asked import Asked, cells


def reclaim_total_rows(report: Report) -> tuple[ReclaimTotal, ...]:
    """By agency, class and cluster."""
    rows = reclaim_rows(report.efficiency, report.rates, report.as_of)
    return tuple(total for by in RECLAIM_BY for total in reclaim_totals(rows, by))


def reclaim_total_lines(asked: Asked, row: ReclaimTotal, column: str | None) -> Iterator[str]:
    report = asked.report
    if column is None:
        yield from cells(row)
        yield ""
    yield "Σ over what could be given back, each byte and core once (glossary 16); a size that is"
    yield "not known adds nothing and is counted in sizes_not_known"
    for one in reclaim_rows(report.efficiency, report.rates, report.as_of):
        if row.key in {reclaim_total_key(by, name(one)) for by, name in RECLAIM_BY.items()}:
            yield (
                f"  {one.subject}: storage {shown(one.storage_gib)} GiB, vCPUs {shown(one.vcpus)}, "
                f"memory {shown(one.memory_gib)} GiB, a month {shown(one.cost_month)} ({one.key})"
            )


def rightsize_total_rows(report: Report) -> tuple[RightsizeTotal, ...]:
    """By agency and cluster."""
    rows = rightsize_rows(report.efficiency, report.as_of)
    return tuple(total for by in RIGHTSIZE_BY for total in rightsize_totals(rows, by))


def rightsize_total_lines(asked: Asked, row: RightsizeTotal, column: str | None) -> Iterator[str]:
    report = asked.report
    if column is None:
        yield from cells(row)
        yield ""
    yield "the guests that run, counted by how their size fits, and Σ of what this round would save"
    for one in rightsize_rows(report.efficiency, report.as_of):
        if row.key in {rightsize_total_key(by, name(one)) for by, name in RIGHTSIZE_BY.items()}:
            yield (
                f"  {one.name or one.guest_id}: {one.fits}, saves {shown(one.saves_vcpus)} vCPUs, "
                f"{shown(one.saves_memory_gib)} GiB ({one.key})"
            )
