"""Waivers: what is accepted, for how long, and that it stays in sight."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estates import AS_OF, answers, estate, health
from inventory.records import Record
from lumbung.files import load_estate
from lumbung.settings import SettingsError
from planner.owners import EstateFile
from planner.past import Past
from planner.report import Memory, Report, make_report
from planner.risks.catalogue import BY_ID
from planner.risks.engine import Assessment, assess
from planner.risks.rule import SEVERITIES
from planner.risks.score import level
from planner.risks.waivers import unfit
from planner.waiver_entries import Waiver
from rule_cases.own import waiver
from stored import JAKARTA, datastore, disk, guest, host

PERSONAL = guest(tags=("cls.pribadi-umum", "opd.dukcapil"), uuid="AB-1")
OTHER = guest("200", tags=("cls.publik", "opd.kominfo"), host_id="h2")
PLACE: tuple[Record, ...] = (
    host("h1"), host("h2"), PERSONAL, OTHER, disk(), disk("200"), datastore(),
)  # fmt: skip


def backups(owners: dict[str, Any], *records: Record, on: date = AS_OF) -> Assessment:
    """What BKP-001 says of two guests that no job covers."""
    place = estate(*(records or PLACE), owners=owners, as_of=on)
    return assess(place, answers(place), [BY_ID["BKP-001"]])


def accepted(owners: dict[str, Any], *records: Record, on: date = AS_OF) -> set[str]:
    return {f.subject.name for f in backups(owners, *records, on=on).waived}


def test_an_accepted_risk_stays_in_sight_with_its_points_apart() -> None:
    plain, waived = backups({}), backups(waiver(scope={"uuid": "ab-1"}))
    assert [f.id for f in waived.findings] == [f.id for f in reversed(plain.findings)]
    assert [(f.points, f.waived_points, f.is_open) for f in waived.findings] == [
        (20, 0, True),
        (0, 60, False),
    ]
    assert [f.subject.name for f in waived.risks] == ["c/200"]
    assert dict(waived.counts["BKP-001"]) == dict(plain.counts["BKP-001"])


def told(scope: dict[str, Any], **more: Any) -> list[str]:
    place = estate(*PLACE, owners=waiver(scope=scope, **more))
    return [str(fault) for fault in unfit(place)]


@pytest.mark.parametrize(
    ("scope", "fault"),
    [
        ({"uuid": "ab-1"}, ""),  # as guests' uuids are compared: whatever their case
        ({"cluster": "c", "host": "h2", "storage": "san", "tag": "OPD.dukcapil"}, ""),
        ({"uuid": "ab-2"}, "no known guest has the uuid 'ab-2', so it accepts nothing"),
        ({"cluster": "c", "tag": "opd.nobody"}, "no known guest has the tag 'opd.nobody'"),
        ({"storage": "nas"}, "no known datastore is 'nas'"),
        ({"service": "portal"}, "no known service is 'portal'"),
    ],
)
def test_a_waiver_that_fits_nothing_is_told(scope: dict[str, Any], fault: str) -> None:
    found = told(scope)
    assert len(found) == bool(fault)
    assert fault in "".join(found)


def test_a_waiver_that_has_ended_may_name_what_is_gone() -> None:
    gone = {"approved_at": AS_OF - timedelta(days=30), "expires": AS_OF - timedelta(days=1)}
    assert told({"uuid": "gone"}, **gone) == []


def test_it_counts_for_no_level() -> None:
    assert level(backups({}).findings) == "E"
    assert level(backups(waiver()).findings) == "A"


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"source": "site"}, {"c/100", "c/200"}),
        ({"source": "another"}, set()),
        ({"cluster": "c"}, {"c/100", "c/200"}),
        ({"host": "h1"}, {"c/100"}),
        ({"host": "h*"}, set()),
        ({"storage": "san"}, {"c/100", "c/200"}),
        ({"storage": "nas"}, set()),
        ({"tag": "OPD.dukcapil"}, {"c/100"}),
        ({"tag": "opd"}, set()),
        ({"uuid": "ab-1"}, {"c/100"}),
        ({"uuid": "ab"}, set()),
        ({"host": "h2", "tag": "opd.dukcapil"}, set()),
        ({"host": "h1", "tag": "opd.dukcapil"}, {"c/100"}),
        ({"service": "adminduk"}, set()),
    ],
)
def test_a_scope_covers_what_all_of_it_names(scope: dict[str, str], expected: set[str]) -> None:
    assert accepted(waiver(scope=scope)) == expected


def test_a_guest_with_a_disk_elsewhere_is_not_covered_by_a_storage() -> None:
    elsewhere = (*PLACE, disk(key="scsi1", datastore_id="nas"), datastore("nas"))
    assert accepted(waiver(scope={"storage": "san"}), *elsewhere) == {"c/200"}


def test_a_storage_and_a_disk_on_it_are_covered_by_its_name() -> None:
    place = estate(*PLACE[:-2], disk(cache="unsafe"), datastore(), owners=waiver(
        rule="DAR-004", scope={"storage": "san"}, expires="2026-12-01"))  # fmt: skip
    found = assess(place, answers(place), [BY_ID["DAR-004"]])
    assert [f.subject.kind for f in found.waived] == ["disk"]
    assert found.risks == ()


def test_another_rule_is_not_covered() -> None:
    assert accepted(waiver(rule="BKP-004")) == set()


def test_what_is_not_known_cannot_be_accepted() -> None:
    place = estate(guest(), sources=(health(hidden=("backup_job",)),), owners=waiver())
    found = assess(place, (), [BY_ID["BKP-001"]])
    assert (len(found.unknowns), found.waived) == (1, ())


@pytest.mark.parametrize(
    ("more", "day", "expected"),
    [
        ({}, "2026-09-30", 0),  # before its approval
        ({}, "2026-10-01", 2),
        ({}, "2026-12-30", 2),
        ({}, "2026-12-31", 0),
        ({"approved_by": ""}, "2026-11-01", 0),
        ({"approved_at": None}, "2026-11-01", 0),
        ({"expires": "2027-09-01"}, "2026-12-30", 2),  # the 90th day: one of them is critical
        ({"expires": "2027-09-01"}, "2026-12-31", 1),
        ({"expires": "2027-09-01"}, "2027-09-02", 0),
    ],
)
def test_the_last_day_counts_and_the_day_after_the_finding_is_back(
    more: dict[str, Any], day: str, expected: int
) -> None:
    assert len(accepted(waiver(**more), on=date.fromisoformat(day))) == expected


def test_of_several_the_one_that_lasts_longest_counts() -> None:
    [first] = waiver(id="W-1", expires="2026-11-30")["waivers"]
    [second] = waiver(id="W-2", scope={"uuid": "ab-1"})["waivers"]
    found = backups({"waivers": [first, second]}).waived
    assert {f.subject.name: f.waiver.id for f in found if f.waiver} == {
        "c/100": "W-2",
        "c/200": "W-1",
    }


def report_of(owners: dict[str, Any]) -> Report:
    return make_report(estate(*PLACE, owners=owners), Past(), Memory(), zone=JAKARTA, run_id="RUN")


def test_the_weekly_rows_say_until_when_and_by_which_waiver() -> None:
    report = report_of(waiver(scope={"uuid": "ab-1"}))
    rows = {row.subject: row for row in report.risks if row.rule == "BKP-001"}
    mine, other = rows["guest 100 (100)"], rows["guest 200 (200)"]
    assert (mine.outcome, mine.waiver, mine.waiver_until) == ("risk", "W-1", date(2026, 12, 30))
    assert (mine.points, mine.points_waived) == (0, 60)
    assert mine.points_formula == "critical 40 × pribadi-umum 1.5 = 60"
    assert (other.waiver, other.waiver_until, other.points, other.points_waived) == (
        "",
        None,
        20,
        0,
    )
    [line] = [line for line in report.guests if line.guest_id == "100"]
    assert line.risk_points_waived == 60
    assert line.risk_points == sum(row.points for row in report.risks if row.guest_uuid == "AB-1")


def test_an_expired_waiver_is_a_finding_and_brings_back_the_other() -> None:
    report = report_of(waiver(expires="2026-11-22"))
    found = {row.rule: row for row in report.risks if row.rule in ("OWN-011", "BKP-001")}
    assert found["OWN-011"].evidence == (
        "rule=BKP-001; faults=expired on 2026-11-22; requested_by=Bidang TIK"
    )
    assert found["BKP-001"].waiver_until is None
    assert found["BKP-001"].points > 0


# The file


GOOD = """\
version: 1
waivers:
  - id: W-1
    rule: BKP-001
    scope: {uuid: ab-1}
    reason: moves in May
    requested_by: Bidang TIK
    approved_by: Kepala Dinas
    approved_at: 2026-10-01
    expires: 2026-12-30
