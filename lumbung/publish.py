"""Publishing the weekly files: written completely beside, then one link is turned.

A reader never sees half a report, a second run never fails, nothing published is changed.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from inventory.audit import last_line
from inventory.errors import StoreUnusable
from inventory.findings import remember_findings
from inventory.forecasts import remember_forecasts
from inventory.proposals import remember_proposals
from inventory.store import SCHEMA_HEAD, Store
from lumbung.auditing import note_deed
from lumbung.plan import When, close_history, plan
from lumbung.printing import note
from lumbung.session import Session
from lumbung.settings import Settings, SettingsError
from lumbung.verifying import MANIFEST, checksum
from planner.report import Report, in_language
from planner.risks.catalogue import Language
from planner.risks.trend import states_of
from reports.brief import brief_html
from reports.cells import scalar
from reports.profiles import Profile, for_profile
from reports.weekly_csv import Dialect, csv_of_rows
from reports.workbook import workbook_xlsx

MANIFEST_SCHEMA = 1


def new_run_id(now: datetime) -> str:
    """An id that sorts by time and is not met twice."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def weekly(session: Session, settings: Settings, store: Store, on: date | None) -> Report:
    """The report of a date; what it found is remembered, when the store may be written.

    So is what it says of the future, but not what a report of a past date says: that was not
    published then, and proves nothing.
    """
    now = session.now()
    when = When.of(settings, on, now)
    try:
        close_history(settings, store, now)
    except StoreUnusable as error:
        note(f"the store cannot be written, its days stay as they are: {error}")
        return plan(settings, store, when, run_id=new_run_id(now))
    report = plan(settings, store, when, run_id=new_run_id(now))
    try:
        _remember(store, report, when)
    except StoreUnusable as error:  # a file that may be written in a folder that may not
        note(f"the store cannot be written, it does not remember what this report says: {error}")
    return report


def _remember(store: Store, report: Report, when: When) -> None:
    with store.writing() as connection:
        states = states_of(report.assessment, report.as_of)
        remember_findings(connection, states, report.assessment.counts, report.as_of)
        remember_proposals(connection, report.proposals)
        if when.as_of == when.today:
            remember_forecasts(connection, report.forecasts)


def week_of(report: Report) -> str:
    """The ISO week of the report's date, such as 2026-W48."""
    year, week, _day = report.as_of.isocalendar()
    return f"{year}-W{week:02d}"


@dataclass(frozen=True, slots=True)
class Seal:
    """The last line of the audit log when a report is made: the report vouches for it."""

    line: int
    seal: str


def publish_logged(
    session: Session,
    store: Store,
    report: Report,
    folder: Path,
    *,
    dialect: Dialect,
    lang: Language,
    profile: Profile = "technical",
) -> Path:
    """Publishes the weekly files, and tells the audit log of them, when it may be written.

    The store is held meanwhile: two reports never follow the same one.
    """
    link: Path | None = None
    try:
        with store.writing() as connection:
            last = last_line(connection)
            seal = None if last is None else Seal(last.number, last.seal)
            link = publish(report, folder, dialect=dialect, lang=lang, profile=profile, seal=seal)
            note_deed(
                session,
                connection,
                "report",
                {
                    "published": link.resolve().name,
                    "folder": str(folder.resolve()),
                    "profile": profile,
                    "manifest": checksum((link / MANIFEST).read_bytes()),
                    "guests": len(report.guests),
                    "risks": len(report.assessment.risks),
                },
                (row.source for row in report.sources),
            )
            return link
    except StoreUnusable as error:
        note(f"this report is not in the audit log: {error}")
        return link or publish(report, folder, dialect=dialect, lang=lang, profile=profile)


