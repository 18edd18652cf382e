"""Guests that come, go or change their size in a scenario, and what they use or give back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from inventory.records import Disk, Guest
from planner.fitting import serves, stores_for_guests, why_no_guests
from planner.guest_views import GuestView
from planner.placement.fit import Profile
from planner.pools import GIB, Pool
from planner.scenario.changes import AddGuests, NewService, RemoveGuests, ResizeGuests
from planner.scenario.names import (
    ScenarioError,
    guests_called,
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

# Guests that come


def add_guests(world: World, base: Base, what: AddGuests, when: date) -> World:
    """The world with new guests that wait for a host, and their disks for a datastore."""
    return _added(world, base, what, service=None)


def add_service(world: World, base: Base, what: NewService, when: date) -> World:
    """The world with every part of a new service."""
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
    store = store_asked_for(base, pool.cluster, what.storage)
    guests = [
        _guest(name, pool, profile, _tags(what, service))
        for name in _new_names(world, pool.cluster, what.name or f"new-{profile.name}", what.count)
    ]
    world = world.adding(Guest, guests, source_of(pool))
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


def source_of(pool: Pool) -> str:
    """Which source would have told of what is new in a pool."""
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
        pinned_cpus=profile.pinned_cpus,
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


def store_asked_for(base: Base, cluster: str, name: str | None) -> PoolKey | None:
    """The datastore by its name; None where none is named. Raises ScenarioError."""
    if name is None:
        return None
    found = pool_called(base.answers, name, "datastore", "storage")
    store, there = found.pool, [a for a in base.answers if a.pool.kind == "datastore"]
    mine = [answer for answer in there if serves(base.estate, answer.pool, cluster)]
    if not serves(base.estate, store, cluster):
        raise ScenarioError(f"{store.name} does not serve the guests of {cluster}", "storage")
    if reason := why_no_guests(found):
        known = ", ".join(stores_for_guests(base.estate, mine)) or "none is known"
        raise ScenarioError(
            f"{store.name} holds no guests: {reason}; those of {cluster} that do: {known}",
            "storage",
        )
    return key_of(store)


# Guests that go, or change


def remove_guests(world: World, base: Base, what: RemoveGuests, when: date) -> World:
    """The world without the guests and their disks; what they used is given back."""
    views = guests_called(world.estate, what.match, "match")
    gone = frozenset(view.key for view in views)
    world = world.shifting(
        {name_of(view.guest): _all_given_back(world, base, view) for view in views}
    )
    guests = [fact for fact in world.facts(Guest) if guest_key(fact.record) not in gone]
    disks = [fact for fact in world.facts(Disk) if guest_key(fact.record) not in gone]
    waiting = tuple(one for one in world.waiting if guest_key(one.disk) not in gone)
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


def guest_key(record: Guest | Disk) -> GuestKey:
    """The guest that a record is, or belongs to."""
    return (record.cluster, record.guest_id)


def is_loaded(base: Base, view: GuestView) -> bool:
    """Whether what the guest uses is a part of what its cluster is measured to use."""
    counts = view.key not in base.estate.twins.uncounted
    return counts and view.guest.template is not True and view.is_powered_on is not False


def _given_back(base: Base, view: GuestView) -> Iterator[Shift]:
    """A guest's share of its cluster's demand, as of today; not known when its size is not."""
    guest = base.estate.guest_of[view.key].guest
    if not is_loaded(base, view):
        return
    pool = ("cluster", guest.cluster)
    busy, share = base.used_share(pool, "cpu"), base.used_share(pool, "memory")
    yield Shift(pool, "cpu", "demand", product(guest.vcpus, busy, -1.0))
    yield Shift(pool, "memory", "demand", product(guest.memory_bytes, _capped(share), -1.0))


def product(*factors: float | None) -> float | None:
    """The product; not known when one factor is not."""
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
            yield Shift(store, "storage", "demand", taken_on(base, store, disk, -1.0))


def taken_on(base: Base, store: PoolKey, disk: Disk, sign: float) -> float | None:
    """What a disk takes on its datastore; where only its size is known, a share of that."""
    if disk.allocated_bytes is not None:
        return sign * disk.allocated_bytes
    share = base.used_share(store, "storage")
    return product(disk.capacity_bytes, _capped(share), sign)


def resize_guests(world: World, base: Base, what: ResizeGuests, when: date) -> World:
    """The world with guests of another size, where they are."""
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
    elif is_loaded(base, view):
        yield from _difference(base, pool, base.estate.guest_of[view.key].guest, guest)


def _difference(base: Base, pool: Pool, old: Guest, new: Guest) -> Iterator[Shift]:
    """What a resized guest uses more, in full, or less: its share."""
    key, busy = key_of(pool), base.busy_cores_per_vcpu(pool.cluster)
    yield Shift(key, "cpu", "demand", product(_less(new.vcpus, old.vcpus), busy))
    more = _less(new.memory_bytes, old.memory_bytes)
    share = 1.0 if more is None or more > 0 else _capped(base.used_share(key, "memory"))
    yield Shift(key, "memory", "demand", 0.0 if more == 0 else product(more, share))


def _less(whole: float | None, part: float | None) -> float | None:
    """whole − part; 0 where both are not known, for then nothing changed."""
    if whole is None or part is None:
        return 0.0 if whole is part else None
    return whole - part


def _capped(share: float | None) -> float | None:
    return None if share is None else min(1.0, share)
