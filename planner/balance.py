"""Whether hosts, clusters and sites are evenly used, and the few moves that would help.

Imbalanced (glossary 21): over seven days or more the fullest is more than 20 points above the
mean, or the population's standard deviation of the utilisations exceeds 0.15.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

import numpy as np

from inventory.facts import Fact
from inventory.levels import DayPoint
from inventory.records import Host
from planner.answers import PoolAnswer
from planner.estate import Estate
from planner.hosting import bins_of, host_labels, loads_of, place_of
from planner.keys import balance_key
from planner.past import Past
from planner.placement.moves import (
    POINTS_OVER_MEAN,
    STDEV_RATIO,
    Members,
    Move,
    Spread,
    moved,
    moves_of,
    safe,
)
from planner.placement.packing import Bin
from planner.pools import Pool
from planner.usable import limits_of

BALANCE_DAYS = 14  # that are looked at
_FEWEST_DAYS = 7
_RESOURCES: tuple[Literal["memory", "cpu"], ...] = ("memory", "cpu")

State = Literal["balanced", "imbalanced", "unknown"]


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """`lumbung balance`: one scope and resource, how even its members are, what would help."""

    scope: str
    resource: str
    members: int
    days: int
    mean_pct: float | None
    max_pct: float | None
    fullest: str
    over_mean_points: float | None
    stdev_ratio: float | None
    state: State
    moves: str
    why: str
    key: str


@dataclass(frozen=True)
class Balance:
    """How even the members of a scope are, and what would help.

    ``members`` is None where too few days are known of one of them; ``after`` is them once every
    move is made.
    """

    scope: str
    count: int
    members: Members | None = None
    moves: tuple[Move, ...] = ()
    after: Members | None = None

    def rows(self) -> Iterator[BalanceRow]:
        """A row per resource."""
        if self.members is None or self.after is None:
            yield from _unknown(self.scope, self.count)
        else:
            yield from _rows(self.scope, self.members, self.moves, self.after)


def balances_of(estate: Estate, past: Past, answers: Sequence[PoolAnswer]) -> tuple[Balance, ...]:
    """Of every cluster with several hosts, then of the clusters and the sites among themselves."""
    pools = [answer.pool for answer in answers if answer.pool.kind == "cluster"]
    rows: list[Balance] = []
    for pool in pools:
        rows += _of_cluster(estate, past, pool)
    by_cluster = {pool.name: _in_service(pool) for pool in pools}
    rows += _of_groups(estate, past, "clusters", by_cluster, answers)
    by_site: dict[str, list[Fact[Host]]] = defaultdict(list)
    for fact in (fact for facts in by_cluster.values() for fact in facts):
        by_site[place_of(estate, fact.record).site or ""].append(fact)
    by_site.pop("", None)
    rows += _of_groups(estate, past, "sites", by_site, ())
    return tuple(rows)


def _in_service(pool: Pool) -> list[Fact[Host]]:
    return [fact for fact in pool.hosts if fact.record.status == "in_service"]


# What was used


def _measured(
    past: Past, groups: Mapping[str, Sequence[Fact[Host]]], as_of: date
) -> Members | None:
    """What each group of hosts used on the days that all of them know; None when too few."""
    hosts = [fact for facts in groups.values() for fact in facts]
    series: dict[tuple[int, str], dict[date, float]] = {
        (key, resource): _by_day(past.host_days.get((key, resource), ()))
        for key in {fact.entity_key or 0 for fact in hosts}
        for resource in _RESOURCES
    }
    known = [set(days) for days in series.values()]
    common = set.intersection(*known) if known else set()
    days = {day for day in common if day >= as_of - timedelta(days=BALANCE_DAYS)}
    sizes = [_capacity(fact, resource) for fact in hosts for resource in _RESOURCES]
    if len(days) < _FEWEST_DAYS or None in sizes:
        return None

    def used(facts: Sequence[Fact[Host]], resource: str) -> float:
        found = [series[fact.entity_key or 0, resource] for fact in facts]
        return sum(sum(mean[day] for day in days) / len(days) for mean in found)

    def has(facts: Sequence[Fact[Host]], resource: str) -> float:
        return sum(_capacity(fact, resource) or 0.0 for fact in facts)

    return Members(
        names=tuple(groups),
        used={r: np.array([used(facts, r) for facts in groups.values()]) for r in _RESOURCES},
        capacity={r: np.array([has(facts, r) for facts in groups.values()]) for r in _RESOURCES},
        days=len(days),
    )


def _by_day(points: Iterable[DayPoint]) -> dict[date, float]:
    return {p.day: p.mean for p in points if p.span_days == 1 and p.mean is not None}


def _capacity(fact: Fact[Host], resource: str) -> float | None:
    host = fact.record
    amount = host.cpu_cores if resource == "cpu" else host.memory_bytes
    return float(amount) if amount else None


# Inside a cluster


def _of_cluster(estate: Estate, past: Past, pool: Pool) -> Iterator[Balance]:
    labels = host_labels(pool)
    groups = {labels[fact.record.host_id]: [fact] for fact in _in_service(pool)}
    if len(groups) < 2:
        return
    members = _measured(past, groups, estate.as_of)
    scope = f"cluster {pool.name}"
    if members is None:
        yield Balance(scope, len(groups))
        return
    bins, loads = bins_of(pool, estate.policy), loads_of(estate, pool)
    moves = safe(
        moves_of(members, bins, loads), bins, loads, limits_of(estate, pool).k_of(len(bins))
    )
    yield Balance(scope, len(groups), members, moves, moved(members, moves, loads))


def _unknown(scope: str, members: int) -> Iterator[BalanceRow]:
    why = f"fewer than {_FEWEST_DAYS} days on which every member was measured"
    for resource in _RESOURCES:
        key = balance_key(scope, resource)
        yield BalanceRow(
            scope, resource, members, 0, None, None, "", None, None, "unknown", "", why, key
        )


def _rows(
    scope: str, members: Members, moves: Sequence[Move], after: Members
) -> Iterator[BalanceRow]:
    for resource in members.used:
        spread, then = members.spread(resource), after.spread(resource)
        uneven = spread.is_imbalanced
        yield BalanceRow(
            scope=scope,
            resource=resource,
            members=len(members.names),
            days=members.days,
            mean_pct=round(100.0 * spread.mean, 2),
            max_pct=round(100.0 * spread.highest, 2),
            fullest=members.names[int(members.utilisation(resource).argmax())],
            over_mean_points=round(spread.over_mean_points, 2),
            stdev_ratio=round(spread.stdev, 4),
            state="imbalanced" if uneven else "balanced",
            moves="; ".join(map(str, moves)) if uneven else "",
            why=_why(spread, then, moves) if uneven else "",
            key=balance_key(scope, resource),
        )


def _why(spread: Spread, then: Spread, moves: Sequence[Move]) -> str:
    limit = f"more than {POINTS_OVER_MEAN:g} points above the mean, or {STDEV_RATIO:g} of spread"
    if not moves:
        return f"{limit}; no move of a guest that may move helps"
    return (
        f"{limit}; the moves leave {then.over_mean_points:.1f} points and {then.stdev:.3f}, taking "
        "for a guest its share of what is configured on its host"
    )


# Between clusters and sites


def _of_groups(
    estate: Estate,
    past: Past,
    scope: str,
    groups: Mapping[str, Sequence[Fact[Host]]],
    answers: Sequence[PoolAnswer],
) -> Iterator[Balance]:
    """Groups of hosts among themselves; only between clusters are moves told."""
    filled = {name: facts for name, facts in groups.items() if facts}
    if len(filled) < 2:
        return
    members = _measured(past, filled, estate.as_of)
    if members is None:
        yield Balance(scope, len(filled))
        return
    bins = [found for answer in answers if (found := _cluster_bin(answer)) is not None]
    loads = [
        replace(load, name=f"{load.name} of {answer.pool.name}", host=answer.pool.name)
        for answer in answers
        if answer.pool.kind == "cluster"
        for load in loads_of(estate, answer.pool)
        if load.only_on is None and not load.apart and not load.together
    ]
    moves = moves_of(members, bins, loads)
    yield Balance(scope, len(filled), members, moves, moved(members, moves, loads))


def _cluster_bin(answer: PoolAnswer) -> Bin | None:
    """A cluster as one bin: what may be promised in it; None when that is not known."""
    if answer.pool.kind != "cluster":
        return None
    usable = {
        a.question.resource: a.usable for a in answer.answers if a.question.model == "allocation"
    }
    memory, vcpus = usable.get("memory"), usable.get("cpu")
    if memory is None or vcpus is None:
        return None
    cores = max((fact.record.cpu_cores or 0.0 for fact in _in_service(answer.pool)), default=0.0)
    return Bin(answer.pool.name, memory, vcpus, cores)
