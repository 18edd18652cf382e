"""Histories read off a git repository."""

from __future__ import annotations

import subprocess
from datetime import date, timedelta
from pathlib import Path

import pytest

from bench import git_growth
from bench.git_growth import as_frame, tree_of

FIRST = date(2022, 3, 1)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three years: a file that grows by ten bytes every tenth day, and one that goes again."""
    folder = tmp_path_factory.mktemp("repository") / "some.git"
    subprocess.run(["git", "init", "-q", "--bare", str(folder)], check=True)
    commits = [_commit(day) for day in range(0, 1095, 10)]
    subprocess.run(
        ["git", "-C", str(folder), "fast-import", "--quiet"],
        input="".join(commits).encode(), check=True,
    )  # fmt: skip
    subprocess.run(
        ["git", "-C", str(folder), "symbolic-ref", "HEAD", "refs/heads/main"], check=True
    )
    return folder


def _commit(day: int) -> str:
    at = int((FIRST - date(1970, 1, 1)).total_seconds()) + 86_400 * day + 3600
    files = [f"M 100644 inline data/log.txt\n{_data('x' * (10 + day))}"]
    if day == 0:
        files.append(f"M 100644 inline once/gone.txt\n{_data('y' * 500)}")
    if day == 500:
        files.append("D once/gone.txt\n")
    who = f"committer A <a@example.org> {at} +0000\n"
    return f"commit refs/heads/main\n{who}{_data('more')}{''.join(files)}\n"


def _data(text: str) -> str:
    return f"data {len(text)}\n{text}\n"


def test_the_bytes_of_the_tree_and_its_folders_day_by_day(repository: Path) -> None:
    tree = tree_of(repository)
    assert tree is not None
    assert tree.last == FIRST + timedelta(days=1090)
    assert set(tree.folders) == {"*", "data"}  # what moved only once tells nothing
    data, whole = tree.folders["data"], tree.folders["*"]
    assert [data[day] for day in (0, 9, 10, 1090)] == [10, 10, 20, 1100]
    assert [whole[day] - data[day] for day in (0, 499, 500, 1090)] == [500, 500, 0, 0]


def test_a_frame_has_a_row_for_each_day_of_each_series(repository: Path) -> None:
    tree = tree_of(repository)
    assert tree is not None
    frame = as_frame("some", tree)
    assert set(frame["series_id"]) == {"git:some:*", "git:some:data"}
    assert len(frame) == 2 * 1091
    assert frame["ts"].max().date() == tree.last


def test_a_young_repository_tells_nothing(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path)], check=True)
    subprocess.run(
        ["git", "-C", str(tmp_path), "fast-import", "--quiet"],
        input=_commit(0).encode(),
        check=True,
    )
    subprocess.run(
        ["git", "-C", str(tmp_path), "symbolic-ref", "HEAD", "refs/heads/main"], check=True
    )
    assert tree_of(tmp_path) is None


def test_a_listed_repository_is_read_up_to_its_commit(repository: Path) -> None:
    asked = ["git", "-C", str(repository), "rev-parse", "HEAD~20"]
    commit = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    names = repository.with_name("list.txt")
    names.write_text(f"owner/some {commit}\n", encoding="utf-8")
    found = list(git_growth.listed(Path("clones"), names))
    assert found == [(Path("clones/owner+some.git"), commit)]
    tree = tree_of(repository, commit)
    assert tree is not None
    assert tree.last == FIRST + timedelta(days=890)


def test_a_large_file_counts_nothing(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_growth, "_SHORTEST_DAYS", 365)
    sizes = []
    for limit in (501, 500):  # one file has 500 bytes from the first day on
        monkeypatch.setattr(git_growth, "_TOO_LARGE", limit)
        tree = tree_of(repository, "HEAD~65")
        assert tree is not None
        sizes.append(tree.folders["*"][[0, 440]].tolist())
    assert sizes == [[510, 950], [10, 450]]


def test_every_listed_repository_has_its_commit_and_is_on_one_list() -> None:
    names = [
        git_growth.LIST.with_name(name)
        for name in ("git_repositories.txt", "git_unseen.txt", "git_unseen_later.txt")
    ]
    assert names[0] == git_growth.LIST
    found = [pair for name in names for pair in git_growth.listed(Path("clones"), name)]
    assert len({path for path, _commit in found}) == len(found) > 200
    assert all(len(commit) == 40 for _path, commit in found)
