"""The commands that show what is known: any date, every column explained, the store's own."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from inventory.store import SCHEMA_HEAD
from site_files import GIB, NOW, Site, datastore, disk, guest, host

WEEK_AGO = NOW - timedelta(days=7)
DAY_OF_IT = WEEK_AGO.date().isoformat()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site polled a week ago and today: a guest came, one went, one grew and moved."""
    site = Site(tmp_path_factory.mktemp("site"))
    usage = [
        {
            "taken_at": (NOW - timedelta(days=back)).replace(hour=0).isoformat(),
            "entity": "host",
            "entity_id": name,
            "period_seconds": 86_400,
            "cpu_used_cores": 6,
            "memory_used_bytes": (300 - back) * GIB,
        }
        for back in range(60)
        for name in ("h1", "h2")
    ]
    common = {
        "hosts": [host("h1"), host("h2")],
        "datastores": [datastore("san", capacity=4000 * GIB, used=900 * GIB)],
        "nics": [{"nic_id": "100/0", "guest_id": "100", "network": "br0", "vlan": 10}],
        "snapshots": [{"guest_id": "100", "name": "s", "created_at": "2026-10-01T00:00:00Z"}],
    }
    backup = {"guest_id": "100", "created_at": "2026-11-22T20:00:00Z"}
    before = [guest("100", "h1", tags="cls.publik"), guest("101", "h2"), guest("102", "h2")]
    after = [
        guest("100", "h1", memory=8 * GIB, tags="cls.terbatas"),
        guest("102", "h1") | {"name": "renamed"},
        guest("103", "h2"),
    ]
    for at, guests in ((WEEK_AGO, before), (NOW - timedelta(hours=1), after)):
        disks = [disk(g["guest_id"], "san", capacity=40 * GIB) for g in guests]
        told = [u for u in usage if u["taken_at"] <= at.isoformat()]
        seen = common if at == WEEK_AGO else common | {"backups": [backup]}
        site.write(at, guests=guests, disks=disks, usage=told, **seen)
        site.run("collect", now=at + timedelta(minutes=5))
    return site


# Inventory


@pytest.mark.parametrize(
    ("kind", "count", "head"),
    [
        ("hosts", 2, "host_id,name,source,cluster,status"),
        ("guests", 3, "guest_id,name,source,cluster,host_id,kind,power,vcpus,memory_bytes"),
        ("disks", 3, "disk_id,guest_id,source,datastore_id,cluster"),
        ("nics", 1, "nic_id,guest_id,source,cluster,network,vlan"),
        ("datastores", 1, "datastore_id,name,source,cluster,kind,shared,capacity_bytes,used_bytes"),
        ("snapshots", 1, "guest_id,cluster,source,name,created_at"),
        ("backups", 1, "guest_id,cluster,source,name,created_at"),
    ],
)
def test_every_kind_is_listed_in_every_format(site: Site, kind: str, count: int, head: str) -> None:
    rows = site.rows("inventory", kind)
    assert len(rows) == count
    told = list(csv.DictReader(io.StringIO(site.run("inventory", kind, "--format", "csv"))))
    assert [list(row) for row in told] == [list(row) for row in rows]
    assert ",".join(rows[0]).startswith(head)
    table = site.run("inventory", kind)
    assert len(table.splitlines()) == count + 1


def test_what_is_not_known_is_null_empty_and_a_question_mark(site: Site) -> None:
    assert site.rows("inventory", "guests")[1]["tags"] is None
    told = list(csv.DictReader(io.StringIO(site.run("inventory", "guests", "--format", "csv"))))
    assert told[1]["tags"] == ""
    assert "?" in site.run("inventory", "guests").splitlines()[2]


def test_the_inventory_of_a_past_day_is_as_it_was(site: Site) -> None:
    before = {row["guest_id"]: row for row in site.rows("inventory", "guests", "--at", DAY_OF_IT)}
    assert {key: row["memory_bytes"] for key, row in before.items()} == dict.fromkeys(
        ("100", "101", "102"), 4 * GIB
    )
    assert (before["102"]["host_id"], before["102"]["name"]) == ("h2", "102")
    eve = (WEEK_AGO - timedelta(days=1)).date().isoformat()
    assert site.rows("inventory", "guests", "--at", eve) == []
    disks = site.rows("inventory", "disks", "--at", DAY_OF_IT)
    assert {row["guest_id"] for row in disks} == {"100", "101", "102"}


# Changes


def test_changes_name_what_came_went_grew_moved_and_was_renamed(site: Site) -> None:
    told = {
        (row["kind"], row["subject"], row["field"], row["old"], row["new"])
        for row in site.rows("changes")
    }
    assert told == {
        ("added", "guest c1/103 (103)", "", "", "vcpus 2, memory_gib 4"),
        ("removed", "guest c1/101 (101)", "", "vcpus 2, memory_gib 4", ""),
        ("resized", "guest c1/100 (100)", "memory_gib", "4", "8"),
        ("reclassified", "guest c1/100 (100)", "tags", "cls.publik", "cls.terbatas"),
        ("moved", "guest c1/102 (renamed)", "host_id", "h2", "h1"),
        ("renamed", "guest c1/102 (renamed)", "name", "102", "renamed"),
    }


