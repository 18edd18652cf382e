"""Rows are shared out over one sheet: nobody gets less than the least, nothing runs over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reports.sheet import LINE_MM, SHEET_MM, Listed, row_mm, shares

ROWS = st.lists(st.floats(2.0, 20.0), max_size=20)
LISTS = st.dictionaries(
    st.sampled_from(["orders", "risks", "gaps"]),
    st.builds(Listed, ROWS, st.integers(0, 3), st.integers(3, 12), st.integers(0, 9)),
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
        assert (
            min(listed.least, len(listed.rows_mm)) <= count <= min(listed.most, len(listed.rows_mm))
        )


@given(LISTS, BESIDE)
def test_more_than_the_least_is_shown_only_where_it_fits(
    lists: dict[str, Listed], beside: float
) -> None:
    shown = shares(lists, beside_mm=beside)
    least = {name: min(listed.least, len(listed.rows_mm)) for name, listed in lists.items()}
    if shown != least:
        assert beside + taken(lists, shown) <= SHEET_MM


@given(LISTS)
def test_what_is_left_white_is_too_low_for_any_row_that_waits(lists: dict[str, Listed]) -> None:
    beside = SHEET_MM / 2
    shown = shares(lists, beside_mm=beside)
    left = SHEET_MM - beside - taken(lists, shown)
    for name, listed in lists.items():
        if shown[name] < min(listed.most, len(listed.rows_mm)):
            assert listed.rows_mm[shown[name]] > left - 2 * LINE_MM


def test_rows_go_round_in_the_order_of_the_lists() -> None:
    short = [row_mm(["x"])] * 9
    lists = {name: Listed(short, least=1, most=9) for name in ("orders", "risks", "gaps")}
    beside = SHEET_MM - 3 * row_mm(["x"]) - 6 * row_mm(["x"])
    shown = shares(lists, beside_mm=beside)
    assert shown["orders"] >= shown["risks"] >= shown["gaps"] >= 1
    assert shown["orders"] == shown["gaps"] + 1


def test_a_long_row_takes_as_many_lines_as_its_texts_fill() -> None:
    assert row_mm(["x" * 40, "y" * 40]) < row_mm(["x" * 80, "y" * 80])


def test_what_comes_first_has_its_rows_before_another_list_gets_one_more() -> None:
    rows = [5.0] * 9
    lists = {
        "risks": Listed(rows, least=1, most=9),
        "orders": Listed(rows, least=1, most=9, first=6),
    }
    beside = SHEET_MM - 5.0 * 8 - 4.5  # room for eight, and what is kept for safety
    assert shares(lists, beside_mm=beside) == {"risks": 2, "orders": 6}
