"""What backup jobs cover, beside an oracle that simulates one night of runs host by host.

The oracle knows nothing of how the planner decides: it starts every job on every host as the
scheduler would, lets each run pick its guests, and writes their archives where it can.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from inventory.records import BackupJob, Datastore, Disk, Guest
from planner.backups import cover

HOSTS = ("h1", "h2")
GUESTS = ("100", "101")
POOLS = ("", "prod", "prod/db")
STORES = ("nas", "pbs", "san")

SELECTIONS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({"selects_all": True}),
    st.sampled_from(POOLS[1:]).map(lambda pool: {"resource_pool": pool}),
    st.sets(st.sampled_from(GUESTS)).map(lambda ids: {"guest_ids": tuple(sorted(ids))}),
)


@st.composite
def jobs(draw: st.DrawFn) -> list[BackupJob]:
    return [
        BackupJob(
            job_id=f"j{number}",
            cluster="c",
            enabled=draw(st.booleans()),
            schedule=draw(st.sampled_from(["", "21:00"])),
            datastore_id=draw(st.sampled_from(STORES)),
            host_id=draw(st.sampled_from(["", *HOSTS])),
            excluded_guest_ids=tuple(sorted(draw(st.sets(st.sampled_from(GUESTS), max_size=1)))),
            **draw(SELECTIONS),
        )
        for number in range(draw(st.integers(0, 3)))
    ]


@st.composite
def stores(draw: st.DrawFn) -> list[Datastore]:
    return [
        Datastore(
            datastore_id=name,
            name=name,
            cluster="c",
            enabled=draw(st.booleans()),
            hosts=tuple(sorted(draw(st.sets(st.sampled_from(HOSTS), min_size=1)))),
            content=draw(st.sampled_from([("backup",), ("images",), ("backup", "images")])),
        )
        for name in STORES
    ]


@st.composite
def disks(draw: st.DrawFn) -> list[Disk]:
    return [
        Disk(
            disk_id=f"100/scsi{number}",
            guest_id="100",
            cluster="c",
            slot=f"scsi{number}",
            purpose=draw(st.sampled_from(["data", "tpm", "unused"])),
            datastore_id=draw(st.sampled_from(STORES)),
            backup=draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 2)))
    ]


class Night:
    """One night of a cluster: which jobs took the guest, and which of them wrote an archive."""

    def __init__(self, guest: Guest, its_disks: list[Disk], given_stores: list[Datastore]) -> None:
        self.guest = guest
        self.disks = its_disks
        self.online = {(s.name, host) for s in given_stores if s.enabled for host in s.hosts or ()}
        self.takes = {s.name for s in given_stores if s.content and "backup" in s.content}
        self.switched_off = {s.name for s in given_stores if not s.enabled}
        self.took: set[str] = set()
        self.wrote: set[str] = set()

    def start(self, job: BackupJob) -> None:
        if not job.enabled or not job.schedule:
            return
        for host in HOSTS:
            if job.host_id in ("", host) and self._picks(job, host):
                self.took.add(job.job_id)
                if self._writes(job, host):
                    self.wrote.add(job.job_id)

    def _picks(self, job: BackupJob, host: str) -> bool:
        """The guests of the host that the run lists, less those that it leaves out."""
        if self.guest.host_id != host:
            return False
        listed = set(job.guest_ids or ())
        if job.selects_all:
            listed |= set(GUESTS)
        if job.resource_pool and self.guest.resource_pool == job.resource_pool:
            listed.add(self.guest.guest_id)
        return self.guest.guest_id in listed - set(job.excluded_guest_ids or ())

    def _writes(self, job: BackupJob, host: str) -> bool:
        target = job.datastore_id or ""
        reads = all(d.datastore_id not in self.switched_off for d in self.disks if d.backup)
        return (target, host) in self.online and target in self.takes and reads


@given(jobs(), stores(), disks(), st.sampled_from(HOSTS), st.sampled_from(POOLS))
def test_a_guest_is_covered_as_a_night_of_runs_would_have_it(
    planned: list[BackupJob],
    given_stores: list[Datastore],
    its_disks: list[Disk],
    host: str,
    pool: str,
) -> None:
    guest = Guest(guest_id="100", cluster="c", host_id=host, resource_pool=pool, kind="vm")
    night = Night(guest, its_disks, given_stores)
    for job in planned:
        night.start(job)
    found = cover(guest, its_disks, planned, {store.datastore_id: store for store in given_stores})
    assert {job.job_id for job in found.jobs} == night.took
    assert found.can_run is bool(night.wrote)
    if night.took and not found.unreadable:
        assert night.took - set(found.unusable) == night.wrote
    if night.took:
        outside = {d.slot for d in its_disks if d.purpose == "data" and not d.backup}
        assert {disk.slot for disk in found.left_out} == outside
