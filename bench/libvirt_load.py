"""libvirt-load: what a poll takes from the host that it reads, beside the same calls made bare.

Counted is the processor time of a real libvirtd and of its guests' QEMU processes. What they use
while nobody asks is measured in the same minutes, and taken off.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from bench.measure import Line, Size, Spread, Tell
from collectors.contract import Budget, Source
from collectors.libvirt import LibvirtCollector, LibvirtOptions
from lab.libvirt_lab.programs import LabError
from lab.libvirtd import Lab, libvirt_lab

_PERIOD_SECONDS = 300.0  # between two polls of a host
_MOST_PERCENT = 1.0
_BUDGET_SECONDS = 60.0
_BARE = "bare libvirt-python: the same calls, read-only, answers dropped"
_TICKS = os.sysconf("SC_CLK_TCK")


def load_lines(size: Size, tell: Tell) -> Iterator[Line]:
    """The share of one core that a poll every five minutes takes on the host."""
    if not (shutil.which("libvirtd") and importlib.util.find_spec("libvirt")):
        tell("libvirt-load: skipped, libvirtd or its binding is not installed (make lab does it)")
        return
    tell(f"libvirt-load: a private libvirtd with {size.load_guests} guests")
    try:
        with libvirt_lab(size.load_guests, loads=("idle",)) as lab:
            yield from _lines(lab, size)
    except LabError as error:
        tell(f"libvirt-load: skipped, the lab does not run here: {error}")


def _lines(lab: Lab, size: Size) -> Iterator[Line]:
    name = f"libvirt host with {size.load_guests} guests"
    rounds = [_round(lab, size) for _ in range(size.repeat + 1)][1:]  # the first warms up
    own, bare = ([seconds[place] for seconds in rounds] for place in (0, 1))
    share = 100.0 / _PERIOD_SECONDS
    yield Line(
        f"{name}: load of a poll every 5 minutes", "% of a core",
        Spread.of(seconds * share for seconds in own),
        Spread.of(seconds * share for seconds in bare), _BARE, most=_MOST_PERCENT,
    )  # fmt: skip
    yield Line(
        f"{name}: its processor time for a poll", "ms",
        Spread.of(seconds * 1000 for seconds in own),
        Spread.of(seconds * 1000 for seconds in bare), _BARE,
    )  # fmt: skip


def _round(lab: Lab, size: Size) -> tuple[float, float]:
    """Processor seconds of the host for one poll, and for the same calls bare.

    Each is the mean of several, less what the host uses by itself in that time.
    """
    pids = [lab.host.pid, *(lab.host.qemu_pid(name) for name in lab.host.domains)]
    idle, waited = _used(pids, lambda: time.sleep(size.load_idle_seconds))
    found = []
    for ask in (lambda: _poll(lab.uri), lambda: ask_bare(lab.uri)):
        used, took = _used(pids, lambda ask=ask: [ask() for _ in range(size.load_polls)])  # type: ignore[misc]
        least = 1 / _TICKS  # the kernel counts in ticks: nothing is shorter than one
        found.append(max(least, used - idle * took / waited) / size.load_polls)
    return found[0], found[1]


def _used(pids: list[int], action: Callable[[], object]) -> tuple[float, float]:
    """Processor seconds of the processes while the action ran, and the seconds it took."""
    before, began = sum(map(_processor_seconds, pids)), time.perf_counter()
    action()
    return sum(map(_processor_seconds, pids)) - before, time.perf_counter() - began


def _processor_seconds(pid: int) -> float:
    """What a process and its threads have used, from proc(5): utime and stime."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _poll(uri: str) -> None:
    source = Source("lab", "libvirt", LibvirtOptions(uri=uri))
    raw = LibvirtCollector().fetch(source, Budget(_BUDGET_SECONDS))
    if failed := [key for key, answer in raw.answers.items() if "error" in answer]:
        raise RuntimeError(f"not answered: {json.dumps(failed)}")


def ask_bare(uri: str) -> None:
    """The calls of one poll of a host where nothing is wrong, in its order."""
    import libvirt

    from collectors.libvirt.wire import ACTIVE, ALL_GROUPS, AUTOSTARTED, PERSISTENT, SAFE_GROUPS
    from collectors.libvirt.wire import WITH_SNAPSHOTS as SNAPSHOTS

    connection = libvirt.openReadOnly(uri)
    connection.listAllDomains(0)
    for call in ("getHostname", "getCapabilities", "getType", "isEncrypted", "getVersion",
                 "getLibVersion", "getInfo"):  # fmt: skip
        getattr(connection, call)()
    for call, argument in (("getMemoryStats", -1), ("getCPUStats", -1), ("getMemoryParameters", 0)):
        with suppress(libvirt.libvirtError):  # the test driver knows some of them only
            getattr(connection, call)(argument)
    domains = connection.listAllDomains(0)
    connection.numOfDomains()
    connection.numOfDefinedDomains()
    for flag in (AUTOSTARTED, PERSISTENT, SNAPSHOTS):
        connection.listAllDomains(flag)
    for domain in domains:
        domain.XMLDesc(0)
    at_once = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
    connection.getAllDomainStats(SAFE_GROUPS, at_once)
    for domain in connection.listAllDomains(ACTIVE):
        with suppress(libvirt.libvirtError):
            domain.controlInfo()
    connection.getAllDomainStats(ALL_GROUPS, at_once)
    for pool in connection.listAllStoragePools(0):
        for call in ("isActive", "XMLDesc", "info"):
            getattr(pool, call)()
        for volume in pool.listAllVolumes(0):
            volume.XMLDesc(0)
    connection.close()
