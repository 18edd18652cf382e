"""Standards and laws as data: what is cited when, and the statement of applicability."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from estates import answers, estate, health
from lumbung.files import load_regulations
from lumbung.settings import SettingsError
from planner.risks.catalogue import BY_ID, absent
from planner.risks.engine import assess
from planner.risks.regulations import Pack, Regulations, UnknownFramework
from planner.risks.statement import CONTROL_STATUSES, ControlRow, statement
from stored import guest

SHIPPED = load_regulations()
TODAY = date(2026, 11, 23)
TOMORROW = date(2026, 11, 24)
PACK = """\
version: 1
id: {id}
name: "Peraturan Wali Kota"
cited_as: "Perwali"
valid_from: 2026-01-01
valid_to: {valid_to}
source: "lembaran daerah"
reviewed_by: null
reviewed_on: null
controls:
  "pasal 7":
    title: "Kepemilikan"
    verified: [{rule}]
"""


def pack(**controls: dict[str, Any]) -> Pack:
    given = {"id": "x", "name": "X", "cited_as": "X", "valid_from": "2026-01-01", "source": "s"}
    return Pack.model_validate(given | {"controls": controls})


def own_pack(
    folder: Path, name: str = "perwali", valid_to: str = "null", rule: str = "PRV-002"
) -> None:
    folder.mkdir(exist_ok=True)
    text = PACK.format(id=name, valid_to=valid_to, rule=rule)
    (folder / "perwali.yaml").write_text(text, encoding="utf-8")


# The shipped packs


def test_annex_a_has_its_93_controls() -> None:
    controls = SHIPPED.pack("iso27001", TODAY).controls
    themes = {5: 37, 6: 8, 7: 14, 8: 34}
    assert list(controls) == [
        f"A.{t}.{n}" for t, last in themes.items() for n in range(1, last + 1)
    ]
    assert len({control.title for control in controls.values()}) == 93


def test_every_rule_of_the_catalogue_belongs_to_a_control_of_annex_a() -> None:
    cited = {r for c in SHIPPED.pack("iso27001", TODAY).controls.values() for r in c.cited}
    assert set(BY_ID) <= cited


def test_packs_name_rules_by_ids() -> None:
    named = [r for p in SHIPPED.packs for c in p.controls.values() for r in c.named]
    assert all(re.fullmatch(r"[A-Z]{3}-\d{3}", name) for name in named)
    assert {one.id for one in absent()} <= set(named)


def test_a_mapping_that_is_unsure_is_never_cited() -> None:
    unsure = SHIPPED.pack("spbe", TODAY)
    assert all(control.unsure and not control.cited for control in unsure.controls.values())
    cited = SHIPPED.citations(TODAY)
    assert not any(c.startswith("SPBE") for controls in cited.values() for c in controls)


def test_a_pack_that_is_not_to_be_cited_is_a_framework_all_the_same() -> None:
    assert SHIPPED.pack("gdpr", TODAY).controls
    assert not any("GDPR" in c for controls in SHIPPED.citations(TODAY).values() for c in controls)


def test_findings_cite_the_controls_that_hold() -> None:
    assert SHIPPED.citations(TODAY)["BKP-001"] == (
        "ISO 27001 A.8.13", "NIST CP-9", "CIS 11.2", "UU 27/2022 art. 35",
    )  # fmt: skip
    assert SHIPPED.citations(date(2022, 10, 20))["BKP-001"] == (
        "NIST CP-9", "CIS 11.2", "UU 27/2022 art. 35",
    )  # fmt: skip


# When a pack holds


@pytest.mark.parametrize(
    ("day", "cited"),
    [("2025-12-31", False), ("2026-01-01", True), ("2026-06-30", True), ("2026-07-01", False)],
)
def test_a_pack_is_cited_from_its_first_day_to_its_last(
    day: str, cited: bool, tmp_path: Path
) -> None:
    own_pack(tmp_path, valid_to="2026-06-30")
    found = load_regulations(tmp_path)
    on = date.fromisoformat(day)
    assert ("Perwali pasal 7" in found.citations(on)["PRV-002"]) is cited
    if not cited:
        with pytest.raises(UnknownFramework, match="holds from 2026-01-01 to 2026-06-30, not on"):
            found.pack("perwali", on)


@pytest.mark.parametrize(("reviewed", "draft"), [(None, True), (TODAY, False), (TOMORROW, True)])
def test_a_review_that_is_still_to_come_is_none(reviewed: date | None, draft: bool) -> None:
    by = None if reviewed is None else "Bagian Hukum"
    one = pack(a={"title": "t"}).model_copy(update={"reviewed_on": reviewed, "reviewed_by": by})
    assert one.is_draft_on(TODAY) is draft


def test_a_pack_of_ones_own_takes_the_place_of_a_shipped_one(tmp_path: Path) -> None:
    own_pack(tmp_path, name="iso27001")
    found = load_regulations(tmp_path)
    assert found.pack("iso27001", TODAY).name == "Peraturan Wali Kota"
    assert len(found.packs) == len(SHIPPED.packs)


def test_a_framework_that_is_not_known_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownFramework, match="did you mean iso27001"):
        SHIPPED.pack("iso2701", TODAY)
    with pytest.raises(UnknownFramework, match="known are iso27001, nist80053"):
        SHIPPED.pack("zzz", TODAY)


# What is refused


def test_a_rule_that_does_not_exist_is_refused_with_its_line(tmp_path: Path) -> None:
    own_pack(tmp_path, rule="PRV-0002")
    with pytest.raises(SettingsError, match=r"perwali.yaml:13: pasal 7: no rule .* PRV-002\?"):
        load_regulations(tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"valid_to": "2025-01-01"}, "before it begins"),
        ({"reviewed_by": "Inspektorat"}, "belong together"),
        ({"controls": {"1": {"title": "t", "verified": ["A"], "unsure": ["A"]}}}, "named twice"),
        ({"controls": {"1": {"title": "t", "outside": "o", "verified": ["A"]}}}, "is outside"),
        ({"controls": {"1": {"title": "t", "sure": []}}}, "Extra inputs"),
        ({"id": "ISO 27001"}, "pattern"),
    ],
)
def test_a_pack_that_contradicts_itself_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Pack.model_validate(pack().model_dump() | change)


# The statement of applicability

STATES: dict[str, dict[str, int]] = {
    "PRV-001": {"ok": 3, "risk": 1},
    "PRV-002": {"ok": 2, "unknown": 2},
    "BKP-001": {"ok": 4},
    "BKP-003": {"not_applicable": 4},
}


def stated(**control: Any) -> ControlRow:
    from planner.risks.engine import Assessment

    [row] = statement(
        pack(a={"title": "t"} | control),
        Assessment((), STATES),  # type: ignore[arg-type]  # states in plain words
        {"XYZ-001": "no platform tells."},
    )
    return row


@pytest.mark.parametrize(
    ("control", "status"),
    [
        ({"verified": ["BKP-001"]}, "ok"),
        ({"verified": ["BKP-001", "PRV-002"]}, "unknown"),
        ({"verified": ["BKP-001", "PRV-002"], "from_memory": ["PRV-001"]}, "risk"),
        ({"verified": ["BKP-003"]}, "not_applicable"),
        ({"verified": ["BKP-003", "BKP-001"]}, "ok"),
        ({"unsure": ["PRV-001"]}, "no_rule"),
        ({"verified": ["XYZ-001"]}, "no_rule"),
        ({}, "no_rule"),
        ({"outside": "physical"}, "outside"),
    ],
)
def test_a_control_is_as_its_worst_finding(control: dict[str, Any], status: str) -> None:
    row = stated(**control)
    assert row.status == status
    assert status in CONTROL_STATUSES


def test_a_control_counts_what_was_judged() -> None:
    row = stated(verified=["PRV-001", "PRV-002", "XYZ-001"])
    assert (row.subjects, row.open_risks, row.unknown) == (8, 1, 2)
    assert row.coverage_pct == 75.0
    assert row.rules == "PRV-001 PRV-002"
    assert row.not_asked == "XYZ-001"
    assert row.why == "XYZ-001: no platform tells."
    assert stated(outside="physical").why == "physical"
    assert stated().coverage_pct is None


def test_what_is_not_seen_makes_no_control_ok() -> None:
    place = estate(guest(tags=None))
    found = assess(place, answers(place), [BY_ID["PRV-001"]])
    iso = SHIPPED.pack("iso27001", TODAY)
    rows = {row.control: row for row in statement(iso, found, {})}
    assert rows["A.5.12"].status == "unknown"
    assert rows["A.7.1"].status == "outside"
    assert {row.status for row in rows.values()} == {"unknown", "no_rule", "outside"}


@pytest.mark.parametrize(
    ("hours", "status"), [(1, "ok"), (23, "ok"), (25, "unknown"), (None, "unknown")]
)
def test_a_source_that_was_not_read_makes_no_control_ok(hours: float | None, status: str) -> None:
    """The other source was read and is in order; of this one nobody can say that."""
    iso = SHIPPED.pack("iso27001", TODAY)
    minutes = None if hours is None else 60.0 * hours
    late = replace(health("east"), stale=True, age_minutes=minutes)
    place = estate(guest(tags=("cls.publik", "opd.a")), sources=(health(), late))
    found = assess(place, answers(place), [BY_ID["PRV-001"], BY_ID["OWN-012"]])
    assert set(found.unread) == ({"PRV-001"} if status == "unknown" else set())
    rows = {row.control: row for row in statement(iso, found, {})}
    assert rows["A.5.12"].status == status
    assert ("east was not read for a day, or never" in rows["A.5.12"].why) is (status != "ok")
    assert rows["A.7.1"].why.count("east") == 0  # no rule of ours tells of it


def test_nothing_is_cited_without_a_pack() -> None:
    assert Regulations().citations(TODAY + timedelta(days=1)) == {}
