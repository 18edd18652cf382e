"""How grave findings are: a level is the worst open one, points add up; never an average.

Points of a finding = base of its severity × class of the data × exposure to the public for the
groups that an attacker reaches over the network; rounded half up, so that printed lines add up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from planner.risks.rule import SEVERITIES, Finding, Group, Severity

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
_REACHED_BY_NETWORK: frozenset[Group] = frozenset(
    {"network", "segregation", "lifecycle", "identity"}
)


def points(
    severity: Severity, group: Group, *, classification: str | None, public: bool, guest: bool
) -> int:
    """The points of one open risk; what is not about a guest has no class of data."""
    value = float(BASE[severity])
    if guest:
        value *= CLASS.get(classification, CLASS_NOT_KNOWN) if classification else CLASS_NOT_KNOWN
    if public and group in _REACHED_BY_NETWORK:
        value *= EXPOSED
    return math.floor(value + 0.5)


def level(findings: Iterable[Finding]) -> str:
    """A (none) to E (critical): the worst severity among open risks."""
    grades = ["A", "A", "B", "C", "D", "E"]
    worst = max(
        (SEVERITIES.index(f.severity) for f in findings if f.outcome.state == "risk"), default=-1
    )
    return grades[worst + 1]
