"""What guests cost by the site's rate card, and what is paid for nothing (glossary 22).

A guest pays for what is promised to it, at rates that spread the whole cost over what can be used:
what nobody has taken is shown, and with it the bill is the cost. Without a rate card there is no
cost, for none is invented.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from inventory.records import Disk
from planner.answers import Answer, PoolAnswer
from planner.efficiency.claims import Claim
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.keys import showback_key
from planner.policy import ClusterCost, Model, Resource

GIB = 1024**3
By = Literal["agency", "service", "guest"]


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit (vCPU or GiB) costs a month, and how much of that pays for what is held back.

    ``each`` is None where the ``usable`` capacity, in the same unit, is not known.
    """

    share: float  # of the cluster's cost, in money
    each: float | None
    overhead_ratio: float = 0.0
    usable: float | None = None

    def cost(self, amount: float | None) -> float | None:
        if self.share == 0:
            return 0.0
        return None if self.each is None or amount is None else self.each * amount


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates of one cluster."""

    cpu: Rate
    memory: Rate
    storage: Rate

    def __iter__(self) -> Iterator[Rate]:
        return iter((self.cpu, self.memory, self.storage))


@dataclass(frozen=True, slots=True)
class Cost:
    """The parts of a cost per month; None is not known."""

    cpu: float | None
    memory: float | None
    storage: float | None

    @property
    def total(self) -> float | None:
        parts = (self.cpu, self.memory, self.storage)
        return None if any(part is None for part in parts) else sum(p or 0.0 for p in parts)


@dataclass(frozen=True, slots=True)
class ShowbackRow:
    """One payer of a cluster, or what nobody has taken; the rows of a cluster sum to its cost."""

    cluster: str
    kind: str  # agency, service, guest, unallocated
    name: str | None
    guests: int
    vcpus: float
    memory_gib: float
    storage_gib: float
    cost_cpu: float
    cost_memory: float
    cost_storage: float
    cost_month: float
    overhead_month: float
    waste_month: float | None
    currency: str
    not_priced: int
    key: str


def rates_of(estate: Estate, answers: Sequence[PoolAnswer]) -> Mapping[str, Rates]:
    """The rates of every cluster that the rate card names."""
    return {
        cluster: _rates(cost, [pool for pool in answers if pool.pool.cluster == cluster])
        for cluster, cost in estate.policy.showback.clusters.items()
    }


def _rates(cost: ClusterCost, pools: Sequence[PoolAnswer]) -> Rates:
    def rate(resource: Resource, model: Model, ratio: float, unit: float) -> Rate:
        found = [a for a in _asked(pools, resource, model) if _is_for_guests(a)]
        usable = _sum(answer.usable for answer in found)
        raw = _sum(_unreserved(answer) for answer in found)
        share = cost.cost_month * ratio
        if not usable:
            return Rate(share, None)
        overhead = 1.0 - usable / raw if raw else 0.0
        return Rate(share, share / (usable / unit), max(0.0, overhead), usable / unit)

    return Rates(
        rate("cpu", "allocation", cost.cpu_ratio, 1.0),
        rate("memory", "demand", cost.memory_ratio, GIB),
        rate("storage", "demand", cost.storage_ratio, GIB),
    )


def _asked(pools: Iterable[PoolAnswer], resource: Resource, model: Model) -> Iterator[Answer]:
    for pool in pools:
        for answer in pool.answers:
            if (answer.question.resource, answer.question.model) == (resource, model):
                yield answer


def _is_for_guests(answer: Answer) -> bool:
    """Whether guests' disks may lie there: a store of backups is no part of what they pay for."""
    store = answer.question.pool.datastore
    content = None if store is None else store.record.content
    return content is None or bool({"images", "rootdir"} & set(content))


def _unreserved(answer: Answer) -> float | None:
    """The capacity before anything is held back, in the unit of what is usable."""
    capacity = answer.question.capacity
    if capacity.raw is None:
        return None
    return capacity.raw * (capacity.factor if answer.question.model == "allocation" else 1.0)


def _sum(amounts: Iterable[float | None]) -> float | None:
    listed = list(amounts)
    return None if any(a is None for a in listed) else float(sum(a or 0.0 for a in listed))


def guest_cost(estate: Estate, view: GuestView, rates: Rates) -> Cost:
    """What a guest is charged: its allocation; a guest that is off, or a template, its disks."""
    if view.key in estate.twins.uncounted:
        return Cost(None, None, None)  # it is charged where it counts
    vcpus, memory_gib, storage_gib = charged(estate, view)
    return Cost(
        rates.cpu.cost(vcpus), rates.memory.cost(memory_gib), rates.storage.cost(storage_gib)
    )


def charged(estate: Estate, view: GuestView) -> tuple[float | None, float | None, float | None]:
    """The vCPUs, GiB of memory and GiB of storage that a guest pays for; None is not known."""
    guest = view.guest
    vcpus, memory = _promised(view)
    disks = estate.disks_of(guest)
    stored = _sum(None if d.capacity_bytes is None else float(d.capacity_bytes) for d in disks)
    if not disks and estate.gap(view.fact.source, Disk.kind_name, guest.scope) is not None:
        stored = None
    return vcpus, _gib(memory), _gib(stored)


