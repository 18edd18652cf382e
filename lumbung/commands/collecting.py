"""collect, backfill, sources, sources check, record."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import date, datetime
from pathlib import Path

from collectors.contract import HistoryCollector, SourceMisconfigured, collector_of
from collectors.poll import HistoryProgress, Result, look, record
from collectors.scrub import scrubbed
from collectors.tags import COMMAND
from collectors.worker import Failed, Found
from inventory.errors import StoreFull
from inventory.records import Coverage, Guest, Host, Right, Snapshot
from inventory.sources import sources_at
from inventory.store import Store
from lumbung.choices import Exit, Format
from lumbung.collecting import Collected, backfill, collect, keep_house, note_collect, plan_of
from lumbung.plan import health
from lumbung.printing import note, number_of, show
from lumbung.reminders import reminders, token_words
from lumbung.session import Session
from lumbung.settings import ConfiguredSource, Settings, SettingsError
from planner.report import source_row
from planner.rows import SourceRow
from reports.cells import plain

_SHORTEST_TURN_SECONDS = 5.0  # below it a worker does little but start
_LEAST_FOR_HISTORY = 0.25  # of a source's time for history, however long the polls took


def collect_once(session: Session, names: Sequence[str] = ()) -> Exit:
    """One poll of every (named) source, told line by line; the exit code of `collect`."""
    settings = session.settings()
    results: list[Result] = []
    try:
        with session.store(settings, create=True) as store:
            lines = _collect_into(session, settings, store, names, results)
    except StoreFull as error:
        note(f"lumbung: {error}")
        return Exit.PARTIAL if any(result.ok for result in results) else Exit.NOTHING
    for line in lines:
        note(line)
    return Collected(tuple(results)).exit


def _collect_into(
    session: Session,
    settings: Settings,
    store: Store,
    names: Sequence[str],
    results: list[Result],
) -> list[str]:
    """Polls, adds each result once it is stored, and returns what is to be told at the end."""
    began = time.monotonic()
    for result in collect(session, settings, store, names):
        _tell(result, verbose=session.verbose)
        results.append(result)
    _continue_histories(session, settings, store, results, began)
    keep_house(session, settings, store)
    note_collect(session, store, "collect", results)
    told = {result.source for result in results if result.superseded}
    with store.reading() as connection:
        return reminders(settings, connection, session.now(), told)


def _tell(result: Result, *, verbose: bool) -> None:
    note(_line(result))
    if result.stored is None:
        return
    shown = result.stored.gaps if verbose else result.new_gaps
    for line in told_gaps(shown):
        note(f"  {line}")


def told_gaps(gaps: Sequence[Coverage]) -> list[str]:
    """Gaps in few lines: those with one cause together."""
    causes: dict[tuple[str, str, str], list[Coverage]] = {}
    for gap in gaps:
        causes.setdefault((gap.state, gap.reason, gap.remedy), []).append(gap)
    lines = []
    for (state, reason, remedy), found in causes.items():
        kinds = ", ".join(sorted({gap.kind for gap in found}))
        scopes = sorted({gap.scope for gap in found if gap.scope})
        where = f" of {', '.join(scopes[:4])}" if scopes else ""
        more = f" and {len(scopes) - 4} more" if len(scopes) > 4 else ""
        how = f"; to see it: {remedy}" if remedy else ""
        lines.append(f"{state}: {kinds}{where}{more}: {reason}{how}")
    return lines


def _line(result: Result) -> str:
    """One line about one source."""
    if not result.ok or result.snapshot is None or result.stored is None:
        return f"{result.source}: {result.outcome}: {result.error}"
    snapshot, stored, effort = result.snapshot, result.stored, result.snapshot.effort
    guests = sum(1 for fact in snapshot.facts if fact.kind_name == "guest")
    parts = [
        f"{result.source}: {result.outcome}",
        number_of(guests, "guest"),
        f"{number_of(stored.added, 'fact')} added, {stored.changed} changed, {stored.closed} gone",
        number_of(stored.samples, "sample"),
    ]
    if stored.gaps:
        parts.append(f"{number_of(len(stored.gaps), 'gap')} ({len(stored.new_gaps)} new)")
    if effort.requests:
        parts.append(f"{number_of(effort.requests, 'request')}, {effort.bytes / 1024:.0f} KiB")
    parts.append(f"{result.seconds:.1f} s")
    if stored.superseded_by is not None:
        parts.append(
            f"of {snapshot.taken_at:%Y-%m-%d %H:%MZ}, older than what is stored: only its usage "
            f"was kept (stored is {stored.superseded_by:%Y-%m-%d %H:%MZ})"
        )
    return ", ".join(parts)


def _continue_histories(
    session: Session, settings: Settings, store: Store, results: Sequence[Result], began: float
) -> None:
    """After the polls, some more of the platforms' own history, until all of it is there.

    The sources share the time, those with the least behind them first, so that a collect of many
    lasts no longer than one of few.
    """
    waiting = _with_history(settings, store, results, session.now())
    polled = time.monotonic()
    for index, (source, snapshot) in enumerate(waiting):
        seconds = source.common.backfill_seconds
        until = max(began + seconds, polled + _LEAST_FOR_HISTORY * seconds)
        turn = turn_seconds(until - time.monotonic(), len(waiting) - index)
        if turn > 0:
            _tell_history(backfill(session, settings, store, source, snapshot, seconds=turn))


def turn_seconds(left: float, sources: int) -> float:
    """The part of the time that is left for the first of so many sources: an equal one, but
    never so short that nothing comes of it."""
    return max(0.0, min(left, max(_SHORTEST_TURN_SECONDS, left / sources)))


def _with_history(
    settings: Settings, store: Store, results: Sequence[Result], at: datetime
) -> list[tuple[ConfiguredSource, Snapshot]]:
    """The polled sources whose platform keeps a history, the least read first."""
    with store.reading() as connection:
        done = {state.name: state.history_steps for state in sources_at(connection, at)}
    found = [
        (source, result.snapshot)
        for result in results
        if result.snapshot is not None
        and (source := settings.source(result.source)).common.backfill_seconds > 0
        and isinstance(collector_of(source.common.kind), HistoryCollector)
    ]
    return sorted(found, key=lambda pair: done.get(pair[0].name, 0))


def _tell_history(steps: Iterator[HistoryProgress]) -> HistoryProgress | None:
    first: HistoryProgress | None = None
    last: HistoryProgress | None = None
    for last in steps:
        first = first or last
        if last.error:
            note(f"{last.source}: history: {last.error}")
    if first is not None and last is not None and last.done > first.done:
        rest = "complete" if last.complete else f"{last.done} of {last.total} steps, goes on"
        note(f"{last.source}: history: {last.samples} samples, {rest}")
    return last


def backfill_all(session: Session, names: Sequence[str], *, seconds: float) -> Exit:
    """The platforms' own history of every (named) source, as far as the time allows."""
    settings = session.settings()
    complete = True
    polled: list[Result] = []
    with session.store(settings, create=True) as store:
        for source in settings.chosen(names):
            if not isinstance(collector_of(source.common.kind), HistoryCollector):
                note(f"{source.name}: a source of kind {source.common.kind} keeps no history")
                continue
            [result] = collect(session, settings, store, [source.name])
            polled.append(result)
            note(_line(result))
            complete = complete and not result.superseded
            if result.snapshot is None:
                complete = False
                continue
            steps = backfill(session, settings, store, source, result.snapshot, seconds=seconds)
            last = _tell_history(steps)
            complete = complete and last is not None and last.complete and not last.error
        keep_house(session, settings, store)
        note_collect(session, store, "backfill", polled)
    return Exit.DONE if complete else Exit.PARTIAL


