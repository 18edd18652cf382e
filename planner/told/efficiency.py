"""What stands behind the rows of `reclaim`, `rightsize`, `showback` and `reclaim --savings`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from inventory.records import Proposal
from planner.efficiency import explained
from planner.efficiency.claims import Claim
from planner.efficiency.rows import ReclaimRow, RightsizeRow
from planner.efficiency.savings import SavingsRow, month_of
from planner.efficiency.showback import (
    By,
    ShowbackRow,
    charged,
    guest_cost,
    payer_of,
    showback_rows,
)
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.keys import guest_key, reclaim_key
from planner.policy import Policy
from planner.pools import GIB
from planner.report import Report
from planner.sections import shown
from planner.told.asked import Asked, cells, seen, value_of

# What of the policy each class is judged by.
_RULES: Mapping[str, tuple[str, ...]] = {
    "powered_off": ("powered_off_days",),
    "idle": ("idle_days", "idle_cpu_ratio", "idle_samples_ratio", "idle_bytes_per_second"),
    "old_snapshot": ("snapshot_days",),
    "orphan": ("orphan_days", "orphan_backup_days"),
}
PAYERS: tuple[By, ...] = ("agency", "service", "guest")
_SIZES = ("window_days", "minimum_days", "estimator", "cpu_target_ratio", "memory_margin")


def reclaim_lines(asked: Asked, row: ReclaimRow, column: str | None) -> Iterator[str]:
    report = asked.report
    claim = next(c for c in report.efficiency.claims if reclaim_key(c.key) == row.key)
    if column is None:
        yield from cells(row)
        yield ""
    yield f"{claim.reclaim_class}: {claim.why}; each byte and core in one class only (glossary 16)"
    yield from (f"  {one}" for one in _rules(report.policy, claim))
    for part in claim.stored:
        used, promised = (shown(None if b is None else b / GIB) for b in
                          (part.used_bytes, part.promised_bytes))  # fmt: skip
        yield f"  on {part.datastore_id}: takes {used} GiB, promised {promised} GiB"
    if claim.stored and not claim.is_measured:
        yield "  what it takes is not known: as promised, at most that"
    memory = None if claim.memory_bytes is None else claim.memory_bytes / GIB
    yield f"  vCPUs {shown(claim.vcpus)}, memory {shown(memory)} GiB"
    yield f"  costs a month at the rates of its cluster: {shown(row.cost_month)}"
    rates = report.rates.get(claim.cluster)
    if rates is not None:
        yield from explained.rate_lines(report.estate, claim.cluster, rates)
    if claim.guest is not None:
        yield seen(report.estate.guest_of[claim.guest].fact)
        yield f"the guest: `lumbung explain {guest_key(*claim.guest)}`"
    else:
        yield f"source {claim.source}"


def _rules(policy: Policy, claim: Claim) -> Iterator[str]:
    table, names = "reclaim", _RULES.get(claim.reclaim_class, ())
    if claim.reclaim_class == "oversized":
        table, names = "rightsize", _SIZES
    for name in names:
        yield value_of(policy, table, name)


def rightsize_lines(asked: Asked, row: RightsizeRow, column: str | None) -> Iterator[str]:
    report = asked.report
    if column is None:
        yield from cells(row)
        yield ""
    key = (row.cluster, row.guest_id)
    yield from explained.guest_lines(
        report.estate, report.efficiency, None, key, "recommended_vcpus"
    )
    for name in _SIZES:
        yield f"  {value_of(report.policy, 'rightsize', name)}"
    yield seen(report.estate.guest_of[key].fact)


def showback_rows_of(report: Report) -> tuple[ShowbackRow, ...]:
    """The rows of all payers: agencies, services and guests; what is left over once."""
    found = [
        row
        for by in PAYERS
        for row in showback_rows(report.estate, report.rates, report.efficiency.claims, by)
    ]
    return tuple({row.key: row for row in found}.values())


def showback_lines(asked: Asked, row: ShowbackRow, column: str | None) -> Iterator[str]:
    report, estate = asked.report, asked.report.estate
    rates = report.rates[row.cluster]
    if column is None:
        yield from cells(row)
        yield ""
    if row.kind == "unallocated":
        whole = sum(rate.share for rate in rates)
        paid = whole - row.cost_month
        yield "unallocated = the cost of the cluster, less what all payers are charged"
        yield f"  {whole:,.2f} − {paid:,.2f} = {row.cost_month:,.2f}"
    else:
        yield "cost = Σ over its guests of what is promised to each × the rate (glossary 22)"
        yield from _charges(estate, row, report)
        yield (
            f"  = CPU {row.cost_cpu:,.2f} + memory {row.cost_memory:,.2f} + storage "
            f"{row.cost_storage:,.2f} = {row.cost_month:,.2f}"
        )
    yield from explained.rate_lines(estate, row.cluster, rates)
    held = ", ".join(
        f"{name} {rate.overhead_ratio:.4f}"
        for name, rate in zip(("CPU", "memory", "storage"), rates, strict=True)
    )
    yield (
        f"overhead = the share of each rate that pays for what is held back ({held}): "
        f"{row.overhead_month:,.2f}"
    )
    yield f"waste = what its claims cost at these rates: {shown(row.waste_month)}"
    for view in _own(estate, row):
        for claim in report.efficiency.of_guest(view.key):
            yield f"  {claim.subject}: {claim.why} ({reclaim_key(claim.key)})"


def _own(estate: Estate, row: ShowbackRow) -> list[GuestView]:
    """The guests that a payer pays for; of what nobody has taken there is none."""
    if row.kind == "unallocated":
        return []
    return [view for view in estate.guests_in(row.cluster) if payer_of(view, row.kind) == row.name]


def _charges(estate: Estate, row: ShowbackRow, report: Report) -> Iterator[str]:
    """Each guest of a payer, the dearest first."""
    rates = report.rates[row.cluster]
    costs = [(guest_cost(estate, view, rates), view) for view in _own(estate, row)]
    for cost, view in sorted(costs, key=lambda pair: (-(pair[0].total or 0.0), pair[1].label)):
        vcpus, memory, storage = map(shown, charged(estate, view))
        total = "not known" if cost.total is None else f"{cost.total:,.2f}"
        yield f"  {view.label}: {vcpus} vCPUs, {memory} GiB, {storage} GiB of disks: {total}"


def savings_lines(asked: Asked, row: SavingsRow, column: str | None) -> Iterator[str]:
    """Every proposal of the month, and what became of those that were settled in it."""
    if column is None:
        yield from cells(row)
        yield ""
    yield "proposed = what reports of the month asked back first; freed = what is held less since"
    for one in asked.report.remembered:
        if month_of(one.first_on) == row.month:
            outcome = f"{one.outcome} on {one.settled_on}" if one.outcome else "open"
            yield f"  proposed {one.first_on}: {one.claim}: {_sizes(one)}; {outcome}"
        elif one.settled_on is not None and month_of(one.settled_on) == row.month:
            yield f"  {one.outcome} {one.settled_on}: {one.claim}, proposed {one.first_on}"


def _sizes(one: Proposal) -> str:
    storage, memory = (
        shown(None if amount is None else amount / GIB)
        for amount in (one.storage_bytes, one.memory_bytes)
    )
    return f"storage {storage} GiB, vCPUs {shown(one.vcpus)}, memory {memory} GiB"
