"""Wiring: from the store to a report. Reads, decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from sqlalchemy.engine import Connection

from inventory import window as read_window
from inventory.changes import changes_between
from inventory.facts import facts_at
from inventory.findings import first_seen, report_before
from inventory.forecasts import said_between
from inventory.guest_days import guest_days
from inventory.history import close_days
from inventory.holdings import guest_use, holdings
from inventory.levels import (
    cluster_days,
    clusters_from_guests,
    datastore_days,
    host_days,
    latest_levels,
)
from inventory.proposals import proposals
from inventory.records import Disk, Guest, Nic
from inventory.sources import SourceState, last_polls, sources_at
from inventory.store import Store
from inventory.versions import allocation_versions, guest_versions, power_since
from inventory.window import K, Span, spans_between
from lumbung.declared import declared_by, same_throughout
from lumbung.files import (
    load_calendar,
    load_eol,
    load_estate,
    load_policy,
    load_regulations,
)
from lumbung.hygiene import tool_facts
from lumbung.settings import ConfiguredSource, Settings, SettingsError
from planner.answers import answer_all
from planner.balance import BALANCE_DAYS, Balance, balances_of
from planner.estate import Estate, SourceHealth
from planner.growth import Teller, history_needed, weeks_needed
from planner.growth_parts import WEEK_DAYS, Ledger
from planner.guest_views import names_of
from planner.incident.answer import Incident, incident_of
from planner.incident.past import Past as IncidentPast
from planner.incident.past import Window, began
from planner.loads import RECONCILED_DAYS
from planner.made_at import with_possible_times
from planner.migration import MigrationView, migration_of
from planner.past import Past
from planner.questions import questions
from planner.report import Memory, Report, make_report
from planner.risks.catalogue import Language
from planner.risks.matrix import MatrixRow, matrix_of
from planner.series import HISTORY_DAYS
from planner.twins import GuestKey

_STALE_POLLS = 3
_LATEST_WITHIN_SECONDS = 3_600
_CHANGES_DAYS = 7


@dataclass(frozen=True, slots=True)
class When:
    """As of which local date, and up to which instant, the estate is read."""

    as_of: date
    at: datetime
    today: date

    @classmethod
    def of(
        cls, settings: Settings, on: date | None, now: datetime, *, option: str = "--on"
    ) -> When:
        """Now, or the end of a past local date. Raises SettingsError for a day to come: nothing
        is known of it, and what is to be done by then would seem to be late."""
        today = now.astimezone(settings.zone).date()
        if on is not None and on > today:
            raise SettingsError(f"{option}: {on} is after today, {today}; nothing is known of it")
        if on is None or on == today:
            return cls(today, now, today)
        midnight = datetime.combine(on + timedelta(days=1), time(), settings.zone)
        return cls(on, midnight, today)


def plan(settings: Settings, store: Store, when: When, *, run_id: str) -> Report:
    """The report of the store as of a date."""
    estate, past, memory = gather(settings, store, when)
    return make_report(
        estate,
        past,
        memory,
        zone=settings.zone,
        run_id=run_id,
        zone_is_assumed=settings.zone_is_assumed,
        regulations=load_regulations(settings.regulations_folder),
    )


def plan_migration(
    settings: Settings, store: Store, when: When, until: date | None
) -> tuple[Estate, MigrationView]:
    """The estate, and the move from one platform to another, as of a date."""
    with store.reading() as connection:
        estate = _estate(connection, settings, store, when)
        versions = guest_versions(connection, when.at)
    return estate, migration_of(estate, versions, zone=settings.zone, until=until)


def plan_matrix(settings: Settings, store: Store, when: When) -> tuple[MatrixRow, ...]:
    """What data and what exposure stand together in which place, as of a date."""
    with store.reading() as connection:
        return matrix_of(_estate(connection, settings, store, when))


def plan_balance(
    settings: Settings, store: Store, when: When
) -> tuple[Estate, tuple[Balance, ...]]:
    """The estate, and how even its hosts, clusters and sites are used, as of a date."""
    estate, past, _memory = gather(settings, store, when)
    answers = answer_all(estate, questions(estate, past, settings.zone))
    return estate, balances_of(estate, past, answers)


def plan_growth(
    settings: Settings, store: Store, when: When, *, run_id: str
) -> tuple[Report, Teller]:
    """The report, and what tells the growth of its pools apart, of one state of the store."""
    zone = settings.zone
    with store.reading() as connection:
        estate, past, memory = _gathered(connection, settings, store, when)
        report = make_report(
            estate,
            past,
            memory,
            zone=zone,
            run_id=run_id,
            zone_is_assumed=settings.zone_is_assumed,
            regulations=load_regulations(settings.regulations_folder),
        )
        answers = [answer for pool in report.answers for answer in pool.answers]
        ledger = Ledger(holdings(connection, history_needed(answers, when.at), when.at))
        days = weeks_needed(estate, answers, zone)
        use = {
            first: guest_use(connection, first, first + timedelta(days=WEEK_DAYS - 1))
            for first in sorted(days)
        }
    return report, Teller(estate, past, ledger, use, zone)


def estate_at(settings: Settings, store: Store, when: When) -> Estate:
    """What is known and declared as of a date."""
    with store.reading() as connection:
        return _estate(connection, settings, store, when)


def plan_incident(
    settings: Settings, store: Store, called: str, window: Window, now: datetime, lang: Language
) -> Incident:
    """Everything known of a guest and a window. Raises SettingsError for a name that no guest, or
    more than one, had in it."""
    with store.reading() as connection:
        looks = read_window.looks_between(connection, window.start, window.end)
        guests = [
            span
            for span in spans_between(connection, Guest, window.start, _look_after(window, looks))
            if span.start <= window.end or began(span, looks) < window.end
        ]
        cluster, guest_id = key = _guest_called(called, guests)
        own = [s for s in guests if (s.record.cluster, s.record.guest_id) == key]
        first = max(window.start, min(span.start for span in own))
        told_by = {span.source for span in own}
        seen = _look_after(window, {name: looks.get(name, ()) for name in told_by})

        def estate_at(at: datetime) -> Estate:
            when = When(
                at.astimezone(settings.zone).date(), at, now.astimezone(settings.zone).date()
            )
            return _estate(connection, settings, store, when)

        def spans(kind: type[K]) -> tuple[Span[K], ...]:
            return spans_between(connection, kind, window.start, seen, cluster)

        past = IncidentPast(
            guests=tuple(span for span in guests if span.record.cluster == cluster),
            disks=spans(Disk),
            nics=spans(Nic),
            changes=changes_between(connection, window.start, seen),
            blind=read_window.blind_between(connection, window.start, window.end),
            looks=looks,
        )
        return incident_of(
            (cluster, guest_id), window, estate_at(first), estate_at(now), past, lang
        )


def _look_after(window: Window, looks: Mapping[str, Sequence[datetime]]) -> datetime:
    """When all of some sources had been read again after the window; its end where none was."""
    later = ([look for look in found if look > window.end] for found in looks.values())
    return max((min(found) for found in later if found), default=window.end)


def _guest_called(called: str, guests: Iterable[Span[Guest]]) -> GuestKey:
    """The guest that had that id, UUID or name in the window."""
    found = {
        (span.record.cluster, span.record.guest_id): span.record
        for span in guests
        if called in names_of(span.record)
    }
    if len(found) == 1:
        return next(iter(found))
    if not found:
        raise SettingsError(f"--guest: nobody was called {called!r} in that time")
    listed = ", ".join(f"{cluster}/{guest_id}" for cluster, guest_id in sorted(found))
    raise SettingsError(f"--guest: {called!r} may be {listed}; name one of these")


def gather(
    settings: Settings, store: Store, when: When, *, sketches: bool = True
) -> tuple[Estate, Past, Memory]:
    """Everything the planner needs, read at one state of the store.

    Without ``sketches`` of guests' days no guest can be judged: for what asks nothing of that.
    """
    with store.reading() as connection:
        return _gathered(connection, settings, store, when, sketches=sketches)


def _gathered(
    connection: Connection,
    settings: Settings,
    store: Store,
    when: When,
    *,
    sketches: bool = True,
) -> tuple[Estate, Past, Memory]:
    since = when.as_of - timedelta(days=HISTORY_DAYS)
    estate = _estate(connection, settings, store, when)
    judged = max(estate.policy.rightsize.window_days, estate.policy.reclaim.idle_days)
    past = Past(
        cluster_days=cluster_days(connection, since, when.as_of),
        datastore_days=datastore_days(connection, since, when.as_of),
        host_days=host_days(connection, when.as_of - timedelta(days=BALANCE_DAYS), when.as_of),
        clusters_from_guests=clusters_from_guests(connection),
        allocations=allocation_versions(connection),
        polls=last_polls(connection, when.at, settings.zone),
        latest=latest_levels(connection, when.at, within_seconds=_LATEST_WITHIN_SECONDS),
        guest_days=guest_days(connection, when.as_of - timedelta(days=judged), when.as_of)
        if sketches
        else {},
        guest_week=guest_use(
            connection,
            when.as_of - timedelta(days=RECONCILED_DAYS),
            when.as_of - timedelta(days=1),
        ),
        said=said_between(connection, since, when.as_of),
    )
    changes = changes_between(connection, when.at - timedelta(days=_CHANGES_DAYS), when.at)
    memory = Memory(
        changes=changes,
        first_seen=first_seen(connection),
        past_report=report_before(connection, when.as_of),
        power_since=power_since(connection, when.at),
        proposals=proposals(connection),
    )
    return replace(estate, changes=changes), past, memory


def _estate(connection: Connection, settings: Settings, store: Store, when: When) -> Estate:
    policy = load_policy(settings.policy_file)
    made_from = declared_by(settings, policy)
    estate = Estate(
        as_of=when.as_of,
        at=when.at,
        facts=with_possible_times(facts_at(connection, when.at)),
        policy=policy,
        owners=load_estate(settings.estate_file, when.today),
        sources=tuple(health(settings, sources_at(connection, when.at), when.at)),
        site=settings.site.name,
        tool=tool_facts(settings, store, connection),
        eol=load_eol(settings.policy_file, policy),
        calendar=load_calendar(settings.calendar_file),
        made_from=made_from,
    )
    same_throughout(made_from, declared_by(settings, load_policy(settings.policy_file)))
    return estate


def health(
    settings: Settings, states: Iterable[SourceState], at: datetime
) -> Iterable[SourceHealth]:
    """Each source, with what makes it too old to decide on."""
    configured = {source.name: source for source in settings.sources}
    known = {state.name for state in states}
    for state in states:
        source = configured.get(state.name)
        yield _health(settings, state, source, at)
    for name in sorted(set(configured) - known):
        kind = configured[name].common.kind
        never = SourceState(key=0, name=name, kind=kind, cluster=None)
        yield _health(settings, never, configured[name], at)


def _health(
    settings: Settings, state: SourceState, source: ConfiguredSource | None, at: datetime
) -> SourceHealth:
    minutes = settings.poll_minutes(source) if source else settings.schedule.poll_minutes
    # What was carried in is as old as what it tells, however often it is read.
    carried = source is None or source.options.carried
    told = state.last_taken_at if carried else state.last_success_at
    age = None if told is None else max(0.0, (at - told).total_seconds() / 60)
    stale = age is None or age > _STALE_POLLS * minutes
    return SourceHealth(state, minutes, age, stale, configured=source is not None)


def close_history(settings: Settings, store: Store, now: datetime) -> int:
    """Makes the daily statistics of days that have closed; returns how many were made."""
    with store.writing() as connection:
        return close_days(connection, settings.zone, now)
