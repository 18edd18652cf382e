"""A table that was written is read back the same; what is not one is refused with its place."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.contract import BadAnswer
from collectors.csv_table import Column, Table, flag, instant, names, number, one_of, text, whole

TABLE = Table(
    "t.csv",
    (
        Column("name", text, required=True, filled=True),
        Column("size", whole),
        Column("share", number),
        Column("on", flag),
        Column("tags", names),
        Column("state", one_of("up", "down")),
        Column("at", instant),
    ),
)
PRINTABLE = st.characters(blacklist_categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"])
WORD = st.text(PRINTABLE, min_size=1, max_size=12)
TAG = WORD.map(lambda word: word.replace(";", "_"))
ZONE = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
EARLIEST, LATEST = datetime(2000, 1, 2), datetime(2100, 1, 1)  # noqa: DTZ001  (zones are drawn)
ROW = st.fixed_dictionaries(
    {
        "name": WORD,
        "size": st.none() | st.integers(0, 2**53),
        "share": st.none() | st.floats(0, 1e18),
        "on": st.none() | st.booleans(),
        "tags": st.none() | st.lists(TAG, min_size=1, max_size=3).map(tuple),
        "state": st.none() | st.sampled_from(["up", "down"]),
        "at": st.none() | st.datetimes(EARLIEST, LATEST, timezones=ZONE),
    }
)


def cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, tuple):
        return ";".join(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def written(rows: list[dict[str, Any]], columns: list[str], end: str = "\n") -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=end)
    writer.writerow(columns)
    writer.writerows([[cell(row[name]) for name in columns] for row in rows])
    return out.getvalue()


@given(
    st.lists(ROW, max_size=6),
    st.permutations([column.name for column in TABLE.columns]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\ufeff"]),
)
def test_rows_are_read_back_as_they_were_written(
    rows: list[dict[str, Any]], columns: list[str], end: str, mark: str
) -> None:
    lines = list(TABLE.rows(mark + written(rows, columns, end)))
    assert [dict(line.values) for line in lines] == rows
    assert [line.number for line in lines] == list(range(2, len(rows) + 2))


@given(ROW, st.sampled_from([column.name for column in TABLE.columns[1:]]))
def test_a_column_that_is_left_out_is_not_known(row: dict[str, Any], left_out: str) -> None:
    columns = [column.name for column in TABLE.columns if column.name != left_out]
    [line] = TABLE.rows(written([row], columns))
    assert line[left_out] is None


@given(st.sampled_from(["", "name\n", "name,size\n", "name,tags,at\n"]), st.text(max_size=99))
def test_any_text_is_a_table_or_is_refused_in_one_line(header: str, content: str) -> None:
    refusal = ""
    try:
        list(TABLE.rows(header + content))
    except BadAnswer as error:
        refusal = str(error)
    assert refusal == "" or refusal.startswith("t.csv, line ")
    assert len(refusal.splitlines()) <= 1


@pytest.mark.parametrize("cell", ["1e30", "9" * 30, "1.5", "-1", "nan", "inf", "0x10", "4 GiB"])
def test_a_whole_number_that_no_column_holds_is_refused(cell: str) -> None:
    with pytest.raises(BadAnswer, match=r"line 2, column size: "):
        list(TABLE.rows(f"name,size\na,{cell}\n"))


@given(st.lists(ROW, min_size=1, max_size=4), st.data())
def test_a_bad_cell_is_told_with_its_line_and_column(
    rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    which = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from(["size", "share", "on", "state", "at"]))
    bad = [row | {column: "-1x"} if i == which else row for i, row in enumerate(rows)]
    told = written(bad, [c.name for c in TABLE.columns])
    with pytest.raises(BadAnswer, match=rf"^t\.csv, line {which + 2}, column {column}: "):
        list(TABLE.rows(told))


def test_an_instant_keeps_its_offset() -> None:
    [line] = TABLE.rows("name,at\na,2026-11-23T08:00:00+07:00\n")
    assert line["at"].astimezone(UTC) == datetime(2026, 11, 23, 1, tzinfo=UTC)
