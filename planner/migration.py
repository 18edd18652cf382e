"""The move of guests off a platform: who has moved, who is next, and whether the pace suffices.

A guest has moved once its twin runs while it does not; it is gone when it left without a twin.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from inventory.facts import Fact
from inventory.records import POWERED_ON, Guest
from inventory.versions import GuestVersion
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.keys import burn_down_key, migration_key
from planner.obstacles import Verdict, examine
from planner.owners import Migration
from planner.twins import GuestKey, is_arriving, is_leaving, key_of, matches, pairs_of

GIB = 1024**3
State = Literal["not_started", "in_both", "moved", "gone"]
DONE: frozenset[State] = frozenset({"moved", "gone"})
_PACE_WEEKS = 4  # over which the observed pace is taken
_PAST_WEEKS = 12  # that the burn-down shows
_FUTURE_WEEKS = 104
_FOR_EVER_DAYS = 36_500
_BLOCKED = "auto-blocked"
_BY_RULE = re.compile(r"auto-(\d+)")
_LAST = 10**9


@dataclass(frozen=True, slots=True)
class MigrationRow:
    """`lumbung migration`: one guest of the side that is left."""

    guest_id: str
    name: str | None
    source: str
    cluster: str
    agency: str | None
    wave: str | None
    wave_on: date | None
    state: State
    moved_on: date | None
    verdict: Verdict | None
    reasons: str
    unknown: str
    twin_id: str | None
    counted_on: str | None
    provisioned_gib: float | None
    key: str


@dataclass(frozen=True, slots=True)
class BurnDownRow:
    """`lumbung migration --to`: what remains at the end of a week, and what should."""

    week_end: date
    remaining: int | None
    moved: int | None
    at_observed_pace: float | None
    at_needed_pace: float | None
    key: str


@dataclass(frozen=True, slots=True)
class Pace:
    """Guests per week: as observed, and as needed to be done in time; None is not known."""

    remaining: int
    total: int
    observed: float | None
    needed: float | None
    until: date | None
    done_on: date | None  # at the observed pace; None when it never ends


@dataclass(frozen=True, slots=True)
class MigrationView:
    """All of it."""

    guests: tuple[MigrationRow, ...]
    burn_down: tuple[BurnDownRow, ...]
    pace: Pace

    @property
    def summary(self) -> str:
        """The pace in one line."""
        pace = self.pace
        parts = [f"{pace.remaining} of {pace.total} guests remain"]
        seen = "not known yet" if pace.observed is None else f"{pace.observed:.1f} a week"
        parts.append(f"pace of the last {_PACE_WEEKS} weeks {seen}")
        if pace.until is not None:
            needed = "past" if pace.needed is None else f"{pace.needed:.1f} a week"
            parts.append(f"needed to be done by {pace.until}: {needed}")
        if pace.done_on is not None:
            late = (pace.done_on - pace.until).days if pace.until else 0
            tail = f", {late} days late" if late > 0 else ""
            parts.append(f"done on {pace.done_on} at this pace{tail}")
        return "; ".join(parts)


def migration_of(
    estate: Estate,
    versions: Iterable[GuestVersion],
    *,
    zone: ZoneInfo,
    until: date | None = None,
) -> MigrationView:
    """The migration as of the estate's date. Pure: the same in, the same out."""
    plan = estate.owners.migration
    courses = tuple(_courses(estate, versions))
    until = until or plan.until
    pace = _pace(courses, estate, zone, until)
    rows = _in_waves([_row(course, estate, zone) for course in courses], courses, plan)
    return MigrationView(rows, tuple(_burn_down(courses, estate, zone, pace)), pace)


# From versions to the course of each guest


@dataclass(frozen=True, slots=True)
class _Life:
    """One guest's versions, oldest first."""

    versions: tuple[GuestVersion, ...]

    @property
    def last(self) -> Fact[Guest]:
        return self.versions[-1].fact

    @property
    def began_at(self) -> datetime:
        return self.versions[0].fact.valid_from

    @property
    def ended_at(self) -> datetime | None:
        return self.versions[-1].until

    def on(self) -> Iterator[tuple[datetime, datetime | None]]:
        """The times over which it was powered on."""
        for version in self.versions:
            if version.fact.record.power in POWERED_ON:
                yield version.fact.valid_from, version.until


@dataclass(frozen=True, slots=True)
class _Course:
    """A guest that is to move: its life, its twin's, and when it was done."""

    life: _Life
    twin: _Life | None
    done_at: datetime | None

    @property
    def state(self) -> State:
        if self.twin is None:
            return "gone" if self.done_at else "not_started"
        return "moved" if self.done_at else "in_both"


