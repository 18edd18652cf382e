"""whatif: scenarios side by side with doing nothing, and requests answered."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import date
from itertools import groupby
from pathlib import Path

from rich.text import Text

from lumbung.choices import Format
from lumbung.commands.asked import Asked, option_of
from lumbung.commands.request_keys import RequestAsked, asked_by_key, request_key, split_column
from lumbung.dates import day_option
from lumbung.files import Lines, load_scenarios
from lumbung.plan import When, gather
from lumbung.printing import note, out, plain_lines, show
from lumbung.session import Session
from lumbung.settings import SettingsError
from planner.saying import unit_name
from planner.scenario.changes import Demand, Scenario
from planner.scenario.names import ScenarioError, nearest
from planner.scenario.request import Decision, Request, decide
from planner.scenario.rows import ScenarioRow, compared
from planner.scenario.world import Base
from planner.scenario_told import explain_scenario
from planner.sections import UnknownKey
from planner.told.requests import explain_request
from reports.cells import plain, screen
from reports.request import COLUMNS, request_html, request_row, request_text, said_in_english
from reports.terminal import table_of

FROM_OPTIONS = "these options"  # the name of the scenario that the command line describes


def base_of(session: Session, on: date | None, *, sketches: bool) -> Base:
    """Doing nothing, as of a date; with the ``sketches`` of guests that `reclaim` rests on."""
    settings = session.settings()
    with session.store(settings) as store:
        when = When.of(settings, on, session.now())
        estate, past, memory = gather(settings, store, when, sketches=sketches)
    return Base.of(estate, past, settings.zone, memory.power_since)


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
    base = base_of(session, day_option(on, "--on"), sketches=True)
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


def explain_row(
    session: Session, asked: Asked, file: Path | None, on: str | None, key: str
) -> None:
    """What stands behind a row of the scenarios, or a column of it."""
    base = base_of(session, day_option(on, "--on"), sketches=True)
    scenarios, lines = _scenarios(base, asked, file)
    try:
        text = explain_scenario(base, scenarios, key)
    except ScenarioError as error:
        raise SettingsError(_where(error, scenarios, file, lines)) from error
    except UnknownKey as error:
        raise SettingsError(str(error)) from None
    out().print(plain_lines(text), markup=False, highlight=False)


# Requests


def answer_request(
    session: Session, asked: Asked, wanted: RequestAsked, on: str | None, form: Format
) -> None:
    """A request answered: yes, no or yes-if, as lines, a row, and a page to send back."""
    decision, key = _decided(session, asked, wanted, on), request_key(asked, wanted)
    if wanted.page is not None:
        _write_page(wanted.page, request_html(decision, lang=wanted.lang, key=key))
    if form is Format.table:
        out().print(Text(request_text(decision, lang=wanted.lang)))
        as_of = decision.outcome.base.estate.as_of
        note(f"Why: lumbung explain {shlex.quote(key)} --on {as_of}")
    else:
        row = request_row(decision, key)
        show(COLUMNS, [[getattr(row, name) for name in COLUMNS]], form)


def explain_answer(session: Session, key: str, on: str | None) -> None:
    """What stands behind a request's answer, or a column of it; the key says what was asked."""
    asked_key, column = split_column(key, COLUMNS)
    asked, wanted = asked_by_key(asked_key)
    decision = _decided(session, asked, wanted, on)
    row = request_row(decision, asked_key)
    text = explain_request(decision, row, column, said_in_english)
    out().print(plain_lines(text), markup=False, highlight=False)


def _decided(session: Session, asked: Asked, wanted: RequestAsked, on: str | None) -> Decision:
    base = base_of(session, day_option(on, "--on"), sketches=False)  # it gives nothing back
    base, request = _request(base, asked, wanted)
    anywhere = asked.pool is None and bool(request.guests)
    try:
        return decide(base, request, clusters=base.estate.clusters if anywhere else ())
    except ScenarioError as error:
        raise SettingsError(_told(error)) from error


def _told(error: ScenarioError) -> str:
    """A request's error with the option it is about."""
    if error.place[:1] == ("until",):
        return f"--until: {error}"
    option = option_of(error.place[2:])
    return f"{option}: {error}" if option else str(error)


def _request(base: Base, asked: Asked, wanted: RequestAsked) -> tuple[Base, Request]:
    """What is asked for, and what it is asked of: a project is not counted twice."""
    if wanted.project is not None:
        return _project(base, asked, wanted)
    clusters = base.estate.clusters
    if not clusters:
        raise SettingsError("no clusters are known; run `lumbung collect`")
    changes = replace(asked, clusters=clusters, pool=asked.pool or clusters[0]).changes()
    guests = tuple(change.add for change in changes if change.add is not None)
    if not guests or len(guests) != len(changes):
        raise SettingsError("a request is made of --add NxSIZE, or of --project NAME")
    return base, Request(
        name=asked.agency or "request",
        guests=guests,
        when=asked.when,
        until=wanted.until,
        agency=asked.agency,
    )


