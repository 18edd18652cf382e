"""What the store remembers: versions of facts, what was seen, who is who."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

import inventory
from inventory import store as store_module
from inventory.check import faults
from inventory.errors import (
    ClusterConflict,
    SchemaTooNew,
    SchemaTooOld,
    StoreMissing,
    StoreUnusable,
)
from inventory.records import (
    BEYOND_REACH,
    Backup,
    Counter,
    Coverage,
    Datastore,
    Disk,
    Guest,
    GuestSnapshot,
    Host,
    Snapshot,
)
from inventory.samples import USAGE
from inventory.schema import CoverageRow, MetaRow, PollRow, table_of
from inventory.sources import known_clusters
from inventory.store import SCHEMA_HEAD, Store
from stored import GIB, WHOLE, Book, at, datastore, disk, guest, host, used


@pytest.fixture
def book() -> Iterator[Book]:
    book = Book.empty()
    yield book
    with book.store.reading() as connection:
        assert faults(connection) == []


def coverage(kind: str, state: str, scope: str = "", reason: str = "") -> Coverage:
    return Coverage(scope, kind, state, reason)  # type: ignore[arg-type]


# Versions


def test_an_unchanged_fact_gets_no_second_row(book: Book) -> None:
    for hour in range(4):
        book.poll(at(hour), host(), guest(), disk())
    assert [len(book.versions(kind)) for kind in (Host, Guest, Disk)] == [1, 1, 1]


def test_a_changed_fact_gets_a_row_that_begins_where_the_old_one_ends(book: Book) -> None:
    assert book.poll(at(0), guest(), guest("101")).added == 2
    stored = book.poll(at(1), guest(vcpus=4.0), guest("101"))
    assert (stored.added, stored.changed, stored.closed) == (0, 1, 0)
    old, new = (row for row in book.versions(Guest) if row["guest_id"] == "100")
    assert (old["vcpus"], new["vcpus"]) == (2, 4)
    assert (old["valid_to"], new["valid_from"], new["valid_to"]) == (at(1), at(1), None)


def test_every_past_instant_can_be_rebuilt(book: Book) -> None:
    states = [
        (host(), guest(), guest("101")),
        (host(), guest(memory_bytes=8 * GIB), guest("101")),
        (host(), guest("101", power="stopped")),
        (host(), host("h2"), guest(memory_bytes=8 * GIB), guest("101", power="stopped")),
    ]
    for hour, facts in enumerate(states):
        book.poll(at(hour), *facts)
    for hour, facts in enumerate(states):
        for minutes in (0, 59):
            found = book.facts(at(hour) + timedelta(minutes=minutes))
            assert set(found.records(Host)) | set(found.records(Guest)) == set(facts)
    assert book.facts(at(-1)).records(Guest) == ()


def test_a_fact_that_came_back_has_a_gap_between_its_versions(book: Book) -> None:
    book.poll(at(0), host(), guest())
    book.poll(at(1), host())
    book.poll(at(2), host(), guest())
    assert [len(book.of(Guest, at(hour))) for hour in (0, 1, 2)] == [1, 0, 1]


def test_a_change_within_the_second_of_the_poll_before_leaves_no_empty_version(book: Book) -> None:
    book.poll(at(0), guest())
    book.poll(at(0) + timedelta(microseconds=400_000), guest(vcpus=4.0))
    book.poll(at(0) + timedelta(microseconds=700_000), guest(vcpus=8.0))
    assert [row["vcpus"] for row in book.versions(Guest)] == [8]


def test_lists_and_unknowns_are_told_apart_when_read_back(book: Book) -> None:
    facts = {
        "none": guest("1", tags=()),
        "unknown": guest("2", tags=None, power=None),
        "two": guest("3", tags=("a b", "c;d")),
    }
    book.poll(at(0), *facts.values())
    found = book.of(Guest, at(0))
    assert [found[key].record.tags for key in "123"] == [(), None, ("a b", "c;d")]
    assert found["2"].record == facts["unknown"]


# What closes a version


@pytest.mark.parametrize(
    ("state", "is_closed"),
    [("complete", True), ("partial", False), ("hidden", False), ("failed", False)],
)
def test_a_fact_is_gone_only_when_its_scope_was_seen_whole(
    book: Book, state: str, is_closed: bool
) -> None:
    book.poll(at(0), host(), guest(), guest("101"))
    stored = book.poll(
        at(1), host(), guest(), coverage=[coverage("host", "complete"), coverage("guest", state)]
    )
    assert stored.closed == int(is_closed)
    assert ("101" in book.of(Guest, at(1))) is not is_closed


def test_a_kind_that_was_not_asked_for_keeps_its_facts(book: Book) -> None:
    book.poll(at(0), guest(), disk())
    book.poll(at(1), guest(), coverage=[coverage("guest", "complete")])
    assert set(book.of(Disk, at(1))) == {"100/scsi0"}


def test_a_part_that_failed_keeps_its_own_facts_alone(book: Book) -> None:
    book.poll(at(0), guest(), guest("101"), disk(), disk("101"))
    book.poll(
        at(1),
        guest(),
        guest("101"),
        coverage=[*WHOLE, coverage("disk", "failed", "guest/101", "locked")],
    )
    assert set(book.of(Disk, at(1))) == {"101/scsi0"}


def test_a_part_that_was_seen_closes_its_own_facts_alone(book: Book) -> None:
    book.poll(at(0), guest(), guest("101"), disk(), disk("101"))
    book.poll(
        at(1),
        guest(),
        guest("101"),
        coverage=[coverage("disk", "hidden"), coverage("disk", "complete", "guest/100")],
    )
    assert set(book.of(Disk, at(1))) == {"101/scsi0"}


def test_a_backup_is_gone_when_its_datastore_was_listed(book: Book) -> None:
    stored = [
        Backup(guest_id="100", cluster="c", name=f"{place}/b", datastore_id=place)
        for place in ("pbs", "nas")
    ]
    book.poll(at(0), guest(), *stored)
    book.poll(
        at(1),
        guest(),
        coverage=[
            coverage("guest", "complete"),
            coverage("backup", "partial"),
            coverage("backup", "complete", "datastore/pbs"),
        ],
    )
    assert set(book.of(Backup, at(1))) == {"nas/b"}


def test_a_value_that_was_not_seen_keeps_the_last_known_one(book: Book) -> None:
    book.poll(at(0), guest())
    unseen = guest(memory_bytes=None, tags=None, vcpus=4.0)
    book.poll(at(1), unseen, coverage=[coverage("guest", "partial")])
    found = book.of(Guest, at(1))["100"].record
    assert (found.memory_bytes, found.tags, found.vcpus) == (4 * GIB, (), 4)


def test_a_value_that_is_known_no_more_is_not_carried_on(book: Book) -> None:
    book.poll(at(0), guest(os="debian-12"))
    book.poll(at(1), guest(os=None))
    assert book.of(Guest, at(1))["100"].record.os is None


def test_absent_hidden_and_confirmed_never_look_alike(book: Book) -> None:
    hidden = coverage("guest", "partial", reason="a node is away")
    book.poll(at(0), host(), guest(), guest("101"))
    book.poll(at(1), host(), guest(), coverage=[coverage("host", "complete"), hidden])
    facts = book.of(Guest, at(1))
    assert facts["101"].confirmed_at == at(0)
    assert book.of(Host, at(1))["h1"].confirmed_at == at(1)
    book.poll(at(2), host(), guest())
    assert set(book.of(Guest, at(2))) == {"100"}
    assert book.of(Guest, at(2))["100"].confirmed_at == at(2)


# Measured fields


def test_measured_fields_are_renewed_in_place(book: Book) -> None:
    for hour in range(3):
        book.poll(at(hour), datastore(used_bytes=(hour + 1) * GIB))
    [row] = book.versions(Datastore)
    assert (row["used_bytes"], row["measured_at"], row["valid_from"]) == (3 * GIB, at(2), at(0))
    assert book.of(Datastore, at(2))["san"].record.used_bytes == 3 * GIB


def test_what_was_measured_later_is_not_known_before(book: Book) -> None:
    for hour in range(3):
        book.poll(at(hour), guest(), disk(allocated_bytes=(hour + 1) * GIB))
    assert book.of(Disk, at(1))["100/scsi0"].record.allocated_bytes is None
    assert book.of(Disk, at(2))["100/scsi0"].record.allocated_bytes == 3 * GIB


def test_what_a_datastore_held_on_a_past_day_comes_from_its_samples(book: Book) -> None:
    for hour in range(3):
        sample = used("datastore", "san", at(hour), storage_used_bytes=(hour + 1) * GIB)
        book.poll(at(hour), datastore(used_bytes=(hour + 1) * GIB), usage=[sample])
    assert book.of(Datastore, at(1))["san"].record.used_bytes == 2 * GIB


# Snapshots that come late


def test_of_a_superseded_snapshot_only_the_usage_is_kept(book: Book) -> None:
    book.poll(at(5), host(), guest())
    late = book.poll(
        at(3),
        host(),
        guest(vcpus=8.0),
        guest("101"),
        coverage=[*WHOLE[:1], coverage("guest", "failed", reason="away")],
        usage=[used("host", "h1", at(3), cpu_used_cores=7)],
    )
    assert (late.superseded, late.samples, late.added, late.gaps) == (True, 1, 0, ())
    assert [row["vcpus"] for row in book.versions(Guest)] == [2]
    assert book.source(at(6)).gaps == ()
    assert book.source(at(6)).last_taken_at == at(5)


def test_the_same_snapshot_twice_changes_nothing_but_the_attempts(book: Book) -> None:
    usage = [used("host", "h1", at(0), cpu_used_cores=7)]
    facts = (host(), guest(), disk(), datastore(used_bytes=GIB))
    assert book.poll(at(0), *facts, usage=usage).samples == 1
    before = [book.versions(kind) for kind in (Host, Guest, Disk, Datastore)]
    again = book.poll(at(0), *facts, usage=usage)
    assert (again.added, again.changed, again.closed, again.samples) == (0, 0, 0, 0)
    assert [book.versions(kind) for kind in (Host, Guest, Disk, Datastore)] == before


# Coverage


def runs(book: Book, kind: str) -> list[tuple[str, datetime, datetime]]:
    table = table_of(CoverageRow)
    with book.store.reading() as connection:
        rows = connection.execute(
            sa.select(table).where(table.c.kind == kind).order_by(table.c.first_at, table.c.key)
        )
        return [(row["state"], row["first_at"], row["last_at"]) for row in rows.mappings()]


def test_polls_that_see_the_same_lengthen_one_run(book: Book) -> None:
    for hour in range(3):
        book.poll(at(hour), guest())
    away = coverage("guest", "failed", reason="away")
    for hour in (3, 4):
        book.poll(at(hour), coverage=[away])
    book.poll(at(5), guest())
    assert runs(book, "guest") == [
        ("complete", at(0), at(2)),
        ("failed", at(3), at(4)),
        ("complete", at(5), at(5)),
    ]


def test_a_new_gap_is_told_once(book: Book) -> None:
    whole = [coverage("guest", "complete")]
    gap = coverage("disk", "hidden", reason="no right")
    assert book.poll(at(0), guest(), coverage=whole).new_gaps == ()
    for hour, told in ((1, (gap,)), (2, ()), (3, ())):
        stored = book.poll(at(hour), guest(), coverage=[*whole, gap])
        assert (stored.gaps, stored.new_gaps) == ((gap,), told)
    worse = coverage("disk", "failed", reason="no answer")
    assert book.poll(at(4), guest(), coverage=[*whole, worse]).new_gaps == (worse,)
    book.poll(at(5), guest())
    assert book.poll(at(6), guest(), coverage=[*whole, gap]).new_gaps == (gap,)


def test_what_no_right_would_show_is_a_gap_but_no_news(book: Book) -> None:
    beyond = Coverage("", "volume", "hidden", "only who may write sees it", BEYOND_REACH)
    stored = book.poll(at(0), guest(), coverage=[coverage("guest", "complete"), beyond])
    assert (stored.gaps, stored.new_gaps, stored.is_partial) == ((beyond,), (), False)


def test_a_gap_whose_reason_is_worded_anew_is_not_new(book: Book) -> None:
    for hour, told in ((0, 1), (1, 0)):
        gap = coverage("disk", "failed", reason=f"no answer in {hour + 3} s")
        assert len(book.poll(at(hour), guest(), coverage=[gap]).new_gaps) == told


# Attempts


def test_failed_attempts_are_remembered_with_their_reason(book: Book) -> None:
    book.poll(at(0), guest())
    book.fail(at(1), "connection refused")
    book.fail(at(2), "no answer within 60 s", outcome="timed_out")
    state = book.source(at(3))
    assert (state.last_outcome, state.last_error) == ("timed_out", "no answer within 60 s")
    assert (state.last_success_at, state.last_attempt_at) == (at(0), at(2))
    assert book.source(at(1.5)).last_error == "connection refused"
    assert set(book.of(Guest, at(3))) == {"100"}


def test_a_source_that_never_answered_is_known(book: Book) -> None:
    book.fail(at(0), "no route to host")
    state = book.source(at(1))
    assert (state.last_success_at, state.last_taken_at) == (None, None)
    assert state.last_error == "no route to host"


def test_a_success_says_what_the_platform_counts(book: Book) -> None:
    book.poll(at(0), guest(), guests_reported=15, platform="proxmox-ve 9.2")
    state = book.source(at(0))
    assert (state.guests_seen, state.guests_reported, state.platform) == (1, 15, "proxmox-ve 9.2")


# Clusters and who is who


def test_two_sources_of_one_cluster_must_be_configured_so(book: Book) -> None:
    book.poll(at(0), host("h1"), source="a")
    with pytest.raises(ClusterConflict, match="a and b both report the cluster 'c'"):
        book.poll(at(1), host("h2"), source="b")
    with pytest.raises(ClusterConflict):
        book.poll(at(1), host("h2"), source="b", configured=True)
    assert set(book.of(Host, at(2))) == {"h1"}


def test_two_sources_merge_when_both_are_configured_so(book: Book) -> None:
    for name, machine in (("a", "h1"), ("b", "h2")):
        book.poll(at(0), host(machine), guest(machine), source=name, configured=True)
    assert set(book.of(Host, at(0))) == {"h1", "h2"}
    book.poll(at(1), host("h1"), source="a", configured=True)  # b's guest is none of a's business
    assert set(book.of(Guest, at(1))) == {"h2"}


def test_one_source_may_report_several_clusters(book: Book) -> None:
    book.poll(at(0), host("h1"), host("h2", cluster="d"))
    with book.store.reading() as connection:
        assert known_clusters(connection) == {}
    book.poll(at(1), host("h1"))
    with book.store.reading() as connection:
        assert known_clusters(connection) == {"site": "c"}


def test_a_guest_that_moves_between_sources_stays_the_same(book: Book) -> None:
    one, uuid = guest("u-1", uuid="u-1", host_id="h1"), "u-1"
    book.poll(at(0), host("h1"), one, source="a", configured=True)
    book.poll(at(0), host("h2"), source="b", configured=True)
    book.poll(at(1), host("h1"), source="a", configured=True)
    moved = guest("u-1", uuid=uuid, host_id="h2")
    book.poll(at(1), host("h2"), moved, source="b", configured=True)
    assert len({row["entity_key"] for row in book.versions(Guest)}) == 1
    [fact] = book.facts(at(1)).of(Guest)
    assert (fact.source, fact.record.host_id) == ("b", "h2")


def test_a_guest_that_two_sources_list_counts_once_where_it_runs(book: Book) -> None:
    book.poll(at(0), guest(power="running"), source="a", configured=True)
    book.poll(at(1), guest(power="stopped", host_id="h2"), source="b", configured=True)
    [fact] = book.facts(at(1)).of(Guest)
    assert (fact.source, fact.record.power) == ("a", "running")


def test_a_uuid_that_is_learnt_later_attaches(book: Book) -> None:
    book.poll(at(0), guest(), coverage=[coverage("guest", "partial")])
    book.poll(at(1), guest(uuid="aa"))
    book.poll(at(2), guest("777", uuid="aa"))  # restored under another number
    assert len({row["entity_key"] for row in book.versions(Guest)}) == 1


def test_a_number_that_comes_back_with_another_uuid_is_another_guest(book: Book) -> None:
    book.poll(at(0), guest(uuid="aa"))
    book.poll(at(1))
    book.poll(at(2), guest(uuid="bb"))
    first, second = book.versions(Guest)
    assert first["entity_key"] != second["entity_key"]
    book.poll(at(3), guest(uuid="bb"), guest("101", uuid="aa"))  # and the first comes back
    assert book.of(Guest, at(3))["101"].entity_key == first["entity_key"]


def test_a_number_that_comes_back_as_a_container_is_another_guest(book: Book) -> None:
    book.poll(at(0), guest(uuid="aa"), guest("200", kind="container"))
    book.poll(at(1), guest(kind="container"), guest("200", uuid="bb"))
    for name in ("100", "200"):
        keys = [row["entity_key"] for row in book.versions(Guest) if row["guest_id"] == name]
        assert len(set(keys)) == 2
    book.poll(at(2), guest(kind="container", vcpus=1.0), guest("200", uuid="bb", vcpus=1.0))
    for name in ("100", "200"):
        before, after = book.of(Guest, at(1))[name], book.of(Guest, at(2))[name]
        assert before.entity_key == after.entity_key


def test_a_kind_that_is_learnt_later_attaches(book: Book) -> None:
    book.poll(at(0), guest(kind=None), coverage=[coverage("guest", "partial")])
    book.poll(at(1), guest())
    assert len({row["entity_key"] for row in book.versions(Guest)}) == 1


def test_two_guests_that_swap_their_numbers_keep_their_pasts(book: Book) -> None:
    book.poll(at(0), guest("100", uuid="aa"), guest("101", uuid="bb"))
    book.poll(at(1), guest("100", uuid="bb"), guest("101", uuid="aa"))
    before, after = book.of(Guest, at(0)), book.of(Guest, at(1))
    assert before["100"].entity_key == after["101"].entity_key
    assert before["101"].entity_key == after["100"].entity_key


def test_a_uuid_that_a_clone_shares_with_its_template_identifies_neither(book: Book) -> None:
    template = guest("9000", uuid="tt", template=True, power="stopped")
    book.poll(at(0), template)
    book.poll(at(1), template, guest("101", uuid="tt"), guest("102", uuid="tt"))
    keys = {name: fact.entity_key for name, fact in book.of(Guest, at(1)).items()}
    assert len(set(keys.values())) == 3
    book.poll(at(2), guest("101", uuid="tt"))  # the template is deleted: its clone is not it
    assert book.of(Guest, at(2))["101"].entity_key == keys["101"]


def test_a_renamed_guest_stays_the_same(book: Book) -> None:
    book.poll(at(0), guest(name="old"))
    book.poll(at(1), guest(name="new"))
    assert len({row["entity_key"] for row in book.versions(Guest)}) == 1


def test_usage_of_something_no_fact_has_shown_yet_is_kept(book: Book) -> None:
    book.poll(at(0), usage=[used("host", "h9", at(0), cpu_used_cores=1)])
    book.poll(at(1), host("h9"), usage=[used("host", "h9", at(1), cpu_used_cores=2)])
    with book.store.reading() as connection:
        rows = connection.execute(sa.select(USAGE.c.entity_key, USAGE.c.cpu_used_cores)).all()
    assert {key for key, _value in rows} == {book.of(Host, at(1))["h9"].entity_key}
    assert sorted(value for _key, value in rows) == [1, 2]


# Counters


def counted(value: float, seconds: float, *, series: str = "h1:boot1", **more: float) -> Counter:
    when = at(0).timestamp() + seconds
    return Counter(series, "host", "h1", "c", "net_in_bytes_per_second", value, when, **more)


def rates(book: Book) -> list[tuple[float | None, int]]:
    with book.store.reading() as connection:
        columns = (USAGE.c.net_in_bytes_per_second, USAGE.c.period_seconds)
        return [tuple(row) for row in connection.execute(sa.select(*columns))]


def test_a_counter_becomes_a_rate_over_its_own_interval(book: Book) -> None:
    book.poll(at(0), host(), counters=(counted(1000, 0),))
    book.poll(at(0.0833), host(), counters=(counted(4000, 300),))
    book.poll(at(1), host(), counters=(counted(14_000, 1300),))
    assert rates(book) == [(10, 300), (10, 1000)]


def test_a_restarted_counter_gives_no_rate(book: Book) -> None:
    book.poll(at(0), host(), counters=(counted(9000, 0),))
    book.poll(at(1), host(), counters=(counted(100, 300),))  # smaller: it was reset
    born = at(0).timestamp() + 400
    book.poll(at(2), host(), counters=(counted(99_000, 600, born_at=born),))
    book.poll(at(3), host(), counters=(counted(99_500, 900, series="h1:boot2"),))
    assert rates(book) == []


def test_less_than_a_second_tells_no_rate_and_the_next_interval_tells_its_own(book: Book) -> None:
    """Clocks are read a little before or after the counters: of so short a time that is much."""
    book.poll(at(0), host(), counters=(counted(0, 0),))
    book.poll(at(1), host(), counters=(counted(900, 0.9),))
    assert rates(book) == []
    book.poll(at(2), host(), counters=(counted(3900, 300.9),))
    [(rate, period)] = rates(book)
    assert (rate, period) == (pytest.approx(10), 300)


def test_a_rate_that_no_machine_can_reach_is_a_fault_of_the_counter(book: Book) -> None:
    book.poll(at(0), host(), counters=(counted(0, 0),))
    book.poll(at(1), host(), counters=(counted(1e15, 300, limit=1e9),))
    assert rates(book) == []


def test_the_counters_of_one_guest_add_up(book: Book) -> None:
    names = ("h1:nic0", "h1:nic1")
    book.poll(at(0), host(), counters=tuple(counted(0, 0, series=n) for n in names))
    book.poll(at(1), host(), counters=tuple(counted(600, 300, series=n) for n in names))
    assert rates(book) == [(4, 300)]


# Instants


def test_a_naive_instant_is_refused(book: Book) -> None:
    naive = datetime(2026, 11, 1, 12, 0)  # noqa: DTZ001  (the fault that is tested)
    with pytest.raises((ValueError, sa.exc.StatementError), match=r"time zone|offset"):
        book.poll(naive, guest())
    snapshot = GuestSnapshot(guest_id="100", cluster="c", name="s", created_at=naive)
    with pytest.raises((ValueError, sa.exc.StatementError), match=r"time zone|offset"):
        book.poll(at(0), guest(), snapshot)
    assert book.versions(Guest) == []


def test_instants_come_back_in_utc_whatever_zone_they_were_told_in(book: Book) -> None:
    local = at(0).astimezone(book.zone)
    book.poll(
        local, guest(), GuestSnapshot(guest_id="100", cluster="c", name="s", created_at=local)
    )
    [fact] = book.facts(at(1)).of(GuestSnapshot)
    assert fact.record.created_at == at(0)
    assert fact.valid_from.isoformat() == at(0).isoformat()


# The file and its schema


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder / 'inventory.db'}"


def test_the_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Store.open(url_of(tmp_path), create=True).close()
    finally:
        os.umask(before)
    assert [p.name for p in tmp_path.iterdir()] == ["inventory.db"]
    assert (tmp_path / "inventory.db").stat().st_mode & 0o777 == 0o600


def test_a_store_that_is_not_there_is_not_made_by_reading_it(tmp_path: Path) -> None:
    with pytest.raises(
        StoreMissing, match=r"no inventory at .*inventory\.db; run `lumbung collect"
    ):
        Store.open(url_of(tmp_path))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "inventory.db").touch()
    with pytest.raises(StoreMissing, match="holds no inventory yet"):
        Store.open(url_of(tmp_path))


def test_a_folder_that_is_not_there_and_a_file_that_is_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match=r"the folder .*no does not exist"):
        Store.open(url_of(tmp_path / "no"), create=True)
    (tmp_path / "inventory.db").write_bytes(b"not a database, but a text of some length" * 40)
    with pytest.raises(StoreUnusable, match="something else or damaged"):
        Store.open(url_of(tmp_path), create=True)


def stamp(folder: Path, schema: str) -> None:
    with Store.open(url_of(folder), create=True) as store, store.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :v"), {"v": schema})


def test_a_store_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    stamp(tmp_path, "9999")
    with pytest.raises(SchemaTooNew, match=r"schema 9999, this one knows up to .*update Lumbung"):
        Store.open(url_of(tmp_path), create=True)
    with Store.open_any_schema(url_of(tmp_path)) as store:
        assert store.schema == "9999"


def test_a_store_of_a_newer_program_is_not_upgraded(tmp_path: Path) -> None:
    stamp(tmp_path, "9999")
    with Store.open_any_schema(url_of(tmp_path)) as store, pytest.raises(SchemaTooNew):
        store.upgrade()


def test_a_store_of_an_older_program_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamp(tmp_path, "0000")
    monkeypatch.setattr(store_module, "_KNOWN_SCHEMAS", ("0000", SCHEMA_HEAD))
    with pytest.raises(SchemaTooOld, match=r"has schema 0000.*run `lumbung db upgrade`"):
        Store.open(url_of(tmp_path), create=True)


def test_the_migrations_make_exactly_the_tables_of_the_schema(tmp_path: Path) -> None:
    with Store.open(url_of(tmp_path), create=True) as store, store.reading() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, SQLModel.metadata) == []


def test_the_newest_migration_is_the_one_the_program_needs() -> None:
    folder = Path(inventory.__file__).parent / "migrations" / "versions"
    texts = [path.read_text() for path in sorted(folder.glob("0*.py"))]
    revisions = [name for text in texts for name in re.findall(r'\nrevision = "(\w+)"', text)]
    below = [name for text in texts for name in re.findall(r"\ndown_revision = (.+)", text)]
    assert below == ["None", *(f'"{name}"' for name in revisions[:-1])]
    assert revisions == list(store_module._KNOWN_SCHEMAS)
    assert revisions[-1] == SCHEMA_HEAD


def test_what_a_failed_transaction_wrote_is_not_there(book: Book) -> None:
    book.poll(at(0), guest())
    with contextlib.suppress(RuntimeError), book.store.writing() as connection:
        connection.execute(table_of(MetaRow).insert().values(name="x", value="y"))
        raise RuntimeError
    with book.store.reading() as connection:
        assert connection.execute(sa.select(table_of(MetaRow))).all() == []
        assert connection.scalar(sa.select(sa.func.count()).select_from(table_of(PollRow))) == 1


def test_a_snapshot_is_stored_whole_or_not_at_all(book: Book) -> None:
    book.poll(at(0), host(), guest(), source="a")
    with pytest.raises(ClusterConflict):
        book.poll(at(1), host("h2"), guest("200"), source="b")
    assert [row["guest_id"] for row in book.versions(Guest)] == ["100"]
    with book.store.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(table_of(PollRow))) == 1


def test_snapshots_can_be_asked_for_one_kind() -> None:
    snapshot = Snapshot("site", at(0), facts=(host(), guest(), guest("101")))
    assert [g.guest_id for g in snapshot.of(Guest)] == ["100", "101"]


def test_the_check_finds_broken_promises() -> None:
    book = Book.empty()
    book.poll(at(0), guest(), usage=[used("host", "h1", at(0), cpu_used_cores=1)])
    book.poll(at(2), guest(vcpus=4.0))
    with book.store.writing() as connection:
        connection.execute(sa.text("UPDATE guest SET valid_to = NULL"))
        connection.execute(sa.text("UPDATE usage SET cpu_used_cores = -1"))
    with book.store.reading() as connection:
        found = faults(connection)
    assert [line.split(":")[0] for line in found] == ["guest", "guest", "usage"]
    assert "two open versions of c/100" in found[0]
