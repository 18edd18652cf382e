"""What is told as a change, and what is not."""

from __future__ import annotations

import pytest

from inventory.records import Coverage, Host
from planner.change_rows import change_row
from stored import GIB, Book, at, disk, guest, host


@pytest.fixture
def book() -> Book:
    return Book.empty()


def told(book: Book, first: float = 0, last: float = 99) -> list[tuple[str, str, str, str, str]]:
    rows = [change_row(change) for change in book.changes(at(first), at(last))]
    return [(row.kind, row.subject, row.field, row.old, row.new) for row in rows]


def test_what_the_first_poll_finds_is_the_beginning(book: Book) -> None:
    book.poll(at(0), host(), guest(), disk())
    book.poll(at(1), host(), guest(), disk())
    assert told(book, first=-1) == []


def test_a_guest_that_comes_is_told_with_its_size_and_without_its_disks(book: Book) -> None:
    book.poll(at(0), host())
    book.poll(at(1), host(), guest(), disk(), disk("100", "scsi1"))
    assert told(book) == [("added", "guest c/100 (guest 100)", "", "", "vcpus 2, memory_gib 4")]


def test_disks_of_any_name_come_and_go_with_their_guest(book: Book) -> None:
    one = guest("a b", name=None)
    odd = disk("a b").model_copy(update={"disk_id": "vol-77"})
    book.poll(at(0), host())
    book.poll(at(1), host(), one, odd)
    book.poll(at(2), host())
    assert [row[:2] for row in told(book)] == [("added", "guest c/a b"), ("removed", "guest c/a b")]


def test_a_disk_alone_is_told(book: Book) -> None:
    book.poll(at(0), guest(), disk())
    book.poll(at(1), guest(), disk(capacity_bytes=80 * GIB), disk("100", "scsi1"))
    book.poll(at(2), guest(), disk(capacity_bytes=80 * GIB, datastore_id="nas"))
    assert told(book) == [
        ("added", "disk c/100/scsi1", "", "", "capacity_gib 40"),
        ("resized", "disk c/100/scsi0", "capacity_gib", "40", "80"),
        ("moved", "disk c/100/scsi0", "datastore_id", "san", "nas"),
        ("removed", "disk c/100/scsi1", "", "capacity_gib 40", ""),
    ]


def test_hosts_come_go_and_grow(book: Book) -> None:
    book.poll(at(0), host("h1"), host("h2"))
    book.poll(at(1), host("h1", memory_bytes=1024 * GIB), host("h3"))
    assert told(book) == [
        ("added", "host c/h3 (h3)", "", "", "cpu_cores 32, memory_gib 512"),
        ("removed", "host c/h2 (h2)", "", "cpu_cores 32, memory_gib 512", ""),
        ("resized", "host c/h1 (h1)", "memory_gib", "512", "1024"),
    ]


def test_several_changes_at_once_are_told_one_by_one(book: Book) -> None:
    book.poll(at(0), guest(tags=("cls.publik", "x")))
    book.poll(at(1), guest(name="new", host_id="h2", vcpus=4.0, tags=("cls.terbatas", "y")))
    assert told(book) == [
        ("moved", "guest c/100 (new)", "host_id", "h1", "h2"),
        ("reclassified", "guest c/100 (new)", "tags", "cls.publik", "cls.terbatas"),
        ("renamed", "guest c/100 (new)", "name", "guest 100", "new"),
        ("resized", "guest c/100 (new)", "vcpus", "2", "4"),
    ]


def test_other_tags_and_states_of_power_are_no_changes(book: Book) -> None:
    book.poll(at(0), guest(tags=("cls.publik", "x")))
    book.poll(at(1), guest(tags=("cls.publik", "y"), power="stopped"))
    assert told(book) == []


def test_what_becomes_known_or_unknown_is_no_change(book: Book) -> None:
    book.poll(at(0), guest(vcpus=None, tags=None))
    book.poll(at(1), guest(vcpus=2.0, tags=("cls.publik",)))
    book.poll(at(2), guest(vcpus=None, tags=None))
    assert told(book) == []


