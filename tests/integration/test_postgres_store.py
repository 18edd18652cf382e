"""The same store on a real PostgreSQL server: the same answers, to the last cell."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from command_line import lumbung
from inventory.ahead import ahead_faults, take_out_ahead
from inventory.errors import StoreUnusable
from inventory.schema import MetaRow, table_of
from inventory.store import SCHEMA_HEAD, Store
from patience import PATIENCE_SECONDS
from postgres_server import postgres
from site_files import GIB, JAKARTA, NOW, Site, datastore, disk, guest, host
from stored import Book, used
from stored import host as fact_host

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, server: str) -> Site:
    """Two polls a day apart, into an embedded store and into the server's."""
    site = Site(tmp_path_factory.mktemp("pg"))
    usage = [
        {
            "taken_at": (NOW - timedelta(hours=3 * k)).isoformat(),
            "entity": entity,
            "entity_id": name,
            "period_seconds": 3_600,
            "cpu_used_cores": 4 if entity == "host" else None,
            "memory_used_bytes": (200 - k // 8) * GIB if entity == "host" else None,
            "storage_used_bytes": (900 - k) * GIB if entity == "datastore" else None,
        }
        for k in range(1, 400)
        for entity, name in (("host", "h0"), ("host", "h1"), ("datastore", "san"))
    ]
    tables = {
        "hosts": [host("h0"), host("h1")],
        "guests": [guest(f"g{i}", f"h{i % 2}", tags="cls.terbatas") for i in range(20)],
        "disks": [disk(f"g{i}", "san", capacity=50 * GIB) for i in range(20)],
        "datastores": [datastore("san", capacity=4000 * GIB, used=900 * GIB)],
    }
    for at in (NOW - timedelta(days=1), NOW):
        site.write(at, usage=[row for row in usage if row["taken_at"] <= at.isoformat()], **tables)
        for store in ((), ("--db", server)):
            site.run(*store, "collect", now=at + timedelta(minutes=1))
        tables["guests"] = [guest(f"g{i}", "h1", memory=8 * GIB) for i in range(18)]
        tables["disks"] = tables["disks"][:18]
    return site


def test_the_weekly_tables_are_equal(site: Site, server: str) -> None:
    links = {
        name: Path(site.run(*store, "report", "--out", str(site.root / name)).strip())
        for name, store in {"embedded": (), "server": ("--db", server)}.items()
    }
    for table in ("orders", "pools", "guests", "risks", "changes", "sources", "failover"):
        embedded, served = (_rows(links[name] / f"{table}.csv") for name in ("embedded", "server"))
        if table == "risks":  # what the embedded file's mode says is no fact of a server
            embedded, served = (
                [r for r in rows if r["rule"] != "OWN-004"] for rows in (embedded, served)
            )
        assert embedded == served, table
    assert json.loads((links["server"] / "manifest.json").read_text())["tables"]["guests"]["rows"]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [{k: v for k, v in row.items() if k != "run_id"} for row in csv.DictReader(file)]


@pytest.mark.parametrize("command", ["inventory guests", "inventory disks", "changes", "failover"])
def test_the_commands_answer_alike(site: Site, server: str, command: str) -> None:
    arguments = (*command.split(), "--format", "json")
    assert site.run(*arguments) == site.run("--db", server, *arguments)


@pytest.mark.parametrize("deed", ["UPDATE audit_line SET who = 'x'", "DELETE FROM audit_line"])
def test_lines_of_the_audit_log_can_only_be_added(site: Site, server: str, deed: str) -> None:
    with (
        Store.open(server) as store,
        pytest.raises(StoreUnusable, match="can only be added to"),
        store.writing() as connection,
    ):
        connection.execute(sa.text(deed))
    assert len(site.run("--db", server, "db", "log", "--format", "csv").splitlines()) > 2


def test_the_store_can_be_checked_thinned_and_described(site: Site, server: str) -> None:
    assert "no fault found" in site.run("--db", server, "db", "check")
    later = NOW + timedelta(days=60)
    assert "samples left" in site.run("--db", server, "db", "purge", now=later)
    assert "no fault found" in site.run("--db", server, "db", "check", now=later)
    info = site.run("--db", server, "db", "info")
    assert f"schema     {SCHEMA_HEAD}" in info
    assert "guest" in info


def test_a_server_that_is_away_is_one_line(site: Site) -> None:
    url = "postgresql+psycopg://lumbung@127.0.0.1:9/none"
    ran = lumbung("--config", str(site.config), "--db", url, "capacity", now=NOW)
    assert ran.returncode == 2
    [line] = ran.stderr.splitlines()
    assert "postgresql+psycopg://lumbung@127.0.0.1:9/none" in line
    assert "refused" in line


def test_a_reading_sees_one_state_whatever_is_written_meanwhile(site: Site, server: str) -> None:
    meta = table_of(MetaRow)
    count = sa.select(sa.func.count()).select_from(meta)
    with Store.open(server) as store, store.reading() as connection:
        before = connection.scalar(count)
        with store.writing() as other:
            other.execute(meta.insert().values(name="meanwhile", value="x"))
        assert connection.scalar(count) == before
    with Store.open(server) as store, store.writing() as connection:
        assert connection.scalar(count) == before + 1
        connection.execute(meta.delete().where(meta.c.name == "meanwhile"))


def test_writers_wait_for_each_other(site: Site, server: str) -> None:
    """Two polls of one source at once: the second sees what the first has stored."""
    order: list[str] = []
    with Store.open(server) as store:

        def second() -> None:
            with store.writing():
                order.append("second")

        waiting = threading.Thread(target=second)
        with store.writing() as connection:
            waiting.start()
            for _ in range(3):
                connection.execute(sa.text("SELECT pg_sleep(0.1)"))
            order.append("first")
        waiting.join(PATIENCE_SECONDS)
    assert order == ["first", "second"]


def test_what_is_dated_after_now_is_found_and_taken_out(server: str) -> None:
    late = NOW + timedelta(days=365)
    with Store.open(server) as store:
        book = Book(store)
        sample = used("host", "l1", late, cpu_used_cores=1)
        book.poll(late, fact_host("l1"), coverage=[], source="late", usage=[sample])
        with store.writing() as connection:
            assert len(ahead_faults(connection, NOW, JAKARTA)) == 3
            gone = take_out_ahead(connection, NOW, JAKARTA)
            assert (gone.polls, gone.versions, gone.samples) == (1, 1, 1)
            assert ahead_faults(connection, NOW, JAKARTA) == []
