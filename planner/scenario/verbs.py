"""What each change does to a world. Guests and disks find their places later (``settling``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from inventory.read import Fact
from inventory.records import Datastore, Disk, Guest, Host
from planner.efficiency.answer import with_reclaim
from planner.estate import GuestView
from planner.fitting import serves
from planner.placement.fit import Profile
from planner.policy import Resource
from planner.pools import GIB, MODELS, Pool
from planner.scenario.changes import (
    AddGuests,
    AddHosts,
    AddStorage,
    Cameras,
    Change,
    Demand,
    Growth,
    MigrateCluster,
    NewService,
    Reclaim,
    RemoveGuests,
    ResizeGuests,
    RetireHost,
)
from planner.scenario.names import (
    ScenarioError,
    guests_called,
    host_called,
    nearest,
    pool_called,
    profile_called,
)
from planner.scenario.world import (
    NOWHERE,
    Base,
    PoolKey,
    Shift,
    WaitingDisk,
    World,
    key_of,
    name_of,
)
from planner.twins import GuestKey

_IN_ONE_PIECE = "demand "
_RECLAIM_COUNTS = 0.5  # of what could be given back (glossary 16)


def apply(world: World, base: Base, change: Change, when: date) -> World:
    """The world after a change. Raises ScenarioError, with the key that is wrong."""
    [(verb, what)] = change.verbs.items()
    try:
        return _VERBS[verb](world, base, what, when)
    except ScenarioError as error:
        raise error.below(verb) from error


# Guests that come


def _add(world: World, base: Base, what: AddGuests, when: date) -> World:
    return _added(world, base, what, service=None)


def _service(world: World, base: Base, what: NewService, when: date) -> World:
    for number, part in enumerate(what.parts):
        try:
            world = _added(world, base, part, service=what.name)
        except ScenarioError as error:
            inside = ("guests", number) if error.place[:1] == ("profile",) else ()
            raise error.below(*inside) from error
    return world


def _added(world: World, base: Base, what: AddGuests, *, service: str | None) -> World:
    pool = pool_called(base.answers, what.pool, "cluster", "pool").pool
    profile = profile_called(base.estate, pool, what.profile, "profile")
    _check_agency(base, what.agency)
    store = _store_asked_for(base, pool.cluster, what.storage)
    guests = [
        _guest(name, pool, profile, _tags(what, service))
        for name in _new_names(world, pool.cluster, what.name or f"new-{profile.name}", what.count)
    ]
    world = world.adding(Guest, guests, _source(pool))
    world = world.shifting({name_of(guest): _in_full(base, pool, profile) for guest in guests})
    keys = frozenset((guest.cluster, guest.guest_id) for guest in guests)
    world = replace(world, born=world.born | keys, homeless=world.homeless | keys)
    disks = [_disk(guest, profile) for guest in guests if profile.storage_bytes > 0]
    waiting = (WaitingDisk(disk, store, profile.storage_bytes) for disk in disks)
    return replace(world, waiting=(*world.waiting, *waiting))


def _check_agency(base: Base, agency: str | None) -> None:
    known = base.estate.owners.agencies
    if agency is not None and known and agency not in known:
        raise ScenarioError(f"{agency!r} is no agency here; {nearest(agency, known)}", "agency")


def _source(pool: Pool) -> str:
    return next(iter(pool.sources), "")


def _guest(name: str, pool: Pool, profile: Profile, tags: tuple[str, ...]) -> Guest:
    return Guest(
        guest_id=name,
        name=name,
        cluster=pool.cluster,
        host_id=NOWHERE,
        kind="vm",
        power="running",
        vcpus=profile.vcpus,
        memory_bytes=round(profile.memory_bytes),
        template=False,
        tags=tags,
    )


def _disk(guest: Guest, profile: Profile) -> Disk:
    return Disk(
        disk_id=f"{guest.guest_id}/new",
        guest_id=guest.guest_id,
        cluster=guest.cluster,
        purpose="data",
        capacity_bytes=round(profile.storage_bytes),
    )


def _tags(what: AddGuests, service: str | None) -> tuple[str, ...]:
    """What is declared of the guests, as tags say it."""
    told = {
        "opd": what.agency,
        "cls": what.classification,
        "crit": what.criticality,
        "svc": service,
    }
    return tuple(f"{prefix}.{value}" for prefix, value in told.items() if value is not None)


def _new_names(world: World, cluster: str, prefix: str, count: int) -> list[str]:
    """Names that no guest of the cluster has: prefix-1, prefix-2, …"""
    taken = {view.guest.guest_id for view in world.estate.guests if view.guest.cluster == cluster}
    names: list[str] = []
    number = 0
    while len(names) < count:
        number += 1
        if (name := f"{prefix}-{number}") not in taken:
            names.append(name)
    return names


def _in_full(base: Base, pool: Pool, profile: Profile) -> Iterator[Shift]:
    """What a new guest will use: all its memory, and as much CPU as the pool's guests do."""
    busy = base.busy_cores_per_vcpu(pool.cluster)
    cores = None if busy is None else profile.vcpus * busy
    yield Shift(key_of(pool), "cpu", "demand", cores)
    yield Shift(key_of(pool), "memory", "demand", profile.memory_bytes)


