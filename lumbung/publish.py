"""Publishing the weekly files: written completely beside, then one link is turned.

A reader never sees half a report, a second run never fails, nothing published is changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import stat
from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from inventory.errors import StoreUnusable
from inventory.findings import remember_findings
from inventory.proposals import remember_proposals
from inventory.store import SCHEMA_HEAD, Store
from lumbung.plan import When, close_history, plan
from lumbung.printing import note
from lumbung.session import Session
from lumbung.settings import Settings
from planner.report import Report
from planner.risks.trend import states_of
from reports.brief import brief_html
from reports.cells import scalar
from reports.weekly_csv import Dialect, csv_of_rows
from reports.workbook import workbook_xlsx

MANIFEST_SCHEMA = 1


def new_run_id(now: datetime) -> str:
    """An id that sorts by time and is not met twice."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def weekly(session: Session, settings: Settings, store: Store, on: date | None) -> Report:
    """The report of a date; what it found is remembered, when the store may be written."""
    now = session.now()
    when = When.of(settings, on, now)
    try:
        close_history(settings, store, now)
    except StoreUnusable as error:
        note(f"the store cannot be written, its days stay as they are: {error}")
        return plan(settings, store, when, run_id=new_run_id(now))
    report = plan(settings, store, when, run_id=new_run_id(now))
    with store.writing() as connection:
        states = states_of(report.assessment, report.as_of)
        remember_findings(connection, states, report.assessment.counts, report.as_of)
        remember_proposals(connection, report.proposals)
    return report


def week_of(report: Report) -> str:
    """The ISO week of the report's date, such as 2026-W48."""
    year, week, _day = report.as_of.isocalendar()
    return f"{year}-W{week:02d}"


def publish(report: Report, folder: Path, *, dialect: Dialect, lang: str) -> Path:
    """Writes all weekly files under ``folder`` and returns the link to them."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    week = week_of(report)
    final = folder / f"{week}.{report.run_id}"
    draft = folder / f".{final.name}.part"
    previous = _newest_manifest(folder)
    draft.mkdir(mode=0o700)
    try:
        content = contents(report, dialect=dialect, lang=lang)
        content["manifest.json"] = _manifest(report, content, previous)
        for name, body in content.items():
            _write(draft / name, body)
        _open_like(folder, draft)
        draft.rename(final)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    for name in (week, "latest"):
        _turn(folder / name, final.name)
    return folder / week


def contents(report: Report, *, dialect: Dialect, lang: str) -> dict[str, bytes]:
    """The weekly files but the manifest, by name."""
    files = {
        f"{stem}.csv": csv_of_rows(row_type, rows, dialect).encode()
        for stem, (row_type, rows) in report.tables.items()
    }
    files["brief.html"] = brief_html(report, lang=lang).encode()
    files["workbook.xlsx"] = workbook_xlsx(report)
    return files


def _manifest(
    report: Report, content: Mapping[str, bytes], previous: tuple[str, str] | None
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
        "tables": tables,
        "sources": sources,
        "files": {name: hashlib.sha256(body).hexdigest() for name, body in sorted(content.items())},
        "previous": None if previous is None else {"report": previous[0], "sha256": previous[1]},
    }
    return (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()


def _newest_manifest(folder: Path) -> tuple[str, str] | None:
    """The report that `latest` points to, and its manifest's checksum."""
    manifest = folder / "latest" / "manifest.json"
    try:
        body = manifest.read_bytes()
    except FileNotFoundError:
        return None
    return manifest.parent.resolve().name, hashlib.sha256(body).hexdigest()


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


def _turn(link: Path, target: str) -> None:
    """Points a link elsewhere in one step."""
    fresh = link.with_name(f".{link.name}.{secrets.token_hex(4)}")
    fresh.symlink_to(target, target_is_directory=True)
    fresh.replace(link)
