"""start and demo: whole commands, from the shell's point of view."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.bare import making, replay
from bench.measure import Line, Size, Tell, by_turns, call_on, process

_LUMBUNG = (sys.executable, "-m", "lumbung")
_PYTHON = "python -c pass"
_ROWS = "bare sqlite3: the rows it leaves, inserted"
_DEMO_SECONDS = 180.0


def start_lines(size: Size, tell: Tell) -> Iterator[Line]:
    """How long the program takes to say anything at all."""
    tell("start: --help, and what every other command loads")
    helped, loaded, python = by_turns(
        2 * size.repeat,
        process([*_LUMBUNG, "--help"]),
        process([sys.executable, "-c", "import lumbung.session"]),
        process([sys.executable, "-c", "pass"]),
    )
    yield Line("lumbung --help", "s", helped.seconds, python.seconds, _PYTHON)
    yield Line("what most commands load", "s", loaded.seconds, python.seconds, _PYTHON)


def demo_lines(size: Size, tell: Tell) -> Iterator[Line]:
    """How long the demo takes, without downloads."""
    tell("demo: collect, plan and report a city")
    with TemporaryDirectory() as temporary:
        city = Path(temporary) / "city"
        run = process([*_LUMBUNG, "demo", str(city)])
        run()
        statements = making(city / "inventory.db")
        demo, rows = by_turns(
            max(1, size.repeat - 2),
            run,
            call_on(
                TemporaryDirectory, lambda folder: replay(Path(folder) / "bare.db", statements)
            ),
        )
    yield Line("lumbung demo", "s", demo.seconds, rows.seconds, _ROWS, most=_DEMO_SECONDS)
