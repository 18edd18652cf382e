"""What leaves the house: SARIF, profiles for readers, and numbers that are never told."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from estates import estate
from inventory.platform_records import Principal
from inventory.records import Nic, Record
from lumbung.files import load_regulations
from planner.evidence import evidence_of
from planner.explain import explain
from planner.past import Past
from planner.report import Memory, Report, in_language, make_report
from planner.rows import ROW_TYPES, RiskRow
from reports.brief import brief_html
from reports.cells import (
    csv_cell,
    filled,
    is_identity_number,
    number,
    plain,
    scalar,
    screen,
    without_identities,
)
from reports.json_rows import json_of
from reports.profiles import for_profile, redactor
from reports.sarif import sarif_of
from reports.terminal import table_of
from reports.weekly_csv import csv_of_rows
from reports.workbook import workbook_xlsx
from stored import JAKARTA, datastore, disk, guest, host

SCHEMA = json.loads(
    (Path(__file__).parents[1] / "schemas" / "sarif-schema-2.1.0.json").read_text("utf-8")
)
NIK = "3271014505900001"  # of nobody: made of a province, a date and a number
VALIDATOR = jsonschema.Draft4Validator(SCHEMA)


def report_of(*records: Record, **more: Any) -> Report:
    return make_report(
        estate(*records, **more),
        Past(),
        Memory(),
        zone=JAKARTA,
        run_id="RUN",
        regulations=load_regulations(),
    )


def nic(**more: Any) -> Nic:
    return Nic(nic_id="100/net0", guest_id="100", cluster="c", network="br0", **more)


RISKY = (
    host(),
    guest("100", tags=("cls.pribadi-umum",), os="debian-9"),
    guest("101", tags=("expo.public",), os="debian-9"),
    guest("102", tags=None),
    disk(cache="unsafe"),
    datastore(),
)


# SARIF


def sarif(report: Report, rows: Any = None, **more: Any) -> dict[str, Any]:
    text = sarif_of(report, report.risks if rows is None else rows, version="1.2.3", **more)
    log: dict[str, Any] = json.loads(text)
    VALIDATOR.validate(log)
    return log


def test_the_schema_refuses_what_is_no_sarif() -> None:
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate({"version": "2.1.0", "runs": [{"results": []}]})


def test_findings_are_sarif_as_the_standards_schema_has_it() -> None:
    report = report_of(*RISKY)
    [run] = sarif(report)["runs"]
    assert len(run["results"]) == len(report.risks) > 5
    assert {result["kind"] for result in run["results"]} == {"fail", "open"}
    rules = run["tool"]["driver"]["rules"]
    for result, row in zip(run["results"], report.risks, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == row.rule
        expected = {"critical": "error", "high": "error", "medium": "warning"}
        level = expected.get(row.severity, "note") if row.outcome == "risk" else "none"
        assert result["level"] == level
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert "ISO 27001 A.8.13" in {tag for rule in rules for tag in rule["properties"]["tags"]}


def test_an_estate_without_findings_is_sarif_too() -> None:
    assert sarif(report_of(), rows=[])["runs"][0]["results"] == []


def test_a_result_keeps_its_fingerprint_whatever_is_said_about_it() -> None:
    def prints(*records: Record) -> list[str]:
        found = sarif(report_of(*records))["runs"][0]["results"]
        return sorted(result["partialFingerprints"]["finding/v1"] for result in found)

    first = prints(*RISKY)
    renamed = (RISKY[0], guest("100", name="x", tags=("cls.pribadi-umum",), os="debian-10"))
    assert prints(*renamed, *RISKY[2:]) == first
    assert len(set(first)) == len(first)
    assert all(len(one) == 64 for one in first)


def test_a_waived_risk_is_suppressed_and_stays() -> None:
    report = report_of(*RISKY)
    rows = [replace(report.risks[0], waiver_until=date(2027, 1, 31)), *report.risks[1:]]
    first, *others = sarif(report, rows)["runs"][0]["results"]
    [suppression] = first["suppressions"]
    assert suppression["status"] == "accepted"
    assert "2027-01-31" in suppression["justification"]
    assert all(result["suppressions"] == [] for result in others)


def test_sarif_and_rows_speak_the_language_that_was_asked_for() -> None:
    report = in_language(report_of(*RISKY), "id")
    [run] = sarif(report, language="id")["runs"]
    rule = run["tool"]["driver"]["rules"][0]
    row = next(row for row in report.risks if row.rule == rule["id"])
    assert rule["shortDescription"]["text"] == row.title != report_of(*RISKY).risks[0].title
    assert rule["help"]["text"] == row.fix
    assert row.title in brief_html(report, lang="id")


# National identity numbers


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        (NIK, True),
        ("1101010101900001", True),
        ("9471317112991234", True),
        ("0001010101900001", False),  # no province
        ("9501010101900001", False),
        ("3271010005900001", False),  # no day
        ("3271013205900001", False),
        ("3271017205900001", False),
        ("3271010100900001", False),  # no month
        ("3271010113900001", False),
    ],
)
def test_what_is_formed_as_an_identity_number(digits: str, expected: bool) -> None:
    assert is_identity_number(digits) is expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (NIK, "[NIK]"),
        (f"ktp_{NIK}.img", "ktp_[NIK].img"),
        (f"db{NIK}a", "db[NIK]a"),
        (f"{NIK}0", f"{NIK}0"),
        ("bytes 1000000000000000", "bytes 1000000000000000"),
        (f"{'a' * 8}{NIK}{'b' * 40}", f"{'a' * 8}{NIK}{'b' * 40}"),  # a checksum
    ],
)
def test_identity_numbers_are_named_and_not_told(text: str, told: str) -> None:
    assert without_identities(text) == told


numbers = st.builds(
    "{:02d}{:04d}{:02d}{:02d}{:02d}{:04d}".format,
    st.integers(11, 94),
    st.integers(0, 9999),
    st.one_of(st.integers(1, 31), st.integers(41, 71)),
    st.integers(1, 12),
    st.integers(0, 99),
    st.integers(0, 9999),
)


@given(numbers, st.text("xyz _./-", max_size=5), st.text("xyz _./-", max_size=5))
def test_no_cell_of_any_format_tells_an_identity_number(
    number: str, before: str, after: str
) -> None:
    text = before + number + after
    for told in (csv_cell(text), screen(text), plain(text), scalar(text), scalar((text, "a"))):
        assert number not in told
        assert "[NIK]" in told
    assert number not in json_of(["a", "b"], [[text, [text]]])


PLANTED: list[Record] = [
    host().model_copy(update={"name": NIK}),
    guest("100", name=f"pasien {NIK}"),
    guest("100", tags=(f"cls.{NIK}", "opd.a")),
    guest("100", os=f"debian {NIK}"),
    guest("100", resource_pool=NIK),
    disk(cache="unsafe").model_copy(update={"slot": NIK}),
    disk(volume=f"ktp-{NIK}"),
    nic(trunks=NIK),
    datastore("san").model_copy(update={"name": NIK}),
    Principal(principal_id=f"{NIK}@pve", cluster="c", kind="user", enabled=True),
]


@pytest.mark.parametrize("planted", PLANTED, ids=lambda record: record.kind_name)
def test_no_output_tells_an_identity_number_that_a_platform_holds(planted: Record) -> None:
    others = (host(), guest("100", tags=("cls.pribadi-umum",)), disk(), nic(), datastore())
    records = [one for one in others if type(one) is not type(planted)]
    report = report_of(planted, *records)
    for output in outputs(report):
        assert NIK.encode() not in output


def outputs(report: Report) -> list[bytes]:
    """Everything that can be made of a report."""
    found = [sarif_of(report, report.risks, version="1"), brief_html(report, lang="en")]
    for row_type, rows in (
        *report.tables.values(),
        *((one.row_type, one.rows) for one in evidence_of(report)),
    ):
        names = [field.name for field in fields(row_type)]
        cells = [[getattr(row, name) for name in names] for row in rows]
        screened = Console(file=io.StringIO(), width=5000)
        screened.print(table_of(names, cells))
        assert isinstance(screened.file, io.StringIO)
        found += [csv_of_rows(row_type, rows), json_of(names, cells), screened.file.getvalue()]
    keys = [row.key for _type, rows in report.tables.values() for row in rows] + ["guest/100"]
    found += [plain(explain(report, key)) for key in keys]
    book = zipfile.ZipFile(io.BytesIO(workbook_xlsx(report)))
    return [text.encode() for text in found] + [book.read(name) for name in book.namelist()]


# Profiles


TEXT = (
    "10.20.30.40/24; fe80::1ff:fe23:4567:890a; 52:54:00:ab:cd:ef; budi@pve!collect; budi; "
    "version 8.4.1"
)


def test_management_gets_no_address_and_no_account() -> None:
    told = redactor("management", ["budi@pve", "root@pam"])(TEXT)
    for secret in ("10.20", "fe80", "52:54", "budi", "collect"):
        assert secret not in told
    assert told.endswith("version 8.4.1")
    assert told.count("account-") == 2


def test_an_account_has_one_pseudonym() -> None:
    redact = redactor("management", ["budi@pve"])
    assert redact("budi@pve") == redact("budi@pve") != redact("tono@pve")
    assert redact("the root of it") == "the root of it"


def test_an_auditor_gets_the_network_of_an_address_and_accounts() -> None:
    told = redactor("auditor")(TEXT)
    assert "10.20.30.x" in told
    assert "52:54:00:xx" in told
    assert "fe80" not in told
    assert "budi@pve!collect" in told


def test_who_runs_it_gets_everything() -> None:
    assert redactor("technical", ["budi@pve"])(TEXT) == TEXT


def test_a_report_for_management_keeps_owners_and_figures() -> None:
    owners = {"agencies": {"a": {"name": "A", "contact": "a@kota.example"}}}
    named = guest("100", name="web 10.1.2.3 aa:bb:cc:dd:ee:ff", tags=("opd.a",))
    user = Principal(principal_id="siti@pam", cluster="c", kind="user")
    report = report_of(named, guest("101", name="pc-siti"), user, owners=owners)
    told = for_profile(report, "management")
    body = "".join(csv_of_rows(*told.tables[stem]) for stem in ROW_TYPES)
    assert "10.1.2.3" not in body
    assert "aa:bb" not in body
    assert "siti" not in body
    assert {row.owner for row in told.guests} == {"a@kota.example", None}
    assert [row.points for row in told.risks] == [row.points for row in report.risks]
    assert for_profile(report, "technical") is report
    assert len(fields(RiskRow)) > 10


@pytest.mark.parametrize(
    ("value", "form", "english", "indonesian"),
    [
        (24_590.4, ",.0f", "24,590", "24.590"),
        (99.9, "g", "99.9", "99,9"),
        (1_234_567.891, ",.2f", "1,234,567.89", "1.234.567,89"),
        (-0.5, ".1f", "-0.5", "-0,5"),
        (7, ",", "7", "7"),
    ],
)
def test_a_number_is_written_as_the_language_writes_it(
    value: float, form: str, english: str, indonesian: str
) -> None:
    assert (number(value, form, "en"), number(value, form, "id")) == (english, indonesian)


def test_only_numbers_are_written_in_a_language_not_names_versions_and_days() -> None:
    values = {"name": "db,1", "version": "8.4.1", "on": date(2026, 11, 23), "n": 1234.5}
    told = filled("{name!r} {version} {on} {n:,.1f}", "id", values)
    assert told == "'db,1' 8.4.1 2026-11-23 1.234,5"
    assert [screen(v, "id") for v in (None, 1234.0, 3.25, "8.4.1", True)] == [
        "?", "1.234", "3,25", "8.4.1", "yes",
    ]  # fmt: skip
    assert screen(1234.0) == "1,234"
