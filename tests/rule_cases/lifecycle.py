"""Patches and ends of life."""

from __future__ import annotations

from inventory.records import Record
from rule_cases import Case, Flip
from stored import guest, host

CASES: list[Case] = [
    # PAT-001 hypervisor past its end of life
    Case("PAT-001", "ok", (host(version="9.2.1"),)),
    Case("PAT-001", "risk", (host(version="8.4.0"),)),
    Case("PAT-001", "unknown", (host(version=None),)),
    Case("PAT-001", "unknown", (host(version="77.1"),)),
    # PAT-003 guest system past its end of life
    Case("PAT-003", "ok", (guest(os="debian-13"),)),
    Case("PAT-003", "risk", (guest(os="debian-8"),), severity="high"),
    Case("PAT-003", "risk", (guest(os="l26", tags=("os.centos-7",)),)),
    Case("PAT-003", "risk", (guest(os="debian-8", tags=("expo.public",)),), severity="critical"),
    Case("PAT-003", "unknown", (guest(os="l26"),)),
    Case("PAT-003", "unknown", (guest(os=None),)),
    Case("PAT-003", "not_applicable", (guest(os="debian-8", template=True),)),
]
CLEAN: list[Record] = []
FLIPS: list[Flip] = []
