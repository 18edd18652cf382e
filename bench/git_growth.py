"""Measured histories of growth: the bytes of git repositories, one value a day.

    python -m bench.git_growth --clones FOLDER --out trees.parquet    # those of the shipped model
    python -m bench.git_growth --out trees.parquet REPOSITORY.git …

What a repository tracks grows as a datastore does: in lumps, with clean-ups, moves and quiet
spells. A series is the bytes of the whole tree, or of one of its folders, as of each day's last
commit on the main line. Writes a long frame (series_id, ts, value) that bench/train_growth.py reads
with ``--histories``.

``--clones`` names a folder that holds a bare clone OWNER+NAME.git of every repository of
bench/git_repositories.txt, or of another ``--list``, such as those that the model has not seen;
each is read up to the commit that stands there, so that everybody reads the same. A file of 4 MiB
or more counts nothing, so that clones without them (``git clone --bare --filter=blob:limit=4m``)
tell the same as whole ones.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Change = tuple[str, str | None, str | None]  # a path, its file before and after

_DAY_SECONDS = 86_400
_YEARS = 7
_SHORTEST_DAYS = 750
_FEWEST_MOVES = 40
_MOST_SERIES = 14  # of one repository, the largest ones: many folders tell the same story
_WHOLE = "*"
_TOO_LARGE = 4 * 1024**2  # bytes of a file
_NO_FILE = ("000000", "160000")  # the modes of what is not there, and of another repository
_EPOCH = date(1970, 1, 1).toordinal()
LIST = Path(__file__).with_name("git_repositories.txt")


@dataclass(frozen=True, slots=True)
class Tree:
    """How many bytes each folder held, a value a day that end with ``last``."""

    last: date
    folders: Mapping[str, Floats]


def tree_of(repository: Path, until: str = "HEAD") -> Tree | None:
    """The last years of a repository up to a commit; None when they are too few."""
    commits = _last_of_each_day(repository, until)
    if not commits or max(commits) - min(commits) < _SHORTEST_DAYS:
        return None
    first = max(min(commits), max(commits) - _YEARS * 365)
    days = sorted(day for day in commits if day >= first)
    changes = list(_changes(repository, [commits[day] for day in days]))
    sizes = _sizes(repository, changes)
    moved: dict[str, Floats] = {}
    for day, changed in zip(days, changes, strict=True):
        for path, before, after in changed:
            bytes_more = sizes.get(after or "", 0) - sizes.get(before or "", 0)
            for folder in _folders(path):
                moved.setdefault(folder, np.zeros(days[-1] - days[0] + 1))
                moved[folder][day - days[0]] += bytes_more
    held = {folder: steps.cumsum() for folder, steps in moved.items()}
    return Tree(date.fromordinal(_EPOCH + days[-1]), dict(_telling(held)))


def _git(repository: Path, *command: str, told: str = "") -> list[str]:
    done = subprocess.run(
        ["git", "-C", str(repository), *command],  # noqa: S607 - the git of whoever runs this
        input=told.encode(),
        capture_output=True,
        check=True,
    )
    return done.stdout.decode(errors="replace").splitlines()


def _last_of_each_day(repository: Path, until: str) -> dict[int, str]:
    """The last commit of each day, by days since 1970."""
    lines = _git(repository, "log", "--first-parent", "--reverse", "--format=%ct %H", until, "--")
    found = (line.split() for line in lines)
    return {int(at) // _DAY_SECONDS: commit for at, commit in found}


def _changes(repository: Path, commits: Sequence[str]) -> Iterator[list[Change]]:
    """What each of some commits changed since the one before it; the first one, everything."""
    whole = _git(repository, "ls-tree", "-r", commits[0])
    rows = (line.split("\t", 1) for line in whole)
    yield [(path, None, what.split()[2]) for what, path in rows if what.split()[1] == "blob"]
    pairs = "".join(f"{now} {was}\n" for was, now in pairwise(commits))
    asked = ("diff-tree", "--stdin", "-r", "--no-renames", "--raw", "--no-abbrev")
    changed: dict[str, list[Change]] = {commit: [] for commit in commits}
    current = ""
    for line in _git(repository, *asked, told=pairs):
        if line.startswith(":"):
            what, path = line[1:].split("\t", 1)
            was, now, before, after, _kind = what.split()
            change = path, _file(was, before), _file(now, after)
            changed[current].append(change)
        elif line:
            current = line.split()[0]
    yield from (changed[commit] for commit in commits[1:])


def _file(mode: str, name: str) -> str | None:
    return None if mode in _NO_FILE else name


def _sizes(repository: Path, changes: Iterable[Iterable[Change]]) -> dict[str, int]:
    files = {file for changed in changes for _path, *both in changed for file in both if file}
    lines = _git(repository, "cat-file", "--batch-check=%(objectname) %(objectsize)",
                 told="\n".join(sorted(files)))  # fmt: skip
    rows = (line.split() for line in lines)
    sizes = {file: int(size) for file, size in rows if size.isdigit()}
    return {file: size for file, size in sizes.items() if size < _TOO_LARGE}


def _folders(path: str) -> list[str]:
    """The whole, and the outermost two folders that a path lies in."""
    parts = path.split("/")[:-1]
    return [_WHOLE, *("/".join(parts[:depth]) for depth in (1, 2) if len(parts) >= depth)]


def _telling(held: Mapping[str, Floats]) -> Iterator[tuple[str, Floats]]:
    """The largest folders that are old enough and move often enough."""
    known = {folder: values[np.flatnonzero(values)[0] :] for folder, values in held.items()
             if values.any()}  # fmt: skip
    telling = {
        folder: values
        for folder, values in known.items()
        if len(values) >= _SHORTEST_DAYS
        and (np.diff(values) != 0).sum() >= _FEWEST_MOVES
        and values.min() > 0
    }
    yield from sorted(telling.items(), key=lambda item: -item[1][-1])[:_MOST_SERIES]


def as_frame(name: str, tree: Tree) -> pd.DataFrame:
    """A long frame: series_id, ts, value."""
    parts = [
        pd.DataFrame({
            "series_id": f"git:{name}:{folder}",
            "ts": pd.date_range(end=tree.last, periods=len(values), freq="D"),
            "value": values,
        })
        for folder, values in tree.folders.items()
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def listed(clones: Path, names: Path) -> Iterator[tuple[Path, str]]:
    """The clones of the repositories that a list names, and until which commit."""
    for line in names.read_text(encoding="utf-8").splitlines():
        name, commit = line.split()
        yield clones / f"{name.replace('/', '+')}.git", commit


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the repositories, and writes the frame."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.git_growth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("repositories", nargs="*", type=Path, metavar="REPOSITORY")
    parser.add_argument("--clones", type=Path, metavar="FOLDER")
    parser.add_argument("--list", type=Path, default=LIST, metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    given = parser.parse_args(arguments)
    asked = [(path, "HEAD") for path in given.repositories]
    if given.clones is not None:
        asked += listed(given.clones, given.list)
    if not asked:
        parser.error("nothing to read: name repositories, or --clones FOLDER")
    trees = ((path.name.removesuffix(".git"), tree_of(path, until)) for path, until in asked)
    frames = [as_frame(name, tree) for name, tree in trees if tree is not None]
    pd.concat(frames, ignore_index=True).to_parquet(given.out)


if __name__ == "__main__":
    main()
