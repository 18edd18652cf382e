"""Rows are shared out over one sheet: nobody gets less than the least, nothing runs over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reports.sheet import LINE_MM, SHEET_MM, Listed, row_mm, shares

ROWS = st.lists(st.lists(st.text("ab ", max_size=90), min_size=1, max_size=6), max_size=20)
LISTS = st.dictionaries(
    st.sampled_from(["orders", "risks", "gaps"]),
    st.builds(Listed, ROWS, st.integers(0, 3), st.integers(3, 12)),
    min_size=1,
)
BESIDE = st.floats(0, SHEET_MM)


def taken(lists: dict[str, Listed], shown: dict[str, int]) -> float:
    return sum(listed.height_mm(shown[name]) for name, listed in lists.items())


@given(LISTS, BESIDE)
def test_each_list_shows_its_least_and_no_more_than_its_most(
    lists: dict[str, Listed], beside: float
) -> None:
    for name, count in shares(lists, beside_mm=beside).items():
        listed = lists[name]
        assert min(listed.least, len(listed.rows)) <= count <= min(listed.most, len(listed.rows))


@given(LISTS, BESIDE)
def test_more_than_the_least_is_shown_only_where_it_fits(
    lists: dict[str, Listed], beside: float
) -> None:
    shown = shares(lists, beside_mm=beside)
    least = {name: min(listed.least, len(listed.rows)) for name, listed in lists.items()}
    if shown != least:
        assert beside + taken(lists, shown) <= SHEET_MM


@given(LISTS)
def test_what_is_left_white_is_too_low_for_any_row_that_waits(lists: dict[str, Listed]) -> None:
    beside = SHEET_MM / 2
    shown = shares(lists, beside_mm=beside)
    left = SHEET_MM - beside - taken(lists, shown)
    for name, listed in lists.items():
        if shown[name] < min(listed.most, len(listed.rows)):
            assert row_mm(listed.rows[shown[name]]) > left - 2 * LINE_MM


def test_rows_go_round_in_the_order_of_the_lists() -> None:
    short = [["x"]] * 9
    lists = {name: Listed(short, least=1, most=9) for name in ("orders", "risks", "gaps")}
    beside = SHEET_MM - 3 * row_mm(["x"]) - 6 * row_mm(["x"])
    shown = shares(lists, beside_mm=beside)
    assert shown["orders"] >= shown["risks"] >= shown["gaps"] >= 1
    assert shown["orders"] == shown["gaps"] + 1


def test_a_long_row_takes_as_many_lines_as_its_texts_fill() -> None:
    assert row_mm(["x" * 40, "y" * 40]) < row_mm(["x" * 80, "y" * 80])
