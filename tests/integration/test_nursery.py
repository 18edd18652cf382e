"""Workers are forked from a nursery, and still are processes of their own that end when they must.

A driver from another package does in its worker what the test asks for; a small program polls it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from patience import PATIENCE_SECONDS, until

_DRIVER = """
import os, signal, subprocess, sys, time
from collectors.contract import Options, Raw

class Deed(Options):
    code: str

class Driver:
    options, reports = Deed, frozenset()

    def fetch(self, source, budget):
        answers = {"pid": os.getpid()}
        exec(source.options.code, {**globals(), "answers": answers})
        return Raw("deed", answers)
"""
_PROGRAM = """
import os, signal, sys, threading, time
from datetime import UTC, datetime
from deed import Deed
from collectors import nursery
from collectors.contract import Source
from collectors.poll import run_worker
from collectors.worker import Job

def run(code, seconds=300.0):
    job = Job("record", Source("one", "deed", Deed(code=code)), datetime.now(UTC), seconds)
    [message] = run_worker(job)
    return message.message if hasattr(message, "message") else message.raw.answers

"""


@pytest.fixture
def drivers(tmp_path: Path) -> Path:
    """A folder that holds the driver as an installed package would."""
    (tmp_path / "deed.py").write_text(_DRIVER)
    (tmp_path / "deed-1.0.dist-info").mkdir()
    told = "[lumbung.collectors]\ndeed = deed:Driver\n"
    (tmp_path / "deed-1.0.dist-info" / "entry_points.txt").write_text(told)
    (tmp_path / "deed-1.0.dist-info" / "METADATA").write_text("Name: deed\nVersion: 1.0\n")
    return tmp_path


@contextmanager
def program(drivers: Path, code: str) -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM + code],
        env=os.environ | {"PYTHONPATH": str(drivers)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def said(drivers: Path, code: str) -> list[str]:
    """What a program prints."""
    with program(drivers, code) as running:
        told, _nothing = running.communicate(timeout=PATIENCE_SECONDS)
        assert running.returncode == 0
    return told.splitlines()


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody waited for has, too."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


def wait_until_gone(*pids: str) -> None:
    until(lambda: all(is_gone(int(pid)) for pid in pids))


def test_every_worker_is_a_process_and_a_session_of_its_own(drivers: Path) -> None:
    code = "answers |= {'session': os.getsid(0)}"
    pids = [eval(line) for line in said(drivers, f"print(run({code!r})); print(run({code!r}))")]  # noqa: S307
    assert all(one["pid"] == one["session"] for one in pids)
    assert pids[0]["pid"] != pids[1]["pid"]


def test_a_worker_sees_the_environment_and_the_folder_of_the_moment(drivers: Path) -> None:
    code = "answers |= {'it': os.environ.get('IT'), 'folder': os.getcwd()}"
    lines = said(
        drivers,
        f"""
for it, folder in (("one", "/"), ("two", {str(drivers)!r})):
    os.environ["IT"] = it
    os.chdir(folder)
    found = run({code!r})
    print(found["it"], found["folder"])
""",
    )
    assert lines == ["one /", f"two {drivers}"]


def test_a_worker_cannot_change_the_next_one(drivers: Path) -> None:
    change = "import collectors.worker; collectors.worker.mark = 1; os.environ['MARK'] = '1'"
    look = (
        "import collectors.worker; "
        "answers |= {'is': hasattr(collectors.worker, 'mark') or 'MARK' in os.environ}"
    )
    assert said(drivers, f"run({change!r}); print(run({look!r})['is'])") == ["False"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("os.kill(os.getpid(), 9)", "the worker ended by signal 9"),
        ("os.write(2, b'out of wits'); os._exit(3)", "the worker ended with status 3: out of wits"),
        ("1 / 0", "the worker ended with status 1: ZeroDivisionError: division by zero"),
    ],
)
def test_a_worker_that_breaks_is_told_with_its_last_words(
    drivers: Path, code: str, expected: str
) -> None:
    good = "answers |= {'fine': True}"
    lines = said(drivers, f"print(run({code!r})); print(run({good!r})['fine'])")
    assert lines == [expected, "True"]


def test_what_a_worker_started_ends_with_it(drivers: Path) -> None:
    started = "answers |= {'child': subprocess.Popen(['sleep', '600']).pid}"
    [child] = said(drivers, f"print(run({started!r})['child'])")
    wait_until_gone(child)


def test_a_worker_that_hangs_is_killed_with_what_it_started(drivers: Path) -> None:
    note = drivers / "pids"
    hang = (
        f"child = subprocess.Popen(['sleep', '600']).pid; "
        f"open({str(note)!r}, 'w').write(f'{{os.getpid()}} {{child}}'); time.sleep(600)"
    )
    for seconds in (1, 10, 100):  # a slow machine has not started it all in one
        [line] = said(drivers, f"print(run({hang!r}, seconds={seconds}.0))")
        assert line == f"no answer within {seconds} s; the poll was stopped"
        if note.exists() and note.read_text():
            break
    wait_until_gone(*note.read_text().split())


@pytest.mark.parametrize("blow", ["SIGKILL", "SIGSTOP"])
def test_another_nursery_is_opened_when_one_answers_no_more(drivers: Path, blow: str) -> None:
    code = "answers |= {'nursery': os.getppid()}"
    first, second = said(
        drivers,
        f"""
first = run({code!r})["nursery"]
os.kill(first, signal.{blow})
print(first)
patience, nursery._BIRTH_SECONDS = nursery._BIRTH_SECONDS, 2.0
give_up = nursery._give_up
def give_up_and_be_patient(one):  # the next one may take its time to open
    nursery._BIRTH_SECONDS = patience
    give_up(one)
nursery._give_up = give_up_and_be_patient
print(run({code!r})["nursery"])
""",
    )
    assert first != second
    wait_until_gone(first)


def test_nobody_is_left_when_the_program_is_killed(drivers: Path) -> None:
    hang = "print(os.getpid(), os.getppid(), file=open('pids', 'w'), flush=True); time.sleep(600)"
    start = f"os.chdir({str(drivers)!r}); run({hang!r}, seconds=300.0)"
    note = drivers / "pids"
    with program(drivers, start) as running:
        until(lambda: note.exists() and note.read_text().endswith("\n"))
        running.send_signal(signal.SIGKILL)
        running.wait()
        wait_until_gone(*note.read_text().split())


def test_many_threads_are_given_a_worker_each(drivers: Path) -> None:
    lines = said(
        drivers,
        """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(12) as pool:
    found = list(pool.map(lambda _: run("time.sleep(0.2)")["pid"], range(24)))
print(len(set(found)))
print(len(os.listdir("/proc/self/fd")) < 16)
""",
    )
    assert lines == ["24", "True"]