def _store_asked_for(base: Base, cluster: str, name: str | None) -> PoolKey | None:
    if name is None:
        return None
    store = pool_called(base.answers, name, "datastore", "storage").pool
    if not serves(base.estate, store, cluster):
        raise ScenarioError(f"{store.name} does not serve the guests of {cluster}", "storage")
    return key_of(store)


# Guests that go, or change


def _remove(world: World, base: Base, what: RemoveGuests, when: date) -> World:
    """The world without the guests and their disks; what they used is given back."""
    views = guests_called(world.estate, what.match, "match")
    gone = frozenset(view.key for view in views)
    world = world.shifting(
        {name_of(view.guest): _all_given_back(world, base, view) for view in views}
    )
    guests = [fact for fact in world.facts(Guest) if _key(fact.record) not in gone]
    disks = [fact for fact in world.facts(Disk) if _key(fact.record) not in gone]
    waiting = tuple(one for one in world.waiting if _key(one.disk) not in gone)
    world = world.with_facts(Guest, guests).with_facts(Disk, disks)
    return replace(world, waiting=waiting, born=world.born - gone, homeless=world.homeless - gone)


def _all_given_back(world: World, base: Base, view: GuestView) -> Iterator[Shift]:
    if _was_moved(base, view, world):  # what it brought goes; what it left stays left
        had = world.shifts.get(name_of(view.guest), ())
        yield from (shift for shift in had if shift.amount is None or shift.amount < 0)
    elif view.key not in world.born:
        yield from _given_back(base, view)
        yield from _disks_given_back(world, base, view)


def _was_moved(base: Base, view: GuestView, world: World) -> bool:
    return view.key not in world.born and view.key not in base.estate.guest_of


def _key(record: Guest | Disk) -> GuestKey:
    return (record.cluster, record.guest_id)


def _is_loaded(base: Base, view: GuestView) -> bool:
    """Whether what the guest uses is a part of what its cluster is measured to use."""
    counts = view.key not in base.estate.twins.uncounted
    return counts and view.guest.template is not True and view.is_powered_on is not False


def _given_back(base: Base, view: GuestView) -> Iterator[Shift]:
    """A guest's share of its cluster's demand, as of today; not known when its size is not."""
    guest = base.estate.guest_of[view.key].guest
    if not _is_loaded(base, view):
        return
    pool = ("cluster", guest.cluster)
    busy, share = base.used_share(pool, "cpu"), base.used_share(pool, "memory")
    yield Shift(pool, "cpu", "demand", _product(guest.vcpus, busy, -1.0))
    yield Shift(pool, "memory", "demand", _product(guest.memory_bytes, _capped(share), -1.0))


