"""Backup and recoverability."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from inventory.records import BackupJob, Disk
from planner.backups import Cover, newest
from planner.estate import Estate, GuestView
from planner.risks.rule import (
    CRITICAL,
    HIGH,
    MEDIUM,
    Outcome,
    Rule,
    not_applicable,
    ok,
    risk,
    rule,
    unknown,
)

_REFS = ("ISO 27001 A.8.13", "NIST CP-9", "CIS 11.2", "UU 27/2022 art. 35")


@rule(
    "BKP-001",
    "Guest not covered by any backup job",
    subject="guest",
    severity=HIGH,
    group="backup",
    essential=True,
    needs=("backup_job",),
    sources=("proxmox",),
    refs=_REFS,
    why="What no job selects, or none can back up where the guest runs, is not backed up; a fault, "
    "a mistake or ransomware then ends it.",
    fix="Add the guest or its resource pool to an enabled backup job. Where one selects it and "
    "must fail, give its host the job's target, and its disks a storage that is switched on.",
)
def not_covered(view: GuestView, estate: Estate) -> Outcome:
    guest = view.guest
    if guest.template is not False:
        return not_applicable("template") if guest.template else unknown("template not known")
    found = estate.cover_of(guest)
    if found.can_run:
        return ok()
    grave = view.is_personal or view.criticality == 1
    jobs = [job.job_id for job in estate.jobs_in(guest.cluster) if job.enabled is not False]
    return risk(
        CRITICAL if grave else None,
        **({"must_fail": _obstacles(found)} if found.jobs else {"enabled_jobs": jobs or "none"}),
        classification=view.classification or "not known",
    )


def _obstacles(found: Cover) -> list[str]:
    """Why none of the jobs that select a guest can back it up."""
    targets = [f"{job}: {why}" for job, why in sorted(found.unusable.items())]
    disks = [f"{d.slot} lies on {d.datastore_id}, switched off" for d in found.unreadable]
    return targets + disks


@rule(
    "BKP-003",
    "A disk of a backed-up guest is left out of the backup",
    subject="disk",
    severity=HIGH,
    group="backup",
    essential=True,
    needs=("backup_job",),
    sources=("proxmox",),
    refs=_REFS,
    why="The job succeeds every night and the data on this disk is still not in it.",
    fix="Remove backup=0 from the disk (containers: set backup=1 on the mount point), or waive it "
    "when it holds only scratch data.",
)
def disk_left_out(disk: Disk, estate: Estate) -> Outcome:
    view = estate.guest_of.get((disk.cluster, disk.guest_id))
    if disk.purpose != "data" or view is None or view.guest.template:
        return not_applicable()
    found = estate.cover_of(view.guest)
    if not found.jobs:
        return not_applicable("no job covers the guest")
    if disk in found.unreadable:
        return not_applicable("no run can read it")  # which BKP-001 tells of its guest
    if disk.backup is None:
        return unknown("whether the disk is in the backup is not known")
    if disk.backup:
        return ok()
    size = None if disk.capacity_bytes is None else disk.capacity_bytes / 1024**3
    return risk(disk=disk.slot, datastore=disk.datastore_id, gib="?" if size is None else size)


@rule(
    "BKP-004",
    "Newest backup older than the recovery point objective",
    subject="guest",
    severity=CRITICAL,
    group="backup",
    essential=True,
    refs=_REFS,
    why="After a loss, everything since the newest backup is gone.",
    fix="Repair the job, run a backup now, verify it.",
)
def too_old(view: GuestView, estate: Estate) -> Outcome:
    """A young backup is proof; that there is none is not, while some listing was not seen."""
    if view.guest.template:
        return not_applicable("template")
    outcome = _age(view, estate)
    gap = estate.gap(view.fact.source, "backup")
    if gap is not None and outcome.state == "risk":
        return unknown(f"no young backup is seen, but {gap.reason or gap.state}")
    return outcome


def _age(view: GuestView, estate: Estate) -> Outcome:
    backups = estate.backups_of(view.guest)
    allowed = _rpo_hours(view, estate)
    made = newest(backups)
    if made is None and backups:
        return unknown("the age of its only backups cannot be trusted (renamed files)")
    if made is None:
        return risk(HIGH, newest="none", rpo_hours=allowed)
    age = estate.at - made
    if age <= timedelta(hours=allowed):
        return ok()
    return risk(
        None if view.criticality in (1, 2) or view.is_personal else HIGH,
        newest=made.isoformat(timespec="minutes"),
        age_hours=round(age.total_seconds() / 3600),
        rpo_hours=allowed,
    )


def _rpo_hours(view: GuestView, estate: Estate) -> int:
    declared = view.service_entry.rpo_hours if view.service_entry else None
    if declared is not None:
        return declared
    by_criticality: dict[Any, int] = dict(estate.policy.backup.rpo_hours)
    key = str(view.criticality) if view.criticality else "unknown"
    return by_criticality.get(key, by_criticality.get("unknown", 50))


@rule(
    "BKP-007",
    "Backup without a retention policy",
    subject="job",
    severity=MEDIUM,
    group="backup",
    essential=True,
    needs=("datastore",),
    sources=("proxmox",),
    refs=(*_REFS, "ISO 27001 A.8.10"),
    why="Old backups of personal data then stay for ever, and the target fills up unasked.",
    fix="Set prune-backups on the job or on its storage.",
)
def no_retention(job: BackupJob, estate: Estate) -> Outcome:
    if job.enabled is False:
        return not_applicable("disabled")
    if job.retention:
        return ok()
    target = estate.datastore(job.cluster, job.datastore_id)
    if target is None:
        return unknown(f"the job's storage {job.datastore_id} was not seen")
    if job.retention is None or target.retention is None:
        return unknown("the prune settings were not seen")
    return ok() if target.retention else risk(job=job.job_id, storage=job.datastore_id)


RULES: tuple[Rule, ...] = (not_covered, disk_left_out, too_old, no_retention)
