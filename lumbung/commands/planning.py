"""capacity, fit, failover, migration, risks, rules, explain."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from lumbung.choices import Exit, Format, Level
from lumbung.dates import day_option
from lumbung.plan import When, plan_migration
from lumbung.printing import note, out, plain_lines, show
from lumbung.session import Session
from lumbung.settings import SettingsError
from planner.answers import PoolAnswer
from planner.explain import UnknownKey, explain
from planner.fitting import average_of, clone_of, fits_of, profiles_of
from planner.migration import BurnDownRow, MigrationRow
from planner.placement.fit import Fit, Profile
from planner.pools import GIB
from planner.report import FailoverRow, PoolRow, Report, RiskRow
from planner.risks.engine import RULES
from planner.risks.rule import SEVERITIES
from reports.cells import screen


def _columns(row_type: type[Any]) -> list[str]:
    return [field.name for field in fields(row_type)]


def show_capacity(session: Session, pool: str | None, on: str | None, form: Format) -> None:
    """Per pool, resource and model: what is usable, how long it lasts, by when to order."""
    report = session.report(day_option(on, "--on"))
    known = [a.pool for a in report.answers]
    names = {p.name for p in known if pool is None or p.answers_to(pool)}
    if pool is not None and not names:
        raise SettingsError(
            f"--pool: no pool is named {pool!r}; known are {', '.join(p.name for p in known)}"
        )
    columns = _columns(PoolRow)
    chosen = [row for row in report.pools if row.pool in names]
    rows = [[getattr(row, c) for c in columns] for row in chosen]
    if form is Format.table:
        columns, rows = list(_CAPACITY), [_capacity_line(row) for row in chosen]
    show(columns, rows, form, empty="no pools are known; run `lumbung collect`")


_CAPACITY = ("pool", "of", "used of usable", "free %", "runway d", "order by", "status")


def _capacity_line(row: PoolRow) -> list[Any]:
    """What a person looks for, in a line that fits: the runway is the conservative one where
    there is one, else the reason why there is none."""
    used = row.demand if row.model == "demand" else row.allocated
    days = (row.runway_days_conservative, row.runway_days)
    reason = row.runway_reason.replace("_", " ") or None
    return [
        row.pool,
        f"{row.resource} {row.model}",
        f"{_coarse(used)} of {_coarse(row.usable)} {row.unit}",
        None if row.headroom_pct is None else round(row.headroom_pct),
        next((day for day in days if day is not None), reason),
        row.order_by_date or "",
        row.status,
    ]


def _coarse(amount: float | None) -> str:
    return screen(amount if amount is None or abs(amount) < 10 else round(amount, 0))


def show_failover(session: Session, on: str | None, form: Format) -> None:
    """Every host failure packed: the guests that would stay down."""
    report = session.report(day_option(on, "--on"))
    columns = _columns(FailoverRow)
    rows = [[getattr(row, name) for name in columns] for row in report.failover]
    on_screen = ("pool", "host", "domain", "verdict", "stays_down", "why", "smallest_change")
    empty = "no clusters are known; run `lumbung collect`"
    show(columns, rows, form, on_screen=on_screen, empty=empty)
    if form is Format.table:
        for pool in report.answers:
            if pool.cases:
                note(_resilience(pool))


def _resilience(pool: PoolAnswer) -> str:
    """How far a pool's failover goes, and how near its packings are to the best."""
    found, down = pool.resilience, sum(len(case.stays_down) for case in pool.cases)
    bound = sum(case.at_least for case in pool.cases)
    moved = down + sum(len(case.placed) for case in pool.cases)
    gap = f"{100.0 * (down - bound) / moved:.1f} %" if moved else "none"
    tolerates = "not known" if found.tolerates is None else str(found.tolerates)
    return (
        f"{pool.pool.name}: {pool.failover}; hosts that may be lost at once: {tolerates}; with "
        f"one more away: {found.maintenance}; of {moved} guests restarted {down} stay down, at "
        f"least {bound} of them however they are placed (gap {gap})"
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
        known = ", ".join(a.pool.name for a in report.answers)
        raise SettingsError(f"--pool: no pool is named {pool!r}; known are {known}")
    clusters = [a for a in wanted if a.pool.kind == "cluster" or pool is not None]
    rows = [
        _fit_row(answer, found)
        for answer in clusters
        for found in fits_of(
            report.estate, report.answers, answer, _profiles(report, answer, size, clone)
        )
    ]
    on_screen = ("pool", "profile", "fit", "pooled", "lower_bound", "binding", "where")
    empty = "no pools are known; run `lumbung collect`"
    show(_FIT_COLUMNS, rows, form, on_screen=on_screen, empty=empty)


_FIT_COLUMNS = [
    "pool", "profile", "vcpus", "memory_gib", "storage_gib", "fit", "pooled", "lower_bound",
    "fragmentation_pct", "binding", "failover_test", "where",
]  # fmt: skip


def _fit_row(pool: PoolAnswer, found: Fit) -> list[Any]:
    profile, lost = found.profile, found.fragmentation_percent
    return [
        pool.pool.name,
        profile.name,
        round(profile.vcpus, 2),
        round(profile.memory_bytes / GIB, 2),
        round(profile.storage_bytes / GIB, 2),
        found.count,
        found.pooled,
        found.lower_bound,
        None if lost is None else round(lost, 1),
        found.binding,
        pool.failover,
        "; ".join(f"{host}: {count}" for host, count in found.where),
    ]


def _profiles(
    report: Report, pool: PoolAnswer, size: str | None, clone: str | None
) -> list[Profile]:
    """What was asked for; without a wish the policy's sizes and the pool's average guest."""
    named = {profile.name: profile for profile in profiles_of(report.policy)}
    if clone is not None:
        return [_clone(report, clone)]
    if size in named:
        return [named[size]]
    average = average_of(report.estate, pool.pool)
    if size == "average":
        return [average] if average else []
    if size is not None:
        return [_size(size)]
    return [*named.values(), *([average] if average else [])]


def _clone(report: Report, wanted: str) -> Profile:
    views = [view for view in report.estate.guests if view.is_called(wanted)]
    if len(views) != 1:
        found = "several guests are" if views else "no guest is"
        raise SettingsError(f"--clone: {found} called {wanted!r}; write CLUSTER/ID")
    profile = clone_of(report.estate, views[0])
    if profile is None:
        raise SettingsError(f"--clone: the size of {views[0].label} is not known")
    return profile


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


_LARGEST = 1e9


def show_migration(session: Session, to: str | None, on: str | None, form: Format) -> None:
    """The guests that move and what stands in their way, or the burn-down to a day."""
    settings = session.settings()
    until = day_option(to, "--to")
    with session.store(settings) as store:
        when = When.of(settings, day_option(on, "--on"), session.now())
        view = plan_migration(settings, store, when, until)
    if to is not None:
        columns = _columns(BurnDownRow)
        rows = [[getattr(row, name) for name in columns] for row in view.burn_down]
        show(columns, rows, form, empty=_NO_MOVE)
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


def show_risks(
    session: Session, least: Level, fail_on: Level | None, on: str | None, form: Format
) -> Exit:
    """The findings: risks with evidence and remedy, and what could not be checked."""
    floor = SEVERITIES.index(least.value)
    report = session.report(day_option(on, "--on"))
    chosen = [row for row in report.risks if SEVERITIES.index(row.severity) >= floor]
    columns = _columns(RiskRow)
    rows = [[getattr(row, name) for name in columns] for row in chosen]
    on_screen = ("severity", "outcome", "rule", "subject", "agency", "evidence", "since_days")
    show(columns, rows, form, on_screen=on_screen, empty="no findings")
    if form is Format.table:
        coverage = report.assessment.coverage_percent
        note(
            f"{len(report.assessment.risks)} risks, {len(report.assessment.unknowns)} unknown, "
            f"{report.assessment.total('ok')} ok; coverage "
            + ("?" if coverage is None else f"{coverage:.0f} %")
        )
    limit = None if fail_on is None else SEVERITIES.index(fail_on.value)
    grave = [SEVERITIES.index(row.severity) for row in report.risks if row.outcome == "risk"]
    return Exit.MET if limit is not None and max(grave, default=-1) >= limit else Exit.DONE


def show_rules(form: Format) -> None:
    """The catalogue of rules."""
    columns = ["id", "severity", "group", "subject", "title", "sources", "controls", "why", "fix"]
    rows = [
        [
            rule.id,
            rule.severity,
            rule.group,
            rule.subject,
            rule.title,
            ";".join(rule.sources) or "all",
            "; ".join(rule.refs),
            rule.why,
            rule.fix,
        ]
        for rule in RULES
    ]
    on_screen = ("id", "severity", "subject", "title", "controls")
    show(columns, rows, form, on_screen=on_screen)


def show_explanation(session: Session, key: str, on: str | None) -> None:
    """Formula, inputs with their dates, and policy behind a number."""
    report = session.report(day_option(on, "--on"))
    try:
        text = explain(report, key)
    except UnknownKey as error:
        raise SettingsError(str(error)) from None
    out().print(plain_lines(text), markup=False, highlight=False)
