"""The schedule: one poll at a time, missed ones become one, what is late is made up for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from apscheduler.events import EVENT_JOB_MAX_INSTANCES
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from command_line import lumbung_here
from lumbung.scheduler import build, is_overdue, last_due
from lumbung.settings import Settings, load_settings
from patience import PATIENCE_SECONDS, until
from site_files import JAKARTA, Site, guest, host

MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=JAKARTA)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def configured(folder: Path, schedule: str = "") -> Settings:
    (folder / "lumbung.toml").write_text(
        f'[site]\ntimezone = "Asia/Jakarta"\n[schedule]\n{schedule}\n'
        '[[sources]]\nname = "s"\nkind = "files"\npath = "."\n'
    )
    return load_settings(folder / "lumbung.toml")


def published(folder: Path, at: datetime) -> None:
    latest = folder / "weekly" / "latest"
    latest.mkdir(parents=True, exist_ok=True)
    (latest / "manifest.json").write_text(json.dumps({"at": at.isoformat()}))


def nothing() -> None:
    pass


# What is due


@pytest.mark.parametrize(
    ("schedule", "now", "due"),
    [
        ("mon 06:00", MONDAY, MONDAY.replace(hour=6)),
        ("mon 08:00", MONDAY, MONDAY),
        ("mon 08:01", MONDAY, MONDAY.replace(minute=1) - timedelta(days=7)),
        ("tue 06:00", MONDAY, datetime(2026, 11, 17, 6, 0, tzinfo=JAKARTA)),
        ("sun 23:59", MONDAY, datetime(2026, 11, 22, 23, 59, tzinfo=JAKARTA)),
    ],
)
def test_the_last_time_a_report_was_due(
    tmp_path: Path, schedule: str, now: datetime, due: datetime
) -> None:
    settings = configured(tmp_path, f'report = "{schedule}"')
    assert last_due(settings, now) == due
    assert last_due(settings, now.astimezone(UTC)) == due  # whatever zone the clock speaks


def test_a_report_is_overdue_when_the_newest_is_older_than_the_last_due(tmp_path: Path) -> None:
    settings = configured(tmp_path)
    assert is_overdue(settings, MONDAY)  # there is none
    published(tmp_path, MONDAY.replace(hour=5))
    assert is_overdue(settings, MONDAY)
    published(tmp_path, MONDAY.replace(hour=6))
    assert not is_overdue(settings, MONDAY)
    assert is_overdue(settings, MONDAY + timedelta(days=7))


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"at": "soon"}', '{"at": null}', '{"at": "2026-11-30"}']
)
def test_a_manifest_that_cannot_be_read_is_made_again(tmp_path: Path, content: str) -> None:
    settings = configured(tmp_path)
    published(tmp_path, MONDAY)
    (tmp_path / "weekly" / "latest" / "manifest.json").write_text(content)
    assert is_overdue(settings, MONDAY)


# The jobs


def test_a_poll_never_overlaps_itself_and_missed_ones_become_one(tmp_path: Path) -> None:
    published(tmp_path, MONDAY)
    scheduler = build(configured(tmp_path), collect=nothing, report=nothing, now=MONDAY)
    defaults = scheduler._job_defaults
    assert (defaults["coalesce"], defaults["max_instances"]) == (True, 1)
    assert defaults["misfire_grace_time"] is None


def test_what_runs_when(tmp_path: Path) -> None:
    published(tmp_path, MONDAY)
    settings = configured(tmp_path, 'poll_minutes = 7\nreport = "tue 06:30"')
    published(tmp_path, MONDAY)
    scheduler = build(settings, collect=nothing, report=nothing, now=MONDAY)
    jobs = {job.id: job for job in scheduler.get_jobs()}
    assert set(jobs) == {"collect", "report"}
    assert jobs["collect"].next_run_time == MONDAY
    assert jobs["collect"].trigger.interval == timedelta(minutes=7)
    following = jobs["report"].trigger.get_next_fire_time(None, MONDAY)
    assert following == datetime(2026, 11, 24, 6, 30, tzinfo=JAKARTA)


def test_a_late_report_is_made_soon_after_the_first_poll(tmp_path: Path) -> None:
    scheduler = build(configured(tmp_path), collect=nothing, report=nothing, now=MONDAY)
    jobs = {job.id: job for job in scheduler.get_jobs()}
    assert jobs["late-report"].next_run_time == MONDAY + timedelta(minutes=1)


def run_for(scheduler: BackgroundScheduler, done: Callable[[], bool]) -> None:
    """Runs a schedule until something is done, then lets its jobs finish."""
    scheduler.start()
    until(done)
    scheduler.shutdown(wait=True)


def test_jobs_that_were_missed_run_once_however_late(tmp_path: Path) -> None:
    """The machine slept for two days: one poll, and the report that fell due meanwhile."""
    asleep = datetime.now(UTC) - timedelta(days=2)
    far_day = WEEKDAYS[(datetime.now(JAKARTA).weekday() + 3) % 7]  # none falls due while this runs
    settings = configured(tmp_path, f'report = "{far_day} 06:00"')
    published(tmp_path, asleep - timedelta(days=30))
    ran: list[str] = []
    scheduler = build(
        settings,
        collect=lambda: ran.append("collect"),
        report=lambda: ran.append("report"),
        now=asleep,
    )
    run_for(scheduler, lambda: {"collect", "report"} <= set(ran))
    assert sorted(ran) == ["collect", "report"]


def test_a_poll_that_is_still_running_is_not_started_again(tmp_path: Path) -> None:
    published(tmp_path, datetime.now(UTC))
    release = threading.Event()
    running: list[int] = [0]
    most: list[int] = [0]

    def slow() -> None:
        running[0] += 1
        most[0] = max(most[0], running[0])
        release.wait(PATIENCE_SECONDS)
        running[0] -= 1

    scheduler = build(configured(tmp_path), collect=slow, report=nothing, now=datetime.now(UTC))
    scheduler.reschedule_job("collect", trigger=IntervalTrigger(seconds=1))
    scheduler.modify_job("collect", next_run_time=datetime.now(UTC))
    scheduler.add_listener(lambda _event: release.set(), EVENT_JOB_MAX_INSTANCES)
    run_for(scheduler, release.is_set)
    assert release.is_set()  # the next one fell due while this one ran
    assert most == [1]


# The process


@contextmanager
def running(site: Site) -> Iterator[subprocess.Popen[str]]:
    """`lumbung schedule` as a process; gone when the block ends, whatever happens in it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lumbung", "--config", str(site.config), "schedule"],
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_sigterm_lets_the_poll_that_runs_finish(tmp_path: Path) -> None:
    site = Site(tmp_path, now=datetime.now(UTC))
    site.write(hosts=[host("h1")], guests=[guest("g", "h1")])
    published(tmp_path, datetime.now(UTC))  # no report is overdue
    guests = tmp_path / "site" / "guests.csv"
    content = guests.read_text()
    guests.unlink()
    os.mkfifo(guests)  # the poll's worker waits here until the file is written
    pipe = os.open(guests, os.O_RDWR)
    with running(site) as process:
        until(lambda: _is_reading(guests))
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert process.poll() is None  # it has not thrown the poll away
        _feed(guests, content)
        os.close(pipe)
        _out, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, said
    assert "site: stored, 1 guest, " in said
    assert "Traceback" not in said
    guests.unlink()
    guests.write_text(content)
    shown = json.loads(site.run("inventory", "guests", "--format", "json"))
    assert [row["guest_id"] for row in shown] == ["g"]