def _courses(estate: Estate, versions: Iterable[GuestVersion]) -> Iterator[_Course]:
    """The guests that leave, by cluster and id; templates and what stays are not among them."""
    plan = estate.owners.migration
    leaving, arriving = _lives(versions, plan, estate.vmware_sources)
    movers = [life for life in leaving if _moves(life.last, plan)]
    pairs = _pairs(movers, arriving, plan)
    for life in sorted(movers, key=lambda life: key_of(life.last.record)):
        twin = pairs.get(key_of(life.last.record))
        yield _Course(life, twin, _done_at(life, twin))


def _moves(fact: Fact[Guest], plan: Migration) -> bool:
    return fact.record.template is not True and not any(matches(m, fact) for m in plan.stays)


def _lives(
    versions: Iterable[GuestVersion], plan: Migration, vmware: frozenset[str]
) -> tuple[list[_Life], list[_Life]]:
    """The lives on the side that is left, and those elsewhere.

    A guest that goes from one cluster to another of the side that is left lives on, and so does
    one that was taken out of its inventory and registered anew.
    """
    leaving: dict[tuple[str, str], list[GuestVersion]] = defaultdict(list)
    arriving: dict[tuple[str, int | None], list[GuestVersion]] = defaultdict(list)
    for version in versions:
        fact = version.fact
        if is_leaving(fact, plan, vmware):
            leaving[fact.source, fact.record.guest_id].append(version)
        elif is_arriving(fact, plan):
            arriving[fact.record.cluster, fact.entity_key].append(version)
    here = [_Life(tuple(found)) for found in leaving.values()]
    return _once(here), [_Life(tuple(found)) for found in arriving.values()]


def _once(lives: Sequence[_Life]) -> list[_Life]:
    """The lives without those that another of the same UUID took up."""
    begun: dict[str | None, datetime] = {}
    for life in lives:
        uuid = life.last.record.uuid
        begun[uuid] = max(begun.get(uuid, life.began_at), life.began_at)
    return [
        life
        for life in lives
        if life.ended_at is None
        or life.last.record.uuid is None
        or begun[life.last.record.uuid] < life.ended_at
    ]


def _pairs(
    movers: Sequence[_Life], arriving: Sequence[_Life], plan: Migration
) -> dict[GuestKey, _Life]:
    """The twin's life of each guest, also of one that is gone here since it moved."""
    there = {key_of(life.last.record): life for life in arriving if life.ended_at is None}
    facts = [life.last for life in there.values()]
    here = [life.last for life in movers]
    return {key: there[twin] for key, twin in pairs_of(here, facts, plan).items()}


def _done_at(life: _Life, twin: _Life | None) -> datetime | None:
    """When the twin first ran while the guest did not any more; without a twin, when it went."""
    if twin is None:
        return life.ended_at
    times = list(life.on())
    off_at = times[-1][1] if times else life.began_at
    if off_at is None:
        return None
    for began, ended in twin.on():
        if ended is None or ended > off_at:
            return max(began, off_at)
    return None


# Rows


def _row(course: _Course, estate: Estate, zone: ZoneInfo) -> MigrationRow:
    fact = course.life.last
    guest, key = fact.record, key_of(fact.record)
    view = estate.guest_of.get(key)
    found = examine(view, estate) if view is not None and course.state not in DONE else None
    twin = None if course.twin is None else key_of(course.twin.last.record)
    return MigrationRow(
        guest_id=guest.guest_id,
        name=guest.name,
        source=fact.source,
        cluster=guest.cluster,
        agency=view.agency if view else None,
        wave=None,
        wave_on=None,
        state=course.state,
        moved_on=None if course.done_at is None else course.done_at.astimezone(zone).date(),
        verdict=found.verdict if found else None,
        reasons=found.reasons if found else "",
        unknown=", ".join(found.unknown) if found else "",
        twin_id=None if twin is None else ":".join(twin),
        counted_on=_counted_on(key, twin, view, estate),
        provisioned_gib=_provisioned(guest, estate) if view else None,
        key=migration_key(*key),
    )


def _counted_on(
    key: GuestKey, twin: GuestKey | None, view: GuestView | None, estate: Estate
) -> str | None:
    """The cluster in whose figures the guest stands."""
    if view is not None and key not in estate.twins.uncounted:
        return key[0]
    return twin[0] if twin is not None else None


def _provisioned(guest: Guest, estate: Estate) -> float | None:
    sizes = [disk.capacity_bytes for disk in estate.disks_of(guest)]
    known = [size for size in sizes if size is not None]
    return round(sum(known) / GIB, 3) if known and len(known) == len(sizes) else None


