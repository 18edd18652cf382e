"""Rows of commands that no weekly file has: each has a key, and the key brings its text."""

from __future__ import annotations

from datetime import date

import pytest

from estates import AS_OF, estate
from inventory.records import Guest
from inventory.versions import GuestVersion
from planner.estate import Estate
from planner.explain import explain, found
from planner.migration import MigrationView, migration_of
from planner.sections import UnknownKey, shown
from planner.told.migration import explain_migration, until_of
from stored import JAKARTA, disk, guest
from whole_report import report


@pytest.mark.parametrize("size", ["S", "average", "4/16/80", "2/4/0"])
def test_a_fit_of_any_size_is_defended_by_what_each_limit_allows(size: str) -> None:
    _kind, row, _column = found(report(), f"fit/c/{size}")
    told = explain(report(), f"fit/c/{size}/fit")
    assert row.key == f"fit/c/{size}"
    assert told.splitlines()[2] == f"fit = {shown(row.fit)}"
    assert "memory/demand" in told
    assert "proven = as many run again after every failure" in told


def test_a_fit_of_what_is_no_size_is_told() -> None:
    with pytest.raises(UnknownKey, match="is neither S, M, L"):
        explain(report(), "fit/c/huge")


def test_more_cameras_are_defended_with_any_number_and_bitrate() -> None:
    [first, *_rest] = report().cameras
    name = first.key.partition("/")[2]
    told = explain(report(), f"more-cameras/{name}/44@8")
    assert "with 44 more cameras of 8 Mbps each:" in told
    assert found(report(), f"more-cameras/{name}/44/more_tb")[2] == "more_tb"


def test_a_total_is_the_sum_of_the_rows_that_it_names() -> None:
    _kind, total, _column = found(report(), "reclaim-total/cluster/c")
    told = explain(report(), "reclaim-total/cluster/c/storage_gib").splitlines()
    rows = [line for line in told if line.startswith("  ")]
    assert len(rows) == total.items
    assert all("(reclaim/" in line for line in rows)


PLAN = {"migration": {"leaving": ["c"], "arriving": "d", "wave_size": 1, "until": "2026-12-21"}}


def migration() -> tuple[Estate, MigrationView]:
    place = estate(*(g for n in "12" for g in (guest(n), disk(n))), owners=PLAN)
    versions = [GuestVersion(fact, None) for fact in place.facts.of(Guest)]
    return place, migration_of(place, versions, zone=JAKARTA)


def test_a_guest_that_is_to_move_is_defended() -> None:
    place, view = migration()
    assert [row.key for row in view.guests] == ["migration/c/1", "migration/c/2"]
    told = explain_migration(place, view, "migration/c/2")
    assert "wave auto-2: the smallest disks first, 1 at a time" in told
    assert "state not_started: no twin of it is known" in told
    assert "it: source site" in told


def test_a_week_of_the_burn_down_is_defended() -> None:
    place, view = migration()
    last = view.burn_down[-1]
    assert last.key == "burn-down/2026-12-21/2026-12-21"
    assert until_of(last.key) == date(2026, 12, 21)
    told = explain_migration(place, view, f"{last.key}/at_needed_pace")
    assert told.splitlines()[2] == "at_needed_pace = 0"
    assert "needed: 2 − 0.5 × 4.00 = 0" in told
    with pytest.raises(UnknownKey, match="known are migration/c/1"):
        explain_migration(place, view, "migration/c/9")


def test_the_week_behind_says_who_was_done() -> None:
    place, view = migration()
    behind = next(row for row in view.burn_down if row.week_end == AS_OF)
    told = explain_migration(place, view, behind.key)
    assert "done by then: 0 (none); in the week itself 0" in told
