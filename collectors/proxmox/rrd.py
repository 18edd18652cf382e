"""The year that Proxmox VE keeps itself: its round-robin averages, each with its true period.

``time`` of a row is the END of its bucket. Steps differ between versions, and within one answer
after an upgrade. A missing sample is an absent key. Maxima are read where buckets are too long for
their averages to show a day's peak; they are one entity's own and never summed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from collectors.contract import Budget, History, HistoryStep, Raw, Source
from collectors.proxmox import ProxmoxOptions
from collectors.proxmox.cluster import release_of
from collectors.proxmox.wire import Answer, Request, Wire, connect, rows_of
from collectors.untrusted import number, whole
from inventory.grid import DAY_SECONDS, FINEST_PEAK_SECONDS
from inventory.records import Datastore, Guest, Host, Peak, Snapshot, Usage

TIMEFRAMES = ("year", "month", "week", "day")
_DECADE = "decade"  # of nodes, from release 9 on
_MAXIMA = "highest of the "  # before the timeframe, where maxima stand beside averages
_DECADE_SINCE = 9
_STEPS = (60, 300, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800)
_FINEST_SECONDS = 300
_HALF_HOUR = 1800
_COVERED = 0.5  # of a coarse sample's period by finer ones, for it to be left out

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def history_steps(snapshot: Snapshot) -> tuple[HistoryStep, ...]:
    """One step per host, datastore and guest, in that order.

    A node that is away keeps its storages' history to itself: those are steps once it is back.
    """
    away = {host.name for host in snapshot.of(Host) if host.status in ("offline", None)}
    steps = [
        HistoryStep(
            "host", host.host_id, host.cluster, {"node": host.name, "cores": host.cpu_cores}
        )
        for host in snapshot.of(Host)
    ]
    for store in snapshot.of(Datastore):
        node, _slash, name = store.datastore_id.rpartition("/")
        hosts = [host for host in ([node] if node else store.hosts or ()) if host not in away]
        if hosts and store.enabled is not False:
            context = {"nodes": hosts, "storage": name}
            steps.append(HistoryStep("datastore", store.datastore_id, store.cluster, context))
    for guest in snapshot.of(Guest):
        if guest.host_id is not None:
            kind = "lxc" if guest.kind == "container" else "qemu"
            context = {"node": guest.host_id, "kind": kind}
            steps.append(HistoryStep("guest", guest.guest_id, guest.cluster, context))
    return tuple(steps)


def fetch_history(
    source: Source[ProxmoxOptions], steps: Sequence[HistoryStep], budget: Budget
) -> Iterator[tuple[HistoryStep, Raw]]:
    """The answers of each step that was answered; the others stay to be asked again."""
    wire, version = connect(source, budget)
    release = release_of(version.get("body"))
    pool = ThreadPoolExecutor(max_workers=budget.max_parallel)
    waiting = iter(steps)
    try:
        # No further ahead of the reader than the pool is wide: a year of a guest is a megabyte.
        running = {
            pool.submit(_ask, wire, step, release): step
            for step in islice(waiting, budget.max_parallel)
        }
        while running:
            done, _others = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                step, answers = running.pop(future), future.result()
                if all(_is_answered(answer) for answer in answers.values()):
                    yield step, Raw("proxmox-rrd", answers, {})
                running |= {
                    pool.submit(_ask, wire, step, release): step for step in islice(waiting, 1)
                }
    finally:  # also when no one wants the rest
        pool.shutdown(cancel_futures=True)
        wire.close()


def _ask(wire: Wire, step: HistoryStep, release: int | None) -> dict[str, Answer]:
    """The answers by timeframe; of a shared storage from the first node that answers."""
    answers: dict[str, Answer] = {}
    for node in step.context.get("nodes") or [step.context.get("node")]:
        answers = {}
        for what in _wanted(step, release, answers):
            answers[what] = wire.ask_safely(_request(step, str(node), what))
            if not _is_answered(answers[what]):
                break
        else:
            return answers
    return answers


def _wanted(step: HistoryStep, release: int | None, answers: Mapping[str, Answer]) -> Iterator[str]:
    """What to ask, judged by what has been answered until then."""
    if step.entity == "host" and release is not None and release >= _DECADE_SINCE:
        yield _DECADE
    for timeframe in TIMEFRAMES:
        if timeframe not in _needless(step, answers):
            yield timeframe
            if _hides_peaks(answers[timeframe]):
                yield _MAXIMA + timeframe


def _hides_peaks(answer: Answer) -> bool:
    """Whether averages are too coarse for a day's peak, and still belong to one day."""
    times = [whole(row.get("time")) or 0 for row in rows_of(answer)[-2:]]
    return len(times) == 2 and FINEST_PEAK_SECONDS < times[1] - times[0] <= DAY_SECONDS


