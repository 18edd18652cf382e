"""What a pool's hosts can carry, and what its guests need: the packing's bins and loads."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from inventory.platform_records import HaResource, HaRule, Replication
from inventory.records import Disk, Guest, Host
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.owners import HostPlace
from planner.pins import Pins
from planner.placement.fit import HostsNeeded, hosts_needed
from planner.placement.packing import Bin, Load
from planner.policy import Policy
from planner.pools import Pool
from planner.usable import host_share

_RANK_UNKNOWN = 5  # after the least critical: criticality goes from 1 to 4


def planned_hosts(pool: Pool) -> tuple[Host, ...]:
    """The hosts that count for planning: in service, in maintenance or offline."""
    return tuple(fact.record for fact in pool.hosts if fact.record.status != "retired")


def host_labels(pool: Pool) -> dict[str, str]:
    """What people call each host, by its id: its name, where no other has the same."""
    hosts = [fact.record for fact in pool.hosts]
    names = Counter(host.name for host in hosts)
    return {h.host_id: h.name if names[h.name] == 1 else h.host_id for h in hosts}


def bins_of(pool: Pool, policy: Policy) -> tuple[Bin, ...]:
    """The live hosts whose size is known, by their labels, with what they can carry in all."""
    labels = host_labels(pool)
    return tuple(
        Bin(
            name=labels[host.host_id],
            memory_bytes=memory,
            vcpus=policy.overcommit.cpu * cores,
            cpu_cores=host.cpu_cores or 0.0,
        )
        for host in planned_hosts(pool)
        if host.status == "in_service"
        and (memory := host_share(host, "memory", policy).effective) is not None
        and (cores := host_share(host, "cpu", policy).effective) is not None
    )


def loads_of(estate: Estate, pool: Pool) -> tuple[Load, ...]:
    """The pool's guests that are powered on, or may be, and are no templates; by their labels."""
    ties = Ties(estate, pool)
    return tuple(
        ties.load(view)
        for view in estate.guests_in(pool.cluster)
        if view.is_powered_on is not False and view.guest.template is not True
    )


@dataclass(frozen=True, slots=True)
class Needed:
    """How many hosts like one of a pool's would carry its guests, and how many live ones it has."""

    like: str
    has: int
    hosts: HostsNeeded

    def __str__(self) -> str:
        bound, found, gap = self.hosts.lower_bound, self.hosts.found, self.hosts.gap_percent
        if found is None:
            return f"a guest is larger than {self.like}, its largest host"
        return (
            f"hosts like {self.like} that its guests need, none kept free: at least {bound}, "
            f"packed into {found} (gap {gap or 0.0:.1f} %); it has {self.has}"
        )


def needed_in(estate: Estate, pool: Pool) -> Needed | None:
    """As if all hosts were like the largest; None without hosts or guests of known size."""
    bins, loads = bins_of(pool, estate.policy), loads_of(estate, pool)
    if not bins or not loads or not all(load.is_known for load in loads):
        return None
    like = max(bins, key=lambda one: (one.memory_bytes, one.vcpus))
    return Needed(like.name, len(bins), hosts_needed(loads, like))


def pins_of(pool: Pool, policy: Policy) -> Pins:
    """The CPUs that guests may be pinned to, of the hosts that count for planning."""
    labels = host_labels(pool)
    hosts = {labels[host.host_id]: host for host in planned_hosts(pool)}
    return Pins(hosts, exclusive=policy.failover.exclusive_pins)


def place_of(estate: Estate, host: Host) -> HostPlace:
    """Where the owners' file says that a host stands."""
    entries = estate.owners.hosts
    return entries.get(f"{host.cluster}/{host.name}") or entries.get(host.name) or HostPlace()


def domains_of(estate: Estate, pool: Pool) -> Mapping[str, frozenset[str]]:
    """The racks, rooms and sites that hosts of the pool stand in, with those hosts' labels."""
    members: dict[str, set[str]] = defaultdict(set)
    labels = host_labels(pool)
    for host in planned_hosts(pool):
        for name in _domain_names(place_of(estate, host)):
            members[name].add(labels[host.host_id])
    return {name: frozenset(hosts) for name, hosts in members.items()}


def _domain_names(place: HostPlace) -> Iterator[str]:
    """A rack is named with its room and site: two sites may both have a first rack."""
    above: list[str] = []
    for kind, name in (("site", place.site), ("room", place.room), ("rack", place.rack)):
        if name is not None:
            above.append(f"{kind} {name}")
            yield ", ".join(reversed(above))


_MAPPED = "mapping:"  # before the name of devices that several hosts may have
_EVERYWHERE = ("/dev/net/tun", "/dev/fuse", "/dev/kvm", "/dev/ppp")  # of the kernel, not of a card


@dataclass(frozen=True, slots=True)
class _Reach:
    """Where something lets a guest run. ``only_on`` None: anywhere."""

    only_on: frozenset[str] | None = None
    tie: str = ""
    doubt: str = ""


