"""What a cluster's own Ceph is taken to hold when its largest node is lost."""

from __future__ import annotations

from typing import Any

import pytest

from collectors.proxmox.nodes import physical_disks
from estates import answers, estate
from inventory.platform_records import CEPH_OSD, PhysicalDisk
from inventory.records import Record
from planner.answers import Answer
from planner.levels import with_share
from planner.pools import pools_of
from planner.tiers import Limits
from planner.usable import capacity_of, limits_of
from stored import GIB, datastore, host

TIB = 1024 * GIB
HOSTS = tuple(host(f"n{i}") for i in range(4))


def osd(host_id: str, tib: float = 20, **more: Any) -> PhysicalDisk:
    return PhysicalDisk(
        host_id=host_id, device=f"/dev/{more.get('name', 'sda')}", cluster="c",
        capacity_bytes=int(tib * TIB), used_for=CEPH_OSD,
    )  # fmt: skip


def ceph(**more: Any) -> Record:
    """Three copies of 4 × 20 TiB."""
    return datastore("rbd", **({"kind": "rbd", "capacity_bytes": int(80 / 3 * TIB)} | more))


def storage(*records: Record, model: str = "demand") -> Answer:
    found = answers(estate(*records))
    [answer] = [a for p in found for a in p.answers if a.question.resource == "storage"
                and a.question.model == model]  # fmt: skip
    return answer


def tib(answer: Answer) -> float:
    assert answer.usable is not None
    return answer.usable / TIB


def test_example_17_through_the_estate() -> None:
    found = storage(*HOSTS, ceph(), *(osd(f"n{i}") for i in range(4)))
    assert tib(found) == pytest.approx(17.0)
    assert "ceph_nodes_assumed" not in found.flags
    assert "no_self_heal" not in found.flags


def test_the_largest_node_is_held_back_not_a_mean_one() -> None:
    disks = [osd("n0"), osd("n0", name="sdb"), osd("n1"), osd("n2")]
    found = storage(*HOSTS, ceph(), *disks)
    assert tib(found) == pytest.approx(0.85 * 80 / 3 / 2)


def test_three_nodes_cannot_heal_three_copies() -> None:
    found = storage(*HOSTS[:3], ceph(capacity_bytes=20 * TIB), *(osd(f"n{i}") for i in range(3)))
    assert "no_self_heal" in found.flags


def test_where_no_disk_was_seen_nodes_are_taken_to_be_alike_and_it_says_so() -> None:
    found = storage(*HOSTS, ceph())
    assert tib(found) == pytest.approx(17.0)
    assert "ceph_nodes_assumed" in found.flags


def test_a_ceph_of_other_machines_is_a_datastore_like_any() -> None:
    found = storage(*HOSTS, ceph(backend="monhost 192.0.2.9:rbd"))
    assert tib(found) == pytest.approx(0.80 * 80 / 3)


def test_what_may_be_promised_counts_the_lost_node_too() -> None:
    found = storage(*HOSTS, ceph(), *(osd(f"n{i}") for i in range(4)), model="allocation")
    assert tib(found) == pytest.approx(1.5 * 20)


def test_a_disk_with_an_osd_number_is_cephs() -> None:
    rows = [
        {"devpath": "/dev/sda", "used": "LVM", "osdid": 3, "size": 1},
        {"devpath": "/dev/sdb", "used": "ZFS", "osdid": -1, "size": 1},
        {"devpath": "/dev/sdc", "used": "LVM", "osdid": "x", "size": 1},
    ]
    assert [d.used_for for d in physical_disks("n0", "c", rows)] == [CEPH_OSD, "ZFS", "LVM"]


def test_levels_are_shares_of_what_is_left_without_the_largest_node() -> None:
    """Full is all of it, not the nearfull ratio."""
    found = estate(*HOSTS, ceph(), *(osd(f"n{i}") for i in range(4)))
    [pool] = [p for p in pools_of(found) if p.kind == "datastore"]
    shared = with_share(limits_of(found, pool).policy, 1.0)
    capacity = capacity_of(pool, "storage", "demand", Limits(shared))
    assert capacity.usable == pytest.approx(20 * TIB)
