"""What sources could not show of a place: guests that nobody listed, disks that nobody saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inventory.facts import Fact
from inventory.records import Datastore, Disk, Guest, Host
from planner.estate import Estate

_Place = tuple[str, str | None]  # a cluster and a host of it


@dataclass(frozen=True, slots=True)
class Unseen:
    """What may be in a place beside what is known of it.

    ``guests`` are so many whose disks nobody saw; ``why`` tells why nobody knows how many more
    there may be, "" where every guest was listed.
    """

    why: str = ""
    guests: int = 0

    @property
    def is_nothing(self) -> bool:
        return not self.why and not self.guests


def guests_unseen(estate: Estate, cluster: str) -> str:
    """Why a cluster may have guests that nobody listed; "" where all were."""
    sources = {fact.source for fact in estate.hosts_in(cluster)}
    sources |= {view.fact.source for view in estate.guests_in(cluster)}
    return _hidden(estate, sources, (Guest.kind_name,))


def disks_unseen(estate: Estate, fact: Fact[Datastore]) -> Unseen:
    """What of the guests that reach a datastore was not seen; the disks of a guest on a host that
    does not reach it cannot lie there."""
    clusters = {cluster for cluster, _datastore_id in estate.places_of(fact)}
    hosts = [one for name in clusters for one in estate.hosts_in(name) if _reaches(one, fact)]
    sources = {one.source for one in hosts} or {fact.source}
    near = {(one.record.cluster, one.record.host_id) for one in hosts}
    return Unseen(
        why=_hidden(estate, sources, (Guest.kind_name, Disk.kind_name)),
        guests=sum(
            count
            for (cluster, host), count in estate.once(_without_disks).items()
            if (cluster, host) in near or (host is None and cluster in clusters)
        ),
    )


def _reaches(host: Fact[Host], fact: Fact[Datastore]) -> bool:
    """Whether a host has a datastore; of one that names no hosts each may have it."""
    named = fact.record.hosts
    return not named or host.record.host_id in named or host.record.name in named


def _hidden(estate: Estate, sources: Iterable[str], kinds: Iterable[str]) -> str:
    """Why facts of some kinds may exist that none of these sources showed."""
    gaps = (
        (source, gap)
        for source in sorted(sources)
        for kind in kinds
        if (gap := estate.gap(source, kind)) is not None
    )
    return next((f"{source} did not show all: {gap}" for source, gap in gaps), "")


def _without_disks(estate: Estate) -> Mapping[_Place, int]:
    """By cluster and host how many guests are there of whose disks nothing was seen."""
    found: dict[_Place, int] = Counter()
    for view in estate.guests:
        guest = view.guest
        if estate.disks_of(guest) or not estate.gap(view.fact.source, Disk.kind_name, guest.scope):
            continue
        found[guest.cluster, guest.host_id] += 1
    return found
