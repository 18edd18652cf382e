"""The lines that defend the figures on what is not used."""

from __future__ import annotations

from collections.abc import Iterator

from planner.efficiency.answer import Efficiency, GuestUse
from planner.efficiency.exemptions import of_guest
from planner.efficiency.showback import Rates, charged, guest_cost, waste_of
from planner.estate import Estate
from planner.policy import Model, Resource
from planner.pools import Pool
from planner.twins import GuestKey

GIB = 1024**3
_SIZES = frozenset(
    {"cpu_p95_cores", "memory_p99_gib", "recommended_vcpus", "recommended_memory_gib"}
)
_CLAIMS = frozenset({"reclaim_class", "reclaim_gib", "exempt_until"})
COLUMNS = ("recommended_vcpus", "reclaim_class", "cost_month")  # one of each part
_SHOWN = 5


def guest_lines(
    estate: Estate, found: Efficiency, rates: Rates | None, key: GuestKey, column: str | None
) -> Iterator[str]:
    """What stands behind a guest's size, its claims and its cost; nothing for other columns."""
    use = found.guests.get(key)
    if use is None:
        return
    if column in _SIZES:
        yield from _size_lines(estate, use)
    if column in _CLAIMS:
        yield from _claim_lines(estate, found, use, rates)
    if column == "cost_month":
        yield from _cost_lines(estate, rates, use)


def _size_lines(estate: Estate, use: GuestUse) -> Iterator[str]:
    rules = estate.policy.rightsize
    yield (
        f"vCPUs = percentile ÷ {rules.cpu_target_ratio:g}, up to even; memory = P99 × "
        f"{rules.memory_margin:g} in whole GiB; at most halved per round (glossary 17)"
    )
    yield f"  read: the last {rules.window_days} closed days, samples of two hours or finer"
    yield (
        f"  P95 of CPU {_known(use.cpu_p95_cores)} cores, P99 of memory without cache "
        f"{_known(use.memory_p99_bytes, GIB)} GiB"
    )
    if use.sizing is None:
        yield "  no advice: it does not run, or is a template"
        return
    for what, size, unit in (
        ("CPU", use.sizing.cpu, 1.0),
        ("memory", use.sizing.memory, GIB),
    ):
        yield f"  {what}: {size.fits}: {size.why}"
        if size.now is not None and size.next is not None and size.next != size.now:
            yield f"    next round {size.next / unit:g}"
    if use.sizing.action:
        yield f"  takes effect: {use.sizing.action}; physical CPU saved: 0"
    if use.is_idle:
        yield "  not advised: it is idle, and could be given back as a whole"
    if use.is_exempt_from_sizing:
        yield f"  {_spared(use)}"
    if use.came_back:
        yield f"  was {use.came_back}"


def _spared(use: GuestUse) -> str:
    """Why advice leaves a guest alone."""
    if use.left_alone:
        return f"not asked back ({use.left_alone})"
    return f"exempt until {use.exempt_until}"


def _claim_lines(
    estate: Estate, found: Efficiency, use: GuestUse, rates: Rates | None
) -> Iterator[str]:
    key = use.view.key
    yield "the first class that holds: powered off, idle, old snapshot, orphan, oversized"
    yield "  each byte and core once; reclaim_gib is storage only (glossary 16)"
    for claim in found.of_guest(key):
        stored = claim.storage_bytes
        size = "not known" if stored is None else f"{stored / GIB:,.1f} GiB"
        basis = "" if claim.is_measured or not stored else " (as promised: at most that)"
        yield (
            f"  {claim.reclaim_class}: {claim.why}; storage {size}{basis}, "
            f"vCPUs {_known(claim.vcpus)}, memory {_known(claim.memory_bytes, GIB)} GiB"
        )
        if rates is not None:
            wasted = waste_of(claim, {claim.cluster: rates})
            told = "not known" if wasted is None else f"{wasted:,.2f}"
            yield f"    at the rates of the policy it costs {told} a month"
        if claim.key in found.came_back:
            yield f"    {found.came_back[claim.key]}"
    for claim in found.exempt:
        if claim.guest == key:
            yield f"  {_spared(use)}: {claim.reclaim_class}, {claim.why}"
    for one in of_guest(estate.owners.exemptions, use.view.fact):
        yield (
            f"  exempt from {', '.join(one.advice)}, {one.since} to {one.until}: {one.reason} "
            f"({one.author}, estate file)"
        )
    for item in found.unjudged:
        if item.guest == key:
            yield f"  not judged: {item.reclaim_class}: {item.reason}"