def list_sources(session: Session, form: Format) -> None:
    """Each source: last success, age, gaps, what stays hidden, token expiry."""
    settings = session.settings()
    with session.store(settings, create=True) as store, store.reading() as connection:
        states = sources_at(connection, session.now())
        told = reminders(settings, connection, session.now())
    rows = [source_row(one) for one in health(settings, states, session.now())]
    columns = [field.name for field in fields(SourceRow)]
    cells = [[getattr(row, name) for name in columns] for row in rows]
    superseded = any(row.superseded_since is not None for row in rows)
    on_screen = _ON_SCREEN + ("superseded_since", "superseded_by") * superseded
    show(columns, cells, form, on_screen=on_screen)
    for state in states:
        if state.last_error and form is Format.table and state.last_outcome in _FAILURES:
            note(f"{state.name}: {state.last_outcome}: {state.last_error}")
    if form is Format.table:
        for line in told:
            note(line)


_ON_SCREEN = (
    "source", "kind", "last_success_at", "age_minutes", "status", "guests_seen", "guests_reported",
    "gaps", "hidden", "token_expires_on",
)  # fmt: skip
_FAILURES = ("failed", "timed_out")


def check_sources(session: Session, names: Sequence[str]) -> Exit:
    """Connects to each (named) source and tells what a poll would find; nothing is stored."""
    settings = session.settings()
    answered = 0
    chosen = settings.chosen(names)
    for source in chosen:
        print(f"{source.name} ({source.common.kind})")
        try:
            found = look(plan_of(settings, source), session.now)
        except SourceMisconfigured as error:
            found = Failed("SourceMisconfigured", str(error))
        if isinstance(found, Failed):
            print(f"  FAILED      {plain(found.message)}")
            continue
        answered += 1
        for label, text in _check_lines(found, session.now().date()):
            print(f"  {label:<11} {plain(text)}")
    if answered == len(chosen):
        return Exit.DONE
    return Exit.PARTIAL if answered else Exit.NOTHING


