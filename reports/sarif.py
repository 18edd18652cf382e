"""Findings as SARIF 2.1.0 (OASIS), which scanners' dashboards and code hosts read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from planner.report import Report
from planner.risks.catalogue import Language, texts_of
from planner.risks.rule import Finding, Rule, Severity
from planner.rows import RiskRow
from reports.cells import plain

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
Level = Literal["error", "warning", "note", "none"]
LEVELS: Mapping[Severity, Level] = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "info": "note",
}


def sarif_of(
    report: Report, rows: Sequence[RiskRow], *, version: str, language: Language = "en"
) -> str:
    """The rows of risks.csv as one SARIF run.

    A risk is a result of kind `fail`; a control that could not be judged is one of kind `open`
    and level `none`, as the standard has it. What is waived is suppressed, not left out.
    """
    found = {finding.id: finding for finding in report.assessment.findings}
    rules = list(dict.fromkeys(found[row.finding_id].rule for row in rows))
    places = {rule.id: i for i, rule in enumerate(rules)}
    citations = report.regulations.citations(report.as_of)
    run = {
        "tool": {
            "driver": {
                "name": "Lumbung",
                "semanticVersion": version,
                "rules": [_rule(one, language, citations.get(one.id, ())) for one in rules],
            }
        },
        "automationDetails": {"id": f"lumbung/{plain(report.site) or 'site'}/"},
        "columnKind": "unicodeCodePoints",
        "results": [_result(found[row.finding_id], row, places, language) for row in rows],
        "properties": {
            "asOf": report.as_of.isoformat(),
            "coveragePercent": report.assessment.coverage_percent,
        },
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1, ensure_ascii=False) + "\n"


def _rule(rule: Rule, language: Language, controls: Iterable[str]) -> dict[str, Any]:
    texts = texts_of(rule, language)
    return {
        "id": rule.id,
        "shortDescription": {"text": texts.title},
        "fullDescription": {"text": texts.why},
        "help": {"text": texts.fix},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {"tags": [rule.group, *controls], "severity": rule.severity},
    }


def _result(
    finding: Finding, row: RiskRow, places: Mapping[str, int], language: Language
) -> dict[str, Any]:
    is_risk = finding.outcome.state == "risk"
    title = texts_of(finding.rule, language).title
    result = {
        "ruleId": finding.rule.id,
        "ruleIndex": places[finding.rule.id],
        "kind": "fail" if is_risk else "open",
        "level": LEVELS[finding.severity] if is_risk else "none",
        "message": {"text": plain(f"{title}: {row.subject}: {row.evidence}")},
        "locations": [{"logicalLocations": [_place(finding, row)]}],
        "partialFingerprints": {"finding/v1": finding.fingerprint},
        "properties": {
            "findingId": finding.id,
            "severity": finding.severity,
            "agency": row.agency,
            "owner": row.owner,
            "firstSeen": row.first_seen.isoformat(),
            "points": row.points,
        },
    }
    return result | {"suppressions": _suppressions(row)}


def _place(finding: Finding, row: RiskRow) -> dict[str, str]:
    """What the finding is about: nothing in a file, so only by its name."""
    subject = finding.subject
    return {
        "name": plain(row.subject),
        "fullyQualifiedName": plain(f"{subject.source or 'lumbung'}/{subject.kind}/{row.subject}"),
        "kind": "resource",
    }


def _suppressions(row: RiskRow) -> list[dict[str, str]]:
    if row.waiver_until is None:
        return []
    told = f"waived in the estate file until {row.waiver_until}"
    return [{"kind": "external", "status": "accepted", "justification": told}]
