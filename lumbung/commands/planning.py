"""capacity, migration, explain."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from lumbung.choices import Format
from lumbung.commands.published import beside, edition_called, held_against
from lumbung.dates import day_option
from lumbung.plan import When, plan_balance, plan_growth, plan_migration
from lumbung.printing import note, number_of, out, plain_lines, show
from lumbung.reminders import stale_words
from lumbung.session import Session
from lumbung.settings import SettingsError
from planner.explain import explain, found
from planner.fitting import for_guests
from planner.migration import BurnDownRow, MigrationRow
from planner.report import Report
from planner.rows import PoolRow
from planner.saying import unit_name
from planner.sections import UnknownKey
from planner.told.balance import explain_balance
from planner.told.migration import explain_migration, until_of
from reports.cells import screen


def _columns(row_type: type[Any]) -> list[str]:
    return [field.name for field in fields(row_type)]


def show_capacity(session: Session, pool: str | None, on: str | None, form: Format) -> None:
    """Per pool, resource and model: what is usable, how long it lasts, by when to order."""
    report = session.report(day_option(on, "--on"))
    known = [a.pool for a in report.answers]
    names = {p.name for p in known if pool is None or p.answers_to(pool)}
    if pool is not None and not names:
        raise session.no_pool("--pool", pool, (p.name for p in known))
    columns = _columns(PoolRow)
    chosen = [row for row in report.pools if row.pool in names]
    rows = [[getattr(row, c) for c in columns] for row in chosen]
    shown = [row for row in chosen if pool is not None or not says_nothing(report, row)]
    if form is Format.table:
        columns, rows = list(_CAPACITY), [_capacity_line(row) for row in shown]
    show(
        columns,
        rows,
        form,
        empty="" if chosen else f"no pools are known: {session.knows_nothing()}",
    )
    if form is Format.table and len(shown) < len(chosen):
        left_out = number_of(len(chosen) - len(shown), "row")
        note(
            f"left out: {left_out} of datastores that hold no guests, and lack nothing; "
            "--pool NAME or --format csv shows them"
        )
    if form is Format.table and on is None:  # of a past day nothing can be done any more
        for line in (*stale_words(report.estate.sources), *map(str, report.misnamed)):
            note(line)


_CAPACITY = ("pool", "of", "used of usable", "free %", "runway (90 % sure)", "order by", "status")


def says_nothing(report: Report, row: PoolRow) -> bool:
    """Whether a row is of a datastore that no guest's disk goes to, and nothing is to be done."""
    stores = [answer for answer in report.answers if answer.pool.kind == "datastore"]
    holding = {answer.pool.name for answer in for_guests(report.estate, stores, k=0)}
    is_calm = row.status == "ok" and row.order_by_date is None
    return row.pool_kind == "datastore" and row.pool not in holding and is_calm


def _capacity_line(row: PoolRow) -> list[Any]:
    """What a person looks for, in a line that fits: the runway is the conservative one where
    there is one, else the reason why there is none."""
    used = row.demand if row.model == "demand" else row.allocated
    days = row.runway_days_conservative
    days = row.runway_days if days is None else days
    reason = row.runway_reason.replace("_", " ") or None
    return [
        row.pool,
        f"{row.resource} {row.model}",
        f"{_coarse(used)} of {_coarse(row.usable)} {unit_name(row.unit)}",
        None if row.headroom_pct is None else round(row.headroom_pct),
        reason if days is None else f"{days} d",
        row.order_by_date or "",
        row.status,
    ]


def _coarse(amount: float | None) -> str:
    return screen(amount if amount is None or abs(amount) < 10 else round(amount, 0))


def show_migration(session: Session, to: str | None, on: str | None, form: Format) -> None:
    """The guests that move and what stands in their way, or the burn-down to a day."""
    settings = session.settings()
    until = day_option(to, "--to")
    with session.store(settings) as store:
        when = When.of(settings, day_option(on, "--on"), session.now())
        _estate, view = plan_migration(settings, store, when, until)
    if to is not None:
        columns = _columns(BurnDownRow)
        rows = [[getattr(row, name) for name in columns] for row in view.burn_down]
        show(columns, rows, form, on_screen=columns[:-1], empty=_NO_MOVE)
    else:
        columns = _columns(MigrationRow)
        rows = [[getattr(row, name) for name in columns] for row in view.guests]
        on_screen = (
            "guest_id",
            "name",
            "wave",
            "state",
            "verdict",
            "reasons",
            "unknown",
            "twin_id",
        )
        show(columns, rows, form, on_screen=on_screen, empty=_NO_MOVE)
    if form is Format.table and view.guests:
        note(view.summary)


_NO_MOVE = (
    "no guest is to move: no source of VMware is known, nor clusters under migration: leaving "
    "in the estate file"
)


def show_explanation(
    session: Session, key: str, on: str | None, edition: str | None = None
) -> None:
    """Formula, inputs with their dates, and policy behind a number; what was published of it.

    ``edition`` names the published report whose very instant the number is computed of.
    """
    if key.startswith("scenario/"):
        raise SettingsError(
            f"{key!r}: scenarios are not stored; name their file with --file, or ask `lumbung "
            "whatif` with the same options and --explain KEY"
        )
    settings = session.settings()
    folder, now = settings.root / "weekly", session.now()
    chosen = None if edition is None else edition_called(folder, edition)
    when = When.of(settings, day_option(on, "--on"), now)
    when = when if chosen is None else chosen.when(when.today)
    try:
        with session.store(settings) as store:
            if key.startswith("balance/"):
                text = explain_balance(*plan_balance(settings, store, when), key)
                print_lines(text)
                return
            if key.startswith(("migration/", "burn-down/")):
                estate, view = plan_migration(settings, store, when, until_of(key))
                print_lines(explain_migration(estate, view, key))
                return
            report, growth = plan_growth(settings, store, when, run_id="")
        text = explain(report, key, growth)
        _kind, row, _column = found(report, key)
    except UnknownKey as error:
        hint = "" if chosen is None else chosen.has(key)
        raise SettingsError(f"{error}{hint}") from None
    told = beside(folder, report, row) if chosen is None else held_against(chosen, report, row)
    print_lines("\n".join([text, *told]))


def print_lines(text: str) -> None:
    """Text that names what a hypervisor said, as it is."""
    out().print(plain_lines(text), markup=False, highlight=False)
