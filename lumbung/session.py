"""What every command starts from: the configuration, the store, the clock."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from collectors.contract import SourceMisconfigured
from inventory.facts import first_known_at
from inventory.store import Store
from lumbung import secrets
from lumbung.choices import Globals
from lumbung.plan import When, plan
from lumbung.settings import Settings, SettingsError, find_settings, load_settings
from planner.report import Report

NOW_VARIABLE = "LUMBUNG_NOW"  # an ISO instant that stands in for the clock, for rehearsals


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the command line."""

    config: Path | None = None
    db: str | None = None
    verbose: bool = False
    at: datetime | None = None  # stands in for the clock

    @classmethod
    def of(cls, given: Globals) -> Session:
        return cls(given.config, given.db, given.verbose)

    def settings(self) -> Settings:
        return load_settings(find_settings(self.config))

    @contextmanager
    def store(self, settings: Settings | None = None, *, create: bool = False) -> Iterator[Store]:
        settings = settings or self.settings()
        with Store.open(store_url(settings, self.db), create=create) as store:
            yield store

    def now(self) -> datetime:
        """The clock, or the instant that a rehearsal sets."""
        if self.at is not None:
            return self.at
        stated = os.environ.get(NOW_VARIABLE)
        if not stated:
            return datetime.now(UTC)
        try:
            value = datetime.fromisoformat(stated)
        except ValueError:
            raise SettingsError(f"${NOW_VARIABLE}: {stated!r} is not an ISO instant") from None
        if value.tzinfo is None:
            raise SettingsError(f"${NOW_VARIABLE}: {stated!r} has no offset")
        return value.astimezone(UTC)

    def report(self, on: date | None = None, *, run_id: str = "") -> Report:
        """The report of the store, for the commands that show a part of it."""
        settings = self.settings()
        with self.store(settings) as store:
            return plan(settings, store, When.of(settings, on, self.now()), run_id=run_id)

    def knows_nothing(self) -> str:
        """What to say where nothing is known of a day: since when anything is."""
        settings = self.settings()
        with self.store(settings) as store, store.reading() as connection:
            first = first_known_at(connection)
        if first is None:
            return "the store knows nothing yet; run `lumbung collect`"
        return f"the store knows nothing before {first.astimezone(settings.zone).date()}"

    def no_pool(self, option: str, name: str, known: Iterable[str]) -> SettingsError:
        """That no pool has a name, and which there are."""
        names = ", ".join(known)
        said = f"known are {names}" if names else self.knows_nothing()
        return SettingsError(f"{option}: no pool is named {name!r}; {said}")


def store_url(settings: Settings, override: str | None) -> URL:
    """The store's address; a relative SQLite file counts from the project root."""
    text = override or settings.store.url
    try:
        url = make_url(text)
    except ArgumentError:
        raise SettingsError(f"{settings.path}: [store] url: not a database address") from None
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise SettingsError(
            f"{settings.path}: [store] url: {url.get_backend_name()!r} is neither sqlite nor "
            "postgresql+psycopg"
        )
    if url.password:
        raise SettingsError(
            f"{settings.path}: [store] url holds a password; take it out and set "
            'password = "file:PATH" beside it'
        )
    if url.get_backend_name() == "sqlite":
        return _sqlite(settings, url, is_override=override is not None)
    return _with_password(settings, url)


def _sqlite(settings: Settings, url: URL, *, is_override: bool) -> URL:
    database = url.database
    if not database or database == ":memory:":
        raise SettingsError(f"{settings.path}: [store] url names no file")
    base = Path.cwd() if is_override else settings.root
    return url.set(database=str(base / database))


def _with_password(settings: Settings, url: URL) -> URL:
    reference = settings.store.password
    if reference is None:
        return url
    try:
        secret = secrets.resolve(reference, folder=settings.path.parent, what="[store] password")
    except SourceMisconfigured as error:
        raise SettingsError(f"{settings.path}: {error}") from error
    return url.set(password=secret.get_secret_value())
