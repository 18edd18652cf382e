"""report: the weekly report of an aged store, beside a bare read of the rows that it reads."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import bare
from bench.aged import build
from bench.bare import Statements, replay, rows_by_table
from bench.fleet import CLUSTER, NOW, SOURCE, ZONE
from bench.measure import Line, Run, Size, Tell, by_turns, call, call_on, once, process
from bench.overheard import overheard
from lumbung.plan import When, plan
from lumbung.publish import publish
from lumbung.session import NOW_VARIABLE, Session
from planner.report import Report

_LATER = NOW + timedelta(minutes=5)
_MOST_SECONDS = 10.0
_MOST_MIB = 330.0
_MOST_SECONDS_OF_A_REQUEST = 60.0
_REQUEST = "whatif --request --add 40xM"
_SCALED = {
    "report": ("report",),
    "capacity": ("capacity",),
    _REQUEST: (*_REQUEST.split(), "--pool", CLUSTER),
}
_READ = "bare sqlite3: the same rows, fetchall"
_READ_ALONE = f"{_READ}, as a command"
_WRITTEN = "the same bytes, written and synced"
_CONFIGURATION = f"""\
[site]
name = "Benchmark"
timezone = "{ZONE.key}"

[[sources]]
name = "{SOURCE}"
kind = "proxmox"
url = "https://192.0.2.1:8006"
user = "lumbung@pve"
token_name = "collect"
token = "file:fleet.token"
"""


def report_lines(size: Size, tell: Tell) -> Iterator[Line]:
    """How long a report takes and how much memory, as a command and from the inside."""
    name = f"report {size.report_guests:,} guests × {size.report_days} days"
    tell(f"{name}: making a store of that age, which takes a minute")
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "lumbung.toml").write_text(_CONFIGURATION, encoding="utf-8")
        build(folder / "inventory.db", size.report_guests, size.report_days)
        _tell_of(folder / "inventory.db", tell)
        yield from _command(name, folder, size)
        yield from _inside(name, folder, size)


def scale_lines(size: Size, tell: Tell) -> Iterator[Line]:
    """How the cost of a report, of `capacity` and of a request grows with the guests; run once."""
    for guests in size.scale_guests:
        name = f"{guests:,} guests × {size.report_days} days"
        tell(f"{name}: making a store of that age, which takes 15 s per 1,000 guests")
        with TemporaryDirectory() as temporary:
            folder = Path(temporary)
            (folder / "lumbung.toml").write_text(_CONFIGURATION, encoding="utf-8")
            build(folder / "inventory.db", guests, size.report_days)
            statements = folder / "statements.json"
            statements.write_text(json.dumps(_read_by(folder)), encoding="utf-8")
            read, *taken = once(
                process(
                    [sys.executable, bare.__file__, str(folder / "inventory.db"), str(statements)]
                ),
                *(_run(folder, *command) for command in _SCALED.values()),
            )
        for command, one in zip(_SCALED, taken, strict=True):
            title = f"{command} {name}"
            yield Line(title, "s", one.seconds, read.seconds, _READ_ALONE)
            yield Line(
                f"{title}: computing",
                "s",
                one.processor_seconds,
                read.processor_seconds,
                _READ_ALONE,
                most=_most_seconds(command, guests),
            )
            yield Line(f"{title}: memory", "MiB", one.peak_mib, read.peak_mib, _READ_ALONE)


def _most_seconds(command: str, guests: int) -> float:
    """A request is answered while somebody waits; the others may grow with the guests."""
    return _MOST_SECONDS_OF_A_REQUEST if command == _REQUEST else _MOST_SECONDS * guests / 1_000


def _run(folder: Path, *command: str) -> Run:
    """The command as cron runs it, its start included."""
    return process(
        [sys.executable, "-m", "lumbung", "--config", str(folder / "lumbung.toml"), *command],
        {NOW_VARIABLE: _LATER.isoformat()},
    )


def _tell_of(store: Path, tell: Tell) -> None:
    rows = sorted(rows_by_table(store).items(), key=lambda pair: -pair[1])
    told = ", ".join(f"{count:,} {table}" for table, count in rows if count > 100)
    tell(f"report: the store is {store.stat().st_size / 1024**2:.0f} MiB; {told}")


def _command(name: str, folder: Path, size: Size) -> Iterator[Line]:
    """The command as cron runs it, its start included."""
    statements = folder / "statements.json"
    statements.write_text(json.dumps(_read_by(folder)), encoding="utf-8")
    whole, read = by_turns(
        size.repeat,
        _run(folder, "report"),
        process([sys.executable, bare.__file__, str(folder / "inventory.db"), str(statements)]),
    )
    yield Line(name, "s", whole.seconds, read.seconds, _READ_ALONE, most=_MOST_SECONDS)
    yield Line(
        f"{name}: computing", "s", whole.processor_seconds, read.processor_seconds, _READ_ALONE
    )
    yield Line(f"{name}: memory", "MiB", whole.peak_mib, read.peak_mib, _READ_ALONE, most=_MOST_MIB)


def _inside(name: str, folder: Path, size: Size) -> Iterator[Line]:
    """The parts of the command: what it reads and decides, and what it writes."""
    report, statements = _report(folder), _read_by(folder)
    with TemporaryDirectory() as out:
        files = {path.name: path.read_bytes() for path in _publish(report, out).iterdir()}
    planned, read, published, written = by_turns(
        size.repeat,
        call(lambda: _report(folder)),
        call(lambda: replay(folder / "inventory.db", statements)),
        call_on(TemporaryDirectory, lambda out: _publish(report, out)),
        call_on(TemporaryDirectory, lambda out: _write(files, out)),
    )
    yield Line(f"{name}: read and plan", "s", planned.seconds, read.seconds, _READ)
    yield Line(f"{name}: write the files", "s", published.seconds, written.seconds, _WRITTEN)


def _publish(report: Report, folder: str) -> Path:
    return publish(report, Path(folder), dialect="standard", lang="en")


def _write(files: Mapping[str, bytes], folder: str) -> None:
    for name, body in files.items():
        with (Path(folder) / name).open("wb") as file:
            file.write(body)
            os.fsync(file.fileno())


def _report(folder: Path) -> Report:
    session = Session(config=folder / "lumbung.toml", at=_LATER)
    settings = session.settings()
    with session.store(settings) as store:
        return plan(settings, store, When.of(settings, None, _LATER), run_id="bench")


def _read_by(folder: Path) -> Statements:
    """What a report asks of the store."""
    session = Session(config=folder / "lumbung.toml", at=_LATER)
    settings = session.settings()
    with session.store(settings) as store, overheard(store) as statements:
        plan(settings, store, When.of(settings, None, _LATER), run_id="bench")
    return statements
