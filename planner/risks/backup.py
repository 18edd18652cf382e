"""Backups: which guests and disks are in them, how old they are, and whether jobs can run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from inventory.platform_records import FailedTask
from inventory.records import BackupJob, Datastore, Disk, Guest
from planner.backups import BackupState, Cover, least_age_hours, newest, selects, unusable
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.risks.rule import (
    CRITICAL,
    HIGH,
    MEDIUM,
    Outcome,
    Rule,
    State,
    not_applicable,
    ok,
    risk,
    rule,
    unknown,
)


@rule(
    "BKP-001",
    "Guest not covered by any backup job",
    subject="guest",
    severity=HIGH,
    group="backup",
    essential=True,
    needs=("backup_job",),
    sources=("proxmox",),
    why="What no job selects, or none can back up where the guest runs, is not backed up; a fault, "
    "a mistake or ransomware then ends it.",
    fix="Add the guest or its resource pool to an enabled backup job. Where one selects it and "
    "must fail, give its host the job's target, and its disks a storage that is switched on. If a "
    "tool in the guest backs it up, declare that in the estate file: guests, backup.",
)
def not_covered(view: GuestView, estate: Estate) -> Outcome:
    guest = view.guest
    if guest.template is not False:
        return not_applicable("template") if guest.template else unknown("template not known")
    found = estate.cover_of(guest)
    if found.can_run:
        return _target_hidden(found, view, estate) or ok()
    grave = view.is_personal or view.criticality == 1
    declared = declared_backup(view, estate)
    if declared is not None:
        return replace(declared, severity=CRITICAL) if grave else declared
    jobs = [job.job_id for job in estate.jobs_in(guest.cluster) if job.enabled is not False]
    return risk(
        CRITICAL if grave else None,
        **(
            {"must_fail": list(found.obstacles)} if found.jobs else {"enabled_jobs": jobs or "none"}
        ),
        classification=view.classification or "not known",
    )


def _target_hidden(found: Cover, view: GuestView, estate: Estate) -> Outcome | None:
    """Unknown where of no job that may run the target was shown; what no source shows at all is
    a fault of the job, which BKP-019 tells."""
    hopeful = {job.job_id for job in found.jobs} - set(found.unusable)
    gap = estate.gap(view.fact.source, Datastore.kind_name)
    if gap is None or not hopeful <= set(found.unseen_targets):
        return None
    return unknown(f"whether its jobs can write: datastore: {gap.reason or gap.state}")


def declared_backup(view: GuestView, estate: Estate) -> Outcome | None:
    """What a backup comes to that only the owners tell of; None where they declare none."""
    declared = view.declared_backup
    if declared is None:
        return None
    if declared.last_success > estate.as_of:
        return unknown(f"the declared backup is of {declared.last_success}, a day to come")
    allowed = rpo_hours(view, estate)
    if least_age_hours(declared.last_success, estate.as_of) <= allowed:
        return ok()
    return risk(declared=declared.method, last_success=declared.last_success, rpo_hours=allowed)


@rule(
    "BKP-002",
    "No declared and dated backup of a libvirt guest",
    subject="guest",
    severity=HIGH,
    group="backup",
    essential=True,
    sources=("libvirt",),
    why="libvirt knows nothing of backups: only whoever runs the backup tool can say that one "
    "succeeded, and nobody has said so lately.",
    fix="Declare the tool and the day of its last success in the estate file: guests, backup; best "
    "written there by the tool's own log. backup.declared in the policy makes this a duty.",
)
def not_declared(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.template:
        return not_applicable("template")
    declared = declared_backup(view, estate)
    if declared is not None:
        return declared
    if estate.policy.backup.declared:
        return risk(declared="none")
    return unknown("libvirt tells of no backups, and the owners declare none")


@rule(
    "BKP-003",
    "A disk of a backed-up guest is left out of the backup",
    subject="disk",
    severity=HIGH,
    group="backup",
    essential=True,
    needs=("backup_job",),
    sources=("proxmox",),
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
    sources=("proxmox", "files", "rvtools"),
    why="After a loss, everything since the newest backup is gone.",
    fix="Repair the job, run a backup now, verify it.",
)
def too_old(view: GuestView, estate: Estate) -> Outcome:
    """A young backup is proof; that there is none is not, while some listing was not seen."""
    if view.guest.template:
        return not_applicable("template")
    if declared_backup(view, estate) == ok():
        return ok()
    outcome = _age(view, estate)
    gap = estate.gap(view.fact.source, "backup")
    if gap is not None and outcome.state == "risk":
        return unknown(f"no young backup is seen, but {gap.reason or gap.state}")
    if not estate.backups_of(view.guest) and _asked(not_covered, view, estate).state == "risk":
        return not_applicable("no job backs it up, which BKP-001 tells")
    return outcome


def _age(view: GuestView, estate: Estate) -> Outcome:
    backups = estate.backups_of(view.guest)
    allowed = rpo_hours(view, estate)
    made = newest(backups)
    if made is None and backups:
        return unknown(
            "the age of its only backups cannot be trusted (renamed, or dated later than seen)"
        )
    severity = None if view.criticality in (1, 2) or view.is_personal else HIGH
    if made is None:
        return risk(severity, newest="none", rpo_hours=allowed)
    age = estate.at - made
    if age <= timedelta(hours=allowed):
        return ok()
    undated = sum(1 for backup in backups if backup.created_at is None)
    return risk(
        severity,
        newest=made.isoformat(timespec="minutes"),
        age_hours=round(age.total_seconds() / 3600),
        rpo_hours=allowed,
        **({"of_unknown_age": undated} if undated else {}),
    )


def rpo_hours(view: GuestView, estate: Estate) -> int:
    """How old the newest copy of a guest may be: its service's own figure, else the policy's."""
    declared = view.service_entry.rpo_hours if view.service_entry else None
    if declared is not None:
        return declared
    by_criticality: dict[Any, int] = dict(estate.policy.backup.rpo_hours)
    return by_criticality[str(view.criticality or "unknown")]


@rule(
    "BKP-007",
    "Backup without a retention policy",
    subject="job",
    severity=MEDIUM,
    group="backup",
    essential=True,
    needs=("datastore",),
    sources=("proxmox",),
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
    if not target.retention and target.kind == "pbs":
        return unknown("a backup server may prune by jobs of its own, which no source reads")
    return ok() if target.retention else risk(job=job.job_id, storage=job.datastore_id)


@rule(
    "BKP-005",
    "A backup job that is off is the only one for some guests",
    subject="job",
    severity=MEDIUM,
    group="backup",
    needs=("guest",),
    sources=("proxmox",),
    why="Somebody once meant these guests to be backed up; since the job was switched off, or "
    "lost its schedule, nothing backs them up.",
    fix="Switch the job on and give it a schedule, or cover its guests by another job and delete "
    "this one.",
)
def job_never_runs(job: BackupJob, estate: Estate) -> Outcome:
    if job.enabled is None or job.schedule is None:
        return unknown("whether the job is switched on and has a schedule was not seen")
    if job.enabled and job.schedule:
        return ok()
    alone = [
        view.label
        for view in estate.guests_in(job.cluster)
        if view.guest.template is not True
        and selects(job, view.guest)
        and not estate.cover_of(view.guest).jobs
    ]
    why = "no schedule" if job.enabled else "switched off"
    return risk(job=job.job_id, why=why, only_job_of=alone) if alone else ok()


@rule(
    "BKP-006",
    "The last backup run of a guest failed",
    subject="guest",
    severity=HIGH,
    group="backup",
    needs=("failed_task", "backup"),
    sources=("proxmox",),
    why="The job is set up and yet there is no new backup; nobody may have read the message.",
    fix="Read the task's log on its host, remove the cause, and run the backup again.",
)
def last_run_failed(view: GuestView, estate: Estate) -> Outcome:
    """A run that stored a backup since is a success; one of several guests names none of them."""
    guest = view.guest
    gap = estate.gap(view.fact.source, "failed_task", f"host/{guest.host_id}")
    since = _failed_since(newest(estate.backups_of(guest)), guest, estate)
    own = [task for task in since if task.about == guest.guest_id]
    if own:
        return risk(task=own[-1].task_id, ended=own[-1].ended_at, outcome=own[-1].outcome)
    if guest.template or not estate.cover_of(guest).jobs:
        return not_applicable("template" if guest.template else "no job backs it up")
    if gap is not None:
        return unknown(f"failed_task: {gap.reason or gap.state}")
    if any(not task.about for task in since):
        return unknown("a run of several guests failed on its host; which of them is not told")
    return ok()


def _failed_since(made: datetime | None, guest: Guest, estate: Estate) -> list[FailedTask]:
    """The backup runs on the guest's host that began after a backup was made and failed."""
    tasks = estate.on_host(FailedTask, guest.cluster, guest.host_id)
    runs = [(t.started_at, t) for t in tasks if t.kind == "vzdump" and t.started_at is not None]
    return [task for began, task in sorted(runs, key=lambda r: r[0]) if not made or began > made]