def _project(base: Base, asked: Asked, wanted: RequestAsked) -> tuple[Base, Request]:
    estate = base.estate
    found = [project for project in estate.owners.projects if project.name == wanted.project]
    if len(found) != 1:
        names = [project.name for project in estate.owners.projects]
        several = "several projects are" if found else "no project is"
        hint = nearest(str(wanted.project), names)
        raise SettingsError(f"--project: {several} named {wanted.project!r}; {hint}")
    [project] = found
    others = tuple(one for one in estate.owners.projects if one is not project)
    owners = estate.owners.model_copy(update={"projects": others})
    demand = Demand(
        pool=project.pool,
        memory_gib=project.memory_gib.mid,
        cpu_cores=project.cpu_cores.mid,
        vcpus=project.vcpus.mid,
        storage_gib=project.storage_gib.mid,
    )
    return Base.of(replace(estate, owners=owners), base.past, base.zone, base.power_since), Request(
        name=project.name,
        demand=demand,
        when=asked.when or max(project.when, estate.as_of),
        until=wanted.until,
        agency=asked.agency or project.owner or None,
    )


def _write_page(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"--page: {path}: {error.strerror}") from error
    note(f"wrote {path}")


# The table: a block per pool, resource and model, one line per scenario

_HEADS = ("scenario", "headroom", "runway", "first over", "order by", "failover", "fit M", "status")
_NAME = 20  # characters of a scenario's name
_REASONS = {
    "beyond_horizon": "years", "not_enough_history": "no history", "capacity_unknown": "?",
    "demand_unknown": "?",
}  # fmt: skip


def _show_table(rows: Sequence[ScenarioRow], *, every_pool: bool) -> None:
    blocks = _blocks(rows)
    chosen = blocks if every_pool else list(filter(None, map(_differing, blocks)))
    if chosen:
        out().print(table_of(_HEADS, _lines(chosen)))
    note("* differs from doing nothing, ! binds its pool; what is not listed is as it is now.")
    note("Headroom, failover and fit: all changes made, with today's load. Dates: each change on")
    note("its day, with growth. Why: the same with --explain scenario/NAME/POOL/RESOURCE/MODEL")
    for name, group in groupby(rows, key=lambda row: row.scenario):
        _tell(name, list(group))


def _blocks(rows: Sequence[ScenarioRow]) -> list[list[ScenarioRow]]:
    """The rows by pool, resource and model, in the order of doing nothing."""
    found: dict[tuple[str, str, str, str], list[ScenarioRow]] = {}
    for row in rows:
        found.setdefault((row.pool_kind, row.pool, row.resource, row.model), []).append(row)
    return list(found.values())


_OWN = frozenset({
    "headroom", "runway_days", "runway_days_conservative", "runway_reason", "first_over_date",
    "first_over_date_conservative", "order_by_date", "status",
})  # fmt: skip  # what a line has for itself: failover and fit are those of its pool


def _differing(block: Sequence[ScenarioRow]) -> list[ScenarioRow]:
    """Doing nothing and the scenarios that differ from it; nothing where none does."""
    others = [row for row in block[1:] if _OWN & set(row.changed.split())]
    return [block[0], *others] if others else []


def _lines(blocks: Sequence[Sequence[ScenarioRow]]) -> Iterator[list[str]]:
    """A line per pool, below it one per resource and model, below that one per scenario."""
    rest, pool = [""] * (len(_HEADS) - 1), ""
    for block in blocks:
        first = block[0]
        if first.pool != pool:
            pool = first.pool
            yield [plain(pool)[:_NAME], *rest]
        yield [f"  {first.resource}/{first.model}, {unit_name(first.unit)}", *rest]
        yield from map(_line, block)


def _line(row: ScenarioRow) -> list[str]:
    changed = frozenset(row.changed.split())

    def told(text: str, *columns: str) -> str:
        return f"{text}*" if changed & set(columns) else text

    days = (row.runway_days_conservative, row.runway_days)
    reason = _REASONS.get(row.runway_reason, row.runway_reason.replace("_", " "))
    runway = next((f"{n} d" for n in days if n is not None), reason)
    over = row.first_over_date_conservative or row.first_over_date
    binds = row.binding == f"{row.resource}/{row.model}"
    return [
        f"    {plain(row.scenario)[:_NAME]}{' !' if binds else ''}",
        told(screen(row.headroom), "headroom"),
        told(runway, "runway_days", "runway_days_conservative", "runway_reason"),
        told(screen(over) if over else "–", "first_over_date", "first_over_date_conservative"),
        told(screen(row.order_by_date) if row.order_by_date else "–", "order_by_date"),
        told(_verdict(row), "failover_test", "stays_down"),
        told(_fit(row), "fit_m"),
        told(row.status.replace("_if_assumed", "?"), "status"),
    ]


def _fit(row: ScenarioRow) -> str:
    """A datastore that holds no guests has none."""
    return "–" if row.fit_m is None and row.pool_kind == "datastore" else screen(row.fit_m)


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
