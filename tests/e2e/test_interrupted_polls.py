"""A poll that is killed, starved or run twice at once leaves the store whole."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import warnings
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from patience import PATIENCE_SECONDS, Aim
from site_files import GIB, JAKARTA, NOW, Site, datastore, disk, guest, host

pytestmark = pytest.mark.slow

NOTED = {"audit_line", "meta"}  # who ran what, and the end of that chain
DERIVED = {"entity_day", "cluster_day", "dirty_day", "meta"}  # made from the rest, later
LATER = NOW + timedelta(days=1)


def tables_of(guests: int, *, memory: int, at: datetime) -> dict[str, list[dict[str, Any]]]:
    names = [f"g{i}" for i in range(guests)]
    return {
        "hosts": [host(f"h{i}") for i in range(4)],
        "guests": [guest(n, f"h{i % 4}", memory=memory) for i, n in enumerate(names)],
        "disks": [disk(n, "san", capacity=40 * GIB) for n in names],
        "datastores": [datastore("san", capacity=4000 * GIB, used=1000 * GIB)],
        "usage": [
            {
                "taken_at": (at - timedelta(minutes=5 * k)).isoformat(),
                "entity": "host",
                "entity_id": f"h{i}",
                "cpu_used_cores": 3 + k % 5,
                "memory_used_bytes": 100 * GIB,
            }
            for i in range(4)
            for k in range(200)
        ],
    }


def contents(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but the times of attempts, after a check of the file itself."""
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr)  # noqa: S608
            for (name,) in names
        }


def _head(state: dict[str, list[tuple[Any, ...]]]) -> set[tuple[Any, ...]]:
    """The end of the audit log's chain, which is written together with its last line."""
    return {row for row in state["meta"] if row[0] == "audit_head"}


class TwoStates:
    """A store before and after one poll, and that poll to be run again from the state before."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder)
        first = NOW - timedelta(hours=2)
        self.site.write(first, **tables_of(150, memory=4 * GIB, at=first)).collect()
        self.database = folder / "inventory.db"
        self.kept = folder / "before.db"
        shutil.copy(self.database, self.kept)
        self.before = contents(self.database)
        second = LATER - timedelta(hours=2)
        self.site.write(second, **tables_of(160, memory=8 * GIB, at=second))
        began = time.monotonic()
        self.start().wait(timeout=PATIENCE_SECONDS)
        self.seconds = time.monotonic() - began
        self.after = contents(self.database)
        assert len(self.after["guest"]) > len(self.before["guest"])

    def rewind(self) -> None:
        for path in self.database.parent.glob("inventory.db*"):
            path.unlink()
        shutil.copy(self.kept, self.database)

    def start(self, *within: str, stderr: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """The poll, as a process of its own; ``within`` is a command that runs it."""
        poll = [sys.executable, "-m", "lumbung", "--config", str(self.site.config), "collect"]
        return subprocess.Popen(
            [*within, *poll],
            env=os.environ | {"LUMBUNG_NOW": LATER.isoformat()},
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )

    def start_and_kill(self, seconds: float) -> None:
        """The poll again from the state before, killed so long after its start."""
        self.rewind()
        process = self.start()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> TwoStates:
    return TwoStates(tmp_path_factory.mktemp("killed"))


def test_a_poll_killed_at_any_moment_leaves_the_store_as_before(states: TwoStates) -> None:
    aim = Aim(states.seconds)
    ended = {"before": 0, "after": 0}
    for _ in range(12):
        moment = aim.moment()
        states.start_and_kill(moment)
        found = contents(states.database)
        which = "before" if len(found["poll"]) == len(states.before["poll"]) else "after"
        expected = getattr(states, which)
        for name in expected.keys() - DERIVED - NOTED - {"poll"}:
            assert found[name] == expected[name], (moment, which, name)
        for name in NOTED:  # one after the other: the kill may fall between
            assert set(found[name]) <= {*expected[name], *states.before[name]}, (moment, which)
        told = [
            set(state["audit_line"]) | _head(state) for state in (found, expected, states.before)
        ]
        assert told[0] in told[1:], (moment, which)
        ended[which] += 1
        aim.saw(moment, done=which == "after")
    assert ended["before"] >= 3, (ended, states.seconds)


def test_a_kill_within_the_transaction_itself_leaves_the_store_as_before(
    states: TwoStates,
) -> None:
    """The same, aimed at the short time in which rows are written."""
    aim = Aim(0.12)
    killed_inside = 0
    for _ in range(40):
        states.rewind()
        reader, writer = os.pipe()
        child = _fork()
        if child == 0:
            _append_and_tell(states, writer)
        os.close(writer)
        assert os.read(reader, 1) == b"b"  # the transaction has begun
        moment = aim.moment()
        time.sleep(moment)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        done = os.read(reader, 1) == b"d"
        os.close(reader)
        found = contents(states.database)
        if not done and len(found["poll"]) == len(states.before["poll"]):
            killed_inside += 1
            assert found == states.before
        else:
            assert found["guest"] == states.after["guest"]
        aim.saw(moment, done=done)
    assert killed_inside >= 10


def _fork() -> int:
    with warnings.catch_warnings():  # the threads of who runs the tests are no use to the child
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _append_and_tell(states: TwoStates, writer: int) -> None:
    """In a child process: the collector's snapshot, appended while the parent aims."""
    from collectors.contract import Budget, Source
    from collectors.files import FilesCollector, FilesOptions
    from inventory.append import Attempt, append
    from inventory.store import Store

    try:
        source = Source("site", "files", FilesOptions(path=states.site.root / "site"))
        raw = FilesCollector().fetch(source, Budget(300))
        snapshot = FilesCollector().parse(raw, source="site", taken_at=LATER)
        attempt = Attempt("site", "files", LATER, LATER, JAKARTA)
        with Store.open(f"sqlite:///{states.database}") as store:
            with store.writing() as connection:
                os.write(writer, b"b")
                append(connection, snapshot, attempt)
            os.write(writer, b"d")
        time.sleep(PATIENCE_SECONDS)  # until it is killed
    finally:
        os._exit(0)


