"""What each change does to a world. Guests and disks find their places later (``settling``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from itertools import chain, count
from typing import Any

from inventory.facts import Fact
from inventory.records import Datastore, Host
from planner.efficiency.answer import with_reclaim, with_reclaim_of
from planner.pools import GIB, MODELS, Pool
from planner.scenario.changes import (
    AddHosts,
    AddStorage,
    Cameras,
    Change,
    Demand,
    Growth,
    Reclaim,
    RetireHost,
)
from planner.scenario.guests import (
    add_guests,
    add_service,
    remove_guests,
    resize_guests,
    source_of,
)
from planner.scenario.moving import migrate_cluster
from planner.scenario.names import ScenarioError, host_called, pool_called
from planner.scenario.world import Base, Shift, World, key_of, name_of

IN_ONE_PIECE = "demand "  # what the names of shifts begin with that no guest brings
_GIVEN_BACK = f"{IN_ONE_PIECE}given back "
_RECLAIM_COUNTS = 0.5  # of what could be given back (glossary 16)


def apply(world: World, base: Base, change: Change, when: date) -> World:
    """The world after a change. Raises ScenarioError, with the key that is wrong."""
    [(verb, what)] = change.verbs.items()
    try:
        return _VERBS[verb](world, base, what, when)
    except ScenarioError as error:
        raise error.below(verb) from error


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
    free = _free_names(world, what, like)
    hosts = [_host(next(free), pool.cluster, what, like) for _ in range(what.count)]
    stores = _seen_by_all(world, pool.cluster)
    world = world.adding(Host, hosts, source_of(pool))
    names = tuple(host.host_id for host in hosts)
    seen = {
        name_of(store): store.model_copy(update={"hosts": (*(store.hosts or ()), *names)})
        for store in stores
    }
    return world.with_records(Datastore, seen).noting(
        f"new hosts of {pool.name} see the datastores that all its hosts see"
    )


def _free_names(world: World, what: AddHosts, like: Host | None) -> Iterator[str]:
    """Names for new hosts that no other has: a single one has the name it was given."""
    stem = what.name or ("new-host" if like is None else f"new-{like.name}")
    alone = [stem] if what.name and what.count == 1 else []
    taken = {fact.record.host_id for fact in world.facts(Host)}
    numbered = (f"{stem}-{n}" for n in count(1))
    return (name for name in chain(alone, numbered) if name not in taken)


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
    number = sum(name.startswith(IN_ONE_PIECE) for name in world.shifts)
    return f"{IN_ONE_PIECE}{number}"


def _cameras(world: World, base: Base, what: Cameras, when: date) -> World:
    pool = pool_called(base.answers, what.pool, "datastore", "pool").pool
    piece = Demand(pool=pool.name, storage_gib=what.kept_gib)
    return world.shifting({_unnamed(world): _in_one_piece(pool, piece)})


def _reclaim(world: World, base: Base, what: Reclaim, when: date) -> World:
    pool = pool_called(base.answers, what.pool, None, "pool").pool
    if not what.is_stated:
        note = f"of what lumbung reclaim finds in {pool.name}, half counts"
        return world.shifting(_reclaimable(base, pool)).noting(note)
    piece = Demand(
        pool=pool.name,
        vcpus=-_RECLAIM_COUNTS * what.vcpus,
        memory_gib=-_RECLAIM_COUNTS * what.memory_gib,
        storage_gib=-_RECLAIM_COUNTS * what.storage_gib,
    )
    note = f"of what {pool.name} could give back, half counts"
    return world.shifting({_unnamed(world): _in_one_piece(pool, piece)}).noting(note)


def _reclaimable(base: Base, pool: Pool) -> dict[str, list[Shift]]:
    """What a pool's guests could give back, as far as it is known and counts.

    That of a cluster with what lies on datastores. The names are of what is given back: naming a
    cluster and its datastore gives nothing back twice.
    """
    estate, found = base.estate, base.efficiency
    shifts: dict[str, list[Shift]] = {}
    if pool.kind == "cluster":
        shifts[f"{_GIVEN_BACK}{pool.name}"] = [
            Shift(key_of(pool), one.resource, one.model, -amount)
            for one in (answer.question for answer in base.by_pool[key_of(pool)].answers)
            if (amount := with_reclaim(estate, found, pool, one.resource, one.model))
        ]
    stores = [answer.pool for answer in base.answers if answer.pool.kind == "datastore"]
    for store in stores if pool.kind == "cluster" else [pool]:
        for cluster in [pool.cluster] if pool.kind == "cluster" else _clusters_on(base, store):
            shifts[f"{_GIVEN_BACK}{cluster} {store.name}"] = [
                Shift(key_of(store), "storage", model, -amount)
                for model in MODELS
                if (amount := with_reclaim_of(estate, found, cluster, store, model))
            ]
    return shifts


def _clusters_on(base: Base, store: Pool) -> list[str]:
    """The clusters that see a datastore."""
    places = () if store.datastore is None else base.estate.places_of(store.datastore)
    return sorted({cluster for cluster, _datastore_id in places})


_VERBS: Mapping[str, Callable[[World, Base, Any, date], World]] = {
    "add": add_guests,
    "service": add_service,
    "remove": remove_guests,
    "resize": resize_guests,
    "retire": _retire,
    "add_hosts": _add_hosts,
    "add_storage": _add_storage,
    "migrate": migrate_cluster,
    "growth": _growth,
    "demand": _demand,
    "cameras": _cameras,
    "reclaim": _reclaim,
}