def _product(*factors: float | None) -> float | None:
    result = 1.0
    for factor in factors:
        if factor is None:
            return None
        result *= factor
    return result


def _disks_given_back(world: World, base: Base, view: GuestView) -> Iterator[Shift]:
    """What a guest's disks take on their datastores; where only the size is known, a share."""
    for disk in world.estate.disks_of(view.guest):
        store = world.store_of(disk)
        if store is not None:
            yield Shift(store, "storage", "demand", _taken(base, store, disk, -1.0))


def _taken(base: Base, store: PoolKey, disk: Disk, sign: float) -> float | None:
    if disk.allocated_bytes is not None:
        return sign * disk.allocated_bytes
    share = base.used_share(store, "storage")
    return _product(disk.capacity_bytes, _capped(share), sign)


def _resize(world: World, base: Base, what: ResizeGuests, when: date) -> World:
    memory = None if what.memory_gib is None else round(what.memory_gib * GIB)
    size = {"vcpus": what.vcpus, "memory_bytes": memory}
    told = {name: value for name, value in size.items() if value is not None}
    views = guests_called(world.estate, what.match, "match")
    if moved := [view.label for view in views if _was_moved(base, view, world)]:
        raise ScenarioError(f"{moved[0]} moves in this scenario: resize it before", "match")
    records = {view.key: view.guest.model_copy(update=told) for view in views}
    shifts = {
        name_of(view.guest): list(_use_of(world, base, view, records[view.key])) for view in views
    }
    return world.shifting(shifts).with_records(
        Guest, {name_of(guest): guest for guest in records.values()}
    )


def _use_of(world: World, base: Base, view: GuestView, guest: Guest) -> Iterator[Shift]:
    """What a guest of a new size uses more or less, as far as that is likely."""
    had = world.shifts.get(name_of(view.guest), ())
    yield from (shift for shift in had if shift.resource == "storage")
    pool = world.pools["cluster", guest.cluster]
    if view.key in world.born:
        size = Profile("", guest.vcpus or 0.0, float(guest.memory_bytes or 0), 0.0)
        yield from _in_full(base, pool, size)
    elif _is_loaded(base, view):
        yield from _difference(base, pool, base.estate.guest_of[view.key].guest, guest)


def _difference(base: Base, pool: Pool, old: Guest, new: Guest) -> Iterator[Shift]:
    """What a resized guest uses more, in full, or less: its share."""
    key, busy = key_of(pool), base.busy_cores_per_vcpu(pool.cluster)
    yield Shift(key, "cpu", "demand", _product(_less(new.vcpus, old.vcpus), busy))
    more = _less(new.memory_bytes, old.memory_bytes)
    share = 1.0 if more is None or more > 0 else _capped(base.used_share(key, "memory"))
    yield Shift(key, "memory", "demand", 0.0 if more == 0 else _product(more, share))


def _less(whole: float | None, part: float | None) -> float | None:
    """whole − part; 0 where both are not known, for then nothing changed."""
    if whole is None or part is None:
        return 0.0 if whole is part else None
    return whole - part


def _capped(share: float | None) -> float | None:
    return None if share is None else min(1.0, share)


# Hosts and datastores


def _retire(world: World, base: Base, what: RetireHost, when: date) -> World:
    fact = host_called(world.estate, what.host, "host")
    host = fact.record
    leaving = frozenset(
        view.key
        for view in world.estate.guests_in(host.cluster)
        if view.guest.host_id == host.host_id
        and view.is_powered_on is not False
        and view.guest.template is not True
    )
    retired = host.model_copy(update={"status": "retired"})
    world = world.with_records(Host, {name_of(host): retired})
    return replace(world, homeless=world.homeless | leaving)


