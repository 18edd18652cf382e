"""All that is said of unused capacity at one date: claims, sizes, what could not be judged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property

from inventory.guest_days import GuestDay
from planner.efficiency.claims import Claim, Judge, ReclaimClass, Unjudged
from planner.efficiency.exemptions import ended, exempt_until, of_guest
from planner.efficiency.sizing import Sizing, sizing_of
from planner.efficiency.use import Idleness, Use, idleness, window
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.loads import unseen_of
from planner.owners import Exemption
from planner.policy import Model, Resource
from planner.pools import Pool
from planner.twins import GuestKey


@dataclass(frozen=True, slots=True)
class GuestUse:
    """One guest: what it used, which size would do, until when advice leaves it alone."""

    view: GuestView
    cpu_p95_cores: float | None
    memory_p99_bytes: float | None
    idle: Idleness | None  # None for one that does not run, or is a template
    sizing: Sizing | None  # None for the same
    exempt_until: date | None
    is_exempt_from_sizing: bool
    came_back: str  # what to say when an exemption from sizing has ended
    left_alone: str = ""  # why nothing of it is asked back, whatever it uses

    @property
    def is_idle(self) -> bool:
        return self.idle is not None and self.idle.verdict == "idle"

    @property
    def advised(self) -> Sizing | None:
        """The advice that is given: none while an exemption holds, none on an idle guest, which
        is to be given back as a whole."""
        return None if self.is_exempt_from_sizing or self.is_idle else self.sizing


@dataclass(frozen=True, slots=True)
class Reclaimable:
    """What could be given back of one pool's resource; a lower bound where parts are unknown."""

    amount: float | None  # None: nothing of it could be judged
    unknown: int
    unseen: bool = False  # there may be more guests or disks, of which nothing is known

    @property
    def flags(self) -> tuple[str, ...]:
        if self.unseen:
            return ("reclaimable_incomplete:?",)
        return (f"reclaimable_incomplete:{self.unknown}",) if self.unknown else ()


