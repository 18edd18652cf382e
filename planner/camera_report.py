"""What reports say of cameras: the rows of cameras.csv, what to order, and why a verdict stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from planner.budget import BudgetBy, budget_by
from planner.cameras import TB, TIB, mean_mbps
from planner.estate import Estate
from planner.keys import more_cameras_key, order_key, recorder_key
from planner.numbers import ceil
from planner.pools import GIB
from planner.purchases import RECORDER, CatalogueItem
from planner.recorders import VERDICTS, Keeper, keepers_of
from planner.rows import CameraRow, OrderRow
from planner.saying import Said, Text


def camera_rows(estate: Estate) -> Iterator[CameraRow]:
    """One row per recorder, datastore of cameras, or group that nothing keeps; the worst first."""
    keepers = sorted(keepers_of(estate), key=lambda keeper: VERDICTS.index(keeper.verdict))
    return (camera_row(estate, keeper) for keeper in keepers)


def camera_row(estate: Estate, keeper: Keeper) -> CameraRow:
    days, how = keeper.achieved
    line, mean = keeper.line, mean_mbps(keeper.streams)
    silent, record = keeper.not_recording, keeper.recorder.record if keeper.recorder else None
    return CameraRow(
        as_of=estate.as_of,
        site=keeper.site,
        recorder=keeper.label,
        kind=keeper.kind,
        groups="; ".join(group.name for group in keeper.groups),
        cameras=keeper.cameras,
        cameras_recording=record.cameras_recording if record and silent is not None else None,
        disks_failed=keeper.disks_failed,
        mbps=_rounded(keeper.mbps),
        daily_tb=_in(TB, keeper.daily_bytes),
        capacity_tb=_in(TB, keeper.net_bytes),
        usable_tb=_in(TB, keeper.usable_bytes),
        needed_tb=_in(TB, keeper.needed_bytes),
        needed_tib=_in(TIB, keeper.needed_bytes),
        needed_raw_tb=_in(TB, keeper.needed_raw_bytes),
        required_days=_rounded(keeper.required_days),
        basis=keeper.basis,
        achieved_days=_rounded(days, 1),
        achieved_from=how,
        measured_days=_rounded(keeper.measured_days, 1),
        computed_days=_rounded(keeper.computed_days, 1),
        checked_at=record.checked_at if record else None,
        still_possible=keeper.still_possible,
        uplink=line.name if line else "",
        uplink_mbps=_rounded(line.used_mbps) if line else None,
        uplink_planned_mbps=_rounded(line.planned_mbps) if line else None,
        uplink_used_pct=_rounded(line.used_percent, 1) if line else None,
        uplink_still_possible=line.more(mean) if line and mean else None,
        verdict=keeper.verdict,
        why=keeper.why,
        flags=" ".join(keeper.flags),
        key=recorder_key(keeper.called),
    )


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)


def _in(unit: int, amount: float | None) -> float | None:
    return None if amount is None else round(amount / unit, 4)


# More cameras


@dataclass(frozen=True, slots=True)
class MoreCamerasRow:
    """What more cameras would do to one recorder."""

    recorder: str
    cameras: int | None
    cameras_after: int | None
    needed_tb: float | None
    needed_tb_after: float | None
    more_tb: float | None
    capacity_tb: float | None
    required_days: float | None
    achieved_days: float | None
    achieved_days_after: float | None
    achieved_from: str
    still_possible_after: int | None
    uplink: str
    uplink_mbps_after: float | None
    uplink_used_pct_after: float | None
    uplink_still_possible_after: int | None
    verdict: str
    verdict_after: str
    key: str


def more_cameras(estate: Estate, keeper: Keeper, count: int, mbps: float | None) -> MoreCamerasRow:
    """The recorder as it is beside what it would be with so many more cameras."""
    after = keeper.with_more(count, mbps)
    now, then = camera_row(estate, keeper), camera_row(estate, after)
    more = None
    if keeper.needed_bytes is not None and after.needed_bytes is not None:
        more = _in(TB, after.needed_bytes - keeper.needed_bytes)
    return MoreCamerasRow(
        recorder=now.recorder,
        cameras=now.cameras,
        cameras_after=then.cameras,
        needed_tb=now.needed_tb,
        needed_tb_after=then.needed_tb,
        more_tb=more,
        capacity_tb=now.capacity_tb,
        required_days=now.required_days,
        achieved_days=now.achieved_days,
        achieved_days_after=then.achieved_days,
        achieved_from=now.achieved_from,
        still_possible_after=then.still_possible,
        uplink=then.uplink,
        uplink_mbps_after=then.uplink_mbps,
        uplink_used_pct_after=then.uplink_used_pct,
        uplink_still_possible_after=then.uplink_still_possible,
        verdict=now.verdict,
        verdict_after=then.verdict,
        key=more_cameras_key(keeper.called, count, mbps),
    )


# What to order


def camera_orders(estate: Estate) -> Iterator[OrderRow]:
    """A row per recorder that keeps less than is required; what is bought is needed today."""
    return (_order(estate, keeper) for keeper in keepers_of(estate) if keeper.verdict == "short")


def _order(estate: Estate, keeper: Keeper) -> OrderRow:
    missing = _missing_gib(keeper)
    budget = camera_budget(estate) if missing else None
    item, pieces = _cheapest(estate, keeper, missing)
    return OrderRow(
        pool=keeper.label,
        what=Text(Said("more_recorder" if missing else "look_at_recorder")),
        quantity=missing if item is None else pieces,
        unit="gib" if item is None else item.item,
        order_by_date=None,
        order_overdue_days=None,
        budget_by_date=None if budget is None else budget.on,
        budget_missed=None if budget is None else int(budget.missed),
        status="act",
        stage="proposed",
        why=Text(keeper.kept(keeper.basis)),
        owner=deciding_office(estate, keeper).name,
        assumed=Text(*_assumed(keeper)),
        item="" if item is None else item.name,
        gate="" if budget is None else budget.told,
        feasible_by_date=None if budget is None else budget.feasible_by,
        cost=None if item is None or item.price is None else pieces * item.price,
        key=order_key(f"recorder/{keeper.called}"),
    )


@dataclass(frozen=True, slots=True)
class Decider:
    """The office that decides on an order, and who says so."""

    name: str
    because: str


def deciding_office(estate: Estate, keeper: Keeper) -> Decider:
    """Who decides on a recorder: the agency whose cameras it keeps, else the policy's office."""
    agency = estate.owners.agencies.get(keeper.agency or "")
    if agency is not None:
        return Decider(agency.name, "the agency whose cameras it keeps (estate file)")
    if estate.policy.buy.owner:
        return Decider(estate.policy.buy.owner, "buy.owner of the policy: no agency is declared")
    return Decider("", "nobody: neither an agency of its cameras nor the policy (buy) names one")


