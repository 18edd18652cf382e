"""Which backup jobs cover a guest, judged from the jobs themselves.

Proxmox VE's own list of guests without a backup counts disabled jobs as coverage, so it is not
used: an enabled job with a schedule covers what it selects, on the host it runs on.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from inventory.records import Backup, BackupJob, Disk, Guest

BackupState = Literal["covered", "none", "unknown"]


def covering(guest: Guest, jobs: Iterable[BackupJob]) -> tuple[BackupJob, ...]:
    """The jobs that will back the guest up, by id."""
    return tuple(sorted((job for job in jobs if _is_active(job) and selects(job, guest)), key=_id))


def _id(job: BackupJob) -> str:
    return job.job_id


def _is_active(job: BackupJob) -> bool:
    return job.enabled is not False and job.schedule != ""


def selects(job: BackupJob, guest: Guest) -> bool:
    """Whether the job's definition names the guest: all but the excluded, a pool, or a list."""
    if job.host_id and guest.host_id is not None and job.host_id != guest.host_id:
        return False
    if guest.guest_id in (job.excluded_guest_ids or ()):
        return False
    if job.selects_all:
        return True
    if job.resource_pool:
        return guest.resource_pool == job.resource_pool
    return guest.guest_id in (job.guest_ids or ())


def left_out(disks: Iterable[Disk]) -> tuple[Disk, ...]:
    """The data disks that a job would leave out."""
    return tuple(disk for disk in disks if disk.purpose == "data" and disk.backup is False)


def newest(backups: Iterable[Backup]) -> datetime | None:
    """When the newest backup was made; None when none has an age that can be trusted."""
    return max((b.created_at for b in backups if b.created_at is not None), default=None)
