"""whatif: scenarios side by side with doing nothing, and requests answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import date
from itertools import groupby
from pathlib import Path

from lumbung.choices import Format
from lumbung.commands.asked import Asked, option_of
from lumbung.dates import day_option
from lumbung.files import Lines, load_scenarios
from lumbung.plan import When, gather
from lumbung.printing import note, out, show
from lumbung.session import Session
from lumbung.settings import SettingsError
from planner.scenario.changes import Scenario
from planner.scenario.names import ScenarioError
from planner.scenario.rows import ScenarioRow, compared
from planner.scenario.world import Base
from reports.cells import plain, screen
from reports.terminal import table_of

FROM_OPTIONS = "these options"  # the name of the scenario that the command line describes


def base_of(session: Session, on: date | None) -> Base:
    """Doing nothing, as of a date."""
    settings = session.settings()
    with session.store(settings) as store:
        estate, past, _memory = gather(settings, store, When.of(settings, on, session.now()))
    return Base.of(estate, past, settings.zone)


def show_scenarios(
    session: Session,
    asked: Asked,
    file: Path | None,
    on: str | None,
    form: Format,
    *,
    every_pool: bool = False,
) -> None:
    """Scenarios from options and from a file, side by side with doing nothing."""
    base = base_of(session, day_option(on, "--on"))
    scenarios, lines = _scenarios(base, asked, file)
    if not scenarios:
        raise SettingsError("whatif needs a change, such as --add 10xM, or --file scenarios.yaml")
    try:
        rows = compared(base, scenarios)
    except ScenarioError as error:
        raise SettingsError(_where(error, scenarios, file, lines)) from error
    columns = [field.name for field in fields(ScenarioRow)]
    if form is Format.table:
        _show_table(rows, every_pool=every_pool)
    else:
        show(columns, ([getattr(row, name) for name in columns] for row in rows), form)


def _scenarios(base: Base, asked: Asked, file: Path | None) -> tuple[list[Scenario], Lines | None]:
    """Those of the file, then the one that the options describe."""
    read, lines = (None, None) if file is None else load_scenarios(file)
    scenarios = [] if read is None else list(read.scenarios)
    changes = replace(asked, clusters=base.estate.clusters).changes()
    if changes:
        scenarios.append(Scenario(name=FROM_OPTIONS, changes=changes))
    return scenarios, lines


def _where(
    error: ScenarioError, scenarios: Sequence[Scenario], file: Path | None, lines: Lines | None
) -> str:
    """The error with the line or the option that it is about."""
    number = error.place[1] if len(error.place) > 1 else 0
    if file is not None and lines is not None and scenarios[int(number)].name != FROM_OPTIONS:
        return f"{file}{lines.of(error.place)}: {error}"
    option = option_of(error.place[4:])
    return f"{option}: {error}" if option else str(error)


# The table: a block per pool, resource and model, one line per scenario

_HEADS = ("scenario", "headroom", "runway", "first over", "order by", "failover", "fit M", "status")
_NAME = 24  # characters of a scenario's name


def _show_table(rows: Sequence[ScenarioRow], *, every_pool: bool) -> None:
    blocks = _blocks(rows)
    chosen = [block for block in blocks if every_pool or any(row.changed for row in block)]
    if chosen:
        out().print(table_of(_HEADS, (line for block in chosen for line in _lines(block))))
    if len(chosen) < len(blocks):
        note(f"{len(blocks) - len(chosen)} of {len(blocks)} lines are as when nothing is done")
    note("* differs from doing nothing; headroom, failover and fit are after all changes, with")
    note("  today's load; dates are simulated, with each change from its day on")
    for name, group in groupby(rows, key=lambda row: row.scenario):
        _tell(name, list(group))


def _blocks(rows: Sequence[ScenarioRow]) -> list[list[ScenarioRow]]:
    """The rows by pool, resource and model, in the order of doing nothing."""
    found: dict[tuple[str, str, str, str], list[ScenarioRow]] = {}
    for row in rows:
        found.setdefault((row.pool_kind, row.pool, row.resource, row.model), []).append(row)
    return list(found.values())


def _lines(block: Sequence[ScenarioRow]) -> Iterator[list[str]]:
    first = block[0]
    yield [f"{first.pool} {first.resource}/{first.model}, {first.unit}", *[""] * (len(_HEADS) - 1)]
    for row in block:
        yield _line(row)


def _line(row: ScenarioRow) -> list[str]:
    changed = frozenset(row.changed.split())

    def told(text: str, *columns: str) -> str:
        return f"{text}*" if changed & set(columns) else text

    days = (row.runway_days_conservative, row.runway_days)
    runway = next((f"{n} d" for n in days if n is not None), row.runway_reason.replace("_", " "))
    over = row.first_over_date_conservative or row.first_over_date
    binds = row.binding == f"{row.resource}/{row.model}"
    return [
        f"  {plain(row.scenario)[:_NAME]}{' (binds)' if binds else ''}",
        told(screen(row.headroom), "headroom"),
        told(runway, "runway_days", "runway_days_conservative", "runway_reason"),
        told(screen(over) if over else "", "first_over_date", "first_over_date_conservative"),
        told(screen(row.order_by_date) if row.order_by_date else "", "order_by_date"),
        told(_verdict(row), "failover_test", "stays_down"),
        told(screen(row.fit_m), "fit_m"),
        told(row.status.replace("_if_assumed", "?"), "status"),
    ]


def _verdict(row: ScenarioRow) -> str:
    return "" if row.pool_kind == "datastore" else row.failover_test.replace("not_applicable", "–")


def _tell(name: str, rows: Sequence[ScenarioRow]) -> None:
    """What a table has no room for: what binds, where guests go, who stays down, what is taken
    as given."""
    told = [f"binds: {rows[0].site_binding}"] if rows[0].site_binding else []
    told += [f"{pool} takes {where}" for pool, where in _each(rows, "placement")]
    told += [f"{pool} loses {_some(down)}" for pool, down in _each(rows, "stays_down")]
    told += [rows[0].notes] if rows[0].notes else []
    note(f"{name}: {'. '.join(told)}")


def _each(rows: Sequence[ScenarioRow], column: str) -> list[tuple[str, str]]:
    found = {row.pool: getattr(row, column) for row in rows}
    return [(pool, text) for pool, text in found.items() if text]


def _some(names: str, most: int = 5) -> str:
    told = names.split("; ")
    more = len(told) - most
    return ", ".join(told[:most]) + (f" and {more} more" if more > 0 else "")