class Ties:
    """What ties the guests of one pool to some of its hosts, or keeps them apart."""

    def __init__(self, estate: Estate, pool: Pool) -> None:
        self._estate = estate
        self._pool = pool
        self._labels = host_labels(pool)
        self._pinned = pins_of(pool, estate.policy)

    def load(self, view: GuestView) -> Load:
        """The guest as the packing sees it."""
        guest = view.guest
        pinned = self._pinned.of(guest.pinned_cpus or (), self._label(guest))
        reaches = [*self._reaches(guest), _Reach(pinned.only_on, pinned.tie, pinned.doubt)]
        sets = [reach.only_on for reach in reaches if reach.only_on is not None]
        return Load(
            name=view.label,
            host=self._label(guest),
            memory_bytes=guest.memory_bytes,
            vcpus=guest.vcpus,
            only_on=frozenset.intersection(*sets) if sets else None,
            apart=pinned.apart.union(self._apart.get(guest.guest_id, ())),
            together=frozenset(self._together.get(guest.guest_id, ())),
            rank=view.criticality or _RANK_UNKNOWN,
            tie="; ".join(dict.fromkeys(reach.tie for reach in reaches if reach.tie)),
            doubt=next((reach.doubt for reach in reaches if reach.doubt), ""),
            is_on=view.is_powered_on,
            by_hand=self._by_hand(view),
        )

    def _reaches(self, guest: Guest) -> Iterator[_Reach]:
        home = frozenset({label} if (label := self._label(guest)) else ())
        yield from self._devices(guest, home)
        for disk in self._estate.disks_of(guest):
            if disk.purpose != "unused":
                yield self._reach_of(disk, guest, home)
        for rule in self._pins.get(guest.guest_id, ()):
            hosts = self._labelled(rule.hosts or ())
            if rule.strict is None:
                yield _Reach(doubt=f"may be bound to some hosts: is {rule.rule_id} strict?")
            elif rule.strict:
                yield _Reach(hosts, f"may run on {_listed(hosts)} alone (rule {rule.rule_id})")

    def _devices(self, guest: Guest, home: frozenset[str]) -> Iterator[_Reach]:
        """A device is its host's own, but for those that every host has or that were mapped."""
        named = [(one, one.rpartition(" ")[2]) for one in guest.passthrough or ()]
        own = [one for one, device in named if not device.startswith((_MAPPED, *_EVERYWHERE))]
        if own:
            yield _Reach(home, f"uses {', '.join(own)} of {_listed(home)}")
        for _one, device in named:
            if device.startswith(_MAPPED):
                name = device.removeprefix(_MAPPED)
                yield _Reach(doubt=f"uses the mapped device {name}: which hosts have it?")

    def _reach_of(self, disk: Disk, guest: Guest, home: frozenset[str]) -> _Reach:
        """From which hosts a disk can be reached: a copy on another host counts."""
        if disk.host_device:
            return _Reach(home, f"has {disk.host_device} of {_listed(home)} handed through")
        store = self._estate.datastore(guest.cluster, disk.datastore_id)
        if store is None or store.shared is None:
            name = disk.datastore_id or "no known datastore"
            return _Reach(doubt=f"has a disk on {name}: do other hosts see it?")
        seen_by = self._labelled(store.hosts or ())
        if store.shared:
            if not seen_by or seen_by >= set(self._labels.values()):
                return _Reach()
            return _Reach(seen_by, f"has a disk on {store.name}, seen by {_listed(seen_by)}")
        copies = self._copies.get(guest.guest_id, frozenset()) if disk.replicated else frozenset()
        where = (seen_by or home) | copies
        return _Reach(where, f"has a disk on {store.name}, local to {_listed(where)}")

    def _by_hand(self, view: GuestView) -> bool | None:
        """Whether nothing restarts the guest but a person; None where HA could not be seen."""
        if view.guest.guest_id in self._restarted:
            return False
        gap = self._estate.gap(view.fact.source, HaResource.kind_name)
        return None if gap is not None else True

    def _label(self, guest: Guest) -> str | None:
        return None if guest.host_id is None else self._labels.get(guest.host_id, guest.host_id)

    def _labelled(self, names: Iterable[str]) -> frozenset[str]:
        """Hosts by their labels; the platform names them by name or by id."""
        return frozenset(self._labels.get(name, name) for name in names)

    @cached_property
    def _rules(self) -> tuple[HaRule, ...]:
        rules = self._estate.facts.records(HaRule)
        return tuple(
            rule
            for rule in rules
            if rule.cluster == self._pool.cluster and rule.enabled is not False
        )

    @cached_property
    def _pins(self) -> Mapping[str, list[HaRule]]:
        pins: dict[str, list[HaRule]] = defaultdict(list)
        for rule in self._rules:
            if rule.kind in ("group", "node-affinity"):
                for guest_id in rule.guest_ids or ():
                    pins[guest_id].append(rule)
        return pins

    @cached_property
    def _apart(self) -> Mapping[str, list[str]]:
        return self._bound_to_others("negative")

    @cached_property
    def _together(self) -> Mapping[str, list[str]]:
        return self._bound_to_others("positive")

    def _bound_to_others(self, affinity: str) -> Mapping[str, list[str]]:
        """By guest the rules that keep it apart from others, or together with them."""
        groups: dict[str, list[str]] = defaultdict(list)
        for rule in self._rules:
            if rule.kind == "resource-affinity" and rule.affinity == affinity:
                for guest_id in rule.guest_ids or ():
                    groups[guest_id].append(rule.rule_id)
        return groups

    @cached_property
    def _copies(self) -> Mapping[str, frozenset[str]]:
        """By guest the hosts that its disks are copied to."""
        targets: dict[str, set[str]] = defaultdict(set)
        for job in self._estate.facts.records(Replication):
            if job.cluster == self._pool.cluster and job.enabled is not False and job.target_host:
                targets[job.guest_id] |= self._labelled([job.target_host])
        return {guest_id: frozenset(hosts) for guest_id, hosts in targets.items()}

    @cached_property
    def _restarted(self) -> frozenset[str]:
        return frozenset(
            resource.guest_id
            for resource in self._estate.facts.records(HaResource)
            if resource.cluster == self._pool.cluster
            and resource.requested not in ("ignored", "disabled", "stopped")
        )


def _listed(hosts: Iterable[str]) -> str:
    return ", ".join(sorted(hosts)) or "no host"
