"""Where a scenario's new and homeless guests run, and on which datastore their disks lie.

Guests are spread as even as the hosts' room allows, for that leaves room wherever a host is lost;
where spreading finds no place for all, or leaves a failure that a tighter packing would not, the
packing decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from inventory.records import Disk, Guest
from planner.answers import PoolAnswer
from planner.fitting import for_guests, serves
from planner.hosting import bins_of, host_labels, loads_of, planned_hosts
from planner.placement.failover import FailoverCase, failover_cases, overall
from planner.placement.packing import (
    WORST_FIRST,
    Bin,
    Load,
    Packing,
    Room,
    Verdict,
    pack_into,
)
from planner.placement.together import Bundles
from planner.policy import Policy
from planner.pools import Pool
from planner.scenario.world import (
    NOWHERE,
    Base,
    Placement,
    PoolKey,
    Shift,
    WaitingDisk,
    World,
    name_of,
    standing,
)
from planner.tiers import Limits
from planner.twins import GuestKey
from planner.usable import limits_of


def settled(world: World, base: Base, *, packed: bool = True) -> World:
    """The world with every waiting disk on a datastore and, if ``packed``, every homeless guest on
    a host."""
    if world.waiting:
        world = _disks_settled(world, base)
    if world.homeless and packed:
        world = _guests_settled(world)
    return world


# Disks


def _disks_settled(world: World, base: Base) -> World:
    """The largest disks first, each onto the datastore that has the most room then."""
    rooms: dict[str, dict[PoolKey, float]] = {}
    placed: list[Disk] = []
    shifts = {name: list(found) for name, found in world.shifts.items()}
    notes: list[str] = []
    for one in sorted(world.waiting, key=_largest_first):
        disk = one.disk
        if disk.cluster not in rooms:
            rooms[disk.cluster] = _rooms(world, base, disk.cluster)
        store = one.wanted or _roomiest(rooms[disk.cluster])
        if store is None:
            notes.append(
                f"no datastore for guests of {disk.cluster} is known: no storage is judged"
            )
            continue
        if store in rooms[disk.cluster]:
            rooms[disk.cluster][store] -= one.uses_bytes or 0.0
        placed.append(_on(world, disk, store))
        owner = f"{disk.cluster}/{disk.guest_id}"
        shifts.setdefault(owner, []).append(Shift(store, "storage", "demand", one.uses_bytes))
    source = next((fact.source for fact in world.estate.datastores), "")
    world = replace(world, waiting=(), shifts={n: tuple(s) for n, s in shifts.items()})
    return world.adding(Disk, placed, source).noting(*notes)


def _rooms(world: World, base: Base, cluster: str) -> dict[PoolKey, float]:
    """What the datastores for guests of a cluster have left, in the model that binds."""
    k = base.cluster(cluster).answers[0].question.capacity.k
    stores = [
        answer
        for answer in base.answers
        if answer.pool.kind == "datastore" and serves(base.estate, answer.pool, cluster)
    ]
    return {
        ("datastore", store.pool.name): _room(world, base, store)
        for store in for_guests(base.estate, stores, k=k)
    }


def _room(world: World, base: Base, store: PoolAnswer) -> float:
    """The least headroom; a datastore of which it is not known comes last."""
    rooms = [standing(world, base, answer).headroom for answer in store.answers]
    known = [room for room in rooms if room is not None]
    return min(known) if len(known) == len(rooms) else float("-inf")


def _largest_first(one: WaitingDisk) -> tuple[float, str]:
    return (-float(one.disk.capacity_bytes or 0), name_of(one.disk))


def _roomiest(rooms: Mapping[PoolKey, float]) -> PoolKey | None:
    return max(sorted(rooms), key=lambda key: rooms[key], default=None)


def _on(world: World, disk: Disk, store: PoolKey) -> Disk:
    """The disk on a datastore, by the id that the disk's cluster calls it."""
    ids = {place: key for place, key in world.store_at.items() if place[0] == disk.cluster}
    datastore_id = next(place[1] for place, key in sorted(ids.items()) if key == store)
    return disk.model_copy(update={"datastore_id": datastore_id})


# Guests


def _guests_settled(world: World) -> World:
    by_cluster: dict[str, set[GuestKey]] = defaultdict(set)
    for key in world.homeless:
        by_cluster[key[0]].add(key)
    hosts: dict[str, str] = {}
    placements = dict(world.placements)
    for cluster, keys in sorted(by_cluster.items()):
        found, where = _placed(world, cluster, keys)
        hosts |= where
        placements[cluster] = placements.get(cluster, Placement()).and_then(found)
    records = {
        name: fact.record.model_copy(update={"host_id": hosts[name]})
        for fact in world.facts(Guest)
        if (name := name_of(fact.record)) in hosts
    }
    world = replace(world, homeless=frozenset(), placements=placements)
    return world.with_records(Guest, records)


