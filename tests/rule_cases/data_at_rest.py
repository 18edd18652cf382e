"""Data at rest."""

from __future__ import annotations

from estates import health
from inventory.records import Record
from rule_cases import ENCRYPTED, IN_CLEAR, NOT_SAID, PERSONAL, Case, Flip
from stored import datastore, disk, guest

CASES: list[Case] = [
    # DAR-001 personal data in the clear
    Case("DAR-001", "ok", (PERSONAL, disk(encrypted=True))),
    Case("DAR-001", "ok", (PERSONAL, disk(), datastore()), owners=ENCRYPTED),
    Case("DAR-001", "risk", (PERSONAL, disk(), datastore()), owners=IN_CLEAR),
    Case("DAR-001", "risk", (PERSONAL, disk(encrypted=False), datastore()), owners=ENCRYPTED),
    Case("DAR-001", "unknown", (PERSONAL, disk(), datastore())),
    Case("DAR-001", "unknown", (PERSONAL, disk(), datastore()), owners=NOT_SAID),
    Case("DAR-001", "unknown", (PERSONAL, disk()), sources=(health(hidden=("disk",)),)),
    Case("DAR-001", "not_applicable", (guest(tags=("cls.publik",)), disk())),
    Case("DAR-001", "not_applicable", (guest(), disk())),
    # DAR-004 cache=unsafe
    Case("DAR-004", "ok", (guest(), disk(cache="none"))),
    Case("DAR-004", "risk", (guest(), disk(cache="unsafe"))),
    Case("DAR-004", "unknown", (guest(), disk(cache=None))),
]
CLEAN: list[Record] = []
FLIPS: list[Flip] = [
    Flip(
        "DAR-004",
        was=disk(encrypted=True, backup=True, cache="none"),
        becomes=disk(encrypted=True, backup=True, cache="unsafe"),
    ),
]
