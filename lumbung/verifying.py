"""Whether what was published is still what was published.

The manifest of a report vouches for its files, the next report for its manifest, and the audit
log for the newest one; a report's manifest vouches in turn for the audit log up to its day.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from inventory.audit import LogLine

MANIFEST = "manifest.json"
_LINKED = "is a link now, to what can be changed elsewhere"
_REPORT = re.compile(r"^\d{4}-W\d{2}\.\S+$")
_WEEK = re.compile(r"^\d{4}-W\d{2}$")


def checksum(body: bytes) -> str:
    """SHA-256, in hexadecimal digits."""
    return hashlib.sha256(body).hexdigest()


@dataclass(frozen=True, slots=True)
class Published:
    """A folder that was published with a manifest; None where that cannot be read."""

    path: Path
    manifest: Mapping[str, Any] | None
    checksum: str

    @classmethod
    def at(cls, path: Path) -> Published:
        try:
            body = (path / MANIFEST).read_bytes()
        except OSError:
            return cls(path, None, "")
        try:
            manifest = json.loads(body)
        except ValueError:
            manifest = None
        return cls(path, manifest if isinstance(manifest, dict) else None, checksum(body))

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def previous(self) -> Mapping[str, Any] | None:
        found = (self.manifest or {}).get("previous")
        return found if isinstance(found, dict) else None

    @property
    def log_line(self) -> tuple[Any, Any] | None:
        """The number and seal of the audit log's last line when this was made."""
        found = (self.manifest or {}).get("audit_log")
        return (found.get("line"), found.get("seal")) if isinstance(found, dict) else None

    @property
    def made_from(self) -> Mapping[str, str] | None:
        """The checksums of the files that it was made from; None where it does not say."""
        found = (self.manifest or {}).get("made_from")
        return found if isinstance(found, dict) else None

    def faults(self) -> Iterator[str]:
        """Every file that is not what the manifest says."""
        if self.manifest is None:
            yield f"{self.name}: {MANIFEST} is missing or cannot be read"
            return
        files = self.manifest.get("files")
        if not isinstance(files, dict):
            yield f"{self.name}: {MANIFEST} lists no files"
            return
        there = {str(path.relative_to(self.path)) for path in self.path.rglob("*")}
        for name in sorted(there - set(files) - {MANIFEST}):
            yield f"{self.name}: {name} was added"
        for name, stated in sorted(files.items()):
            if name not in there:
                yield f"{self.name}: {name} is missing"
            elif told := _file_fault(self.path / name, stated):
                yield f"{self.name}: {name} {told}"
        if (self.path / MANIFEST).is_symlink():
            yield f"{self.name}: {MANIFEST} {_LINKED}"

    @property
    def is_misnamed(self) -> bool:
        """Whether a weekly report stands under the name of another week or run."""
        told = self.manifest or {}
        try:
            year, week, _day = date.fromisoformat(str(told.get("as_of"))).isocalendar()
        except ValueError:
            return True
        return self.name != f"{year}-W{week:02d}.{told.get('run_id')}"


def _file_fault(path: Path, stated: Any) -> str:
    """What is wrong with a file that was published with a checksum; "" where nothing is."""
    if path.is_symlink():
        return _LINKED
    if not path.is_file() or checksum(path.read_bytes()) != stated:
        return "was altered"
    return ""


def published_in(folder: Path) -> tuple[Published, ...]:
    """The reports in a folder, or the folder itself when it was published with a manifest."""
    if (folder / MANIFEST).is_file():
        return (Published.at(folder.resolve()),)
    found = (path for path in folder.iterdir() if _REPORT.match(path.name) and path.is_dir())
    return tuple(Published.at(path) for path in sorted(found) if not path.is_symlink())


def newest_of(folder: Path, reports: Sequence[Published]) -> Published | None:
    """The report that `latest` leads to, else the last one by name; None without any."""
    latest = (folder / "latest").resolve().name
    named = [report for report in reports if report.name == latest]
    return next(iter(named), reports[-1] if reports else None)


def chain_faults(folder: Path, reports: Sequence[Published]) -> Iterator[str]:
    """Every break between the reports of a folder, and every link that leads astray."""
    there = {report.name: report for report in reports}
    followers: dict[str, list[str]] = defaultdict(list)
    for report in reports:
        before = report.previous
        if report.manifest is not None and report.is_misnamed:
            yield f"{report.name}: {MANIFEST} is that of another week or run"
        followers[str(before["report"]) if before else ""].append(report.name)
        if before is not None:
            yield from _link_faults(report, before, there)
    for name, found in followers.items():
        if len(found) > 1:
            told = f"follow {name}" if name else "begin a chain"
            yield f"{', '.join(sorted(found))} all {told}"
    heads = [name for name in there if name not in followers]
    yield from _pointer_faults(folder, there, heads)


def _link_faults(
    report: Published, before: Mapping[str, Any], there: Mapping[str, Published]
) -> Iterator[str]:
    name = str(before.get("report"))
    if name not in there:
        yield f"{name} is missing: {report.name} follows it"
    elif there[name].checksum != before.get("sha256"):
        yield f"{name}: {MANIFEST} is not the one that {report.name} follows"


def _pointer_faults(
    folder: Path, there: Mapping[str, Published], heads: Sequence[str]
) -> Iterator[str]:
    """`latest` leads to the end of the chain, a week's name to a report of that week."""
    latest = folder / "latest"
    if there and (not latest.is_symlink() or latest.resolve().name not in heads):
        yield "latest does not lead to the newest report"
    for name in sorted({name.split(".")[0] for name in there}):
        link = folder / name
        target = link.resolve().name if link.is_symlink() else None
        if target not in there or str(target).split(".")[0] != name:
            yield f"{name} does not lead to a report of that week"


@dataclass(frozen=True, slots=True)
class Told:
    """What the audit log tells of what is in a folder: faults, and what it knows nothing of."""

    faults: tuple[str, ...] = ()
    unvouched: tuple[str, ...] = ()


def told_by_log(folder: Path, reports: Sequence[Published], lines: Sequence[LogLine]) -> Told:
    """Holds what is in a folder against the lines that tell of publishing it."""
    where = str(folder.resolve())
    deeds = {
        str(line.deed.counts["published"]): line.deed.counts
        for line in lines
        if "published" in line.deed.counts
    }
    vouched = {counts.get("manifest") for counts in deeds.values()}
    there = {report.name for report in reports}
    faults = [
        f"{name} is missing: the audit log tells of it"
        for name, counts in deeds.items()
        if counts.get("folder") == where and name not in there
    ]
    unvouched = []
    for report in reports:
        faults += _seal_faults(report, lines)
        if report.checksum in vouched:
            continue
        if report.name in deeds or str(report.path) in deeds:
            faults.append(f"{report.name}: {MANIFEST} is not the one that the audit log tells of")
        else:
            unvouched.append(report.name)
    logged = {report.name for report in reports if report.log_line is not None}
    faults += [f"{name}: the audit log does not tell of it" for name in unvouched if name in logged]
    return Told(tuple(faults), tuple(name for name in unvouched if name not in logged))


def _seal_faults(report: Published, lines: Sequence[LogLine]) -> list[str]:
    """Whether the audit log still has the line that was its last when the report was made."""
    if report.log_line is None:
        return []
    number, seal = report.log_line
    if any((line.number, line.seal) == (number, seal) for line in lines):
        return []
    return [f"audit log: line {number} is not the one that {report.name} vouches for"]