"""


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("{uuid: ab-1}", "{}", ":5: waivers.0.scope: is empty; name one of source, cluster, host"),
        (
            "{uuid: ab-1}",
            "{name: '*'}",
            ":5: unknown key 'waivers.0.scope.name'; known are cluster",
        ),
        ("{uuid: ab-1}", "{tag: ''}", ":5: waivers.0.scope.tag: String should match"),
        ("BKP-001", "BKP-0O1", ":4: waiver 'W-1': no rule is called 'BKP-0O1'; BKP-0"),
        ("BKP-001", "OWN-011", ":4: waiver 'W-1': OWN-011 is about waivers; renew or remove them"),
        ("Kepala Dinas", "bidang tik ", ":3: waivers.0: approved_by must be someone else than"),
        ("Kepala Dinas", "BIDANG-TIK.", ":3: waivers.0: approved_by must be someone else than"),
        ("Kepala Dinas", "Bidang  T I K", ":3: waivers.0: approved_by must be someone else than"),
        ("2026-12-30", "2026-09-30", ":3: waivers.0: expires on 2026-09-30, before its approval"),
        ("2026-12-30", "soon", ":10: waivers.0.expires: must be a date"),
        ("    reason: moves in May\n", "", ":3: waivers.0.reason: is missing"),
        (GOOD[11:], GOOD[11:] + GOOD[20:], ":11: waivers.1.id: 'W-1' is there twice"),
    ],
)
def test_a_bad_entry_is_one_line_with_its_place(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    path = tmp_path / "estate.yaml"
    path.write_text(GOOD)
    assert load_estate(path).waivers[0].id == "W-1"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(SettingsError) as caught:
        load_estate(path)
    assert str(caught.value).startswith(f"{path}{told}")
    assert "\n" not in str(caught.value)


# Laws


DAYS = st.dates(date(2026, 1, 1), date(2028, 12, 31))


@given(approved=DAYS, lasts=st.integers(0, 800), day=DAYS, severity=st.sampled_from(SEVERITIES))
def test_a_waiver_holds_from_its_approval_to_its_end_and_never_longer_than_allowed(
    approved: date, lasts: int, day: date, severity: str
) -> None:
    [given_] = waiver(approved_at=approved, expires=approved + timedelta(days=lasts))["waivers"]
    entry = Waiver.model_validate(given_)
    allowed = 90 if severity == "critical" else 365
    expected = 0 <= (day - approved).days <= min(lasts, allowed)
    assert entry.is_in_force(severity, day) is expected
    in_order = expected and lasts <= allowed
    assert (entry.faults(severity, day) == ()) is in_order


SCOPES = st.sampled_from(
    [{"source": "site"}, {"host": "h1"}, {"uuid": "ab-1"}, {"tag": "opd.kominfo"}, {"host": "x"}]
)
WAIVERS = st.lists(
    st.tuples(st.sampled_from(["BKP-001", "BKP-004", "DAR-001", "PRV-002"]), SCOPES), max_size=4
)


@given(WAIVERS)
def test_waivers_move_points_and_lose_none(chosen: list[tuple[str, dict[str, str]]]) -> None:
    entries = [
        waiver(id=f"W-{i}", rule=rule, scope=scope, expires="2026-12-29")["waivers"][0]
        for i, (rule, scope) in enumerate(chosen)
    ]
    rules = [BY_ID[name] for name in ("BKP-001", "BKP-004", "DAR-001", "PRV-001")]
    plain = assess(estate(*PLACE), (), rules)
    place = estate(*PLACE, owners=EstateFile.model_validate({"waivers": entries}).model_dump())
    found = assess(place, (), rules)
    assert {f.id for f in found.findings} == {f.id for f in plain.findings}
    assert sum(f.points + f.waived_points for f in found.findings) == sum(
        f.points for f in plain.findings
    )
    assert all(
        (f.points == 0) is (f.waiver is not None) for f in found.findings if f.points or f.waiver
    )
    assert all(f.is_open for f in found.risks)
