"""What the store holds of times to come: the mark of a clock, or of a date, that was wrong.

Nothing that is read is taken in until such a time has come, for what is stored is newer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inventory.clocks import MAY_BE_AHEAD
from inventory.samples import DIRTY, USAGE, days_touched, insert
from inventory.schema import (
    BROUGHT_FACTS,
    VERSION_ROWS,
    AliasRow,
    ClusterDayRow,
    CounterRow,
    CoverageRow,
    EntityDayRow,
    EntityRow,
    FindingReportRow,
    FindingRow,
    FindingStateRow,
    ForecastBandRow,
    ForecastRow,
    GuestDayRow,
    KeptAnswerRow,
    MetaRow,
    PeakRow,
    PollRow,
    SourceRow,
    table_of,
)

_SOURCE, _POLL, _COVERAGE = (table_of(row) for row in (SourceRow, PollRow, CoverageRow))
_REPORT, _META = table_of(FindingReportRow), table_of(MetaRow)
_VERSIONS = tuple(table_of(row) for row in VERSION_ROWS.values())


@dataclass(frozen=True, slots=True)
class PollsAhead:
    """The polls of a source that brought facts of a time to come."""

    source: str
    count: int
    newest_at: datetime


@dataclass(frozen=True, slots=True)
class TakenOut:
    """What was taken out, and what is held to last again because its end was to come."""

    polls: int = 0
    versions: int = 0
    reopened: int = 0
    samples: int = 0
    reports: int = 0


def polls_ahead(connection: Connection, now: datetime) -> tuple[PollsAhead, ...]:
    """Per source what is in the way of its next polls, by name."""
    newest = sa.func.max(_POLL.c.taken_at, type_=_POLL.c.taken_at.type)
    rows = connection.execute(
        sa.select(_SOURCE.c.name, sa.func.count(), newest)
        .join(_SOURCE, _SOURCE.c.key == _POLL.c.source_key)
        .where(_POLL.c.taken_at > now + MAY_BE_AHEAD, BROUGHT_FACTS)
        .group_by(_SOURCE.c.name)
        .order_by(_SOURCE.c.name)
    )
    return tuple(PollsAhead(*row) for row in rows)


def ahead_faults(connection: Connection, now: datetime, zone: ZoneInfo) -> list[str]:
    """Everything that is dated after now, one line each."""
    after, today = now + MAY_BE_AHEAD, now.astimezone(zone).date()
    found = [
        f"source {one.source}: {one.count} polls are dated after now, the last "
        f"{one.newest_at.isoformat()}: nothing it shows is taken in until then"
        for one in polls_ahead(connection, now)
    ]
    dated = [(table, table.c.valid_from > after) for table in _VERSIONS]
    dated += [(USAGE, USAGE.c.taken_at > after), (_REPORT, _REPORT.c.reported_on > today)]
    for table, is_ahead in dated:
        query = sa.select(sa.func.count()).select_from(table).where(is_ahead)
        if count := connection.scalar(query):
            found.append(f"{table.name}: {count} rows are dated after now")
    return found


def take_out_ahead(connection: Connection, now: datetime, zone: ZoneInfo) -> TakenOut:
    """Makes the store what it was before anything dated after now came into it.

    What such a poll changed is as it was before; what it measured is not known until the next.
    """
    after, today = now + MAY_BE_AHEAD, now.astimezone(zone).date()
    _forget_answers(connection, after)
    polls = connection.execute(_POLL.delete().where(_POLL.c.taken_at > after)).rowcount
    versions = reopened = 0
    for table in _VERSIONS:
        versions += connection.execute(table.delete().where(table.c.valid_from > after)).rowcount
        reopened += connection.execute(
            table.update().where(table.c.valid_to > after).values(valid_to=None)
        ).rowcount
    _unmeasure(connection, after)
    _shorten_coverage(connection, after)
    _redate(connection, after, now)
    # When the store was last thinned out may be to come as well; it is thinned out anew.
    connection.execute(_META.delete().where(_META.c.name == "thinned_out_at"))
    samples = _take_out_samples(connection, after, today, zone)
    reports = _take_out_reports(connection, today)
    return TakenOut(polls, versions, reopened, samples, reports)


def _forget_answers(connection: Connection, after: datetime) -> None:
    """What a poll to come left for the next ones: those ask anew."""
    of_these = sa.select(_POLL.c.source_key).where(_POLL.c.taken_at > after)
    for row in (KeptAnswerRow, CounterRow):
        table = table_of(row)
        connection.execute(table.delete().where(table.c.source_key.in_(of_these)))


def _unmeasure(connection: Connection, after: datetime) -> None:
    for kind, row in VERSION_ROWS.items():
        if kind.measured:
            table = table_of(row)
            unknown = dict.fromkeys(kind.measured) | {"measured_at": table.c.valid_from}
            connection.execute(table.update().where(table.c.measured_at > after).values(**unknown))


def _shorten_coverage(connection: Connection, after: datetime) -> None:
    """Lets the runs of coverage end with the last poll that is left of their source."""
    connection.execute(_COVERAGE.delete().where(_COVERAGE.c.first_at > after))
    connection.execute(_COVERAGE.update().where(_COVERAGE.c.asked_at > after).values(asked_at=None))
    last_left = (
        sa.select(sa.func.max(_POLL.c.taken_at))
        .where(_POLL.c.source_key == _COVERAGE.c.source_key, BROUGHT_FACTS)
        .scalar_subquery()
    )
    connection.execute(
        _COVERAGE.update().where(_COVERAGE.c.last_at > after).values(last_at=last_left)
    )


def _redate(connection: Connection, after: datetime, now: datetime) -> None:
    """Names that were learnt stay known, for samples hang on them: as of now."""
    entity, alias = table_of(EntityRow), table_of(AliasRow)
    for column in (entity.c.first_at, alias.c.since_at, alias.c.until_at, _SOURCE.c.added_at):
        connection.execute(column.table.update().where(column > after).values({column.name: now}))


def _take_out_samples(connection: Connection, after: datetime, today: date, zone: ZoneInfo) -> int:
    """Drops samples and the days that are not over; of days they touched the rest is counted
    anew."""
    columns = (USAGE.c.entity_key, USAGE.c.taken_at, USAGE.c.period_seconds)
    touched = {
        (key, day)
        for key, ends, seconds in connection.execute(
            sa.select(*columns).where(USAGE.c.taken_at > after)
        )
        for day in days_touched(ends, seconds, zone)
        if day <= today
    }
    entity_day = table_of(EntityDayRow)
    closed = sa.select(entity_day.c.entity_key).where(entity_day.c.day == today)
    touched |= {(key, today) for key in connection.scalars(closed)}
    for day_row in (EntityDayRow, ClusterDayRow, GuestDayRow):
        table = table_of(day_row)
        connection.execute(table.delete().where(table.c.day >= today))
    connection.execute(DIRTY.delete().where(DIRTY.c.day > today))
    peak = table_of(PeakRow)
    connection.execute(peak.delete().where(peak.c.taken_at > after))
    gone = connection.execute(USAGE.delete().where(USAGE.c.taken_at > after)).rowcount
    insert(connection, DIRTY, [{"entity_key": key, "day": day} for key, day in sorted(touched)])
    return gone


def _take_out_reports(connection: Connection, today: date) -> int:
    """What reports of days to come said is not remembered: it would hide what the next say."""
    for row in (ForecastRow, ForecastBandRow):
        table = table_of(row)
        connection.execute(table.delete().where(table.c.as_of > today))
    gone = connection.execute(_REPORT.delete().where(_REPORT.c.reported_on > today)).rowcount
    state, finding = table_of(FindingStateRow), table_of(FindingRow)
    last_left = sa.select(sa.func.max(_REPORT.c.reported_on)).scalar_subquery()
    connection.execute(state.delete().where(state.c.since_on > today))
    connection.execute(state.update().where(state.c.last_on > today).values(last_on=last_left))
    connection.execute(finding.delete().where(finding.c.first_seen_on > today))
    connection.execute(
        finding.update().where(finding.c.last_seen_on > today).values(last_seen_on=today)
    )
    return gone