def _needless(step: HistoryStep, answers: Mapping[str, Answer]) -> tuple[str, ...]:
    """The timeframes that would tell nothing more: a release whose month has half-hour steps
    repeats them in its week, and a guest's last day needs none finer."""
    times = [whole(row.get("time")) or 0 for row in rows_of(answers.get("month"))[-2:]]
    if len(times) < 2 or times[1] - times[0] > _HALF_HOUR:
        return ()
    return ("week", "day") if step.entity == "guest" else ("week",)


def _is_answered(answer: Answer) -> bool:
    """Whether asking again would tell no more: also "no such file" is an answer."""
    return answer["status"] in (200, 400, 403, 500, 501)


def _request(step: HistoryStep, node: str, what: str) -> Request:
    parameters = {
        "timeframe": what.removeprefix(_MAXIMA),
        "cf": "MAX" if what.startswith(_MAXIMA) else "AVERAGE",
    }
    if step.entity == "host":
        path = f"/nodes/{node}/rrddata"
    elif step.entity == "datastore":
        path = f"/nodes/{node}/storage/{step.context['storage']}/rrddata"
        # A node answers for another's guests from its own copy, but asks it for a storage's.
        return Request(path, parameters, node=node)
    else:
        path = f"/nodes/{node}/{step.context['kind']}/{step.entity_id}/rrddata"
    return Request(path, parameters)


def parse_history(step: HistoryStep, raw: Raw) -> History:
    """The samples of all timeframes, the finest for every time, none counted twice; the highest
    memory and storage where samples are too coarse to show them."""
    return History(_samples(step, raw), _peaks(step, raw))


def _samples(step: HistoryStep, raw: Raw) -> tuple[Usage, ...]:
    metrics = _METRICS[step.entity]
    answers = [raw.answers.get(timeframe) for timeframe in (_DECADE, *TIMEFRAMES)]
    table = _Table.of([rows_of(answer) for answer in answers], metrics).finest().thinned()
    told = _told(step, table)
    return tuple(Usage(**(where | values)) for where, values in told if _says_something(values))


def _peaks(step: HistoryStep, raw: Raw) -> tuple[Peak, ...]:
    metrics = _METRICS[step.entity]
    answers = [raw.answers.get(_MAXIMA + timeframe) for timeframe in TIMEFRAMES]
    table = _Table.of([rows_of(answer) for answer in answers], metrics)
    table = table.only((table.periods > FINEST_PEAK_SECONDS) & (table.periods <= DAY_SECONDS))
    highs = (
        (where, {name: values.get(name) for name in ("memory_used_bytes", "storage_used_bytes")})
        for where, values in _told(step, table)
    )
    return tuple(Peak(**(where | values)) for where, values in highs if _says_something(values))


def _told(
    step: HistoryStep, table: _Table
) -> Iterator[tuple[dict[str, Any], dict[str, float | None]]]:
    """Each row: of what and when it speaks, and its values in our terms."""
    metrics = _METRICS[step.entity]
    of = {"entity": step.entity, "entity_id": step.entity_id, "cluster": step.cluster}
    rows = zip(table.ends.tolist(), table.periods.tolist(), table.values.T.tolist(), strict=True)
    for ends, period, row in rows:
        when = {"taken_at": datetime.fromtimestamp(ends, UTC), "period_seconds": period}
        yield of | when, _usage(step, dict(zip(metrics, row, strict=True)))


def _says_something(values: Mapping[str, float | None]) -> bool:
    return any(value is not None for value in values.values())


_METRICS: dict[str, tuple[str, ...]] = {
    "host": ("cpu", "memused", "netin", "netout"),
    "guest": ("cpu", "maxcpu", "mem", "netin", "netout", "diskread", "diskwrite"),
    "datastore": ("used", "total"),
}


def _usage(step: HistoryStep, row: Mapping[str, float]) -> dict[str, float | None]:
    """A row in our terms; rates are bytes per second here, unlike in the bulk answer."""
    known = {name: None if value != value else value for name, value in row.items()}  # NaN
    if step.entity == "datastore":
        # A storage that was not mounted has a size of 0: then nothing is known of its use.
        return {"storage_used_bytes": known["used"] if known["total"] else None}
    rates = {
        "net_in_bytes_per_second": known["netin"],
        "net_out_bytes_per_second": known["netout"],
    }
    if step.entity == "host":
        cores = number(step.context.get("cores"))
        return rates | {
            "cpu_used_cores": _product(known["cpu"], cores),
            "memory_used_bytes": known["memused"],
        }
    return rates | {
        "cpu_used_cores": _product(known["cpu"], known["maxcpu"]),
        "memory_used_bytes": known["mem"],
        "disk_read_bytes_per_second": known["diskread"],
        "disk_write_bytes_per_second": known["diskwrite"],
    }


