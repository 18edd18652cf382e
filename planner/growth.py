"""Growth told apart: what a change of demand or allocation is made of, and what caused a step.

Of what is allocated the parts are exact: versions of guests and disks at two instants. Of demand
they are told from what each guest used in two weeks, and what no guest accounts for is shown as
unexplained. Either way the parts sum to the change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from inventory.holdings import GuestUse, Holding
from inventory.levels import DayPoint
from planner.answers import Answer
from planner.estate import Estate
from planner.foreseen import LevelStep
from planner.growth_parts import (
    WEEK_DAYS,
    Growth,
    Kind,
    Ledger,
    Part,
    Weeks,
    allocation_growth,
)
from planner.loads import cores_per_thread
from planner.past import Past
from planner.pools import Pool
from planner.purchases import Hardware, Order
from planner.questions import Question
from planner.storage_growth import THICK, storage_growth

WINDOWS_DAYS = (7, 90)
_AROUND_DAYS = 2  # how far from a step its cause may lie
_NAMED = 3

# How large a step may be against what is to have caused it.
_OF_WHAT_WAS_MEASURED = (0.5, 1.5)
_OF_WHAT_WAS_ALLOCATED = (0.9, 1.1)
_USED_OF_WHAT_WAS_ALLOCATED = (0.2, 1.1)  # a guest uses a part of what it is given


@dataclass(frozen=True, slots=True)
class Cause:
    """A step and the change that fits it; ``why`` is "unexplained" where none does."""

    step: LevelStep
    why: str


# What is used


def demand_growth(
    ledger: Ledger,
    place: tuple[str, str],
    weeks: Weeks,
    points: Iterable[DayPoint],
    per_thread: float = 1.0,
) -> Growth:
    """The change of a cluster's mean day between two weeks, told from what its guests used.

    Before the store knew a guest, its use tells when it came, if its platform told any of it.
    """
    change = weeks.change(points)
    guests = [_Guest(ledger.of[thing], place, weeks) for thing in ledger.things_at({place})]
    if change is None or all(guest.used_old is None for guest in guests):
        return Growth(weeks.old, change)
    scale = per_thread if place[1] == "cpu" else 1.0
    parts = (guest.part(scale) for guest in guests)
    return Growth(weeks.old, change, tuple(part for part in parts if part is not None))


@dataclass(frozen=True)
class _Guest:
    """One guest in two weeks: its versions, oldest first."""

    rows: tuple[Holding, ...]
    place: tuple[str, str]
    weeks: Weeks

    def part(self, scale: float) -> Part | None:
        """What it adds; None where that is not known, or where it used nothing in either week."""
        if (self.used_old is None and self.used_new is None) or self._may_have_been:
            return None
        amount = scale * ((self.used_new or 0.0) - (self.used_old or 0.0))
        return Part(self._kind(), self.rows[-1].label, amount)

    @cached_property
    def used_old(self) -> float | None:
        return self._used(self.weeks.used_old, self._was or self.rows[0])

    @cached_property
    def used_new(self) -> float | None:
        return self._used(self.weeks.used_new, self._is or self.rows[-1])

    def _used(self, used: Mapping[int, GuestUse], row: Holding) -> float | None:
        found = used.get(int(row.thing[1]))
        if found is None or row.place != self.place:
            return None
        return found.cpu_cores if self.place[1] == "cpu" else found.memory_bytes

    @cached_property
    def _was(self) -> Holding | None:
        return self._held_at(self.weeks.seen_old)

    @cached_property
    def _is(self) -> Holding | None:
        return self._held_at(self.weeks.seen_new)

    def _held_at(self, at: datetime) -> Holding | None:
        held = [row for row in self.rows if row.holds_at(at)]
        return held[-1] if held else None

    @property
    def _may_have_been(self) -> bool:
        """Whether nothing tells if it was there in the old week: the store knew it from its
        first poll on, and its platform told no use from before that."""
        return (
            self.used_old is None
            and self.weeks.seen_old < self.weeks.known_since
            and self.rows[0].valid_from <= self.weeks.known_since
            and int(self.rows[0].thing[1]) not in self.weeks.used_earlier
        )

    def _kind(self) -> Kind:
        was, now = self._was, self._is
        ended = self.rows[-1].valid_to
        if ended is not None and ended <= self.weeks.seen_new:
            return "removed"
        if was is None and self.used_old is None:
            return "added"
        if was is not None and now is not None and was.place != now.place:
            return "moved"
        if self.used_old is None or self.used_new is None:
            return "switched"
        if was is not None and now is not None and was.amount != now.amount:
            return "resized"
        return "organic"


# What caused a step


def cause_of(
    step: LevelStep,
    measured: Sequence[Part],
    allocated: Sequence[Part],
    hardware: Iterable[Hardware],
    orders: Iterable[Order] = (),
    *,
    is_demand: bool,
) -> Cause:
    """The change within two days of a step that fits it in size and sign, or "unexplained"."""
    of_allocated = _USED_OF_WHAT_WAS_ALLOCATED if is_demand else _OF_WHAT_WAS_ALLOCATED
    for parts, ratio in ((measured, _OF_WHAT_WAS_MEASURED), (allocated, of_allocated)):
        if found := _fitting(parts, step.size, ratio):
            return Cause(step, _told(found))
    for item in hardware:
        if _is_near(step, item.when) and _arrives(item) == (step.size > 0):
            return Cause(step, f"hardware {item.change}: {item.host or item.pool} (no size told)")
    for order in orders if step.size > 0 else ():
        for stage, on in order.stages.dated():
            if stage in ("delivered", "in_service") and _is_near(step, on):
                said = stage.replace("_", " ")
                return Cause(step, f"order {order.name}: {said} {on} (no size told)")
    return Cause(step, "unexplained")


def _is_near(step: LevelStep, day: date) -> bool:
    near = timedelta(days=_AROUND_DAYS)
    return step.before - near < day <= step.on + near


def _arrives(item: Hardware) -> bool:
    return item.change == "arrives"


def _fitting(parts: Iterable[Part], size: float, ratio: tuple[float, float]) -> tuple[Part, ...]:
    """The one part nearest to a step among those that fit, else all together if they do."""
    low, high = ratio
    same = [part for part in parts if part.amount * size > 0]
    single = [part for part in same if low <= size / part.amount <= high]
    if single:
        return (min(single, key=lambda part: (abs(part.amount - size), part.label)),)
    total = sum(part.amount for part in same)
    if same and low <= size / total <= high:
        return tuple(sorted(same, key=lambda part: (-abs(part.amount), part.label)))
    return ()


def _told(parts: Sequence[Part]) -> str:
    names = ", ".join(part.label for part in parts[:_NAMED])
    more = f" and {len(parts) - _NAMED} more" if len(parts) > _NAMED else ""
    kinds = {part.kind for part in parts}
    kind = parts[0].kind if len(kinds) == 1 else "changed"
    up = parts[0].amount > 0
    words = {
        "moved": "moved in" if up else "moved out",
        "switched": "switched on" if up else "switched off",
        "organic": "uses more" if up else "uses less",
    }
    return f"{words.get(kind, kind)}: {names}{more}"


# All of it


@dataclass(frozen=True, slots=True)
class PoolGrowth:
    """The growth of one pool, resource and model: by window, and the causes of its steps."""

    windows: tuple[Growth, ...]  # as WINDOWS_DAYS
    causes: tuple[Cause, ...]


def first_known(estate: Estate, pool: Pool) -> datetime | None:
    """When every source of the pool had been read."""
    health = [estate.source_health(name) for name in pool.sources]
    known = [h.state.first_success_at for h in health if h is not None]
    return max((at for at in known if at is not None), default=None)


def _week_before_known(estate: Estate, pool: Pool, zone: ZoneInfo) -> date:
    """A week that only a platform's own history can tell of."""
    first = first_known(estate, pool) or estate.at
    return first.astimezone(zone).date() - timedelta(days=2 * WEEK_DAYS)


