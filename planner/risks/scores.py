"""The score of the estate, and of each agency, service and guest: the worst level, points that add
up over whichever of them, how much could be judged, and what became of it since last week."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from inventory.records import FindingState
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.keys import score_key
from planner.risks.engine import Assessment, coverage_percent
from planner.risks.rule import Account, Finding
from planner.risks.score import level, weights_of
from planner.risks.trend import NOT_COMPARABLE, TURNS, Trend, Turned, count
from planner.rows import ScoreRow

By = Literal["estate", "agency", "service", "guest"]
WEEKLY: tuple[By, ...] = ("estate", "agency", "service")
_MOST_REASONS = 5
HIGH = "D"  # the level of a guest with a high risk

_PART: Mapping[str, Callable[[Account], str]] = {
    "estate": lambda account: "",
    "agency": lambda account: account.agency,
    "service": lambda account: account.service,
    "guest": lambda account: account.guest,
}


def part_of(by: str) -> Callable[[Account], str]:
    """What of an account a row's name is."""
    return _PART[by]


def score_rows(
    estate: Estate, assessment: Assessment, trend: Trend | None, by: By
) -> tuple[ScoreRow, ...]:
    """One row for each, the worst first; the points of the rows add up to the estate's.

    The row without a name holds what belongs to none of them.
    """
    table = _Table.of(estate, assessment, trend, by)
    rows = [table.row(name) for name in table.names()]
    return tuple(sorted(rows, key=lambda row: (_worst_first(row.level), -row.points, row.name)))


def _worst_first(grade: str) -> int:
    return -ord(grade)


@dataclass(frozen=True)
class _Table:
    """Everything that rows of one kind are made of, by their names."""

    estate: Estate
    trend: Trend | None
    by: By
    findings: Mapping[str, Sequence[Finding]]
    judged: Mapping[Any, Counter[Any]]
    guests: Mapping[str, Sequence[GuestView]]
    turned: Mapping[str, Sequence[Turned]]
    before: Mapping[str, Sequence[FindingState]]
    of_guests: Mapping[str, Sequence[Finding]]

    @classmethod
    def of(cls, estate: Estate, assessment: Assessment, trend: Trend | None, by: By) -> _Table:
        part = _PART[by]
        return cls(
            estate=estate,
            trend=trend,
            by=by,
            findings=_grouped(assessment.findings, lambda f: part(f.subject.account)),
            judged=assessment.judged_by(part),
            guests=_grouped(estate.guests, lambda view: part(account_of(view))),
            turned=_grouped(trend.turned if trend else (), lambda found: part(found.account)),
            before=_grouped(
                trend.before if trend else (),
                lambda was: part(Account(was.agency, was.service, was.guest)),
            ),
            of_guests=assessment.by_guest(),
        )

    def names(self) -> set[str]:
        declared: Mapping[By, Iterable[str]] = {
            "estate": ("",),
            "agency": self.estate.owners.agencies,
            "service": self.estate.owners.services,
        }
        found = {*self.findings, *self.judged, *self.guests, *self.turned}
        return {str(name) for name in found} | set(declared.get(self.by, ()))

    def row(self, name: str) -> ScoreRow:
        findings, turned = self.findings.get(name, ()), self.turned.get(name, ())
        severities = Counter(found.severity for found in findings if found.is_open)
        return ScoreRow(
            as_of=self.estate.as_of,
            site=self.estate.site,
            by=self.by,
            name=name,
            called=self._called(name),
            level=level(findings),
            points=sum(found.points for found in findings),
            points_waived=sum(found.waived_points for found in findings),
            critical=severities["critical"],
            high=severities["high"],
            medium=severities["medium"],
            low=severities["low"],
            info=severities["info"],
            waived=sum(1 for found in findings if found.waiver is not None),
            unknown=sum(1 for found in findings if found.outcome.state == "unknown"),
            guests=len(self.guests.get(name, ())),
            guests_high_pct=self._high_percent(self.guests.get(name, ())),
            coverage_pct=coverage_percent(self.judged.get(name, {})),
            worst="; ".join(reasons(findings)),
            **self._trend(name, turned),
            key=score_key(self.by, name),
        )

    def _called(self, name: str) -> str:
        if self.by == "agency":
            agency = self.estate.owners.agencies.get(name)
            return agency.name if agency else ""
        if self.by == "guest" and name:
            return next(iter(self.guests.get(name, ()))).label if name in self.guests else ""
        return ""

    def _high_percent(self, guests: Sequence[GuestView]) -> float | None:
        """How many of the guests have a high risk or a worse one; None without guests."""
        levels = [level(self.of_guests.get(account_of(view).guest, ())) for view in guests]
        grave = sum(1 for grade in levels if grade >= HIGH)
        return round(100.0 * grave / len(levels), 1) if levels else None

    def _trend(self, name: str, turned: Sequence[Turned]) -> dict[str, Any]:
        """The columns that compare; all None where there is nothing to compare with."""
        known = self.trend is not None
        before = sum(was.points for was in self.before.get(name, ()))
        told: dict[str, Any] = {
            "compared_with": self.trend.since if self.trend else None,
            "points_before": before if known else None,
        }
        for turn in TURNS:
            told[f"turned_{turn}"] = count(turned, turn) if known else None
        told["not_comparable"] = count(turned, *NOT_COMPARABLE) if known else None
        return told


def account_of(view: GuestView) -> Account:
    guest = view.guest
    return Account(view.agency or "", view.service or "", f"{guest.cluster}/{guest.guest_id}")


def _grouped(things: Iterable[Any], key: Callable[[Any], str]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = defaultdict(list)
    for thing in things:
        groups[key(thing)].append(thing)
    return groups


def reasons(findings: Iterable[Finding]) -> Iterator[str]:
    """What weighs most among open findings, each with its formula."""
    open_ones = sorted(
        (found for found in findings if found.is_open),
        key=lambda found: (-found.points, found.rule.id, found.subject.label),
    )
    for found in open_ones[:_MOST_REASONS]:
        yield f"{found.rule.id} {found.subject.label}: {weights_of(found).formula}"
