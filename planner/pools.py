"""The pools, and what is asked of each: capacity now and to come, load now and in the past."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

from inventory.facts import Fact
from inventory.forecast_records import Said
from inventory.guest_days import GuestDay
from inventory.holdings import GuestUse
from inventory.levels import DayPoint
from inventory.records import Datastore, Guest, Host
from inventory.versions import AllocationVersion
from planner.capacity import Capacity, HostShare, cluster_capacity, datastore_capacity
from planner.ceph import ceph_nodes, ceph_store_capacity
from planner.estate import Estate
from planner.forecast.earned import earned
from planner.forecast.engine import USUAL, Calibration
from planner.forecast.ledger import Measured, Track, track
from planner.forecast.paths import Floats
from planner.guest_views import GuestView
from planner.keys import pool_key
from planner.leads import Lead, Pending, lead_of, learn, pending_of
from planner.policy import Model, Policy, Resource
from planner.purchases import Band, Hardware, Project
from planner.quality import Reconciled, applying, mean_day, reconciled, without
from planner.series import DailySeries, demand_series, state_series
from planner.tiers import Limits, limits_for
from planner.unseen import Unseen, disks_unseen, guests_unseen

GIB = 1024**3
RECONCILED_DAYS = 7
PoolKind = Literal["cluster", "datastore"]
_RESOURCES: dict[PoolKind, tuple[Resource, ...]] = {
    "cluster": ("cpu", "memory"),
    "datastore": ("storage",),
}
MODELS: tuple[Model, ...] = ("demand", "allocation")
ITEM_CLASS: Mapping[PoolKind, str] = {"cluster": "host", "datastore": "disk"}


@dataclass(frozen=True, slots=True)
class Pool:
    """The domain in which demand can be placed: a cluster, or a datastore."""

    name: str
    kind: PoolKind
    cluster: str
    hosts: tuple[Fact[Host], ...] = ()
    datastore: Fact[Datastore] | None = None
    ceph_nodes: tuple[HostShare, ...] = ()  # what a datastore on the cluster's own Ceph lies on

    @property
    def sources(self) -> tuple[str, ...]:
        facts: tuple[Fact[Host] | Fact[Datastore], ...] = self.hosts
        if self.datastore is not None:
            facts = (self.datastore,)
        return tuple(sorted({fact.source for fact in facts}))

    def answers_to(self, name: str) -> bool:
        """Whether a person may mean this pool by ``name``."""
        names = {self.name, f"{self.cluster}:{self.name}"}
        if self.datastore is not None:
            record = self.datastore.record
            names |= {record.datastore_id, f"{self.cluster}:{record.datastore_id}"}
        return name in names


@dataclass(frozen=True)
class Past:
    """What the store remembers that the planner needs, as it was read."""

    cluster_days: Mapping[tuple[str, str], tuple[DayPoint, ...]] = field(default_factory=dict)
    datastore_days: Mapping[tuple[int, str], tuple[DayPoint, ...]] = field(default_factory=dict)
    host_days: Mapping[tuple[int, str], tuple[DayPoint, ...]] = field(default_factory=dict)
    clusters_from_guests: frozenset[str] = frozenset()
    allocations: tuple[AllocationVersion, ...] = ()
    polls: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)  # each day's last
    latest: Mapping[int, tuple[float | None, float | None]] = field(default_factory=dict)
    guest_days: Mapping[int, tuple[GuestDay, ...]] = field(default_factory=dict)
    guest_week: Mapping[int, GuestUse] = field(default_factory=dict)  # of the last closed days
    said: tuple[Said, ...] = ()  # what earlier reports published

    @cached_property
    def allocations_of(self) -> Mapping[tuple[str, str], Sequence[AllocationVersion]]:
        """The allocations by the pool they are of, in their order."""
        found: dict[tuple[str, str], list[AllocationVersion]] = defaultdict(list)
        for version in self.allocations:
            found[version.pool].append(version)
        return dict(found)


@dataclass(frozen=True, slots=True)
class Load:
    """What a pool carries of one resource, now and in the past.

    ``allocated`` sums what is known, and is None where nothing is; ``unknown_parts`` counts guests
    or disks whose size is not. ``unseen``: why nobody knows how many more there may be.
    ``today`` is what the newest poll saw, for want of any closed day.
    """

    series: DailySeries
    allocated: float | None
    allocated_all: float | None
    unknown_parts: int = 0
    today: float | None = None
    used_now: float | None = None
    flags: tuple[str, ...] = ()
    reconciled: Reconciled | None = None
    unseen: str = ""

    @property
    def is_incomplete(self) -> bool:
        """Whether what is allocated may be more than what is known of it."""
        return bool(self.unknown_parts or self.unseen)


@dataclass(frozen=True, slots=True)
class Question:
    """One pool, resource and model, with all that the answer needs."""

    pool: Pool
    resource: Resource
    model: Model
    limits: Limits
    capacity: Capacity
    usable: Floats  # per day from as_of to the horizon; NaN when not known
    added: Floats  # what committed projects add by each day
    committed: float
    load: Load
    stale: tuple[str, ...]
    lead: Lead  # of the class of item that more capacity is bought as
    hardware: tuple[Hardware, ...] = ()  # what arrives or leaves on declared dates
    pending: tuple[Pending, ...] = ()  # orders that are not in service yet
    projects: tuple[Project, ...] = ()
    larger: Floats | None = None  # what a scenario adds to what is usable, by each day
    more: Floats | None = None  # what it adds to the demand; both are in usable and added
    track: Track = Track()  # what earlier reports said of it, held against what came
    calibration: Calibration = USUAL  # what the experts have earned over the fleet

    @property
    def unit(self) -> str:
        if self.resource != "cpu":
            return "gib"
        return "cores" if self.model == "demand" else "vcpus"

    @property
    def key(self) -> str:
        return pool_key(self.pool.name, self.resource, self.model)

    @property
    def grows(self) -> bool:
        """Whether it is foreseen as what grows; what processors do follows the week."""
        return (self.resource, self.model) != ("cpu", "demand")


def pools_of(estate: Estate) -> tuple[Pool, ...]:
    """Every cluster and every datastore that is in use, by name."""
    pools = [Pool(name, "cluster", name, hosts=estate.hosts_in(name)) for name in estate.clusters]
    used = [fact for fact in estate.datastores if fact.record.enabled is not False]
    labels = _labels([fact.record for fact in used], taken={pool.name for pool in pools})
    pools += [
        Pool(
            label,
            "datastore",
            fact.record.cluster,
            datastore=fact,
            ceph_nodes=ceph_nodes(estate, fact.record),
        )
        for label, fact in zip(labels, used, strict=True)
    ]
    return tuple(sorted(pools, key=lambda pool: (pool.kind, pool.name)))


def _labels(datastores: Sequence[Datastore], taken: set[str]) -> list[str]:
    """The shortest of name, id and cluster:id that means one datastore only."""
    choices = [(d.name, d.datastore_id, f"{d.cluster}:{d.datastore_id}") for d in datastores]
    names = [name for name, _id, _full in choices]
    ids = [short for _name, short, _full in choices]

    def label(name: str, short: str, full: str) -> str:
        if names.count(name) == 1 and name not in taken:
            return name
        return short if ids.count(short) == 1 and short not in taken else full

    return [label(*choice) for choice in choices]


def questions(estate: Estate, past: Past, zone: ZoneInfo) -> tuple[Question, ...]:
    """Every pool × resource × model, ready to be answered."""
    asked: list[Question] = []
    said = _by_question(past.said)
    for pool in pools_of(estate):
        stale = tuple(
            name
            for name in pool.sources
            if (health := estate.source_health(name)) is not None and health.stale
        )
        for resource in _RESOURCES[pool.kind]:
            loads = _loads(estate, past, pool, resource, zone)
            asked += [
                _with_track(_question(estate, pool, resource, model, loads[model], stale), said)
                for model in MODELS
            ]
    calibration = _calibration(asked, estate.policy.forecast.seed)
    return tuple(replace(question, calibration=calibration) for question in asked)


def _calibration(asked: Sequence[Question], seed: int) -> Calibration:
    """What the experts have earned on all that grows."""
    grown = [question.load.series.trend for question in asked if question.grows]
    return earned(np.stack(grown).astype(np.float32), seed=seed) if grown else USUAL


def _by_question(said: Iterable[Said]) -> dict[tuple[str, ...], list[Said]]:
    found: dict[tuple[str, ...], list[Said]] = {}
    for one in said:
        found.setdefault(one.about, []).append(one)
    return found


def _with_track(question: Question, said: Mapping[tuple[str, ...], Sequence[Said]]) -> Question:
    """The question with what earlier reports said of it, held against what came."""
    own = said.get((question.pool.kind, question.pool.name, question.resource, question.model))
    if own is None:
        return question
    series = question.load.series
    measured = Measured(series.as_of, series.trend, series.coarse_days)
    return replace(question, track=track(own, measured))


def _question(
    estate: Estate,
    pool: Pool,
    resource: Resource,
    model: Model,
    load: Load,
    stale: tuple[str, ...],
) -> Question:
    days, lead_time = estate.policy.forecast.horizon_days, estate.policy.lead_time
    hardware = tuple(item for item in estate.owners.hardware if pool.answers_to(item.pool))
    projects = tuple(item for item in estate.owners.projects if pool.answers_to(item.pool))
    orders = [order for order in estate.owners.orders if pool.answers_to(order.pool)]
    learnt = learn(estate.owners.orders, estate.as_of)
    pending = pending_of(orders, lead_time, learnt, estate.as_of)
    coming = coming_of(hardware, pending)
    added, committed = _committed(projects, resource, model, estate.as_of, days)
    limits = limits_of(estate, pool)
    return Question(
        pool=pool,
        resource=resource,
        model=model,
        limits=limits,
        capacity=capacity_of(pool, resource, model, limits),
        usable=usable_days(pool, resource, model, limits, coming, estate.as_of, days),
        added=added,
        committed=committed,
        load=load,
        stale=stale,
        hardware=hardware,
        pending=pending,
        projects=projects,
        lead=lead_of(ITEM_CLASS[pool.kind], lead_time, learnt),
    )


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
        capacity, reserve = _float(host.memory_bytes), _float(host.reserved_memory_bytes)
    known = reserve if reserve is not None else _policy_reserve(policy, resource)
    return HostShare(host.name, capacity, known)


def _float(value: int | None) -> float | None:
    return None if value is None else float(value)


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


def _committed(
    projects: Iterable[Project], resource: Resource, model: Model, as_of: date, days: int
) -> tuple[Floats, float]:
    """What committed projects add per day from as_of on, and in all."""
    added = np.zeros(days + 1)
    total = 0.0
    for project in projects:
        if project.status == "committed" and project.when > as_of:
            size = size_of(project, resource, model).mid
            added[(project.when - as_of).days :] += size
            total += size
    return added, total


def size_of(project: Project, resource: Resource, model: Model) -> Band:
    """What a project adds, in base units."""
    if resource == "cpu":
        return project.cpu_cores if model == "demand" else project.vcpus
    gib = project.memory_gib if resource == "memory" else project.storage_gib
    return Band(low=gib.low * GIB, mid=gib.mid * GIB, high=gib.high * GIB)


# What a pool carries


def _loads(
    estate: Estate, past: Past, pool: Pool, resource: Resource, zone: ZoneInfo
) -> dict[Model, Load]:
    """The load under each model: they share what is allocated and differ in their series."""
    left_out = applying(estate.owners.exclusions, pool.answers_to, pool.sources)
    demand = without(_demand_series(past, pool, resource, estate.as_of), left_out)
    base = load_of(estate, past, pool, resource, demand)
    states = without(_state_series(estate, past, pool, resource, zone), left_out)
    if base.allocated is None:  # where nothing is seen, a past of zeros is none
        states = state_series((), (), estate.as_of, zone)
    return {"demand": base, "allocation": replace(base, series=states, today=None)}


def load_of(
    estate: Estate, past: Past, pool: Pool, resource: Resource, series: DailySeries
) -> Load:
    """What a pool carries now, beside a series of what it carried."""
    if pool.datastore is not None:
        return _datastore_load(estate, pool.datastore, series)
    return _cluster_load(estate, past, pool, resource, series)


def _demand_series(past: Past, pool: Pool, resource: Resource, as_of: date) -> DailySeries:
    if pool.datastore is not None:
        key = pool.datastore.entity_key
        points = past.datastore_days.get((key, "storage"), ()) if key is not None else ()
    else:
        points = past.cluster_days.get((pool.cluster, resource), ())
    return demand_series(points, as_of)


def _state_series(
    estate: Estate, past: Past, pool: Pool, resource: Resource, zone: ZoneInfo
) -> DailySeries:
    store = pool.datastore
    places = {(pool.cluster, resource)} if store is None else estate.places_of(store)
    versions = [v for place in sorted(places) for v in past.allocations_of.get(place, ())]
    polls = sorted({at for source in pool.sources for at in past.polls.get(source, ())})
    return state_series(versions, polls, estate.as_of, zone)


def _cluster_load(
    estate: Estate, past: Past, pool: Pool, resource: Resource, series: DailySeries
) -> Load:
    guests = [view for view in estate.guests_in(pool.cluster) if view.guest.template is not True]
    on = [view for view in guests if view.is_powered_on]
    unknown = [view for view in guests if view.is_powered_on is None]
    missing = sum(1 for view in on if _configured(view, resource) is None) + len(unknown)
    unseen = guests_unseen(estate, pool.cluster)
    flags = []
    if resource == "cpu" and pool.cluster in past.clusters_from_guests:
        flags.append("demand_from_guests")
    if resource == "cpu" and (unlimited := sum(map(_is_unlimited, on))):
        flags.append(f"unlimited_cpu:{unlimited}")
    if (elsewhere := estate.counted_elsewhere(pool.cluster)) > 0:
        flags.append(f"twins_counted_elsewhere:{elsewhere}")
    return Load(
        series=series,
        allocated=_seen_sum(
            (_configured(view, resource) for view in on), whole=not (unknown or unseen)
        ),
        allocated_all=_seen_sum((_configured(view, resource) for view in guests), whole=not unseen),
        unknown_parts=missing,
        today=_today(past, pool, resource) if series.last is None else None,
        flags=tuple(flags),
        reconciled=_guests_accounted(past, pool, resource, on, estate.as_of),
        unseen=unseen,
    )


def _guests_accounted(
    past: Past, pool: Pool, resource: Resource, on: Sequence[GuestView], as_of: date
) -> Reconciled | None:
    """What hosts used over the last closed days, and what of it their guests account for."""
    first = as_of - timedelta(days=RECONCILED_DAYS)
    used = mean_day(past.cluster_days.get((pool.cluster, resource), ()), first, RECONCILED_DAYS)
    scale = cores_per_thread(pool) if resource == "cpu" else 1.0
    parts = []
    for view in on:
        use = past.guest_week.get(view.fact.entity_key or 0, GuestUse(None, None))
        part = use.cpu_cores if resource == "cpu" else use.memory_bytes
        parts.append(None if part is None else scale * part)
    return reconciled(used, parts)


def cores_per_thread(pool: Pool) -> float:
    """Physical cores per thread of a cluster's hosts; 1 where they do not say."""
    hosts = [fact.record for fact in pool.hosts if fact.record.status != "retired"]
    cores = sum(host.cpu_cores or 0.0 for host in hosts)
    threads = sum(host.cpu_threads or 0 for host in hosts)
    unknown = any(host.cpu_threads is None or host.cpu_cores is None for host in hosts)
    return 1.0 if unknown or not threads else cores / threads


