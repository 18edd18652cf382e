"""The weekly files as they are published, and what `changes` names."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from command_line import lumbung_here
from patience import PATIENCE_SECONDS, Aim
from site_files import GIB, NOW, Site, datastore, disk, guest, host

WEEK = "2026-W48"
FILES = {
    "orders.csv", "pools.csv", "guests.csv", "risks.csv", "changes.csv", "sources.csv",
    "failover.csv", "cameras.csv", "track_record.csv", "risk_score.csv", "brief.html",
    "workbook.xlsx", "manifest.json",
}  # fmt: skip


def small_site(folder: Path) -> Site:
    usage = [
        {
            "taken_at": (NOW - timedelta(days=d)).isoformat(),
            "entity": "host",
            "entity_id": f"h{i}",
            "period_seconds": 86_400,
            "cpu_used_cores": 4,
            "memory_used_bytes": (200 - d) * GIB,
        }
        for d in range(1, 60)
        for i in range(3)
    ]
    return Site(folder).write(
        hosts=[host(f"h{i}") for i in range(3)],
        guests=[
            guest("web", "h0", memory=16 * GIB, tags="prod;web"),
            guest("db", "h1", memory=64 * GIB),
            guest("=cmd|' /C calc'!A0", "h2"),
        ],
        disks=[disk("web", "san", capacity=100 * GIB), disk("db", "san", capacity=500 * GIB)],
        datastores=[datastore("san", capacity=4000 * GIB, used=900 * GIB)],
        usage=usage,
    )


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return small_site(tmp_path).collect()


def table(folder: Path, name: str, **options: Any) -> list[dict[str, str]]:
    text = (folder / f"{name}.csv").read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text), **options))


def test_all_files_are_there_and_the_links_point_at_them(site: Site) -> None:
    link = Path(site.run("report").strip())
    assert link == site.root / "weekly" / WEEK
    assert link.is_symlink()
    assert (site.root / "weekly" / "latest").resolve() == link.resolve()
    assert {path.name for path in link.iterdir()} == FILES
    assert link.resolve().name.startswith(f"{WEEK}.")


def test_only_the_owner_may_read_them_unless_the_folder_is_the_groups(site: Site) -> None:
    link = Path(site.run("report").strip())
    assert link.resolve().stat().st_mode & 0o777 == 0o700
    assert (link / "guests.csv").stat().st_mode & 0o777 == 0o600
    shared = site.root / "shared"
    shared.mkdir()
    shared.chmod(0o750)
    link = Path(site.run("report", "--out", str(shared)).strip())
    assert link.resolve().stat().st_mode & 0o777 == 0o750
    assert (link / "guests.csv").stat().st_mode & 0o777 == 0o640


def test_two_reports_are_the_same_but_for_run_id_and_times(site: Site) -> None:
    first = Path(site.run("report").strip()).resolve()
    second = Path(site.run("report").strip()).resolve()
    assert first != second
    for name in sorted(FILES - {"manifest.json", "workbook.xlsx"}):
        assert _without_run(first, name) == _without_run(second, name), name
    assert _sheets(first) == _sheets(second)
    manifests = [json.loads((folder / "manifest.json").read_text()) for folder in (first, second)]
    assert [m["previous"] and m["previous"]["report"] for m in manifests] == [None, first.name]
    for manifest in manifests:
        for key in ("run_id", "files", "previous", "audit_log"):
            del manifest[key]
    assert manifests[0] == manifests[1]


def _without_run(folder: Path, name: str) -> str:
    run = folder.name.split(".", 1)[1]
    return (folder / name).read_text(encoding="utf-8").replace(run, "RUN")


def _sheets(folder: Path) -> dict[str, str]:
    run = folder.name.split(".", 1)[1]
    with zipfile.ZipFile(folder / "workbook.xlsx") as book:
        return {
            name: book.read(name).decode().replace(run, "RUN")
            for name in book.namelist()
            if name != "docProps/core.xml"
        }


def test_the_manifest_vouches_for_every_file(site: Site) -> None:
    folder = Path(site.run("report").strip())
    manifest = json.loads((folder / "manifest.json").read_text())
    for name in FILES - {"manifest.json"}:
        assert manifest["files"][name] == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    assert manifest["tables"]["guests"]["rows"] == 3
    [source] = manifest["sources"]
    assert (source["guests_seen"], source["guests_reported"], source["guests_listed"]) == (3, 3, 3)


def test_a_report_that_is_killed_is_never_seen(site: Site) -> None:
    whole = Path(site.run("report").strip()).resolve()
    aim, killed = Aim(2.0), 0
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-m", "lumbung", "--config", str(site.config), "report"],
            env=os.environ | {"LUMBUNG_NOW": NOW.isoformat()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        moment = aim.moment()
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        done = process.wait(timeout=PATIENCE_SECONDS) == 0
        aim.saw(moment, done=done)
        killed += not done
        for link in (site.root / "weekly" / WEEK, site.root / "weekly" / "latest"):
            assert {path.name for path in link.iterdir()} == FILES
    assert killed > 0
    assert {path.name for path in whole.iterdir()} == FILES
    site.run("report")


def test_text_that_a_spreadsheet_would_run_is_neutralised(site: Site) -> None:
    folder = Path(site.run("report").strip())
    names = [row["name"] for row in table(folder, "guests")]
    assert "'=cmd|' /C calc'!A0" in names
    assert "<script" not in (folder / "brief.html").read_text()
    shown = json.loads(site.run("inventory", "guests", "--format", "json"))
    assert "=cmd|' /C calc'!A0" in [row["name"] for row in shown]  # data, not a spreadsheet


def test_a_spreadsheet_of_indonesia_reads_the_other_dialect(site: Site) -> None:
    plain = table(Path(site.run("report").strip()), "pools")
    folder = Path(site.run("report", "--csv-dialect", "excel-id").strip())
    local = table(folder, "pools", delimiter=";")
    assert [row.keys() for row in local] == [row.keys() for row in plain]
    usable = next(row["usable"] for row in plain if row["resource"] == "memory")
    assert usable.replace(".", ",") in [row["usable"] for row in local]


def test_the_brief_speaks_both_languages(site: Site) -> None:
    english = (Path(site.run("report").strip()) / "brief.html").read_text(encoding="utf-8")
    local = (Path(site.run("report", "--lang", "id").strip()) / "brief.html").read_text("utf-8")
    assert '<html lang="en"' in english
    assert '<html lang="id"' in local
    assert english != local


def test_a_report_of_a_past_day_knows_nothing_of_later(site: Site) -> None:
    tomorrow = NOW + timedelta(days=1)
    site.write(tomorrow, hosts=[host("h0")], guests=[guest("late", "h0")])
    site.run("collect", now=tomorrow + timedelta(hours=1))
    site.run("report", "--on", NOW.date().isoformat(), now=tomorrow + timedelta(hours=1))
    [link] = (site.root / "weekly").glob("2026-W48")
    assert {row["name"] for row in table(link, "guests")} >= {"web", "db"}
    assert "late" not in {row["name"] for row in table(link, "guests")}


def test_a_reader_of_the_store_who_may_not_write_gets_the_same_report(site: Site) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (site.root / "inventory.db").chmod(0o400)
    result = site.call("report")
    assert result.returncode == 0
    assert "cannot be written" in result.stderr


def test_changes_name_what_was_added_resized_moved_renamed_and_removed(site: Site) -> None:
    tomorrow = NOW + timedelta(days=1)
    site.write(
        tomorrow,
        hosts=[host(f"h{i}") for i in range(3)],
        guests=[
            guest("web", "h1", memory=32 * GIB, tags="prod;web") | {"name": "www"},
            guest("new", "h1"),
            guest("=cmd|' /C calc'!A0", "h2"),
        ],
        disks=[disk("web", "san", capacity=200 * GIB)],
        datastores=[datastore("san", capacity=4000 * GIB, used=900 * GIB)],
    )
    later = tomorrow + timedelta(hours=2)
    site.run("collect", now=later)
    rows = json.loads(site.run("changes", "--format", "json", now=later))
    told = {(r["kind"], r["subject"], r["field"], str(r["old"]), str(r["new"])) for r in rows}
    assert told == {
        ("added", "guest c1/new (new)", "", "", "vcpus 2, memory_gib 4"),
        ("removed", "guest c1/db (db)", "", "vcpus 2, memory_gib 64", ""),
        ("moved", "guest c1/web (www)", "host_id", "h0", "h1"),
        ("renamed", "guest c1/web (www)", "name", "web", "www"),
        ("resized", "guest c1/web (www)", "memory_gib", "16", "32"),
        ("resized", "disk c1/web/d0", "capacity_gib", "100", "200"),
    }
    assert "nothing changed" in lumbung_here(
        "--config", str(site.config), "changes", "--to", "2026-11-22", now=later
    ).stderr  # fmt: skip


def test_no_number_in_a_csv_is_a_word_or_an_infinity(site: Site) -> None:
    folder = Path(site.run("report").strip())
    numeric = re.compile(r"(_days|_pct|_gib|^usable|^headroom|^demand|_count|_quantity)$")
    for path in folder.glob("*.csv"):
        for row in table(folder, path.stem):
            for column, cell in row.items():
                if numeric.search(column) and cell:
                    assert re.fullmatch(r"-?\d+(\.\d+)?", cell), (path.name, column, cell)
