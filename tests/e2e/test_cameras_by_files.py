"""Recorders carried in as files: read strictly, kept for ever, judged by the command line."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from site_files import GIB, NOW, TIB, Site, datastore, disk, guest, host, recorder, write_csv

TB = 10**12
YESTERDAY = NOW - timedelta(days=1)
RULE = "{days: 30, basis: Rule 7}"


def cameras(*groups: str, more: str = "") -> str:
    """An estate file of these groups."""
    listed = "".join(f"    - {{{group}}}\n" for group in groups)
    return f"version: 1\ncameras:\n{more}  groups:\n{listed}"


CITY = f"name: city, count: 106, mbps: 4, retention: {RULE}, recorder: nvr"


def nvr_site(folder: Path, estate: str, *recorders: Mapping[str, Any]) -> Site:
    site = Site(folder, estate=estate)
    site.write(hosts=[host("h0")], guests=[guest("g", "h0")], recorders=recorders)
    return site.collect()


def nvr(kept_days: float | None = None, **more: Any) -> dict[str, Any]:
    given = {"capacity_bytes": 120 * TB, "cameras": 106, "cameras_recording": 106}
    return recorder("nvr", checked=YESTERDAY, kept_days=kept_days, **(given | more))


# The worked examples


def test_example_39_and_41_what_120_tb_keep(tmp_path: Path) -> None:
    [row] = nvr_site(tmp_path, cameras(CITY), nvr()).rows("cameras")
    assert (row["cameras"], row["mbps"], row["daily_tb"]) == (106, 424, 4.5792)
    assert (row["needed_tb"], row["needed_tib"]) == (137.376, 124.9427)
    assert (row["achieved_days"], row["achieved_from"]) == (26.2, "computed")
    assert (row["required_days"], row["basis"], row["verdict"]) == (30, "Rule 7", "short")
    assert row["cameras"] + row["still_possible"] == 92
    assert "overheads_assumed" in row["flags"]


def test_example_40_overheads_fill_and_raid(tmp_path: Path) -> None:
    more = "  overheads: {container_pct: 10, fill_ratio: 0.9, raid_data: 8, raid_parity: 2}\n"
    site = nvr_site(tmp_path, cameras(CITY, more=more), nvr())
    [row] = site.rows("cameras")
    assert (row["needed_tb"], row["needed_raw_tb"]) == (167.904, 209.88)
    assert row["flags"] == ""
    told = site.run("explain", "recorder/nvr")
    assert "30 days need 167.904 TB net, 209.880 TB raw at RAID 8+2" in told
    assert "verdict short: keeps 21.4 days (computed), 30 are required" in told


def test_example_42_and_44_growth_and_the_uplink(tmp_path: Path) -> None:
    more = "  uplinks: {ring: {mbps: 1000, planned_ratio: 0.70}}\n"
    site = nvr_site(tmp_path, cameras(CITY + ", uplink: ring", more=more), nvr())
    [row] = site.rows("cameras", "--add", "44")
    assert (row["needed_tb_after"], row["more_tb"]) == (194.4, 57.024)
    assert row["uplink_mbps_after"] == 600
    [now] = site.rows("cameras")
    assert now["cameras"] + now["uplink_still_possible"] == 175
    assert "it carries 175 cameras" in site.run("explain", "recorder/city")


def test_example_43_two_tiers(tmp_path: Path) -> None:
    tiers = "tiers: [{days: 30}, {days: 60, mbps: 1}]"
    group = f"name: city, count: 106, mbps: 4, {tiers}, recorder: nvr"
    required = group + ", retention: {days: 90, basis: Rule 7}"
    for text, verdict in ((group, "unknown"), (required, "ok")):
        site = nvr_site(tmp_path, cameras(text), nvr(capacity_bytes=206_064 * 10**9))
        [row] = site.rows("cameras")
        assert (row["needed_tb"], row["achieved_days"]) == (206.064, 90)
        assert row["verdict"] == verdict


# What is remembered


def test_recorders_are_kept_as_they_were_on_any_day(tmp_path: Path) -> None:
    site = nvr_site(tmp_path, cameras(CITY), nvr(31.0))
    assert [r["verdict"] for r in site.rows("cameras")] == ["ok"]
    site.run("collect")
    later = NOW + timedelta(days=7)
    worse = recorder("nvr", checked=later - timedelta(hours=2), kept_days=20, cameras=106)
    site.write(
        later - timedelta(hours=1), hosts=[host("h0")], guests=[guest("g", "h0")],
        recorders=[worse | {"cameras_recording": 100}],
    )  # fmt: skip
    site.run("collect", now=later)
    now = json.loads(site.run("cameras", "--format", "json", now=later))
    assert [(r["verdict"], r["achieved_days"], r["cameras_recording"]) for r in now] == [
        ("short", 20, 100)
    ]
    past = site.run("cameras", "--on", NOW.date().isoformat(), "--format", "json", now=later)
    assert [r["achieved_days"] for r in json.loads(past)] == [31]
    listed = site.run("inventory", "recorders", "--format", "json", now=later)
    [found] = json.loads(listed)
    assert (found["recorder_id"], found["cluster"], found["disks_failed"]) == ("nvr", "site", 0)


def test_a_check_that_nobody_repeats_is_not_known_after_thirty_days(tmp_path: Path) -> None:
    site = nvr_site(tmp_path, cameras(CITY), nvr(31.0))
    later = NOW + timedelta(days=30)
    [row] = json.loads(site.run("cameras", "--format", "json", now=later))
    assert (row["verdict"], row["achieved_days"], row["cameras_recording"]) == (
        "unknown", None, None,
    )  # fmt: skip
    assert row["why"] == "last checked 31 days ago; after 30 that is not known"


# What reports say


def test_the_report_names_what_is_kept_too_short(tmp_path: Path) -> None:
    site = nvr_site(tmp_path, cameras(CITY), nvr(26.2))
    link = Path(site.run("report").strip())
    with (link / "cameras.csv").open(encoding="utf-8") as file:
        [row] = csv.DictReader(file)
    assert (row["recorder"], row["verdict"], row["achieved_days"]) == ("nvr", "short", "26.2")
    brief = (link / "brief.html").read_text(encoding="utf-8")
    assert "Camera recordings" in brief
    assert "keeps 26.2 days (measured), 30 are required" in brief
    with (link / "orders.csv").open(encoding="utf-8") as file:
        [order] = [r for r in csv.DictReader(file) if r["pool"] == "nvr"]
    assert float(order["quantity"]) == pytest.approx(17.376 * TB / GIB, abs=0.1)
    [found] = [r for r in site.rows("risks") if r["rule"] == "AVL-010"]
    assert (found["outcome"], found["severity"], found["subject"]) == ("risk", "high", "nvr")
    assert "keeps_days=26.2" in found["evidence"]
    assert site.call("risks", "--fail-on", "high").returncode == 5


def test_a_site_without_cameras_says_nothing_of_them(tmp_path: Path) -> None:
    site = Site(tmp_path).write(hosts=[host("h0")], guests=[guest("g", "h0")]).collect()
    link = Path(site.run("report").strip())
    assert len((link / "cameras.csv").read_text(encoding="utf-8").splitlines()) == 1
    assert "Camera recordings" not in (link / "brief.html").read_text(encoding="utf-8")
    assert "no recorders are known" in site.call("cameras").stderr


def test_a_full_datastore_of_recordings_is_no_storage_to_order(tmp_path: Path) -> None:
    group = f"name: city, count: 10, mbps: 4, retention: {RULE}, datastore: san"
    usage = [
        {
            "taken_at": (NOW - timedelta(days=day)).isoformat(), "entity": "datastore",
            "entity_id": "san", "period_seconds": 86_400,
            "storage_used_bytes": 98 * TIB,
        }
        for day in range(1, 60)
    ]  # fmt: skip
    tables: dict[str, Any] = {
        "hosts": [host("h0")],
        "guests": [guest("g", "h0")],
        "datastores": [datastore("san", capacity=100 * TIB, used=98 * TIB)],
        "disks": [disk("g", "san", capacity=98 * TIB)],
        "usage": usage,
    }
    plain = Site(tmp_path).write(**tables).collect().pool("storage", "demand")
    assert (plain["status"], plain["runway_reason"]) == ("overdue", "exhausted")
    ring = Site(tmp_path, estate=cameras(group)).write(**tables)
    row = ring.pool("storage", "demand")
    assert (row["status"], row["runway_reason"]) == ("ok", "ring_buffer")
    assert "ring_buffer" in row["flags"].split()
    told = ring.run("explain", "pool/san/storage/demand/status")
    assert "the status is that of its recordings" in told


def test_a_directory_of_recorders_alone_leaves_no_question_about_guests(tmp_path: Path) -> None:
    site = Site(tmp_path, estate=cameras(CITY))
    site.write(recorders=[nvr(31.0)])
    folder = tmp_path / "site"
    (folder / "hosts.csv").write_text("host_id,name,cluster,status,cpu_cores,memory_bytes\n")
    (folder / "guests.csv").write_text("guest_id,name,host_id,kind,power,vcpus,memory_bytes\n")
    site.collect()
    assert [r["verdict"] for r in site.rows("cameras")] == ["ok"]
    asked = {r["rule"] for r in site.rows("risks") if r["subject"].startswith("source site")}
    assert not {rule for rule in asked if not rule.startswith("BKP-007")}, asked


# Bad input

HEAD = "recorder_id,name,capacity_bytes,cameras,cameras_recording,oldest_recording_at,checked_at"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("nvr,n,12 TB,1,1,,", "line 2, column capacity_bytes: '12 TB' is not a number"),
        ("nvr,n,1,1,2,,", "line 2, column cameras_recording: 2 record, but of 1 cameras"),
        (",n,1,1,1,,", "line 2, column recorder_id: is empty"),
        ("nvr,n,1,1,1,2026-11-01T00:00:00Z,", "line 2, column checked_at: is needed where"),
        (
            "nvr,n,1,1,1,2026-11-03T00:00:00Z,2026-11-02T00:00:00Z",
            "line 2, column oldest_recording_at: is after checked_at",
        ),
        ("nvr,n,1,1,1,,2026-11-02", "line 2, column checked_at: '2026-11-02' has no offset"),
        ("nvr,n,1,1,1,,\nnvr,n,1,1,1,,", "line 3, column recorder_id: 'nvr' stands already"),
    ],
)
def test_one_bad_recorder_refuses_the_whole_directory(tmp_path: Path, row: str, told: str) -> None:
    site = nvr_site(tmp_path, cameras(CITY), nvr(31.0))
    write_csv(tmp_path / "site" / "hosts.csv", [host("h0"), host("h1")])
    (tmp_path / "site" / "recorders.csv").write_text(f"{HEAD}\n{row}\n")
    ran = site.call("collect")
    assert ran.returncode == 4
    assert f"recorders.csv, {told}" in ran.stderr
    assert [r["name"] for r in site.rows("inventory", "hosts")] == ["h0"]


@pytest.mark.parametrize(
    ("group", "told"),
    [
        ("name: x, count: 1, mbps: 4, retention: {days: 30}", "estate.yaml:4: cameras.groups.0"),
        ("name: x, count: 1", "needs mbps (measured), or resolution_mp"),
        ("name: x, count: 1, mbps: 4, uplink: ring", "'ring' is no uplink here"),
        ("name: x, count: 1, mbps: 4, recoder: nvr", "did you mean 'recorder'?"),
        ("name: x, count: many, mbps: 4", "estate.yaml:4: cameras.groups.0.count"),
    ],
)
def test_cameras_that_cannot_be_planned_are_refused_in_one_line(
    tmp_path: Path, group: str, told: str
) -> None:
    site = nvr_site(tmp_path, cameras(CITY), nvr(31.0))
    (tmp_path / "estate.yaml").write_text(cameras(group))
    ran = site.call("cameras")
    assert ran.returncode == 2
    assert told in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_what_cannot_be_asked_is_told(tmp_path: Path) -> None:
    site = nvr_site(tmp_path, cameras(CITY), nvr(31.0))
    for arguments, told in (
        (("cameras", "--recorder", "x"), "none is named 'x'; known are nvr"),
        (("cameras", "--mbps", "4"), "--mbps is of the cameras that --add adds"),
        (("cameras", "--add", "0"), "--add"),
        (("explain", "recorder/x"), "no recorder is named 'x' (a key is recorder/NAME)"),
    ):
        ran = site.call(*arguments)
        assert ran.returncode == 2
        assert told in ran.stderr
