"""The rows of the report: what a guest's line and an order say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from estates import AS_OF, NOW, answers, days, estate, health
from inventory.changes import Change
from inventory.records import Backup, BackupJob, GuestSnapshot, Record
from lumbung.commands.planning import says_nothing
from planner.pools import Past
from planner.report import Memory, Report, make_report, source_status
from planner.rows import GuestLine
from stored import GIB, JAKARTA, datastore, disk, guest, host


def report(
    *records: Record, past: Past | None = None, memory: Memory | None = None, **more: Any
) -> Report:
    place = estate(*records, **more)
    return make_report(place, past or Past(), memory or Memory(), zone=JAKARTA, run_id="RUN")


def line(*records: Record, **more: Any) -> GuestLine:
    [found] = report(*records, **more).guests
    return found


def test_a_guest_stays_down_in_its_own_cluster_alone() -> None:
    tight = [host(f"{c}{i}", cluster=c, memory_bytes=64 * GIB) for c in "cd" for i in (1, 2)]
    big = [
        guest("1", name="web", cluster="c", host_id="c1", memory_bytes=60 * GIB),
        guest("2", name="db", cluster="c", host_id="c2", memory_bytes=60 * GIB),
        guest("1", name="web", cluster="d", host_id="d1"),
    ]
    found = {
        (g.cluster, g.guest_id): g.stays_down_if_host_lost for g in report(*tight, *big).guests
    }
    assert found == {("c", "1"): 1, ("c", "2"): 1, ("d", "1"): 0}


def test_whether_a_stopped_or_untested_guest_stays_down_is_not_said() -> None:
    assert line(host("h1"), host("h2"), guest(power="stopped")).stays_down_if_host_lost is None
    assert line(host("h1"), guest()).stays_down_if_host_lost is None


def test_whether_a_guest_stays_down_is_not_said_where_that_is_not_proven() -> None:
    hosts = [host("h1"), host("h2")]
    unshared = (disk(), datastore(shared=None))
    assert line(*hosts, guest(), *unshared).stays_down_if_host_lost is None
    away = [host("h1", status="maintenance"), host("h2"), host("h3")]
    assert line(*away, guest()).stays_down_if_host_lost is None
    assert line(*hosts, guest()).stays_down_if_host_lost == 0


def test_what_changed_is_told_in_the_guests_line() -> None:
    told = [
        Change(NOW, "resized", "guest c/a b (x)", "", "memory_bytes", {}, {}, ("c", "a b")),
        Change(NOW, "moved", "guest c/a b (x)", "", "host_id", {}, {}, ("c", "a b")),
        Change(NOW, "resized", "disk c/a b/0", "", "capacity_bytes", {}, {}, ("c", "a b")),
        Change(NOW, "moved", "guest d/a b", "", "host_id", {}, {}, ("d", "a b")),
    ]
    found = line(host(), guest("a b"), memory=Memory(changes=tuple(told)))
    assert found.change_since_last_week == "resized memory_gib; moved host_id"


def test_sizes_are_sums_and_one_unknown_part_leaves_them_unknown() -> None:
    found = line(guest(), disk(allocated_bytes=GIB), disk("100", "scsi1", datastore_id="nas"))
    assert (found.disk_provisioned_gib, found.disk_used_gib) == (80, None)
    assert found.datastores == "nas;san"


def test_none_and_not_seen_are_told_apart() -> None:
    seen = line(guest())
    assert (seen.snapshot_count, seen.disk_provisioned_gib) == (0, 0)
    hidden = line(guest(tags=None), sources=[health(hidden=("guest_snapshot", "disk"))])
    assert (hidden.snapshot_count, hidden.disk_provisioned_gib, hidden.tags) == (None, None, None)


def test_the_oldest_snapshot_is_told_in_days() -> None:
    made = [
        GuestSnapshot(guest_id="100", cluster="c", name=str(d), created_at=NOW - timedelta(days=d))
        for d in (3, 40, 9)
    ]
    found = line(guest(), *made)
    assert (found.snapshot_count, found.snapshot_oldest_days, found.snapshot_gib) == (3, 40, None)


BACKUP = Backup(guest_id="100", cluster="c", name="b")
JOB = BackupJob(job_id="j", cluster="c", enabled=True, selects_all=True, datastore_id="nas")


@pytest.mark.parametrize(
    ("records", "hidden", "expected"),
    [
        ((JOB,), (), "covered"),
        ((JOB, datastore("nas", enabled=False)), (), "none"),  # its run must fail
        ((JOB, datastore("nas", hosts=("h1", "h2"))), (), "covered"),
        ((JOB, BACKUP, datastore("nas", enabled=False)), (), "covered"),
        ((BACKUP,), (), "covered"),
        ((), (), "none"),
        ((), ("backup_job",), "none"),
        ((), ("backup_job", "backup"), "unknown"),
    ],
)
def test_the_state_of_its_backup(
    records: tuple[Record, ...], hidden: tuple[str, ...], expected: str
) -> None:
    assert line(guest(), *records, sources=[health(hidden=hidden)]).backup_state == expected


def test_days_in_a_state_are_counted_from_when_it_began() -> None:
    memory = Memory(power_since={1: NOW - timedelta(days=12, hours=5)})
    assert line(guest(power="stopped"), memory=memory).days_in_state == 12
    assert line(guest(power=None), memory=memory).days_in_state is None


def test_guests_are_listed_by_number() -> None:
    found = report(*(guest(name) for name in ("1000", "99", "100", "b", "a"))).guests
    assert [g.guest_id for g in found] == ["99", "100", "1000", "a", "b"]


def test_the_earliest_order_comes_first_and_each_pool_orders_once() -> None:
    past = Past(
        cluster_days={("c", "memory"): days([(1000 + 2.0 * i) * GIB for i in range(90)])},
        datastore_days={(3, "storage"): days([(2500 + 6.0 * i) * GIB for i in range(90)])},
    )
    found = report(host("h1"), host("h2"), datastore(), past=past)
    assert [row.pool for row in found.orders] == ["c", "san"]
    dated = [row.order_by_date for row in found.orders]
    assert dated == sorted(dated, key=str)
    assert all("lead time 314 d" in row.assumed for row in found.orders)


def test_a_datastore_without_guests_says_nothing_until_something_is_wrong() -> None:
    stores = [
        datastore("san"), datastore("copies", content=("backup",)), datastore("bare"),
        datastore("full", content=("iso",), capacity_bytes=10 * GIB, used_bytes=9 * GIB),
    ]  # fmt: skip
    used = {"copies": 100.0, "full": 9.0}
    past = Past(
        datastore_days={
            (1 + i, "storage"): days([used.get(one.name or "", 50.0) * GIB] * 90)
            for i, one in enumerate(stores)
        }
    )
    found = report(*stores, guest(), disk(), past=past)
    quiet = {row.pool for row in found.pools if says_nothing(found, row)}
    assert quiet == {"copies", "bare"}
    assert {row.status for row in found.pools if row.pool == "full"} != {"ok"}


def test_the_binding_answer_is_the_shortest_runway_else_the_least_headroom() -> None:
    hosts = [host(f"h{i}") for i in range(4)]
    [grows] = answers(estate(*hosts), memory=[1000 + 2.0 * i for i in range(90)], cpu=[5.0] * 90)
    assert grows.binding.question.key == "pool/c/memory/demand"
    [calm] = answers(estate(*hosts), memory=[100.0] * 90, cpu=[60.0] * 90)
    assert calm.binding.question.key == "pool/c/cpu/demand"


def test_a_finding_keeps_the_day_it_was_first_seen() -> None:
    first = report(guest()).risks[0]
    assert (first.first_seen, first.since_days) == (AS_OF, 0)
    memory = Memory(first_seen={first.finding_id: AS_OF - timedelta(days=30)})
    again = report(guest(), memory=memory).risks[0]
    assert (again.finding_id, again.since_days) == (first.finding_id, 30)


@pytest.mark.parametrize(
    ("stale", "outcome", "ever", "expected"),
    [
        (False, "stored", True, "ok"),
        (False, "partial", True, "partial"),
        (False, "superseded", True, "ok"),
        (False, "failed", True, "failing"),
        (False, "timed_out", True, "failing"),
        (True, "failed", True, "stale"),
        (True, "stored", True, "stale"),
        (True, "failed", False, "never"),
    ],
)
def test_the_status_of_a_source(stale: bool, outcome: str, ever: bool, expected: str) -> None:
    assert source_status(stale, outcome, NOW if ever else None) == expected


def test_a_container_without_a_limit_is_flagged_for_no_number_stands_for_it() -> None:
    limited = guest("100", kind="container", cpu_limit_cores=0.0, vcpus=2.0)
    free = guest("101", kind="container", cpu_limit_cores=0.0, vcpus=None)
    unseen = guest("102", kind="container", vcpus=None)
    [pool] = answers(estate(host(), limited, free, unseen))
    flags = {(a.question.resource, a.question.model): a.flags for a in pool.answers}
    for model in ("demand", "allocation"):
        assert "unlimited_cpu:1" in flags["cpu", model]
        assert "allocation_incomplete:2" in flags["cpu", model]
        assert not any(flag.startswith("unlimited_cpu") for flag in flags["memory", model])