_OLD_SNAPSHOT_DAYS = 14
_MADE_BY_MACHINES = ("__replicate_", "vzdump")


@rule(
    "BKP-017",
    "Snapshots take the place of backups",
    subject="guest",
    severity=MEDIUM,
    group="backup",
    needs=("guest_snapshot",),
    sources=("proxmox", "libvirt"),
    why="A snapshot lies on the same disk as what it is to save: it is lost together with it, and "
    "grows until it fills the datastore.",
    fix="Take a real backup, see that it can be restored, then delete the snapshot.",
)
def snapshot_for_backup(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.template:
        return not_applicable("template")
    kept = [s for s in estate.snapshots_of(view.guest) if not s.name.startswith(_MADE_BY_MACHINES)]
    dated = [(s.created_at, s.name) for s in kept if s.created_at is not None]
    made, name = min(dated, default=(estate.at, ""))
    if estate.at - made <= timedelta(days=_OLD_SNAPSHOT_DAYS):
        return ok() if len(dated) == len(kept) else unknown("the age of a snapshot is not known")
    said = [_asked(one, view, estate) for one in (not_covered, not_declared, too_old)]
    if any(outcome.state == "risk" for outcome in said):
        return risk(snapshot=name, age_days=(estate.at - made).days, backup="none that is young")
    return next((outcome for outcome in said if outcome.state == "unknown"), ok())


def _asked(other: Rule, view: GuestView, estate: Estate) -> Outcome:
    """What another rule about guests says of one."""
    health = estate.source_health(view.fact.source)
    if health is not None and other.sources and health.state.kind not in other.sources:
        return not_applicable()
    for kind in other.needs:
        gap = estate.gap(view.fact.source, kind, view.guest.scope)
        if gap is not None:
            return unknown(f"{kind}: {gap.reason or gap.state}")
    return other.check(view, estate)


@rule(
    "BKP-018",
    "Data of a guest lies outside its backed-up disks",
    subject="guest",
    severity=HIGH,
    group="backup",
    needs=("disk",),
    sources=("proxmox", "libvirt"),
    why="A backup of the guest holds its own disks. Folders and devices of the host that it uses "
    "are in none, and nobody notices until a restore.",
    fix="Back up the folder or device by itself and declare it in the estate file: guests, backup. "
    "Waive it for software that is only read.",
)
def data_outside(view: GuestView, estate: Estate) -> Outcome:
    guest = view.guest
    if guest.template:
        return not_applicable("template")
    folders = [_place(path) for path in guest.host_paths or ()]
    devices = [d for d in estate.disks_of(guest) if d.host_device and d.backup is not True]
    outside = folders + [f"{disk.slot}: a device of the host" for disk in devices]
    if outside:
        return declared_backup(view, estate) or risk(outside=outside)
    return ok() if guest.host_paths is not None else unknown("its configuration was not seen")


_STATES: Mapping[State, BackupState] = {
    "ok": "covered",
    "risk": "none",
    "unknown": "unknown",
    "not_applicable": "not_applicable",
}


def backup_state(view: GuestView, estate: Estate) -> BackupState:
    """What the rule says that asks whether a guest is backed up: "none" is what it finds.

    Where no jobs can be seen, as in files, that there is a backup young enough is asked instead.
    """
    health = estate.source_health(view.fact.source)
    kind = health.state.kind if health else ""
    asked = next((one for one in (not_covered, not_declared) if kind in one.sources), too_old)
    return _STATES[_asked(asked, view, estate).state]


def _place(path: str) -> str:
    """Where a shared folder lies, without what its name may tell."""
    if not path.startswith("/"):
        return "a folder of the host, by a mapping"
    return f"a folder of the host below /{path.split('/')[1]}"


@rule(
    "BKP-019",
    "A backup job cannot write to its target",
    subject="job",
    severity=HIGH,
    group="backup",
    needs=("guest", "datastore"),
    sources=("proxmox",),
    why="The job starts on time and fails for these guests, night after night.",
    fix="Switch the storage on, let the guests' hosts use it, or give the job another target.",
)
def target_unusable(job: BackupJob, estate: Estate) -> Outcome:
    if job.enabled is False:
        return not_applicable("switched off")
    if job.datastore_id is None:
        return unknown("the job's storage was not seen")
    stores = {s.datastore_id: s for s in estate.in_cluster(Datastore, job.cluster)}
    troubles = Counter(
        _no_target(job, view, estate) or unusable(job, view.guest, stores)
        for view in estate.guests_in(job.cluster)
        if view.guest.template is not True and selects(job, view.guest)
    )
    told = [f"{why} ({count} guests)" for why, count in sorted(troubles.items()) if why]
    return risk(job=job.job_id, storage=job.datastore_id, why=told) if told else ok()


def _no_target(job: BackupJob, view: GuestView, estate: Estate) -> str:
    return "" if estate.target_of(job, view.guest) else f"there is no storage {job.datastore_id}"


RULES: tuple[Rule, ...] = (
    not_covered,
    not_declared,
    disk_left_out,
    too_old,
    job_never_runs,
    last_run_failed,
    no_retention,
    snapshot_for_backup,
    data_outside,
    target_unusable,
)
