"""Clusters small enough to try everything, for tests of what packs."""

from __future__ import annotations

from hypothesis import strategies as st

from planner.placement.packing import Bin, Load

NAMES = ("A", "B", "C", "D")
HOST = st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 6))
GUEST = st.tuples(st.sampled_from(NAMES), st.integers(0, 7), st.integers(0, 7))


@st.composite
def clusters(draw: st.DrawFn) -> tuple[list[Bin], list[Load]]:
    """Up to four hosts and seven guests, small enough to try everything."""
    sizes = draw(st.lists(HOST, min_size=2, max_size=4))
    hosts = [
        Bin(name, float(memory), float(vcpus), float(cores))
        for name, (memory, vcpus, cores) in zip(NAMES, sizes, strict=False)
    ]
    guests = draw(st.lists(GUEST, max_size=7))
    loads = [
        Load(f"g{i}", place, memory, float(vcpus))
        for i, (place, memory, vcpus) in enumerate(guests)
    ]
    return hosts, loads
