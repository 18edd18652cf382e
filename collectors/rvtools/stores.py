"""The datastores of a workbook: which one a disk lies on, and whose cluster each belongs to."""

from __future__ import annotations

import re
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from collectors.rvtools.places import Clusters, commonest
from collectors.rvtools.sheets import Row, lower, unused
from inventory.records import Coverage, Datastore

_IN_PATH = re.compile(r"^\[(?P<name>[^]]+)\]")


@dataclass(frozen=True)
class Stores:
    """The datastores. An id is the name, with its datacenter where two share the name."""

    rows: Sequence[Row]  # of vDatastore
    disks: Sequence[Row]  # of vDisk
    clusters: Clusters
    home: Callable[[Row], str | None]  # the cluster of the guest that a row is about
    source: str

    def id_of(self, disk: Row) -> str | None:
        """The datastore that a disk's path names."""
        found = _IN_PATH.match(disk["Path"] or "")
        if found is None:
            return None
        name = found["name"]
        return self._ids.get((disk["Datacenter"] or "", name), name)

    def records(self) -> Iterator[Datastore]:
        for row, _center, store_id in self._listed:
            capacity, used, free = row["Capacity MiB"], row["In Use MiB"], row["Free MiB"]
            if used is None and capacity is not None and free is not None:
                used = max(0, capacity - free)
            yield Datastore(
                datastore_id=store_id,
                name=row["Name"],
                cluster=self._cluster_of(row, store_id),
                kind=lower(row["Type"]),
                shared=_is_shared(row),
                capacity_bytes=capacity,
                used_bytes=used,
                hosts=row["Hosts"],
                enabled=True,
                backend=row["Address"],
            )

    def gaps(self) -> Iterator[Coverage]:
        for row, _center, store_id in self._listed:
            if row["Accessible"] is False:
                yield Coverage(f"datastore/{store_id}", "datastore", "partial", "not accessible")

    @cached_property
    def _listed(self) -> tuple[tuple[Row, str, str], ...]:
        """Each row with its datacenter and its id."""
        tally = Tally(row["Name"] for row in self.rows)
        found = []
        ids: set[str] = set()
        for row in self.rows:
            center = next((self.clusters.datacenters.get(h, "") for h in row["Hosts"] or ()), "")
            store_id = row["Name"] if tally[row["Name"]] == 1 else f"{center}/{row['Name']}"
            found.append((row, center, unused(ids, row, "Name", store_id, row["URL"])))
        return tuple(found)

    @cached_property
    def _ids(self) -> Mapping[tuple[str, str], str]:
        return {(center, row["Name"]): store_id for row, center, store_id in self._listed}

    def _cluster_of(self, row: Row, store_id: str) -> str:
        """Where most hosts that see it are; else most guests that have a disk on it."""
        seen_by = self.clusters.of_hosts(row["Hosts"] or ())
        return seen_by or self._clusters_by_disks.get(store_id) or self.clusters.only(self.source)

    @cached_property
    def _clusters_by_disks(self) -> Mapping[str, str]:
        tallies: dict[str, Tally[str]] = defaultdict(Tally)
        for disk in self.disks:
            cluster, store_id = self.home(disk), self.id_of(disk)
            if cluster and store_id:
                tallies[store_id][cluster] += 1
        return {store_id: commonest(tally) for store_id, tally in tallies.items()}


def _is_shared(row: Row) -> bool | None:
    """Whether more than one host sees a datastore."""
    if row["# Hosts"] is not None:
        return bool(row["# Hosts"] > 1)
    if row["Hosts"] is not None:
        return len(row["Hosts"]) > 1
    stated: bool | None = row["MHA"]
    return stated
