"""The program's own hygiene."""

from __future__ import annotations

from estates import health
from inventory.records import BEYOND_REACH, Coverage, Record
from planner.estate import ToolFacts
from rule_cases import Case, Flip

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
FLIPS: list[Flip] = []
