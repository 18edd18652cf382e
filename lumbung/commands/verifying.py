"""report verify, db log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from inventory.audit import LogLine, log_faults, log_lines
from inventory.errors import StoreError
from lumbung.choices import Exit, Format
from lumbung.declared import declared_by, told_since
from lumbung.files import load_policy
from lumbung.printing import note, show
from lumbung.session import Session
from lumbung.settings import SettingsError
from lumbung.verifying import Published, chain_faults, newest_of, published_in, told_by_log


def verify(session: Session, folder: Path | None) -> Exit:
    """Looks for anything that was altered, removed or added since it was published.

    DONE when all is as it was; FAULT when it is not; PARTIAL when nothing speaks against it, but
    the audit log could not be asked of everything.
    """
    where = session.settings().root / "weekly" if folder is None else folder
    reports = published_in(where) if where.is_dir() else ()
    found = [fault for report in reports for fault in report.faults()]
    if reports and reports[0].path != where.resolve():
        found += chain_faults(where, reports)
    log = _log_of(session)
    unvouched: Sequence[str] = ()
    if log is not None:
        lines, faults = log
        told = told_by_log(where, reports, lines)
        found, unvouched = [*found, *faults, *told.faults], told.unvouched
    if not reports and not found:
        lack = "holds no report" if where.is_dir() else "no such folder"
        raise SettingsError(f"{where}: {lack}")
    for fault in found:
        print(fault)
    for name in unvouched:
        note(f"{name}: published without a line in the audit log, so only its files are checked")
    for fact in _since(session, newest_of(where, reports)):
        note(fact)
    if found:
        return Exit.FAULT
    files = sum(len(report.manifest["files"]) for report in reports if report.manifest)
    asked = "" if log is None else f", {len(log[0])} lines of the audit log"
    print(f"{len(reports)} published, {files} files{asked}: all as they were")
    return Exit.PARTIAL if log is None or unvouched else Exit.DONE


def _since(session: Session, newest: Published | None) -> Iterable[str]:
    """What was changed of the files that the newest report was made from: facts, no faults."""
    if newest is None or newest.made_from is None:
        return ()
    try:
        settings = session.settings()
        now = declared_by(settings, load_policy(settings.policy_file))
    except SettingsError as error:
        return (f"whether what it was made from has changed since is not known: {error}",)
    return told_since(newest.made_from, now, newest.name)


def _log_of(session: Session) -> tuple[tuple[LogLine, ...], list[str]] | None:
    """The audit log and its faults; None, told, where there is none to be read."""
    try:
        with session.store() as store, store.reading() as connection:
            return log_lines(connection), log_faults(connection)
    except (SettingsError, StoreError) as error:
        note(f"the audit log is not asked: {error}")
        return None
    except (TypeError, ValueError) as error:  # a value of a line is none that was ever written
        return (), [f"audit log: it holds what is no line: {error}"]


_COLUMNS = ("number", "at", "who", "command", "sources", "counts", "seal")


def show_log(session: Session, form: Format) -> None:
    """Who ran what, when, on which sources, with which counts; oldest first."""
    with session.store() as store, store.reading() as connection:
        lines = log_lines(connection)
    rows = [
        [
            line.number,
            line.deed.at,
            line.deed.who,
            line.deed.command,
            line.deed.sources,
            "; ".join(f"{name}={value}" for name, value in line.deed.counts.items()),
            line.seal,
        ]
        for line in lines
    ]
    show(_COLUMNS, rows, form, on_screen=_COLUMNS[:-1], empty="the audit log has no line yet")
