"""Several exports as a history: each is a snapshot of its own time, oldest first.

What a datastore held between two exports is taken as the mean of both ends, so that weekly
workbooks make a trend. Processor and memory figures are readings of a moment: nothing is made
up of what lies between them. A workbook that was read is remembered and not read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from collectors.contract import BadAnswer, Budget, KeptAnswer, Raw, Source, Unreachable
from collectors.rvtools.dates import guessed_at
from collectors.rvtools.export import READING_SECONDS, Export, read_export
from collectors.rvtools.workbook import read_sheets, workbooks
from inventory.clocks import is_ahead, told_ahead
from inventory.records import Coverage, Snapshot, Usage

if TYPE_CHECKING:
    from collectors.rvtools import RvtoolsOptions

_READ = "export/"  # the requests under which the workbooks that were read are remembered
_REMEMBERED = 520  # ten years of weekly exports
_SPENT = 0.6  # of the budget: no further workbook is begun
_LONGEST_GAP = timedelta(days=35)  # of what lies between, longer apart, nothing is said

Used = Mapping[tuple[str, str], int]


def fetch(source: Source[RvtoolsOptions], budget: Budget) -> Raw:
    """The sheets of the workbooks to read, and what the ones before said."""
    zone = ZoneInfo(source.options.timezone) if source.options.timezone else source.zone
    found = {_mark(path): path for path in workbooks(source.options.path)}
    before = {one.mark: one for name, one in source.kept.items() if name.startswith(_READ)}
    todo = sorted(set(found) - set(before), key=lambda mark: _guess(found[mark], zone))
    marks = todo or [max(found, key=lambda mark: before[mark].answer["taken_at"])]
    answers: dict[str, Any] = {}
    while len(answers) < len(marks) and not (answers and _is_spent(budget)):
        path = found[marks[len(answers)]]
        answers[path.name] = {"modified_at": path.stat().st_mtime, "bytes": path.stat().st_size}
        answers[path.name]["sheets"] = read_sheets(path)
    context = {
        "cluster": source.cluster,
        "zone": zone.key,
        "before": [one.answer for one in before.values()],
        "waiting": len(marks) - len(answers),
        "now": (source.now or datetime.now(UTC)).isoformat(),
    }
    raw = Raw("rvtools", answers, context, asked=tuple(answers))
    read = dict(zip(answers, marks, strict=False))
    return replace(raw, kept=_remembered(before, _exports(raw, source.name), read))


def _mark(path: Path) -> str:
    """What changes when a file does."""
    try:
        state = path.stat()
    except OSError as error:
        raise Unreachable(f"{path}: {error.strerror}") from error
    return f"{path.name}|{state.st_size}|{state.st_mtime_ns}"


def _guess(path: Path, zone: ZoneInfo) -> tuple[datetime, str]:
    return guessed_at(path.name, path.stat().st_mtime, zone), path.name


def _is_spent(budget: Budget) -> bool:
    return budget.remaining <= (1 - _SPENT) * budget.seconds


def _remembered(
    before: Mapping[str, KeptAnswer], exports: Iterable[Export], marks: Mapping[str, str]
) -> dict[str, KeptAnswer]:
    """One line per workbook ever read: its time, its vCenters, what its datastores held."""
    known = dict(before)
    for export in exports:
        used = [[cluster, name, size] for (cluster, name), size in sorted(export.used.items())]
        taken = export.taken_at.isoformat()
        answer = {"taken_at": taken, "servers": list(export.servers), "used": used}
        mark = marks[export.file]
        changed_at = datetime.fromtimestamp(int(mark.rpartition("|")[2]) / 1e9, UTC)
        known[mark] = KeptAnswer(answer, changed_at, mark)
    newest = sorted(known.values(), key=lambda one: one.answer["taken_at"])[-_REMEMBERED:]
    return {f"{_READ}{one.mark}": one for one in newest}


def parse_series(raw: Raw, source: str) -> tuple[Snapshot, ...]:
    """A snapshot of each workbook, oldest first. Raises BadAnswer at the first fault of any."""
    exports = _exports(raw, source)
    before = [_earlier(one) for one in raw.context.get("before", ())]
    levels = sorted(
        [*((at, used) for at, _servers, used in before), *((e.taken_at, e.used) for e in exports)],
        key=lambda level: level[0],
    )
    snapshots = [
        replace(export.snapshot, usage=(*export.snapshot.usage, *_since_before(export, levels)))
        for export in exports
    ]
    waiting = int(raw.context.get("waiting", 0))
    return (*snapshots[:-1], _with_waiting(snapshots[-1], waiting))


def _workbooks(raw: Raw) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The workbooks of an answer set. Raises BadAnswer for what is none."""
    for file, answer in raw.answers.items():
        whole = isinstance(answer, Mapping) and {"sheets", "modified_at", "bytes"} <= set(answer)
        if not whole or not isinstance(answer["sheets"], Mapping):
            raise BadAnswer(f"{file}: is no workbook that was read")
        yield file, answer