def _known(amount: float | None, unit: float = 1.0) -> str:
    return "not known" if amount is None else f"{amount / unit:g}"


def _cost_lines(estate: Estate, rates: Rates | None, use: GuestUse) -> Iterator[str]:
    yield "cost = allocation × rate; rate = share of the cost ÷ usable capacity (glossary 22)"
    if rates is None:
        cluster = use.view.guest.cluster
        yield f"  no rate card names {cluster}: set [showback.clusters.{cluster}] in the policy"
        return
    cost, amounts = guest_cost(estate, use.view, rates), charged(estate, use.view)
    parts = (cost.cpu, cost.memory, cost.storage)
    for (what, unit), amount, part in zip(_CHARGED, amounts, parts, strict=True):
        told = "not known" if part is None else f"{part:,.2f}"
        yield f"  {what}: {_known(amount)} {unit}: {told}"
    yield f"  = {'not known' if cost.total is None else f'{cost.total:,.2f}'} a month"
    yield from rate_lines(estate, use.view.guest.cluster, rates)


_CHARGED = (("CPU", "vCPU"), ("memory", "GiB"), ("storage", "GiB"))


def rate_lines(estate: Estate, cluster: str, rates: Rates) -> Iterator[str]:
    """How the rates of a cluster come about, from its cost and what can be used of it."""
    card = estate.policy.showback
    cost = card.clusters[cluster]
    yield (
        f"  rates of {cluster}: its cost of {cost.cost_month:,.0f} {card.currency} a month, shared "
        f"out (showback.clusters.{cluster} of the policy)"
    )
    ratios = (cost.cpu_ratio, cost.memory_ratio, cost.storage_ratio)
    for (what, unit), rate, ratio in zip(_CHARGED, rates, ratios, strict=True):
        each = "not known" if rate.each is None else f"{rate.each:,.4f}"
        yield (
            f"    {what}: {each} per {unit} = {ratio:g} × the cost ÷ {_known(rate.usable)} {unit} "
            "usable"
        )


def pool_lines(
    estate: Estate, found: Efficiency, pool: Pool, resource: Resource, model: Model
) -> Iterator[str]:
    """What stands behind a pool's reclaimable."""
    yield "reclaimable = Σ of what could be given back, each byte and core once (glossary 16)"
    yield (
        "  never part of the headroom; the scenario with reclaim counts "
        f"{100 * estate.policy.reclaim.scenario_ratio:g} % of it"
    )
    if (resource, model) == ("cpu", "demand"):
        yield "  0: fewer vCPUs free what is promised, never physical CPU"
        return
    unit, word = (1.0, "vCPUs") if resource == "cpu" else (GIB, "GiB")
    whole = found.reclaimable(estate, pool, resource, model)
    parts = found.parts(estate, pool, resource, model)
    parts.sort(key=lambda part: (-(part[1] or 0.0), part[0].key))
    for claim, amount in parts[:_SHOWN]:
        told = _sized(amount, unit, word)
        yield f"  {claim.reclaim_class}: {claim.subject}: {claim.why}: {told}"
    if len(parts) > _SHOWN:
        yield f"  and {len(parts) - _SHOWN} more: see `lumbung reclaim`"
    yield f"  = {_sized(whole.amount, unit, word)}"
    if whole.unknown:
        bound = "" if whole.amount is None else ": a lower bound"
        yield f"  {whole.unknown} could not be judged, or their size is not known{bound}"


def _sized(amount: float | None, unit: float, word: str) -> str:
    return "not known" if amount is None else f"{amount / unit:,g} {word}"
