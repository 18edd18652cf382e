"""The rows of the report: what a guest's line and an order say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from estates import AS_OF, NOW, answers, days, estate, health
from inventory.changes import Change
from inventory.records import Backup, BackupJob, GuestSnapshot, Record
from lumbung.commands.planning import says_nothing
from planner.eol import release_of, shipped
from planner.explain import explain
from planner.past import Past
from planner.report import Memory, Report, make_report, source_status
from planner.rows import GuestLine
from rule_cases import changed
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


def test_a_guests_datastores_are_called_as_the_pools_are() -> None:
    stores = [datastore(f"9520-{n}/images", hosts=(f"h{n}",)) for n in (1, 2)]
    named = [changed(store, name=f"kvm{n}/images") for n, store in enumerate(stores, 1)]
    disks = [disk(key=store.datastore_id, datastore_id=store.datastore_id) for store in stores]
    off = datastore("off", enabled=False)  # is no pool
    found = report(guest(), *named, off, *disks, disk(key="x", datastore_id="off"))
    assert found.guests[0].datastores == "kvm1/images;kvm2/images;off"
    pools = {row.pool for row in found.pools}
    assert set(found.guests[0].datastores.split(";")) - pools == {"off"}


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("http://debian.org/debian/12", "Debian 12"),
        ("http://ubuntu.com/ubuntu/22.04", "Ubuntu 22.04"),
        ("http://redhat.com/rhel/9.4", "RHEL 9.4"),
        ("Debian GNU/Linux 12 (bookworm)", "Debian GNU/Linux 12 (bookworm)"),
        (None, None),
    ],
)
def test_an_operating_system_is_named_in_words(told: str | None, shown: str | None) -> None:
    assert line(guest(os=told)).os == shown
    if told is not None and shown is not None:
        assert release_of(told, shipped()) == release_of(shown, shipped())


def test_a_template_is_told_from_a_stopped_guest() -> None:
    assert [line(guest(template=known)).template for known in (True, False, None)] == [1, 0, None]


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
        ((JOB, BACKUP, datastore("nas", enabled=False)), (), "none"),
        ((BACKUP,), (), "none"),  # somebody made one once; nothing makes the next
        ((), (), "none"),
        ((), ("backup_job",), "unknown"),
        ((BACKUP,), ("backup_job",), "unknown"),
        ((), ("backup_job", "backup"), "unknown"),
    ],
)
def test_the_state_of_its_backup_is_what_the_rule_says_of_it(
    records: tuple[Record, ...], hidden: tuple[str, ...], expected: str
) -> None:
    found = report(guest(), *records, sources=[health(hidden=hidden)])
    [row] = found.guests
    assert row.backup_state == expected
    states = {risk.outcome for risk in found.risks if risk.rule == "BKP-001"}
    assert states == {"covered": set(), "none": {"risk"}, "unknown": {"unknown"}}[expected]


def test_a_backup_that_only_the_owners_declare_covers_a_guest_of_any_platform() -> None:
    declared = {"method": "tool", "last_success": AS_OF - timedelta(days=1)}
    owners = {"guests": [{"match": {"guest_id": "100"}, "backup": declared}]}
    for kind in ("proxmox", "libvirt"):
        told = [
            line(guest(), sources=[health(kind=kind)], owners=given).backup_state
            for given in (owners, {})
        ]
        assert told == ["covered", "none" if kind == "proxmox" else "unknown"]


@pytest.mark.parametrize(
    ("age_hours", "expected"), [(3, "covered"), (2000, "none"), (None, "unknown")]
)
def test_where_no_jobs_can_be_seen_a_backup_young_enough_covers(
    age_hours: int | None, expected: str
) -> None:
    made = None if age_hours is None else NOW - timedelta(hours=age_hours)
    stored = Backup(guest_id="100", cluster="c", name="b", created_at=made)
    files = health(kind="files", hidden=("backup_job",))
    assert line(guest(), stored, sources=[files]).backup_state == expected


def test_of_a_template_nobody_asks_for_a_backup() -> None:
    assert line(guest(template=True)).backup_state == "not_applicable"


def test_days_in_a_state_are_counted_from_when_it_began() -> None:
    memory = Memory(power_since={1: NOW - timedelta(days=12, hours=5)})
    assert line(guest(power="stopped"), memory=memory).days_in_state == 12
    assert line(guest(power=None), memory=memory).days_in_state is None
    assert line(guest(power=None), memory=memory).state_began_unseen is None


def test_the_days_in_a_state_are_the_least_where_the_first_poll_found_it_so() -> None:
    first = NOW - timedelta(days=12)
    known = health()
    sources = (replace(known, state=replace(known.state, first_success_at=first)),)
    for began, unseen in ((first, 1), (first + timedelta(hours=1), 0)):
        memory = Memory(power_since={1: began})
        place = estate(guest(power="stopped"), sources=sources)
        told = make_report(place, Past(), memory, zone=JAKARTA, run_id="RUN")
        assert (told.guests[0].state_began_unseen, told.guests[0].key) == (unseen, "guest/c/100")
        text = explain(told, "guest/c/100/days_in_state")
        assert ("the days are the least they can be" in text) == bool(unseen)


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


def test_a_finding_says_where_its_lead_time_comes_from() -> None:
    def order(name: str, took: int) -> dict[str, Any]:
        begun = AS_OF - timedelta(days=took + 9)
        stages = {"proposed": begun, "in_service": begun + timedelta(days=took)}
        return {"name": name, "pool": "san", "item": "disk", "stages": stages}

    past = Past(datastore_days={(1, "storage"): days([(2500 + 6.0 * i) * GIB for i in range(90)])})
    orders = [order(str(took), took) for took in (200, 220, 240)]
    told, given = {}, {"assumed": {}, "learnt": {"owners": {"orders": orders}}}
    for basis, more in given.items():
        found = report(datastore(), past=past, **more)
        [risk] = [risk for risk in found.risks if risk.rule == "AVL-009"]
        told[basis] = risk.evidence.rpartition("lead=")[2]
    assert told == {basis: basis for basis in told}


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
        (False, "superseded", True, "superseded"),
        (True, "superseded", False, "superseded"),
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
