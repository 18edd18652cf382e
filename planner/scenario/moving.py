"""A cluster whose guests move to another, with their disks and with what they use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date

from inventory.records import Disk, Guest
from planner.guest_views import GuestView
from planner.policy import Resource
from planner.pools import Pool
from planner.scenario.changes import MigrateCluster
from planner.scenario.guests import (
    guest_key,
    is_loaded,
    product,
    store_asked_for,
    taken_on,
)
from planner.scenario.names import ScenarioError, pool_called
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


def migrate_cluster(world: World, base: Base, what: MigrateCluster, when: date) -> World:
    """The world with all guests of a cluster in another one."""
    source = pool_called(base.answers, what.leaving, "cluster", "leaving").pool
    target = pool_called(base.answers, what.arriving, "cluster", "arriving").pool
    if source.name == target.name:
        raise ScenarioError(f"{source.name} cannot move to itself", "arriving")
    store = store_asked_for(base, target.cluster, what.storage)
    moves = [_Move(world, base, v, target) for v in world.estate.guests_in(source.cluster)]
    shifts: dict[str, Iterable[Shift]] = {name_of(move.here): () for move in moves}
    shifts |= {name_of(move.there): list(move.shifts(what.cpu_factor)) for move in moves}
    born = {move.key for move in moves if move.view.key in world.born}
    homeless = {move.key for move in moves if move.needs_host}
    gone = frozenset(move.view.key for move in moves)
    waiting = tuple(one for one in world.waiting if guest_key(one.disk) not in gone)
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
        self.key = guest_key(self.there)
        self.kept: dict[str, Disk] = {}  # the target's hosts see them already
        self._unplaced = [one for one in world.waiting if guest_key(one.disk) == view.key]
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
        return taken_on(self._base, store, disk, 1.0)

    def shifts(self, cpu_factor: float) -> Iterator[Shift]:
        """What the guest used leaves its cluster, with its growth, and comes to the other one."""
        is_born = self.view.key in self._world.born
        yield from self._born_shifts(cpu_factor) if is_born else self._shifts(cpu_factor)

    def _born_shifts(self, cpu_factor: float) -> Iterator[Shift]:
        there, here = key_of(self._target), ("cluster", self.here.cluster)
        for shift in self._world.shifts.get(name_of(self.here), ()):
            if shift.pool == here:
                factor = cpu_factor if shift.resource == "cpu" else 1.0
                yield replace(shift, pool=there, amount=product(shift.amount, factor))
            elif not self._leaving:
                yield shift

    def _shifts(self, cpu_factor: float) -> Iterator[Shift]:
        for disk in self._leaving:
            if (store := self._world.store_of(disk)) is not None:
                yield Shift(store, "storage", "demand", taken_on(self._base, store, disk, -1.0))
        if not is_loaded(self._base, self.view):
            return
        there, here = key_of(self._target), ("cluster", self.here.cluster)
        old = self._base.estate.guest_of[self.view.key].guest
        for resource, size, factor in _used(old, cpu_factor):
            used = product(size, self._base.used_share(here, resource))
            yield Shift(here, resource, "demand", product(used, -1.0), here)
            yield Shift(there, resource, "demand", product(used, factor), here)


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
        if guest_key(fact.record) not in keys or name_of(fact.record) in kept
    ]
    return world.with_facts(Guest, guests).with_facts(Disk, disks)
