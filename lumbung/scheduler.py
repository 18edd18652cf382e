"""The same jobs as cron's, under APScheduler, in the foreground.

A poll never overlaps itself, several missed ones become one, and a report that fell due while
nothing ran is made late rather than never.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from lumbung.settings import Settings

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Job = Callable[[], object]


def build(settings: Settings, *, collect: Job, report: Job, now: datetime) -> BackgroundScheduler:
    """A scheduler with both jobs; it polls at once, and reports at once what is overdue."""
    scheduler = BackgroundScheduler(
        timezone=settings.zone,
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    minutes = settings.schedule.poll_minutes
    scheduler.add_job(collect, IntervalTrigger(minutes=minutes), id="collect", next_run_time=now)
    weekday, time = settings.schedule.report.split()
    hour, minute = time.split(":")
    weekly = CronTrigger(
        day_of_week=weekday, hour=int(hour), minute=int(minute), timezone=settings.zone
    )
    scheduler.add_job(report, weekly, id="report")
    if is_overdue(settings, now):
        scheduler.add_job(report, id="late-report", next_run_time=now + timedelta(minutes=1))
    return scheduler


def is_overdue(settings: Settings, now: datetime) -> bool:
    """Whether the newest report is older than the last time one was due."""
    manifest = settings.root / "weekly" / "latest" / "manifest.json"
    made = _made_at(manifest)
    return made is None or made < last_due(settings, now)


def last_due(settings: Settings, now: datetime) -> datetime:
    """The last instant before ``now`` at which the weekly report was due."""
    weekday, time = settings.schedule.report.split()
    hour, minute = (int(part) for part in time.split(":"))
    local = now.astimezone(settings.zone)
    due = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    due -= timedelta(days=(local.weekday() - _WEEKDAYS.index(weekday)) % 7)
    return due if due <= local else due - timedelta(days=7)


def _made_at(manifest: Path) -> datetime | None:
    """When the report was made; None when there is no manifest that says so."""
    try:
        made = datetime.fromisoformat(json.loads(manifest.read_text(encoding="utf-8"))["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return made if made.tzinfo is not None else None


def run(scheduler: BackgroundScheduler) -> None:
    """Runs until SIGTERM or SIGINT; a job that runs then is let finish.

    A signal's handler may interrupt this thread while it holds any lock, so it takes none: it
    writes a byte into a pipe, and that is what is waited for.
    """
    told, tell = os.pipe()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        os.write(tell, b".")

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    scheduler.start()
    os.read(told, 1)
    scheduler.shutdown(wait=True)