def _promised(view: GuestView) -> tuple[float | None, float | None]:
    guest = view.guest
    if guest.template is True or view.is_powered_on is False:
        return 0.0, 0.0
    if view.is_powered_on is None:
        return None, None
    return guest.vcpus, None if guest.memory_bytes is None else float(guest.memory_bytes)


def _gib(amount: float | None) -> float | None:
    return None if amount is None else amount / GIB


def waste_of(claim: Claim, rates: Mapping[str, Rates]) -> float | None:
    """What a claim costs a month at the rates; None without a rate card or a known size."""
    of = rates.get(claim.cluster)
    if of is None:
        return None
    stored = _sum(part.promised_bytes for part in claim.stored) if claim.guest else None
    if claim.reclaim_class in ("old_snapshot", "orphan"):
        stored = claim.storage_bytes
    cost = Cost(
        of.cpu.cost(claim.vcpus),
        of.memory.cost(_gib(claim.memory_bytes)),
        of.storage.cost(_gib(stored) if claim.stored else 0.0),
    )
    return cost.total


def showback_rows(
    estate: Estate, rates: Mapping[str, Rates], claims: Iterable[Claim], by: By
) -> tuple[ShowbackRow, ...]:
    """Per cluster of the rate card its payers, the dearest first, then what nobody has taken.

    Of a cluster of which nothing is known it is not known who took what either: no rows.
    """
    waste = _waste_by_guest(claims, rates)
    rows: list[ShowbackRow] = []
    for cluster, of in rates.items():
        if not estate.hosts_in(cluster) and not estate.guests_in(cluster):
            continue
        payers = list(_payers(estate, cluster, of, waste, by))
        rows += sorted(payers, key=lambda row: (-row.cost_month, row.name or ""))
        rows.append(_unallocated(estate, cluster, of, payers))
    return tuple(rows)


def _waste_by_guest(
    claims: Iterable[Claim], rates: Mapping[str, Rates]
) -> Mapping[tuple[str, str], list[float | None]]:
    found: dict[tuple[str, str], list[float | None]] = defaultdict(list)
    for claim in claims:
        if claim.guest is not None:
            found[claim.guest].append(waste_of(claim, rates))
    return found


def _payers(
    estate: Estate,
    cluster: str,
    rates: Rates,
    waste: Mapping[tuple[str, str], list[float | None]],
    by: By,
) -> Iterator[ShowbackRow]:
    groups: dict[str | None, list[GuestView]] = defaultdict(list)
    for view in estate.guests_in(cluster):
        groups[payer_of(view, by)].append(view)
    for name, views in groups.items():
        costs = [guest_cost(estate, view, rates) for view in views]
        priced = [c for c in costs if c.total is not None]
        wasted = [amount for view in views for amount in waste.get(view.key, ())]
        parts = [sum(getattr(c, part) for c in priced) for part in ("cpu", "memory", "storage")]
        yield _row(
            estate, cluster, by, name, rates, parts,
            views=views, waste=_sum(wasted), not_priced=len(costs) - len(priced),
        )  # fmt: skip


def payer_of(view: GuestView, by: str) -> str | None:
    """Who pays for a guest: its agency, its service or itself."""
    return {"agency": view.agency, "service": view.service, "guest": view.label}[by]


def _unallocated(
    estate: Estate, cluster: str, rates: Rates, payers: Sequence[ShowbackRow]
) -> ShowbackRow:
    """The rest of the cost; less than nothing where more is promised than can be used."""
    paid = [sum(getattr(row, f"cost_{part}") for row in payers) for part in _PARTS]
    rest = [rate.share - amount for rate, amount in zip(rates, paid, strict=True)]
    return _row(estate, cluster, "unallocated", None, rates, rest)


_PARTS = ("cpu", "memory", "storage")


def _row(
    estate: Estate,
    cluster: str,
    kind: str,
    name: str | None,
    rates: Rates,
    parts: Sequence[float],
    *,
    views: Sequence[GuestView] = (),
    waste: float | None = None,
    not_priced: int = 0,
) -> ShowbackRow:
    promised = [_promised(view) for view in views]
    disks = [disk for view in views for disk in estate.disks_of(view.guest)]
    return ShowbackRow(
        cluster=cluster,
        kind=kind,
        name=name,
        guests=len(views),
        vcpus=sum(vcpus or 0.0 for vcpus, _memory in promised),
        memory_gib=round(sum(memory or 0.0 for _vcpus, memory in promised) / GIB, 3),
        storage_gib=round(sum(disk.capacity_bytes or 0 for disk in disks) / GIB, 3),
        cost_cpu=parts[0],
        cost_memory=parts[1],
        cost_storage=parts[2],
        cost_month=sum(parts),
        overhead_month=sum(
            rate.overhead_ratio * part for rate, part in zip(rates, parts, strict=True)
        ),
        waste_month=waste,
        currency=estate.policy.showback.currency,
        not_priced=not_priced,
        key=showback_key(cluster, kind, name),
    )