def _add_hosts(world: World, base: Base, what: AddHosts, when: date) -> World:
    like = None if what.like is None else host_called(world.estate, what.like, "like").record
    cluster = like.cluster if like is not None and what.pool is None else what.pool
    pool = pool_called(base.answers, str(cluster), "cluster", "pool").pool
    stem = f"new-{like.name}" if like is not None else "new-host"
    taken = {fact.record.host_id for fact in world.facts(Host)}
    free = (name for n in range(1, 10**6) if (name := f"{stem}-{n}") not in taken)
    hosts = [_host(next(free), pool.cluster, what, like) for _ in range(what.count)]
    stores = _seen_by_all(world, pool.cluster)
    world = world.adding(Host, hosts, _source(pool))
    names = tuple(host.host_id for host in hosts)
    seen = {
        name_of(store): store.model_copy(update={"hosts": (*(store.hosts or ()), *names)})
        for store in stores
    }
    return world.with_records(Datastore, seen).noting(
        f"new hosts of {pool.name} see the datastores that all its hosts see"
    )


def _host(name: str, cluster: str, what: AddHosts, like: Host | None) -> Host:
    if like is not None:
        fresh = {"host_id": name, "name": name, "cluster": cluster, "status": "in_service"}
        return like.model_copy(update=fresh)
    return Host(
        host_id=name,
        name=name,
        cluster=cluster,
        status="in_service",
        cpu_cores=what.cpu_cores,
        memory_bytes=round((what.memory_gib or 0.0) * GIB),
    )


def _seen_by_all(world: World, cluster: str) -> list[Datastore]:
    """The datastores that name their hosts, and name all those of the cluster."""
    hosts = [
        fact.record for fact in world.estate.hosts_in(cluster) if fact.record.status != "retired"
    ]
    return [
        fact.record
        for fact in world.estate.datastores
        if fact.record.hosts and all({h.host_id, h.name} & set(fact.record.hosts) for h in hosts)
    ]


def _add_storage(world: World, base: Base, what: AddStorage, when: date) -> World:
    pool = pool_called(base.answers, what.pool, "datastore", "pool").pool
    fact: Fact[Datastore] | None = world.pools[key_of(pool)].datastore
    if fact is None or fact.record.capacity_bytes is None:
        raise ScenarioError(f"the capacity of {pool.name} is not known", "pool")
    more = fact.record.capacity_bytes + round(what.storage_gib * GIB)
    larger = fact.record.model_copy(update={"capacity_bytes": more})
    return world.with_records(Datastore, {name_of(larger): larger})


# A cluster that moves


def _migrate(world: World, base: Base, what: MigrateCluster, when: date) -> World:
    source = pool_called(base.answers, what.leaving, "cluster", "leaving").pool
    target = pool_called(base.answers, what.arriving, "cluster", "arriving").pool
    if source.name == target.name:
        raise ScenarioError(f"{source.name} cannot move to itself", "arriving")
    store = _store_asked_for(base, target.cluster, what.storage)
    moves = [_Move(world, base, v, target) for v in world.estate.guests_in(source.cluster)]
    shifts: dict[str, Iterable[Shift]] = {name_of(move.here): () for move in moves}
    shifts |= {name_of(move.there): list(move.shifts(what.cpu_factor)) for move in moves}
    born = {move.key for move in moves if move.view.key in world.born}
    homeless = {move.key for move in moves if move.needs_host}
    gone = frozenset(move.view.key for move in moves)
    waiting = tuple(one for one in world.waiting if _key(one.disk) not in gone)
    world = replace(
        _facts_moved(world, moves).shifting(shifts),
        born=(world.born - gone) | born,
        homeless=(world.homeless - gone) | homeless,
        waiting=waiting,
    )
    fresh = (one for move in moves for one in move.fresh(store))
    return replace(world, waiting=(*world.waiting, *fresh)).noting(
        f"guests of {source.name} use {what.cpu_factor:g} cores in {target.name} per core of now",
        f"rules that bind guests of {source.name} to hosts or apart are not carried over",
    )


