"""Which backup jobs cover a guest, and what a run would do, judged from the jobs themselves.

Proxmox VE's own list of guests without a backup counts disabled jobs as coverage and does not look
at the target, so it is not used: an enabled job with a schedule covers what it selects, on the
host it runs on, and a run succeeds only where that host has the job's target and every disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from inventory.records import Backup, BackupJob, Datastore, Disk, Guest

BackupState = Literal["covered", "none", "unknown", "not_applicable"]


@dataclass(frozen=True, slots=True)
class Cover:
    """What the jobs do for one guest; of one that no job selects there is nothing to say."""

    jobs: tuple[BackupJob, ...] = ()
    left_out: tuple[Disk, ...] = ()  # data disks that a run leaves out
    folders: tuple[str, ...] = ()  # of the host that the guest sees: no backup holds them
    unusable: Mapping[str, str] = field(default_factory=dict)  # job → why its target cannot be used
    unreadable: tuple[Disk, ...] = ()  # in the backup, but on a datastore that is switched off
    unseen_targets: tuple[str, ...] = ()  # jobs whose target was not seen
    unseen_disks: tuple[Disk, ...] = ()  # in the backup, on a datastore that was not seen

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Why runs must fail: what is in the way of jobs, and of reading disks."""
        targets = [f"{job}: {why}" for job, why in sorted(self.unusable.items())]
        disks = [f"{_called(d)} lies on {d.datastore_id}, switched off" for d in self.unreadable]
        return (*targets, *disks)

    @property
    def not_seen(self) -> tuple[str, ...]:
        """What may be in the way, for all that is known."""
        targets = [f"{job}: its target was not seen" for job in self.unseen_targets]
        disks = [f"{_called(disk)}: its datastore was not seen" for disk in self.unseen_disks]
        return (*targets, *disks)

    @property
    def can_run(self) -> bool:
        """Whether some job could back the guest up tonight."""
        usable = [job for job in self.jobs if job.job_id not in self.unusable]
        return bool(usable) and not self.unreadable


def cover(
    guest: Guest,
    disks: Iterable[Disk],
    jobs: Iterable[BackupJob],
    stores: Mapping[str, Datastore],
) -> Cover:
    """How the guest is backed up, and what stands in the way; all four are of one cluster, the
    datastores by their id."""
    selected = covering(guest, jobs)
    if not selected:
        return Cover()
    its_disks = tuple(disks)
    troubles = {job.job_id: unusable(job, guest, stores) for job in selected}
    return Cover(
        jobs=selected,
        left_out=left_out(its_disks),
        folders=(guest.host_paths or ()) if guest.kind == "container" else (),
        unusable={job: why for job, why in troubles.items() if why},
        unreadable=tuple(disk for disk in its_disks if disk.backup and _is_off(disk, stores)),
        unseen_targets=tuple(
            job.job_id for job in selected if target_of(job, guest, stores) is None
        ),
        unseen_disks=tuple(
            disk
            for disk in its_disks
            if disk.backup and not disk.host_device and disk.datastore_id not in stores
        ),
    )


def _called(disk: Disk) -> str:
    return disk.slot or disk.disk_id


def unusable(job: BackupJob, guest: Guest, stores: Mapping[str, Datastore]) -> str:
    """Why the guest's host cannot write to the job's target; "" when it can or it is not known."""
    store = target_of(job, guest, stores)
    if store is None:
        return ""
    name = store.name
    if store.enabled is False:
        return f"{name} is switched off"
    if store.content is not None and "backup" not in store.content:
        return f"{name} takes no backups"
    if store.hosts is not None and guest.host_id is not None and guest.host_id not in store.hosts:
        return f"{name} is not available on {guest.host_id}"
    return ""


def target_of(job: BackupJob, guest: Guest, stores: Mapping[str, Datastore]) -> Datastore | None:
    """The job's datastore for a guest; one that is not shared is another on every host."""
    named = job.datastore_id or ""
    on_its_host = f"{guest.host_id}/{named.rpartition('/')[2]}"
    return stores.get(named) or stores.get(on_its_host)


def _is_off(disk: Disk, stores: Mapping[str, Datastore]) -> bool:
    store = stores.get(disk.datastore_id or "")
    return store is not None and store.enabled is False


def covering(guest: Guest, jobs: Iterable[BackupJob]) -> tuple[BackupJob, ...]:
    """The jobs that will back the guest up, by id."""
    return tuple(sorted((job for job in jobs if _is_active(job) and selects(job, guest)), key=_id))


def _id(job: BackupJob) -> str:
    return job.job_id


def _is_active(job: BackupJob) -> bool:
    return job.enabled is not False and job.schedule != ""


def selects(job: BackupJob, guest: Guest) -> bool:
    """Whether the job's definition names the guest: all but the excluded, a pool, or a list.

    A pool stands for its own members, not for those of the pools within it.
    """
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


def least_age_hours(made_on: date, as_of: date) -> int:
    """How old what was made on a day is at least: the day ends before the next one begins."""
    return max(0, (as_of - made_on).days - 1) * 24


_KEPT_DAYS = {"hourly": 1 / 24, "daily": 1, "weekly": 7, "monthly": 30, "yearly": 365}


def kept_days(retention: str | None) -> float:
    """How far back prune settings such as keep-daily=7,keep-weekly=4 reach; 0 where no days are
    named, as by keep-last."""
    reach = [0.0]
    for part in (retention or "").split(","):
        name, _equals, amount = part.strip().partition("=")
        if amount.isdecimal():
            reach.append(int(amount) * _KEPT_DAYS.get(name.removeprefix("keep-"), 0))
    return max(reach)
