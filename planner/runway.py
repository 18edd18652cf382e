"""From demand paths and dated capacity to dates: runway, first over, order by (glossary 10-12, 19).

The runway is the first passage of whole paths, never of point-wise quantiles: each path is over
from the day its demand, with the committed projects, exceeds what is usable on that day. Equal
is still safe. Day 0 is as_of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt

from planner.forecast.ledger import AHEAD_DAYS, SHARES
from planner.forecast.paths import Floats, PathBlock, PathSource
from planner.numbers import all_exceed, ceil, exceeds
from planner.policy import StatusRules

Reason = Literal[
    "",
    "stale",
    "not_enough_history",
    "exhausted",
    "no_growth",
    "beyond_horizon",
    "capacity_unknown",
    "ring_buffer",
    "demand_unknown",
]
Status = Literal["overdue", "overdue_if_assumed", "act", "plan", "ok", "unknown"]

CONSERVATIVE = 0.10  # nine of ten paths last longer
BASE = 0.50
OPTIMISTIC = 0.90
_GROWTH_DAYS = 91  # whole weeks: a Monday held against a Sunday would be growth


@dataclass(frozen=True, slots=True)
class Passage:
    """When the paths of one series are first over; days count from as_of, None is never.

    ``over_ratio[day]`` is the share of paths over on that day, ``over_by[day]`` that of paths that
    have been over by then, ``level[day]`` their middle;
    ``bands[i, j]`` the level that the share ``ledger.SHARES[j]`` of them stays below
    ``ledger.AHEAD_DAYS[i]`` days ahead, NaN beyond the horizon.
    """

    conservative: int | None
    base: int | None
    optimistic: int | None
    over_ratio: Floats
    over_by: Floats
    level: Floats
    growth_per_day: float
    growth_per_day_high: float
    growth_significant: bool
    bands: Floats

    @property
    def level_now(self) -> float:
        return float(self.level[0])

    def chance_within(self, days: int) -> float:
        """The share of the paths that are over on one of so many days after as_of, or before."""
        return float(self.over_by[min(days, len(self.over_by) - 1)])

    @property
    def windows(self) -> tuple[tuple[int, int], ...]:
        """The runs of days on which at least half of the paths are over: first and last day."""
        return _runs(self.over_ratio >= BASE)


@dataclass(frozen=True, slots=True)
class Chances:
    """What differs from path to path: ``usable[sample, day]`` and ``added[sample, day]``.

    None is the same on all paths.
    """

    usable: Floats | None = None
    added: Floats | None = None


def first_passage(
    paths: PathSource,
    usable: Floats,
    added: Floats | None = None,
    chances: Mapping[int, Callable[[int], Chances]] | None = None,
) -> tuple[Passage, ...]:
    """One Passage per series.

    ``usable[series, day]`` is dated capacity from as_of on; ``added[series, day]`` is what
    committed projects add to the demand by then. ``chances`` draws, for so many samples of a
    series, what differs from path to path; only while that series is looked at.
    """
    passages: list[Passage] = []
    for block in paths.blocks():
        significant = paths.growth_significant
        for i in range(block.paths.shape[0]):
            series = block.first + i
            limit, extra = usable[series], added[series] if added is not None else 0.0
            if chances is not None and series in chances:
                drawn = chances[series](block.paths.shape[1])
                limit = limit if drawn.usable is None else drawn.usable
                extra = extra if drawn.added is None else drawn.added
            passages.append(_passage(block, i, limit, extra, bool(significant[series])))
    return tuple(passages)


def _passage(
    block: PathBlock, i: int, usable: Floats, added: Floats | float, significant: bool
) -> Passage:
    demand = block.paths[i] + added
    over = all_exceed(demand, np.broadcast_to(usable, demand.shape))
    never = demand.shape[1]
    first = np.where(over.any(axis=1), over.argmax(axis=1), never)
    span = min(_GROWTH_DAYS, demand.shape[1] - 1)
    growth = (block.paths[i][:, span] - block.paths[i][:, 0]) / span
    return Passage(
        conservative=_order_statistic(first, CONSERVATIVE, never),
        base=_order_statistic(first, BASE, never),
        optimistic=_order_statistic(first, OPTIMISTIC, never),
        over_ratio=over.mean(axis=0),
        over_by=np.bincount(first, minlength=never + 1)[:never].cumsum() / len(first),
        level=_middle(demand),
        growth_per_day=float(np.median(growth)),
        growth_per_day_high=float(np.quantile(growth, OPTIMISTIC)),
        growth_significant=significant,
        bands=_bands(demand),
    )


def _middle(demand: Floats) -> Floats:
    """The median of each day; sorting runs of memory is faster than what numpy's median does."""
    ordered = np.ascontiguousarray(demand.T)
    ordered.sort(axis=1)
    half = len(demand) // 2
    return np.asarray((ordered[:, -1 - half] + ordered[:, half]) / 2)


def _bands(demand: Floats) -> Floats:
    days = [day for day in AHEAD_DAYS if day < demand.shape[1]]
    bands = np.full((len(AHEAD_DAYS), len(SHARES)), np.nan)
    bands[: len(days)] = np.quantile(demand[:, days], SHARES, axis=0).T
    return bands


def _order_statistic(first: npt.NDArray[np.int64], share: float, never: int) -> int | None:
    """The day by which ``share`` of the paths are over; None when fewer ever are."""
    day = int(np.sort(first)[order_place(share, len(first))])
    return None if day == never else day