def publish(
    report: Report,
    folder: Path,
    *,
    dialect: Dialect,
    lang: Language,
    profile: Profile = "technical",
    seal: Seal | None = None,
) -> Path:
    """Writes all weekly files under ``folder`` and returns the link to them.

    Raises SettingsError where they cannot be written; nothing is published then.
    """
    with _told_plainly(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        week = week_of(report)
        final = folder / f"{week}.{report.run_id}"
        told = for_profile(in_language(report, lang), profile)
        content = contents(told, dialect=dialect, lang=lang)
        content[MANIFEST] = _manifest(told, content, _newest_manifest(folder), seal, profile)
        _write_whole(folder, final, content, (folder / week, folder / "latest"))
    return folder / week


def _write_whole(
    folder: Path, final: Path, content: Mapping[str, bytes], links: Sequence[Path]
) -> None:
    """Writes a folder and turns links to it, or leaves everything as it was."""
    draft = folder / f".{final.name}.part"
    fresh = [link.with_name(f".{link.name}.{secrets.token_hex(4)}") for link in links]
    try:
        draft.mkdir(mode=0o700)
        for name, body in content.items():
            _write(draft / name, body)
        _open_like(folder, draft)
        for made in fresh:  # beforehand: what is renamed needs no room
            made.symlink_to(final.name, target_is_directory=True)
        draft.rename(final)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        for made in fresh:
            made.unlink(missing_ok=True)
        raise
    for made, link in zip(fresh, links, strict=True):
        made.replace(link)


@contextmanager
def _told_plainly(folder: Path) -> Iterator[None]:
    """Turns what the disk refuses into one line that names the folder and what to do."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "free some space" if full else "name a folder that this user may write"
        raise SettingsError(
            f"{folder}: nothing was published: {error.strerror or error}; {advice}"
        ) from error


def publish_pack(
    session: Session,
    store: Store,
    folder: Path,
    content: Mapping[str, bytes],
    told: Mapping[str, Any],
    command: str,
    deed: Mapping[str, int | str],
) -> None:
    """Writes a pack that is handed to someone, and tells the audit log of it.

    Like a report, it then vouches for the log up to its day; whoever may not write the store
    leaves no line, and is told so. Raises SettingsError when the folder is there.
    """
    made: Mapping[str, str] = {}
    try:
        with store.writing() as connection:
            last = last_line(connection)
            seal = None if last is None else {"line": last.number, "seal": last.seal}
            made = publish_folder(folder, content, {**told, "audit_log": seal})
            note_deed(session, connection, command, {**deed, **made})
    except StoreUnusable as error:
        note(f"this run is not in the audit log: {error}")
        if not made:
            publish_folder(folder, content, told)


def publish_folder(
    folder: Path, content: Mapping[str, bytes], told: Mapping[str, Any]
) -> dict[str, str]:
    """Writes files with a manifest into a folder that is not there yet, for its owner alone;
    returns what the audit log is to say of it.

    ``told`` is what the manifest says beside the files. Raises SettingsError when the folder is
    there: what was handed to someone is never changed.
    """
    if folder.exists():
        raise SettingsError(f"{folder} exists; name another folder")
    manifest = {
        "schema": MANIFEST_SCHEMA,
        "lumbung": version("lumbung"),
        **told,
        "files": {name: checksum(body) for name, body in sorted(content.items())},
    }
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    with _told_plainly(folder):
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
        try:
            draft.mkdir(mode=0o700)
            for name, body in {**content, MANIFEST: text.encode()}.items():
                _write(draft / name, body)
            draft.rename(folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    return {"published": str(folder.resolve()), "manifest": checksum(text.encode())}


def contents(report: Report, *, dialect: Dialect, lang: Language) -> dict[str, bytes]:
    """The weekly files but the manifest, by name."""
    files = {
        f"{stem}.csv": csv_of_rows(row_type, rows, dialect).encode()
        for stem, (row_type, rows) in report.tables.items()
    }
    files["brief.html"] = brief_html(report, lang=lang).encode()
    files["workbook.xlsx"] = workbook_xlsx(report)
    return files


def _manifest(
    report: Report,
    content: Mapping[str, bytes],
    previous: tuple[str, str] | None,
    seal: Seal | None,
    profile: Profile,
) -> bytes:
    """What was published, from what, and the checksum of what was published before."""
    tables = {
        stem: {"rows": len(rows), "columns": [field.name for field in fields(row_type)]}
        for stem, (row_type, rows) in report.tables.items()
    }
    sources = [
        {
            "source": row.source,
            "guests_seen": row.guests_seen,
            "guests_reported": row.guests_reported,
            "guests_listed": sum(1 for guest in report.guests if guest.source == row.source),
            "status": row.status,
            "gaps": row.gaps,
        }
        for row in report.sources
    ]
    manifest: dict[str, Any] = {
        "schema": MANIFEST_SCHEMA,
        "store_schema": SCHEMA_HEAD,
        "lumbung": version("lumbung"),
        "run_id": report.run_id,
        "as_of": report.as_of.isoformat(),
        "at": scalar(report.at),
        "site": report.site,
        "policy_version": report.policy.version,
        "made_from": report.estate.made_from,
        "profile": profile,
        "regulations": [
            {
                "id": pack.id,
                "draft": pack.is_draft_on(report.as_of),
                "reviewed_on": scalar(pack.reviewed_on),
            }
            for pack in report.regulations.packs
            if pack.is_cited_on(report.as_of)
        ],
        "tables": tables,
        "sources": sources,
        "files": {name: checksum(body) for name, body in sorted(content.items())},
        "previous": None if previous is None else {"report": previous[0], "sha256": previous[1]},
        "audit_log": None if seal is None else {"line": seal.line, "seal": seal.seal},
    }
    return (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()


def _newest_manifest(folder: Path) -> tuple[str, str] | None:
    """The report that `latest` points to, and its manifest's checksum."""
    manifest = folder / "latest" / MANIFEST
    try:
        body = manifest.read_bytes()
    except FileNotFoundError:
        return None
    return manifest.parent.resolve().name, checksum(body)


def _write(path: Path, body: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


def _open_like(folder: Path, draft: Path) -> None:
    """Lets the group read what lies in a folder that its owner opened to the group."""
    mode = folder.stat().st_mode
    if mode & stat.S_IRGRP:
        draft.chmod(0o750)
        for path in draft.iterdir():
            path.chmod(0o640)
