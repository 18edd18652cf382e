"""How many more guests fit into a pool: its answers, hosts and datastores asked together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean

from inventory.records import Datastore
from planner.answers import Answer, PoolAnswer
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.hosting import bins_of, loads_of, pins_of, planned_hosts
from planner.keys import fit_key
from planner.placement.failover import FailoverCase
from planner.placement.fit import Fit, Limit, Profile, fit, host_limits, times
from planner.placement.packing import Load, Room
from planner.policy import Policy
from planner.pools import GIB, Pool
from planner.unseen import disks_unseen, guests_unseen


@dataclass(frozen=True, slots=True)
class FitRow:
    """`lumbung fit`: how many more guests of one size a pool takes."""

    pool: str
    profile: str
    vcpus: float
    memory_gib: float
    storage_gib: float
    fit: int | None
    pooled: int | None
    lower_bound: int | None
    fragmentation_pct: float | None
    binding: str
    failover_test: str
    where: str
    proven: int | None
    key: str


_FOR_GUESTS = frozenset({"images", "rootdir"})  # what a datastore of guests' disks may hold


def profiles_of(policy: Policy) -> tuple[Profile, ...]:
    """The policy's sizes S, M and L."""
    sizes = policy.profiles
    return tuple(
        Profile(name, size.vcpus, size.memory_gib * GIB, size.storage_gib * GIB)
        for name, size in (("S", sizes.S), ("M", sizes.M), ("L", sizes.L))
    )


def average_of(estate: Estate, pool: Pool) -> Profile | None:
    """The mean of the pool's powered-on guests whose size is known; None when there is none."""
    clones = [
        clone
        for view in estate.guests_in(pool.cluster)
        if view.is_powered_on and view.guest.template is not True
        if (clone := clone_of(estate, view)) is not None
    ]
    if not clones:
        return None
    return Profile(
        "average",
        fmean(clone.vcpus for clone in clones),
        fmean(clone.memory_bytes for clone in clones),
        fmean(clone.storage_bytes for clone in clones),
    )


def clone_of(estate: Estate, view: GuestView) -> Profile | None:
    """A guest of the same configured size and pins; None when its size is not known."""
    guest = view.guest
    disks = [disk.capacity_bytes for disk in estate.disks_of(guest) if disk.purpose != "unused"]
    if guest.vcpus is None or guest.memory_bytes is None or None in disks:
        return None
    stored = float(sum(size for size in disks if size is not None))
    return Profile(
        view.label, guest.vcpus, float(guest.memory_bytes), stored, guest.pinned_cpus or ()
    )


def fits_of(
    estate: Estate, answers: Sequence[PoolAnswer], pool: PoolAnswer, profiles: Iterable[Profile]
) -> tuple[Fit, ...]:
    """How many of each profile the pool takes: a cluster with its datastores, or a datastore."""
    if pool.pool.kind == "datastore":
        return tuple(_storage_fit(pool, profile) for profile in profiles)
    cluster = _Cluster(estate, answers, pool)
    return tuple(cluster.fit(profile) for profile in profiles)


def fit_row(pool: PoolAnswer, found: Fit, size: str) -> FitRow:
    """The row of a fit; ``size`` is what was asked for, as its key has it."""
    profile, lost = found.profile, found.fragmentation_percent
    return FitRow(
        pool=pool.pool.name,
        profile=profile.name,
        vcpus=round(profile.vcpus, 2),
        memory_gib=round(profile.memory_bytes / GIB, 2),
        storage_gib=round(profile.storage_bytes / GIB, 2),
        fit=found.count,
        pooled=found.pooled,
        lower_bound=found.lower_bound,
        fragmentation_pct=None if lost is None else round(lost, 1),
        binding=found.binding,
        failover_test=pool.failover,
        where="; ".join(f"{host}: {count}" for host, count in found.where),
        proven=found.lower_bound,
        key=fit_key(pool.pool.name, size),
    )


def _storage_fit(pool: PoolAnswer, profile: Profile) -> Fit:
    if reason := why_no_guests(pool):
        return Fit(profile, None, None, None, reason)
    limits = list(_pool_limits(pool, {"storage": profile.storage_bytes}))
    return replace(
        fit(profile, limits, None, None), lower_bound=fit(profile, limits, None, None).count
    )


def _pool_limits(pool: PoolAnswer, needs: Mapping[str, float | None]) -> Iterator[Limit]:
    """What usable capacity allows, per resource and model; needs are by resource, or by both."""
    for answer in pool.answers:
        question = answer.question
        name = f"{question.resource}/{question.model}"
        need = needs.get(name, needs.get(question.resource))
        yield Limit(name, None, None) if need is None else Limit.of(name, _headroom(answer), need)


def _headroom(answer: Answer) -> float | None:
    """The headroom, as far as it can be trusted: one part of unknown size, and it cannot."""
    unsure = answer.question.model == "allocation" and answer.question.load.is_incomplete
    return None if unsure else answer.headroom


