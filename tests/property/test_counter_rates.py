"""Counters become rates: never negative, never across a restart, never beyond what can be."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.append import Attempt, append
from inventory.records import Counter, Guest, Snapshot
from inventory.samples import USAGE
from inventory.schema import EntityRow, table_of
from inventory.store import Store

_ENTITY = table_of(EntityRow)
START = datetime(2026, 11, 23, tzinfo=UTC)
THREADS = 8.0


@dataclass(frozen=True)
class Step:
    """What happens between two polls."""

    seconds: int
    grows: float  # busy thread-seconds, at most what the time gives
    restarts: bool  # the guest: another domain id, counters from 0
    reboots: bool  # the host: the same domain id again, counters from 0
    hides: bool  # the counter is not told this time


steps = st.lists(
    st.builds(
        Step,
        seconds=st.integers(1, 100_000),
        grows=st.floats(0, 1),
        restarts=st.booleans(),
        reboots=st.sampled_from([False, False, False, True]),
        hides=st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all examples: each is a source of its own in it."""
    with Store.open(
        f"sqlite:///{tmp_path_factory.mktemp('store') / 's.db'}", create=True
    ) as opened:
        yield opened


NUMBERS = itertools.count()


class Life:
    """A guest whose true load is known, polled after every step."""

    def __init__(self) -> None:
        self.name = f"c{next(NUMBERS)}"
        self.at = START
        self.domain_id = 1
        self.value = 0.0
        self.booted = START.timestamp() - 10.0

    def live(self, step: Step) -> None:
        self.at += timedelta(seconds=step.seconds)
        if step.restarts or step.reboots:
            self.domain_id = 1 if step.reboots else self.domain_id + 1
            self.value = 0.0
        if step.reboots:
            self.booted = self.at.timestamp() - step.seconds / 2
        lived = step.seconds / 2 if step.restarts or step.reboots else step.seconds
        self.value += step.grows * THREADS * lived * 1e9

    def poll(self, *, hidden: bool) -> Snapshot:
        counter = Counter(
            series=f"host/guest/{self.domain_id}/vcpu", entity="guest", entity_id="g",
            cluster=self.name, metric="cpu_used_cores", value=self.value, at=self.at.timestamp(),
            scale=1e-9, born_at=self.booted, limit=THREADS * 1.05,
        )  # fmt: skip
        guest = Guest(guest_id="g", cluster=self.name)
        return Snapshot(self.name, self.at, facts=(guest,), counters=() if hidden else (counter,))


def stored(store: Store, history: list[Step]) -> list[tuple[int, float]]:
    """(seconds, rate) of every sample that a life of polls leaves."""
    life = Life()
    with store.writing() as connection:
        for step in [Step(1, 0.0, False, False, False), *history]:
            life.live(step)
            attempt = Attempt(life.name, "libvirt", life.at, life.at, ZoneInfo("UTC"))
            append(connection, life.poll(hidden=step.hides), attempt)
        of_this_life = USAGE.c.entity_key.in_(
            sa.select(_ENTITY.c.key).where(_ENTITY.c.cluster == life.name)
        )
        columns = (USAGE.c.period_seconds, USAGE.c.cpu_used_cores)
        rows = connection.execute(sa.select(*columns).where(of_this_life)).all()
    return [(row[0], row[1]) for row in rows if row[1] is not None]


@settings(max_examples=100, deadline=None)
@given(steps)
def test_a_rate_is_never_negative_nor_more_than_there_is(store: Store, history: list[Step]) -> None:
    for _seconds, rate in stored(store, history):
        assert 0 <= rate <= THREADS * 1.05


@settings(max_examples=100, deadline=None)
@given(steps)
def test_there_is_a_rate_exactly_for_two_polls_of_one_life(
    store: Store, history: list[Step]
) -> None:
    expected, last = 0, {}  # the life that each domain id was last seen in
    domain_id, boot, life = 1, 0, 0
    for place, step in enumerate([Step(1, 0.0, False, False, False), *history]):
        if step.restarts or step.reboots:
            domain_id = 1 if step.reboots else domain_id + 1
            boot, life = boot + step.reboots, place
        if step.hides:
            continue
        expected += last.get(domain_id) == (boot, life)
        last[domain_id] = (boot, life)
    assert len(stored(store, history)) == expected


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1), st.integers(1, 4000))
def test_the_rate_is_the_load(store: Store, busy: float, seconds: int) -> None:
    [(period, rate)] = stored(store, [Step(seconds, busy, False, False, False)])
    assert abs(rate - busy * THREADS) < 1e-6 * THREADS
    assert period == (300 if 150 <= seconds <= 450 else seconds)