def order_place(share: float, count: int) -> int:
    """The place of that among ``count`` in order by which ``share`` of them are told."""
    return max(0, ceil(share * count) - 1)


def _runs(flags: npt.NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return tuple((int(start), int(end)) for start, end in zip(starts, ends, strict=True))


@dataclass(frozen=True, slots=True)
class Runway:
    """A runway in days and dates; ``reason`` says why a date is missing or is today."""

    days: int | None
    first_over: date | None
    conservative_days: int | None
    conservative_first_over: date | None
    reason: Reason
    windows: tuple[tuple[date, date], ...] = ()

    @property
    def is_to_come(self) -> bool:
        """Whether it is known when it will be over, or that it will not soon: it is not yet."""
        return self.reason in ("", "no_growth", "beyond_horizon")

    @property
    def shortest(self) -> int | None:
        known = [days for days in (self.days, self.conservative_days) if days is not None]
        return min(known, default=None)


def no_runway(reason: Reason) -> Runway:
    return Runway(None, None, None, None, reason)


def runway(
    passage: Passage, *, as_of: date, usable_now: float, demand_now: float | None = None
) -> Runway:
    """The runway of one series, with the reasons tested in the glossary's order.

    ``demand_now`` overrides the paths' middle at as_of. Staleness and too little history are the
    caller's to tell: then there are no paths to speak of.
    """
    now = passage.level_now if demand_now is None else demand_now
    if exceeds(now, usable_now):
        return Runway(0, as_of, 0, as_of, "exhausted", _dated(passage.windows, as_of))
    base, conservative = passage.base, passage.conservative
    reason: Reason = ""
    if base is None and conservative is None:
        reason = "beyond_horizon" if passage.growth_significant else "no_growth"
    return Runway(
        days=_complete_days(base),
        first_over=_date(as_of, base),
        conservative_days=_complete_days(conservative),
        conservative_first_over=_date(as_of, conservative),
        reason=reason,
        windows=_dated(passage.windows, as_of),
    )


def _complete_days(first_over: int | None) -> int | None:
    """Days that are wholly safe after as_of; a path over on day 0 leaves none."""
    return None if first_over is None else max(0, first_over - 1)


def _date(as_of: date, day: int | None) -> date | None:
    return None if day is None else as_of + timedelta(days=day)


def _dated(windows: Iterable[tuple[int, int]], as_of: date) -> tuple[tuple[date, date], ...]:
    return tuple(
        (as_of + timedelta(days=first), as_of + timedelta(days=last)) for first, last in windows
    )


@dataclass(frozen=True, slots=True)
class OrderBy:
    """By which date to order, and by how much that is past."""

    on: date | None
    overdue_days: int
    lead_days: int
    basis: Literal["conservative", "base"]
    lead_assumed: bool


def order_by(
    found: Runway,
    *,
    as_of: date,
    lead_days: int,
    lead_confirmed: bool,
    basis: Literal["conservative", "base"] = "conservative",
) -> OrderBy:
    """First over less the lead time. A base that never crosses leaves the date to the other."""
    chosen = found.conservative_first_over if basis == "conservative" else found.first_over
    if chosen is None and basis == "base":
        chosen, basis = found.conservative_first_over, "conservative"
    on = None if chosen is None else chosen - timedelta(days=lead_days)
    overdue = 0 if on is None else max(0, (as_of - on).days)
    return OrderBy(on, overdue, lead_days, basis, not lead_confirmed)


def status(
    found: Runway,
    order: OrderBy,
    *,
    as_of: date,
    rules: StatusRules,
    critical_without_ha: bool = False,
) -> Status:
    """What the reader has to do (glossary 19)."""
    if found.reason == "exhausted":
        return "overdue"
    if order.on is not None and order.on <= as_of:
        return "overdue_if_assumed" if order.lead_assumed else "overdue"
    if critical_without_ha:
        return "act"
    if found.reason in ("stale", "not_enough_history", "capacity_unknown", "demand_unknown"):
        return "unknown"
    if order.on is None:
        return "ok"
    days = (order.on - as_of).days
    if days <= rules.act_days:
        return "act"
    return "plan" if days <= rules.plan_days else "ok"


URGENCY: tuple[Status, ...] = ("overdue", "overdue_if_assumed", "act", "plan", "unknown", "ok")


def most_urgent(statuses: Sequence[Status]) -> Status:
    """The status of a whole from those of its parts; "unknown" when there are none."""
    return min(statuses, key=URGENCY.index, default="unknown")


Confidence = Literal["none", "low", "medium", "high"]


def confidence(
    *,
    history_days: float,
    coverage_ratio: float,
    wape_30: float | None,
    stale: bool,
    runway_days: int | None,
    minimum_history_days: int = 14,
    minimum_coverage_ratio: float = 0.40,
) -> Confidence:
    """How far the runway can be trusted (glossary 18); WAPE is 0-100, None when not measured."""
    if stale or history_days < minimum_history_days or coverage_ratio < minimum_coverage_ratio:
        return "none"
    if wape_30 is None:
        return "low"
    extrapolated = runway_days is not None and runway_days > history_days
    if coverage_ratio >= 0.90 and history_days >= 90 and wape_30 <= 10 and not extrapolated:
        return "high"
    if coverage_ratio >= 0.60 and history_days >= 30 and wape_30 <= 25:
        return "medium"
    return "low"