def test_what_was_hidden_for_a_while_did_not_go(book: Book) -> None:
    book.poll(at(0), guest())
    book.poll(at(1), coverage=[Coverage("", "guest", "failed", "away")])
    book.poll(at(2), guest())
    assert told(book) == []


def test_changes_are_those_of_the_time_that_is_asked_for(book: Book) -> None:
    for hour, size in enumerate((1, 2, 3, 4)):
        book.poll(at(hour), guest(memory_bytes=size * GIB))
    assert [row[3:] for row in told(book, 1, 2)] == [("2", "3")]
    assert told(book, 3, 9) == []


def test_a_guest_that_comes_back_went_and_came(book: Book) -> None:
    book.poll(at(0), guest())
    book.poll(at(1))
    book.poll(at(2), guest())
    assert [row[0] for row in told(book)] == ["removed", "added"]


def test_a_number_that_is_used_again_is_one_guest_gone_and_another_come(book: Book) -> None:
    book.poll(at(0), guest(uuid="aa"))
    book.poll(at(1), guest(uuid="bb", vcpus=8.0))
    assert sorted(row[0] for row in told(book)) == ["added", "removed"]


SECOND = 1 / 3600


@pytest.mark.parametrize("first", ["a", "b"])
def test_a_guest_that_moves_between_sources_moved_whoever_was_polled_first(
    book: Book, first: str
) -> None:
    """Two sources of one cluster are polled a second apart; the guest is seen by both or none."""
    other = {"a": "b", "b": "a"}[first]
    places = {"a": host("h1"), "b": host("h2")}
    before, after = guest(host_id="h1"), guest(host_id="h2")
    for hour, home, one in ((0, "a", before), (1, "b", after)):
        for delay, source in ((0.0, first), (SECOND, other)):
            facts = [places[source], *([one] if source == home else [])]
            book.poll(at(hour + delay), *facts, source=source, configured=True)
    assert told(book, first=0.5) == [("moved", "guest c/100 (guest 100)", "host_id", "h1", "h2")]


def test_a_guest_that_was_nowhere_for_a_poll_of_both_sources_went_and_came(book: Book) -> None:
    for hour, home in ((0, "a"), (1, None), (2, "b")):
        for source, machine in (("a", "h1"), ("b", "h2")):
            there = [guest(host_id=machine)] if home == source else []
            book.poll(at(hour), host(machine), *there, source=source, configured=True)
    assert [row[0] for row in told(book)] == ["removed", "added", "moved"]


def called(host_id: str, name: str, **more: str) -> Host:
    return host(host_id, **more).model_copy(update={"name": name})


def test_a_move_is_told_by_the_names_of_the_hosts_where_they_are_known(book: Book) -> None:
    book.poll(at(0), called("id-1", "kvm1"), called("id-2", "was"), guest(host_id="id-1"))
    book.poll(at(1), called("id-1", "kvm1"), called("id-2", "kvm2"), guest(host_id="id-2"))
    book.poll(at(2), called("id-1", "kvm1"), called("id-2", "kvm2"), guest(host_id="id-3"))
    moves = [row[3:] for row in told(book) if row[0] == "moved"]
    assert moves == [("kvm1", "kvm2"), ("kvm2", "id-3")]


def test_an_id_that_two_hosts_have_is_not_taken_for_the_name_of_one(book: Book) -> None:
    book.poll(at(0), called("1", "kvm1"), called("2", "kvm2"), guest(host_id="1"))
    book.poll(at(1), called("1", "kvm1"), called("2", "kvm2"), guest(host_id="2"))
    book.poll(at(1), called("1", "other", cluster="d"), source="elsewhere")
    assert [row[3:] for row in told(book) if row[0] == "moved"] == [("1", "kvm2")]


def test_the_uuid_is_told_with_the_change(book: Book) -> None:
    book.poll(at(0), guest(uuid="aa"))
    book.poll(at(1), guest(uuid="aa", vcpus=4.0))
    [change] = book.changes(at(0), at(1))
    assert (change.guest_uuid, change.at, change.old, change.new) == (
        "aa", at(1), {"vcpus": 2}, {"vcpus": 4},
    )  # fmt: skip
