"""Backup and recoverability."""

from __future__ import annotations

from estates import health
from inventory.records import Record
from rule_cases import HIDDEN_JOBS, PERSONAL, TEMPLATE, Case, Flip, backup_of, job
from stored import datastore, disk, guest

CASES: list[Case] = [
    # BKP-001 not covered by a job
    Case("BKP-001", "ok", (guest(), job())),
    Case("BKP-001", "ok", (guest(), job(selects_all=False, guest_ids=("100",)))),
    Case("BKP-001", "ok", (guest(resource_pool="p"), job(selects_all=None, resource_pool="p"))),
    Case("BKP-001", "risk", (guest(),), severity="high"),
    Case("BKP-001", "risk", (guest(), job(enabled=False))),
    Case("BKP-001", "risk", (guest(), job(schedule=""))),
    Case("BKP-001", "risk", (guest(), job(excluded_guest_ids=("100",)))),
    Case("BKP-001", "risk", (guest(), job(host_id="h2"))),
    Case("BKP-001", "risk", (PERSONAL,), severity="critical"),
    Case("BKP-001", "ok", (guest(), job(), datastore("pbs", hosts=("h1",), enabled=True))),
    Case("BKP-001", "risk", (guest(), job(), datastore("pbs", hosts=("h2",)))),
    Case("BKP-001", "risk", (guest(), job(), datastore("pbs", enabled=False)), severity="high"),
    Case("BKP-001", "risk", (guest(), job(), disk(backup=True), datastore(enabled=False))),
    Case("BKP-001", "ok", (guest(), job(), disk(backup=False), datastore(enabled=False))),
    Case("BKP-001", "ok", (guest(), job(), disk(backup=True), datastore(enabled=None))),
    Case("BKP-001", "unknown", (guest(),), sources=HIDDEN_JOBS),
    Case("BKP-001", "unknown", (guest(template=None),)),
    Case("BKP-001", "not_applicable", (TEMPLATE,)),
    # BKP-003 a disk is left out
    Case("BKP-003", "ok", (guest(), disk(backup=True), job())),
    Case("BKP-003", "risk", (guest(), disk(backup=False), job())),
    Case("BKP-003", "unknown", (guest(), disk(backup=None), job())),
    Case("BKP-003", "risk", (guest(), disk(backup=False), job(), datastore("pbs", enabled=False))),
    Case(
        "BKP-003", "not_applicable", (guest(), disk(backup=True), job(), datastore(enabled=False))
    ),
    Case("BKP-003", "unknown", (guest(), disk(backup=True)), sources=HIDDEN_JOBS),
    Case("BKP-003", "not_applicable", (guest(), disk(backup=False))),
    Case("BKP-003", "not_applicable", (TEMPLATE, disk(backup=False), job())),
    Case("BKP-003", "not_applicable", (guest(), disk(backup=False, purpose="tpm"), job())),
    # BKP-004 the newest backup is too old
    Case("BKP-004", "ok", (guest(), backup_of("100", 49))),
    Case("BKP-004", "ok", (guest(), backup_of("100", 400), backup_of("100", 3))),
    Case("BKP-004", "risk", (guest(), backup_of("100", 51)), severity="high"),
    Case("BKP-004", "risk", (guest(tags=("crit.1",)), backup_of("100", 27)), severity="critical"),
    Case("BKP-004", "ok", (guest(tags=("crit.1",)), backup_of("100", 26))),
    Case("BKP-004", "ok", (guest(tags=("crit.4",)), backup_of("100", 170))),
    Case("BKP-004", "risk", (guest(),), severity="high"),
    Case("BKP-004", "unknown", (guest(),), sources=(health(hidden=("backup",)),)),
    Case(
        "BKP-004", "unknown", (guest(), backup_of("100", 99)), sources=(health(hidden=("backup",)),)
    ),
    Case("BKP-004", "ok", (guest(), backup_of("100", 3)), sources=(health(hidden=("backup",)),)),
    Case("BKP-004", "unknown", (guest(), backup_of("100", None))),
    Case("BKP-004", "not_applicable", (TEMPLATE,)),
    # BKP-007 no retention
    Case("BKP-007", "ok", (job(retention="keep-daily=7"),)),
    Case("BKP-007", "ok", (job(), datastore("pbs", retention="keep-last=3"))),
    Case("BKP-007", "risk", (job(), datastore("pbs", retention=""))),
    Case("BKP-007", "unknown", (job(), datastore("pbs", retention=None))),
    Case("BKP-007", "unknown", (job(retention=None), datastore("pbs", retention=""))),
    Case("BKP-007", "unknown", (job(),)),
    Case("BKP-007", "not_applicable", (job(enabled=False), datastore("pbs", retention=""))),
]
CLEAN: list[Record] = []
FLIPS: list[Flip] = []
