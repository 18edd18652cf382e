"""What became of findings since an earlier report: new, fixed, waived, reclassified, or not told.

Only what was asked and could be seen counts as fixed: a rule that is switched off, or a source that
shows less, mends nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from inventory.findings import PastReport
from inventory.records import FindingState
from planner.risks.engine import Assessment
from planner.risks.rule import Account, Finding

# new: was not open · fixed: no longer there · waived: accepted since · returned: its waiver ended ·
# reclassified: of another severity or weight · new_rule: was not asked · rule_off: is not asked ·
# not_seen: can no longer be checked · stood_for: told by a graver finding
Turn = Literal[
    "new",
    "fixed",
    "waived",
    "returned",
    "reclassified",
    "new_rule",
    "rule_off",
    "not_seen",
    "stood_for",
]
TURNS: tuple[Turn, ...] = ("new", "fixed", "waived", "returned", "reclassified")
NOT_COMPARABLE: tuple[Turn, ...] = ("new_rule", "rule_off", "not_seen", "stood_for")


@dataclass(frozen=True, slots=True)
class Turned:
    """One finding that is no longer as it was."""

    turn: Turn
    finding_id: str
    rule: str
    subject: str
    account: Account
    was: FindingState | None
    points: int  # of an open risk now


@dataclass(frozen=True, slots=True)
class Trend:
    """What changed since the report of ``since``, and what stood in it."""

    since: date
    before: tuple[FindingState, ...]
    turned: tuple[Turned, ...]
    of: Mapping[str, Turned] = field(default_factory=dict)  # by finding id

    def turn_of(self, finding_id: str) -> str:
        """The word for a finding; "" when it is as it was."""
        found = self.of.get(finding_id)
        return "" if found is None else found.turn


def states_of(assessment: Assessment, on: date) -> Iterator[FindingState]:
    """What a report says of its findings, to be remembered."""
    for finding in assessment.findings:
        subject, account = finding.subject, finding.subject.account
        yield FindingState(
            finding_id=finding.id,
            since_on=on,
            last_on=on,
            rule=finding.rule.id,
            outcome=finding.outcome.state,
            severity=finding.severity,
            points=finding.points,
            points_waived=finding.waived_points,
            waiver=finding.waiver.id if finding.waiver else "",
            classification=subject.classification,
            source=subject.source,
            agency=account.agency,
            service=account.service,
            guest=account.guest,
            subject=subject.label,
        )


def trend_of(past: PastReport | None, assessment: Assessment) -> Trend | None:
    """What became of findings since an earlier report; None without one."""
    if past is None:
        return None
    before = {state.finding_id: state for state in past.states}
    turned = (*_turned_now(past, before, assessment), *_gone(before, assessment))
    return Trend(past.on, past.states, turned, {found.finding_id: found for found in turned})


def _turned_now(
    past: PastReport, before: Mapping[str, FindingState], assessment: Assessment
) -> Iterator[Turned]:
    for finding in assessment.findings:
        was = before.get(finding.id)
        turn = _turn(finding, was)
        if turn is None:
            continue
        if was is None and finding.rule.id not in past.rules:
            turn = "new_rule"
        yield Turned(
            turn=turn,
            finding_id=finding.id,
            rule=finding.rule.id,
            subject=finding.subject.label,
            account=finding.subject.account,
            was=was,
            points=finding.points,
        )


def _turn(finding: Finding, was: FindingState | None) -> Turn | None:
    """What became of a finding that is told now; None when it is as it was."""
    was_open = was is not None and was.is_open
    if finding.waiver is not None:
        return None if was is not None and was.waiver else "waived"
    if not finding.is_open:
        return "not_seen" if was_open else None
    if was is None or was.outcome != "risk":
        return "new"
    if was.waiver:
        return "returned"
    same = (was.severity, was.points) == (finding.severity, finding.points)
    return None if same else "reclassified"


def _gone(before: Mapping[str, FindingState], assessment: Assessment) -> Iterator[Turned]:
    """The risks that are no longer told, and why."""
    told = {finding.id for finding in assessment.findings}
    for name, was in before.items():
        if name in told or was.outcome != "risk":
            continue
        account = Account(was.agency, was.service, was.guest)
        turn = _why_gone(was, assessment)
        yield Turned(turn, name, was.rule, was.subject, account, was, 0)


def _why_gone(was: FindingState, assessment: Assessment) -> Turn:
    if was.rule not in assessment.counts:
        return "rule_off"
    if was.finding_id in assessment.muted:
        return "stood_for"
    return "not_seen" if (was.rule, was.source) in assessment.blind else "fixed"


def count(turned: Iterable[Turned], *turns: Turn) -> int:
    """How many took one of these turns."""
    return sum(1 for found in turned if found.turn in turns)
