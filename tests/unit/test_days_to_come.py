"""Dates of a time to come prove nothing: of backups and snapshots, and of what owners declare."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estates import AS_OF, NOW, estate
from inventory.records import Backup
from planner.days_to_come import days_to_come
from planner.made_at import possible
from planner.owners import EstateFile
from rule_cases import backup_of
from site_files import Site
from stored import guest

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("ahead", "made"),
    [(-DAY, NOW - DAY), (0 * DAY, NOW), (5 * MINUTE, NOW), (6 * MINUTE, None), (30 * DAY, None)],
)
def test_nothing_is_made_after_it_was_seen(ahead: timedelta, made: object) -> None:
    assert possible(NOW + ahead, NOW, NOW) == made


def test_a_wrong_date_is_wrong_also_after_that_day_has_come() -> None:
    stated, seen = NOW + 30 * DAY, NOW
    assert possible(stated, seen, NOW + 31 * DAY) is None


@given(st.integers(-10_000, 10_000), st.integers(0, 10_000), st.integers(0, 10_000))
def test_no_age_is_negative(stated: int, seen: int, since: int) -> None:
    first_seen, at = NOW + seen * MINUTE, NOW + (seen + since) * MINUTE
    made = possible(NOW + stated * MINUTE, first_seen, at)
    assert made is None or (at - made >= timedelta(0) and made <= NOW + stated * MINUTE)


def test_every_reader_of_the_estate_sees_the_corrected_time() -> None:
    place = estate(guest(), backup_of("100", -3), backup_of("100", -0.01), backup_of("100", 2))
    made = [one.created_at for one in place.facts.records(Backup)]
    assert made == [None, NOW, NOW - timedelta(hours=2)]
    assert place.backups_of(place.guests[0].guest) == place.facts.records(Backup)


def test_what_an_owner_confirms_on_a_day_to_come_is_not_confirmed() -> None:
    tomorrow = AS_OF + DAY
    entry = {"match": {"guest_id": "100"}, "confirmed_by": "R"}
    for day, told in ((AS_OF, AS_OF), (tomorrow, None)):
        place = estate(guest(), owners={"guests": [entry | {"confirmed_on": day}]})
        assert place.guests[0].owner_confirmed_on == told
    both = [entry | {"confirmed_on": tomorrow}, entry | {"confirmed_on": AS_OF - DAY}]
    assert estate(guest(), owners={"guests": both}).guests[0].owner_confirmed_on == AS_OF - DAY


def test_each_day_to_come_of_the_file_is_told_with_its_place() -> None:
    late, today = date(2027, 1, 5), AS_OF
    waiver = {
        "id": "w", "rule": "DAR-001", "scope": {"tag": "x"}, "reason": "r", "requested_by": "A",
        "approved_by": "B", "approved_at": late, "expires": date(2027, 2, 1),
    }  # fmt: skip
    exemption = {
        "match": {"guest_id": "1"}, "reason": "r", "author": "A", "since": late, "until": late,
    }  # fmt: skip
    owners = EstateFile.model_validate(
        {
            "guests": [
                {"match": {"guest_id": "1"}, "confirmed_on": today, "support_until": late},
                {
                    "match": {"guest_id": "2"}, "confirmed_on": late, "encrypted_in_guest_on": late,
                    "backup": {"method": "m", "last_success": late},
                },
            ],
            "services": {
                "s": {
                    "owner": "A", "restore_test": {"tested_on": late}, "dpia_on": late,
                    "assessed_on": late, "reviewed_at": late,
                },
                "t": {"owner": "A", "reviewed_at": today},
            },
            "storages": {"nas": {"evidence_on": late}},
            "waivers": [waiver],
            "exemptions": [exemption],
        }
    )  # fmt: skip
    found = days_to_come(owners, today)
    assert [one.place for one in found] == [
        ("guests", 1, "confirmed_on"), ("guests", 1, "encrypted_in_guest_on"),
        ("guests", 1, "backup", "last_success"), ("services", "s", "restore_test", "tested_on"),
        ("services", "s", "dpia_on"), ("services", "s", "assessed_on"),
        ("services", "s", "reviewed_at"), ("storages", "nas", "evidence_on"),
        ("waivers", 0, "approved_at"), ("exemptions", 0, "since"),
    ]  # fmt: skip
    assert str(found[0]) == "confirmed_on: 2027-01-05 is a day to come, so it proves nothing"
    assert days_to_come(owners, late) == ()


def test_estate_check_names_the_line(tmp_path: Path) -> None:
    """With answers of agencies beside the file, which come before its own entries."""
    text = """\
version: 1
guests:
- match: {guest_id: g0}
  confirmed_on: 2026-11-20
- match: {guest_id: g1}
  confirmed_on: 2027-01-05
"""
    site = Site(tmp_path, estate=text).write()
    (tmp_path / "estate.attested.yaml").write_text(
        "version: 1\nguests:\n- match: {guest_id: g2}\n  confirmed_on: 2026-11-20\n"
    )
    checked = site.call("estate", "check")
    assert checked.returncode == 2
    assert checked.stdout == (
        f"{tmp_path}/estate.yaml:6: confirmed_on: 2027-01-05 is a day to come, "
        "so it proves nothing\n"
    )
