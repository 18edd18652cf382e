"""Which volumes are left behind where hosts share a folder: the guests of all of them count."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.platform_records import Volume
from inventory.records import Datastore, Disk, Guest
from inventory.volumes import used_elsewhere

PATH = "/srv/vm/old.qcow2"
SIZE = 2**40


def volume(path: str = PATH, **more: Any) -> Volume:
    given = {"datastore_id": "host1/vm", "cluster": "c"} | more
    return Volume(volume_id=f"{given['datastore_id']}:{path}", **given)


def disk(place: str | None, **more: Any) -> Disk:
    given = {"guest_id": "g", "cluster": "c", "datastore_id": "host2/vm", "volume": place} | more
    return Disk(disk_id="g/vda", **given)


def store(host: str, size: int | None = SIZE) -> Datastore:
    return Datastore(datastore_id=f"{host}/vm", name="vm", cluster="c", capacity_bytes=size)


def used(
    *disks: Disk, guests: tuple[Guest, ...] = (), stores: tuple[Datastore, ...] | None = None
) -> bool:
    shown = (store("host1"), store("host2")) if stores is None else stores
    return used_elsewhere([volume()], guests, disks, shown) == {("c", volume().volume_id)}


@pytest.mark.parametrize(
    "named",
    [
        disk(PATH),
        disk("vm/old.qcow2"),  # by its pool
        disk(PATH, datastore_id=None),  # in no pool of that host
        disk("/srv/vm/top.qcow2", backing=("/srv/vm/middle.qcow2", PATH)),
    ],
)
def test_what_a_guest_of_another_host_names_is_used(named: Disk) -> None:
    assert used(named)


@pytest.mark.parametrize(
    "other",
    [
        disk("/srv/vm/new.qcow2"),
        disk("iso/old.qcow2"),  # another pool
        disk(PATH, cluster="d"),  # hosts that form no cluster share nothing
        disk(None),
    ],
)
def test_what_nobody_names_is_left_behind(other: Disk) -> None:
    assert not used(other)


def test_what_is_in_a_drive_is_used() -> None:
    assert used(guests=(Guest(guest_id="g", cluster="c", media=(PATH,)),))
    assert not used(guests=(Guest(guest_id="g", cluster="c", media=None),))


def test_one_path_on_file_systems_of_two_sizes_is_two_files() -> None:
    assert not used(disk(PATH), stores=(store("host1"), store("host2", 2 * SIZE)))


def test_of_what_size_a_file_system_is_may_be_unknown() -> None:
    assert used(disk(PATH), stores=(store("host1", None), store("host2")))
    assert used(disk(PATH), stores=())
