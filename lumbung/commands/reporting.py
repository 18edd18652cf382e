"""report."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from lumbung.printing import note
from lumbung.publish import publish_logged, weekly
from lumbung.reminders import reminders, stale_words
from lumbung.session import Session
from planner.risks.catalogue import Language
from reports.profiles import Profile
from reports.weekly_csv import Dialect


def report_once(
    session: Session,
    folder: Path | None = None,
    on: date | None = None,
    *,
    dialect: Dialect = "standard",
    lang: Language = "en",
    profile: Profile = "technical",
) -> Path:
    """Publishes the weekly files and returns the link to them."""
    settings = session.settings()
    with session.store(settings) as store:
        report = weekly(session, settings, store, on)
        where = folder or settings.root / "weekly"
        link = publish_logged(
            session, store, report, where, dialect=dialect, lang=lang, profile=profile
        )
        with store.reading() as connection:
            lines = reminders(settings, connection, session.now())
    note(
        f"{link}: {len(report.orders)} orders, {len(report.guests)} guests, "
        f"{len(report.assessment.risks)} risks, status {report.status}"
    )
    if on is None:  # of a past day nothing can be done any more
        for line in stale_words(report.estate.sources):
            note(line)
        for fault in report.misnamed:
            note(f"{settings.estate_file}: {fault}")
    for line in lines:
        note(line)
    return link
