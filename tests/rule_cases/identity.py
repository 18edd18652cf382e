"""Identity and access."""

from __future__ import annotations

from inventory.records import Record
from rule_cases import Case, Flip

CASES: list[Case] = []
CLEAN: list[Record] = []
FLIPS: list[Flip] = []
