"""What an operator must hear of the sources, whatever was asked: a line each."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from datetime import date, datetime, timedelta

from sqlalchemy.engine import Connection

from inventory.ahead import PollsAhead, polls_ahead
from inventory.sources import SourceState, sources_at
from lumbung.settings import Settings
from planner.estate import SourceHealth

_RENEW_DAYS = 30  # a token that ends within so many days is to be renewed: a month's round is in it


def reminders(
    settings: Settings, connection: Connection, now: datetime, told: Container[str] = ()
) -> list[str]:
    """What is wrong with the sources' clocks, dates and tokens; of the sources ``told`` it was
    said already that they are superseded."""
    states = sources_at(connection, now)
    ahead = polls_ahead(connection, now)
    return [
        *_superseded(state for state in states if state.name not in told),
        *_ahead(ahead, now),
        *_tokens(settings, states, now.astimezone(settings.zone).date()),
    ]


def stale_words(sources: Iterable[SourceHealth]) -> Iterator[str]:
    """Of each source that is too old to decide on: that it has no dates to give, and what to do."""
    for one in sources:
        if one.stale and one.configured:
            read_at = one.state.last_success_at
            since = "never read" if read_at is None else f"stale, last read {_minute(read_at)}"
            yield (
                f"{one.state.name}: {since}: what rests on it has no date; `lumbung collect` reads "
                f"it, `lumbung sources check {one.state.name}` says what is in the way"
            )


def _superseded(states: Iterable[SourceState]) -> Iterator[str]:
    for state in states:
        if state.superseded_since is not None and state.superseded_by is not None:
            yield (
                f"{state.name}: superseded since {_minute(state.superseded_since)}: what it shows "
                f"is older than what is stored, of {_minute(state.superseded_by)}; only its usage "
                "is kept"
            )


def _ahead(ahead: Iterable[PollsAhead], now: datetime) -> Iterator[str]:
    for one in ahead:
        yield (
            f"{one.source}: the store holds facts of {_minute(one.newest_at)}, and it is "
            f"{_minute(now)}: set the clock right, or see `lumbung db check`"
        )


def _tokens(settings: Settings, states: Iterable[SourceState], today: date) -> Iterator[str]:
    configured = {source.name for source in settings.sources}
    for state in states:
        if state.name in configured and (words := token_words(state.token_expires_on, today)):
            yield f"{state.name}: its token {words}"


def token_words(expires_on: date | None, today: date) -> str:
    """What is to be said of a token that ends on a day; nothing while that is far off."""
    if expires_on is None or expires_on - today > timedelta(days=_RENEW_DAYS):
        return ""
    days = (expires_on - today).days
    if days < 0:
        return f"expired on {expires_on}: make a new one"
    return f"expires on {expires_on} (in {days} days): renew it"


def _minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%MZ}"
