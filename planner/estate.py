"""Everything known at one date, owners and classification joined in, as the planner reads it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, TypeVar

from inventory.changes import Change
from inventory.facts import Fact, Facts
from inventory.records import (
    Backup,
    BackupJob,
    Coverage,
    Datastore,
    Disk,
    Guest,
    GuestSnapshot,
    Host,
    Nic,
    Record,
)
from inventory.sources import SourceState
from planner.backups import Cover, cover, target_of
from planner.coverage import CoverageIndex
from planner.eol import EndOfLifeData, shipped
from planner.forecast.calendar import NO_CALENDAR, Calendar
from planner.guest_views import GuestView, Join, ServiceView
from planner.owners import EstateFile, StorageEntry
from planner.policy import Policy
from planner.twins import VMWARE, GuestKey, Twins, twins_of

R = TypeVar("R", bound=Record)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """What the program knows of itself: its own hygiene is judged like everything else."""

    is_remote: bool = False  # the inventory is on a database server
    runs_as_root: bool | None = None
    unverified_tls: tuple[str, ...] = ()  # sources whose server is not verified
    unencrypted: tuple[str, ...] = ()  # sources read over a line in clear
    open_secrets: tuple[str, ...] = ()  # PATH (MODE) of secrets that others may read
    open_files: tuple[str, ...] = ()  # PATH (MODE) of inventory and reports that everyone may read
    open_exports: tuple[str, ...] = ()  # the same of other folders that were published into
    oldest_account_at: datetime | None = None  # when the oldest kept fact of an account ended
    root_tokens: tuple[str, ...] = ()  # sources that are read with a token of root
    tokens: Mapping[str, str] = field(default_factory=dict)  # by source, the token it is read with


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """A source, and whether what it says is too old to decide on."""

    state: SourceState
    poll_minutes: int
    age_minutes: float | None
    stale: bool
    configured: bool = True


_NO_COVER = Cover()


@dataclass(frozen=True, slots=True)
class Platform:
    """A cluster as the source that tells of it configures it."""

    cluster: str
    source: str


@dataclass(frozen=True)
class Estate:
    """Facts at one instant, joined; look things up, don't search."""

    as_of: date
    at: datetime
    facts: Facts
    policy: Policy
    owners: EstateFile = field(default_factory=EstateFile)
    sources: tuple[SourceHealth, ...] = ()
    site: str = ""
    tool: ToolFacts = field(default_factory=ToolFacts)
    eol: EndOfLifeData = field(default_factory=shipped)
    calendar: Calendar = NO_CALENDAR
    changes: tuple[Change, ...] = ()  # of the last days, oldest first
    made_from: Mapping[str, str] = field(default_factory=dict)  # SHA-256 of the files beside them

    @cached_property
    def guests(self) -> tuple[GuestView, ...]:
        join = Join(self.owners, self.as_of)
        return tuple(join.view(fact) for fact in self.facts.of(Guest))

    @cached_property
    def hosts(self) -> tuple[Fact[Host], ...]:
        return self.facts.of(Host)

    @cached_property
    def datastores(self) -> tuple[Fact[Datastore], ...]:
        return self.facts.of(Datastore)

    @cached_property
    def clusters(self) -> tuple[str, ...]:
        return tuple(sorted({fact.record.cluster for fact in self.hosts}))

    @cached_property
    def guest_of(self) -> Mapping[GuestKey, GuestView]:
        return {view.key: view for view in self.guests}

    @cached_property
    def platforms(self) -> tuple[Platform, ...]:
        """Each cluster once, with the first source that shows hosts of it."""
        first: dict[str, str] = {}
        for fact in self.hosts:
            first.setdefault(fact.record.cluster, fact.source)
        return tuple(Platform(cluster, source) for cluster, source in sorted(first.items()))

    @cached_property
    def services(self) -> tuple[ServiceView, ...]:
        """The services of the owners' file, with their guests."""
        return tuple(
            ServiceView(name, entry, self.members_of(name))
            for name, entry in sorted(self.owners.services.items())
        )

    @cached_property
    def processings(self) -> tuple[ServiceView | GuestView, ...]:
        """What processes data: the services of the owners' file, and each guest in none of them."""
        alone = (view for view in self.guests if view.service_entry is None)
        return (*self.services, *alone)

    def members_of(self, service: str | None) -> tuple[GuestView, ...]:
        """The guests of a service, also of one that only tags name."""
        return self._members.get(service, ())

    @cached_property
    def _members(self) -> Mapping[str | None, tuple[GuestView, ...]]:
        return _grouped((v for v in self.guests if v.service), lambda view: view.service)

    def guests_in(self, cluster: str) -> tuple[GuestView, ...]:
        """The guests that count there: of one that exists on both sides of a move, one side."""
        return self._guests_by_cluster.get(cluster, ())

    def resource_pools(self, cluster: str) -> Mapping[str, tuple[GuestView, ...]]:
        """By the name of a resource pool its guests; who is in none is in none of these."""
        return self._pools_by_cluster.get(cluster, {})

    def running_in(self, cluster: str) -> frozenset[str]:
        """The labels of the cluster's guests that are powered on."""
        return self._running_by_cluster.get(cluster, frozenset())

    def counted_elsewhere(self, cluster: str) -> int:
        """How many guests of a cluster count where they are moving to or from."""
        return sum(1 for where, _guest_id in self.twins.uncounted if where == cluster)

    @cached_property
    def vmware_sources(self) -> frozenset[str]:
        return frozenset(h.state.name for h in self.sources if h.state.platform == VMWARE)

    @cached_property
    def twins(self) -> Twins:
        """The guests that exist twice while they move."""
        return twins_of(self.facts.of(Guest), self.owners.migration, self.vmware_sources)

    def hosts_in(self, cluster: str) -> tuple[Fact[Host], ...]:
        return self._hosts_by_cluster.get(cluster, ())

    def host_name(self, guest: Guest) -> str | None:
        """What the guest's host is called; its id where no host is known by it."""
        return self._host_names.get((guest.cluster, guest.host_id), guest.host_id)

    def disks_of(self, guest: Guest) -> tuple[Disk, ...]:
        return self._disks_by_guest.get((guest.cluster, guest.guest_id), ())

    def nics_of(self, guest: Guest) -> tuple[Nic, ...]:
        return self._nics_by_guest.get((guest.cluster, guest.guest_id), ())

    def snapshots_of(self, guest: Guest) -> tuple[GuestSnapshot, ...]:
        return self._snapshots_by_guest.get((guest.cluster, guest.guest_id), ())

    def backups_of(self, guest: Guest) -> tuple[Backup, ...]:
        return self._backups_by_guest.get((guest.cluster, guest.guest_id), ())

    def jobs_in(self, cluster: str) -> tuple[BackupJob, ...]:
        return self._jobs_by_cluster.get(cluster, ())

    def cover_of(self, guest: Guest) -> Cover:
        """What a run of the backup jobs would do for a guest."""
        return self._covers.get((guest.cluster, guest.guest_id), _NO_COVER)

    def target_of(self, job: BackupJob, guest: Guest) -> Datastore | None:
        """The datastore that a job backs a guest up to; None when it was not seen."""
        return target_of(job, guest, self._stores_in.get(guest.cluster, {}))

    def users_of(self, disk: Disk) -> tuple[Disk, ...]:
        """Every disk of a cluster that is the same volume, itself among them."""
        return self._disks_by_volume.get((disk.cluster, disk.datastore_id, disk.volume), ())

    def datastore(self, cluster: str, datastore_id: str | None) -> Datastore | None:
        return self._datastore_by_id.get((cluster, datastore_id))

    def places_of(self, fact: Fact[Datastore]) -> frozenset[tuple[str, str]]:
        """The (cluster, datastore id) by which disks name a datastore.

        One that hosts of several clusters see serves the guests of all of them.
        """
        return self._places.get(fact.record.cluster, {}).get(fact.record.datastore_id, frozenset())

    def disks_on(self, fact: Fact[Datastore]) -> tuple[Disk, ...]:
        """All disks that lie on a datastore, of whatever cluster."""
        by_place = self._grouped_by(Disk, "datastore_id")
        return tuple(d for place in sorted(self.places_of(fact)) for d in by_place.get(place, ()))

    def in_cluster(self, kind: type[R], cluster: str) -> tuple[R, ...]:
        """The facts of a kind in a cluster."""
        return self._grouped_by(kind, "cluster").get((cluster, None), ())

    def on_host(self, kind: type[R], cluster: str, host_id: str | None) -> tuple[R, ...]:
        """The facts of a kind (it has a ``host_id``) on a host."""
        return self._grouped_by(kind, "host_id").get((cluster, host_id), ())

    def on_datastore(self, kind: type[R], store: Datastore) -> tuple[R, ...]:
        """The facts of a kind (it has a ``datastore_id``) on a datastore of their cluster."""
        return self._grouped_by(kind, "datastore_id").get((store.cluster, store.datastore_id), ())

    def for_guest(self, kind: type[R], guest: Guest) -> tuple[R, ...]:
        """The facts of a kind (it has a ``guest_id``) that are about a guest."""
        return self._grouped_by(kind, "guest_id").get((guest.cluster, guest.guest_id), ())

    def facts_in(self, kind: type[R], place: tuple[str, str]) -> tuple[R, ...]:
        """The facts of a kind that name a datastore by this cluster and id; see places_of."""
        return self._grouped_by(kind, "datastore_id").get(place, ())

    def fact_of(self, record: R) -> Fact[R]:
        """The fact that a record is: who told it, and since when it is known to be so."""
        index = self._facts_by_name.get(type(record))
        if index is None:
            facts = self.facts.of(type(record))
            index = self._facts_by_name[type(record)] = {_name_of(f.record): f for f in facts}
        return index[_name_of(record)]

    @cached_property
    def _facts_by_name(self) -> dict[type[Record], dict[tuple[Any, str], Fact[Any]]]:
        """Filled as it is asked for."""
        return {}

    def _grouped_by(self, kind: type[R], part: str) -> Mapping[Any, tuple[R, ...]]:
        index = self._indices.get((kind, part))
        if index is None:
            narrower = None if part == "cluster" else part
            index = self._indices[kind, part] = _grouped(
                self.facts.records(kind),
                lambda fact: (fact.cluster, getattr(fact, narrower) if narrower else None),
            )
        return index

    @cached_property
    def _indices(self) -> dict[tuple[type[Record], str], Mapping[Any, tuple[Any, ...]]]:
        """Filled as they are asked for: many kinds of fact are read by one rule only."""
        return {}

    def once(self, make: Callable[[Estate], T]) -> T:
        """What ``make`` makes of this estate, made the first time that it is asked for."""
        if make not in self._made:
            self._made[make] = make(self)
        found: T = self._made[make]
        return found

    @cached_property
    def _made(self) -> dict[Callable[[Estate], Any], Any]:
        return {}

    def declared(self, datastore: Datastore) -> StorageEntry | None:
        """What the owners' file says of a datastore, by id or name."""
        storages = self.owners.storages
        return storages.get(datastore.datastore_id) or storages.get(datastore.name)

    def operator_of(self, cluster: str | None) -> str | None:
        """The agency that runs a cluster or, without one, the whole; None when nobody says."""
        entry = self.owners.pools.get(cluster) if cluster else None
        return (entry.agency if entry else None) or self.owners.organisation.operator

    def source_health(self, name: str) -> SourceHealth | None:
        return next((health for health in self.sources if health.state.name == name), None)

    def gap(self, source: str, kind: str, scope: str = "") -> Coverage | None:
        """Why facts of ``kind`` in ``scope`` of a source were not all seen; None when they were.

        A kind that the source has never covered at all is a gap too.
        """
        return self._coverage.gap(source, kind, scope)

    def saw_all(self, source: str, kind: str) -> bool:
        """Whether a source showed every fact of a kind, in every scope."""
        return self._coverage.saw_all(source, kind)

    def unseen_behind(self, store: Datastore, kind: str = "disk") -> str:
        """The hosts of a datastore with guests whose disks (or another kind) were not all seen;
        "" where there is none."""
        blind = self._blind_hosts(kind).get(store.cluster, frozenset())
        hosts = blind if store.hosts is None else blind & set(store.hosts)
        return ", ".join(sorted(hosts))

    def _blind_hosts(self, kind: str) -> Mapping[str, frozenset[str]]:
        found = self._blind.get(kind)
        if found is None:
            hosts: dict[str, set[str]] = defaultdict(set)
            for view in self.guests:
                if self.gap(view.fact.source, kind, view.guest.scope) is not None:
                    hosts[view.guest.cluster].add(view.guest.host_id or "an unknown host")
            found = self._blind[kind] = {name: frozenset(seen) for name, seen in hosts.items()}
        return found

    @cached_property
    def _blind(self) -> dict[str, Mapping[str, frozenset[str]]]:
        """Filled as it is asked for."""
        return {}

    @cached_property
    def _coverage(self) -> CoverageIndex:
        return CoverageIndex(health.state for health in self.sources)

    @cached_property
    def _guests_by_cluster(self) -> Mapping[str, tuple[GuestView, ...]]:
        counted = (view for view in self.guests if view.key not in self.twins.uncounted)
        return _grouped(counted, lambda view: view.guest.cluster)

    @cached_property
    def _pools_by_cluster(self) -> Mapping[str, Mapping[str, tuple[GuestView, ...]]]:
        return {
            cluster: _grouped((v for v in views if v.guest.resource_pool), _resource_pool)
            for cluster, views in self._guests_by_cluster.items()
        }

    @cached_property
    def _running_by_cluster(self) -> Mapping[str, frozenset[str]]:
        return {
            cluster: frozenset(view.label for view in views if view.is_powered_on)
            for cluster, views in self._guests_by_cluster.items()
        }

    @cached_property
    def _hosts_by_cluster(self) -> Mapping[str, tuple[Fact[Host], ...]]:
        return _grouped(self.hosts, lambda fact: fact.record.cluster)

    @cached_property
    def _host_names(self) -> Mapping[tuple[str, str | None], str]:
        return {(fact.record.cluster, fact.record.host_id): fact.record.name for fact in self.hosts}

    @cached_property
    def _disks_by_guest(self) -> Mapping[GuestKey, tuple[Disk, ...]]:
        return _grouped(self.facts.records(Disk), _guest_key)

    @cached_property
    def _nics_by_guest(self) -> Mapping[GuestKey, tuple[Nic, ...]]:
        return _grouped(self.facts.records(Nic), _guest_key)

    @cached_property
    def _snapshots_by_guest(self) -> Mapping[GuestKey, tuple[GuestSnapshot, ...]]:
        return _grouped(self.facts.records(GuestSnapshot), _guest_key)

    @cached_property
    def _backups_by_guest(self) -> Mapping[GuestKey, tuple[Backup, ...]]:
        return _grouped(self.facts.records(Backup), _guest_key)

    @cached_property
    def _jobs_by_cluster(self) -> Mapping[str, tuple[BackupJob, ...]]:
        return _grouped(self.facts.records(BackupJob), lambda job: job.cluster)

    @cached_property
    def _stores_in(self) -> Mapping[str, Mapping[str, Datastore]]:
        """By cluster, its datastores by their id."""
        stores: dict[str, dict[str, Datastore]] = defaultdict(dict)
        for store in self.facts.records(Datastore):
            stores[store.cluster][store.datastore_id] = store
        return stores

    @cached_property
    def _disks_by_volume(self) -> Mapping[Any, tuple[Disk, ...]]:
        named = (disk for disk in self.facts.records(Disk) if disk.volume)
        return _grouped(named, lambda disk: (disk.cluster, disk.datastore_id, disk.volume))

    @cached_property
    def _covers(self) -> Mapping[GuestKey, Cover]:
        return {
            view.key: cover(
                view.guest,
                self.disks_of(view.guest),
                self.jobs_in(view.guest.cluster),
                self._stores_in.get(view.guest.cluster, {}),
            )
            for view in self.guests
        }

    @cached_property
    def _datastore_by_id(self) -> Mapping[tuple[str, str | None], Datastore]:
        return {
            place: fact.record for fact in self.datastores for place in sorted(self.places_of(fact))
        }

    @cached_property
    def _places(self) -> Mapping[str, Mapping[str, frozenset[tuple[str, str]]]]:
        """By cluster and id of a datastore, every place it has."""
        clusters: dict[tuple[str, str], set[str]] = defaultdict(set)
        for host in self.hosts:
            clusters[host.source, host.record.host_id].add(host.record.cluster)
        own = {(fact.record.cluster, fact.record.datastore_id) for fact in self.datastores}
        places: dict[str, dict[str, frozenset[tuple[str, str]]]] = defaultdict(dict)
        for fact in self.datastores:
            store = fact.record
            seen = {c for name in store.hosts or () for c in clusters[fact.source, name]}
            others = {(c, store.datastore_id) for c in seen} - own
            places[store.cluster][store.datastore_id] = frozenset(
                {(store.cluster, store.datastore_id), *others}
            )
        return places


def _name_of(record: Any) -> tuple[Any, str]:
    return (record.cluster, record.subject)


def _guest_key(record: Any) -> GuestKey:
    return (record.cluster, record.guest_id)


def _resource_pool(view: GuestView) -> str | None:
    return view.guest.resource_pool


def _grouped(items: Iterable[Any], key: Any) -> dict[Any, tuple[Any, ...]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return {name: tuple(found) for name, found in groups.items()}
