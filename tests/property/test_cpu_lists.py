"""A list of CPUs is read back as it was written, however it is put."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inventory.cpu_lists import cpus_in, cpus_of, ranges_of

CPUS = st.frozensets(st.integers(0, 8191), min_size=1, max_size=40)


@given(CPUS)
def test_ranges_name_the_same_cpus(cpus: frozenset[int]) -> None:
    ranges = ranges_of(cpus)
    assert cpus_of(ranges) == cpus_in(",".join(ranges)) == cpus
    assert ranges_of(cpus_of(ranges)) == ranges


@given(CPUS, CPUS)
def test_what_is_excluded_is_not_in_it(cpus: frozenset[int], not_these: frozenset[int]) -> None:
    listed = ",".join([*map(str, cpus), *(f"^{cpu}" for cpu in not_these)])
    assert cpus_in(listed) == cpus - not_these


@given(st.text(max_size=12))
def test_anything_else_is_no_list(text: str) -> None:
    found = cpus_in(text)
    assert found is None or all(cpu < 8192 for cpu in found)