def _check_lines(found: Found, today: date) -> Iterator[tuple[str, str]]:
    """What an operator wants to know of a source, label and text."""
    snapshot = found.snapshot
    if snapshot is None:
        return
    guests, hosts = len(snapshot.of(Guest)), len(snapshot.of(Host))
    yield "platform", snapshot.platform
    if (offset := snapshot.clock_offset_seconds) is not None:
        far = " – set the clocks right: samples would be dated wrong" if abs(offset) > 60 else ""
        yield "clock", f"{offset:+.0f} s{far}"
    counted = snapshot.guests_reported
    told = "an unknown number of" if counted is None else str(counted)
    where = number_of(hosts, "host")
    yield "guests", f"the platform says {told} guests, we see {guests}, on {where}"
    if (expires := snapshot.token_expires_on) is not None:
        days = (expires - today).days
        yield "token", token_words(expires, today) or f"expires on {expires} (in {days} days)"
    effort = snapshot.effort
    yield (
        "poll",
        (
            f"{effort.requests or len(found.asked)} requests, {effort.bytes / 1024:.0f} KiB, "
            f"{effort.seconds:.1f} s"
        ),
    )
    for shape, count in _shapes(found.asked):
        yield "", f"{count:>5} × {shape}"
    yield from _rights_lines(snapshot.rights)
    yield from _tag_lines(snapshot)
    gaps = [part for part in snapshot.coverage if part.is_gap]
    yield "hidden", _told_count(gaps)
    for line in told_gaps(gaps):
        yield "", line


def _told_count(gaps: Sequence[Coverage]) -> str:
    """How many gaps there are, when there are any that could be closed."""
    if any(not gap.is_beyond_reach for gap in gaps):
        return f"{len(gaps)} gaps"
    return "nothing that a right to read would show" if gaps else "nothing: all it holds is seen"


def _tag_lines(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """How guests are tagged where they have no tags of the platform's own, and none has any."""
    guests = snapshot.of(Guest)
    has_none = bool(guests) and all(guest.tags == () for guest in guests)
    if has_none and any(host.platform == "libvirt" for host in snapshot.of(Host)):
        yield "tags", "no guest says whose it is; on the host, and with --live where it runs:"
        yield "", COMMAND


def _rights_lines(rights: Sequence[Right]) -> Iterator[tuple[str, str]]:
    """What the credentials may see, what they may not, what that hides, and what would show it."""
    if not rights:
        return
    held = [f"{right.name} on {right.path}" for right in rights if right.held]
    yield "rights", f"granted: {', '.join(held) or 'none'}"
    missing: dict[str, list[Right]] = {}
    for right in rights:
        if not right.held:
            missing.setdefault(right.remedy, []).append(right)
    for remedy, lacking in missing.items():
        label = "left out, for they also let write" if lacking[0].writes else "missing"
        yield "", f"{label}: {', '.join(_told_right(right) for right in lacking)}"
        hides = dict.fromkeys(kind for right in lacking for kind in right.shows)
        yield "", f"  hides {', '.join(hides)}"
        yield "", f"  asked in {'; '.join(dict.fromkeys(right.asked for right in lacking))}"
        yield "", f"  to see it: {remedy}"


def _told_right(right: Right) -> str:
    return f"{right.name} on {right.path}" + (f" ({right.note})" if right.note else "")


def _shapes(requests: Sequence[str]) -> list[tuple[str, int]]:
    """Requests that differ only in what they are about, counted together."""
    counts: dict[str, int] = {}
    for request in requests:
        shape = re.sub(r"\b(nodes|qemu|lxc|storage|domain|pool)/[^/?]+", r"\1/…", request)
        counts[shape] = counts.get(shape, 0) + 1
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def record_source(session: Session, name: str, folder: Path) -> Exit:
    """Saves a scrubbed raw answer set, for a bug report or a test."""
    settings = session.settings()
    plan = plan_of(settings, settings.source(name))
    raw = record(plan, session.now)
    if isinstance(raw, Failed):
        note(f"{name}: {raw.message}")
        return Exit.NOTHING
    clean = scrubbed(raw)
    content = {"kind": clean.kind, "context": dict(clean.context), "answers": dict(clean.answers)}
    target = folder / f"{name}.json"
    _write_for_owner(target, json.dumps(content, indent=1, sort_keys=True) + "\n")
    note(f"{target}: {len(clean.answers)} answers; {_STAYS}")
    return Exit.DONE


_STAYS = (
    "secrets and notes are taken out, names, addresses, tags and accounts stay: read it before "
    "you send it"
)


def _write_for_owner(path: Path, text: str) -> None:
    """Writes a file that its owner alone may read, in a folder of the same kind if it is new."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)  # of one that was there before
            file.write(text)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from error
