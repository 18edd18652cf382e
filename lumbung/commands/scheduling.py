"""schedule."""

from __future__ import annotations

from collectors.contract import CollectError
from inventory.errors import StoreError
from lumbung.commands.collecting import collect_once
from lumbung.commands.reporting import report_once
from lumbung.printing import note
from lumbung.scheduler import Job, build, run
from lumbung.session import Session
from lumbung.settings import SettingsError


def run_schedule(session: Session) -> None:
    """Polls and reports as configured, until it is told to stop."""
    settings = session.settings()
    scheduler = build(
        settings,
        collect=_guarded("collect", lambda: collect_once(session)),
        report=_guarded("report", lambda: report_once(session)),
        now=session.now(),
    )
    note(
        f"polling every {settings.schedule.poll_minutes} minutes, reporting "
        f"{settings.schedule.report} ({settings.zone.key})"
    )
    run(scheduler)


def _guarded(name: str, job: Job) -> Job:
    """A job whose expected troubles are told and do not end the schedule."""

    def guarded() -> None:
        try:
            job()
        except (SettingsError, StoreError, CollectError) as error:
            note(f"{name}: {error}")

    return guarded
