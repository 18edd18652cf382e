"""Weak isolation."""

from __future__ import annotations

from inventory.records import Record
from rule_cases import CONTAINER, Case, Flip
from stored import guest

CASES: list[Case] = [
    # HYP-003 privileged container
    Case("HYP-003", "ok", (guest(**CONTAINER, unprivileged=True),)),
    Case("HYP-003", "risk", (guest(**CONTAINER, unprivileged=False),)),
    Case("HYP-003", "unknown", (guest(**CONTAINER, unprivileged=None),)),
    Case("HYP-003", "not_applicable", (guest(),)),
]
CLEAN: list[Record] = []
FLIPS: list[Flip] = []
