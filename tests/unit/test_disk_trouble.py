"""A full disk, a damaged file, a folder that may not be written: one clear line, the right code."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from collectors.poll import Result
from inventory import store as store_module
from inventory.errors import StoreDamaged, StoreFull, StoreUnusable
from inventory.store import Store
from lumbung import publish as publishing
from lumbung.commands import collecting
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


def test_on_a_full_disk_nothing_can_be_collected(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site.root / "inventory.db").unlink()
    set_up = store_module._set_up_sqlite

    def on_a_small_disk(connection: Any, record: Any) -> None:
        set_up(connection, record)
        connection.execute("PRAGMA max_page_count = 4")

    monkeypatch.setattr(store_module, "_set_up_sqlite", on_a_small_disk)
    ran = site.call("collect")
    assert ran.returncode == 4
    [line] = ran.stderr.splitlines()
    assert line.endswith("database or disk is full; free some space, nothing was stored")


@pytest.mark.parametrize(("before", "code"), [([], 4), ([Result("a", "stored")], 3)])
def test_a_disk_that_fills_up_meanwhile_leaves_what_was_stored(
    site: Site, monkeypatch: pytest.MonkeyPatch, before: list[Result], code: int
) -> None:
    def until_full(*_: Any) -> Any:
        yield from before
        raise StoreFull("inventory.db: database or disk is full")

    monkeypatch.setattr(collecting, "collect", until_full)
    monkeypatch.setattr(collecting, "_tell", lambda *_, **__: None)
    assert site.call("collect").returncode == code


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.ENOSPC, "free some space"), (errno.EACCES, "name a folder that this user may write")],
)
def test_a_report_that_cannot_be_written_is_not_published_by_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    publish(report(), tmp_path, dialect="standard", lang="en")
    before = sorted(tmp_path.iterdir())
    written: list[Path] = []

    def until_full(path: Path, body: bytes) -> None:
        written.append(path)
        if len(written) > 3:
            raise OSError(number, os.strerror(number))
        path.write_bytes(body)

    monkeypatch.setattr(publishing, "_write", until_full)
    monkeypatch.setattr(publishing, "contents", lambda *_, **__: dict.fromkeys("abcdef", b""))
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
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file can be locked then, but not the journal made that the first change needs."""

    def refused(*_: Any) -> None:
        raise StoreUnusable("inventory.db: unable to open database file")

    monkeypatch.setattr(publishing, "remember_findings", refused)
    ran = site.call("report")
    assert ran.returncode == 0
    assert "the store cannot be written" in ran.stderr
    assert (site.root / "weekly" / "latest" / "manifest.json").exists()


@pytest.mark.parametrize("command", ["rules", "--help"])
def test_a_reader_that_goes_away_is_no_trouble(command: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "lumbung", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