def test_changes_of_a_time_without_any_are_none(site: Site) -> None:
    until = (NOW - timedelta(days=2)).date().isoformat()
    assert site.rows("changes", "--from", DAY_OF_IT, "--to", until) == []
    assert "nothing changed" in site.call("changes", "--to", until).stderr


# Explanations


@pytest.mark.parametrize("key", ["c1/memory/demand", "c1/cpu/allocation", "san/storage/demand"])
def test_a_pool_is_explained_with_its_inputs_and_their_dates(site: Site, key: str) -> None:
    told = site.run("explain", f"pool/{key}")
    for word in (
        "usable = factor",
        "runway",
        "confidence",
        "confirmed 2026-11-",
        "policy default-",
    ):
        assert word in told


def test_a_column_of_a_pool_is_explained(site: Site) -> None:
    told = site.run("explain", "pool/c1/cpu/allocation/usable").splitlines()
    assert told[2].startswith("usable = ")
    assert told[-1].startswith("as of 2026-11-23, policy default-")


def test_a_column_of_a_guest_is_explained_with_its_source(site: Site) -> None:
    told = site.run("explain", "guest/100/memory_gib").splitlines()
    assert told[2].startswith("memory_gib = ")
    assert any("source site" in line and "confirmed 2026-11-23" in line for line in told)


def test_a_guest_is_meant_by_id_name_or_cluster_and_id(site: Site) -> None:
    for wanted in ("102", "renamed", "c1/102"):
        assert "host = h1" in site.run("explain", f"guest/{wanted}")
        assert "host = h1" in site.run("explain", f"guest/{wanted}/host")


def test_every_finding_is_explained(site: Site) -> None:
    rows = site.rows("risks")
    assert rows
    for row in rows:
        told = site.run("explain", f"finding/{row['finding_id']}")
        for word in ("why: ", "fix: ", "controls: ", row["rule"]):
            assert word in told


def test_the_value_that_is_explained_is_the_one_in_the_table(site: Site) -> None:
    usable = site.pool("memory", "demand")["usable"]
    told = site.run("explain", "pool/c1/memory/demand/usable").splitlines()
    assert told[2] == f"usable = {usable}"
    assert f"= {usable} GiB" in told[4]


# Reports


def files_of(link: str) -> dict[str, str]:
    folder = Path(link.strip()).resolve()
    run_id = folder.name.split(".", 1)[1]
    return {
        path.name: path.read_text(encoding="utf-8").replace(run_id, "RUN")
        for path in folder.iterdir()
        if path.suffix in (".csv", ".html")
    }


def test_a_report_of_a_past_date_is_rebuilt_as_it_would_have_been(site: Site) -> None:
    past = files_of(site.run("report", "--on", DAY_OF_IT, "--out", str(site.root / "past")))
    guests = {row["guest_id"]: row for row in csv.DictReader(io.StringIO(past["guests.csv"]))}
    assert {key: row["memory_gib"] for key, row in guests.items()} == dict.fromkeys(
        ("100", "101", "102"), "4"
    )
    assert guests["100"]["as_of"] == DAY_OF_IT
    assert guests["100"]["classification"] == "publik"
    pools = list(csv.DictReader(io.StringIO(past["pools.csv"])))
    assert {row["as_of"] for row in pools} == {DAY_OF_IT}
    demand = next(row for row in pools if (row["resource"], row["model"]) == ("memory", "demand"))
    assert float(demand["demand_peak"]) <= 2 * (300 - 7)  # nothing of the days since
    again = files_of(site.run("report", "--on", DAY_OF_IT, "--out", str(site.root / "past")))
    assert again == past


def test_the_same_day_gives_the_same_report_twice(site: Site) -> None:
    out = str(site.root / "twice")
    assert files_of(site.run("report", "--out", out)) == files_of(site.run("report", "--out", out))


# Findings as a gate


def test_fail_on_exits_with_five_when_a_risk_is_that_severe(site: Site) -> None:
    worst = {row["severity"] for row in site.rows("risks") if row["outcome"] == "risk"}
    assert "critical" not in worst
    site.run("risks", "--fail-on", "critical", expect=0)
    site.run("risks", "--fail-on", "high", expect=5)
    shown = site.rows("risks", "--min", "high")
    assert {row["severity"] for row in shown if row["outcome"] == "risk"} == {"high"}
    assert {row["severity"] for row in shown} == {"high", "critical"}  # unknown, so not met above


def test_unknowns_never_meet_the_gate(tmp_path: Path) -> None:
    site = Site(tmp_path, estate="version: 1\n").write(
        hosts=[host("h1")],
        guests=[guest("100", "h1", tags="cls.publik;opd.a", owner="a")],
    )
    site.collect()
    rows = [row for row in site.rows("risks") if row["subject"] != "lumbung"]
    assert {row["outcome"] for row in rows} == {"unknown"}
    site.run(
        "risks", "--fail-on", "high", expect=0
    )  # what is said of the program itself is worth less


# The store


