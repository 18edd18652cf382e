"""The worker process: reads one source and writes what it found to its standard output.

It is born in the nursery and runs alone, in a session of its own, so that whatever hangs in it can
be killed with all it started. The job comes by standard input: a secret is never an argument nor
in the environment.
"""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, BinaryIO, Literal

from collectors.contract import (
    Budget,
    CollectError,
    History,
    HistoryCollector,
    HistoryStep,
    KeptAnswer,
    Raw,
    SeriesCollector,
    Source,
    collector_of,
)
from inventory.records import Snapshot

_ORPHAN_GRACE_SECONDS = 10

Task = Literal["poll", "record", "history", "check"]


@dataclass(frozen=True, slots=True)
class Job:
    """What one worker is to do."""

    task: Task
    source: Source[Any]
    taken_at: datetime
    seconds: float
    max_parallel: int = 4
    max_requests: int = 20_000
    steps: tuple[HistoryStep, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """One result: a snapshot, a raw answer set, or the samples of a history step."""

    snapshot: Snapshot | None = None
    asked: tuple[str, ...] = ()  # the requests behind the snapshot
    kept: Mapping[str, KeptAnswer] = field(default_factory=dict)  # for the next poll
    raw: Raw | None = None
    step: HistoryStep | None = None
    history: History = History()


@dataclass(frozen=True, slots=True)
class Failed:
    """The source could not be read: which error of the contract, and its one line."""

    error: str
    message: str


Message = Found | Failed


def work(job: Job) -> Iterator[Message]:
    """The messages of one job; a failure of the source ends them with a Failed."""
    budget = Budget(job.seconds, job.max_parallel, job.max_requests)
    try:
        collector = collector_of(job.source.kind)
        if job.task == "history":
            yield from _history(collector, job, budget)
            return
        raw = collector.fetch(replace(job.source, now=job.taken_at), budget)
        if job.task == "record":
            yield Found(raw=raw)
        else:
            *earlier, newest = _snapshots(collector, raw, job)
            yield from (Found(snapshot=snapshot) for snapshot in earlier)
            asked = tuple(raw.answers) if raw.asked is None else raw.asked
            yield Found(snapshot=newest, asked=asked, kept=raw.kept)
    except CollectError as error:
        yield Failed(type(error).__name__, str(error))


def _snapshots(collector: Any, raw: Raw, job: Job) -> tuple[Snapshot, ...]:
    """What a poll found, oldest first; a check looks at the newest alone."""
    if job.task == "poll" and isinstance(collector, SeriesCollector):
        return collector.parse_series(raw, source=job.source.name)
    return (collector.parse(raw, source=job.source.name, taken_at=job.taken_at),)


def _history(collector: Any, job: Job, budget: Budget) -> Iterator[Message]:
    if not isinstance(collector, HistoryCollector):
        return
    for step, raw in collector.fetch_history(job.source, job.steps, budget):
        yield Found(step=step, history=collector.parse_history(step, raw))


def send(stream: BinaryIO, message: Message) -> None:
    """Writes one message with its length before it."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(len(body).to_bytes(8, "big") + body)
    stream.flush()


def receive(stream: BinaryIO) -> Iterator[Message]:
    """The messages until the stream ends; one that was cut off is not delivered."""
    while len(head := stream.read(8)) == 8:
        size = int.from_bytes(head, "big")
        body = stream.read(size)
        if len(body) < size:
            return
        yield pickle.loads(body)  # noqa: S301  (from our own child process)


def _end_with_the_parent(parent: int) -> None:
    """Asks nothing more of a hypervisor once there is no one to hear the answers."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def main() -> None:
    """Reads the job, writes its messages. Whatever else prints goes to standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    output = sys.stdout.buffer
    with contextlib.redirect_stdout(sys.stderr):
        job: Job = pickle.load(sys.stdin.buffer)  # noqa: S301  (from our own parent process)
        # Should the parent be killed, no one is left to stop a worker that hangs in a call into C:
        # then the kernel does, for the signal's default action needs no Python to run.
        signal.alarm(math.ceil(job.seconds) + _ORPHAN_GRACE_SECONDS)
        threading.Thread(target=_end_with_the_parent, args=(os.getppid(),), daemon=True).start()
        for message in work(job):
            send(output, message)
    sys.stderr.flush()
    os._exit(0)  # a call into C that still hangs in a thread must not hold up what was found