def _exports(raw: Raw, source: str) -> list[Export]:
    """The workbooks by their time. Raises BadAnswer when they are not of one vCenter."""
    zone = ZoneInfo(raw.context["zone"])
    for file, answer in raw.answers.items():
        if not isinstance(answer, Mapping) or not {"sheets", "modified_at", "bytes"} <= set(answer):
            raise BadAnswer(f"{file} holds no sheets")
    exports = [
        read_export(
            file,
            answer["sheets"],
            source=source,
            zone=zone,
            modified_at=float(answer["modified_at"]),
            cluster=raw.context.get("cluster"),
            size_bytes=int(answer["bytes"]),
        )
        for file, answer in _workbooks(raw)
    ]
    if not exports:
        raise BadAnswer("no workbook was read")
    exports.sort(key=lambda export: (export.taken_at, export.file))
    _refuse_ahead(exports, raw.context.get("now"))
    _refuse_other_vcenters(exports, [_earlier(one) for one in raw.context.get("before", ())])
    return exports


_Earlier = tuple[datetime, tuple[str, ...], Used]


def _earlier(answer: Mapping[str, Any]) -> _Earlier:
    used = {(cluster, name): int(size) for cluster, name, size in answer["used"]}
    return datetime.fromisoformat(answer["taken_at"]), tuple(answer["servers"]), used


def _refuse_ahead(exports: Sequence[Export], now: str | None) -> None:
    """What is stored of a time to come would be in the way of all that is read until then."""
    newest = exports[-1]
    if now is not None and is_ahead(newest.taken_at, clock := datetime.fromisoformat(now)):
        raise BadAnswer(
            f"{newest.file}: its time, {told_ahead(newest.taken_at, clock)}; say in `timezone` "
            "of the source where RVTools runs, or set the clock"
        )


def _refuse_other_vcenters(exports: Sequence[Export], before: Sequence[_Earlier]) -> None:
    """Another vCenter's export would read as if every guest had gone and others come."""
    known = next((servers for _at, servers, _used in before if servers), ())
    for export in exports:
        if known and export.servers and export.servers != known:
            raise BadAnswer(
                f"{export.file} is of {', '.join(export.servers)}, the others are of "
                f"{', '.join(known)}; make a source of its own for each vCenter"
            )
        known = known or export.servers


def _since_before(export: Export, levels: Sequence[tuple[datetime, Used]]) -> Iterable[Usage]:
    """What the datastores held on the mean since the export before this one."""
    earlier = [level for level in levels if level[0] < export.taken_at]
    if not earlier:
        return
    began, before = earlier[-1]
    ends = export.taken_at - timedelta(seconds=READING_SECONDS)
    period = int((ends - began).total_seconds())
    if period <= 0 or export.taken_at - began > _LONGEST_GAP:
        return
    for (cluster, name), used in export.used.items():
        if (cluster, name) in before:
            yield Usage(
                taken_at=ends,
                period_seconds=period,
                entity="datastore",
                entity_id=name,
                cluster=cluster,
                storage_used_bytes=(before[cluster, name] + used) / 2,
            )


def _with_waiting(snapshot: Snapshot, waiting: int) -> Snapshot:
    if not waiting:
        return snapshot
    reason = f"{waiting} more workbooks are to be read by the next polls"
    gap = Coverage("", "export", "partial", reason, f"lumbung collect {snapshot.source}")
    return replace(snapshot, coverage=(*snapshot.coverage, gap))
