"""A date or a clock that was wrong: what comes of it is refused, or told and mended."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from site_files import NOW, Site, guest, host

YEAR = timedelta(days=365)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site that was read once with a clock a year ahead; now the clock is right again."""
    site = Site(tmp_path)
    site.write(NOW + YEAR, hosts=[host("h1")], guests=[guest("g1", "h1")])
    site.run("collect", now=NOW + YEAR)
    return site.write(NOW, hosts=[host("h1")], guests=[guest("g1", "h1"), guest("g2", "h1")])


def test_a_directory_of_a_day_to_come_stores_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path).write(NOW + YEAR, hosts=[host("h1")], guests=[guest("g1", "h1")])
    ran = site.call("collect")
    assert ran.returncode == 4
    [line] = ran.stderr.splitlines()
    assert line.startswith("site: failed: source.csv, line 2, column taken_at: 2027-11-23T")
    assert site.rows("inventory", "guests") == []


def test_a_store_that_holds_a_time_to_come_says_so_everywhere_and_is_mended(site: Site) -> None:
    ran = site.call("collect")
    assert ran.returncode == 3
    assert "site: superseded, 2 guests" in ran.stderr
    assert "of 2026-11-23 01:00Z, older than what is stored" in ran.stderr
    assert "(stored is 2027-11-23 01:00Z)" in ran.stderr
    assert "set the clock right, or see `lumbung db check`" in ran.stderr
    [row] = site.rows("sources")
    assert (row["status"], row["last_success_at"]) == ("superseded", None)
    assert row["superseded_by"] == "2027-11-23T01:00:00Z"
    assert "superseded since 2026-11-23 01:00Z" in site.call("sources").stderr
    assert "source site: 1 polls are dated after now" in site.run("db", "check", expect=1)

    report = site.call("report")
    assert report.returncode == 0
    assert "site: the store holds facts of 2027-11-23 01:00Z, and it is 2026" in report.stderr

    assert site.call("db", "mend").returncode == 2
    assert "source site: 1 polls" in site.run("db", "check", expect=1)  # nothing was done yet
    assert "took out 1 polls" in site.run("db", "mend", "--yes")
    [copy] = site.root.glob("inventory.db-before-mend-*")
    assert copy.stat().st_mode & 0o777 == 0o600
    assert "no fault found" in site.run("db", "check")
    site.run("collect")
    assert len(site.rows("inventory", "guests")) == 2
    assert site.run("db", "mend") == "nothing is dated after now\n"
