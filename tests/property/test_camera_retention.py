"""Retention and capacity are each other's mirror; more cameras never lengthen a retention."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from planner.camera_entries import Overheads
from planner.cameras import (
    TB,
    Stream,
    Stretch,
    bytes_per_day,
    cameras_possible,
    kept_bytes,
    net_bytes,
    raw_bytes,
    retention_days,
    storage_bytes,
    usable_bytes,
)

MBPS = st.floats(0.1, 50)
TIERS = st.lists(st.builds(Stretch, st.floats(0.5, 400), MBPS), max_size=4).map(tuple)
STREAM = st.builds(Stream, st.integers(1, 5000), MBPS, st.floats(0.5, 24), TIERS)
STREAMS = st.lists(STREAM, min_size=1, max_size=4)
BYTES = st.floats(0, 1000 * TB)
DAYS = st.floats(0.1, 2000)
OVERHEADS = st.builds(
    Overheads,
    fill_ratio=st.floats(0.1, 1),
    container_pct=st.floats(0, 100),
    raid_data=st.integers(1, 16),
    raid_parity=st.integers(0, 3),
)


def reach(usable: float, streams: list[Stream]) -> float:
    found = retention_days(usable, streams)
    assert found is not None
    return found


def not_more(left: float, right: float) -> bool:
    return left <= right * (1 + 1e-9) + 1e-9


@given(STREAMS, DAYS)
def test_what_so_many_days_need_keeps_so_many_days(streams: list[Stream], days: float) -> None:
    assert reach(kept_bytes(streams, days), streams) == pytest.approx(days, rel=1e-6)


@given(STREAMS, BYTES)
def test_so_many_bytes_are_what_their_retention_needs(streams: list[Stream], usable: float) -> None:
    assert kept_bytes(streams, reach(usable, streams)) == pytest.approx(usable, rel=1e-6, abs=1)


@given(STREAMS, STREAM, BYTES)
def test_more_cameras_never_keep_longer(streams: list[Stream], more: Stream, usable: float) -> None:
    assert not_more(reach(usable, [*streams, more]), reach(usable, streams))


@given(STREAMS, BYTES, BYTES)
def test_more_capacity_never_keeps_shorter(
    streams: list[Stream], usable: float, more: float
) -> None:
    assert not_more(reach(usable, streams), reach(usable + more, streams))


@given(STREAMS)
def test_the_order_of_groups_is_nothing(streams: list[Stream]) -> None:
    assert reach(50 * TB, streams) == pytest.approx(reach(50 * TB, streams[::-1]), rel=1e-9)


@given(BYTES, OVERHEADS)
def test_net_and_usable_are_each_other_s_mirror(amount: float, overheads: Overheads) -> None:
    assert usable_bytes(net_bytes(amount, overheads), overheads) == pytest.approx(amount)
    net = net_bytes(amount, overheads)
    assert not_more(amount, net)
    assert not_more(net, raw_bytes(net, overheads))


@given(st.integers(1, 5000), MBPS, st.floats(0.5, 24), DAYS, OVERHEADS)
def test_storage_is_a_product_of_its_parts(
    count: int, mbps: float, hours: float, days: float, overheads: Overheads
) -> None:
    one = storage_bytes(1, mbps, hours, 1, overheads)
    assert storage_bytes(count, mbps, hours, days, overheads) == pytest.approx(one * count * days)
    assert bytes_per_day(8 * mbps, hours) == pytest.approx(mbps * 1e6 * 3600 * hours)


@given(STREAM, BYTES, DAYS)
def test_as_many_as_are_possible_are_kept_long_enough_and_one_more_is_not(
    stream: Stream, usable: float, days: float
) -> None:
    most = cameras_possible(usable, [stream], days)
    assert most is not None
    assume(1 <= most < 10**6)
    full = Stream(most, stream.mbps, stream.hours, stream.tiers)
    over = Stream(most + 1, stream.mbps, stream.hours, stream.tiers)
    assert reach(usable, [full]) >= days * (1 - 1e-6)
    assert reach(usable, [over]) <= days * (1 + 1e-6)
