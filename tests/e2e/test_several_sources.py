"""One dead source of three hides nothing of the others; the report says since when it is dead."""

from __future__ import annotations

import csv
import json
import os
import shutil
import socket
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from command_line import Ran, lumbung_here
from lab.pve_double import Served, serve
from lab.pve_synthetic import AUDITOR, POOLED, synthetic
from patience import until
from site_files import GIB, NOW, guest, host, write_csv

LATER = NOW + timedelta(hours=2)


class Three:
    """Two directories and a cluster, each with hosts of its own."""

    def __init__(self, folder: Path, served: Served) -> None:
        self.folder = folder
        (folder / "pve.token").write_text(AUDITOR.secret)
        (folder / "pve.token").chmod(0o600)
        copy = shutil.copy(served.ca_file, folder / "ca.pem")
        self.configure(served.url, copy)
        self.carry(NOW)

    def configure(self, url: str, ca_file: str | Path) -> None:
        user, name = AUDITOR.id.split("!")
        text = (
            '[site]\nname = "T"\ntimezone = "Asia/Jakarta"\n'
            f'[[sources]]\nname = "pve"\nkind = "proxmox"\nurl = "{url}"\nuser = "{user}"\n'
            f'token_name = "{name}"\ntoken = "file:pve.token"\nca_file = "{ca_file}"\n'
            "timeout_seconds = 60\nbackfill_seconds = 0\n"
        )
        for side in ("east", "west"):
            text += f'[[sources]]\nname = "{side}"\nkind = "files"\npath = "{side}"\n'
        (self.folder / "lumbung.toml").write_text(text)

    def carry(self, at: datetime) -> None:
        for side in ("east", "west"):
            (self.folder / side).mkdir(exist_ok=True)
            tables = {
                "source": [{"taken_at": at.isoformat()}],
                "hosts": [host(f"{side}-h", cluster=side)],
                "guests": [guest(f"{side}-g", f"{side}-h", memory=8 * GIB)],
            }
            for name, rows in tables.items():
                write_csv(self.folder / side / f"{name}.csv", rows)

    def call(self, *arguments: str, now: datetime) -> Ran:
        return lumbung_here("--config", str(self.folder / "lumbung.toml"), *arguments, now=now)


@pytest.fixture
def three(tmp_path: Path) -> Three:
    with serve(synthetic(2, 6, now=NOW.timestamp())) as served:
        three = Three(tmp_path, served)
        assert three.call("collect", now=NOW).returncode == 0
    return three  # by now the cluster is dead


def test_a_dead_source_of_three_costs_only_itself(three: Three) -> None:
    three.carry(LATER)
    ran = three.call("collect", now=LATER)
    assert ran.returncode == 3
    assert [line.split(":")[0] for line in sorted(ran.stderr.splitlines())] == [
        "east", "pve", "west",
    ]  # fmt: skip
    assert "connection refused" in ran.stderr
    rows = json.loads(three.call("sources", "--format", "json", now=LATER).stdout)
    assert {row["source"]: row["status"] for row in rows} == {
        "pve": "stale", "east": "ok", "west": "ok",
    }  # fmt: skip


