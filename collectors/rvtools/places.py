"""Who is where in a workbook: clusters by their shortest clear name, guests by what rows say of
them. Datacenters and vCenters come into a name only where it would mean two things without."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from collectors.rvtools.sheets import Row

_Place = tuple[str, str, str]  # vCenter, datacenter, cluster


def server_of(row: Row) -> str:
    """The vCenter a row is of; "" when the workbook does not say."""
    return row["VI SDK Server"] or row["VI SDK UUID"] or ""


@dataclass(frozen=True, slots=True)
class Clusters:
    """The clusters of a workbook. A host outside of any is a cluster of its own."""

    configured: str | None
    names: dict[_Place, str]
    hosts: dict[str, str]  # the cluster of each host
    datacenters: dict[str, str]  # the datacenter of each host

    @classmethod
    def of(cls, hosts: Sequence[Row], guests: Iterable[Row], configured: str | None) -> Clusters:
        named = {_place(row) for row in (*hosts, *guests) if row["Cluster"]}
        names = _shortest(sorted(named))
        return cls(
            configured=configured,
            names=names,
            hosts={
                row["Host"]: configured or names.get(_place(row)) or row["Host"] for row in hosts
            },
            datacenters={row["Host"]: row["Datacenter"] or "" for row in hosts},
        )

    def of_guest(self, row: Row, source: str) -> str:
        """By its host, else by what the row says; else the only one there is."""
        stated = self.hosts.get(row["Host"]) or self.configured or self.names.get(_place(row))
        return stated or row["Host"] or self.only(source)

    def only(self, otherwise: str) -> str:
        """The cluster where there is one alone."""
        known = {*self.hosts.values(), *self.names.values()}
        return self.configured or (known.pop() if len(known) == 1 else otherwise)

    def of_hosts(self, hosts: Iterable[str]) -> str | None:
        """The cluster that most of these hosts are in."""
        tally = Tally(self.hosts[host] for host in hosts if host in self.hosts)
        return commonest(tally) if tally else None


def commonest(tally: Tally[str]) -> str:
    """The name counted most often; of several the first by alphabet."""
    return min(tally, key=lambda name: (-tally[name], name))


def _place(row: Row) -> _Place:
    return (server_of(row), row["Datacenter"] or "", row["Cluster"] or "")


def _shortest(places: Sequence[_Place]) -> dict[_Place, str]:
    """For each place the shortest of cluster, datacenter/cluster and all that means it alone."""
    forms = [
        (place[2], "/".join(part for part in place[1:] if part), "/".join(place))
        for place in places
    ]
    tallies = [Tally(form) for form in zip(*forms, strict=True)]
    return {
        place: next(
            (name for name, tally in zip(form, tallies, strict=True) if tally[name] == 1), form[-1]
        )
        for place, form in zip(places, forms, strict=True)
    }


@dataclass
class GuestIndex:
    """Finds the guest that a row of another sheet is about; one that two share finds neither."""

    qualify: bool  # whether ids carry their vCenter: two of them count alike
    _ids: dict[tuple[str, ...], str | None] = field(default_factory=dict)

    def add(self, row: Row, guest_id: str) -> None:
        for key in _keys(row):
            known = self._ids.get(key, guest_id)
            self._ids[key] = guest_id if known == guest_id else None

    def find(self, row: Row) -> str | None:
        return next((found for key in _keys(row) if (found := self._ids.get(key))), None)

    def id_of(self, row: Row) -> str:
        """The managed object's id, which is unique within one vCenter; else the next best."""
        own = row["VM ID"] or row["VM UUID"] or row["SMBIOS UUID"] or row["VM"]
        return f"{server_of(row)}/{own}" if self.qualify else str(own)


def _keys(row: Row) -> Iterable[tuple[str, ...]]:
    """From the surest to the least sure."""
    if row["VM ID"]:
        yield ("id", server_of(row), row["VM ID"])
        yield ("id", row["VM ID"])
    if row["VM UUID"]:
        yield ("uuid", row["VM UUID"])
    yield ("name", row["VM"])
