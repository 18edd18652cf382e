"""The store: one database that remembers the estate.

``Store`` opens or makes it and lends connections; what is written and read are functions of a
connection, in ``inventory.append``, ``inventory.facts``, ``inventory.history`` and beside them.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import DatabaseError, OperationalError

from inventory.errors import (
    DriverMissing,
    SchemaTooNew,
    SchemaTooOld,
    StoreDamaged,
    StoreFull,
    StoreMissing,
    StoreUnusable,
)

SCHEMA_HEAD = "0014"  # the newest migration in inventory/migrations/versions; a test holds it so
_KNOWN_SCHEMAS = tuple(f"{number:04d}" for number in range(1, int(SCHEMA_HEAD) + 1))
_BUSY_SECONDS = 30
_ONE_STATE = {"isolation_level": "REPEATABLE READ"}
_WRITERS_LOCK = 0x4C756D62756E67  # "Lumbung": what its writers wait for on a server


@dataclass(frozen=True, slots=True)
class Store:
    """An open store. Close it, or use it in ``with``."""

    engine: Engine
    address: str  # fit to be shown: holds no password

    @classmethod
    def open(cls, url: str | URL, *, create: bool = False) -> Store:
        """The store at ``url``, made first when it does not exist and ``create`` is true.

        Raises StoreMissing, SchemaTooOld, SchemaTooNew or StoreUnusable.
        """
        store = cls._connect(make_url(url), create=create)
        try:
            store._prepare(create=create)
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def open_any_schema(cls, url: str | URL) -> Store:
        """The store at ``url`` whatever its schema: for `db info` and `db upgrade`."""
        return cls._connect(make_url(url), create=False)

    @classmethod
    def _connect(cls, url: URL, *, create: bool) -> Store:
        address = url.render_as_string(hide_password=True)
        if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
            _claim_file(Path(str(url.database)), create=create)
        try:
            engine = sa.create_engine(url)
        except ModuleNotFoundError as error:
            raise DriverMissing(
                f"a store on PostgreSQL needs {error.name}; install it with: "
                "pip install 'lumbung[postgres]'"
            ) from None
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            event.listen(engine, "begin", _begin_postgresql)
        return cls(engine, address)

    def _prepare(self, *, create: bool) -> None:
        schema = self.schema
        if schema is None:
            if not create:
                raise StoreMissing(
                    f"{self.address} holds no inventory yet; run `lumbung collect` first"
                )
            self.upgrade()
            return
        self.refuse_newer()
        if schema != SCHEMA_HEAD:
            raise SchemaTooOld(
                f"{self.address} has schema {schema}, this Lumbung needs {SCHEMA_HEAD}; "
                "run `lumbung db upgrade`"
            )

    def refuse_newer(self) -> None:
        """Raises SchemaTooNew for a store whose schema this program does not know."""
        schema = self.schema
        if schema is not None and schema not in _KNOWN_SCHEMAS:
            raise SchemaTooNew(
                f"{self.address} was written by a newer Lumbung (schema {schema}, this one knows "
                f"up to {SCHEMA_HEAD}); update Lumbung"
            )

    @property
    def schema(self) -> str | None:
        """The store's migration; None when it has no tables yet."""
        with self.reading() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            schema: str = connection.execute(
                sa.text("SELECT version_num FROM alembic_version")
            ).scalar_one()
            return schema

    def upgrade(self) -> None:
        """Brings the schema to SCHEMA_HEAD, in one transaction. Raises SchemaTooNew."""
        from alembic import command
        from alembic.config import Config

        self.refuse_newer()
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with self.writing() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection on which every query sees the same state."""
        options = {} if self.engine.dialect.name == "sqlite" else _ONE_STATE
        with (
            _said_plainly(self.address),
            self.engine.connect().execution_options(**options) as connection,
        ):
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection whose writes are kept together at the end, or not at all."""
        with (
            _said_plainly(self.address),
            self.engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    @property
    def path(self) -> Path | None:
        """The file of an embedded store; None for a server's."""
        database = self.engine.url.database
        return Path(database) if self.engine.dialect.name == "sqlite" and database else None

    def close(self) -> None:
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _claim_file(path: Path, *, create: bool) -> None:
    """Makes the database file readable by its owner alone, before anything is in it."""
    if path.exists():
        return
    if not create:
        raise StoreMissing(f"no inventory at {path}; run `lumbung collect` first")
    if not path.parent.is_dir():
        raise StoreUnusable(f"cannot make {path}: the folder {path.parent} does not exist")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        kind = StoreFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else StoreUnusable
        raise kind(f"cannot make {path}: {error.strerror}") from error


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by _begin_sqlite
    # A rollback journal, not a write-ahead log: a reader of another user in the same group
    # needs no right to write beside the file.
    for pragma in (f"busy_timeout = {_BUSY_SECONDS * 1000}", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    """One writer at a time, as in a file: two polls of one source never interleave."""
    if connection.get_execution_options().get("writes", False):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_BUSY_SECONDS}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS_LOCK})")


@contextmanager
def _said_plainly(address: str) -> Iterator[None]:
    """Turns a driver's error into one line that names the store and what to do."""
    try:
        yield
    except (OperationalError, DatabaseError) as error:
        reason = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
        kind, advice = _judged(reason)
        raise kind(f"{address}: {reason}{advice}") from error


_FOREIGN = "; the file is something else or damaged"
_HELD = f"; another process held it for over {_BUSY_SECONDS} s"
_SIGNS: dict[str, tuple[type[StoreUnusable], str]] = {
    "disk is full": (StoreFull, "; free some space, nothing was stored"),
    "disk I/O error": (
        StoreFull,
        "; look at the disk's space, quota and health, nothing was stored",
    ),
    "readonly database": (StoreUnusable, "; this user may read it but not write to it"),
    "database is locked": (StoreUnusable, _HELD),
    "lock timeout": (StoreUnusable, _HELD),
    "file is not a database": (StoreDamaged, _FOREIGN),
    "malformed": (StoreDamaged, "; the file is damaged: bring back a copy of it"),
    "unable to open": (StoreUnusable, "; check that this user may use the file and its folder"),
}


def _judged(reason: str) -> tuple[type[StoreUnusable], str]:
    """What kind of trouble a driver's words mean, and what to do about it."""
    return next((told for sign, told in _SIGNS.items() if sign in reason), (StoreUnusable, ""))
