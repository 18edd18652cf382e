"""What a pool carries: what is allocated and used now, and what was in the past."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from inventory.facts import Fact
from inventory.holdings import GuestUse
from inventory.records import Datastore, Guest
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.numbers import as_float
from planner.past import Past
from planner.policy import Model, Resource
from planner.pools import Pool
from planner.quality import Reconciled, applying, mean_day, reconciled, without
from planner.series import DailySeries, demand_series, state_series
from planner.unseen import Unseen, disks_unseen, guests_unseen

RECONCILED_DAYS = 7


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


def loads_by_model(
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
    return guest.vcpus if resource == "cpu" else as_float(guest.memory_bytes)


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
        (as_float(disk.capacity_bytes) for disk in disks),
        whole=unseen.is_nothing,
    )
    used = as_float(record.used_bytes)
    return Load(
        series=series,
        allocated=allocated,
        allocated_all=allocated,
        unknown_parts=sum(1 for disk in disks if disk.capacity_bytes is None) + unseen.guests,
        today=used if series.last is None else None,
        used_now=used,
        reconciled=reconciled(
            used, [*(as_float(disk.allocated_bytes) for disk in disks), *[None] * unseen.guests]
        ),
        unseen=unseen.why,
    )
