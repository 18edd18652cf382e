"""The program's own hygiene."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from estates import AS_OF, FRESH, NOW, health
from inventory.platform_records import Principal
from inventory.records import BEYOND_REACH, Coverage, Record
from planner.estate import ToolFacts
from rule_cases import Case, Flip

READER = ToolFacts(tokens={"site": "reader@pve!own"})
OLD = replace(FRESH, dated=AS_OF - timedelta(days=91))


def token(days: float | None = None, **more: Any) -> Principal:
    """The program's own token, which expires in so many days; never without."""
    until = None if days is None else NOW + timedelta(days=days)
    given = {"kind": "token", "expires": days is not None, "expires_at": until}
    return Principal(principal_id="reader@pve!own", cluster="c", **(given | more))


def libvirt(excess: tuple[str, ...] | None) -> Any:
    return (health(kind="libvirt", excess=excess),)


def waiver(**more: Any) -> dict[str, Any]:
    """The owners' file with one waiver of backups, approved in October for half a year."""
    given = {
        "id": "W-1", "rule": "BKP-001", "scope": {"source": "site"}, "reason": "moves in May",
        "requested_by": "Bidang TIK", "approved_by": "Kepala Dinas", "approved_at": "2026-10-01",
        "expires": "2026-12-30",
    }  # fmt: skip
    return {"waivers": [given | more]}


CASES: list[Case] = [
    # OWN-001 a token that may do more than read
    Case("OWN-001", "ok", sources=(health(),)),
    Case("OWN-001", "risk", sources=(health(excess=("VM.PowerMgmt on /vms",)),), severity="high"),
    Case("OWN-001", "risk", sources=(health(excess=("VM.Backup on /vms",)),), severity="medium"),
    Case("OWN-001", "unknown", sources=(health(excess=None),)),
    # OWN-002 a line that others can listen to
    Case("OWN-002", "ok", tool=ToolFacts()),
    Case("OWN-002", "risk", tool=ToolFacts(unverified_tls=("pve",))),
    Case("OWN-002", "risk", tool=ToolFacts(unencrypted=("kvm",))),
    # OWN-003 readable secrets, OWN-004 readable inventory
    Case("OWN-003", "ok", tool=ToolFacts()),
    Case("OWN-003", "risk", tool=ToolFacts(open_secrets=("a.token (0644)",))),
    Case("OWN-004", "ok", tool=ToolFacts()),
    Case("OWN-004", "risk", tool=ToolFacts(open_files=("inventory.db (0644)",))),
    Case("OWN-004", "not_applicable", tool=ToolFacts(is_remote=True)),
    # OWN-005 a token that lives too long
    Case("OWN-005", "ok", (token(180),), tool=READER),
    Case("OWN-005", "risk", (token(181),), tool=READER),
    Case("OWN-005", "risk", (token(),), tool=READER),
    Case("OWN-005", "unknown", (token(expires=None),), tool=READER),
    Case("OWN-005", "unknown", tool=READER),
    # OWN-006 root
    Case("OWN-006", "ok", tool=ToolFacts(runs_as_root=False)),
    Case("OWN-006", "risk", tool=ToolFacts(runs_as_root=True), severity="medium"),
    Case("OWN-006", "risk", tool=ToolFacts(root_tokens=("pve",)), severity="high"),
    Case("OWN-006", "not_applicable", tool=ToolFacts(runs_as_root=None)),
    # OWN-007 a connection to libvirt that could write
    Case("OWN-007", "ok", sources=libvirt(())),
    Case("OWN-007", "risk", sources=libvirt(("write over tls",))),
    Case("OWN-007", "unknown", sources=libvirt(None)),
    # OWN-009 published where everyone may read
    Case("OWN-009", "ok", tool=ToolFacts()),
    Case("OWN-009", "risk", tool=ToolFacts(open_exports=("/srv/out (0755)",)), severity="medium"),
    # OWN-014 accounts kept for too long
    Case("OWN-014", "ok", tool=ToolFacts()),
    Case("OWN-014", "ok", tool=ToolFacts(oldest_account_at=NOW - timedelta(days=1825))),
    Case("OWN-014", "risk", tool=ToolFacts(oldest_account_at=NOW - timedelta(days=1826))),
    Case(
        "OWN-014",
        "ok",
        tool=ToolFacts(oldest_account_at=NOW - timedelta(days=1826)),
        policy={"privacy": {"account_days": 3650}},
    ),
    # OWN-012 old data on ends of life
    Case("OWN-012", "ok", eol=replace(OLD, dated=AS_OF - timedelta(days=90))),
    Case("OWN-012", "risk", eol=OLD),
    Case("OWN-012", "risk", eol=replace(OLD, dated=AS_OF + timedelta(days=1))),
    Case("OWN-012", "ok", eol=OLD, policy={"lifecycle": {"data_days": 91}}),
    # OWN-013 a source that hides a part
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
FLIPS: list[Flip] = [
    Flip("OWN-001", sources=(health(excess=("VM.PowerMgmt on /vms",)),)),
    Flip("OWN-002", tool=ToolFacts(unverified_tls=("site",))),
    Flip("OWN-003", tool=ToolFacts(open_secrets=("a.token (0640)",))),
    Flip("OWN-004", tool=ToolFacts(open_files=("inventory.db-wal (0644)",))),
    Flip("OWN-005", becomes=token(), tool=READER, also=("IAM-005",)),
    Flip("OWN-006", tool=ToolFacts(runs_as_root=True)),
    Flip("OWN-007", sources=libvirt(("write over tls",))),
    Flip("OWN-009", tool=ToolFacts(open_exports=("/srv/out (0755)",))),
    Flip("OWN-014", tool=ToolFacts(oldest_account_at=NOW - timedelta(days=1826))),
    Flip("OWN-012", eol=OLD),
    Flip("OWN-013", sources=(health(gaps=[Coverage("", "guest", "partial", "3 of 5")]),)),
    Flip("OWN-011", owners=waiver(expires="2026-11-01")),
]
