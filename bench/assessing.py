"""risks: every rule over a large estate, beside the bare read of that estate.

``python -m bench.assessing STORE GUESTS`` reads the estate of a store and asks it every rule, as a
process of its own whose memory can be told.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import bare
from bench.bare import replay
from bench.fleet import NOW, SOURCE, ZONE, Fleet, attempt
from bench.inhabited import inhabited, owners
from bench.measure import Line, Size, Tell, by_turns, call, process
from bench.overheard import overheard
from inventory.append import append
from inventory.facts import Facts, facts_at
from inventory.sources import SourceState, sources_at
from inventory.store import Store
from planner.estate import Estate, SourceHealth
from planner.made_at import with_possible_times
from planner.policy import Policy
from planner.risks.catalogue import RULES
from planner.risks.engine import Assessment, assess
from planner.risks.rule import State

_MOST_SECONDS = 10.0
_MOST_MIB = 500e6 / 1024**2
_READ = "bare sqlite3: the estate's rows, fetchall"
_STATES: tuple[State, ...] = ("ok", "risk", "unknown")


def assess_lines(size: Size, tell: Tell) -> Iterator[Line]:
    """How long all rules take over an estate, and how much memory with it."""
    guests = size.assess_guests
    name = f"{len(RULES)} rules, {guests:,} guests"
    with TemporaryDirectory() as temporary:
        path, listed = Path(temporary) / "inventory.db", Path(temporary) / "statements.json"
        _make(path, guests)
        with Store.open(_url(path)) as store, overheard(store) as statements:
            facts, sources = _read(store)
        listed.write_text(json.dumps(statements), encoding="utf-8")
        found = assess_all(facts, sources, guests)
        told = ", ".join(f"{found.total(state):,} {state}" for state in _STATES)
        tell(f"risks: {name}; {told}")
        asked, read = by_turns(
            size.repeat,
            call(lambda: assess_all(facts, sources, guests)),
            call(lambda: replay(path, statements)),
        )
        whole, alone = by_turns(
            1,
            process([sys.executable, "-m", "bench.assessing", str(path), str(guests)]),
            process([sys.executable, bare.__file__, str(path), str(listed)]),
        )
    as_command = f"{_READ}, as a command"
    yield Line(name, "s", asked.seconds, read.seconds, _READ, most=_MOST_SECONDS)
    yield Line(
        f"{name}: computing", "s", asked.processor_seconds, read.processor_seconds, _READ,
        most=_MOST_SECONDS,
    )  # fmt: skip
    yield Line(f"{name}: with reading", "s", whole.seconds, alone.seconds, as_command)
    yield Line(f"{name}: memory", "MiB", whole.peak_mib, alone.peak_mib, as_command, most=_MOST_MIB)


def assess_all(facts: Facts, sources: tuple[SourceState, ...], guests: int) -> Assessment:
    """What every rule finds; the estate is made anew, for it remembers what was looked up."""
    health = tuple(SourceHealth(one, 5, 1.0, stale=False) for one in sources)
    today = NOW.astimezone(ZONE).date()
    estate = Estate(
        today, NOW, with_possible_times(facts), Policy(), owners(guests), sources=health
    )
    return assess(estate, (), RULES)


def _make(path: Path, guests: int) -> None:
    with Store.open(_url(path), create=True) as store, store.writing() as connection:
        append(connection, inhabited(Fleet(guests, backups=7).snapshot(NOW)), attempt(NOW))


def _read(store: Store) -> tuple[Facts, tuple[SourceState, ...]]:
    with store.reading() as connection:
        return facts_at(connection, NOW), sources_at(connection, NOW)


def _url(path: Path) -> str:
    return f"sqlite:///{path}"


if __name__ == "__main__":
    with Store.open(_url(Path(sys.argv[1]))) as opened:
        found = assess_all(*_read(opened), int(sys.argv[2]))
    if SOURCE not in {f.subject.source for f in found.findings}:
        raise SystemExit("the rules found nothing: this measures nothing")
