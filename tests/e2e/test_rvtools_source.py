"""RVTools workbooks over the command line: collect, plan, report."""

from __future__ import annotations

import csv
import json
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from command_line import lumbung
from rvtools_book import GIB, Book, Estate, Vm, host, store

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=ZoneInfo("Asia/Jakarta"))


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    return Estate(tmp_path, NOW).configure()


def _export(estate: Estate, days_ago: int, vms: list[Vm], *, used: int = 4000, **more: Any) -> Path:
    taken = (NOW - timedelta(days=days_ago)).replace(tzinfo=None)
    book = Book.of(vms, taken=taken, stores=[store(used=used * GIB)], **more)
    return book.save(estate.exports / f"RVTools_export_all_{taken:%Y-%m-%d_%H.%M.%S}.xlsx")


def _rows(estate: Estate, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(estate.run(*arguments, "--format", "json"))
    return found


def _count(estate: Estate) -> dict[str, int]:
    with sqlite3.connect(estate.root / "inventory.db") as connection:
        tables = ("host", "guest", "disk", "nic", "datastore", "guest_snapshot", "usage", "entity")
        return {t: connection.execute(f"select count(*) from {t}").fetchone()[0]  # noqa: S608
                for t in tables}  # fmt: skip


def test_a_workbook_is_planned_end_to_end(estate: Estate) -> None:
    _export(estate, 0, [Vm(1), Vm(2, power="poweredOff"), Vm(3, host="esx2")])
    estate.run("collect")
    memory = next(r for r in _rows(estate, "capacity", "--pool", "VC-A")
                  if (r["resource"], r["model"]) == ("memory", "allocation"))  # fmt: skip
    assert (memory["usable"], memory["allocated"]) == (512.0, 16.0)  # N+1 of two hosts; two are on
    storage = next(r for r in _rows(estate, "capacity", "--pool", "san1")
                   if r["model"] == "allocation")  # fmt: skip
    assert (storage["raw"], storage["allocated"]) == (10_000.0, 120.0)
    mounts = [(r["guest_id"], r["mount"]) for r in _rows(estate, "inventory", "filesystems")]
    assert mounts == [("vm-1", "/"), ("vm-2", "/"), ("vm-3", "/")]
    folder = Path(estate.run("report", "--out", str(estate.root / "weekly")).strip())
    with (folder / "guests.csv").open(encoding="utf-8") as file:
        guests = list(csv.DictReader(file))
    assert [g["guest_id"] for g in guests] == ["vm-1", "vm-2", "vm-3"]
    assert [g["power"] for g in guests] == ["running", "stopped", "running"]


def test_exports_of_months_are_a_trend(estate: Estate) -> None:
    for week in range(16, -1, -1):
        _export(estate, 7 * week, [Vm(1)], used=7000 - 100 * week)
    estate.run("collect")
    demand = next(r for r in _rows(estate, "capacity", "--pool", "san1")
                  if r["model"] == "demand")  # fmt: skip
    assert demand["history_days"] > 100
    assert demand["coverage_pct"] > 90
    assert 10 < demand["growth_per_day"] < 18  # 100 GiB a week
    assert demand["runway_days"] is not None


def test_importing_the_same_again_changes_nothing(estate: Estate) -> None:
    for days in (14, 7, 0):
        _export(estate, days, [Vm(1), Vm(2)], used=4000 - days)
    estate.run("collect")
    before = _count(estate)
    for file in estate.exports.iterdir():
        file.touch()  # as if copied anew: every one is read again
    assert ", 0 facts added, 0 changed, 0 gone, 0 samples" in estate.call("collect").stderr
    assert _count(estate) == before


def test_what_an_export_no_longer_lists_is_gone_since_then(estate: Estate) -> None:
    _export(estate, 14, [Vm(1), Vm(2)])
    _export(estate, 7, [Vm(1)])
    estate.run("collect")
    assert [g["guest_id"] for g in _rows(estate, "inventory", "guests")] == ["vm-1"]
    day = (NOW - timedelta(days=10)).date().isoformat()
    then = _rows(estate, "inventory", "guests", "--at", day)
    assert [g["guest_id"] for g in then] == ["vm-1", "vm-2"]


def test_an_older_export_that_comes_late_does_not_bring_back_the_past(estate: Estate) -> None:
    _export(estate, 0, [Vm(1)])
    estate.run("collect")
    _export(estate, 7, [Vm(1), Vm(2)])
    assert "older than what is stored: only its usage was kept" in estate.call("collect").stderr
    assert [g["guest_id"] for g in _rows(estate, "inventory", "guests")] == ["vm-1"]


def test_one_bad_workbook_refuses_the_folder(estate: Estate) -> None:
    _export(estate, 7, [Vm(1)])
    _export(estate, 0, [Vm(1, info={"Memory": "plenty"})])
    result = estate.call("collect")
    assert result.returncode == 4
    told = (
        "RVTools_export_all_2026-11-23_08.00.00.xlsx, sheet vInfo, row 2, column Memory: 'plenty'"
    )
    assert told in result.stderr
    assert _rows(estate, "inventory", "guests") == []


def test_a_guest_that_moves_and_grows_is_a_change(estate: Estate) -> None:
    _export(estate, 3, [Vm(1)])
    _export(estate, 0, [Vm(1, host="esx2", info={"Memory": 16 * GIB})])
    estate.run("collect")
    assert {row["kind"] for row in _rows(estate, "changes")} >= {"moved", "resized"}


def test_a_workbook_is_as_old_as_what_it_tells(estate: Estate) -> None:
    _export(estate, 30, [Vm(1)])
    estate.run("collect")
    (source,) = _rows(estate, "sources")
    assert (source["kind"], source["status"]) == ("rvtools", "stale")
    assert source["age_minutes"] == 30 * 24 * 60


def test_a_check_tells_what_is_hidden_and_stores_nothing(estate: Estate) -> None:
    taken = NOW.replace(tzinfo=None)
    book = Book.of([Vm(1)], taken=taken).without("vSnapshot")
    book.save(estate.exports / "one.xlsx")
    said = estate.run("sources", "check")
    assert "the platform says 4 guests, we see 1, on 2 hosts" in said
    assert "the workbook has no sheet vSnapshot" in said
    assert _rows(estate, "sources")[0]["last_success_at"] is None


def test_without_the_library_it_says_what_to_install(estate: Estate) -> None:
    _export(estate, 0, [Vm(1)])
    blocked = estate.root / "blocked" / "openpyxl"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('not here')\n")
    # A process of its own: this one's workers come from where the library was imported already.
    config = str(estate.config)
    result = lumbung("--config", config, "collect", env={"PYTHONPATH": str(blocked.parent)})
    assert result.returncode == 2
    assert "install it with: pip install 'lumbung[rvtools]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_datastore_of_two_clusters_holds_the_disks_of_both(estate: Estate) -> None:
    hosts = [host("esx1"), host("esx2"), host("far1", "VC-B")]
    far = Vm(2, host="far1", info={"Cluster": "VC-B"})
    stores = [store(Hosts="esx1, esx2, far1", **{"# Hosts": 3})]
    for days in (1, 0):
        taken = (NOW - timedelta(days=days)).replace(tzinfo=None)
        book = Book.of([Vm(1), far], taken=taken, hosts=hosts, stores=stores)
        book.save(estate.exports / f"{days}.xlsx")
    estate.run("collect")
    storage = next(r for r in _rows(estate, "capacity", "--pool", "san1")
                   if r["model"] == "allocation")  # fmt: skip
    assert storage["allocated"] == 80.0
