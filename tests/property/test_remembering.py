"""Whatever was polled can be read back at every instant; what changed is the difference."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.check import faults
from inventory.records import Counter, Coverage, Disk, Guest, Host, Record
from inventory.samples import USAGE
from stored import GIB, WHOLE, Book, at, disk, guest, host

IDS = ("100", "101", "102")
CONFIG = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["web", "db", None]),
        "vcpus": st.sampled_from([1.0, 2.0, None]),
        "memory_bytes": st.sampled_from([GIB, 2 * GIB]),
        "host_id": st.sampled_from(["h1", "h2"]),
        "power": st.sampled_from(["running", "stopped"]),
        "tags": st.sampled_from([None, (), ("a",), ("a", "cls.publik")]),
    }
)
Guests = dict[str, dict[str, Any]]
STATE: st.SearchStrategy[Guests] = st.dictionaries(st.sampled_from(IDS), CONFIG, max_size=3)
HISTORY = st.lists(STATE, min_size=1, max_size=5)


def facts_of(state: Guests) -> list[Record]:
    guests: list[Record] = [guest(name, **config) for name, config in state.items()]
    disks: list[Record] = [disk(name) for name in state if state[name]["power"] == "running"]
    return [host("h1"), host("h2"), *guests, *disks]


@settings(max_examples=30)
@given(HISTORY)
def test_every_state_is_read_back_at_its_instant(history: list[Guests]) -> None:
    book = Book.empty()
    for hour, state in enumerate(history):
        book.poll(at(hour), *facts_of(state))
    for hour, state in enumerate(history):
        facts = book.facts(at(hour + 0.5))
        found = [fact for kind in (Host, Guest, Disk) for fact in facts.records(kind)]
        assert sorted(found, key=repr) == sorted(facts_of(state), key=repr)
    with book.store.reading() as connection:
        assert faults(connection) == []


@settings(max_examples=30)
@given(HISTORY)
def test_a_row_is_written_only_for_what_changed(history: list[Guests]) -> None:
    book = Book.empty()
    expected = 0
    before: Guests = {}
    for hour, state in enumerate(history):
        book.poll(at(hour), *facts_of(state))
        expected += sum(1 for name, config in state.items() if before.get(name) != config)
        before = state
    assert len(book.versions(Guest)) == expected


@settings(max_examples=30)
@given(HISTORY, st.data())
def test_hidden_facts_stay_as_they_were_last_seen(
    history: list[Guests], data: st.DataObject
) -> None:
    """A poll that could not see the guests changes nothing about them."""
    book = Book.empty()
    shown: Guests = {}
    for hour, state in enumerate(history):
        if data.draw(st.booleans()):
            book.poll(at(hour), *facts_of(state))
            shown = state
        else:
            hidden = [Coverage("", kind, "hidden") for kind in ("guest", "disk")]
            book.poll(at(hour), host("h1"), host("h2"), coverage=[*WHOLE[:1], *hidden])
        found = {g.guest_id: g for g in book.facts(at(hour)).records(Guest)}
        assert found == {name: guest(name, **config) for name, config in shown.items()}


_FIELDS = ("name", "vcpus", "memory_bytes", "host_id")


@settings(max_examples=30)
@given(HISTORY.filter(lambda history: len(history) > 1), st.data())
def test_the_changes_between_two_instants_are_the_difference_of_their_states(
    history: list[Guests], data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, len(history) - 2))
    last = data.draw(st.integers(first + 1, len(history) - 1))
    book = Book.empty()
    for hour, state in enumerate(history):
        book.poll(at(hour), *facts_of(state))
    story = [c for c in book.changes(at(first), at(last)) if c.subject.startswith("guest ")]
    before, after = history[first], history[last]
    for name in IDS:
        own = [c for c in story if c.subject.split()[1] == f"c/{name}"]
        came = [c.kind for c in own if c.kind in ("added", "removed")]
        balance = came.count("added") - came.count("removed")
        assert balance == int(name in after) - int(name in before)
        if came or name not in before:
            continue
        for field in _FIELDS:
            steps = [(c.old[field], c.new[field]) for c in own if c.field == field]
            values = [history[hour][name][field] for hour in range(first, last + 1)]
            if None not in values:  # what was not known is neither old nor new
                assert steps == [(old, new) for old, new in pairwise(values) if old != new]


READING = st.tuples(st.integers(1, 900), st.integers(0, 10**6), st.sampled_from(["boot1", "boot2"]))


@settings(max_examples=30)
@given(st.lists(READING, min_size=2, max_size=8))
def test_counters_never_give_a_negative_rate_nor_more_than_they_counted(
    readings: list[tuple[int, int, str]],
) -> None:
    book = Book.empty()
    clock, counted, series_last = 0, 0, {}
    for seconds, value, series in readings:
        clock += seconds
        if series in series_last and value > series_last[series]:
            counted += value - series_last[series]
        series_last[series] = value
        when = at(clock / 3600)
        counter = Counter(
            series, "host", "h1", "c", "net_in_bytes_per_second", value, at(0).timestamp() + clock
        )
        book.poll(when, host(), counters=(counter,))
    with book.store.reading() as connection:
        rows = connection.execute(USAGE.select()).mappings().all()
    assert all(row["net_in_bytes_per_second"] >= 0 for row in rows)
    told = sum(row["net_in_bytes_per_second"] * row["period_seconds"] for row in rows)
    usual = 1.5 / 0.5  # an interval near the usual one is told as the usual one
    assert told <= counted * usual
