"""A demo starts anew, and deletes nothing that somebody has made of an earlier one."""

from __future__ import annotations

from pathlib import Path

import pytest

from lumbung.demo import _seal, prepare
from lumbung.settings import SettingsError


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """The folder of a demo that ran and published its week."""
    folder = tmp_path / "demo"
    prepare(folder)
    for name in ("lumbung.toml", "policy.toml", "estate.yaml", "scenarios.yaml"):
        (folder / name).write_text(f"# {name}\n", encoding="utf-8")
    _seal(folder)
    (folder / "weekly" / "2026-W48.a").mkdir(parents=True)
    (folder / "weekly" / "latest").symlink_to("2026-W48.a")
    return folder


def test_a_demo_that_nobody_touched_starts_anew(demo: Path) -> None:
    prepare(demo)
    assert [path.name for path in demo.iterdir()] == [".lumbung-demo"]
    prepare(demo)  # and one that was stopped before it wrote anything


def test_a_changed_policy_is_not_deleted(demo: Path) -> None:
    (demo / "policy.toml").write_text("safety_days = 100\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"delete the changes to policy\.toml: .*--again"):
        prepare(demo)
    assert (demo / "policy.toml").read_text() == "safety_days = 100\n"
    prepare(demo, again=True)
    assert not (demo / "policy.toml").exists()


def test_a_report_that_was_published_since_is_not_deleted(demo: Path) -> None:
    (demo / "weekly" / "2026-W49.b").mkdir()
    with pytest.raises(SettingsError, match="1 report published since"):
        prepare(demo)
    assert (demo / "weekly" / "2026-W49.b").is_dir()


def test_a_folder_that_is_no_demo_is_never_deleted(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(SettingsError, match="is no demo"):
        prepare(tmp_path, again=True)
    assert (tmp_path / "mine.txt").read_text() == "keep"