@dataclass(frozen=True)
class Efficiency:
    """The answers, to be looked up. ``exempt`` are the claims that owners are spared."""

    claims: tuple[Claim, ...] = ()
    exempt: tuple[Claim, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()
    guests: Mapping[GuestKey, GuestUse] = field(default_factory=dict)
    came_back: Mapping[str, str] = field(default_factory=dict)  # by claim: an exemption that ended

    def of_guest(self, key: GuestKey) -> tuple[Claim, ...]:
        return self._by_guest.get(key, ())

    def reclaimable(
        self, estate: Estate, pool: Pool, resource: Resource, model: Model
    ) -> Reclaimable:
        """What a pool's guests could give back; never part of its headroom."""
        if resource == "cpu" and model == "demand":
            return Reclaimable(0.0, 0)  # fewer vCPUs free no physical CPU
        amounts = [amount for _claim, amount in self.parts(estate, pool, resource, model)]
        known = [amount for amount in amounts if amount is not None]
        blind = self._blind(pool, resource)
        unknown = len(amounts) - len(known) + len(blind)
        unseen = unseen_of(estate, pool)
        blinded = unknown > 0 and (amounts or blind >= estate.running_in(pool.cluster))
        nothing = not known and (blinded or not unseen.is_nothing)
        return Reclaimable(None if nothing else float(sum(known)), unknown, bool(unseen.why))

    def parts(
        self, estate: Estate, pool: Pool, resource: Resource, model: Model
    ) -> list[tuple[Claim, float | None]]:
        """The claims on a pool with what each would free, in base units; None is not known."""
        return [
            (claim, claim.frees(resource, model, place))
            for cluster, place in _places(estate, pool)
            for claim in self._by_place.get((cluster, place), ())
            if resource == "storage" or claim.reclaim_class in _COMPUTE
        ]

    def _blind(self, pool: Pool, resource: Resource) -> frozenset[str]:
        """The guests of the pool's cluster of which this resource could not be judged."""
        classes = _STORAGE if resource == "storage" else _COMPUTE
        return self._blind_by_class.get((pool.cluster, classes), frozenset())

    @cached_property
    def _by_guest(self) -> Mapping[GuestKey | None, tuple[Claim, ...]]:
        found: dict[GuestKey | None, list[Claim]] = defaultdict(list)
        for claim in self.claims:
            found[claim.guest].append(claim)
        return {key: tuple(claims) for key, claims in found.items()}

    @cached_property
    def _by_place(self) -> Mapping[tuple[str, str | None], Sequence[Claim]]:
        """By cluster and datastore the claims with a part there; by cluster and None all."""
        found: dict[tuple[str, str | None], list[Claim]] = defaultdict(list)
        for claim in self.claims:
            for place in {None, *(part.datastore_id for part in claim.stored)}:
                found[claim.cluster, place].append(claim)
        return found

    @cached_property
    def _blind_by_class(self) -> Mapping[tuple[str, frozenset[ReclaimClass]], frozenset[str]]:
        found: dict[tuple[str, frozenset[ReclaimClass]], set[str]] = defaultdict(set)
        for item in self.unjudged:
            for classes in (_STORAGE, _COMPUTE):
                if item.guest and item.reclaim_class in classes:
                    found[item.cluster, classes].add(item.subject)
        return {key: frozenset(names) for key, names in found.items()}


_STORAGE: frozenset[ReclaimClass] = frozenset({"powered_off", "old_snapshot"})
_COMPUTE: frozenset[ReclaimClass] = frozenset({"idle", "oversized"})


def _places(estate: Estate, pool: Pool) -> Iterable[tuple[str, str | None]]:
    if pool.datastore is None:
        return [(pool.cluster, None)]
    return sorted(estate.places_of(pool.datastore))


def with_reclaim(
    estate: Estate, found: Efficiency, pool: Pool, resource: Resource, model: Model
) -> float:
    """What the scenario "with reclaim" counts of a pool: half of what is known (glossary 16)."""
    amount = found.reclaimable(estate, pool, resource, model).amount
    return estate.policy.reclaim.scenario_ratio * (amount or 0.0)


def with_reclaim_of(
    estate: Estate, found: Efficiency, cluster: str, store: Pool, model: Model
) -> float:
    """The same of a datastore, as far as guests and disks of one cluster lie on it."""
    parts = found.parts(estate, store, "storage", model)
    known = [amount for claim, amount in parts if claim.cluster == cluster and amount is not None]
    return estate.policy.reclaim.scenario_ratio * sum(known)


def efficiency_of(
    estate: Estate,
    guest_days: Mapping[int, tuple[GuestDay, ...]],
    power_since: Mapping[int, datetime],
) -> Efficiency:
    """Every guest judged, then what no guest refers to."""
    judge = Judge.of(estate)
    guests: dict[GuestKey, GuestUse] = {}
    found: list[Claim | Unjudged] = []
    for view in estate.guests:
        if view.key in estate.twins.uncounted:
            continue  # one side of a guest that moves: the other one counts
        use = _use(estate, view, guest_days.get(view.fact.entity_key or 0, ()))
        guests[view.key] = use
        if view.guest.template is not True:
            found += judge.of_guest(view, _off_since(view, power_since), use.idle, use.sizing)
    found += judge.orphans()
    return _spared(estate, found, guests)


def _use(estate: Estate, view: GuestView, days: tuple[GuestDay, ...]) -> GuestUse:
    rules, as_of = estate.policy.rightsize, estate.as_of
    granted, alone = of_guest(estate.owners.exemptions, view.fact), left_alone(estate, view)
    use = Use.of(days, as_of, rules.window_days)
    sizing, idle = None, None
    if view.guest.template is not True and view.guest.power == "running":
        reclaim = estate.policy.reclaim
        idle = idleness(window(days, as_of, reclaim.idle_days), view.guest.vcpus, reclaim)
        sizing = sizing_of(
            view.guest,
            use,
            as_of,
            rules=rules,
            criticality=view.criticality,
            platform=_platform(estate, view),
        )
    verdict = sizing.fits if sizing else ""
    return GuestUse(
        view=view,
        cpu_p95_cores=use.cpu.quantile(0.95),
        memory_p99_bytes=sizing.memory.used if sizing else use.memory.quantile(0.99),
        idle=idle,
        sizing=sizing,
        exempt_until=exempt_until(granted, as_of),
        is_exempt_from_sizing=exempt_until(granted, as_of, verdict) is not None
        or (alone != "" and verdict == "oversized"),
        came_back=ended(granted, as_of, verdict),
        left_alone=alone,
    )


def left_alone(estate: Estate, view: GuestView) -> str:
    """Why the policy asks nothing of a guest back, by its criticality; "" where it may."""
    tier = estate.policy.tier(view.criticality)
    if tier is None or tier.reclaim:
        return ""
    return f"criticality {view.criticality}: tiers.{view.criticality}.reclaim is false"


def _platform(estate: Estate, view: GuestView) -> str:
    health = estate.source_health(view.fact.source)
    return health.state.kind if health else ""


def _off_since(view: GuestView, power_since: Mapping[int, datetime]) -> datetime | None:
    if view.guest.power != "stopped":
        return None
    return power_since.get(view.fact.entity_key or 0)


def _spared(
    estate: Estate, found: Iterable[Claim | Unjudged], guests: Mapping[GuestKey, GuestUse]
) -> Efficiency:
    """The claims without those that a tier or an exemption spares; one that ended comes back."""
    claims, exempt, unjudged, back = [], [], [], {}
    for item in found:
        if isinstance(item, Unjudged):
            unjudged.append(item)
            continue
        if item.guest is not None and guests[item.guest].left_alone:
            exempt.append(item)
            continue
        granted: tuple[Exemption, ...] = ()
        if item.guest is not None:
            granted = of_guest(estate.owners.exemptions, guests[item.guest].view.fact)
        if exempt_until(granted, estate.as_of, item.reclaim_class) is not None:
            exempt.append(item)
            continue
        claims.append(item)
        if told := ended(granted, estate.as_of, item.reclaim_class):
            back[item.key] = told
    return Efficiency(tuple(claims), tuple(exempt), tuple(unjudged), guests, back)
