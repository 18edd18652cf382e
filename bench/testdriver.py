"""testdriver: a poll of many guests of libvirt's test driver, beside the same calls made bare."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.libvirt_load import ask_bare
from bench.measure import Line, Size, Tell, by_turns, call
from collectors.contract import Budget, Source
from collectors.libvirt import LibvirtCollector, LibvirtOptions
from inventory.records import Guest
from lab.libvirt_node import write_node

_BARE = "bare libvirt-python: the same calls, read-only, answers dropped"
_SECONDS, _MOST_SECONDS = 60.0, 3.0


def testdriver_lines(size: Size, tell: Tell) -> Iterator[Line]:
    """How long reading a host with many guests takes where the host itself costs nothing."""
    if importlib.util.find_spec("libvirt") is None:
        tell("testdriver: skipped, the binding is not installed (make lab does it)")
        return
    name = f"poll {size.testdriver_guests:,} guests of the test driver"
    tell(f"{name}: no daemon, no line between")
    with TemporaryDirectory() as folder:
        uri = write_node(Path(folder) / "node.xml", size.testdriver_guests)
        own, bare = by_turns(
            size.repeat,
            call(lambda: _poll(uri, size.testdriver_guests)),
            call(lambda: ask_bare(uri)),
        )
    yield Line(
        f"{name}: fetch and parse", "s", own.seconds, bare.seconds, _BARE, most=_MOST_SECONDS
    )
    yield Line(f"{name}: computing", "s", own.processor_seconds, bare.processor_seconds, _BARE)


def _poll(uri: str, guests: int) -> None:
    collector, source = LibvirtCollector(), Source("fake", "libvirt", LibvirtOptions(uri=uri))
    raw = collector.fetch(source, Budget(_SECONDS))
    found = collector.parse(raw, source="fake", taken_at=datetime.now(UTC))
    if len(found.of(Guest)) != guests:
        raise RuntimeError(f"{len(found.of(Guest))} of {guests} guests were found")
