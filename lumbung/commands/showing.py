"""demo."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from lumbung.demo import Demo, Step, Tell, run
from lumbung.printing import note, out
from lumbung.session import Session
from planner.report import Report
from planner.rows import FailoverRow, OrderRow
from planner.saying import counted
from reports.terminal import fitted

_MOST_RISKS = 8
_MOST_SUBJECTS = 3


def run_demo(session: Session, folder: Path, *, again: bool) -> None:
    """A city's data centre on this machine: collect, plan, report."""
    with Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=Console(file=sys.stderr),
        disable=not sys.stderr.isatty(),
        transient=True,
    ) as progress:
        task = progress.add_task("start", total=1.0)

        def tell(step: Step) -> None:
            progress.update(task, description=step.words, completed=step.done)

        telling: Tell = tell
        demo = run(folder, session.now(), telling, again=again)
    show_demo(demo, out())
    _say_next(demo)


def _say_next(demo: Demo) -> None:
    """Where the files are, and how to go on."""
    weekly, config = demo.folder / "weekly" / "latest", demo.folder / "lumbung.toml"
    fresh_until = demo.report.at + timedelta(days=3)
    note("")
    note(f"The weekly files   {weekly}/  (orders.csv, brief.html, workbook.xlsx, …)")
    note(f"Go on with it      lumbung --config {config} capacity")
    note(f"Why that number    lumbung --config {config} explain order/san-01")
    note(
        "The clusters were served for the demo only; the figures count as fresh until "
        f"{fresh_until:%Y-%m-%d}."
    )


def show_demo(demo: Demo, console: Console) -> None:
    """What a person would want to see first."""
    report = demo.report
    console.print(
        f"{report.site}, as of {report.as_of}: {len(report.guests)} guests\n", style="bold"
    )
    orders = [
        (
            row.order_by_date or "–", row.order_overdue_days or "", row.pool, _what(row),
            row.status, row.why,
        )
        for row in report.orders
    ]  # fmt: skip
    dates = ("order by", "days late", "pool", "what", "status", "why")
    console.print(fitted(dates, orders, console.width, title="Order or decide"))
    console.print()
    losses = ("cluster", "losing", "verdict", "stays down")
    title = "If a host, rack or site dies (all else passes)"
    console.print(fitted(losses, _failures(report), console.width, title=title))
    console.print()
    finds = ("severity", "rule", "finds", "subjects")
    title = f"Worst of {len(report.assessment.risks)} risks"
    console.print(fitted(finds, _worst(report), console.width, title=title))


def _what(row: OrderRow) -> str:
    """What to do, and how much of it to buy."""
    return f"{row.what}: {counted(row.quantity, row.unit)}" if row.quantity else row.what


def _failures(report: Report) -> list[tuple[str, ...]]:
    """The losses that are not absorbed, each with the guests that stay down."""
    alone = "all of them: there is no second host"
    return [
        (row.pool, row.domain or row.host, row.verdict, _down(row) or alone)
        for row in report.failover
        if row.verdict != "pass"
    ]


def _down(row: FailoverRow) -> str:
    """A host's guests by name; of a rack or site, where they are many, some and their number."""
    if not row.domain or not row.stays_down:
        return row.stays_down
    return f"{row.stays_down_count} guests: {_some(row.stays_down.split('; '))}"


def _worst(report: Report) -> list[tuple[str, ...]]:
    """The gravest kinds of risk, and what they are about."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for risk in report.assessment.risks:
        key = (risk.severity, risk.rule.id, risk.rule.title)
        found.setdefault(key, []).append(risk.subject.label)
    return [(*key, _some(labels)) for key, labels in list(found.items())[:_MOST_RISKS]]


def _some(labels: list[str]) -> str:
    more = len(labels) - _MOST_SUBJECTS
    shown = ", ".join(labels[:_MOST_SUBJECTS])
    return f"{shown} and {more} more" if more > 0 else shown
