"""What rows say is data: English for the files, and the brief's own language on the page."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from string import Formatter
from typing import Any

import pytest

from estates import AS_OF, NOW, days, estate, health
from inventory.platform_records import Recorder
from inventory.records import Coverage
from planner.past import Past
from planner.report import Memory, Report, in_language, make_report
from planner.saying import ENGLISH, Said, Text, counted
from reports.brief import _headline, _order_by, brief_html
from reports.phrases import PHRASES
from reports.profiles import redacted_rows
from reports.sayings import SAYINGS, gap_told, tell
from reports.weekly_csv import csv_of_rows
from stored import GIB, JAKARTA, guest, host

OTHERS = [lang for lang in PHRASES if lang != "en"]


@pytest.fixture(scope="module")
def report() -> Report:
    """A report that says one thing or another in every list of the brief."""
    began = AS_OF - timedelta(days=9)
    order: dict[str, Any] = {"pool": "c", "cpu_cores": 32, "memory_gib": 512}
    rule = {"days": 30, "basis": "Rule 7"}
    owners = {
        "orders": [
            order | {"name": "near", "stages": {"contracted": began}},
            order | {"name": "far", "stages": {"proposed": began}, "note": "lot 3"},
            order | {"name": "lost", "pool": "cc", "stages": {"contracted": AS_OF}},
        ],
        "cameras": {"groups": [
            {"name": "gates", "count": 106, "mbps": 4, "retention": rule, "recorder": "nvr"},
            {"name": "doors", "count": 3, "mbps": 4, "retention": rule, "recorder": "old"},
        ]},
    }  # fmt: skip
    nvr = Recorder(
        recorder_id="nvr", cluster="c", capacity_bytes=120 * 10**12, checked_at=NOW,
        oldest_recording_at=NOW - timedelta(days=26, hours=5),
    )  # fmt: skip
    old = Recorder(recorder_id="old", cluster="c", checked_at=NOW - timedelta(days=45))
    gaps = [Coverage("", "filesystem", "hidden", "10 of 10 agents do not answer (500 no)")]
    place = estate(
        *[host(f"h{i}", memory_bytes=512 * GIB, cpu_cores=32.0) for i in range(4)],
        host("alone", cluster="post"), guest(cluster="post", host_id="alone", tags=("crit.1",)),
        nvr, old,
        owners=owners, sources=[health(gaps=gaps), health("east", stale=True)],
    )  # fmt: skip
    memory = [(900.0 + 4.0 * i) * GIB for i in range(90)]
    past = Past(cluster_days={("c", "memory"): days(memory), ("c", "cpu"): days([5.0] * 90)})
    return make_report(place, past, Memory(), zone=JAKARTA, run_id="RUN")


def places_of(template: str) -> set[str | None]:
    return {name for _text, name, _format, _conversion in Formatter().parse(template) if name}


@pytest.mark.parametrize("lang", OTHERS)
def test_all_that_can_be_said_can_be_said_in_every_language(lang: str) -> None:
    assert set(SAYINGS[lang]) == set(ENGLISH)
    for key, template in SAYINGS[lang].items():
        assert places_of(template) == places_of(ENGLISH[key]), key
    assert set(PHRASES[lang]) == set(PHRASES["en"])


def test_the_files_and_the_english_page_say_the_same(report: Report) -> None:
    row_type, rows = report.tables["orders"]
    page, files = brief_html(report), csv_of_rows(row_type, rows)
    for said in ("get the delivery of near", "a second host", "keeps 26.2 days (measured), 30 are"):
        assert said in files
        assert said in page


@pytest.mark.parametrize("lang", OTHERS)
def test_no_statement_of_the_planner_is_in_english_on_another_page(
    report: Report, lang: str
) -> None:
    page = re.sub(r"(?s)<style>.*?</style>", "", brief_html(in_language(report, "id"), lang=lang))
    shown = " ".join(re.findall(r">([^<>]+)<", page))
    said = [text for row in report.orders for text in (row.what, row.why, row.assumed)]
    said += [row.why for row in report.cameras] + [fault.told for fault in report.misnamed]
    assert len(said) > 20
    for text in filter(None, said):
        assert isinstance(text, Text), text
        for one in text.said:
            assert str(one) not in shown or one.key in ("note", "overcommit"), one
    words = r"\b(overdue|act|plan|critical|high|fail|pass|stale|hidden|memory|host reserve)\b"
    assert re.findall(rf"(.{{30}}{words}.{{9}})", shown) == []


def test_the_indonesian_page_says_it_as_people_do(report: Report) -> None:
    page = brief_html(report, lang="id")
    assert not re.search(r"\d,\d{3}\b", re.sub(r"(?s)<(svg|style).*?</\1>", "", page))
    for said in (
        "tagih pengiriman near",
        "ajukan anggaran far",
        "host kedua",
        "tersimpan 26,2 hari (terukur), diwajibkan 30 hari",
        "sistem berkas di dalam mesin: tersembunyi (10 dari 10 agen tidak menjawab (500 no))",
        "east: basi, berhasil terakhir",
        "mungkin maksudnya",
    ):
        assert said in page, said


def test_numbers_are_written_as_the_language_writes_them(report: Report) -> None:
    """24,587 is twenty-four and a half to who reads Indonesian."""
    row = replace(report.orders[0], quantity=16_183.0, unit="gib", why=Text(
        Said("demand", {"load": 24_587.2, "usable": 32_768.0, "unit": "gib"})
    ))  # fmt: skip
    pages = {lang: brief_html(replace(report, orders=(row,)), lang=lang) for lang in PHRASES}
    for told in ("16,183 GiB", "demand 24,587 of 32,768 usable GiB"):
        assert told in pages["en"]
    for told in ("16.183 GiB", "terpakai 24.587 dari batas 32.768 GiB"):
        assert told in pages["id"]
    assert re.findall(r">[^<]*\d,\d{3}\b[^<]*<", pages["id"]) == []


def test_a_headline_on_an_assumed_lead_time_asks_for_it(report: Report) -> None:
    assert report.binding is not None
    assumed = replace(report.binding, status="overdue_if_assumed")
    for lang, asks in (
        ("en", "confirm the lead time; with the "),
        ("id", "pastikan lama pengadaan"),
    ):
        told = _order_by(assumed, lang)
        assert asks in told
        assert str(assumed.order.on) in told


def test_the_headline_is_the_first_of_the_orders(report: Report) -> None:
    """Whatever binds the site: page and list begin with the same."""
    bought = [row for row in report.orders if row.quantity and row.order_by_date and not row.order]
    assert bought
    for row in bought:
        told = _headline(replace(report, orders=(row, *report.orders)), "en")
        assert row.pool in told
        assert str(row.order_by_date) in told
    late = replace(bought[0], order="Host 3", what="speed up what is on its way")
    for row in (late, replace(late, order="", quantity=0, order_by_date=None)):
        told = _headline(replace(report, orders=(row,)), "en")
        assert told == f"{row.pool}: speed up what is on its way."
    assert report.binding is not None
    assert str(report.binding.order.on) in _headline(replace(report, orders=()), "en")


def test_every_order_that_is_due_is_on_the_page_before_any_that_is_not(report: Report) -> None:
    """However much else there is to say: of that, one row of each list comes first."""
    late = next(row for row in report.orders if row.status.startswith("overdue"))
    due = [replace(late, pool=f"due-{i}") for i in range(12)]
    calm = [replace(late, pool=f"calm-{i}", status="plan") for i in range(3)]
    crowded = replace(
        report, orders=(*due, *calm), risks=report.risks * 9, cameras=report.cameras * 9
    )
    page = brief_html(crowded)
    assert [row.pool for row in due if f">{row.pool}<" not in page] == []


def test_a_reason_of_unknown_form_stays_as_the_source_gave_it() -> None:
    gap = Coverage("guest/7", "disk", "failed", "500 got timeout")
    assert gap_told(gap, "id") == "disk guest/7: gagal (500 got timeout)"
    assert gap_told(gap, "en") == str(gap)


def test_a_redacted_text_is_redacted_in_every_language() -> None:
    text = Text(Said("next_proposed", {"order": "10.1.2.3"}), Said("not_yet"))
    hidden = text.mapped(lambda told: told.replace("10.1.2.3", "[address]"))
    assert hidden == "get the money for [address]; not counted before it is tendered"
    assert tell(hidden, "id") == "ajukan anggaran [address]; belum dihitung sebelum ditenderkan"


def test_rows_that_are_redacted_still_know_what_they_say(report: Report) -> None:
    [row] = redacted_rows([replace(report.orders[0])], lambda told: told.replace("near", "x"))
    assert isinstance(row.what, Text)
    assert "near" not in tell(row.why, "id")


@pytest.mark.parametrize(
    ("quantity", "unit", "told"),
    [(3, "disk", "3 disks"), (1, "host", "1 host"), (0, "host", "0 hosts"),
     (16_182.7, "gib", "16,183 GiB"), (None, "disk", "? disks")],
)  # fmt: skip
def test_pieces_are_counted_as_people_count_them(
    quantity: float | None, unit: str, told: str
) -> None:
    assert counted(quantity, unit) == told