def _product(share: float | None, size: float | None) -> float | None:
    return None if share is None or size is None else share * size


class _Table:
    """Rows as arrays: ``values[metric, row]``, NaN where a key is absent."""

    def __init__(self, ends: Ints, periods: Ints, values: Floats) -> None:
        self.ends = ends
        self.periods = periods
        self.values = values

    @classmethod
    def of(cls, answers: Sequence[Sequence[Mapping[str, Any]]], metrics: Sequence[str]) -> _Table:
        ends, periods, columns = [], [], []
        for rows in answers:
            timed = sorted(
                ((time, row) for row in rows if (time := whole(row.get("time")))),
                key=lambda pair: pair[0],
            )
            times = np.array([time for time, _row in timed], dtype=np.int64)
            ends.append(times)
            periods.append(_periods(times))
            columns.append(_columns([row for _time, row in timed], metrics))
        table = cls(np.concatenate(ends), np.concatenate(periods), np.concatenate(columns, axis=1))
        return table.only(np.asarray(~np.isnan(table.values).all(axis=0)))

    def only(self, chosen: npt.NDArray[np.bool_]) -> _Table:
        return _Table(self.ends[chosen], self.periods[chosen], self.values[:, chosen])

    def finest(self) -> _Table:
        """Without the coarse samples whose time finer ones cover by half or more."""
        keep = np.zeros(len(self.ends), dtype=bool)
        covered: tuple[int, int] | None = None  # from when until when finer samples reach
        for period in sorted(set(self.periods.tolist())):
            level = self.periods == period
            if covered is not None:
                starts = np.maximum(self.ends - period, covered[0])
                overlap = np.maximum(np.minimum(self.ends, covered[1]) - starts, 0)
                level &= overlap < _COVERED * period
            keep |= level
            if level.any():
                first = int((self.ends[level] - period).min())
                last = int(self.ends[level].max())
                covered = (
                    (first, last)
                    if covered is None
                    else (min(first, covered[0]), max(last, covered[1]))
                )
        order = np.argsort(self.ends[keep], kind="stable")
        chosen = np.flatnonzero(keep)[order]
        return _Table(self.ends[chosen], self.periods[chosen], self.values[:, chosen])

    def thinned(self) -> _Table:
        """With samples finer than five minutes joined to five-minute means."""
        fine = self.periods < _FINEST_SECONDS
        if not fine.any():
            return self
        part, rest = self.only(fine), self.only(~fine)
        slot_ends = -(-part.ends // _FINEST_SECONDS) * _FINEST_SECONDS
        slots, index = np.unique(slot_ends, return_inverse=True)
        sums = np.zeros((len(self.values), len(slots)))
        counts = np.zeros_like(sums)
        known = ~np.isnan(part.values)
        for row in range(len(self.values)):
            sums[row] = np.bincount(index[known[row]], part.values[row, known[row]], len(slots))
            counts[row] = np.bincount(index[known[row]], minlength=len(slots))
        means = np.full_like(sums, np.nan)
        np.divide(sums, counts, out=means, where=counts > 0)
        joined = _Table(slots, np.full(len(slots), _FINEST_SECONDS), means)
        return _Table(
            np.concatenate([rest.ends, joined.ends]),
            np.concatenate([rest.periods, joined.periods]),
            np.concatenate([rest.values, joined.values], axis=1),
        )


def _columns(rows: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> Floats:
    """``[metric, row]``: the whole block at once where all are numbers, else one by one."""
    shape = (len(metrics), len(rows))
    if all(type(row.get(name, 0.0)) in (int, float) for row in rows for name in metrics):
        block = [[row.get(name, np.nan) for row in rows] for name in metrics]
        values = np.array(block, dtype=np.float64).reshape(shape)
        return np.where((values >= 0) & np.isfinite(values), values, np.nan)
    block = [[_number_or_nan(row.get(name)) for row in rows] for name in metrics]
    return np.array(block, dtype=np.float64).reshape(shape)


def _number_or_nan(value: Any) -> float:
    result = number(value)
    return float("nan") if result is None else result


def _periods(times: Ints) -> Ints:
    """The length of each row's bucket: the step to its neighbour that is one of the known ones.

    Where steps change within an answer, the row at the seam belongs to the finer part.
    """
    if len(times) < 2:
        return np.full(len(times), _STEPS[-1], dtype=np.int64)
    steps = np.diff(times)
    before = np.concatenate([steps[:1], steps])
    after = np.concatenate([steps, steps[-1:]])
    known = np.isin(before, _STEPS)
    return np.where(known, before, np.minimum(before, after))
