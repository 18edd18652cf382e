"""The rows that `reclaim` and `rightsize` print, and their columns of guests.csv."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from planner.efficiency.answer import Efficiency, GuestUse
from planner.efficiency.claims import CLASSES, Claim
from planner.efficiency.showback import Rates, guest_cost, waste_of
from planner.estate import Estate
from planner.keys import reclaim_key, reclaim_total_key, rightsize_key, rightsize_total_key
from planner.twins import GuestKey

GIB = 1024**3
By = Literal["agency", "class", "cluster"]
SizedBy = Literal["agency", "cluster"]


@dataclass(frozen=True, slots=True)
class ReclaimRow:
    """Something that could be given back."""

    as_of: date
    cluster: str
    reclaim_class: str
    subject: str
    guest_id: str | None
    agency: str | None
    owner: str | None
    since_days: int | None
    storage_gib: float | None
    storage_basis: str  # measured, promised (at most that), or "" for none
    vcpus: float | None
    memory_gib: float | None
    cost_month: float | None
    why: str
    note: str
    key: str


@dataclass(frozen=True, slots=True)
class ReclaimTotal:
    """What the rows of one agency, class or cluster come to, without sizes that are not known."""

    name: str | None
    items: int
    guests: int
    storage_gib: float
    vcpus: float
    memory_gib: float
    cost_month: float | None
    sizes_not_known: int
    key: str


@dataclass(frozen=True, slots=True)
class RightsizeRow:
    """A guest that runs, and the size that would do. Physical cores are never saved."""

    as_of: date
    cluster: str
    guest_id: str
    name: str | None
    agency: str | None
    owner: str | None
    criticality: int | None
    fits: str
    vcpus: float | None
    cpu_p95_cores: float | None
    recommended_vcpus: float | None
    next_vcpus: float | None
    memory_gib: float | None
    memory_p99_gib: float | None
    recommended_memory_gib: float | None
    next_memory_gib: float | None
    saves_vcpus: float
    saves_memory_gib: float
    saves_physical_cores: float
    action: str
    exempt_until: date | None
    why: str
    note: str
    key: str


@dataclass(frozen=True, slots=True)
class GuestColumns:
    """The columns of guests.csv that speak of efficiency."""

    cpu_p95_cores: float | None
    memory_p99_gib: float | None
    recommended_vcpus: float | None
    recommended_memory_gib: float | None
    reclaim_class: str
    reclaim_gib: float | None
    exempt_until: date | None
    cost_month: float | None


@dataclass(frozen=True, slots=True)
class RightsizeTotal:
    """How the guests of one agency or cluster are sized, and what they could save."""

    name: str | None
    undersized: int
    oversized: int
    idle: int
    right: int
    unknown: int
    saves_vcpus: float
    saves_memory_gib: float
    key: str


def reclaim_rows(
    found: Efficiency, rates: Mapping[str, Rates], as_of: date
) -> tuple[ReclaimRow, ...]:
    """Class by class in their order, the largest first."""
    ordered = sorted(
        found.claims,
        key=lambda c: (
            CLASSES.index(c.reclaim_class),
            -(c.storage_bytes or 0.0),
            -(c.memory_bytes or 0.0),
            c.key,
        ),
    )
    return tuple(_reclaim_row(claim, found, rates, as_of) for claim in ordered)


def _reclaim_row(
    claim: Claim, found: Efficiency, rates: Mapping[str, Rates], as_of: date
) -> ReclaimRow:
    basis = ("measured" if claim.is_measured else "promised") if claim.storage_bytes else ""
    return ReclaimRow(
        as_of=as_of,
        cluster=claim.cluster,
        reclaim_class=claim.reclaim_class,
        subject=claim.subject,
        guest_id=claim.guest[1] if claim.guest else None,
        agency=claim.agency,
        owner=claim.owner,
        since_days=claim.since_days,
        storage_gib=_gib(claim.storage_bytes),
        storage_basis=basis,
        vcpus=claim.vcpus,
        memory_gib=_gib(claim.memory_bytes),
        cost_month=_money(waste_of(claim, rates)),
        why=claim.why,
        note=found.came_back.get(claim.key, ""),
        key=reclaim_key(claim.key),
    )


RECLAIM_BY: Mapping[By, Callable[[ReclaimRow], str | None]] = {
    "agency": lambda row: row.agency,
    "class": lambda row: row.reclaim_class,
    "cluster": lambda row: row.cluster,
}
RIGHTSIZE_BY: Mapping[SizedBy, Callable[[RightsizeRow], str | None]] = {
    "agency": lambda row: row.agency,
    "cluster": lambda row: row.cluster,
}


def reclaim_totals(rows: Iterable[ReclaimRow], by: By) -> tuple[ReclaimTotal, ...]:
    """What the rows come to, the most storage first."""
    groups: dict[str | None, list[ReclaimRow]] = defaultdict(list)
    for row in rows:
        groups[RECLAIM_BY[by](row)].append(row)
    totals = [_total(name, listed, by) for name, listed in groups.items()]
    return tuple(sorted(totals, key=lambda t: (-t.storage_gib, -t.memory_gib, t.name or "")))


def _total(name: str | None, rows: list[ReclaimRow], by: By) -> ReclaimTotal:
    costs = [row.cost_month for row in rows if row.cost_month is not None]
    return ReclaimTotal(
        name=name,
        items=len(rows),
        guests=len({(row.cluster, row.guest_id) for row in rows if row.guest_id}),
        storage_gib=round(sum(row.storage_gib or 0.0 for row in rows), 3),
        vcpus=sum(row.vcpus or 0.0 for row in rows),
        memory_gib=round(sum(row.memory_gib or 0.0 for row in rows), 3),
        cost_month=round(sum(costs), 2) if costs else None,
        sizes_not_known=sum(
            1 for row in rows if None in (row.storage_gib, row.vcpus, row.memory_gib)
        ),
        key=reclaim_total_key(by, name),
    )


def rightsize_rows(found: Efficiency, as_of: date) -> tuple[RightsizeRow, ...]:
    """Every guest that runs: the undersized first, then what saves most, then the rest."""
    rows = [_rightsize_row(use, as_of) for use in found.guests.values() if use.sizing]
    order = ("undersized", "oversized", "idle", "right", "unknown")
    return tuple(
        sorted(
            rows,
            key=lambda r: (
                order.index(r.fits), -r.saves_memory_gib, -r.saves_vcpus, r.cluster, r.guest_id,
            ),
        )
    )  # fmt: skip


def _rightsize_row(use: GuestUse, as_of: date) -> RightsizeRow:
    view, sizing = use.view, use.sizing
    assert sizing is not None  # noqa: S101  (the caller has looked)
    cpu, memory, spared = sizing.cpu, sizing.memory, use.advised is None
    why = f"CPU: {cpu.why}; memory: {memory.why}"
    return RightsizeRow(
        as_of=as_of,
        cluster=view.guest.cluster,
        guest_id=view.guest.guest_id,
        name=view.guest.name,
        agency=view.agency,
        owner=view.agency_contact,
        criticality=view.criticality,
        fits="idle" if use.is_idle else sizing.fits,
        vcpus=cpu.has,
        cpu_p95_cores=_rounded(use.cpu_p95_cores),
        recommended_vcpus=None if spared else cpu.now,
        next_vcpus=None if spared else cpu.next,
        memory_gib=_gib(memory.has),
        memory_p99_gib=_gib(memory.used),
        recommended_memory_gib=None if spared else _gib(memory.now),
        next_memory_gib=None if spared else _gib(memory.next),
        saves_vcpus=0.0 if spared else cpu.saves,
        saves_memory_gib=0.0 if spared else _gib(memory.saves) or 0.0,
        saves_physical_cores=0.0,
        action="" if spared else sizing.action,
        exempt_until=use.exempt_until,
        why="idle: it could be given back as a whole" if use.is_idle else why,
        note=use.left_alone or use.came_back,
        key=rightsize_key(view.guest.cluster, view.guest.guest_id),
    )


def rightsize_totals(rows: Iterable[RightsizeRow], by: SizedBy) -> tuple[RightsizeTotal, ...]:
    """What the rows come to, the most memory first."""
    groups: dict[str | None, list[RightsizeRow]] = defaultdict(list)
    for row in rows:
        groups[RIGHTSIZE_BY[by](row)].append(row)
    totals = [_sizes(name, listed, by) for name, listed in groups.items()]
    return tuple(sorted(totals, key=lambda t: (-t.saves_memory_gib, -t.saves_vcpus, t.name or "")))


def _sizes(name: str | None, rows: list[RightsizeRow], by: SizedBy) -> RightsizeTotal:
    counts = Counter(row.fits for row in rows)
    return RightsizeTotal(
        name=name,
        undersized=counts["undersized"],
        oversized=counts["oversized"],
        idle=counts["idle"],
        right=counts["right"],
        unknown=counts["unknown"],
        saves_vcpus=sum(row.saves_vcpus for row in rows),
        saves_memory_gib=round(sum(row.saves_memory_gib for row in rows), 3),
        key=rightsize_total_key(by, name),
    )


def guest_columns(
    estate: Estate, found: Efficiency, rates: Mapping[str, Rates]
) -> Mapping[GuestKey, GuestColumns]:
    """Per guest what guests.csv says of it."""
    claims: dict[GuestKey, list[Claim]] = defaultdict(list)
    for claim in found.claims:
        if claim.guest is not None:
            claims[claim.guest].append(claim)
    spared = {claim.guest for claim in found.exempt}
    blind = {item.guest for item in found.unjudged}
    columns = {}
    for key, use in found.guests.items():
        own = claims.get(key, [])
        spare = "exempt" if key in spared else "unknown" if key in blind else "none"
        sizing = use.advised
        of = rates.get(use.view.guest.cluster)
        columns[key] = GuestColumns(
            cpu_p95_cores=_rounded(use.cpu_p95_cores),
            memory_p99_gib=_gib(use.memory_p99_bytes),
            recommended_vcpus=sizing.cpu.now if sizing else None,
            recommended_memory_gib=_gib(sizing.memory.now) if sizing else None,
            reclaim_class=own[0].reclaim_class if own else spare,
            reclaim_gib=_stored(own) if own or spare != "unknown" else None,
            exempt_until=use.exempt_until,
            cost_month=_money(guest_cost(estate, use.view, of).total) if of else None,
        )
    return columns


def _stored(claims: Iterable[Claim]) -> float | None:
    amounts = [claim.storage_bytes for claim in claims]
    if any(amount is None for amount in amounts):
        return None
    return _gib(sum(amount or 0.0 for amount in amounts))


def unjudged_lines(found: Efficiency) -> Iterator[str]:
    """What could not be judged, one line per class and reason, the most frequent first."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for item in found.unjudged:
        groups[item.reclaim_class, item.reason].append(item.subject)
    for (name, reason), subjects in sorted(groups.items(), key=lambda g: (-len(g[1]), g[0])):
        who = subjects[0] if len(subjects) == 1 else f"{len(subjects)} of them"
        yield f"not judged ({name.replace('_', ' ')}): {who}: {reason}"


def _gib(value: float | None) -> float | None:
    return None if value is None else round(value / GIB, 3)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _money(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
