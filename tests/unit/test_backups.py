"""Which jobs back a guest up, and what a run of them would do."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.records import BackupJob, Datastore, Disk, Guest
from planner.backups import Cover, cover, selects


def guest(**more: Any) -> Guest:
    given = {"guest_id": "100", "cluster": "c", "host_id": "n1", "kind": "vm", "resource_pool": ""}
    return Guest(**(given | more))


def job(**more: Any) -> BackupJob:
    given: dict[str, Any] = {
        "job_id": "nightly", "cluster": "c", "enabled": True, "schedule": "21:00",
        "datastore_id": "nas", "selects_all": True,
    }  # fmt: skip
    return BackupJob(**(given | more))


def store(name: str = "nas", **more: Any) -> Datastore:
    given: dict[str, Any] = {
        "datastore_id": name, "name": name, "cluster": "c", "enabled": True,
        "hosts": ("n1", "n2"), "content": ("backup",),
    }  # fmt: skip
    return Datastore(**(given | more))


def disk(slot: str, **more: Any) -> Disk:
    given: dict[str, Any] = {
        "disk_id": f"100/{slot}", "guest_id": "100", "cluster": "c", "slot": slot,
        "purpose": "data", "datastore_id": "san", "backup": True,
    }  # fmt: skip
    return Disk(**(given | more))


@pytest.mark.parametrize(
    ("definition", "is_selected"),
    [
        ({}, True),
        ({"excluded_guest_ids": ("100",)}, False),
        ({"selects_all": False, "guest_ids": ("99", "100")}, True),
        ({"selects_all": False, "guest_ids": ("99",)}, False),
        ({"selects_all": False, "resource_pool": "prod/db"}, True),
        ({"selects_all": False, "resource_pool": "prod"}, False),  # not the pools within it
        ({"host_id": "n1"}, True),
        ({"host_id": "n2"}, False),
    ],
)
def test_a_job_selects_what_its_definition_names(
    definition: dict[str, Any], is_selected: bool
) -> None:
    assert selects(job(**definition), guest(resource_pool="prod/db")) is is_selected


def judged(one: Guest, disks: list[Disk], jobs: list[BackupJob], stores: list[Datastore]) -> Cover:
    return cover(one, disks, jobs, {store.datastore_id: store for store in stores})


@pytest.mark.parametrize("off", [{"enabled": False}, {"schedule": ""}])
def test_a_job_that_never_runs_covers_nothing(off: dict[str, Any]) -> None:
    assert judged(guest(), [disk("scsi0", backup=False)], [job(**off)], [store()]) == Cover()


def test_a_run_leaves_out_disks_and_folders_of_the_host() -> None:
    container = guest(kind="container", host_paths=("/srv/data",))
    disks = [disk("rootfs"), disk("mp0", backup=False), disk("unused0", purpose="unused")]
    found = judged(container, disks, [job()], [store()])
    assert [one.slot for one in found.left_out] == ["mp0"]
    assert found.folders == ("/srv/data",)
    assert found.can_run


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (store(), ""),
        (store(hosts=("n2",)), "nas is not available on n1"),
        (store(enabled=False), "nas is switched off"),
        (store(content=("images",)), "nas takes no backups"),
        (store(hosts=None, content=None, enabled=None), ""),  # not known is no accusation
        (store("other"), ""),  # the job's own target is not shown
    ],
)
def test_the_target_has_to_be_usable_where_the_guest_is(target: Datastore, why: str) -> None:
    found = judged(guest(), [], [job()], [target])
    assert found.unusable == ({"nightly": why} if why else {})
    assert found.can_run is not bool(why)


def test_a_target_that_is_not_shared_is_the_one_of_the_guests_host() -> None:
    stores = [store("n1/local", hosts=("n1",), enabled=False), store("n2/local", hosts=("n2",))]
    local = job(datastore_id="/local")
    assert not judged(guest(), [], [local], stores).can_run
    assert judged(guest(host_id="n2"), [], [local], stores).can_run


def test_one_usable_job_is_enough() -> None:
    jobs = [job(), job(job_id="second", datastore_id="pbs")]
    found = judged(guest(), [], jobs, [store(hosts=("n2",)), store("pbs")])
    assert set(found.unusable) == {"nightly"}
    assert found.can_run


def test_a_disk_on_a_datastore_that_is_switched_off_stops_the_run() -> None:
    stores = [store(), store("san", enabled=False)]
    found = judged(guest(), [disk("scsi0"), disk("scsi1", backup=False)], [job()], stores)
    assert [one.slot for one in found.unreadable] == ["scsi0"]
    assert not found.can_run
