"""The pools: every cluster, and every datastore that is in use, under the name that means it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from inventory.facts import Fact
from inventory.records import Datastore, Host
from planner.capacity import HostShare
from planner.ceph import ceph_nodes
from planner.estate import Estate
from planner.policy import Model

GIB = 1024**3
PoolKind = Literal["cluster", "datastore"]
MODELS: tuple[Model, ...] = ("demand", "allocation")
ITEM_CLASS: Mapping[PoolKind, str] = {"cluster": "host", "datastore": "disk"}


@dataclass(frozen=True, slots=True)
class Pool:
    """The domain in which demand can be placed: a cluster, or a datastore."""

    name: str
    kind: PoolKind
    cluster: str
    hosts: tuple[Fact[Host], ...] = ()
    datastore: Fact[Datastore] | None = None
    ceph_nodes: tuple[HostShare, ...] = ()  # what a datastore on the cluster's own Ceph lies on

    @property
    def sources(self) -> tuple[str, ...]:
        facts: tuple[Fact[Host] | Fact[Datastore], ...] = self.hosts
        if self.datastore is not None:
            facts = (self.datastore,)
        return tuple(sorted({fact.source for fact in facts}))

    def answers_to(self, name: str) -> bool:
        """Whether a person may mean this pool by ``name``."""
        names = {self.name, f"{self.cluster}:{self.name}"}
        if self.datastore is not None:
            record = self.datastore.record
            names |= {record.datastore_id, f"{self.cluster}:{record.datastore_id}"}
        return name in names


def pools_of(estate: Estate) -> tuple[Pool, ...]:
    """Every cluster and every datastore that is in use, by name."""
    pools = [Pool(name, "cluster", name, hosts=estate.hosts_in(name)) for name in estate.clusters]
    used = [fact for fact in estate.datastores if fact.record.enabled is not False]
    labels = _labels([fact.record for fact in used], taken={pool.name for pool in pools})
    pools += [
        Pool(
            label,
            "datastore",
            fact.record.cluster,
            datastore=fact,
            ceph_nodes=ceph_nodes(estate, fact.record),
        )
        for label, fact in zip(labels, used, strict=True)
    ]
    return tuple(sorted(pools, key=lambda pool: (pool.kind, pool.name)))


def _labels(datastores: Sequence[Datastore], taken: set[str]) -> list[str]:
    """The shortest of name, id and cluster:id that means one datastore only."""
    choices = [(d.name, d.datastore_id, f"{d.cluster}:{d.datastore_id}") for d in datastores]
    names = [name for name, _id, _full in choices]
    ids = [short for _name, short, _full in choices]

    def label(name: str, short: str, full: str) -> str:
        if names.count(name) == 1 and name not in taken:
            return name
        return short if ids.count(short) == 1 and short not in taken else full

    return [label(*choice) for choice in choices]
