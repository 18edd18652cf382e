"""What must be ordered, and by when, so that a request is met."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from inventory.records import Host
from planner.answers import PoolAnswer
from planner.hosting import bins_of, planned_hosts
from planner.numbers import ceil
from planner.policy import Resource
from planner.pools import GIB, Pool
from planner.scenario.changes import AddHosts, AddStorage, Change, Scenario
from planner.scenario.judging import Judge, Judged, Said, Short
from planner.scenario.outcome import Outcome, outcome_of
from planner.scenario.world import Base, PoolKey, key_of

_MOST_HOSTS = 64
_MOST_STORAGE_STEPS = 4096
_STORAGE_STEP_GIB = 1024.0


@dataclass(frozen=True, slots=True)
class Condition:
    """What must be ordered, by when, so that the answer is yes.

    ``with_less`` is what would still be short with one host, or one TiB, less. A pool can be over
    before the request begins: the request needs more by the day it begins, the pool is judged as
    if that were there from ``short_on``.
    """

    pool: Pool
    quantity: float
    unit: Literal["hosts", "gib"]
    like: str  # the host whose size they have
    short_on: date  # the first day on which something is short
    needed_on: date  # the same, not before the request begins
    order_by: date
    overdue_days: int
    in_service_on: date  # when it is ordered on that day, or today if that is past
    with_less: tuple[Said, ...] = ()

    def change(self) -> Change:
        if self.unit == "hosts":
            hosts = AddHosts(pool=self.pool.name, count=int(self.quantity), like=self.like)
            return Change(when=self.short_on, add_hosts=hosts)
        storage = AddStorage(pool=self.pool.name, storage_gib=self.quantity)
        return Change(when=self.short_on, add_storage=storage)


def conditions_of(
    base: Base, changes: Sequence[Change], judge: Judge, first: Judged
) -> tuple[Condition, ...]:
    """Per pool that is short the least that helps; nothing at all where nothing helps one of them.

    ``changes`` are what is asked for. The largest datastore comes first: new disks go where there
    is room, so what it gets may spare the others.
    """
    pools = {key_of(short.pool): short.pool for short in first.shorts}
    found: list[Condition] = []
    for key in sorted(pools, key=lambda key: _largest_first(base.by_pool[key])):
        so_far = (*changes, *(condition.change() for condition in found))
        shorts = tuple(short for short in first.shorts if key_of(short.pool) == key)
        if any(condition.unit == "gib" for condition in found):
            shorts = judge.of(_figures(base, so_far, key, judge.begins), key).shorts
        if not shorts:
            continue
        condition = _smallest(base, so_far, judge, pools[key], shorts)
        if condition is None:
            return ()
        found.append(condition)
    return tuple(found)


def _largest_first(pool: PoolAnswer) -> tuple[str, float, str]:
    """Clusters, then datastores; in each the largest first."""
    usable = pool.answers[0].usable
    return (pool.pool.kind, 0.0 if usable is None else -usable, pool.pool.name)


def _figures(base: Base, changes: Sequence[Change], key: PoolKey, on: date) -> Outcome:
    scenario = Scenario(name="figures", changes=tuple(changes))
    return outcome_of(base, scenario, only={key}, packed=False, on=on)


def ready_on(base: Base, shorts: Iterable[Short], begins: date) -> date:
    """The first day on which what a request that begins on a day is short of can be there."""
    as_of = base.estate.as_of
    there = [
        (max(begins, short.on), as_of + timedelta(days=_lead_days(base, short.pool)))
        for short in shorts
    ]
    return max([begins, *(arrives for needed_on, arrives in there if arrives > needed_on)])


def _lead_days(base: Base, pool: Pool) -> int:
    return base.by_pool[key_of(pool)].answers[0].question.lead.days


def _smallest(
    base: Base,
    changes: Sequence[Change],
    judge: Judge,
    pool: Pool,
    without: tuple[Short, ...],
) -> Condition | None:
    """The least that helps; None when nothing does. ``without`` is what is short with nothing."""
    host = _largest_host(base, pool) if pool.kind == "cluster" else None
    if host is None and pool.kind == "cluster":
        return None
    like = "" if host is None else f"{host.cluster}/{host.name}"
    short_on = max(base.estate.as_of, min(short.on for short in without))

    def condition(steps: int) -> Condition:
        quantity = float(steps) if host is not None else steps * _STORAGE_STEP_GIB
        return _condition(base, pool, quantity, like, short_on, judge.begins)

    short = {0: without}

    def is_enough(steps: int) -> bool:
        """The figures first: only what they allow is worth packing every failure for."""
        key, wanted = key_of(pool), (*changes, condition(steps).change())
        short[steps] = judge.of(_figures(base, wanted, key, judge.begins), key).shorts
        if host is not None and not short[steps]:
            whole = Scenario(name="packed", changes=wanted)
            found = outcome_of(base, whole, only={key}, on=judge.begins)
            short[steps] = judge.of(found, key).shorts
        return not short[steps]

    most = _MOST_STORAGE_STEPS if host is None else _MOST_HOSTS
    steps = _least(is_enough, _too_few(without, host), most)
    if steps is None:
        return None
    if steps - 1 not in short:
        is_enough(steps - 1)
    return replace(condition(steps), with_less=tuple(one.said for one in short[steps - 1]))


def _too_few(shorts: Sequence[Short], host: Host | None) -> int:
    """A number of steps that is not enough by arithmetic: what they bring is less than is missing.

    A step brings no more than its raw capacity. One is taken off for what rounding hides.
    """
    step: dict[Resource, float | None] = {"storage": _STORAGE_STEP_GIB * GIB}
    if host is not None:
        step = {"cpu": host.cpu_cores, "memory": host.memory_bytes}
    missing = [short.missing for short in shorts if short.missing is not None]
    sizes = [(raw, step.get(resource)) for resource, raw in missing]
    return max([0, *(ceil(raw / size) - 2 for raw, size in sizes if size)])


def _least(is_enough: Callable[[int], bool], too_few: int, most: int) -> int | None:
    """The smallest number that is enough, of which more are enough too; None above ``most``.

    Looked for near ``too_few``, which is not enough.
    """
    low, gap = too_few, 1
    while low < most and not is_enough(high := min(low + gap, most)):
        low, gap = high, 2 * gap
    if low >= most:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _condition(
    base: Base, pool: Pool, quantity: float, like: str, short_on: date, begins: date
) -> Condition:
    needed_on, as_of, lead = max(short_on, begins), base.estate.as_of, _lead_days(base, pool)
    order_by = needed_on - timedelta(days=lead)
    return Condition(
        pool=pool,
        quantity=quantity,
        unit="hosts" if pool.kind == "cluster" else "gib",
        like=like,
        short_on=short_on,
        needed_on=needed_on,
        order_by=order_by,
        overdue_days=max(0, (as_of - order_by).days),
        in_service_on=max(needed_on, as_of + timedelta(days=lead)),
    )


def _largest_host(base: Base, pool: Pool) -> Host | None:
    """The live host that is largest, as the model for new ones."""
    bins = {one.name for one in bins_of(pool, base.estate.policy)}
    hosts = [h for h in planned_hosts(pool) if h.name in bins or h.host_id in bins]
    return max(hosts, key=lambda h: (h.memory_bytes or 0, h.cpu_cores or 0.0), default=None)
