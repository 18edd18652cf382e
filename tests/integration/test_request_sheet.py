"""A request's answer fits one A4 page, printed by a real browser."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from test_brief_page import BROWSER, LONG, pages

from planner.scenario.changes import AddGuests
from planner.scenario.request import Request, decide
from reports.request import request_html
from what_if import site

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="NO BROWSER AT HAND: whether the page fits one sheet is not tested"
)


@pytest.mark.parametrize("lang", ["en", "id"])
def test_the_answer_is_one_page(lang: str, tmp_path: Path) -> None:
    guests = tuple(AddGuests(count=20, profile=size, pool="c", name=LONG) for size in "SML")
    request = Request(
        name=LONG, guests=guests, when=date(2027, 3, 1), until=date(2028, 9, 1), agency=LONG
    )
    assert pages(request_html(decide(site(hosts=16), request), lang=lang), tmp_path) == 1
