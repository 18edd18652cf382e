"""Backup and recoverability."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from estates import AS_OF, NOW, health
from inventory.platform_records import FailedTask
from inventory.records import Coverage, GuestSnapshot, Record
from rule_cases import (
    DISK,
    FILES,
    GUEST,
    HIDDEN_JOBS,
    JOB,
    LIBVIRT,
    PERSONAL,
    STORED,
    TARGET,
    TEMPLATE,
    Case,
    Flip,
    backup_of,
    changed,
    job,
    on_clean,
)
from stored import datastore, disk, guest

HIDDEN_BACKUPS = (health(hidden=("backup",)),)
DEAD_HOST = (health(gaps=[Coverage("host/h1", "failed_task", "failed", "node h1 is offline")]),)


def declared(days_ago: int, **more: Any) -> dict[str, Any]:
    """Owners who declare a backup of guest 100."""
    last = AS_OF - timedelta(days=days_ago)
    given = {"method": "restic", "last_success": last, **more}
    return {"guests": [{"match": {"guest_id": "100"}, "backup": given}]}


def failed_run(hours: float, about: str = "100") -> FailedTask:
    """A run of a backup that began so many hours ago and failed."""
    return FailedTask(
        task_id=f"UPID:h1:{about}", cluster="c", host_id="h1", kind="vzdump", about=about,
        started_at=NOW - timedelta(hours=hours), ended_at=NOW, outcome="job errors",
    )  # fmt: skip


def snapshot(age_days: float | None, name: str = "before-patch", **more: Any) -> GuestSnapshot:
    made = None if age_days is None else NOW - timedelta(days=age_days)
    given = {"name": name, "created_at": made, "memory_state": False}
    return GuestSnapshot(guest_id="100", cluster="c", **(given | more))


def service(tested: date | None = None, **more: Any) -> dict[str, Any]:
    """Owners of a service that guest 100 makes up, last restored on a day."""
    test: dict[str, Any] = {"tested_on": tested or AS_OF, "gib_per_hour": more.pop("speed", None)}
    entry = {"owner": "opd", **more} | ({"restore_test": test} if tested else {})
    return {
        "services": {"s": entry},
        "guests": [{"match": {"guest_id": "100"}, "service": "s"}],
    }


def ago(days: int) -> date:
    return AS_OF - timedelta(days=days)


LOCAL: dict[str, Any] = {"kind": "dir", "shared": False, "hosts": ("h1",)}
SAME_SERVER = datastore("pbs", backend="nas:/backup")
ON_NAS = datastore(backend="nas:/san")
ONE_DOMAIN = {"storages": {"san": {"failure_domain": "a"}, "pbs": {"failure_domain": "a"}}}
TWO_DOMAINS = {"storages": {"san": {"failure_domain": "a"}, "pbs": {"failure_domain": "b"}}}
KEEP_30 = {"backup": {"history_days": {"pribadi-umum": 30}}}
PBS = datastore("pbs", kind="pbs", content=("backup",), retention="keep-daily=7,keep-monthly=6")
NAS = datastore("pbs")
AT_REST = {"storages": {"pbs": {"encrypted": True}}}
GROWS = tuple(3000.0 + 5 * day for day in range(90))  # of 4000 GiB: full in 111 days
STEADY = tuple(3700.0 + day % 7 for day in range(90))
ONE_SITE = {"storages": {"pbs": {"site": "hall"}}}
TWO_SITES = {"storages": {"pbs": {"site": "hall", "copied_to": ["annex"]}}}
DUTY = {"backup": {"declared": True}}

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
    Case("BKP-001", "ok", (guest(),), owners=declared(1)),
    Case("BKP-001", "risk", (PERSONAL,), owners=declared(9), severity="critical"),
    Case("BKP-001", "unknown", (guest(),), owners=declared(-1)),
    Case("BKP-001", "unknown", (guest(),), sources=HIDDEN_JOBS),
    Case("BKP-001", "unknown", (guest(), job()), sources=(health(hidden=("datastore",)),)),
    Case("BKP-001", "unknown", (guest(template=None),)),
    Case("BKP-001", "not_applicable", (TEMPLATE,)),
    # BKP-002 no declared backup
    Case("BKP-002", "ok", (guest(),), sources=LIBVIRT, owners=declared(3)),
    Case("BKP-002", "risk", (guest(),), sources=LIBVIRT, owners=declared(4), severity="high"),
    Case("BKP-002", "risk", (guest(),), sources=LIBVIRT, policy=DUTY, severity="high"),
    Case("BKP-002", "unknown", (guest(),), sources=LIBVIRT),
    Case("BKP-002", "unknown", (guest(),), sources=LIBVIRT, owners=declared(-1)),
    Case("BKP-002", "not_applicable", (TEMPLATE,), sources=LIBVIRT, policy=DUTY),
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
    Case("BKP-004", "risk", (guest(), job()), severity="high"),
    Case("BKP-004", "risk", (PERSONAL, job()), severity="critical"),
    Case("BKP-004", "risk", (guest(),), sources=HIDDEN_JOBS, severity="high"),
    Case("BKP-004", "not_applicable", (guest(),)),  # that there is no job is told by BKP-001
    Case("BKP-004", "risk", (guest(), backup_of("100", 400)), severity="high"),
    Case("BKP-004", "ok", (guest(),), owners=declared(2)),
    Case("BKP-004", "risk", (guest(), job()), owners=declared(9), severity="high"),
    Case("BKP-004", "unknown", (guest(),), sources=HIDDEN_BACKUPS),
    Case("BKP-004", "unknown", (guest(), backup_of("100", 99)), sources=HIDDEN_BACKUPS),
    Case("BKP-004", "ok", (guest(), backup_of("100", 3)), sources=HIDDEN_BACKUPS),
    Case("BKP-004", "unknown", (guest(), backup_of("100", None))),
    Case("BKP-004", "unknown", (guest(), backup_of("100", -1))),  # dated later than it was seen
    Case("BKP-004", "ok", (guest(), backup_of("100", -0.05))),  # by a clock that is a little fast
    Case("BKP-004", "risk", (guest(), backup_of("100", -1), backup_of("100", 400))),
    Case("BKP-004", "risk", (guest(), job()), owners=declared(-1), severity="high"),
    Case("BKP-004", "not_applicable", (TEMPLATE,)),
    # BKP-005 the only job is off
    Case("BKP-005", "ok", (guest(), job())),
    Case("BKP-005", "ok", (guest(), job(enabled=False), changed(job(), job_id="other"))),
    Case("BKP-005", "ok", (TEMPLATE, job(enabled=False))),
    Case("BKP-005", "risk", (guest(), job(enabled=False)), severity="medium"),
    Case("BKP-005", "risk", (guest(), job(schedule=""))),
    Case("BKP-005", "unknown", (guest(), job(enabled=None))),
    # BKP-006 the last run failed
    Case("BKP-006", "ok", (guest(), job(), backup_of("100", 1), failed_run(2))),
    Case("BKP-006", "ok", (guest(), job(), backup_of("100", 1), failed_run(0.5, "200"))),
    Case("BKP-006", "risk", (guest(), job(), backup_of("100", 30), failed_run(2)), severity="high"),
    Case("BKP-006", "risk", (guest(), failed_run(2))),
    Case("BKP-006", "unknown", (guest(), job(), backup_of("100", 30), failed_run(2, ""))),
    Case("BKP-006", "unknown", (guest(), job(), backup_of("100", 30)), sources=DEAD_HOST),
    Case("BKP-006", "unknown", (guest(), job(), failed_run(2)), sources=HIDDEN_BACKUPS),
    Case("BKP-006", "not_applicable", (guest(),)),
    Case("BKP-006", "not_applicable", (TEMPLATE, job())),
    # BKP-007 no retention
    Case("BKP-007", "ok", (job(retention="keep-daily=7"),)),
    Case("BKP-007", "ok", (job(), datastore("pbs", retention="keep-last=3"))),
    Case("BKP-007", "risk", (job(), datastore("pbs", retention=""))),
    Case("BKP-007", "unknown", (job(), datastore("pbs", retention="", kind="pbs"))),
    Case("BKP-007", "unknown", (job(), datastore("pbs", retention=None))),
    Case("BKP-007", "unknown", (job(retention=None), datastore("pbs", retention=""))),
    Case("BKP-007", "unknown", (job(),)),
    Case("BKP-007", "not_applicable", (job(enabled=False), datastore("pbs", retention=""))),
    # BKP-008 they do not reach back far enough
    Case("BKP-008", "ok", (PERSONAL, backup_of("100", 30 * 24)), policy=KEEP_30),
    Case(
        "BKP-008", "risk", (PERSONAL, backup_of("100", 29 * 24), snapshot(31)), policy=KEEP_30,
        severity="high",
    ),
    Case("BKP-008", "unknown", (PERSONAL, backup_of("100", 29 * 24)), policy=KEEP_30),
    Case(
        "BKP-008", "unknown", (PERSONAL, backup_of("100", 3), snapshot(31)), policy=KEEP_30,
        sources=HIDDEN_BACKUPS,
    ),
    Case("BKP-008", "not_applicable", (PERSONAL, backup_of("100", 3), snapshot(31))),
    Case("BKP-008", "not_applicable", (guest(), backup_of("100", 3)), policy=KEEP_30),
    Case("BKP-008", "not_applicable", (PERSONAL,), policy=KEEP_30),
    # BKP-009 beside the disks
    Case("BKP-009", "ok", (guest(), disk(), job(), ON_NAS, datastore("pbs", backend="b:/x"))),
    Case("BKP-009", "ok", (guest(), disk(), job(), ON_NAS, SAME_SERVER), owners=TWO_DOMAINS),
    Case(
        "BKP-009", "ok",
        (guest(), disk(), job(), ON_NAS, SAME_SERVER, changed(job(), job_id="b", datastore_id="b"),
         datastore("b", backend="b:/x")),
    ),
    Case("BKP-009", "risk", (guest(), disk(), job(), ON_NAS, SAME_SERVER), severity="high"),
    Case("BKP-009", "risk", (guest(), disk(), job(datastore_id="san"), datastore())),
    Case("BKP-009", "risk", (guest(), disk(), job(), datastore(), TARGET), owners=ONE_DOMAIN),
    Case(
        "BKP-009", "risk",
        (guest(), disk(), job(), datastore(**LOCAL), datastore("pbs", **LOCAL)),
    ),
    Case("BKP-009", "unknown", (guest(), disk(), job(), datastore(), TARGET)),
    Case("BKP-009", "unknown", (guest(), disk(), job(), ON_NAS)),
    Case("BKP-009", "unknown", (guest(), disk(), job(), TARGET)),
    Case("BKP-009", "unknown", (guest(), disk(), job(), datastore(shared=None), TARGET)),
    Case("BKP-009", "not_applicable", (guest(), disk(), ON_NAS, SAME_SERVER)),
    Case("BKP-009", "not_applicable", (guest(), job(), ON_NAS, SAME_SERVER)),
    # BKP-010 one site
    Case("BKP-010", "ok", (PERSONAL, backup_of("100", 1), NAS), owners=TWO_SITES),
    Case("BKP-010", "risk", (PERSONAL, backup_of("100", 1), NAS), owners=ONE_SITE),
    Case("BKP-010", "risk", (PERSONAL,), owners=declared(1, site="hall"), severity="high"),
    Case("BKP-010", "unknown", (PERSONAL, backup_of("100", 1), NAS)),
    Case("BKP-010", "unknown", (PERSONAL,), owners=declared(1)),
    Case("BKP-010", "not_applicable", (PERSONAL,), owners=declared(-1, site="hall")),
    Case(
        "BKP-010", "unknown", (PERSONAL, backup_of("100", 1), NAS), owners=ONE_SITE,
        sources=HIDDEN_BACKUPS,
    ),
    Case("BKP-010", "not_applicable", (PERSONAL, NAS), owners=ONE_SITE),
    Case("BKP-010", "not_applicable", (guest(), backup_of("100", 1), NAS), owners=ONE_SITE),
    # BKP-011 the target runs full; a retention of six months
    Case("BKP-011", "ok", (PBS,), storage=tuple(1000.0 + day for day in range(90))),
    Case("BKP-011", "ok", (datastore("pbs", content=("backup",)),), storage=GROWS),
    Case("BKP-011", "ok", (PBS,), storage=STEADY),
    Case("BKP-011", "risk", (PBS,), storage=GROWS, severity="high"),
    Case(
        "BKP-011", "risk",
        (datastore("pbs", content=("backup",)), job(retention="keep-monthly=6")), storage=GROWS,
    ),
    Case("BKP-011", "unknown", (PBS,)),
    Case("BKP-011", "unknown", (changed(PBS, capacity_bytes=None),), storage=GROWS),
    Case("BKP-011", "not_applicable", (datastore(content=("images",)),), storage=GROWS),
    Case("BKP-011", "not_applicable", (datastore(),), storage=GROWS),
    # BKP-012 unencrypted
    Case("BKP-012", "ok", (PERSONAL, backup_of("100", 1), changed(PBS, encrypted_backups=True))),
    Case("BKP-012", "ok", (PERSONAL, backup_of("100", 1, encrypted=True), NAS)),
    Case("BKP-012", "risk", (PERSONAL, backup_of("100", 1), NAS), severity="high"),
    Case("BKP-012", "risk", (PERSONAL, backup_of("100", 1), NAS), owners=AT_REST, severity="low"),
    Case("BKP-012", "risk", (PERSONAL, backup_of("100", 1), changed(PBS, encrypted_backups=False))),
    Case("BKP-012", "risk", (PERSONAL, backup_of("100", 1, encrypted=False), PBS)),
    Case("BKP-012", "risk", (PERSONAL, backup_of("100", 1), NAS), sources=HIDDEN_BACKUPS),
    Case("BKP-012", "unknown", (PERSONAL, backup_of("100", 1), PBS)),
    Case("BKP-012", "unknown", (PERSONAL, backup_of("100", 1))),
    Case("BKP-012", "unknown", (PERSONAL,), sources=HIDDEN_BACKUPS),
    Case("BKP-012", "not_applicable", (PERSONAL,)),
    Case("BKP-012", "not_applicable", (guest(tags=("cls.publik",)), backup_of("100", 1), NAS)),
    # BKP-013 not verified
    Case("BKP-013", "ok", (guest(), backup_of("100", 1, verified=False), backup_of("100", 90,
         verified=True), PBS)),
    Case("BKP-013", "ok", (guest(), backup_of("100", 1, verified=True)), sources=FILES),
    Case("BKP-013", "risk", (guest(), backup_of("100", 90, verified=False), PBS), severity="high"),
    Case("BKP-013", "risk", (guest(), backup_of("100", 24 * 31, verified=True), PBS)),
    Case("BKP-013", "unknown", (guest(), backup_of("100", 20, verified=False), PBS)),
    Case("BKP-013", "unknown", (guest(), backup_of("100", 90), PBS)),
    Case(
        "BKP-013", "unknown", (guest(), backup_of("100", 90, verified=False), PBS),
        sources=HIDDEN_BACKUPS,
    ),
    Case("BKP-013", "not_applicable", (guest(), backup_of("100", 90), NAS)),
    Case("BKP-013", "not_applicable", (guest(), PBS)),
    # BKP-014 no restore test
    Case("BKP-014", "ok", (guest(),), owners=service(ago(365))),
    Case("BKP-014", "risk", (guest(),), owners=service(), severity="medium"),
    Case("BKP-014", "risk", (guest(),), owners=service(ago(366))),
    Case("BKP-014", "risk", (guest(),), owners=service(ago(181), criticality=1)),
    Case("BKP-014", "ok", (guest(),), owners=service(ago(180), criticality=1)),
    Case("BKP-014", "unknown", (guest(),), owners=service(ago(-1))),
    Case("BKP-014", "not_applicable", (), owners=service()),
    # BKP-015 too slow: 8 GiB at 2 GiB an hour are 4 hours
    Case(
        "BKP-015", "ok", (guest(), STORED),
        owners=service(ago(1), speed=2, rto_hours=4),
    ),
    Case(
        "BKP-015", "risk", (guest(), STORED),
        owners=service(ago(1), speed=2, rto_hours=3), severity="high",
    ),
    Case("BKP-015", "ok", (guest(), disk()), owners=service(ago(1), speed=10, rto_hours=4)),
    Case("BKP-015", "unknown", (guest(), disk()), owners=service(ago(1), speed=9, rto_hours=4)),
    Case("BKP-015", "unknown", (guest(), STORED), owners=service(ago(1), rto_hours=4)),
    Case("BKP-015", "unknown", (guest(), STORED), owners=service(rto_hours=4)),
    Case("BKP-015", "unknown", (guest(), STORED), owners=service(ago(-1), speed=2, rto_hours=4)),
    Case("BKP-015", "not_applicable", (guest(), STORED), owners=service(ago(1), speed=2)),
    # BKP-017 snapshots instead
    Case("BKP-017", "ok", (guest(), snapshot(14))),
    Case("BKP-017", "ok", (guest(), snapshot(15), job(), backup_of("100", 1))),
    Case("BKP-017", "ok", (guest(), snapshot(90, "__replicate_100-0_1"), snapshot(9, "vzdump"))),
    Case("BKP-017", "risk", (guest(), snapshot(15), job()), severity="medium"),
    Case("BKP-017", "risk", (guest(), snapshot(15), backup_of("100", 1))),
    Case("BKP-017", "risk", (guest(), snapshot(15)), sources=LIBVIRT, policy=DUTY),
    Case("BKP-017", "ok", (guest(), snapshot(15)), sources=LIBVIRT, owners=declared(1)),
    Case("BKP-017", "unknown", (guest(), snapshot(15)), sources=LIBVIRT),
    Case("BKP-017", "unknown", (guest(), snapshot(15), backup_of("100", 1)), sources=HIDDEN_JOBS),
    Case("BKP-017", "unknown", (guest(), snapshot(None))),
    Case("BKP-017", "unknown", (guest(), snapshot(-1))),
    Case("BKP-017", "not_applicable", (TEMPLATE, snapshot(15))),
    # BKP-018 data outside
    Case("BKP-018", "ok", (guest(host_paths=()), disk(host_device=""))),
    Case("BKP-018", "ok", (guest(host_paths=()), disk(host_device="/dev/sdb", backup=True))),
    Case("BKP-018", "risk", (guest(host_paths=("/srv/secret-name/x",)),), severity="high"),
    Case("BKP-018", "risk", (guest(host_paths=("mapping:share",)),)),
    Case("BKP-018", "risk", (guest(host_paths=()), disk(host_device="/dev/sdb", backup=False))),
    Case("BKP-018", "ok", (guest(host_paths=("/srv/data",)),), owners=declared(1)),
    Case("BKP-018", "unknown", (guest(),)),
    Case("BKP-018", "not_applicable", (TEMPLATE,)),
    # BKP-019 the target cannot be used
    Case("BKP-019", "ok", (guest(), job(), NAS)),
    Case("BKP-019", "ok", (guest(host_id="h2"), job(host_id="h1"))),
    Case("BKP-019", "risk", (guest(), job()), severity="high"),
    Case("BKP-019", "risk", (guest(), job(), datastore("pbs", hosts=("h2",)))),
    Case("BKP-019", "risk", (guest(), job(), datastore("pbs", enabled=False))),
    Case("BKP-019", "unknown", (guest(), job(datastore_id=None))),
    Case("BKP-019", "not_applicable", (guest(), job(enabled=False))),
]  # fmt: skip
OLD_SNAPSHOT = snapshot(40)
CLEAN: list[Record] = [OLD_SNAPSHOT]
UNCOVERED = ("BKP-001", "BKP-017")
FLIPS: list[Flip] = [
    Flip("BKP-001", JOB, changed(JOB, excluded_guest_ids=("100",)), also=("BKP-017",)),
    Flip("BKP-002", sources=LIBVIRT, policy=DUTY, also=("BKP-017",)),
    Flip("BKP-003", DISK, changed(DISK, backup=False)),
    Flip("BKP-004", STORED, changed(STORED, created_at=NOW - timedelta(hours=27)),
         also=("BKP-017",)),
    Flip("BKP-005", JOB, changed(JOB, enabled=False), also=UNCOVERED),
    Flip("BKP-006", becomes=failed_run(0.5)),
    Flip("BKP-007", TARGET, changed(TARGET, kind="nfs", backend="nas:/b", retention="")),
    Flip("BKP-008", policy=KEEP_30),
    Flip("BKP-009", owners=ONE_DOMAIN),
    Flip("BKP-010", owners=ONE_SITE),
    Flip("BKP-012", STORED, changed(STORED, encrypted=False)),
    Flip("BKP-013", STORED, changed(STORED, verified=False, created_at=NOW - timedelta(days=3)),
         also=("BKP-004", "BKP-017")),
    Flip("BKP-014", owners=on_clean(service())),
    Flip("BKP-015", owners=on_clean(service(ago(1), speed=2, rto_hours=3))),
    Flip("BKP-017", STORED, also=("BKP-004",)),
    Flip("BKP-011", storage=tuple(2600.0 + 15 * day for day in range(90)), also=("AVL-009",)),
    Flip("BKP-018", GUEST, changed(GUEST, host_paths=("/srv/data",)), also=("AVL-019",)),
    Flip("BKP-019", TARGET, changed(TARGET, hosts=("h2",)), also=UNCOVERED),
]  # fmt: skip
