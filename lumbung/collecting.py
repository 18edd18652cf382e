"""Wiring: from configured sources to polls, their history, and the daily statistics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import sqlalchemy as sa

from collectors import poll as polling
from collectors.contract import Source, SourceMisconfigured
from collectors.poll import HistoryProgress, Plan, Result
from inventory.append import Attempt, record_failure
from inventory.history import close_days, thin_out
from inventory.kept import kept_answers
from inventory.records import KeptAnswer, Snapshot
from inventory.samples import insert
from inventory.schema import MetaRow, table_of
from inventory.sources import known_clusters
from inventory.store import Store
from lumbung import secrets
from lumbung.auditing import note_deed
from lumbung.choices import Exit
from lumbung.session import Session
from lumbung.settings import ConfiguredSource, Settings

_META = table_of(MetaRow)
_THIN_OUT_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Collected:
    """All results of one `collect`."""

    results: tuple[Result, ...]

    @property
    def exit(self) -> Exit:
        """0 done; 3 a source failed, was superseded or has a new gap; 4 nothing came; 2 only for
        settings."""
        if not any(result.ok for result in self.results):
            faults = {result.error_kind for result in self.results}
            settings_only = faults <= {"SourceMisconfigured", "NotInstalled", "ClusterConflict"}
            return Exit.USAGE if settings_only else Exit.NOTHING
        partial = any(not r.ok or r.superseded or r.new_gaps for r in self.results)
        return Exit.PARTIAL if partial else Exit.DONE


@dataclass(frozen=True, slots=True)
class Known:
    """What the polls before left for the next ones, by source."""

    clusters: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, Mapping[str, KeptAnswer]] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Store) -> Known:
        with store.reading() as connection:
            return cls(known_clusters(connection), kept_answers(connection))


NOTHING_KNOWN = Known()


def plan_of(settings: Settings, source: ConfiguredSource, known: Known = NOTHING_KNOWN) -> Plan:
    """How to poll a source, its secrets resolved. Raises SourceMisconfigured."""
    common, options = source.common, source.options
    resolved = {
        name: secrets.resolve(
            reference, folder=settings.path.parent, what=f"source {source.name}: {name}"
        )
        for name, reference in options.secret_references().items()
    }
    return Plan(
        Source(
            name=source.name,
            kind=common.kind,
            options=options,
            cluster=common.cluster,
            known_cluster=known.clusters.get(source.name),
            kept=known.kept.get(source.name, {}),
            secrets=resolved,
            zone=settings.zone,
            period_seconds=60 * settings.poll_minutes(source)
            if not options.carried
            else 60 * settings.schedule.poll_minutes,
        ),
        timeout_seconds=common.timeout_seconds,
        max_parallel=common.max_parallel,
        max_requests=common.max_requests,
        zone=settings.zone,
    )


def collect(
    session: Session, settings: Settings, store: Store, names: Sequence[str]
) -> Iterator[Result]:
    """One poll of every (named) source; yields each result as it is stored."""
    known = Known.of(store)
    plans: list[Plan] = []
    for source in settings.chosen(names):
        try:
            plans.append(plan_of(settings, source, known))
        except SourceMisconfigured as error:
            yield _misconfigured(session, settings, store, source, error)
    if plans:
        yield from polling.poll(store, plans, session.now)


def _misconfigured(
    session: Session,
    settings: Settings,
    store: Store,
    source: ConfiguredSource,
    error: SourceMisconfigured,
) -> Result:
    now = session.now()
    attempt = Attempt(source.name, source.common.kind, now, now, settings.zone)
    with store.writing() as connection:
        record_failure(connection, attempt, "failed", str(error))
    return Result(source.name, "failed", error=str(error), error_kind=type(error).__name__)


def note_collect(session: Session, store: Store, command: str, results: Sequence[Result]) -> None:
    """Tells the audit log which sources were asked, and what came of it."""
    stored = [result.stored for result in results if result.stored is not None]
    with store.writing() as connection:
        note_deed(
            session,
            connection,
            command,
            {
                "failed": sum(not result.ok for result in results),
                "added": sum(one.added for one in stored),
                "changed": sum(one.changed for one in stored),
                "gone": sum(one.closed for one in stored),
                "samples": sum(one.samples for one in stored),
                "gaps": sum(len(one.gaps) for one in stored),
            },
            (result.source for result in results),
        )


def backfill(
    session: Session,
    settings: Settings,
    store: Store,
    source: ConfiguredSource,
    snapshot: Snapshot,
    *,
    seconds: float,
) -> Iterator[HistoryProgress]:
    """Goes on reading the history that a source's platform keeps itself."""
    plan = plan_of(settings, source, Known.of(store))
    yield from polling.backfill(store, plan, snapshot, session.now, seconds=seconds)


def keep_house(session: Session, settings: Settings, store: Store) -> None:
    """Closes the days that are over; once a day merges old samples."""
    now = session.now()
    with store.writing() as connection:
        close_days(connection, settings.zone, now)
        last = connection.scalar(sa.select(_META.c.value).where(_META.c.name == "thinned_out_at"))
        if last is None or now.timestamp() - float(last) >= _THIN_OUT_EVERY.total_seconds():
            thin_out(
                connection,
                now,
                raw_days=settings.history.raw_days,
                hour_days=settings.history.hour_days,
            )
            row = {"name": "thinned_out_at", "value": str(int(now.timestamp()))}
            insert(connection, _META, [row], renew=True)
