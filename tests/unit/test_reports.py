"""The weekly files, cell by cell: their columns are a promise, their texts are untrusted."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import site_files
from estates import AS_OF, estate, health
from inventory.forecast_records import Forecast, ForecastBand, Said
from inventory.forecasts import remember_forecasts, said_between
from inventory.records import Coverage, Record
from inventory.store import Store
from lumbung.files import load_regulations
from lumbung.publish import weekly
from lumbung.session import Session
from planner.past import Past
from planner.report import Memory, Report, make_report
from reports.brief import brief_html
from reports.cells import csv_cell, plain, screen
from reports.json_rows import json_of
from reports.terminal import fitted, table_of
from reports.weekly_csv import csv_of, csv_of_rows
from reports.workbook import workbook_xlsx
from site_files import NOW, Site
from stored import GIB, JAKARTA, datastore, disk, guest, host

GOLDEN = Path(__file__).parents[1] / "golden" / "weekly"
REWRITE = (
    "LUMBUNG_REWRITE_GOLDEN"  # set it, run this file, and read the difference before you keep it
)

COLUMNS = {
    "orders": "pool, what, quantity, unit, order_by_date, order_overdue_days, budget_by_date, "
    "budget_missed, status, stage, why, owner, assumed",
    "pools": "as_of, site, pool, pool_kind, resource, model, unit, raw, host_reserve, k, "
    "ha_reserve, threshold, usable, allocated, demand, demand_p95, demand_peak, "
    "used_pct_of_usable, headroom, headroom_pct, overcommit_now, overcommit_after_failure, "
    "growth_per_day, growth_per_day_hi, runway_days, runway_days_conservative, runway_reason, "
    "first_over_date, first_over_date_conservative, shortfall_windows, lead_days, order_by_date, "
    "order_by_basis, order_overdue_days, budget_by_date, budget_missed, buy_quantity, status, "
    "binding, committed_projects, reclaimable, fit_s, fit_m, fit_l, failover_test, "
    "stays_down_count, confidence, coverage_pct, history_days, backtest_wape_30d, stale_sources, "
    "flags, policy_version, run_id, tolerates_hosts, maintenance_test",
    "guests": "as_of, site, source, cluster, host, guest_id, uuid, name, kind, agency, owner, "
    "owner_confirmed_on, service, dimension, classification, criticality, power, days_in_state, "
    "os, vcpus, memory_gib, disk_provisioned_gib, disk_used_gib, datastores, tags, "
    "snapshot_count, snapshot_oldest_days, snapshot_gib, backup_state, last_backup_at, "
    "cpu_p95_cores, memory_p99_gib, recommended_vcpus, recommended_memory_gib, reclaim_class, "
    "reclaim_gib, exempt_until, cost_month, stays_down_if_host_lost, risk_level, risk_points, "
    "change_since_last_week",
    "risks": "finding_id, rule, severity, outcome, subject, guest_uuid, agency, owner, evidence, "
    "fix, first_seen, since_days, waiver_until, controls, points",
    "risk_score": "as_of, site, by, name, called, level, points, points_waived, critical, high, "
    "medium, low, info, waived, unknown, guests, guests_high_pct, coverage_pct, compared_with, "
    "points_before, turned_new, turned_fixed, turned_waived, turned_returned, "
    "turned_reclassified, not_comparable, worst",
    "changes": "at, kind, subject, guest_uuid, field, old, new",
    "sources": "source, kind, last_success_at, age_minutes, status, guests_seen, "
    "guests_reported, gaps, hidden, token_expires_on",
    "failover": "pool, host, verdict, stays_down, stays_down_count, why, smallest_change, "
    "stays_down_at_least, by_hand, domain",
    "cameras": "as_of, site, recorder, kind, groups, cameras, cameras_recording, disks_failed, "
    "mbps, daily_tb, capacity_tb, usable_tb, needed_tb, needed_tib, needed_raw_tb, required_days, "
    "basis, achieved_days, achieved_from, measured_days, computed_days, checked_at, "
    "still_possible, uplink, uplink_mbps, uplink_planned_mbps, uplink_used_pct, "
    "uplink_still_possible, verdict, why, flags",
    "track_record": "as_of, site, pool, pool_kind, resource, model, unit, about, ahead_days, "
    "forecasts, scored, apart, within_80_pct, within_95_pct, band_holds, widened, wape, bias_pct, "
    "error_days, bias_days, unforeseen, not_come, said_on, replayed, said_for_date, said_low, "
    "said_middle, said_high, came, said_first_date, said_middle_date, said_last_date, came_date, "
    "outcome",
}
HOSTILE = "=cmd|' /C calc'!A0<script>alert(1)</script>\x1b[31m\u202e"


def report_of(*records: Record, **more: Any) -> Report:
    place = estate(*records, **more)
    return make_report(
        place, Past(), Memory(), zone=JAKARTA, run_id="RUN", regulations=load_regulations()
    )


@pytest.fixture
def hostile() -> Report:
    gap = Coverage("", "nic", "hidden", HOSTILE)
    return report_of(
        host(HOSTILE), host("h2"), guest(name=HOSTILE, host_id=HOSTILE, tags=(f"opd.{HOSTILE}",)),
        disk(), datastore(HOSTILE), sources=[health(gaps=[gap])],
    )  # fmt: skip


# Golden files


def golden_site(folder: Path) -> Site:
    """A small site of everything, polled twice a week apart."""
    s = site_files
    history = [
        {
            "taken_at": (NOW - timedelta(days=back)).replace(hour=0).isoformat(),
            "entity": entity,
            "entity_id": name,
            "period_seconds": 86_400,
            "cpu_used_cores": 6 + (back % 7) / 4 if entity == "host" else None,
            "memory_used_bytes": (300 - back) * GIB if entity == "host" else None,
            "storage_used_bytes": (3000 - 8 * back) * GIB if entity == "datastore" else None,
        }
        for back in range(120)
        for entity, name in (("host", "h1"), ("host", "h2"), ("host", "h3"), ("datastore", "san"))
    ]
    hosts = [s.host(f"h{i}", reserved_memory_bytes=8 * GIB) for i in (1, 2, 3)]
    about = {"tags": "cls.publik;expo.public;opd.kominfo", "os": "debian-12"}
    guests = [
        s.guest("100", "h1", memory=16 * GIB, uuid=f"{100:032d}", **about) | {"name": "web"},
        s.guest("101", "h2", memory=400 * GIB, vcpus=16, tags="svc.registry") | {"name": "db"},
        s.guest("102", "h3", power="stopped", os="ubuntu-14.04") | {"name": '=HYPERLINK("x")'},
        s.guest("103", "h3", owner="parks") | {"name": "old"},
        s.guest("9000", "h1", template=1, power="stopped", tags="") | {"name": "template"},
    ]
    disks = [s.disk(g["guest_id"], "san", capacity=500 * GIB) for g in guests]
    common: dict[str, Any] = {
        "datastores": [s.datastore("san", capacity=4000 * GIB, used=3000 * GIB)],
        "nics": [
            {"nic_id": f"{g}/0", "guest_id": g, "network": "br0", "vlan": v}
            for g, v in (("100", 10), ("101", 10), ("102", ""))
        ],
        "snapshots": [{"guest_id": "101", "name": "before", "created_at": "2026-10-01T00:00:00Z",
                       "bytes": 3 * GIB}],
        "backups": [{"guest_id": "100", "created_at": "2026-11-22T20:00:00Z", "datastore_id": "san",
                     "bytes": GIB}],
        "recorders": [
            s.recorder("nvr-1", checked=NOW - timedelta(days=9), kept_days=20.5, disks_failed=1),
            s.recorder("nvr-2", checked=NOW - timedelta(days=40), kept_days=40),
        ],
    }  # fmt: skip
    site = Site(
        folder,
        # Whether the tests run as root is no fact of the site.
        policy="[lead_time]\nconfirmed = true\ndelivery_days = 90\n[risks]\noff = ['OWN-006']\n",
        estate="version: 1\n"
        "agencies:\n  dukcapil: {name: Civil registry, contact: r@city.example}\n"
        "services:\n  registry: {owner: dukcapil, classification: pribadi-umum, criticality: 1}\n"
        "storages:\n  san: {encrypted: false}\n"
        "cameras:\n  uplinks: {ring: {mbps: 1000}}\n  groups:\n"
        "    - {name: gates, count: 10, mbps: 4, recorder: nvr-1, uplink: ring,"
        " retention: {days: 30, basis: Rule 7}}\n"
        "waivers:\n  - {id: W-1, rule: DAR-001, scope: {storage: san}, reason: replaced in March,"
        " requested_by: IT, approved_by: Secretary, approved_at: 2026-11-20,"
        " expires: 2027-03-31}\n",
    )
    week = timedelta(days=6)
    earlier = common | {"backups": [common["backups"][0] | {"created_at": "2026-11-15T20:00:00Z"}]}
    site.write(NOW - week, hosts=hosts, guests=guests, disks=disks, usage=history[60:], **earlier)
    site.run("collect", now=NOW - week)
    site.run("report", now=NOW - week)
    resized = [g | ({"memory_bytes": 420 * GIB} if g["guest_id"] == "101" else {}) for g in guests]
    resized = [g for g in resized if g["guest_id"] != "103"]
    remaining = [d for d in disks if d["guest_id"] != "103"]
    added = s.guest("104", "h2", tags="opd.kominfo;cls.terbatas")
    site.write(
        NOW - timedelta(minutes=30), hosts=hosts, guests=[*resized, added], disks=remaining,
        usage=history, **common,
    )  # fmt: skip
    site.run("collect")
    with Store.open(f"sqlite:///{folder / 'inventory.db'}") as store, store.writing() as connection:
        remember_forecasts(connection, [said_in_october()])
    return site


def said_in_october() -> Said:
    """What a report of four weeks ago said of the datastore, which was to reach 2950 GiB."""
    as_of = AS_OF - timedelta(days=35)
    told = Forecast(
        pool_kind="datastore", pool="san", resource="storage", model="demand", as_of=as_of,
        made_on=as_of, inputs_on=as_of - timedelta(days=1), engine="seasonal-1",
        policy_version="p", run_id="RUN", level=2725.0 * GIB,
        usable_line=f"{as_of}:{2950.0 * GIB!r}", runway_reason="",
        first_over_p10=AS_OF - timedelta(days=9), first_over_p50=AS_OF - timedelta(days=5),
        first_over_p90=AS_OF + timedelta(days=2), order_by=None,
    )  # fmt: skip
    bands = [
        ForecastBand(
            ahead_days=ahead, p2_5=(middle - 40) * GIB, p10=(middle - 20) * GIB,
            p50=middle * GIB, p90=(middle + 20) * GIB, p97_5=(middle + 40) * GIB, widened=1.0,
        )
        for ahead, middle in ((7, 2780.0), (14, 2870.0), (30, 2980.0), (90, 3400.0))
    ]  # fmt: skip
    return Said(told, tuple(bands))


def test_the_weekly_tables_are_exactly_those_that_were_committed(tmp_path: Path) -> None:
    link = Path(golden_site(tmp_path).run("report").strip())
    run_id = json.loads((link / "manifest.json").read_text())["run_id"]
    for stem in COLUMNS:
        text = (link / f"{stem}.csv").read_text(encoding="utf-8").replace(run_id, "RUN")
        kept = GOLDEN / f"{stem}.csv"
        if os.environ.get(REWRITE):
            kept.write_text(text, encoding="utf-8")
        assert text == kept.read_text(encoding="utf-8"), f"{stem}.csv differs (see {REWRITE})"


def test_only_what_is_said_of_today_enters_the_ledger(tmp_path: Path) -> None:
    site = golden_site(tmp_path)
    session = Session(config=site.config, at=NOW)
    settings = session.settings()
    with session.store(settings) as store:
        for on in (AS_OF - timedelta(days=3), None, AS_OF):
            weekly(session, settings, store, on)
        with store.reading() as connection:
            said = said_between(connection, AS_OF - timedelta(days=5), date.max)
    assert {one.forecast.as_of for one in said} == {AS_OF}
    assert {one.about[1:] for one in said} == {
        ("c1", "cpu", "demand"), ("c1", "memory", "demand"), ("san", "storage", "demand"),
    }  # fmt: skip
    assert all([band.ahead_days for band in one.bands] == [7, 14, 30, 90, 180] for one in said)


def test_the_golden_files_show_something_in_every_table() -> None:
    for stem in COLUMNS:
        assert len((GOLDEN / f"{stem}.csv").read_text(encoding="utf-8").splitlines()) > 1, stem


# Columns


@pytest.mark.parametrize("stem", COLUMNS)
def test_the_columns_are_those_that_were_promised_in_their_order(stem: str) -> None:
    promised = COLUMNS[stem].split(", ")
    row_type, rows = report_of().tables[stem]
    told = [field.name for field in fields(row_type)]
    assert told[: len(promised)] == promised  # more may be appended, none renamed
    assert csv_of_rows(row_type, rows).splitlines()[0].split(",") == told


def test_a_column_that_nothing_fills_yet_is_there_and_empty() -> None:
    report = report_of(host(), guest())
    row_type, rows = report.tables["guests"]
    [line] = csv.DictReader(io.StringIO(csv_of_rows(row_type, rows)))
    assert [line[name] for name in ("cost_month", "recommended_vcpus", "exempt_until")] == [""] * 3


# Cells


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_text_that_a_spreadsheet_would_take_for_a_formula_is_neutralised(start: str) -> None:
    assert csv_cell(f"{start}1+1").startswith("'")
    assert csv_cell((f"{start}1+1", "b")).startswith("'")
    assert csv_cell(f"\x00{start}1+1").startswith("'")


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (-5, "-5"),
        (-5.25, "-5.25"),
        (0.1 + 0.2, "0.30000000000000004"),
        (5.0, "5"),
        (True, "1"),
        (False, "0"),
        (None, ""),
        ("", ""),
        ((), ""),
        (("b", "a"), "b;a"),
        (date(2026, 11, 23), "2026-11-23"),
        (datetime(2026, 11, 23, 8, 0, tzinfo=JAKARTA), "2026-11-23T01:00:00Z"),
        ("plain, text", "plain, text"),
        ("a=b", "a=b"),
    ],
)
def test_a_csv_cell(value: Any, cell: str) -> None:
    assert csv_cell(value) == cell


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_never_written_as_one(value: float) -> None:
    with pytest.raises(ValueError, match="not known is None"):
        csv_cell(value)
    with pytest.raises(ValueError, match="not known is None"):
        json_of(["a"], [[value]])


TEXT = st.text(st.sampled_from("a=+-@\t\r\n;,\"' ") | st.characters(codec="utf-8"))


@given(st.lists(TEXT | st.integers() | st.none(), min_size=2, max_size=4))
def test_any_row_stays_one_row_in_any_reader(row: list[Any]) -> None:
    columns = [f"c{i}" for i in range(len(row))]
    for dialect, delimiter in (("standard", ","), ("excel-id", ";")):
        text = csv_of(columns, [row], dialect).removeprefix("\ufeff")  # type: ignore[arg-type]
        read = list(csv.reader(io.StringIO(text, newline=None), delimiter=delimiter))
        assert [len(line) for line in read] == [len(row)] * 2
        for value, cell in zip(row, read[1], strict=True):
            if isinstance(value, str):
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
            elif value is not None:
                assert cell == str(value)


def test_the_indonesian_dialect_has_semicolons_and_decimal_commas() -> None:
    text = csv_of(["a", "b", "c"], [[1.5, "1.5", -2]], "excel-id")
    assert text == "\ufeffa;b;c\n1,5;1.5;-2\n"


def test_not_known_is_null_in_json_empty_in_csv_and_a_question_mark_on_screen() -> None:
    columns, row = ["known", "not_known", "text"], [1.5, None, ""]
    assert json.loads(json_of(columns, [row])) == [{"known": 1.5, "not_known": None, "text": ""}]
    assert csv_of(columns, [row]) == "known,not_known,text\n1.5,,\n"
    assert [screen(value) for value in row] == ["1.50", "?", ""]


def test_json_keeps_lists_and_truth_and_has_the_columns_of_the_csv() -> None:
    told = json.loads(json_of(["a", "b", "c"], [[("x", "y"), True, NOW]]))
    assert told == [{"a": ["x", "y"], "b": True, "c": "2026-11-23T01:00:00Z"}]
    assert json.loads(json_of(["a"], [])) == []


# Hostile names


def test_no_control_character_reaches_the_terminal(hostile: Report) -> None:
    console = Console(file=io.StringIO(), width=300, force_terminal=True, color_system=None)
    console.print(table_of(["name"], [[row.name] for row in hostile.guests]))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "=cmd|' /C calc'!A0<script>alert(1)</script>[31m" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_markup_in_a_name_is_text_on_the_terminal() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    console.print(table_of(["name"], [["[bold red]x[/]"]]))
    assert "[bold red]x[/]" in console.file.getvalue()  # type: ignore[attr-defined]


WIDE = ("source", "last_success_at", "guests_reported", "token_expires_on", "hidden")
ROWS = [["balaikota", NOW, 43, None, "filesystem volume"], ["gedung-arsip", NOW, 8, None, ""]]


def lines_at(width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(fitted(WIDE, ROWS, width, title="Sources"))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [200, 90, 60, 40, 20])
def test_a_table_is_no_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, lines_at(width))) <= width


@pytest.mark.parametrize("width", [200, 90, 64, 50])
def test_a_table_breaks_no_word(width: int) -> None:
    words = " ".join(lines_at(width)).split()
    for cell in ("balaikota", "gedung-arsip", "2026-11-23", "filesystem", "volume", "43", "?"):
        assert cell in words


def test_a_heading_is_broken_between_its_words() -> None:
    assert lines_at(64)[1:3] == [
        "              last_            guests_  token_",
        "source        success_at      reported  expires_on  hidden",
    ]


def test_columns_without_room_for_their_words_become_lines_of_their_own() -> None:
    assert lines_at(40) == [
        "Sources",
        "source              balaikota",
        "  last_success_at   2026-11-23 01:00Z",
        "  guests_reported   43",
        "  token_expires_on  ?",
        "  hidden            filesystem volume",
        "source              gedung-arsip",
        "  last_success_at   2026-11-23 01:00Z",
        "  guests_reported   8",
        "  token_expires_on  ?",
    ]


@given(TEXT)
def test_plain_text_is_one_line_without_controls(text: str) -> None:
    shown = plain(text)
    assert len(f"{shown}x".splitlines()) <= 1
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)


@pytest.mark.parametrize("lang", ["en", "id"])
def test_names_are_escaped_in_the_brief(hostile: Report, lang: str) -> None:
    page = brief_html(hostile, lang=lang)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_the_brief_loads_nothing_and_runs_nothing(hostile: Report) -> None:
    page = brief_html(hostile)
    assert "default-src 'none'" in page
    assert not re.search(r"(?i)<(script|link|img|iframe|object)|\son\w+=|url\(|@import", page)


def test_the_brief_of_an_empty_store_says_that_nothing_is_known() -> None:
    page = brief_html(report_of(sources=()))
    assert "Nothing is known yet: no source has been collected." in page


def test_the_brief_names_what_could_not_be_seen_and_since_when() -> None:
    dead = health("east", stale=True)
    page = brief_html(report_of(host(), guest(), sources=[health(hidden=("nic",)), dead]))
    assert "site: nic: hidden (no right)" in page
    assert "east: stale, last success 2026-11-23 01:00Z" in page


# The workbook


def book_of(report: Report) -> Any:
    return openpyxl.load_workbook(io.BytesIO(workbook_xlsx(report)))


def test_the_workbook_has_a_sheet_per_table_with_its_columns(hostile: Report) -> None:
    book = book_of(hostile)
    assert book.sheetnames == list(hostile.tables)
    for stem, (row_type, rows) in hostile.tables.items():
        sheet = book[stem]
        assert [cell.value for cell in sheet[1]] == [field.name for field in fields(row_type)]
        assert sheet.max_row == len(rows) + 1


def test_the_workbook_holds_text_as_text_and_numbers_as_numbers(hostile: Report) -> None:
    for sheet in book_of(hostile):
        for line in sheet.iter_rows(min_row=2):
            for cell in line:
                assert cell.data_type in ("s", "n", "d"), (sheet.title, cell.coordinate)
                if cell.data_type == "s":
                    assert not cell.value.startswith(("=", "+", "-", "@"))
    pools = book_of(hostile)["pools"]
    named = {head.value: cell for head, cell in zip(pools[1], pools[2], strict=True)}
    assert named["k"].data_type == "n"
    assert named["as_of"].value == datetime(AS_OF.year, AS_OF.month, AS_OF.day)  # noqa: DTZ001
    assert named["runway_days"].value is None


def test_the_workbook_of_one_report_is_the_same_every_time(hostile: Report) -> None:
    assert workbook_xlsx(hostile) == workbook_xlsx(hostile)


def test_a_text_longer_than_a_cell_holds_is_cut_and_not_lost() -> None:
    gap = Coverage("", "nic", "hidden", "x" * 40_000)
    sheet = book_of(report_of(host(), sources=[health(gaps=[gap])]))["risks"]
    evidence = [line[8].value for line in sheet.iter_rows(min_row=2) if line[1].value == "OWN-013"]
    assert [len(text) for text in evidence] == [32_767]


def test_instants_are_told_in_utc() -> None:
    assert screen(NOW) == "2026-11-23 01:00Z"
    assert NOW.astimezone(UTC).hour == 1