def _is_reading(path: Path) -> bool:
    """Whether a worker has the file open."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            mine = link.parts[2] == str(os.getpid())
            if not mine and link.readlink() == path:
                return True
        except OSError:
            continue
    return False


def _feed(path: Path, content: str) -> None:
    with path.open("w") as pipe:
        pipe.write(content)


def test_a_fault_that_is_foreseen_does_not_end_the_schedule(tmp_path: Path) -> None:
    site = Site(tmp_path, now=datetime.now(UTC)).write(hosts=[host("h1")], guests=[])
    published(tmp_path, datetime.now(UTC))
    (tmp_path / "inventory.db").write_bytes(b"not a database, but a text of some length" * 40)
    with running(site) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(2)]
        still_there = process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_SECONDS)
    assert any("something else or damaged" in line for line in lines)
    assert still_there
    assert process.returncode == 0


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_whenever_it_comes(tmp_path: Path, name: signal.Signals) -> None:
    """The handler may interrupt anything; here it does so a few hundred times in a row."""
    code = (
        "import os, signal, sys, threading, time\n"
        "from datetime import UTC, datetime\n"
        "from pathlib import Path\n"
        "from lumbung.scheduler import build, run\n"
        "from lumbung.settings import load_settings\n"
        "settings = load_settings(Path(sys.argv[1]))\n"
        "scheduler = build(settings, collect=lambda: None, report=lambda: None,\n"
        "                  now=datetime.now(UTC))\n"
        "def signals():\n"
        "    while not scheduler.running:\n"
        "        time.sleep(0.001)\n"
        "    for _ in range(300):\n"
        "        os.kill(os.getpid(), int(sys.argv[2]))\n"
        "        time.sleep(0.0005)\n"
        "threading.Thread(target=signals).start()\n"
        "run(scheduler)\n"
    )
    settings = configured(tmp_path)
    ran = subprocess.run(
        [sys.executable, "-c", code, str(settings.path), str(int(name))],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_schedule_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lumbung.toml").write_text(
        '[site]\ntimezone = "UTC"\n[schedule]\nreport = "monday 6am"\n'
        '[[sources]]\nname = "s"\nkind = "files"\npath = "."\n'
    )
    ran = lumbung_here("--config", str(tmp_path / "lumbung.toml"), "schedule")
    assert ran.returncode == 2
    assert "is not a weekday and time such as 'mon 06:00'" in ran.stderr