def weeks_needed(estate: Estate, answers: Iterable[Answer], zone: ZoneInfo) -> frozenset[date]:
    """The first days of the weeks whose use by guests the growth is told from."""
    as_of = estate.as_of
    last = as_of - timedelta(days=WEEK_DAYS)
    found = {last} | {last - timedelta(days=days) for days in WINDOWS_DAYS}
    for answer in answers:
        if answer.question.model == "demand":
            found.add(_week_before_known(estate, answer.question.pool, zone))
            for step in answer.steps:
                found |= {_week_before(step), step.on}
    return frozenset(found)


def history_needed(answers: Iterable[Answer], at: datetime) -> datetime:
    """Since when the versions of guests and disks are needed."""
    oldest = at - timedelta(days=max(WINDOWS_DAYS) + 2 * WEEK_DAYS)
    steps = [step.before for answer in answers for step in answer.steps]
    if not steps:
        return oldest
    since = datetime.combine(min(steps) - timedelta(days=2 * WEEK_DAYS), time(), at.tzinfo)
    return min(oldest, since)


def _week_before(step: LevelStep) -> date:
    """The last week of the old level, but its last day: what came, came in the course of it."""
    return step.before - timedelta(days=WEEK_DAYS)


@dataclass(frozen=True)
class Teller:
    """Tells the growth of pools from what the store remembers."""

    estate: Estate
    past: Past
    ledger: Ledger
    use: Mapping[date, Mapping[int, GuestUse]]  # by the first day of a week
    zone: ZoneInfo

    def growth(self, answer: Answer) -> PoolGrowth:
        windows = tuple(self._window(answer.question, days) for days in WINDOWS_DAYS)
        causes = tuple(self._cause(answer, step) for step in answer.steps)
        return PoolGrowth(windows, causes)

    def _window(self, question: Question, days: int) -> Growth:
        if question.model == "allocation":
            since = self.estate.at - timedelta(days=days)
            return self._allocation(question, since, self.estate.at)
        new = self.estate.as_of - timedelta(days=WEEK_DAYS)
        return self._demand(question, new - timedelta(days=days), new, self.estate.at)

    def _allocation(self, question: Question, since: datetime, until: datetime) -> Growth:
        """From the first poll on where that is later: what it found is no growth."""
        first = first_known(self.estate, question.pool)
        since = since if first is None else max(since, first)
        day = since.astimezone(self.zone).date()
        return allocation_growth(self.ledger, self._places(question), since, until, day)

    def _demand(self, question: Question, old: date, new: date, seen_new: datetime) -> Growth:
        points = self._points(question)
        earlier = _week_before_known(self.estate, question.pool, self.zone)
        weeks = Weeks(
            old, new, self._midst(old), seen_new,
            first_known(self.estate, question.pool) or self.estate.at,
            *(self.use.get(week, {}) for week in (old, new, earlier)),
        )  # fmt: skip
        if (store := question.pool.datastore) is not None:
            thick = store.record.kind in THICK
            places = self._places(question)
            return storage_growth(self.ledger, places, weeks, points, is_thick=thick)
        place = (question.pool.cluster, question.resource)
        return demand_growth(self.ledger, place, weeks, points, cores_per_thread(question.pool))

    def _midst(self, week: date) -> datetime:
        return datetime.combine(week + timedelta(days=WEEK_DAYS // 2), time(12), self.zone)

    def _points(self, question: Question) -> Sequence[DayPoint]:
        store = question.pool.datastore
        if store is None:
            return self.past.cluster_days.get((question.pool.cluster, question.resource), ())
        return self.past.datastore_days.get((store.entity_key or 0, "storage"), ())

    def _places(self, question: Question) -> frozenset[tuple[str, str]]:
        store = question.pool.datastore
        if store is None:
            return frozenset({(question.pool.cluster, question.resource)})
        return self.estate.places_of(store)

    def _cause(self, answer: Answer, step: LevelStep) -> Cause:
        question = answer.question
        near = timedelta(days=_AROUND_DAYS)
        return cause_of(
            step,
            self._measured(question, step),
            self._allocated(question, step, near),
            [item for item in self.estate.owners.hardware if question.pool.answers_to(item.pool)],
            [order for order in self.estate.owners.orders if question.pool.answers_to(order.pool)],
            is_demand=question.model == "demand",
        )

    def _measured(self, question: Question, step: LevelStep) -> tuple[Part, ...]:
        """What guests used in the weeks before and after, on the scale of the step."""
        if question.model != "demand":
            return ()
        found = self._demand(question, _week_before(step), step.on, self._midst(step.on))
        factor = question.load.series.factor
        return tuple(Part(p.kind, p.label, factor * p.amount) for p in found.parts or ())

    def _allocated(self, question: Question, step: LevelStep, near: timedelta) -> tuple[Part, ...]:
        since = self._midnight(step.before - near + timedelta(days=1))
        until = min(self._midnight(step.on + near + timedelta(days=1)), self.estate.at)
        first = first_known(self.estate, question.pool)
        if first is None or first > since:
            return ()
        return self._allocation(question, since, until).parts or ()

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone)