def camera_budget(estate: Estate) -> BudgetBy | None:
    """The gate of what recorders lack: it is needed today; None without gates."""
    return budget_by(estate.owners.budget, estate.as_of, estate.as_of)


def _cheapest(
    estate: Estate, keeper: Keeper, missing: float | None
) -> tuple[CatalogueItem | None, int]:
    """The catalogue's recorder storage that costs least, and how many pieces are missing.

    Without every price, that of the fewest pieces; None where the catalogue has none for it.
    """
    fitting = [one for one in estate.owners.catalogue if one.item == RECORDER and one.storage_gib]
    own = [one for one in fitting if keeper.label in one.pools]
    chosen = own or [one for one in fitting if not one.pools]
    if missing is None or not chosen:
        return None, 0
    pieces = [ceil(missing / one.storage_gib) for one in chosen]
    prices = [one.price for one in chosen]
    priced = all(price is not None for price in prices)
    costs = [count * (price or 0.0) if priced else count
             for count, price in zip(pieces, prices, strict=True)]  # fmt: skip
    best = costs.index(min(costs))
    return chosen[best], pieces[best]


def _missing_gib(keeper: Keeper) -> float | None:
    """The net GiB that are missing for the required days; None when its size would do."""
    needed, net = keeper.needed_bytes, keeper.net_bytes
    if needed is None or net is None or needed <= net:
        return None
    return round((needed - net) / GIB, 1)


def order_explanation(estate: Estate, keeper: Keeper) -> Iterator[str]:
    """How much is missing of a recorder, what that is bought as, and what it costs."""
    missing = _missing_gib(keeper)
    needed, net = _tb(keeper.needed_bytes), _tb(keeper.net_bytes)
    if missing is None:
        yield f"why the recorder keeps less: {needed} are needed and it offers {net} after RAID"
        yield "  its size would do, or one of both is not known: nothing is to be bought"
        return
    yield "more recorder storage = what the required days need after RAID, less what it has"
    yield f"  {needed} − {net} = {missing:,.1f} GiB"
    item, pieces = _cheapest(estate, keeper, missing)
    if item is None:
        yield "  by the GiB: the catalogue of the estate file has no recorder storage for it"
    else:
        yield f"  item {item.name}: {missing:,.1f} ÷ {item.storage_gib:,g} GiB, up: {pieces} pieces"
        if item.price is not None:
            yield f"  cost {pieces} × {item.price:,.0f} = {pieces * item.price:,.0f}"