class _Move:
    """A guest that goes to another cluster, with its disks and what it uses."""

    def __init__(self, world: World, base: Base, view: GuestView, target: Pool) -> None:
        self.view, self.here = view, view.guest
        self._world, self._base, self._target = world, base, target
        update = {
            "cluster": target.cluster,
            "guest_id": f"{self.here.cluster}:{self.here.guest_id}",
            "host_id": NOWHERE,
        }
        self.there = self.here.model_copy(update=update)
        self.key = _key(self.there)
        self.kept: dict[str, Disk] = {}  # the target's hosts see them already
        self._unplaced = [one for one in world.waiting if _key(one.disk) == view.key]
        self._leaving: list[Disk] = []
        for disk in world.estate.disks_of(self.here):
            self._sort(disk)

    @property
    def needs_host(self) -> bool:
        return self.view.is_powered_on is not False and self.here.template is not True

    def _sort(self, disk: Disk) -> None:
        moved = self._renamed(disk)
        store = self._world.store_of(disk)
        if store is not None and self._world.store_of(moved) == store:
            self.kept[name_of(disk)] = moved
        else:
            self._leaving.append(disk)

    def _renamed(self, disk: Disk) -> Disk:
        return disk.model_copy(
            update={
                "cluster": self.there.cluster,
                "guest_id": self.there.guest_id,
                "disk_id": f"{self.here.cluster}:{disk.disk_id}",
            }
        )

    def fresh(self, wanted: PoolKey | None) -> Iterator[WaitingDisk]:
        """The disks that find a datastore over there, where they use what they use here."""
        for one in self._unplaced:
            yield replace(one, disk=self._renamed(one.disk), wanted=wanted)
        for disk in self._leaving:
            there = self._renamed(disk).model_copy(update={"datastore_id": None})
            yield WaitingDisk(there, wanted, self._use(disk))

    def _use(self, disk: Disk) -> float | None:
        store = self._world.store_of(disk)
        if store is None or self.view.key in self._world.born:
            return None if disk.capacity_bytes is None else float(disk.capacity_bytes)
        return _taken(self._base, store, disk, 1.0)

    def shifts(self, cpu_factor: float) -> Iterator[Shift]:
        """What the guest used leaves its cluster, with its growth, and comes to the other one."""
        is_born = self.view.key in self._world.born
        yield from self._born_shifts(cpu_factor) if is_born else self._shifts(cpu_factor)

    def _born_shifts(self, cpu_factor: float) -> Iterator[Shift]:
        there, here = key_of(self._target), ("cluster", self.here.cluster)
        for shift in self._world.shifts.get(name_of(self.here), ()):
            if shift.pool == here:
                factor = cpu_factor if shift.resource == "cpu" else 1.0
                yield replace(shift, pool=there, amount=_product(shift.amount, factor))
            elif not self._leaving:
                yield shift

    def _shifts(self, cpu_factor: float) -> Iterator[Shift]:
        for disk in self._leaving:
            if (store := self._world.store_of(disk)) is not None:
                yield Shift(store, "storage", "demand", _taken(self._base, store, disk, -1.0))
        if not _is_loaded(self._base, self.view):
            return
        there, here = key_of(self._target), ("cluster", self.here.cluster)
        old = self._base.estate.guest_of[self.view.key].guest
        for resource, size, factor in _used(old, cpu_factor):
            used = _product(size, self._base.used_share(here, resource))
            yield Shift(here, resource, "demand", _product(used, -1.0), here)
            yield Shift(there, resource, "demand", _product(used, factor), here)


def _used(guest: Guest, cpu_factor: float) -> Iterator[tuple[Resource, float | None, float]]:
    yield "cpu", guest.vcpus, cpu_factor
    yield "memory", guest.memory_bytes, 1.0