def test_info_says_where_it_is_what_schema_and_how_much(site: Site) -> None:
    told = site.run("db", "info")
    assert f"schema     {SCHEMA_HEAD} (this program: {SCHEMA_HEAD})" in told
    assert "mode 0600" in told
    counts = dict(line.split() for line in told.splitlines() if len(line.split()) == 2)
    assert int(counts["guest"]) == 6
    assert int(counts["poll"]) == 2


def test_upgrade_of_a_store_that_is_new_changes_nothing(site: Site) -> None:
    assert f"has schema {SCHEMA_HEAD} already" in site.run("db", "upgrade")


def at_schema(path: Path, schema: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (schema,))


def test_a_store_of_a_newer_program_is_left_alone_in_one_line(tmp_path: Path) -> None:
    site = Site(tmp_path).write(hosts=[host("h1")], guests=[guest("g", "h1")]).collect()
    at_schema(tmp_path / "inventory.db", "9999")
    before = (tmp_path / "inventory.db").read_bytes()
    for command in (["collect"], ["capacity"], ["db", "upgrade"], ["db", "check"]):
        ran = site.call(*command)
        assert ran.returncode == 2
        [line] = ran.stderr.splitlines()  # of which there is one alone
        assert "written by a newer Lumbung (schema 9999" in line
    assert "schema     9999" in site.run("db", "info")
    assert (tmp_path / "inventory.db").read_bytes() == before
    assert [path.name for path in tmp_path.glob("inventory.db*")] == ["inventory.db"]


def first_schema(path: Path) -> None:
    """Makes a store as the first released program would have."""
    from alembic import command
    from alembic.config import Config

    import inventory
    from inventory.store import Store

    config = Config()
    folder = Path(inventory.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    path.touch(mode=0o600)
    with Store.open_any_schema(f"sqlite:///{path}") as store, store.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")


@pytest.mark.skipif(SCHEMA_HEAD == "0001", reason="there is one schema yet")
def test_an_older_store_says_what_to_do_is_copied_and_brought_up(tmp_path: Path) -> None:
    site = Site(tmp_path).write(hosts=[host("h1")], guests=[guest("g", "h1")])
    first_schema(tmp_path / "inventory.db")
    ran = site.call("collect")
    assert ran.returncode == 2
    [line] = ran.stderr.splitlines()
    assert f"has schema 0001, this Lumbung needs {SCHEMA_HEAD}; run `lumbung db upgrade`" in line
    assert f"schema 0001 → {SCHEMA_HEAD}" in site.run("db", "upgrade")
    copy = tmp_path / "inventory.db-schema-0001"
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
    site.run("collect")
    assert "no fault found" in site.run("db", "check")
    assert [row["guest_id"] for row in site.rows("inventory", "guests")] == ["g"]


def test_purge_forgets_what_is_over_and_keeps_what_holds(site: Site, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_bytes((site.root / "inventory.db").read_bytes())
    url = f"sqlite:///{copy}"
    later = NOW + timedelta(days=40)
    told = site.run("--db", url, "db", "purge", "--older-than", "35", now=later)
    assert "forgot 0 versions" not in told
    assert "0 samples left" in told
    assert "no fault found" in site.run("--db", url, "db", "check", now=later)
    shown = json.loads(site.run("--db", url, "inventory", "guests", "--format", "json", now=later))
    assert {row["guest_id"] for row in shown} == {"100", "102", "103"}
    state = json.loads(site.run("--db", url, "sources", "--format", "json", now=later))[0]
    assert state["status"] == "stale"
    assert state["last_success_at"] == "2026-11-23T00:05:00Z"


def test_a_rule_is_listed_with_what_it_means(site: Site) -> None:
    rows = json.loads(site.run("rules", "--format", "json"))
    assert len(rows) >= 12
    assert all(row["why"] and row["fix"] and "controls" in row for row in rows)


def test_a_terminal_of_100_columns_shows_the_capacity_of_a_pool_in_one_line(
    monkeypatch: pytest.MonkeyPatch, site: Site
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    head, *lines = site.run("capacity").splitlines()
    assert head.split("  ")[0] == "pool"
    heads = ("used of usable", "runway (90 % sure)", "order by")
    assert [name for name in heads if name in head] == list(heads)
    assert len(lines) == len(site.rows("capacity"))
    assert all(len(line) <= 100 for line in lines)


# What was published: last, for a report is remembered by those that follow


def test_a_figure_is_computed_again_as_it_was_published(site: Site) -> None:
    folder = Path(site.run("report").strip()).resolve()
    key = "pool/c1/memory/demand/usable"
    for options in ((), ("--report", folder.name), ("--report", "latest")):
        told = site.run("explain", key, *options).splitlines()
        assert told[-2].startswith(f"published as {folder.name}: run {folder.name[9:]}, policy ")
        assert told[-1] == "  pools.csv says the same"
    later = site.call("explain", key, now=site.now + timedelta(days=1)).stdout.splitlines()
    assert later[-1].startswith(f"the newest published report is {folder.name}, as of 2026-11-23;")
    ran = site.call("explain", key, "--report", "latest", "--on", "2026-11-23")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "takes no --on" in ran.stderr
