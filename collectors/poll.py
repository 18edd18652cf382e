"""One bounded, killable worker process per source; every attempt is recorded.

The parent reads no source itself. It hands each worker its job, waits no longer than the wall
clock allows, kills what overruns together with everything it started, and stores what came: one
snapshot, one transaction.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from collectors.contract import HistoryCollector, HistoryStep, Raw, Source, collector_of
from collectors.nursery import Worker, new_worker
from collectors.worker import Failed, Found, Job, Message, Task, receive
from inventory.append import Attempt, Stored, append, record_failure, source_key_of
from inventory.errors import ClusterConflict
from inventory.history_steps import done_steps, store_step
from inventory.kept import keep_answers
from inventory.records import Coverage, Snapshot
from inventory.store import Store

Clock = Callable[[], datetime]
Outcome = Literal["stored", "partial", "superseded", "failed", "timed_out"]

_SOURCES_AT_ONCE = 6  # a worker holds some 80 MB
_GRACE_SECONDS = 2.0  # for a worker that used its time up to hand over what it has
_LAST_WORDS_BYTES = 2_000


@dataclass(frozen=True, slots=True)
class Plan:
    """How one source is to be polled."""

    source: Source[Any]
    timeout_seconds: float = 60.0
    max_parallel: int = 4
    max_requests: int = 20_000
    zone: ZoneInfo = ZoneInfo("UTC")  # the site's


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one source's poll."""

    source: str
    outcome: Outcome
    snapshot: Snapshot | None = None
    stored: Stored | None = None
    error: str = ""
    error_kind: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.outcome in ("stored", "partial", "superseded")

    @property
    def superseded(self) -> bool:
        """Whether what is stored is newer: it was read, but none of its facts were taken in."""
        return self.outcome == "superseded"

    @property
    def new_gaps(self) -> tuple[Coverage, ...]:
        return self.stored.new_gaps if self.stored else ()


def poll(store: Store, plans: Sequence[Plan], clock: Clock) -> Iterator[Result]:
    """Polls the sources side by side; yields each result once it is stored."""
    with ThreadPoolExecutor(max_workers=min(_SOURCES_AT_ONCE, max(1, len(plans)))) as pool:
        started = {pool.submit(_read, "poll", plan, clock): plan for plan in plans}
        for future in as_completed(started):
            yield _keep(store, started[future], *future.result(), clock)


def record(plan: Plan, clock: Clock) -> Raw | Failed:
    """The raw answer set of one source; nothing is stored."""
    messages, _started = _read("record", plan, clock)
    for message in messages:
        if isinstance(message, Failed):
            return message
        if message.raw is not None:
            return message.raw
    return Failed("BadAnswer", "the worker found nothing")


def look(plan: Plan, clock: Clock) -> Found | Failed:
    """One poll of a source that is not stored: for `sources check`."""
    messages, _started = _read("check", plan, clock)
    for message in messages:
        if isinstance(message, Failed) or message.snapshot is not None:
            return message
    return Failed("BadAnswer", "the worker found nothing")


def _read(task: Task, plan: Plan, clock: Clock) -> tuple[list[Message], datetime]:
    started = clock()
    job = Job(
        task,
        plan.source,
        started,
        plan.timeout_seconds,
        plan.max_parallel,
        plan.max_requests,
    )
    return list(run_worker(job)), started


def run_worker(job: Job) -> Iterator[Message]:
    """The messages of a worker process, ended by a Failed when it overran or broke down."""
    with _last_words_file() as last_words:
        try:
            worker = new_worker(last_words)
        except OSError as error:
            yield Failed("WorkerBroke", f"no worker could be started: {error}")
            return
        overran = threading.Event()
        timer = threading.Timer(job.seconds + _GRACE_SECONDS, _overrun, (worker, overran))
        timer.daemon = True
        timer.start()
        try:
            yield from _converse(worker, job)
        finally:
            timer.cancel()
            worker.kill()
            code = worker.wait()
            worker.close()
        failure = _failure(code, overran.is_set(), job, last_words)
    if failure is not None:
        yield failure


@contextlib.contextmanager
def _last_words_file() -> Iterator[Any]:
    """A file for what a worker prints, so that a flood of it cannot block the worker."""
    with tempfile.TemporaryFile() as file:
        yield file


def _converse(worker: Worker, job: Job) -> Iterator[Message]:
    with contextlib.suppress(BrokenPipeError):  # it died at once; _failure tells why
        pickle.dump(job, worker.stdin)
        worker.stdin.close()
    yield from receive(worker.stdout)
    with contextlib.suppress(TimeoutError):
        worker.wait(timeout=_GRACE_SECONDS)


def _overrun(worker: Worker, overran: threading.Event) -> None:
    overran.set()
    worker.kill()


