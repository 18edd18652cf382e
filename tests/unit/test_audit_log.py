"""The audit log, and what finds that anything published was changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.audit import Deed, append_deed, log_faults, log_lines
from inventory.errors import StoreUnusable
from inventory.store import Store
from lumbung.choices import Exit
from lumbung.commands.verifying import verify
from lumbung.declared import same_throughout
from lumbung.publish import publish_logged, weekly
from lumbung.session import Session
from lumbung.settings import SettingsError
from lumbung.verifying import checksum
from site_files import GIB, NOW, Site, datastore, disk, guest, host
from stored import Book, at

DEEDS = [
    Deed(at(0), "lumbung", "collect", ("site", "other"), {"added": 3, "failed": 0}),
    Deed(at(1), "lumbung", "report", (), {"published": "2026-W48.x"}),
    Deed(at(2), "uid 1003", "db purge"),
    Deed(at(3), "operator", "collect", ("site",)),
]


@pytest.fixture
def log() -> Book:
    book = Book.empty()
    with book.store.writing() as connection:
        for deed in DEEDS:
            append_deed(connection, deed)
    return book


def faults_after(log: Book, *statements: str) -> list[str]:
    """What is found after someone with all rights did that to the store."""
    with log.store.writing() as connection:
        for deed in ("update", "delete"):
            connection.execute(sa.text(f"DROP TRIGGER audit_line_no_{deed}"))
        for statement in statements:
            connection.execute(sa.text(statement))
    with log.store.reading() as connection:
        return log_faults(connection)


def test_a_log_reads_back_what_was_written(log: Book) -> None:
    with log.store.reading() as connection:
        lines = log_lines(connection)
        assert log_faults(connection) == []
    assert [line.deed for line in lines] == DEEDS
    assert [line.number for line in lines] == [1, 2, 3, 4]
    assert [line.previous for line in lines] == ["", *(line.seal for line in lines[:-1])]
    assert len({line.seal for line in lines}) == 4


def test_a_log_without_a_line_is_intact() -> None:
    with Book.empty().store.reading() as connection:
        assert log_faults(connection) == []


@pytest.mark.parametrize("statement", ["UPDATE audit_line SET who = 'x'", "DELETE FROM audit_line"])
def test_lines_can_only_be_added(log: Book, statement: str) -> None:
    with (
        pytest.raises(StoreUnusable, match="can only be added to"),
        log.store.writing() as connection,
    ):
        connection.execute(sa.text(statement))
    with log.store.reading() as connection:
        assert log_faults(connection) == []


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "change",
    [
        "at = at + 1", "who = 'nobody'", "command = 'capacity'", "sources = 'elsewhere'",
        """counts = '{"added": 4}'""", "counts = 'nothing'", "seal = 'feed'", "previous = 'beef'",
        "number = number + 10",
    ],
)  # fmt: skip
def test_every_altered_line_is_found(log: Book, number: int, change: str) -> None:
    assert faults_after(log, f"UPDATE audit_line SET {change} WHERE number = {number}")  # noqa: S608


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_every_removed_line_is_found(log: Book, number: int) -> None:
    found = faults_after(log, f"DELETE FROM audit_line WHERE number = {number}")  # noqa: S608
    assert found
    assert all(str(number) in fault for fault in found[:1])


def test_a_line_put_at_the_end_by_another_hand_is_found(log: Book) -> None:
    found = faults_after(
        log,
        "INSERT INTO audit_line SELECT 5, at, who, command, sources, counts, seal, 'x' "
        "FROM audit_line WHERE number = 4",
    )
    assert found == [
        "audit log: line 5 was altered",
        "audit log: the store remembers line 4 as the last, and the last there is line 5",
    ]


def test_an_emptied_log_is_found(log: Book) -> None:
    assert faults_after(log, "DELETE FROM audit_line") == [
        "audit log: the store remembers line 4 as the last, and the last there is none"
    ]


@pytest.mark.parametrize("head", ["''", "'x'", "'4'"])
def test_whatever_stands_in_the_place_of_the_last_seal_is_found(log: Book, head: str) -> None:
    found = faults_after(log, f"UPDATE meta SET value = {head} WHERE name = 'audit_head'")  # noqa: S608
    assert any("the store remembers" in fault for fault in found)


# What is published


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with three reports, one after the other."""
    site = Site(tmp_path_factory.mktemp("published")).write(
        hosts=[host("h0"), host("h1")],
        guests=[guest("web", "h0"), guest("db", "h1")],
        disks=[disk("web", "san", capacity=GIB)],
        datastores=[datastore("san", capacity=9 * GIB, used=GIB)],
    )
    site.collect()
    for week in (2, 1, 0):
        session = Session(config=site.config, at=NOW - timedelta(weeks=week))
        settings = session.settings()
        with session.store(settings) as store:
            report = weekly(session, settings, store, None)
            publish_logged(
                session, store, report, site.root / "weekly", dialect="standard", lang="en"
            )
    return site