def _facts_moved(world: World, moves: Iterable[_Move]) -> World:
    by_name = {name_of(move.here): move for move in moves}
    keys = {move.view.key for move in by_name.values()}
    kept = {name: disk for move in by_name.values() for name, disk in move.kept.items()}
    guests = [
        replace(fact, record=by_name[name].there)
        if (name := name_of(fact.record)) in by_name
        else fact
        for fact in world.facts(Guest)
    ]
    disks = [
        replace(fact, record=kept.get(name_of(fact.record), fact.record))
        for fact in world.facts(Disk)
        if _key(fact.record) not in keys or name_of(fact.record) in kept
    ]
    return world.with_facts(Guest, guests).with_facts(Disk, disks)


# Demand without guests


def _growth(world: World, base: Base, what: Growth, when: date) -> World:
    if what.pool is not None:
        pool_called(base.answers, what.pool, None, "pool")
    return replace(world, growths=(*world.growths, (when, what)))


def _demand(world: World, base: Base, what: Demand, when: date) -> World:
    pool = pool_called(base.answers, what.pool, None, "pool").pool
    return world.shifting({_unnamed(world): _in_one_piece(pool, what)})


def _in_one_piece(pool: Pool, what: Demand) -> Iterator[Shift]:
    """The demand's shifts in both models. Raises ScenarioError for what the pool has not."""
    key = key_of(pool)
    if pool.kind == "datastore":
        for name in ("memory_gib", "cpu_cores", "vcpus"):
            if getattr(what, name):
                raise ScenarioError(f"{pool.name} is a datastore and has no {name}", name)
        for model in MODELS:
            yield Shift(key, "storage", model, what.storage_gib * GIB)
        return
    if what.storage_gib:
        raise ScenarioError(f"{pool.name} is a cluster; name a datastore", "storage_gib")
    yield Shift(key, "cpu", "demand", what.cpu_cores)
    yield Shift(key, "cpu", "allocation", what.vcpus)
    for model in MODELS:
        yield Shift(key, "memory", model, what.memory_gib * GIB)


def _unnamed(world: World) -> str:
    number = sum(name.startswith(_IN_ONE_PIECE) for name in world.shifts)
    return f"{_IN_ONE_PIECE}{number}"


def _cameras(world: World, base: Base, what: Cameras, when: date) -> World:
    pool = pool_called(base.answers, what.pool, "datastore", "pool").pool
    piece = Demand(pool=pool.name, storage_gib=what.kept_gib)
    return world.shifting({_unnamed(world): _in_one_piece(pool, piece)})


def _reclaim(world: World, base: Base, what: Reclaim, when: date) -> World:
    pool = pool_called(base.answers, what.pool, None, "pool").pool
    if not what.is_stated:
        found = _reclaimable(base, pool)
        note = f"of what lumbung reclaim finds in {pool.name}, half counts"
        return world.shifting({_unnamed(world): found}).noting(note)
    piece = Demand(
        pool=pool.name,
        vcpus=-_RECLAIM_COUNTS * what.vcpus,
        memory_gib=-_RECLAIM_COUNTS * what.memory_gib,
        storage_gib=-_RECLAIM_COUNTS * what.storage_gib,
    )
    note = f"of what {pool.name} could give back, half counts"
    return world.shifting({_unnamed(world): _in_one_piece(pool, piece)}).noting(note)


def _reclaimable(base: Base, pool: Pool) -> Iterator[Shift]:
    """What the pool's guests could give back, as far as it is known and counts."""
    for answer in base.by_pool[key_of(pool)].answers:
        resource, model = answer.question.resource, answer.question.model
        amount = with_reclaim(base.estate, base.efficiency, pool, resource, model)
        yield Shift(key_of(pool), resource, model, -amount)


_VERBS: Mapping[str, Callable[[World, Base, Any, date], World]] = {
    "add": _add,
    "service": _service,
    "remove": _remove,
    "resize": _resize,
    "retire": _retire,
    "add_hosts": _add_hosts,
    "add_storage": _add_storage,
    "migrate": _migrate,
    "growth": _growth,
    "demand": _demand,
    "cameras": _cameras,
    "reclaim": _reclaim,
}
