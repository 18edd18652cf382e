"""incident."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from lumbung.dates import instant_option
from lumbung.plan import plan_incident
from lumbung.printing import note
from lumbung.publish import publish_pack
from lumbung.session import Session
from lumbung.settings import SettingsError
from planner.incident.answer import Incident
from planner.incident.past import Window
from planner.incident.rows import TABLES
from planner.risks.catalogue import Language
from reports.cells import plain, scalar
from reports.incident import incident_html
from reports.weekly_csv import csv_of_rows


def assemble(
    session: Session,
    guest: str,
    window: tuple[str, str | None],
    out: Path | None,
    lang: Language,
) -> Path:
    """The folder with all that is known of a guest and a window: a page, tables, a manifest."""
    settings, now = session.settings(), session.now()
    start = instant_option(window[0], "--from", settings.zone)
    end = now
    if window[1] is not None:
        end = instant_option(window[1], "--to", settings.zone, ends=True)
        if end > _end_of_day(now, settings.zone):
            raise SettingsError(f"--to: {window[1]} is after today; nothing is known of it")
        end = min(now, end)
    if start >= end:
        raise SettingsError(f"--from: {window[0]} is not before the end of the window")
    with session.store(settings) as store:
        found = plan_incident(settings, store, guest, Window(start, end), now, lang)
        folder = out or Path(f"incident-{_file_name(found.key[1])}-{start:%Y%m%dT%H%MZ}")
        content = {
            stem: body.encode()
            for stem, body in {
                "incident.html": incident_html(found, lang=lang, zone=settings.zone),
                "incident.json": _json(found),
                **{
                    f"{stem}.csv": csv_of_rows(row_type, found.tables[stem])
                    for stem, row_type in TABLES.items()
                },
            }.items()
        }
        told = {"guest": "/".join(found.key), "from": scalar(start), "to": scalar(end)}
        more = {"made_at": scalar(now), "made_from": found.made_from}
        publish_pack(session, store, folder, content, told | more, "incident", told)
    note(
        f"{plain(found.label)}: {len(found.tables['neighbours'])} neighbours, "
        f"{len(found.tables['changes'])} changes, {len(found.tables['not_known'])} not known; "
        f"read {folder}/incident.html first"
    )
    return folder


def _end_of_day(now: datetime, zone: ZoneInfo) -> datetime:
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone)


def _file_name(guest_id: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", guest_id)


def _json(found: Incident) -> str:
    """All tables in one file, for programs."""
    told: dict[str, Any] = {
        "guest": {"cluster": found.key[0], "id": found.key[1], "label": plain(found.label)},
        "from": scalar(found.window.start),
        "to": scalar(found.window.end),
        "made_at": scalar(found.made_at),
        "first_seen": scalar(found.first_seen),
        "gone": found.is_gone,
    }
    for stem, row_type in TABLES.items():
        names = [field.name for field in fields(row_type)]
        told[stem] = [
            {name: _value(getattr(row, name)) for name in names} for row in found.tables[stem]
        ]
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def _value(value: Any) -> Any:
    return value if isinstance(value, bool) else scalar(value)
