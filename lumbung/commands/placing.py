"""fit, failover, balance: where guests can run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from lumbung.choices import Format
from lumbung.dates import day_option
from lumbung.plan import When, plan_balance
from lumbung.printing import note, show
from lumbung.session import Session
from lumbung.settings import SettingsError
from planner.answers import PoolAnswer
from planner.balance import BalanceRow
from planner.fitting import (
    FitRow,
    average_of,
    clone_of,
    fit_row,
    fits_of,
    profiles_of,
    stores_for_guests,
    why_no_guests,
)
from planner.hosting import needed_in
from planner.placement.fit import Profile
from planner.pools import GIB
from planner.report import Report
from planner.rows import FailoverRow

_MOST_LISTED, _FIRST_LISTED = 6, 5  # names in a cell on the terminal
_LARGEST = 1e9  # of anything a profile may ask for


def _columns(row_type: type[Any]) -> list[str]:
    return [field.name for field in fields(row_type)]


def show_failover(session: Session, on: str | None, form: Format) -> None:
    """Every host failure packed: the guests that would stay down."""
    report = session.report(day_option(on, "--on"))
    columns = _columns(FailoverRow)
    rows = [[getattr(row, name) for name in columns] for row in report.failover]
    on_screen = ("pool", "host", "domain", "verdict", "stays_down", "why", "smallest_change")
    empty = "no clusters are known; run `lumbung collect`"
    if form is Format.table:
        rows = [[_some(v) if isinstance(v, str) else v for v in row] for row in rows]
    show(columns, rows, form, on_screen=on_screen, empty=empty)
    if form is Format.table:
        for pool in report.answers:
            if pool.cases:
                note(_resilience(pool))
                if needed := needed_in(report.estate, pool.pool):
                    note(f"{pool.pool.name}: {needed}")


def _some(listed: str) -> str:
    """The first of a long list of guests, and how many more there are; the files hold them all."""
    names = listed.split("; ")
    if len(names) <= _MOST_LISTED:
        return listed
    return f"{'; '.join(names[:_FIRST_LISTED])} and {len(names) - _FIRST_LISTED} more"


def _resilience(pool: PoolAnswer) -> str:
    """How far a pool's failover goes, and how near its packings are to the best."""
    if pool.failover == "not_applicable":
        return f"{pool.pool.name}: one host; when it is lost, all of its guests are down"
    found = pool.resilience
    tolerates = "not known" if found.tolerates is None else str(found.tolerates)
    return (
        f"{pool.pool.name}: {pool.failover}; hosts that may be lost at once: {tolerates}; with "
        f"one more away: {found.maintenance}; {_restarted(pool)}"
    )


def _restarted(pool: PoolAnswer) -> str:
    """How many guests stay down, where every loss says it; else that some losses do not."""
    if any(c.stays_down_count is None for c in pool.cases):
        return "how many guests would stay down is not known"
    down = sum(len(case.stays_down) for case in pool.cases)
    bound = sum(case.at_least for case in pool.cases)
    moved = down + sum(len(case.placed) for case in pool.cases)
    gap = f"{100.0 * (down - bound) / moved:.1f} %" if moved else "none"
    return (
        f"of {moved} guests restarted {down} stay down, at least {bound} of them however they are "
        f"placed (gap {gap})"
    )