def _assumed(keeper: Keeper) -> Iterable[Said]:
    if "bitrate_from_table" in keeper.flags:
        yield Said("bitrate")
    if "overheads_assumed" in keeper.flags:
        yield Said("no_overheads")


# Why


def explanation(keeper: Keeper) -> Iterator[str]:
    """The formulas of glossary 20 with this recorder's figures, and where they come from."""
    yield f"verdict {keeper.verdict}: {keeper.why}"
    if keeper.required_days is not None:
        yield f"  required by: {keeper.basis}"
    yield ""
    yield from _measured(keeper)
    yield ""
    yield from _computed(keeper)
    yield from _uplink(keeper)
    if keeper.flags:
        yield f"flags: {', '.join(keeper.flags)}"


def _measured(keeper: Keeper) -> Iterator[str]:
    yield "measured retention = check − oldest recording; wins over the computed one (glossary 20)"
    if keeper.recorder is None:
        yield "  no recorders.csv tells of it"
        return
    record, fact = keeper.recorder.record, keeper.recorder
    yield (
        f"  oldest recording {_instant(record.oldest_recording_at)}, checked "
        f"{_instant(record.checked_at)}: {_days(keeper.measured_days)}"
    )
    if keeper.check_fault:
        yield f"  {keeper.check_fault}"
    yield (
        f"  {_told(record.cameras_recording)} of {_told(record.cameras)} cameras record, "
        f"{_told(record.disks_failed)} disks failed; source {fact.source}, so since "
        f"{fact.valid_from:%Y-%m-%d %H:%MZ}"
    )
    yield "  a recorder that is not full yet shows less than it will keep"


def _computed(keeper: Keeper) -> Iterator[str]:
    yield "computed retention = usable ÷ daily ingest"
    over = keeper.overheads
    origin = "assumed" if keeper.overheads_assumed else "estate file"
    yield (
        f"  usable = net {_tb(keeper.net_bytes)} × fill {over.fill_ratio:g} ÷ (1 + "
        f"{over.container_pct:g} %) = {_tb(keeper.usable_bytes)} ({origin})"
    )
    for group, stream in zip(keeper.groups, keeper.streams, strict=False):
        how = "measured" if group.mbps is not None else "from the table"
        yield (
            f"  {group.name}: {stream.count} cameras × {stream.mbps:g} Mbps ({how}) × "
            f"{stream.hours:g} h = {_tb(stream.daily_bytes)} a day"
        )
        for tier in stream.tiers:
            yield f"    kept {tier.days:g} days at {tier.mbps:g} Mbps"
    yield (
        f"  in all {_told(keeper.mbps)} Mbps and {_tb(keeper.daily_bytes)} a day: "
        f"{_days(keeper.computed_days)}"
    )
    if keeper.needed_bytes is not None:
        yield (
            f"  {keeper.planned_days:g} days need {_tb(keeper.needed_bytes)} net, "
            f"{_tb(keeper.needed_raw_bytes)} raw at RAID {over.raid_data}+{over.raid_parity}; "
            f"cameras still possible: {_told(keeper.still_possible)}"
        )
        yield f"  the same in TiB: {keeper.needed_bytes / TIB:,.4f} net"


def _uplink(keeper: Keeper) -> Iterator[str]:
    line, mean = keeper.line, mean_mbps(keeper.streams)
    if line is not None and mean is not None:
        yield ""
        yield (
            f"uplink {line.name}: {line.used_mbps:g} of {line.planned_mbps:g} Mbps planned "
            f"({line.planned_ratio:.0%} of {line.mbps:g}) = {line.used_percent:.1f} %; at {mean:g} "
            f"Mbps it carries {line.most(mean)} cameras; still possible: {line.more(mean)}"
        )


def _tb(amount: float | None) -> str:
    return "not known" if amount is None else f"{amount / TB:,.3f} TB"


def _days(value: float | None) -> str:
    return "not known" if value is None else f"{value:.1f} days"


def _instant(value: object) -> str:
    return "not known" if value is None else f"{value:%Y-%m-%d %H:%MZ}"


def _told(value: float | None) -> str:
    return "not known" if value is None else f"{value:g}"
