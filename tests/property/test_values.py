"""Single values of a platform's answers: read right, or not known; never an error."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from collectors.proxmox import values

LARGEST_STORED = 2**63 - 1
UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NUMERIC_TEXT = st.from_regex(r"\A-?[0-9]{1,400}(\.[0-9]{1,5})?[KMGTPkmgt]?\Z")
ANYTHING = JSON | NUMERIC_TEXT


@given(ANYTHING)
def test_no_answer_breaks_a_reader(answer: Any) -> None:
    for read in (values.number, values.whole, values.size_bytes):
        found = read(answer)
        assert found is None or 0 <= found <= LARGEST_STORED
    memory = values.memory_bytes({"memory": answer})
    assert memory is None or 0 <= memory <= LARGEST_STORED
    assert values.flag(answer) in (None, True, False)
    shown = values.text(answer)
    assert shown is None or shown.isprintable()
    assert all(word == word.strip() != "" for word in values.words(answer, ";"))
    assert all(isinstance(part, str) for part in values.properties(answer).values())
    values.smbios_uuid({"smbios1": answer})


@given(st.integers(0, 10**9), st.sampled_from(sorted(UNITS)))
def test_a_size_is_its_number_times_its_unit(number: int, unit: str) -> None:
    size = number * UNITS[unit]
    assert values.size_bytes(f"{number}{unit}") == (size if size <= 2**62 else None)


@given(st.integers(0, 10**6), st.sampled_from(["K", "M", "G", "T"]))
def test_a_size_may_have_decimals(tenths: int, unit: str) -> None:
    assert values.size_bytes(f"{tenths / 10}{unit}") == round(tenths * UNITS[unit] / 10)


@given(st.integers(0, 2**40))
def test_a_number_is_the_same_as_text(number: int) -> None:
    assert values.number(number) == values.number(str(number)) == float(number)
    assert values.whole(str(number)) == number


@given(st.integers(16, 10**7))
def test_memory_comes_in_mib_as_number_text_or_property(mib: int) -> None:
    for told in (mib, str(mib), f"current={mib}", float(mib)):
        assert values.memory_bytes({"memory": told}) == mib * 2**20
    assert values.memory_bytes({}) == 512 * 2**20


KEY = st.from_regex(r"\A[a-z][a-z0-9_-]{0,8}\Z")
VALUE = st.from_regex(r"\A[A-Za-z0-9:./_-]{1,20}\Z")


@given(VALUE, st.dictionaries(KEY, VALUE, max_size=5))
def test_a_property_string_is_read_back(first: str, pairs: dict[str, str]) -> None:
    told = ",".join([first, *(f"{key}={value}" for key, value in pairs.items())])
    assert values.properties(told) == {"": first} | pairs


@given(st.uuids())
def test_a_uuid_is_found_among_other_settings(uuid: Any) -> None:
    told = {"smbios1": f"base64=1,uuid={str(uuid).upper()},serial=eA=="}
    assert values.smbios_uuid(told) == str(uuid)
