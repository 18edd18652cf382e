"""How far a round of asking has come, and what to classify first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from planner.attestation.guesses import Guesses
from planner.attestation.lists import asked_about, disk_bytes, in_gib
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.report import Report


@dataclass(frozen=True, slots=True)
class RoundRow:
    """One agency: how many of its guests it answered for in this round."""

    agency: str
    called: str
    guests: int
    answered: int
    answered_pct: float
    overdue: int
    never: int
    unclassified: int
    oldest_answer: date | None
    next_due: date | None


@dataclass(frozen=True, slots=True)
class OverdueRow:
    """One guest whose answer is older than a round, or, where asked for, was never given."""

    cluster: str
    guest_id: str
    name: str | None
    agency: str | None
    confirmed_by: str | None
    confirmed_on: date | None
    due_on: date | None
    days_overdue: int | None


@dataclass(frozen=True, slots=True)
class ClassifyRow:
    """One guest without a class, the most dangerous first."""

    rank: int
    cluster: str
    guest_id: str
    name: str | None
    agency: str | None
    public: bool | None
    risk_points: int
    disk_gib: float | None
    guess_classification: str
    guess_from: str


def due_on(view: GuestView, estate: Estate) -> date | None:
    """When it must be answered for again; None when it never was."""
    told = view.owner_confirmed_on
    return None if told is None else told + timedelta(days=estate.policy.attestation.round_days)


def is_answered(view: GuestView, estate: Estate) -> bool:
    """Whether the last answer is of this round."""
    due = due_on(view, estate)
    return due is not None and due >= estate.as_of


def round_rows(estate: Estate) -> tuple[RoundRow, ...]:
    """The agencies, those with the least share answered first; "" is what nobody owns."""
    groups: dict[str, list[GuestView]] = defaultdict(list)
    for view in asked_about(estate):
        groups[view.agency or ""].append(view)
    rows = [_round(agency, views, estate) for agency, views in groups.items()]
    return tuple(sorted(rows, key=lambda row: (row.answered_pct, -row.guests, row.agency)))


def _round(agency: str, views: Sequence[GuestView], estate: Estate) -> RoundRow:
    known = estate.owners.agencies.get(agency)
    answered = sum(1 for view in views if is_answered(view, estate))
    told = [view.owner_confirmed_on for view in views if view.owner_confirmed_on is not None]
    due = [day for view in views if (day := due_on(view, estate)) is not None]
    return RoundRow(
        agency=agency,
        called=known.name if known else "",
        guests=len(views),
        answered=answered,
        answered_pct=round(100.0 * answered / len(views), 1),
        overdue=len(told) - answered,
        never=len(views) - len(told),
        unclassified=sum(1 for view in views if view.classification is None),
        oldest_answer=min(told, default=None),
        next_due=min(due, default=None),
    )


def overdue_rows(estate: Estate) -> tuple[OverdueRow, ...]:
    """The guests whose answer is of an earlier round, the oldest answer first."""
    asked = [view for view in asked_about(estate) if view.owner_confirmed_on is not None]
    late = [view for view in asked if not is_answered(view, estate)]
    late.sort(key=lambda view: (view.owner_confirmed_on or date.min, view.key))
    return tuple(_overdue(view, estate) for view in late)


def never_rows(estate: Estate) -> tuple[OverdueRow, ...]:
    """The guests that nobody ever answered for."""
    never = [view for view in asked_about(estate) if view.owner_confirmed_on is None]
    return tuple(_overdue(view, estate) for view in sorted(never, key=lambda view: view.key))


def _overdue(view: GuestView, estate: Estate) -> OverdueRow:
    due = due_on(view, estate)
    return OverdueRow(
        cluster=view.guest.cluster,
        guest_id=view.guest.guest_id,
        name=view.guest.name,
        agency=view.agency,
        confirmed_by=view.owner_confirmed_by,
        confirmed_on=view.owner_confirmed_on,
        due_on=due,
        days_overdue=None if due is None else (estate.as_of - due).days,
    )


def classify_first(report: Report, most: int | None = None) -> tuple[ClassifyRow, ...]:
    """The guests without a class: open to the public first, then by risk points, then by bytes."""
    estate, guesses = report.estate, Guesses(report.estate)
    points = {(line.cluster, line.guest_id): line.risk_points for line in report.guests}
    bytes_of = {view.key: disk_bytes(view, estate) for view in asked_about(estate)}
    unclassified = [view for view in asked_about(estate) if view.classification is None]
    unclassified.sort(
        key=lambda view: (
            view.public is not True,
            -points.get(view.key, 0),
            -(bytes_of[view.key] or 0.0),
            view.key,
        )
    )
    return tuple(
        _classify(rank, view, points.get(view.key, 0), bytes_of[view.key], guesses)
        for rank, view in enumerate(unclassified[:most], 1)
    )


def _classify(
    rank: int, view: GuestView, points: int, size: float | None, guesses: Guesses
) -> ClassifyRow:
    guess = guesses.of(view, "classification")
    return ClassifyRow(
        rank=rank,
        cluster=view.guest.cluster,
        guest_id=view.guest.guest_id,
        name=view.guest.name,
        agency=view.agency,
        public=view.public,
        risk_points=points,
        disk_gib=in_gib(size),
        guess_classification=guess.value if guess else "",
        guess_from=guess.sign if guess else "",
    )
