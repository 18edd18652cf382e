"""db info, upgrade, check, mend, purge."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from datetime import timedelta

import sqlalchemy as sa

from inventory.ahead import ahead_faults, take_out_ahead
from inventory.audit import log_faults
from inventory.check import faults
from inventory.errors import StoreDamaged, StoreError
from inventory.history import Forgotten, forget, thin_out
from inventory.samples import USAGE
from inventory.store import SCHEMA_HEAD, Store
from lumbung.auditing import note_deed
from lumbung.choices import Exit
from lumbung.printing import note
from lumbung.session import Session, store_url


def show_info(session: Session) -> None:
    """Where the store is, its schema, and how much it holds."""
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


def upgrade(session: Session) -> None:
    """Bring the schema up to this program; an embedded store is copied first."""
    with Store.open_any_schema(store_url(session.settings(), session.db)) as store:
        store.refuse_newer()
        before = store.schema
        if before == SCHEMA_HEAD:
            print(f"{store.address} has schema {SCHEMA_HEAD} already")
            return
        if before is not None:
            _copy(store, f"schema-{before}")
        store.upgrade()
        with store.writing() as connection:
            note_deed(
                session,
                connection,
                "db upgrade",
                {"schema": SCHEMA_HEAD, "before": before or "none"},
            )
        print(f"{store.address}: schema {before or 'none'} → {SCHEMA_HEAD}")


def check(session: Session) -> Exit:
    """Look for damage: of the file, and of what the store promises about its facts."""
    settings, now = session.settings(), session.now()
    try:
        with session.store(settings) as store, store.reading() as connection:
            ahead = ahead_faults(connection, now, settings.zone)
            found = [*faults(connection), *log_faults(connection), *ahead]
    except StoreDamaged as error:
        print(error)
        return Exit.FAULT
    for fault in found:
        print(fault)
    if not found:
        print("no fault found")
    if ahead:
        note(f"it is {now.isoformat(timespec='seconds')} here; {_HOW_TO_MEND}")
    return Exit.FAULT if found else Exit.DONE


_HOW_TO_MEND = (
    "if that is right, `lumbung db mend --yes` takes out what is dated after it, else set the clock"
)


def mend(session: Session, *, sure: bool) -> Exit:
    """Take out what is dated after now, for it is in the way of all that is read until then; an
    embedded store is copied first."""
    settings, now = session.settings(), session.now()
    with session.store(settings) as store:
        with store.reading() as connection:
            found = ahead_faults(connection, now, settings.zone)
        for fault in found:
            print(fault)
        if not found:
            print("nothing is dated after now")
            return Exit.DONE
        if not sure:
            note(f"it is {now.isoformat(timespec='seconds')} here; {_HOW_TO_MEND}")
            return Exit.USAGE
        _copy(store, f"before-mend-{now:%Y%m%dT%H%M%SZ}")
        with store.writing() as connection:
            gone = take_out_ahead(connection, now, settings.zone)
            note_deed(session, connection, "db mend", asdict(gone))
    print(
        f"took out {gone.polls} polls, {gone.versions} versions, {gone.samples} samples, "
        f"{gone.reports} reports; {gone.reopened} versions hold again"
    )
    note("the next: lumbung collect")
    return Exit.DONE


def _copy(store: Store, named: str) -> None:
    """Copies an embedded store beside itself."""
    if store.path is not None:
        copy = store.path.with_name(f"{store.path.name}-{named}")
        shutil.copy2(store.path, copy)
        note(f"copied to {copy}")


def purge(session: Session, older_than: int | None) -> None:
    """Merge and drop old samples as configured; with --older-than forget more, for good."""
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
            note_deed(session, connection, "db purge", _counted(thinned, gone))
        _shrink(store)
        with store.reading() as connection:
            left = connection.scalar(sa.select(sa.func.count()).select_from(USAGE))
    print(f"merged into {thinned.samples_merged} hours, dropped {thinned.samples} samples")
    if gone is not None:
        print(f"forgot {gone.versions} versions, {gone.polls} polls, {gone.samples} samples")
    print(f"{left:,} samples left")


def _counted(thinned: Forgotten, gone: Forgotten | None) -> dict[str, int]:
    """What a purge took away."""
    found = {"merged": thinned.samples_merged, "samples": thinned.samples}
    if gone is None:
        return found
    forgotten = {"versions": gone.versions, "polls": gone.polls}
    return found | forgotten | {"samples": thinned.samples + gone.samples}


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