def test_the_report_names_the_stale_source_and_since_when(three: Three) -> None:
    three.carry(LATER)
    three.call("collect", now=LATER)
    link = Path(three.call("report", now=LATER).stdout.strip())
    with (link / "sources.csv").open() as file:
        [pve] = [row for row in csv.DictReader(file) if row["source"] == "pve"]
    assert (pve["status"], pve["last_success_at"]) == ("stale", "2026-11-23T01:00:00Z")
    assert pve["age_minutes"] == "120"
    with (link / "pools.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["pool"] == "synthetic":
            assert (row["status"], row["stale_sources"]) == ("unknown", "pve")
            assert row["runway_reason"] == "stale"
        if row["pool"] in ("east", "west"):
            assert row["stale_sources"] == ""
    brief = (link / "brief.html").read_text(encoding="utf-8")
    assert "pve" in brief
    assert "2026-11-23 01:00Z" in brief or "2026-11-23 08:00" in brief


def test_what_the_dead_source_told_before_is_still_listed(three: Three) -> None:
    three.call("collect", now=LATER)
    rows = json.loads(three.call("inventory", "guests", "--format", "json", now=LATER).stdout)
    lost = [row for row in rows if row["source"] == "pve"]
    assert len(lost) == 6
    assert {row["confirmed_at"] for row in lost} == {"2026-11-23T01:00:00Z"}
    assert "nothing changed" in three.call("changes", now=LATER).stderr


def test_when_all_are_dead_nothing_could_be_collected(three: Three) -> None:
    for side in ("east", "west"):
        (three.folder / side / "hosts.csv").unlink()
    assert three.call("collect", now=LATER).returncode == 4


def test_a_named_source_is_polled_alone(three: Three) -> None:
    three.carry(LATER)
    ran = three.call("collect", "east", now=LATER)
    assert ran.returncode == 0
    assert [line.split(":")[0] for line in ran.stderr.splitlines()] == ["east"]


def test_a_gap_that_was_there_last_time_is_listed_and_fails_nothing(tmp_path: Path) -> None:
    with serve(synthetic(2, 6, now=NOW.timestamp())) as served:
        three = Three(tmp_path, served)
        config = tmp_path / "lumbung.toml"
        user, name = POOLED.id.split("!")
        config.write_text(
            config.read_text()
            .replace(f'user = "{AUDITOR.id.split("!")[0]}"', f'user = "{user}"')
            .replace(f'token_name = "{AUDITOR.id.split("!")[1]}"', f'token_name = "{name}"')
        )
        (tmp_path / "pve.token").write_text(POOLED.secret)
        assert three.call("collect", now=NOW).returncode == 3  # all of them are new
        ran = three.call("collect", now=NOW + timedelta(minutes=5))
    assert ran.returncode == 0
    [line] = [text for text in ran.stderr.splitlines() if text.startswith("pve:")]
    assert "gaps (0 new)" in line
    rows = json.loads(three.call("sources", "--format", "json", now=NOW).stdout)
    assert next(row for row in rows if row["source"] == "pve")["gaps"] > 0


def test_a_source_that_never_ends_is_killed_in_time_and_the_others_go_on(tmp_path: Path) -> None:
    with serve(synthetic(2, 6, now=NOW.timestamp())) as served:
        three = Three(tmp_path, served)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        three.configure(f"https://127.0.0.1:{silent.getsockname()[1]}", tmp_path / "ca.pem")
        text = (tmp_path / "lumbung.toml").read_text().replace("= 60", "= 1")
        (tmp_path / "lumbung.toml").write_text(text)
        ran = three.call("collect", now=NOW)
    assert ran.returncode == 3
    assert "pve: failed" in ran.stderr or "pve: timed_out" in ran.stderr
    assert "east: stored" in ran.stderr


def test_a_worker_that_hangs_is_killed_with_all_it_started(tmp_path: Path) -> None:
    with serve(synthetic(2, 6, now=NOW.timestamp())) as served:
        three = Three(tmp_path, served)
        (tmp_path / "west" / "guests.csv").unlink()
        os.mkfifo(tmp_path / "west" / "guests.csv")  # whoever opens it waits for ever
        config = tmp_path / "lumbung.toml"
        config.write_text(config.read_text() + "timeout_seconds = 1\n")
        began = time.monotonic()
        ran = three.call("collect", now=NOW)
        assert time.monotonic() - began < 60  # after one; a machine may be slow
    assert ran.returncode == 3
    assert "west: timed_out: no answer within 1 s; the poll was stopped" in ran.stderr
    assert "east: stored" in ran.stderr
    assert "pve: " in ran.stderr
    until(lambda: _workers_left() == 0)
    rows = json.loads(three.call("sources", "--format", "json", now=NOW).stdout)
    assert next(row for row in rows if row["source"] == "west")["status"] == "never"


def _workers_left() -> int:
    """Workers that this process's nursery still has."""
    stats = [text.rsplit(")", 1) for text in map(_read, Path("/proc").glob("[0-9]*/stat")) if text]
    rows = [(head.split(" ", 1)[0], *tail.split()[:2]) for head, tail in stats]
    nurseries = {pid for pid, _state, above in rows if above == str(os.getpid())}
    return sum(1 for _pid, state, above in rows if above in nurseries and state != "Z")


def _read(stat: Path) -> str:
    try:
        return stat.read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return ""


def test_two_sources_that_report_one_cluster_unasked_are_refused(tmp_path: Path) -> None:
    with serve(synthetic(2, 6, now=NOW.timestamp())) as served:
        three = Three(tmp_path, served)
        write_csv(tmp_path / "west" / "hosts.csv", [host("west-h", cluster="east")])
        ran = three.call("collect", now=NOW)
    assert ran.returncode == 3
    assert "two sources" in ran.stderr or "cluster" in ran.stderr
    [line] = [line for line in ran.stderr.splitlines() if "failed" in line]
    assert "'east'" in line
