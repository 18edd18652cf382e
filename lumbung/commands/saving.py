"""reclaim, rightsize, showback: what is not used, and what it costs."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from lumbung.choices import Format, PayerKind, ReclaimBy, RightsizeBy
from lumbung.dates import day_option
from lumbung.printing import note, show
from lumbung.session import Session
from planner.efficiency.rows import (
    ReclaimRow,
    ReclaimTotal,
    RightsizeRow,
    RightsizeTotal,
    reclaim_rows,
    reclaim_totals,
    rightsize_rows,
    rightsize_totals,
    unjudged_lines,
)
from planner.efficiency.savings import SavingsRow, savings_rows
from planner.efficiency.showback import ShowbackRow, showback_rows


def _table(row_type: type[Any], rows: Any) -> tuple[list[str], list[list[Any]]]:
    columns = [field.name for field in fields(row_type)]
    return columns, [[getattr(row, name) for name in columns] for row in rows]


def show_reclaim(session: Session, by: ReclaimBy | None, on: str | None, form: Format) -> None:
    """What could be given back, thing by thing or in all, and what could not be judged."""
    report = session.report(day_option(on, "--on"))
    found = reclaim_rows(report.efficiency, report.rates, report.as_of)
    empty = "nothing is known that could be given back"
    if by is not None:
        columns, rows = _table(ReclaimTotal, reclaim_totals(found, by.value))
        show(columns, rows, form, on_screen=columns[:-1], empty=empty)
    else:
        columns, rows = _table(ReclaimRow, found)
        on_screen = (
            "reclaim_class", "cluster", "subject", "agency", "storage_gib", "vcpus", "memory_gib",
            "why",
        )  # fmt: skip
        show(columns, rows, form, on_screen=on_screen, empty=empty)
    if form is Format.table:
        for line in unjudged_lines(report.efficiency):
            note(line)


def show_savings(session: Session, on: str | None, form: Format) -> None:
    """Month by month what was proposed and what was given back, as the reports remembered it."""
    report = session.report(day_option(on, "--on"))
    columns, rows = _table(SavingsRow, savings_rows(report.remembered))
    empty = "nothing was proposed yet; `lumbung report` remembers what it proposes"
    show(columns, rows, form, empty=empty)


def show_rightsize(session: Session, by: RightsizeBy | None, on: str | None, form: Format) -> None:
    """The size that would do, guest by guest or in all."""
    report = session.report(day_option(on, "--on"))
    found = rightsize_rows(report.efficiency, report.as_of)
    empty = "no guest that runs is known"
    if by is not None:
        columns, rows = _table(RightsizeTotal, rightsize_totals(found, by.value))
        show(columns, rows, form, on_screen=columns[:-1], empty=empty)
        return
    advised = [row for row in found if row.fits in ("oversized", "undersized")]
    columns, rows = _table(RightsizeRow, advised if form is Format.table else found)
    on_screen = (
        "fits", "cluster", "name", "vcpus", "recommended_vcpus", "memory_gib",
        "recommended_memory_gib", "action", "why",
    )  # fmt: skip
    show(
        columns, rows, form, on_screen=on_screen, empty=empty if not found else "no size to change"
    )
    if form is Format.table:
        right = sum(1 for row in found if row.fits == "right")
        unknown = sum(1 for row in found if row.fits == "unknown")
        note(f"{right} guests have the right size; of {unknown} too little is known")


def show_showback(session: Session, by: PayerKind, on: str | None, form: Format) -> None:
    """Who pays what a month; the rows of a cluster sum to its cost."""
    report = session.report(day_option(on, "--on"))
    found = showback_rows(report.estate, report.rates, report.efficiency.claims, by.value)
    columns, rows = _table(ShowbackRow, found)
    on_screen = (
        "cluster", "kind", "name", "guests", "vcpus", "memory_gib", "storage_gib", "cost_month",
        "waste_month", "currency",
    )  # fmt: skip
    empty = "no rate card: set [showback.clusters.NAME] in the policy file"
    if report.rates and not found:
        empty = f"nothing is known that could be charged: {session.knows_nothing()}"
    show(columns, rows, form, on_screen=on_screen, empty=empty)
    if form is Format.table:
        unknown = sum(row.not_priced for row in found)
        if unknown:
            note(f"{unknown} guests have no price: their size is not known")
        for cluster in sorted(set(report.rates) - {row.cluster for row in found}):
            note(f"{cluster} has rates, but no host or guest of it is known: nothing is charged")
