"""What a pool's guests ask of it by their criticality: the strictest tier among them holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import get_args

from inventory.facts import Fact
from inventory.records import Datastore
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.policy import Failover, Model, Policy, Resource, Threshold, Tier

_DEFAULT = 5  # below every tier: guests of no tier, or of one that leaves a value alone
_Present = Mapping[int, str]  # the tiers that occur, each with one of its guests


@dataclass(frozen=True, slots=True)
class Demanded:
    """A value that a tier sets for a pool, and one of the guests for which it does."""

    tier: int
    key: str
    value: float
    guest: str

    def __str__(self) -> str:
        return (
            f"tiers.{self.tier}.{self.key} = {self.value:g} holds, the strictest here: {self.guest}"
            f" is of criticality {self.tier}"
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """The policy as it holds for one pool, and what tiers set of it."""

    policy: Policy
    thresholds: Mapping[Resource, Demanded] = field(default_factory=dict)
    failover: Demanded | None = None

    @property
    def k(self) -> int:
        return self.policy.failover.hosts

    def k_of(self, hosts: int) -> int:
        """How many of so many hosts are kept free: of a tier that asks for all, all but one."""
        return min(self.k, hosts - 1) if self.failover is not None and hosts > 1 else self.k

    def demanded(self, resource: Resource, model: Model) -> Iterator[Demanded]:
        """What tiers set of one resource in one model: a threshold is of the demand model."""
        if model == "demand" and resource in self.thresholds:
            yield self.thresholds[resource]
        if self.failover is not None:
            yield self.failover

    def flags(self, resource: Resource, model: Model) -> tuple[str, ...]:
        tiers = {one.tier for one in self.demanded(resource, model)}
        return tuple(f"tier:{tier}" for tier in sorted(tiers))


def limits_for(estate: Estate, cluster: str, datastore: Fact[Datastore] | None) -> Limits:
    """The policy of a cluster, or of a datastore, with the strictest of its guests' tiers."""
    policy = estate.policy
    if not policy.tiers:
        return Limits(policy)
    if datastore is None:
        present = _present(policy, _may_run(estate, cluster))
        return _with_failover(_with_thresholds(policy, present), present)
    return _with_thresholds(policy, _present(policy, _stored(estate, datastore)))


def _may_run(estate: Estate, cluster: str) -> Iterator[GuestView]:
    """Guests that run, or of which it is not known; a template never does."""
    for view in estate.guests_in(cluster):
        if view.guest.template is not True and view.is_powered_on is not False:
            yield view


def _stored(estate: Estate, datastore: Fact[Datastore]) -> Iterator[GuestView]:
    """Guests with a disk there, stopped ones too."""
    for disk in estate.disks_on(datastore):
        view = estate.guest_of.get((disk.cluster, disk.guest_id))
        if view is not None and view.guest.template is not True:
            yield view


def _present(policy: Policy, guests: Iterator[GuestView]) -> _Present:
    present: dict[int, str] = {}
    for view in guests:
        tier = view.criticality if policy.tier(view.criticality) is not None else None
        present.setdefault(tier or _DEFAULT, view.label)
    return present


def _with_thresholds(policy: Policy, present: _Present) -> Limits:
    """The smallest threshold of each resource; the policy's own counts for guests without."""
    found: dict[Resource, Demanded] = {}
    for resource in get_args(Resource):
        values = {tier: getattr(_of(policy, tier).threshold, resource) for tier in present}
        known = {tier: policy.limit(resource, "demand") if v is None else v
                 for tier, v in values.items()}  # fmt: skip
        first = min(known, key=lambda tier: (known[tier], values[tier] is None, tier), default=None)
        if first is not None and values[first] is not None:
            found[resource] = Demanded(first, f"threshold.{resource}", known[first], present[first])
    stated: Threshold = policy.threshold.model_copy(
        update={resource: one.value for resource, one in found.items()}
    )
    return Limits(policy.model_copy(update={"threshold": stated}) if found else policy, found)


def _with_failover(limits: Limits, present: _Present) -> Limits:
    """The largest k; the policy's own counts for guests without."""
    policy = limits.policy
    values = {tier: _of(policy, tier).failover_hosts for tier in present}
    known = {tier: policy.failover.hosts if v is None else v for tier, v in values.items()}
    first = min(known, key=lambda tier: (-known[tier], values[tier] is None, tier), default=None)
    if first is None or values[first] is None:
        return limits
    stated = policy.model_copy(update={"failover": Failover(hosts=known[first])})
    told = Demanded(first, "failover_hosts", known[first], present[first])
    return replace(limits, policy=stated, failover=told)


def _of(policy: Policy, tier: int) -> Tier:
    return policy.tier(tier) or Tier()
