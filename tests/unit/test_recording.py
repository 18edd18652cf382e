"""What `lumbung record` saves is for its owner's eyes, and says what it still holds."""

from __future__ import annotations

from pathlib import Path

from site_files import Site, guest, host


def test_a_recording_is_its_owner_s_alone_and_says_that_names_stay(tmp_path: Path) -> None:
    site = Site(tmp_path).write(hosts=[host("h1")], guests=[guest("payroll", "h1")])
    folder = tmp_path / "for" / "support"
    ran = site.call("record", "site", str(folder))
    assert ran.returncode == 0
    target = folder / "site.json"
    assert "payroll" in target.read_text()
    assert "names, addresses, tags and accounts stay: read it before you send it" in ran.stderr
    assert (folder.stat().st_mode & 0o777, target.stat().st_mode & 0o777) == (0o700, 0o600)


def test_one_that_was_there_before_is_closed_and_a_folder_that_is_none_is_told(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path).write(hosts=[host("h1")], guests=[guest("g1", "h1")])
    (tmp_path / "site.json").touch(mode=0o644)
    site.run("record", "site", str(tmp_path))
    assert (tmp_path / "site.json").stat().st_mode & 0o777 == 0o600
    ran = site.call("record", "site", str(site.config))
    assert ran.returncode == 2
    assert "cannot be written: " in ran.stderr