def _failure(code: int, overran: bool, job: Job, last_words: Any) -> Failed | None:
    if overran:
        return Failed("OverTime", f"no answer within {job.seconds:g} s; the poll was stopped")
    if code == 0:
        return None
    last_words.seek(0, os.SEEK_END)
    last_words.seek(max(0, last_words.tell() - _LAST_WORDS_BYTES))
    words = last_words.read().decode(errors="replace").strip().splitlines()
    how = f"by signal {-code}" if code < 0 else f"with status {code}"
    said = f": {words[-1][:300]}" if words else ""
    return Failed("WorkerBroke", f"the worker ended {how}{said}")


def _keep(
    store: Store, plan: Plan, messages: list[Message], started: datetime, clock: Clock
) -> Result:
    attempt = Attempt(
        source=plan.source.name,
        kind=plan.source.kind,
        started_at=started,
        finished_at=clock(),
        zone=plan.zone,
        cluster_configured=plan.source.cluster is not None,
        period_seconds=plan.source.period_seconds,
    )
    found = [m for m in messages if isinstance(m, Found) and m.snapshot]
    if found:
        return _keep_snapshots(store, found, attempt)
    failed = next((m for m in messages if isinstance(m, Failed)), None)
    failed = failed or Failed("WorkerBroke", "the worker said nothing")
    return _keep_failure(store, failed, attempt)


def _keep_snapshots(store: Store, found: Sequence[Found], attempt: Attempt) -> Result:
    """Stores one snapshot after the other, each in a transaction of its own; tells of the last
    what it is, and of all of them what changed."""
    results = [_keep_snapshot(store, one, attempt) for one in found]
    failed = next((result for result in results if not result.ok), None)
    last = failed or results[-1]
    if last.stored is None:
        return last
    earlier = sum((r.stored for r in results[:-1] if r.stored is not None), Stored())
    return replace(last, stored=last.stored + earlier)


def _keep_snapshot(store: Store, found: Found, attempt: Attempt) -> Result:
    snapshot = found.snapshot
    if snapshot is None:
        raise AssertionError
    try:
        with store.writing() as connection:
            stored = append(connection, snapshot, attempt)
            keep_answers(connection, source_key_of(connection, attempt), found.kept)
    except ClusterConflict as error:
        return _keep_failure(store, Failed("ClusterConflict", str(error)), attempt)
    outcome: Outcome = "partial" if stored.is_partial else "stored"
    if stored.superseded:
        outcome = "superseded"
    seconds = (attempt.finished_at - attempt.started_at).total_seconds()
    return Result(attempt.source, outcome, snapshot, stored, seconds=seconds)


def _keep_failure(store: Store, failed: Failed, attempt: Attempt) -> Result:
    outcome: Outcome = "timed_out" if failed.error == "OverTime" else "failed"
    with store.writing() as connection:
        record_failure(connection, attempt, outcome, failed.message)
    return Result(
        attempt.source,
        outcome,
        error=failed.message,
        error_kind=failed.error,
        seconds=(attempt.finished_at - attempt.started_at).total_seconds(),
    )


# The platform's own history


@dataclass(frozen=True, slots=True)
class HistoryProgress:
    """How far a source's backfill is."""

    source: str
    done: int
    total: int
    samples: int = 0
    error: str = ""

    @property
    def complete(self) -> bool:
        return self.done >= self.total


def backfill(
    store: Store, plan: Plan, snapshot: Snapshot, clock: Clock, *, seconds: float
) -> Iterator[HistoryProgress]:
    """Reads the history that the platform keeps itself, one stored step after the other.

    Steps done before are skipped, so it resumes after a kill. It yields after every step.
    """
    collector = collector_of(plan.source.kind)
    if not isinstance(collector, HistoryCollector):
        return
    steps = collector.history_steps(snapshot)
    attempt = _history_attempt(plan, clock)
    with store.writing() as connection:
        source_key = source_key_of(connection, attempt)
        done = done_steps(connection, source_key)
    todo = tuple(step for step in steps if step.name not in done)
    progress = HistoryProgress(plan.source.name, len(steps) - len(todo), len(steps))
    yield progress
    if not todo:
        return
    job = Job("history", plan.source, clock(), seconds, plan.max_parallel, steps=todo)
    for message in run_worker(job):
        if isinstance(message, Failed):
            if message.error != "OverTime":  # out of time is no fault: the next run goes on
                yield replace(progress, error=message.message)
            return
        progress = _keep_step(store, plan, source_key, message, progress, clock())
        yield progress


def _history_attempt(plan: Plan, clock: Clock) -> Attempt:
    now = clock()
    return Attempt(plan.source.name, plan.source.kind, now, now, plan.zone, purpose="backfill")


def _keep_step(
    store: Store,
    plan: Plan,
    source_key: int,
    found: Found,
    progress: HistoryProgress,
    now: datetime,
) -> HistoryProgress:
    step: HistoryStep | None = found.step
    if step is None:
        return progress
    with store.writing() as connection:
        history = found.history
        stored = store_step(
            connection, source_key, step.name, history.usage, history.peaks, now, plan.zone
        )
    return replace(progress, done=progress.done + 1, samples=progress.samples + stored)