def test_the_next_poll_completes_what_a_killed_one_began(states: TwoStates) -> None:
    states.start_and_kill(states.seconds * 0.8)
    states.site.run("collect", now=LATER)
    assert contents(states.database)["guest"] == states.after["guest"]
    assert "no fault found" in states.site.run("db", "check", now=LATER)


def test_a_full_disk_is_said_and_nothing_of_the_poll_is_stored(states: TwoStates) -> None:
    states.rewind()
    blocks = states.database.stat().st_size // 512 + 16
    starved = ("sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh")
    process = states.start(*starved, stderr=subprocess.PIPE)
    _out, err = process.communicate(timeout=PATIENCE_SECONDS)
    [line] = err.decode().splitlines()
    assert process.returncode == 4
    assert "inventory.db" in line
    assert "nothing was stored" in line
    assert contents(states.database) == states.before


def test_two_collectors_at_once_store_each_fact_once(states: TwoStates) -> None:
    states.rewind()
    both = [states.start(), states.start()]
    assert [process.wait(timeout=PATIENCE_SECONDS) for process in both] == [0, 0]
    found = contents(states.database)
    assert len(found["poll"]) == len(states.after["poll"]) + 1
    for name in ("entity", "guest", "disk", "usage"):
        assert len(found[name]) == len(states.after[name])
    assert "no fault found" in states.site.run("db", "check", now=LATER)


def test_the_same_directory_twice_changes_nothing(states: TwoStates) -> None:
    states.rewind()
    states.site.run("collect", now=LATER)
    first = contents(states.database)
    states.site.run("collect", now=LATER + timedelta(minutes=5))
    second = contents(states.database)
    for name in first:
        if name not in NOTED | {"poll"}:  # that it was asked is noted
            assert second[name] == first[name], name
