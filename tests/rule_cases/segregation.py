"""Segregation."""

from __future__ import annotations

from estates import health
from inventory.records import Record
from rule_cases import PERSONAL, PUBLIC, Case, Flip, nic
from stored import guest

CASES: list[Case] = [
    # SEG-001 beside a public guest
    Case("SEG-001", "ok", (PERSONAL, PUBLIC, nic(), nic("200", vlan=20))),
    Case("SEG-001", "ok", (PERSONAL, nic())),
    Case("SEG-001", "risk", (PERSONAL, PUBLIC, nic(), nic("200"))),
    Case("SEG-001", "risk", (PERSONAL, PUBLIC, nic(vlan=0), nic("200", vlan=0))),
    Case("SEG-001", "ok", (PERSONAL, PUBLIC, nic(), nic("200", link_down=True))),
    Case("SEG-001", "risk", (PERSONAL, PUBLIC, nic(), nic("200", vlan=0, trunks="5;8-12"))),
    Case("SEG-001", "ok", (PERSONAL, PUBLIC, nic(), nic("200", vlan=0, trunks="5;11-12"))),
    Case("SEG-001", "unknown", (PERSONAL, PUBLIC, nic(), nic("200", vlan=None))),
    Case("SEG-001", "unknown", (PERSONAL, PUBLIC, nic(), nic("200", vlan=0, trunks="x"))),
    Case("SEG-001", "unknown", (PERSONAL, PUBLIC, nic(network=None))),
    Case("SEG-001", "unknown", (PERSONAL, PUBLIC), sources=(health(hidden=("nic",)),)),
    Case("SEG-001", "not_applicable", (PERSONAL, PUBLIC)),
    Case("SEG-001", "not_applicable", (guest(), PUBLIC, nic(), nic("200"))),
]
CLEAN: list[Record] = []
FLIPS: list[Flip] = []