@pytest.fixture
def copy(published: Site, tmp_path: Path) -> Path:
    """A copy in the place of the original, which is put back afterwards."""
    return Path(shutil.copytree(published.root / "weekly", tmp_path / "weekly", symlinks=True))


def found_in(published: Site, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Exit, str]:
    capsys.readouterr()
    code = verify(Session(config=published.config, at=NOW), folder)
    return code, capsys.readouterr().out


def reports(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())


def test_what_was_not_touched_is_as_it_was(
    published: Site, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in (published.root / "weekly", copy):
        code, told = found_in(published, folder, capsys)
        assert code is Exit.DONE
        assert told.startswith("3 published, 36 files, 4 lines of the audit log: all as they were")


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" ")


def test_every_published_file_that_is_altered_or_removed_is_found(
    published: Site, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each of all files of all reports in turn, the manifests among them."""
    files = [path for report in reports(copy) for path in sorted(report.iterdir())]
    assert len(files) == 3 * 13
    for path in files:
        body = path.read_bytes()
        for tamper in (append, Path.unlink):
            tamper(path)
            code, told = found_in(published, copy, capsys)
            assert code is Exit.FAULT, path
            assert path.parent.name in told, path
            path.write_bytes(body)
    assert found_in(published, copy, capsys)[0] is Exit.DONE


def add_file(folder: Path) -> None:
    (reports(folder)[1] / "notes.txt").write_text("x")


def add_report(folder: Path) -> None:
    shutil.copytree(reports(folder)[-1], folder / "2026-W48.forged")


def restate(folder: Path) -> None:
    """Alters a file of the newest report and makes its manifest fit."""
    newest = reports(folder)[-1]
    append(newest / "risks.csv")
    manifest = json.loads((newest / "manifest.json").read_text())
    manifest["files"]["risks.csv"] = checksum((newest / "risks.csv").read_bytes())
    (newest / "manifest.json").write_text(json.dumps(manifest))


def reseal(folder: Path) -> None:
    newest = reports(folder)[-1]
    manifest = json.loads((newest / "manifest.json").read_text())
    manifest["audit_log"] = {"line": 2, "seal": "feed"}
    (newest / "manifest.json").write_text(json.dumps(manifest))


def link_file(folder: Path) -> None:
    """Puts a link to the same content in the place of a file: it could be changed elsewhere."""
    file, elsewhere = reports(folder)[0] / "risks.csv", folder.parent / "elsewhere.csv"
    elsewhere.write_bytes(file.read_bytes())
    file.unlink()
    file.symlink_to(elsewhere)


def link_folder(folder: Path) -> None:
    (reports(folder)[1] / "more").symlink_to(folder.parent, target_is_directory=True)


def rename_newest(folder: Path) -> None:
    newest = reports(folder)[-1]
    newest.rename(newest.with_name(f"2026-W49.{newest.name.partition('.')[2]}"))


def swap(folder: Path) -> None:
    """The last two reports change places."""
    *_others, before, last = reports(folder)
    before.rename(folder / "kept")
    last.rename(before)
    (folder / "kept").rename(last)


def say_nothing(folder: Path) -> None:
    (reports(folder)[-1] / "manifest.json").write_text('{"audit_log": {}, "files": {}}')


def turn_back(folder: Path) -> None:
    (folder / "latest").unlink()
    (folder / "latest").symlink_to(reports(folder)[0].name)


def turn_week(folder: Path) -> None:
    (folder / "2026-W48").unlink()
    (folder / "2026-W48").symlink_to(reports(folder)[0].name)


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        (add_file, "notes.txt was added"),
        (add_report, "all follow"),
        (restate, "is not the one that the audit log tells of"),
        (reseal, "audit log: line 2 is not the one that"),
        (link_file, "risks.csv is a link now"),
        (link_folder, "more was added"),
        (lambda folder: (reports(folder)[1] / "more").mkdir(), "more was added"),
        (rename_newest, "is that of another week or run"),
        (swap, "is that of another week or run"),
        (say_nothing, "is not the one that the audit log tells of"),
        (turn_back, "latest does not lead to the newest report"),
        (turn_week, "2026-W48 does not lead to a report of that week"),
        (lambda folder: shutil.rmtree(reports(folder)[0]), "is missing"),
        (lambda folder: shutil.rmtree(reports(folder)[1]), "is missing"),
    ],
)
def test_every_break_between_reports_is_found(
    tamper: Callable[[Path], None],
    told: str,
    published: Site,
    copy: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tamper(copy)
    code, found = found_in(published, copy, capsys)
    assert code is Exit.FAULT
    assert told in found


@pytest.fixture
def in_place(published: Site, tmp_path: Path) -> Iterator[Path]:
    """The folder that was published into; what is done to it is undone."""
    folder = published.root / "weekly"
    shutil.copytree(folder, tmp_path / "kept", symlinks=True)
    yield folder
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "kept", folder, symlinks=True)


def test_the_newest_report_is_missed_where_it_was_published(
    published: Site, in_place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newest = reports(in_place)[-1]
    shutil.rmtree(newest)
    code, found = found_in(published, in_place, capsys)
    assert code is Exit.FAULT
    assert f"{newest.name} is missing: the audit log tells of it" in found


@pytest.mark.parametrize("folder_too", [False, True])
def test_when_every_report_is_gone_the_log_still_names_them(
    folder_too: bool, published: Site, in_place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [path.name for path in reports(in_place)]
    shutil.rmtree(in_place)
    if not folder_too:
        in_place.mkdir()
    try:
        code, found = found_in(published, in_place, capsys)
    finally:
        in_place.mkdir(exist_ok=True)
    assert code is Exit.FAULT
    assert [f"{name} is missing: the audit log tells of it" for name in names] == (
        found.splitlines()[: len(names)]
    )


def test_a_folder_into_which_nothing_was_published_holds_no_report(
    published: Site, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    for name, lack in (("empty", "holds no report"), ("none", "no such folder")):
        with pytest.raises(SettingsError, match=lack):
            verify(Session(config=published.config, at=NOW), tmp_path / name)


def test_without_the_log_only_what_the_files_say_is_checked(
    published: Site, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = Session(config=tmp_path / "none.toml", at=NOW)
    assert verify(nowhere, copy) is Exit.PARTIAL
    told = capsys.readouterr()
    assert "the audit log is not asked" in told.err
    assert told.out.endswith("36 files: all as they were\n")
    append(reports(copy)[0] / "pools.csv")
    assert verify(nowhere, copy) is Exit.FAULT


def test_each_report_is_told_of_in_the_log(published: Site) -> None:
    store = Store.open(f"sqlite:///{published.root}/inventory.db")
    with store, store.reading() as connection:
        lines = log_lines(connection)
    assert [line.deed.command for line in lines] == ["collect", "report", "report", "report"]
    assert lines[0].deed.sources == ("site",)
    assert lines[0].deed.counts["failed"] == 0
    assert lines[1].deed.counts["guests"] == 0  # before the first poll
    assert lines[3].deed.counts["guests"] == 2
    names = [path.name for path in reports(published.root / "weekly")]
    assert [line.deed.counts["published"] for line in lines[1:]] == names


# What reports were made from


def since(published: Site, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Exit, str]:
    capsys.readouterr()
    code = verify(Session(config=published.config, at=NOW), folder)
    return code, capsys.readouterr().err


def test_a_report_says_of_which_files_it_was_made(published: Site) -> None:
    newest = reports(published.root / "weekly")[-1]
    made_from = json.loads((newest / "manifest.json").read_text())["made_from"]
    assert made_from["lumbung.toml"] == checksum(published.config.read_bytes())
    assert {"shipped/eol.json", "shipped/40-uupdp.yaml"} < set(made_from)


def test_what_was_declared_anew_since_is_a_fact_and_no_fault(
    published: Site, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newest = reports(copy)[-1].name
    assert since(published, copy, capsys) == (Exit.DONE, "")
    before = published.config.read_text()
    (published.root / "estate.yaml").write_text("version: 1\n")
    published.config.write_text(before + '[estate]\nfile = "estate.yaml"\n')
    try:
        code, told = since(published, copy, capsys)
    finally:
        published.config.write_text(before)
    assert code is Exit.DONE
    assert told.splitlines() == [
        f"estate.yaml: {newest} was made without it",
        f"lumbung.toml: has changed since {newest} was made from it",
    ]


def test_reports_that_do_not_say_what_they_were_made_from_stay_as_they_were(
    published: Site, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = json.loads((reports(copy)[0] / "manifest.json").read_text())
    del manifest["made_from"]
    alone = tmp_path / "alone"
    shutil.copytree(reports(copy)[0], alone)
    (alone / "manifest.json").write_text(json.dumps(manifest))
    nowhere = Session(config=tmp_path / "none.toml", at=NOW)
    assert verify(nowhere, alone) is Exit.PARTIAL
    assert "made from" not in capsys.readouterr().err


def test_a_file_that_changes_while_it_is_read_stops_the_report() -> None:
    with pytest.raises(SettingsError, match=r"estate\.yaml: was changed while it was read"):
        same_throughout({"estate.yaml": "a", "policy.toml": "b"}, {"policy.toml": "b"})
    same_throughout({"policy.toml": "b"}, {"policy.toml": "b"})
