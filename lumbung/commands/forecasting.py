"""forecast: what stands behind a runway."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lumbung.choices import Format
from lumbung.dates import day_option
from lumbung.plan import When, plan_growth
from lumbung.printing import note, out, plain_lines, show
from lumbung.session import Session
from lumbung.settings import SettingsError
from planner.outlook import COLUMNS, Outlook, outlook
from planner.picture import picture_of
from planner.pools import MODELS
from planner.report import Report
from planner.saying import unit_name
from planner.track import FLEET, record_told, record_words
from reports.cells import screen
from reports.fan_chart import fans_svg
from reports.png import NotInstalled, png_of

_ON_SCREEN = ("pool", "of", "level", "a day", "week", "90 days", "WAPE %", "last step")


def show_forecast(
    session: Session, pool: str | None, on: str | None, form: Format, chart: Path | None = None
) -> None:
    """Per pool, resource and model: level, growth told apart, steps and their causes, the record;
    of one pool also as a picture, into the file ``chart``."""
    _refuse_chart(chart, pool)
    settings = session.settings()
    with session.store(settings) as store:
        when = When.of(settings, day_option(on, "--on"), session.now())
        report, teller = plan_growth(settings, store, when, run_id="")
    found = [answer.pool for answer in report.answers]
    if pool is not None and not any(one.answers_to(pool) for one in found):
        raise session.no_pool("POOL", pool, (one.name for one in found))
    if chart is not None and pool is not None:
        _draw(report, pool, chart)
    rows = outlook(report, teller, pool)
    columns, cells = list(COLUMNS), [[row[name] for name in COLUMNS] for row in rows]
    if form is Format.table:
        columns, cells = list(_ON_SCREEN), [_line(row) for row in rows]
    show(
        columns,
        cells,
        form,
        empty="" if cells else f"no pools are known: {session.knows_nothing()}",
    )
    if form is Format.table and pool is not None:
        for one in report.answers:
            for answer in one.answers if one.pool.answers_to(pool) else ():
                seen = Outlook(report, answer, teller.growth(answer))
                text = "\n  ".join(
                    [
                        *seen.words(),
                        *record_told(report.track_record, answer),
                        *seen.quality_words(),
                    ]
                )
                key = f"{answer.question.resource} {answer.question.model}"
                out().print(plain_lines(f"\n{key}\n  {text}"), markup=False, highlight=False)
    if form is Format.table and pool is None and rows:
        _show_record(report)
        note("`lumbung forecast POOL` names every step, its cause, and who grew")


def _refuse_chart(chart: Path | None, pool: str | None) -> None:
    """Raises SettingsError for a picture that cannot be drawn, before anything is read."""
    if chart is None:
        return
    if pool is None:
        raise SettingsError("--chart draws one pool: lumbung forecast POOL --chart FILE.svg")
    if chart.suffix.lower() not in (".svg", ".png"):
        raise SettingsError(f"--chart {chart}: the file's name must end in .svg or .png")


def _draw(report: Report, pool: str, chart: Path) -> None:
    """Writes what is known of a pool as pictures, one below the other."""
    answers = [a for one in report.answers if one.pool.answers_to(pool) for a in one.answers]
    svg = fans_svg([picture_of(report.estate, answer) for answer in answers])
    try:
        body = svg.encode() if chart.suffix.lower() == ".svg" else png_of(svg)
        chart.write_bytes(body)
    except NotInstalled as error:
        raise SettingsError(f"--chart {chart}: {error}") from None
    except OSError as error:
        raise SettingsError(f"--chart {chart}: {error.strerror}") from None
    note(f"{chart}: {len(answers)} pictures")


def _show_record(report: Report) -> None:
    """What all pools' forecasts said and what came, as one."""
    for model in MODELS:
        rows = [r for r in report.track_record if r.pool_kind == FLEET and r.model == model]
        words = list(record_words(rows))
        if words:
            text = "\n  ".join([f"\nrecord of all pools, {model}", *words])
            out().print(plain_lines(text), markup=False, highlight=False)


def _line(row: Mapping[str, Any]) -> list[Any]:
    """What a person looks for, in a line that fits."""
    step = ""
    if row["last_step_on"] is not None:
        step = f"{row['last_step_on']} {_signed(row['last_step'])} ({row['last_step_cause']})"
    return [
        row["pool"],
        f"{row['resource']} {row['model']}",
        f"{_coarse(row['level'])} {unit_name(row['unit'])}",
        _signed(row["growth_per_day"]),
        _signed(row["week_change"]),
        _signed(row["quarter_change"]),
        row["backtest_wape_30d"],
        step,
    ]


def _coarse(amount: float | None) -> str:
    return screen(amount if amount is None or abs(amount) < 10 else round(amount, 0))


def _signed(amount: float | None) -> str | None:
    if amount is None:
        return None
    if round(amount, 2) == 0:
        return "0"
    return f"{amount:+,.0f}" if abs(amount) >= 10 else f"{amount:+,.2f}"