def _in_waves(
    rows: Sequence[MigrationRow], courses: Sequence[_Course], plan: Migration
) -> tuple[MigrationRow, ...]:
    """Each row with its wave: as declared; else small before large, what is blocked last."""
    placed, rest = [], []
    for row, course in zip(rows, courses, strict=True):
        wave = next(
            (w for w in plan.waves if any(matches(m, course.life.last) for m in w.match)), None
        )
        if wave is not None:
            placed.append(replace(row, wave=wave.name, wave_on=wave.when))
        elif row.state in DONE:
            placed.append(row)
        else:
            rest.append(row)
    free = sorted((r for r in rest if r.verdict != "block"), key=_size)
    blocked = (replace(row, wave=_BLOCKED) for row in rest if row.verdict == "block")
    waved = (replace(r, wave=f"auto-{i // plan.wave_size + 1}") for i, r in enumerate(free))
    order = {wave.name: place for place, wave in enumerate(plan.waves)}
    return tuple(sorted((*placed, *waved, *blocked), key=lambda row: _order(row, order)))


def _size(row: MigrationRow) -> tuple[float, str]:
    size = row.provisioned_gib
    return (float("inf") if size is None else size, row.guest_id)


def _order(row: MigrationRow, declared: Mapping[str, int]) -> tuple[int, int, int, str, str]:
    """By wave: declared ones first, then those by rule, what is done last."""
    wave = row.wave or ""
    by_rule = _BY_RULE.fullmatch(wave)
    number = int(by_rule[1]) if by_rule else _LAST
    place = declared.get(wave, len(declared))
    return (row.state in DONE, place, number, row.cluster, row.guest_id)


# The burn-down


def _pace(courses: Sequence[_Course], estate: Estate, zone: ZoneInfo, until: date | None) -> Pace:
    remaining = sum(1 for course in courses if course.done_at is None)
    observed = _observed(courses, estate.at)
    left = None if until is None else (until - estate.as_of).days
    return Pace(
        remaining=remaining,
        total=len(courses),
        observed=observed,
        needed=None if left is None or left <= 0 else 7 * remaining / left,
        until=until,
        done_on=_done_on(remaining, observed, estate.as_of),
    )


def _observed(courses: Sequence[_Course], at: datetime) -> float | None:
    """Guests per week over the last weeks; not known before a week was watched."""
    watched = min((course.life.began_at for course in courses), default=at)
    weeks = min(_PACE_WEEKS, (at - watched).total_seconds() / (7 * 86_400))
    if weeks < 1:
        return None
    since = at - timedelta(weeks=weeks)
    return sum(1 for c in courses if c.done_at is not None and c.done_at > since) / weeks


def _done_on(remaining: int, observed: float | None, as_of: date) -> date | None:
    if not observed or not remaining:
        return None
    days = math.ceil(7 * remaining / observed)
    return as_of + timedelta(days=days) if days < _FOR_EVER_DAYS else None


def _burn_down(
    courses: Sequence[_Course], estate: Estate, zone: ZoneInfo, pace: Pace
) -> Iterator[BurnDownRow]:
    """The weeks behind, as they were; the weeks ahead, at the observed and the needed pace."""
    if not courses:
        return
    first = min(course.life.began_at for course in courses).astimezone(zone).date()
    for back in range(_PAST_WEEKS, -1, -1):
        day = estate.as_of - timedelta(weeks=back)
        if day >= first:
            now = _end_of(day, zone) if back else estate.at
            yield _past_week(courses, day, now, pace.until)
    if pace.until is None:
        return
    for day in _weeks_ahead(estate.as_of, pace.until):
        weeks = (day - estate.as_of).days / 7
        yield BurnDownRow(
            week_end=day,
            remaining=None,
            moved=None,
            at_observed_pace=_left(pace.remaining, pace.observed, weeks),
            at_needed_pace=_left(pace.remaining, pace.needed, weeks),
            key=burn_down_key(pace.until, day),
        )


def _past_week(
    courses: Sequence[_Course], day: date, now: datetime, until: date | None
) -> BurnDownRow:
    known = [course for course in courses if course.life.began_at <= now]
    done = [course.done_at for course in known if course.done_at and course.done_at <= now]
    recent = sum(1 for at in done if at > now - timedelta(weeks=1))
    key = burn_down_key(until, day)
    return BurnDownRow(day, len(known) - len(done), recent, None, None, key)


def _weeks_ahead(as_of: date, until: date) -> Iterator[date]:
    """Week by week to the day itself."""
    for ahead in range(1, _FUTURE_WEEKS + 1):
        day = as_of + timedelta(weeks=ahead)
        if day >= until:
            break
        yield day
    if until > as_of:
        yield until


def _left(remaining: int, pace: float | None, weeks: float) -> float | None:
    return None if pace is None else round(max(0.0, remaining - pace * weeks), 1)


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), zone)