def _placed(
    world: World, cluster: str, keys: Iterable[GuestKey]
) -> tuple[Placement, dict[str, str]]:
    """The placement of a cluster's homeless guests, and each one's host id by its name."""
    pool, wanted = world.pools["cluster", cluster], set(keys)
    views = {v.label: v for v in world.estate.guests_in(cluster) if v.key in wanted}
    loads = loads_of(world.estate, pool)
    moving = [load for load in loads if load.name in views]
    staying = [load for load in loads if load.name not in views]
    limits = limits_of(world.estate, pool)
    found = place(bins_of(pool, limits.policy), moving, staying, pool, limits)
    ids = {label: host_id for host_id, label in host_labels(pool).items()}
    where = {name_of(views[guest].guest): ids[host] for guest, host in found.placed}
    where |= {name_of(views[guest].guest): NOWHERE for guest in found.unplaced}
    return found, where


def room_of(bins: Sequence[Bin], running: Sequence[Load], policy: Policy) -> Room:
    """What may still be promised on each host."""
    ratio = policy.overcommit.memory
    return Room.of([replace(one, memory_bytes=ratio * one.memory_bytes) for one in bins], running)


def place(
    bins: Sequence[Bin], moving: Sequence[Load], staying: Sequence[Load], pool: Pool, limits: Limits
) -> Placement:
    """Hosts for the loads that move, beside those that stay."""
    room = room_of(bins, staying, limits.policy)
    unsure = _unsure([*moving, *(load for load in staying if load.host in room.index)])
    best: tuple[tuple[int, int], Packing] | None = None
    bundles = Bundles.of(moving, staying)
    for packing in map(bundles.told_apart, _packings(room, bundles.loads)):
        cases = list(_failures(bins, moving, staying, packing, pool, limits))
        badness = (len(packing.unplaced), -WORST_FIRST.index(overall(cases)))
        if best is None or badness < best[0]:
            best = (badness, packing)
        if not packing.unplaced and overall(cases) in ("pass", "not_applicable"):
            break
    packing = best[1] if best is not None else Packing()
    verdict: Verdict = "unproven" if unsure else packing.verdict
    why = unsure or (packing.proof if packing.unplaced else "")
    return Placement(packing.placed, packing.unplaced, verdict, why)


def _unsure(loads: Sequence[Load]) -> str:
    """What is not known and a placement rests on."""
    sizes = sorted(load.name for load in loads if not load.is_known)
    doubt = next((f"{load.name} {load.doubt}" for load in loads if load.doubt), "")
    return f"size not known of {', '.join(sizes[:5])}" if sizes else doubt


def _packings(room: Room, moving: Sequence[Load]) -> Iterator[Packing]:
    """An even spread, then what packs best; the second also proves where there is no room."""
    spread = _spread(room, moving)
    if not spread.unplaced:
        yield spread
    yield pack_into(room, moving)


def _spread(room: Room, moving: Sequence[Load]) -> Packing:
    """Each load onto the host that has the largest share of its room left."""
    free = room.copy()
    whole_memory = np.maximum(room.memory, 1.0).max(initial=1.0)
    whole_vcpus = np.maximum(room.vcpus, 1.0).max(initial=1.0)
    placed, down = [], []
    for load in sorted(moving, key=lambda one: (-one.memory, -one.processors, one.name)):
        able = free.able(load)
        if not able.any():
            down.append(load.name)
            continue
        share = np.minimum(free.memory / whole_memory, free.vcpus / whole_vcpus)
        i = int(np.where(able, share, -np.inf).argmax())
        free.put(load, i)
        placed.append((load.name, free.names[i]))
    return Packing(tuple(placed), tuple(down))


def _failures(
    bins: Sequence[Bin],
    moving: Sequence[Load],
    staying: Sequence[Load],
    packing: Packing,
    pool: Pool,
    limits: Limits,
) -> Iterator[FailoverCase]:
    where = dict(packing.placed)
    loads = [*staying, *(replace(one, host=where.get(one.name, NOWHERE)) for one in moving)]
    hosts = planned_hosts(pool)
    k = max(1, limits.k_of(len(hosts))) if len(hosts) > 1 else 0
    yield from failover_cases(bins, loads, k=k, others=len(hosts) - len(bins))
