"""Privacy and classification."""

from __future__ import annotations

from inventory.records import Record
from rule_cases import TEMPLATE, Case, Flip
from stored import guest

CASES: list[Case] = [
    # PRV-001 not classified, PRV-002 no owner
    Case("PRV-001", "ok", (guest(tags=("cls.publik",)),)),
    Case("PRV-001", "risk", (guest(),)),
    Case("PRV-001", "unknown", (guest(tags=None),)),
    Case("PRV-001", "not_applicable", (TEMPLATE,)),
    Case("PRV-002", "ok", (guest(tags=("opd.dukcapil",)),)),
    Case("PRV-002", "ok", (guest(tags=None, owner="parks"),)),
    Case("PRV-002", "risk", (guest(),)),
    Case("PRV-002", "unknown", (guest(tags=None),)),
    Case("PRV-002", "not_applicable", (TEMPLATE,)),
]
CLEAN: list[Record] = []
FLIPS: list[Flip] = []
