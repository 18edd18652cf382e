"""risks: every rule over a large estate, beside the bare read of that estate.

``python -m bench.assessing STORE`` reads the estate of a store and asks it every rule, as a
process of its own whose memory can be told.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import bare
from bench.bare import replay
from bench.fleet import NOW, SOURCE, ZONE, Fleet, attempt
from bench.measure import Line, Size, Tell, by_turns, call, process
from bench.overheard import overheard
from inventory.append import append
from inventory.read import Facts, SourceState, facts_at, sources_at
from inventory.records import Guest, Record, Snapshot
from inventory.store import Store
from planner.estate import Estate, SourceHealth
from planner.policy import Policy
from planner.risks.catalogue import RULES
from planner.risks.engine import Assessment, assess

_MOST_SECONDS = 10.0
_MOST_MIB = 500e6 / 1024**2
_READ = "bare sqlite3: the estate's rows, fetchall"
# Every fifth guest holds personal data and every eleventh is reached by the public, so that
# rules about who stands beside whom have much to do; some say nothing of themselves.
_TAGS = (
    (5, ("cls.pribadi-umum", "opd.dukcapil", "crit.1", "os.debian-9")),
    (11, ("cls.publik", "opd.kominfo", "expo.public", "os.ubuntu-22.04")),
    (13, ()),
)


def assess_lines(size: Size, tell: Tell) -> Iterator[Line]:
    """How long all rules take over an estate, and how much memory with it."""
    name = f"{len(RULES)} rules, {size.assess_guests:,} guests"
    tell(f"risks: {name}")
    with TemporaryDirectory() as temporary:
        path, listed = Path(temporary) / "inventory.db", Path(temporary) / "statements.json"
        _make(path, size.assess_guests)
        with Store.open(_url(path)) as store, overheard(store) as statements:
            facts, sources = _read(store)
        listed.write_text(json.dumps(statements), encoding="utf-8")
        asked, read = by_turns(
            size.repeat,
            call(lambda: assess_all(facts, sources)),
            call(lambda: replay(path, statements)),
        )
        whole, alone = by_turns(
            1,
            process([sys.executable, "-m", "bench.assessing", str(path)]),
            process([sys.executable, bare.__file__, str(path), str(listed)]),
        )
    yield Line(name, "s", asked.seconds, read.seconds, _READ, most=_MOST_SECONDS)
    yield Line(f"{name}: with reading", "s", whole.seconds, alone.seconds, f"{_READ}, as a command")
    yield Line(
        f"{name}: memory", "MiB", whole.peak_mib, alone.peak_mib, f"{_READ}, as a command",
        most=_MOST_MIB,
    )  # fmt: skip


def assess_all(facts: Facts, sources: tuple[SourceState, ...]) -> Assessment:
    """What every rule finds; the estate is made anew, for it remembers what was looked up."""
    health = tuple(SourceHealth(one, 5, 1.0, stale=False) for one in sources)
    today = NOW.astimezone(ZONE).date()
    return assess(Estate(today, NOW, facts, Policy(), sources=health), (), RULES)


def _make(path: Path, guests: int) -> None:
    with Store.open(_url(path), create=True) as store, store.writing() as connection:
        append(connection, _varied(Fleet(guests, backups=7).snapshot(NOW)), attempt(NOW))


def _varied(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, facts=tuple(_tagged(fact) for fact in snapshot.facts))


def _tagged(fact: Record) -> Record:
    if not isinstance(fact, Guest):
        return fact
    number = int(fact.guest_id)
    tags = next((tags for every, tags in _TAGS if number % every == 0), fact.tags)
    return fact.model_copy(update={"tags": tags})


def _read(store: Store) -> tuple[Facts, tuple[SourceState, ...]]:
    with store.reading() as connection:
        return facts_at(connection, NOW), sources_at(connection, NOW)


def _url(path: Path) -> str:
    return f"sqlite:///{path}"


if __name__ == "__main__":
    with Store.open(_url(Path(sys.argv[1]))) as opened:
        found = assess_all(*_read(opened))
    if not found.counts or SOURCE not in {f.subject.source for f in found.findings}:
        raise SystemExit("the rules found nothing: this measures nothing")
