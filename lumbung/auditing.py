"""What this program notes of its own runs."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable, Mapping

from sqlalchemy.engine import Connection

from inventory.audit import Deed, LogLine, append_deed
from inventory.errors import StoreUnusable
from inventory.store import Store
from lumbung.printing import note
from lumbung.session import Session


def account() -> str:
    """The operating system's account that runs this; its number where it has no name."""
    if not hasattr(os, "geteuid"):
        return getpass.getuser()
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid {os.geteuid()}"


def note_deed(
    session: Session,
    connection: Connection,
    command: str,
    counts: Mapping[str, int | str],
    sources: Iterable[str] = (),
) -> LogLine:
    """The line of the audit log that tells of this run."""
    deed = Deed(session.now(), account(), command, tuple(sorted(set(sources))), counts)
    return append_deed(connection, deed)


def note_reading(
    session: Session, store: Store, command: str, counts: Mapping[str, int | str]
) -> None:
    """Tells the audit log of a run that took much out of the store; whoever may not write the
    store leaves no line, and is told so."""
    try:
        with store.writing() as connection:
            note_deed(session, connection, command, counts)
    except StoreUnusable as error:
        note(f"this run is not in the audit log: {error}")
