"""The page that answers a request: its parts, untrusted text, both languages."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from string import Formatter

import pytest

from planner.policy import Policy
from planner.scenario.changes import AddGuests
from planner.scenario.request import Decision, Request, decide
from planner.scenario.world import Base
from reports.request import COLUMNS, request_html, request_row, request_text
from reports.request_phrases import REQUEST
from stored import GIB, disk, guest
from what_if import site

EVIL = "<script>alert(1)</script>"


def decision(count: int = 40, agency: str | None = "tax", **more: object) -> Decision:
    base = site(per_day=0.0, **more)  # type: ignore[arg-type]
    request = Request(
        name="request", guests=(AddGuests(count=count, pool="c"),), when=date(2028, 3, 1),
        agency=agency,
    )  # fmt: skip
    return decide(base, request)


class Tags(HTMLParser):
    """Every tag that was opened, and whether each was closed."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.opened.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("lang", ["en", "id"])
@pytest.mark.parametrize("count", [2, 40])
def test_the_page_is_whole_and_says_the_answer_first(count: int, lang: str) -> None:
    found, words = decision(count), REQUEST[lang]
    page = request_html(found, lang=lang)
    tags = Tags(page)
    assert tags.open == []
    assert f'<html lang="{lang}">' in page
    answer = "yes" if count == 2 else "yes_if"
    assert re.search(rf'<p class="headline {answer}">{re.escape(words[answer])}', page)
    for heading in ("where", "how_long", "if_host_dies", "cost", "assumed"):
        assert f"<h2>{words[heading]}</h2>" in page
    assert words["no_rate_card"] in page
    assert tags.opened.count("h2") == (7 if count == 40 else 6)


def test_the_page_loads_and_runs_nothing() -> None:
    page = request_html(decision())
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=", page)
    assert "<script" not in page


@pytest.mark.parametrize("lang", ["en", "id"])
def test_what_others_wrote_is_text_and_no_markup(lang: str) -> None:
    large = guest("900", name=EVIL, host_id="h0", vcpus=4.0, memory_bytes=300 * GIB)
    found = decision(1, agency=EVIL, more=[large, disk("900")])
    page = request_html(found, lang=lang)
    assert EVIL not in page
    assert page.count("&lt;script&gt;") >= 2  # the agency, and the guest that stays down
    assert "\x1b" not in request_text(decision(1, agency="\x1b[31mred"), lang=lang)


def test_both_languages_have_the_same_phrases_with_the_same_blanks() -> None:
    def blanks(text: str) -> set[str]:
        return {name for _text, name, _spec, _conversion in Formatter().parse(text) if name}

    assert REQUEST["en"].keys() == REQUEST["id"].keys()
    for key, text in REQUEST["en"].items():
        assert blanks(REQUEST["id"][key]) == blanks(text), key


def test_the_row_holds_the_answer_and_what_it_takes() -> None:
    row = request_row(decision())
    assert (row.answer, row.guests, row.memory_gib) == ("yes_if", 40, 640)
    assert row.conditions.startswith(
        "one host like c/h0 is in service in c on 2028-03-01: order by"
    )
    assert row.order_by_date == date(2027, 4, 22)
    assert row.cost_month is None
    assert COLUMNS[:4] == ("as_of", "request", "agency", "answer")


def test_the_text_names_the_answer_the_hosts_and_the_end() -> None:
    text = request_text(decision(2))
    assert text.startswith("Yes. It fits")
    assert "h0: 1" in text or "h1: 1" in text
    assert "There is no rate card." in text


def test_with_a_rate_card_the_answer_says_what_it_costs() -> None:
    """The rates of worked example 36: cost shares over what is usable."""
    base = site()
    card = {"cost_month": 300_000, "memory_ratio": 0.6, "cpu_ratio": 0.4, "storage_ratio": 0.0}
    policy = Policy.model_validate({"showback": {"currency": "IDR", "clusters": {"c": card}}})
    priced = Base.of(replace(base.estate, policy=policy), base.past, base.zone)
    found = decide(priced, Request("r", guests=(AddGuests(count=2, profile="8/32/0", pool="c"),)))
    usable = {(a.question.resource, a.question.model): a.usable or 0.0 for a in priced.flat}
    memory = 180_000 / (usable["memory", "demand"] / GIB)
    vcpu = 120_000 / usable["cpu", "allocation"]
    assert found.cost_month == pytest.approx(2 * (32 * memory + 8 * vcpu))
    assert f"IDR {found.cost_month:,.0f} a month" in request_text(found)
    told = f"{found.cost_month:,.0f}".replace(",", ".")
    assert f"IDR {told}" in request_html(found, lang="id")