def _is_unlimited(view: GuestView) -> bool:
    """Whether a container may use every thread of whatever host it is on: its size is no number."""
    guest = view.guest
    return guest.kind == "container" and guest.vcpus is None and guest.cpu_limit_cores == 0


def _configured(view: GuestView, resource: Resource) -> float | None:
    guest: Guest = view.guest
    return guest.vcpus if resource == "cpu" else _float(guest.memory_bytes)


def _sum(amounts: Iterable[float | None]) -> float:
    return sum(amount for amount in amounts if amount is not None)


def unseen_of(estate: Estate, pool: Pool) -> Unseen:
    """What may be in a pool that nobody saw: guests of a cluster, disks on a datastore."""
    if pool.datastore is None:
        return Unseen(guests_unseen(estate, pool.cluster))
    return disks_unseen(estate, pool.datastore)


def _seen_sum(amounts: Iterable[float | None], *, whole: bool) -> float | None:
    """What is known of a sum; None where that is nothing, and not because there is nothing.

    ``whole``: every part of it was seen, be it without its size.
    """
    parts = list(amounts)
    nothing = all(amount is None for amount in parts)
    return None if nothing and (parts or not whole) else _sum(parts)


def _today(past: Past, pool: Pool, resource: Resource) -> float | None:
    """The newest sample of every host together; None when one of them has none."""
    which = 0 if resource == "cpu" else 1
    hosts = [fact for fact in pool.hosts if fact.record.status != "retired"]
    levels = [past.latest.get(fact.entity_key or 0, (None, None))[which] for fact in hosts]
    if not levels or any(level is None for level in levels):
        return None
    return _sum(levels)


def _datastore_load(estate: Estate, fact: Fact[Datastore], series: DailySeries) -> Load:
    record = fact.record
    disks, unseen = estate.disks_on(fact), disks_unseen(estate, fact)
    allocated = _seen_sum(
        (_float(disk.capacity_bytes) for disk in disks),
        whole=unseen.is_nothing,
    )
    used = _float(record.used_bytes)
    return Load(
        series=series,
        allocated=allocated,
        allocated_all=allocated,
        unknown_parts=sum(1 for disk in disks if disk.capacity_bytes is None) + unseen.guests,
        today=used if series.last is None else None,
        used_now=used,
        reconciled=reconciled(
            used, [*(_float(disk.allocated_bytes) for disk in disks), *[None] * unseen.guests]
        ),
        unseen=unseen.why,
    )
