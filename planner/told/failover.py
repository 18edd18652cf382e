"""What stands behind a row of failover.csv: who ran there, who takes them, and with what room."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from planner.answers import PoolAnswer
from planner.hosting import bins_of, loads_of
from planner.keys import failover_key
from planner.placement.failover import FailoverCase
from planner.placement.packing import Bin, Load
from planner.pools import GIB
from planner.report import Report
from planner.rows import FailoverRow
from planner.sections import shown
from planner.told.asked import Asked, seen


def failover_lines(asked: Asked, row: FailoverRow, _column: str | None) -> Iterator[str]:
    report = asked.report
    pool, case = _found(report, row)
    yield f"without {', '.join(case.lost) or 'any host'}: {case.verdict} (glossary 14)"
    yield "  configured memory ≤ effective memory, vCPUs ≤ ratio × cores, no guest > its host"
    if case.why:
        yield f"  {case.why}"
    loads = loads_of(report.estate, pool.pool)
    yield from _homeless(case, loads)
    yield from _hosts(case, bins_of(pool.pool, report.policy), loads)
    if case.stays_down:
        yield f"at least {case.at_least} stay down however the others are placed"
    if case.smallest_change:
        yield f"would let all run: {case.smallest_change}"
    if case.by_hand:
        yield f"no HA, to be started by hand: {', '.join(case.by_hand)}"
    yield ""
    yield f"vCPUs per core {report.policy.overcommit.cpu:g} ({_ratio(report)})"
    for fact in pool.pool.hosts:
        yield f"host {fact.record.name}, {fact.record.status}: {seen(fact)}"


def _ratio(report: Report) -> str:
    return report.policy.origin("overcommit", "cpu")


def _found(report: Report, row: FailoverRow) -> tuple[PoolAnswer, FailoverCase]:
    return next(
        (pool, case)
        for pool in report.answers
        for case in (*pool.cases, *pool.domain_cases)
        if failover_key(pool.pool.name, case.lost, case.domain) == row.key
    )


def _homeless(case: FailoverCase, loads: Sequence[Load]) -> Iterator[str]:
    """The guests of the lost hosts, each with what it needs and where it goes."""
    placed, down = dict(case.placed), set(case.stays_down)
    homeless = [load for load in loads if load.host in case.lost]
    yield f"guests that run there: {len(homeless)}"
    for load in sorted(homeless, key=lambda one: (one.name not in down, one.name)):
        where = "stays down" if load.name in down else placed.get(load.name, "not known")
        tie = f" ({load.tie or load.doubt})" if load.tie or load.doubt else ""
        yield f"  {load.name}: {_need(load)} → {where}{tie}"


def _need(load: Load) -> str:
    memory = None if load.memory_bytes is None else load.memory_bytes / GIB
    return f"{shown(memory)} GiB, {shown(load.vcpus)} vCPUs"


def _hosts(case: FailoverCase, bins: Sequence[Bin], loads: Sequence[Load]) -> Iterator[str]:
    """The hosts that are left: what each can carry, carries, and takes over."""
    taken: Mapping[str, list[str]] = defaultdict(list)
    for guest, host in case.placed:
        taken[host].append(guest)
    by_name = {load.name: load for load in loads}
    for one in bins:
        if one.name not in case.lost:
            own = [load for load in loads if load.host == one.name]
            more = [by_name[name] for name in taken[one.name] if name in by_name]
            yield (
                f"host {one.name}: memory {_room(own, more, 'memory', one.memory_bytes, GIB)} GiB; "
                f"vCPUs {_room(own, more, 'processors', one.vcpus, 1.0)}"
            )


def _room(own: Sequence[Load], more: Sequence[Load], part: str, limit: float, unit: float) -> str:
    """What its own guests and those it takes need, of what it can carry."""
    needs = (sum(getattr(load, part) for load in loads) / unit for loads in (own, more))
    return f"{' + '.join(f'{need:,g}' for need in needs)} of {limit / unit:,g}"
