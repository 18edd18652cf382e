"""clusters: one `collect` of many Proxmox VE clusters, beside the same requests sent bare."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.double import Double, running
from bench.measure import Line, Once, Run, Size, Spread, Tell, by_turns, call
from bench.polling import Asked, ask_bare, asked_by, poll, source_of
from bench.tree import idle_interpreters, whole_tree
from lab.pve_synthetic import AUDITOR

_BARE = "the same requests bare, all clusters at once, read as JSON"
_IDLE = "as many interpreters that do nothing"
_PROCESSES = 7  # the program and its workers
_FIRST_SECONDS, _STEADY_SECONDS, _MOST_MIB = 60.0, 20.0, 600e6 / 1024**2


def cluster_lines(size: Size, tell: Tell) -> Iterator[Line]:
    """How long a first collect of many clusters takes, how long the next, and what they hold."""
    many, nodes, guests = size.clusters, size.cluster_nodes, size.cluster_guests
    name = f"collect {many * guests:,} guests on {many * nodes} nodes in {many} clusters"
    tell(f"{name}: every cluster's double answers from a process of its own")
    with ExitStack() as stack, TemporaryDirectory() as folder:
        now = datetime.now(UTC)
        doubles = [stack.enter_context(running(nodes, guests, now)) for _ in range(many)]
        site = _Site(Path(folder), doubles)
        site.configure()
        raw = poll(source_of(doubles[0], now))
        again = poll(source_of(doubles[0], now, raw.kept))
        yield from _lines(f"{name}, first", site, site.first, asked_by(raw), _FIRST_SECONDS)
        yield from _lines(f"{name}, steady", site, site.next, asked_by(again), _STEADY_SECONDS)


@dataclass(frozen=True, slots=True)
class _Site:
    """A project whose sources are the doubles. History is left out: it takes what time is left."""

    folder: Path
    doubles: Sequence[Double]

    def configure(self) -> None:
        token = self.folder / "token"
        token.write_text(AUDITOR.secret)
        token.chmod(0o600)
        tables = (_table(f"c{n}", double, token) for n, double in enumerate(self.doubles))
        self._file.write_text('[site]\nname = "bench"\ntimezone = "UTC"\n' + "".join(tables))

    @property
    def _file(self) -> Path:
        return self.folder / "lumbung.toml"

    @property
    def next(self) -> Run:
        """A collect into the store that is there."""
        return whole_tree([sys.executable, "-m", "lumbung", "--config", str(self._file), "collect"])

    @property
    def first(self) -> Run:
        """A collect into a new store."""

        def run() -> Once:
            (self.folder / "inventory.db").unlink(missing_ok=True)
            return self.next()

        return run

    def ask_bare(self, asked: Sequence[Asked]) -> None:
        with ThreadPoolExecutor(len(self.doubles)) as pool:
            list(pool.map(lambda double: ask_bare(double, asked), self.doubles))


def _table(name: str, double: Double, token: Path) -> str:
    user, _bang, token_name = AUDITOR.id.partition("!")
    options = {
        "name": name, "kind": "proxmox", "cluster": name, "url": double.url, "user": user,
        "token_name": token_name, "token": f"file:{token}", "ca_file": str(double.ca_file),
        "backfill_seconds": 0,
    }  # fmt: skip
    return "[[sources]]\n" + "".join(f"{key} = {json.dumps(v)}\n" for key, v in options.items())


def _lines(
    name: str, site: _Site, collect: Run, asked: Sequence[Asked], most_seconds: float
) -> Iterator[Line]:
    own, bare, idle = by_turns(
        1, collect, call(lambda: site.ask_bare(asked)), whole_tree(idle_interpreters(_PROCESSES))
    )
    requests = len(asked) * len(site.doubles)
    yield Line(
        f"{name}: requests", "requests", Spread.of([requests]), Spread.of([requests]), "sent"
    )
    yield Line(name, "s", own.seconds, bare.seconds, _BARE, most=most_seconds)
    yield Line(f"{name}: computing", "s", own.processor_seconds, bare.processor_seconds, _BARE)
    yield Line(
        f"{name}: memory of all processes", "MiB", own.peak_mib, idle.peak_mib, _IDLE,
        most=_MOST_MIB,
    )  # fmt: skip
