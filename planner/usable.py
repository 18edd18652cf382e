"""What of a pool is usable: today, and on every day to come as hardware arrives and leaves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from inventory.records import Host
from planner.capacity import Capacity, HostShare, cluster_capacity, datastore_capacity
from planner.ceph import ceph_store_capacity
from planner.estate import Estate
from planner.forecast.paths import Floats
from planner.leads import Pending
from planner.numbers import as_float
from planner.policy import Model, Policy, Resource
from planner.pools import GIB, Pool
from planner.purchases import Hardware
from planner.tiers import Limits, limits_for


def coming_of(hardware: Iterable[Hardware], pending: Iterable[Pending]) -> tuple[Hardware, ...]:
    """What arrives or leaves on declared dates, and the orders that are on their way."""
    return (*hardware, *(one.hardware() for one in pending if one.is_on_its_way))


def limits_of(estate: Estate, pool: Pool) -> Limits:
    """The policy as it holds for a pool, by the criticality of its guests."""
    return limits_for(estate, pool.cluster, pool.datastore)


def capacity_of(
    pool: Pool,
    resource: Resource,
    model: Model,
    limits: Limits,
    hardware: Sequence[Hardware] = (),
) -> Capacity:
    """The pool's capacity once the given hardware has arrived or left."""
    factor = limits.policy.limit(resource, model)
    if pool.datastore is not None:
        base = pool.datastore.record.capacity_bytes
        more = sum(_sign(item) * item.count * item.storage_gib * GIB for item in hardware)
        size = None if base is None else base + more
        if pool.ceph_nodes:
            nearfull = limits.policy.threshold.ceph_nearfull
            stricter = min(nearfull, factor) if resource in limits.thresholds else nearfull
            limit = stricter if model == "demand" else factor
            return ceph_store_capacity(size, pool.ceph_nodes, nearfull=limit)
        return datastore_capacity(size, factor=factor)
    shares = _shares(pool, resource, limits.policy, hardware)
    k = limits.k_of(len(shares))
    found = cluster_capacity(shares, k=k, factor=factor)
    return found if k == limits.k else replace(found, flags=(*found.flags, "tier_unmet"))


def _sign(item: Hardware) -> int:
    return 1 if item.change == "arrives" else -1


def _shares(
    pool: Pool, resource: Resource, policy: Policy, hardware: Sequence[Hardware]
) -> list[HostShare]:
    hosts = [fact.record for fact in pool.hosts if fact.record.status != "retired"]
    leaving = {item.host for item in hardware if item.change == "leaves"}
    shares = [host_share(host, resource, policy) for host in hosts if host.name not in leaving]
    for item in hardware:
        if item.change == "arrives":
            size = item.cpu_cores if resource == "cpu" else item.memory_gib * GIB
            shares += [
                HostShare(
                    f"{item.host or 'new host'} {n + 1}", size, _policy_reserve(policy, resource)
                )
                for n in range(item.count)
            ]
    return shares


def host_share(host: Host, resource: Resource, policy: Policy) -> HostShare:
    """A host's part; its reserve is its own, else the policy's, else not known."""
    if resource == "cpu":
        capacity, reserve = host.cpu_cores, host.reserved_cpu_cores
    else:
        capacity, reserve = as_float(host.memory_bytes), as_float(host.reserved_memory_bytes)
    known = reserve if reserve is not None else _policy_reserve(policy, resource)
    return HostShare(host.name, capacity, known)


def _policy_reserve(policy: Policy, resource: Resource) -> float | None:
    if resource == "cpu":
        return policy.reserve.cpu_cores_per_host
    gib = policy.reserve.memory_gib_per_host
    return None if gib is None else gib * GIB


def usable_days(
    pool: Pool,
    resource: Resource,
    model: Model,
    limits: Limits,
    hardware: Iterable[Hardware],
    as_of: date,
    days: int,
) -> Floats:
    """Usable capacity per day: it changes when hardware arrives or leaves after as_of."""
    coming = sorted((item for item in hardware if item.when > as_of), key=lambda item: item.when)
    now = _or_nan(capacity_of(pool, resource, model, limits).usable)
    usable = np.full(days + 1, now)
    for i, item in enumerate(coming):
        first = (item.when - as_of).days
        then = capacity_of(pool, resource, model, limits, coming[: i + 1])
        usable[first:] = _or_nan(then.usable)
    return usable


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
