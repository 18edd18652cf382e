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
from reports.terminal import table_of


def run_demo(session: Session, folder: Path) -> None:
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
        demo = run(folder, session.now(), telling)
    _show(demo)


def _show(demo: Demo) -> None:
    """What a person would want to see first."""
    report, console = demo.report, out()
    console.print(
        f"{report.site}, as of {report.as_of}: {len(report.guests)} guests\n", style="bold"
    )
    orders = [
        (row.order_by_date, row.order_overdue_days or "", row.pool, row.what, row.status, row.why)
        for row in report.orders
    ]
    heads = ("order by", "days late", "pool", "what", "status", "why")
    console.print(table_of(heads, orders, title="Order or decide"))
    failed = [
        (row.pool, row.host, row.verdict, row.stays_down)
        for row in report.failover
        if row.verdict != "pass"
    ]
    console.print()
    heads_failover = ("cluster", "losing", "verdict", "stays down")
    console.print(table_of(heads_failover, failed, title="If a host dies (all other cases pass)"))
    worst = [
        (row.severity, row.rule, row.subject, row.agency, row.evidence)
        for row in report.risks
        if row.outcome == "risk"
    ][:8]
    console.print()
    heads_risks = ("severity", "rule", "subject", "agency", "evidence")
    total = len(report.assessment.risks)
    console.print(table_of(heads_risks, worst, title=f"Worst 8 of {total} risks"))
    weekly = demo.folder / "weekly" / "latest"
    note("")
    note(f"The weekly files   {weekly}/  (orders.csv, brief.html, workbook.xlsx, …)")
    note(f"Go on with it      lumbung --config {demo.folder}/lumbung.toml capacity")
    note(f"Why that number    lumbung --config {demo.folder}/lumbung.toml explain "
         "pool/san-01/storage/demand")  # fmt: skip
    fresh_until = report.at + timedelta(days=3)
    note(f"The clusters were served for the demo only; the figures count as fresh until "
         f"{fresh_until:%Y-%m-%d}.")  # fmt: skip
