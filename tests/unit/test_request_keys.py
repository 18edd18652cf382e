"""A request's key says all that was asked, and its answer is defended from it alone."""

from __future__ import annotations

from datetime import date
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung.commands.asked import Asked
from lumbung.commands.request_keys import (
    RequestAsked,
    asked_by_key,
    request_key,
    split_column,
)
from lumbung.settings import SettingsError
from planner.scenario.changes import AddGuests
from planner.scenario.request import Decision, Request, decide
from planner.sections import shown
from planner.told.requests import explain_request
from reports.request import COLUMNS, RequestRow, request_html, request_row, said_in_english
from what_if import site

KEY = "request/add=90xM,when=2028-03-01"
NAMES = st.text(min_size=1)
DAYS = st.none() | st.dates()


@given(st.lists(NAMES), st.none() | NAMES, st.none() | NAMES, st.none() | NAMES, DAYS, DAYS)
def test_what_was_asked_is_read_back_from_the_key(
    add: list[str],
    project: str | None,
    pool: str | None,
    agency: str | None,
    when: date | None,
    until: date | None,
) -> None:
    asked = Asked(add=add or ["1xM"], pool=pool, agency=agency, when=when)
    wanted = RequestAsked(until=until, project=project)
    key = request_key(asked, wanted)
    assert asked_by_key(key) == (asked, wanted)
    assert split_column(key, COLUMNS) == (key, None)
    assert split_column(f"{key}/answer", COLUMNS) == (key, "answer")


@pytest.mark.parametrize("key", ["request/8xM", "request/add=1xM,hosts=3", "request/pool=a,pool=b"])
def test_a_key_that_cannot_be_read_is_told_with_what_it_may_say(key: str) -> None:
    with pytest.raises(SettingsError, match="cannot be read; a request's key is request/add=8xM"):
        asked_by_key(key)


@cache
def answered() -> tuple[Decision, RequestRow]:
    """90 guests of 16 GiB where 26 fit: three hosts are needed."""
    owners = {
        "orders": [
            {"name": "next one", "pool": "c", "memory_gib": 9, "stages": {"tendered": "2026-11-01"}}
        ]
    }
    card = {"c": {"cost_month": 300_000, "cpu_ratio": 0.4, "memory_ratio": 0.6}}
    base = site(per_day=0.0, owners=owners, policy={"showback": {"clusters": card}})
    guests = (AddGuests(count=90, profile="M", pool="c"),)
    found = decide(base, Request(name="test", guests=guests, when=date(2028, 3, 1)))
    return found, request_row(found, KEY)


def lines(column: str | None) -> str:
    return explain_request(*answered(), column, said_in_english)


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_of_an_answer_is_defended(column: str) -> None:
    told = lines(column).splitlines()
    assert told[:3] == [KEY, "", f"{column} = {shown(getattr(answered()[1], column))}"]
    assert len(told) > 5
    assert told[-1].startswith("as of 2026-11-23, policy default-")


def test_a_yes_if_is_defended_by_what_is_short_and_why_one_host_less_is_not_enough() -> None:
    found, row = answered()
    [condition] = [one for one in found.conditions if one.unit == "hosts"]
    told = lines(None)
    assert row.answer == "yes_if"
    for part in (
        "answer yes_if: yes = with all that is asked for in place",
        f"short: {row.why.split('; ')[0]}",
        "load 800 → 2,240, usable 1,228.8 → 2,464.8 GiB",
        "90 × M (profiles.M, assumed)",
        "3 hosts like c/h0 in c",
        "with one host less: c: 185 GiB of memory (demand) are missing",
        "ASSUMED: set lead_time in the policy",
        f"order by 2028-03-01 − 314 days = {condition.order_by}, overdue 0 days; there 2028-03-01",
        "next one in c (tendered), expected 2027-07-13, counted from then on",
        "pool/c/memory/demand: first over ",
        "memory_gib 1440 × 146.4844 = 210,937.5",
    ):
        assert part in told, part


def test_the_page_to_send_back_says_how_it_is_defended() -> None:
    found, _row = answered()
    assert KEY in request_html(found, key=KEY)
    assert "request/" not in request_html(found)
