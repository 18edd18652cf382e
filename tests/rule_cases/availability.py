"""Availability."""

from __future__ import annotations

from estates import health
from inventory.records import Record
from rule_cases import CAMERAS, ON_DATASTORE, Case, Flip, recorder, two_hosts
from stored import GIB, datastore, guest, host

CASES: list[Case] = [
    # AVL-001 the loss of a host cannot be absorbed
    Case("AVL-001", "ok", two_hosts(200)),
    Case("AVL-001", "risk", two_hosts(300)),
    Case("AVL-001", "unknown", (*two_hosts(200), guest("3", memory_bytes=None))),
    Case("AVL-001", "unknown", two_hosts(200), sources=(health(hidden=("guest",)),)),
    Case("AVL-001", "not_applicable", (host(), guest())),
    # AVL-009 storage runs out before more can be bought
    Case("AVL-009", "unknown", (host(), datastore(used_bytes=GIB))),
    # AVL-013 memory promised beyond what a failure leaves
    Case("AVL-013", "ok", two_hosts(200)),
    Case("AVL-013", "risk", two_hosts(300)),
    Case("AVL-013", "ok", two_hosts(300), policy={"overcommit": {"memory": 1.5}}),
    Case("AVL-013", "unknown", (*two_hosts(300), host("h3", memory_bytes=None))),
    Case("AVL-013", "unknown", two_hosts(300), sources=(health(hidden=("guest",)),)),
    # Recordings of cameras
    Case("AVL-010", "ok", (recorder(30),), owners=CAMERAS),
    Case("AVL-010", "ok", (datastore("nvr"),), owners=ON_DATASTORE),
    Case("AVL-010", "risk", (recorder(29.9),), owners=CAMERAS, severity="high"),
    Case("AVL-010", "risk", (recorder(0),), owners=CAMERAS, severity="high"),
    Case("AVL-010", "risk", (recorder(31, disks_failed=1),), owners=CAMERAS, severity="medium"),
    Case("AVL-010", "risk", (recorder(31, cameras_recording=9),), severity="medium"),
    Case("AVL-010", "unknown", (recorder(31),)),
    Case("AVL-010", "unknown", (recorder(31, checked=31),), owners=CAMERAS),
    Case("AVL-010", "unknown", owners=CAMERAS),
]
CLEAN: list[Record] = []
FLIPS: list[Flip] = []