class _Cluster:
    """One cluster, measured once for every profile."""

    def __init__(self, estate: Estate, answers: Sequence[PoolAnswer], pool: PoolAnswer) -> None:
        self._estate, self._pool = estate, pool
        self._stores = [
            answer
            for answer in answers
            if answer.pool.kind == "datastore" and serves(estate, answer.pool, pool.pool.cluster)
        ]
        self._bins = bins_of(pool.pool, estate.policy)
        self._loads = loads_of(estate, pool.pool)
        self._pins = pins_of(pool.pool, estate.policy)

    def fit(self, profile: Profile) -> Fit:
        busy = self._cores_per_vcpu
        needs = {
            "cpu/allocation": profile.vcpus,
            "cpu/demand": None if busy is None else profile.vcpus * busy,
            "memory": profile.memory_bytes,
        }
        pinned = self._pins.of(profile.pinned_cpus)
        room = None if pinned.doubt else self._room
        profile = replace(profile, only_on=pinned.only_on, apart=pinned.apart)
        limits = [
            *_pool_limits(self._pool, needs),
            *host_limits(room, profile, k=self._k),
            *self._storage(profile),
        ]
        return fit(profile, limits, room, self._survivors)

    @property
    def _k(self) -> int:
        return self._pool.answers[0].question.capacity.k

    @cached_property
    def _cores_per_vcpu(self) -> float | None:
        """How many cores a vCPU of this pool is busy with; without guests what the ratio allows."""
        for answer in self._pool.answers:
            if (answer.question.resource, answer.question.model) == ("cpu", "demand"):
                allocated = answer.question.load.allocated
                if allocated == 0:
                    return 1.0 / self._estate.policy.overcommit.cpu
                if allocated is None or answer.demand is None:
                    return None
                return answer.demand / allocated
        return None

    @cached_property
    def _is_known(self) -> bool:
        """Whether every live host's size is known, and every guest with its own and its host."""
        live = [host for host in planned_hosts(self._pool.pool) if host.status == "in_service"]
        return (
            len(live) == len(self._bins)
            and all(load.is_known and load.host is not None for load in self._loads)
            and not guests_unseen(self._estate, self._pool.pool.cluster)
        )

    @cached_property
    def _room(self) -> Room | None:
        """What the live hosts have left of what may be promised; None when that is not known."""
        ratio = self._estate.policy.overcommit.memory
        bins = [replace(one, memory_bytes=ratio * one.memory_bytes) for one in self._bins]
        return Room.of(bins, self._loads) if self._is_known else None

    @cached_property
    def _survivors(self) -> tuple[Room, ...] | None:
        """What every failure leaves; None when one was not tried, or rests on what is unknown."""
        if not self._is_known or self._pool.failover == "unproven":
            return None
        if self._pool.failover == "not_applicable":
            return ()
        room = Room.of(self._bins, self._loads)
        return tuple(_survivors(room, self._loads, case) for case in self._pool.cases)

    def _storage(self, profile: Profile) -> Iterator[Limit]:
        """What the datastores for guests take together, each one whole disk at a time."""
        if not self._stores or profile.storage_bytes <= 0:
            return
        chosen = for_guests(self._estate, self._stores, k=self._k)
        free = [_least_headroom(store) for store in chosen]
        counts = [times(room, profile.storage_bytes) for room in free]
        name = "storage of " + (", ".join(store.pool.name for store in chosen) or "no datastore")
        total = _sum(counts)
        pooled = times(_total(free), profile.storage_bytes)
        yield Limit(name, total, pooled, float(total or 0))


def for_guests(estate: Estate, stores: Sequence[PoolAnswer], *, k: int) -> list[PoolAnswer]:
    """Those of a cluster's datastores that new guests' disks go to."""
    chosen = [store for store in stores if _holds_guests(estate, store)]
    shared = [store for store in chosen if _record(store.pool).shared]
    return shared or chosen if k else chosen  # a disk that one host sees goes down with it


def _survivors(room: Room, loads: Sequence[Load], case: FailoverCase) -> Room:
    """What the hosts have left once the case's guests are where the test placed them."""
    moving = {load.name: load for load in loads if load.host in case.lost}
    left = room.without(case.lost, list(moving.values()))
    for name, host in case.placed:
        left.put(moving[name], left.index[host])
    return left


def _record(pool: Pool) -> Datastore:
    assert pool.datastore is not None  # noqa: S101  (a pool of kind datastore has one)
    return pool.datastore.record


def why_no_guests(pool: PoolAnswer) -> str:
    """What a datastore is instead of one for guests; "" where nothing speaks against them."""
    record = _record(pool.pool)
    if any("ring_buffer" in answer.flags for answer in pool.answers):
        return "it is the ring buffer of a recorder"
    if record.content is not None and not _FOR_GUESTS & set(record.content):
        return f"it is {record.kind} for {', '.join(record.content) or 'nothing'}"
    return ""


def stores_for_guests(estate: Estate, answers: Iterable[PoolAnswer]) -> tuple[str, ...]:
    """The names of the datastores that hold guests."""
    stores = [answer for answer in answers if answer.pool.kind == "datastore"]
    return tuple(store.pool.name for store in stores if _holds_guests(estate, store))


def _holds_guests(estate: Estate, store: PoolAnswer) -> bool:
    """Whether new guests' disks may go there: it says so, or there are some, or may be, already."""
    if why_no_guests(store):
        return False
    fact = store.pool.datastore
    if fact is None or fact.record.content is not None:
        return fact is not None
    return bool(estate.disks_on(fact)) or not disks_unseen(estate, fact).is_nothing


def _places(estate: Estate, pool: Pool) -> frozenset[tuple[str, str]]:
    return frozenset() if pool.datastore is None else estate.places_of(pool.datastore)


def serves(estate: Estate, pool: Pool, cluster: str) -> bool:
    """Whether a datastore is one for the guests of a cluster."""
    return any(place == cluster for place, _datastore_id in _places(estate, pool))


def _least_headroom(store: PoolAnswer) -> float | None:
    """The headroom of the model that binds; None when one is not known."""
    rooms = [_headroom(answer) for answer in store.answers]
    known = [max(0.0, room) for room in rooms if room is not None]
    return min(known) if len(known) == len(rooms) else None


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _total(rooms: Sequence[float | None]) -> float | None:
    known = [room for room in rooms if room is not None]
    return sum(known) if len(known) == len(rooms) else None
