"""A full disk, a damaged file, a folder that may not be written: one clear line, the right code."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inventory.errors import DriverMissing, StoreDamaged
from inventory.store import Store
from lumbung.cli import run
from lumbung.publish import publish, publish_folder
from lumbung.settings import SettingsError
from site_files import Site, guest, host
from whole_report import report


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site with a store that is empty, and which nobody has collected."""
    site = Site(tmp_path).write(hosts=[host("h1")], guests=[guest("g1", "h1")])
    Store.open(f"sqlite:///{tmp_path}/inventory.db", create=True).close()
    return site


def spoil(path: Path) -> None:
    """Overwrites all but the first page of a database."""
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


def test_a_damaged_file_is_what_the_check_is_for(site: Site) -> None:
    spoil(site.root / "inventory.db")
    ran = site.call("db", "check")
    assert (ran.returncode, ran.stderr) == (1, "")
    assert "inventory.db: database disk image is malformed" in ran.stdout
    (site.root / "inventory.db").write_bytes(b"this is a text file, not a database\n" * 100)
    ran = site.call("db", "check")
    assert ran.returncode == 1
    assert "file is not a database; the file is something else or damaged" in ran.stdout


def test_a_damaged_file_refuses_every_other_command_as_before(site: Site) -> None:
    spoil(site.root / "inventory.db")
    with pytest.raises(StoreDamaged, match="bring back a copy"):
        Store.open(f"sqlite:///{site.root}/inventory.db")
    assert site.call("capacity").returncode == 2


def refuse(site: Site, table: str, reason: str, *, after: int = 0) -> None:
    """Lets the store refuse further rows of a table as a driver would, for a reason."""
    with Store.open(f"sqlite:///{site.root}/inventory.db") as store, store.writing() as connection:
        enough = f"(SELECT count(*) FROM {table}) >= {after}"  # noqa: S608  (our own words)
        connection.exec_driver_sql(
            f"CREATE TRIGGER refused BEFORE INSERT ON {table} WHEN {enough} "
            f"BEGIN SELECT RAISE(ABORT, '{reason}'); END"
        )


@pytest.mark.parametrize(("after", "code"), [(0, 4), (1, 3)])
def test_a_collect_on_a_full_disk_says_so_and_what_was_stored_stays(
    site: Site, after: int, code: int
) -> None:
    refuse(site, "poll", "database or disk is full", after=after)
    with site.config.open("a") as file:
        file.write('[[sources]]\nname = "b"\nkind = "files"\npath = "site"\ncluster = "c2"\n')
    ran = site.call("collect")
    assert ran.returncode == code
    *stored, full = ran.stderr.splitlines()
    assert full.endswith("disk is full; free some space, nothing was stored")
    assert len(stored) == after


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.ENOSPC, "free some space"), (errno.EACCES, "name a folder that this user may write")],
)
def test_a_report_that_cannot_be_written_is_not_published_by_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    publish(report(), tmp_path, dialect="standard", lang="en")
    before = sorted(tmp_path.iterdir())
    written: list[int] = []

    def until_full(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) > 3:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", until_full)
    again = report()
    with pytest.raises(SettingsError) as told:
        publish(again, tmp_path, dialect="standard", lang="en")
    assert str(told.value) == (
        f"{tmp_path}: nothing was published: {os.strerror(number)}; {advice}"
    )
    assert sorted(tmp_path.iterdir()) == before
    with pytest.raises(SettingsError, match="nothing was published"):
        publish_folder(tmp_path / "answer", {"a": b""}, {})
    assert sorted(tmp_path.iterdir()) == before


def test_links_that_cannot_be_made_leave_no_report_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "symlink_to", full)
    with pytest.raises(SettingsError, match="No space left on device"):
        publish(report(), tmp_path, dialect="standard", lang="en")
    assert list(tmp_path.iterdir()) == []


def test_a_report_goes_on_where_only_the_folder_of_the_store_may_not_be_written(
    site: Site,
) -> None:
    """The file can be locked then, but not the journal made that the first change needs."""
    refuse(site, "finding_report", "attempt to write a readonly database")
    ran = site.call("report")
    assert ran.returncode == 0
    assert "the store cannot be written" in ran.stderr
    assert (site.root / "weekly" / "latest" / "manifest.json").exists()


def test_a_reader_that_goes_away_is_no_trouble() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "lumbung", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_reader_that_goes_away_while_more_is_written_is_none_either() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    code = None
    with (
        contextlib.suppress(BrokenPipeError, SystemExit),
        os.fdopen(writes, "w", buffering=1) as nobody,
        contextlib.redirect_stdout(nobody),
    ):
        code = run(["--help"])
    assert code == 0


def test_a_full_disk_behind_the_output_is_no_fault_of_the_program(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Path("/dev/full").open("w") as full, contextlib.redirect_stdout(full):
        assert run(["rules", "--format", "csv"]) == 2
        with contextlib.suppress(OSError):
            full.close()
    told = capsys.readouterr().err
    assert told == "lumbung: what was to be written: No space left on device\n"


def test_a_server_without_its_driver_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DriverMissing, match=r"needs psycopg; .* pip install 'lumbung\[postgres\]'"):
        Store.open("postgresql+psycopg://u@127.0.0.1:1/d")
