"""db info, upgrade, check, purge."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import Annotated

import sqlalchemy as sa
import typer

from inventory.check import faults
from inventory.errors import StoreError
from inventory.history import forget, thin_out
from inventory.samples import USAGE
from inventory.store import SCHEMA_HEAD, Store
from lumbung.printing import note
from lumbung.session import Exit, Session, store_url


def register(app: typer.Typer) -> None:
    db = typer.Typer(help="The store: what it holds, its schema, its health.", no_args_is_help=True)
    db.command("info")(info_command)
    db.command("upgrade")(upgrade_command)
    db.command("check")(check_command)
    db.command("purge")(purge_command)
    app.add_typer(db, name="db")


def info_command(context: typer.Context) -> None:
    """Where the store is, its schema, and how much it holds."""
    session: Session = context.obj
    with Store.open_any_schema(store_url(session.settings(), session.db)) as store:
        print(f"store      {store.address}")
        print(f"schema     {store.schema or 'none'} (this program: {SCHEMA_HEAD})")
        if store.path is not None:
            status = store.path.stat()
            print(
                f"file       {status.st_size / 1024**2:,.1f} MiB, mode {status.st_mode & 0o777:04o}"
            )
        with store.reading() as connection:
            for table in sa.inspect(connection).get_table_names():
                if table != "alembic_version":
                    count = connection.scalar(
                        sa.select(sa.func.count()).select_from(sa.table(table))
                    )
                    print(f"{table:<15}{count:>12,}")


def upgrade_command(context: typer.Context) -> None:
    """Bring the schema up to this program; an embedded store is copied first."""
    session: Session = context.obj
    with Store.open_any_schema(store_url(session.settings(), session.db)) as store:
        before = store.schema
        if before == SCHEMA_HEAD:
            print(f"{store.address} has schema {SCHEMA_HEAD} already")
            return
        if store.path is not None and before is not None:
            copy = store.path.with_name(f"{store.path.name}-schema-{before}")
            shutil.copy2(store.path, copy)
            note(f"copied to {copy}")
        store.upgrade()
        print(f"{store.address}: schema {before or 'none'} → {SCHEMA_HEAD}")


def check_command(context: typer.Context) -> None:
    """Look for damage: of the file, and of what the store promises about its facts."""
    session: Session = context.obj
    with session.store() as store, store.reading() as connection:
        found = faults(connection)
    for fault in found:
        print(fault)
    if found:
        raise typer.Exit(Exit.FAULT)
    print("no fault found")


def purge_command(
    context: typer.Context,
    older_than: Annotated[
        int | None,
        typer.Option(min=30, metavar="DAYS", help="also forget facts, polls and samples before"),
    ] = None,
) -> None:
    """Merge and drop old samples as configured; with --older-than forget more, for good."""
    session: Session = context.obj
    settings = session.settings()
    now = session.now()
    with session.store(settings) as store:
        with store.writing() as connection:
            thinned = thin_out(
                connection,
                now,
                raw_days=settings.history.raw_days,
                hour_days=settings.history.hour_days,
            )
            gone = None
            if older_than is not None:
                gone = forget(connection, now - timedelta(days=older_than))
        _shrink(store)
        with store.reading() as connection:
            left = connection.scalar(sa.select(sa.func.count()).select_from(USAGE))
    print(f"merged into {thinned.samples_merged} hours, dropped {thinned.samples} samples")
    if gone is not None:
        print(f"forgot {gone.versions} versions, {gone.polls} polls, {gone.samples} samples")
    print(f"{left:,} samples left")


def _shrink(store: Store) -> None:
    """Gives the room of what was dropped back to the disk."""
    if store.engine.dialect.name != "sqlite":
        return
    try:
        with store.engine.connect() as connection:
            raw = connection.connection.dbapi_connection
            if raw is not None:
                raw.execute("VACUUM")
    except sa.exc.OperationalError as error:
        raise StoreError(f"{store.address}: could not be shrunk: {error.orig}") from error
