"""The program's own hygiene."""

from __future__ import annotations

from typing import Any

from estates import health
from inventory.records import BEYOND_REACH, Coverage, Record
from planner.estate import ToolFacts
from rule_cases import Case, Flip


def waiver(**more: Any) -> dict[str, Any]:
    """The owners' file with one waiver of backups, approved in October for half a year."""
    given = {
        "id": "W-1", "rule": "BKP-001", "scope": {"source": "site"}, "reason": "moves in May",
        "requested_by": "Bidang TIK", "approved_by": "Kepala Dinas", "approved_at": "2026-10-01",
        "expires": "2026-12-30",
    }  # fmt: skip
    return {"waivers": [given | more]}


CASES: list[Case] = [
    # The tool's own
    Case("OWN-002", "ok", tool=ToolFacts()),
    Case("OWN-002", "risk", tool=ToolFacts(unverified_tls=("pve",))),
    Case("OWN-002", "risk", tool=ToolFacts(unencrypted=("kvm",))),
    Case("OWN-004", "ok", tool=ToolFacts(store_mode=0o640)),
    Case("OWN-004", "risk", tool=ToolFacts(store_mode=0o644)),
    Case("OWN-004", "risk", tool=ToolFacts(store_mode=0o601)),
    Case("OWN-004", "not_applicable", tool=ToolFacts(store_mode=None)),
    Case("OWN-006", "ok", tool=ToolFacts(runs_as_root=False)),
    Case("OWN-006", "risk", tool=ToolFacts(runs_as_root=True), severity="medium"),
    Case("OWN-006", "not_applicable", tool=ToolFacts(runs_as_root=None)),
    Case("OWN-011", "ok", owners=waiver()),
    Case("OWN-011", "ok", owners=waiver(expires="2026-11-23")),
    Case("OWN-011", "risk", owners=waiver(expires="2026-11-22"), severity="medium"),
    Case("OWN-011", "risk", owners=waiver(approved_by="")),
    Case("OWN-011", "risk", owners=waiver(approved_at=None)),
    Case("OWN-011", "risk", owners=waiver(approved_at="2026-11-24")),
    Case("OWN-011", "risk", owners=waiver(rule="SEG-001", expires="2026-12-31")),
    Case("OWN-011", "ok", owners=waiver(rule="SEG-001")),  # 90 days for what is critical
    Case("OWN-011", "ok", owners=waiver(rule="PRV-002", expires="2027-10-01")),
    Case("OWN-011", "risk", owners=waiver(rule="PRV-002", expires="2027-10-02")),
    Case("OWN-013", "ok", sources=(health(),)),
    Case("OWN-013", "risk", sources=(health(hidden=("nic",)),)),
    Case("OWN-013", "risk", sources=(health(gaps=[Coverage("", "guest", "partial", "a")]),)),
    Case(
        "OWN-013",
        "ok",
        sources=(health(gaps=[Coverage("", "volume", "hidden", "a", BEYOND_REACH)]),),
    ),
]
CLEAN: list[Record] = []
FLIPS: list[Flip] = [Flip("OWN-011", owners=waiver(expires="2026-11-01"))]