def show_fit(
    session: Session,
    size: str | None,
    clone: str | None,
    pool: str | None,
    on: str | None,
    form: Format,
) -> None:
    """How many more guests of a size fit into each pool, and what binds."""
    report = session.report(day_option(on, "--on"))
    wanted = [a for a in report.answers if pool is None or a.pool.answers_to(pool)]
    if pool is not None and not wanted:
        raise session.no_pool("--pool", pool, (a.pool.name for a in report.answers))
    clusters = [a for a in wanted if a.pool.kind == "cluster" or pool is not None]
    for answer in clusters:
        _refuse_without_guests(report, answer)
    columns = _columns(FitRow)
    found = [row for answer in clusters for row in _fits(report, answer, size, clone)]
    rows = [[getattr(row, name) for name in columns] for row in found]
    on_screen = ("pool", "profile", "proven", "fit", "pooled", "binding", "where")
    empty = "no pools are known; run `lumbung collect`"
    show(columns, rows, form, on_screen=on_screen, empty=empty)
    if form is Format.table and rows:
        note("proven: as many run again after every failure: promise these, `whatif` accepts them")
        note("fit: host by host, beside the reserve; pooled: as if all hosts were one")


def _refuse_without_guests(report: Report, answer: PoolAnswer) -> None:
    """Raises SettingsError for a datastore that holds no guests."""
    reason = why_no_guests(answer) if answer.pool.kind == "datastore" else ""
    if reason:
        known = ", ".join(stores_for_guests(report.estate, report.answers)) or "none is known"
        name = answer.pool.name
        raise SettingsError(f"--pool: {name} holds no guests: {reason}; those that do: {known}")


def _fits(
    report: Report, pool: PoolAnswer, size: str | None, clone: str | None
) -> Iterator[FitRow]:
    profiles = _profiles(report, pool, size, clone)
    found = fits_of(report.estate, report.answers, pool, profiles.values())
    for text, fit in zip(profiles, found, strict=True):
        yield fit_row(pool, fit, text)


def _profiles(
    report: Report, pool: PoolAnswer, size: str | None, clone: str | None
) -> dict[str, Profile]:
    """What was asked for, by how a key says it; without a wish the policy's sizes and the pool's
    average guest."""
    named = {profile.name: profile for profile in profiles_of(report.policy)}
    if clone is not None:
        return _clone(report, clone)
    if size in named:
        return {size: named[size]}
    average = average_of(report.estate, pool.pool)
    own = {} if average is None else {average.name: average}
    if size == "average":
        return own
    return named | own if size is None else {size: _size(size)}


def _clone(report: Report, wanted: str) -> dict[str, Profile]:
    views = [view for view in report.estate.guests if view.is_called(wanted)]
    if len(views) != 1:
        found = "several guests are" if views else "no guest is"
        raise SettingsError(f"--clone: {found} called {wanted!r}; write CLUSTER/ID")
    profile = clone_of(report.estate, views[0])
    if profile is None:
        raise SettingsError(f"--clone: the size of {views[0].label} is not known")
    return {f"clone:{views[0].guest.cluster}/{views[0].guest.guest_id}": profile}


def _size(text: str) -> Profile:
    """VCPU/GIB/GIB: processors, memory, storage."""
    try:
        vcpus, memory, storage = (float(part) for part in text.split("/"))
    except ValueError:
        vcpus = memory = storage = -1.0
    if not (0 < vcpus < _LARGEST and 0 < memory < _LARGEST and 0 <= storage < _LARGEST):
        raise SettingsError(
            f"--profile: {text!r} is neither S, M, L, average nor VCPU/GIB/GIB such as 4/16/80"
        )
    return Profile(text, vcpus, memory * GIB, storage * GIB)


def show_balance(session: Session, on: str | None, form: Format) -> None:
    """How even hosts, clusters and sites are used, and the moves that would help."""
    settings = session.settings()
    with session.store(settings) as store:
        when = When.of(settings, day_option(on, "--on"), session.now())
        _estate, found = plan_balance(settings, store, when)
    columns = _columns(BalanceRow)
    rows = [[getattr(row, name) for name in columns] for one in found for row in one.rows()]
    on_screen = (
        "scope", "resource", "days", "mean_pct", "max_pct", "fullest", "stdev_ratio", "state",
        "moves",
    )  # fmt: skip
    empty = "no cluster has several hosts in service"
    show(columns, rows, form, on_screen=on_screen, empty=empty)
