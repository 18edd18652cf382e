"""How grave findings are: a level is the worst open one, points add up; never an average.

Points of a finding = base of its severity × class of the data × exposure to the public for the
groups that an attacker reaches over the network × confidence; rounded half up per finding, so that
printed lines add up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from planner.risks.rule import SEVERITIES, Finding, Group, Outcome, Severity, Subject

BASE: dict[Severity, int] = {"critical": 40, "high": 20, "medium": 8, "low": 3, "info": 0}
CLASS: dict[str, float] = {
    "publik": 1.0,
    "terbatas": 1.25,
    "infra": 1.25,
    "pribadi-umum": 1.5,
    "pribadi-spesifik": 2.0,
}
CLASS_NOT_KNOWN = 1.5
EXPOSED = 1.25
INFERRED = 0.5
_REACHED_BY_NETWORK: frozenset[Group] = frozenset(
    {"network", "segregation", "lifecycle", "identity"}
)


@dataclass(frozen=True, slots=True)
class Weights:
    """The factors of a finding's points, and what they stand for."""

    base: int
    severity: Severity
    data: float = 1.0
    data_of: str = ""
    exposure: float = 1.0
    confidence: float = 1.0

    @property
    def points(self) -> int:
        """The product, rounded half up. All factors are quarters, so floats are exact."""
        return math.floor(self.base * self.data * self.exposure * self.confidence + 0.5)

    @property
    def formula(self) -> str:
        """The product as a reader can check it: the factors that count, and what they come to."""
        factors = [f"{self.severity} {self.base}"]
        factors += [f"{self.data_of} {self.data:g}"] if self.data_of else []
        factors += [f"public {self.exposure:g}"] if self.exposure != 1 else []
        factors += [f"inferred {self.confidence:g}"] if self.confidence != 1 else []
        return f"{' × '.join(factors)} = {self.points}"


def weights(severity: Severity, group: Group, subject: Subject, outcome: Outcome) -> Weights:
    """What one risk weighs, whether it is open or accepted."""
    holds_data = bool(subject.guest) or subject.kind in ("guest", "service")
    named = subject.classification if subject.classification in CLASS else None
    return Weights(
        base=BASE[severity],
        severity=severity,
        data=CLASS.get(named or "", CLASS_NOT_KNOWN) if holds_data else 1.0,
        data_of=(named or "class not known") if holds_data else "",
        exposure=EXPOSED if subject.public and group in _REACHED_BY_NETWORK else 1.0,
        confidence=INFERRED if outcome.inferred else 1.0,
    )


def weights_of(finding: Finding) -> Weights:
    """What a finding weighs."""
    return weights(finding.severity, finding.rule.group, finding.subject, finding.outcome)


def level(findings: Iterable[Finding]) -> str:
    """A (none) to E (critical): the worst severity among open risks."""
    grades = ["A", "A", "B", "C", "D", "E"]
    worst = max((SEVERITIES.index(f.severity) for f in findings if f.is_open), default=-1)
    return grades[worst + 1]
