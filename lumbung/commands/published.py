"""What a published report says of a figure, beside what is computed of it now."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from lumbung.plan import When
from lumbung.settings import SettingsError
from lumbung.verifying import Published, published_in
from planner.report import Report
from planner.rows import ROW_TYPES
from reports.cells import csv_cell

_SECOND = timedelta(microseconds=999_999)  # a manifest tells its instant without what is below one
_TRANSLATED = frozenset({"title", "fix"})  # of risks.csv: in the language of the report
_PER_RUN = frozenset({"run_id"})


@dataclass(frozen=True, slots=True)
class Edition:
    """A report that was published: where, when, and by which run."""

    published: Published
    as_of: date
    at: datetime
    run_id: str
    policy: str
    profile: str

    @classmethod
    def of(cls, published: Published) -> Edition | None:
        """None where its manifest cannot be read."""
        told = published.manifest or {}
        try:
            return cls(
                published,
                date.fromisoformat(str(told["as_of"])),
                datetime.fromisoformat(str(told["at"])),
                str(told["run_id"]),
                str(told["policy_version"]),
                str(told.get("profile", "technical")),
            )
        except (KeyError, ValueError):
            return None

    def when(self, today: date) -> When:
        """The instant that it was made of."""
        return When(self.as_of, self.at + _SECOND, today)

    def has(self, key: str) -> str:
        """What to say of a key that is computed of nothing any more: whether it was published."""
        keys = (key, key.rpartition("/")[0])
        found = (
            stem
            for stem in ROW_TYPES
            for one in keys
            if _said(self.published.path / f"{stem}.csv", one) is not None
        )
        stem = next(found, None)
        if stem is None:
            return ""
        return (
            f"; {stem}.csv of {self.published.name} has it: the policy, the estate file or the "
            "history that it rests on is another one now"
        )


def edition_called(folder: Path, name: str) -> Edition:
    """A report by its week, its run, its full name, `latest`, or its own folder.

    Raises SettingsError.
    """
    for path in (folder / name, Path(name)):
        if path.is_dir() and (found := Edition.of(Published.at(path.resolve()))) is not None:
            return found
    there = editions(folder)
    if by_run := [one for one in there if one.run_id == name]:
        return by_run[0]
    known = ", ".join(one.published.name for one in there) or "none"
    raise SettingsError(f"--report: no report is published as {name!r}; known are {known}")


def editions(folder: Path) -> list[Edition]:
    """The reports in a folder that can be read, the oldest first."""
    if not folder.is_dir():
        return []
    found = (Edition.of(published) for published in published_in(folder))
    return sorted((one for one in found if one is not None), key=lambda one: one.at)


def beside(folder: Path, report: Report, row: Any) -> Iterator[str]:
    """What the newest report of that day published of a row; else which report was the last before.

    Nothing where none was published, or the row is of no weekly file.
    """
    known = editions(folder) if type(row) in ROW_TYPES.values() else []
    of_the_day = [one for one in known if one.as_of == report.as_of]
    if of_the_day:
        yield from held_against(of_the_day[-1], report, row)
    elif known and (newest := known[-1]).as_of < report.as_of:
        yield (
            f"the newest published report is {newest.published.name}, as of {newest.as_of}; "
            "--report latest explains what it says"
        )


def held_against(edition: Edition, report: Report, row: Any) -> Iterator[str]:
    """Whether a row is what was published, figure by figure, and whether that is still intact."""
    name = edition.published.name
    yield f"published as {name}: run {edition.run_id}, policy {edition.policy}"
    if edition.policy != report.policy.version:
        yield f"  the policy is another one now: {report.policy.version}"
    yield from (f"  {fault}" for fault in edition.published.faults())
    stem = next(stem for stem, row_type in ROW_TYPES.items() if row_type is type(row))
    path = edition.published.path / f"{stem}.csv"
    said = _said(path, row.key)
    if said is None:
        yield f"  {stem}.csv {_why_not(edition, path)}"
        return
    differing = list(_differing(edition, row, said))
    yield from (f"  {column}: published {then}, now {now}" for column, then, now in differing)
    if not differing:
        yield f"  {stem}.csv says the same"


def _why_not(edition: Edition, path: Path) -> str:
    """Why a published file has no row with a key."""
    columns, _delimiter, _text = _table(path)
    if "key" not in columns:
        return "cannot be read, or is of a version whose rows had no keys"
    hidden = "" if edition.profile == "technical" else f", or it is hidden from {edition.profile}"
    return f"has no row with this key: it was not there then{hidden}"


def _table(path: Path) -> tuple[list[str], str, str]:
    """The columns of a published file, what stands between them, and all of it; none of one that
    cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return [], ",", ""
    head = text.partition("\n")[0]
    delimiter = ";" if ";" in head else ","
    return head.split(delimiter), delimiter, text


def _said(path: Path, key: str) -> Mapping[str, str] | None:
    """The published row with a key, in either dialect; its delimiter is by the name ""."""
    _columns, delimiter, text = _table(path)
    lines = io.StringIO(text, newline="")
    for row in csv.DictReader(lines, delimiter=delimiter):
        if row.get("key") == csv_cell(key):
            return {**row, "": delimiter}
    return None


def _differing(
    edition: Edition, row: Any, said: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    """The columns of which something else was published: numbers and dates, and texts where none
    was hidden from the reader."""
    for field in fields(row):
        value, name = getattr(row, field.name), field.name
        hidden = isinstance(value, str) and edition.profile != "technical"
        if name in said and not hidden and name not in _TRANSLATED | _PER_RUN:
            now = csv_cell(value, decimal_comma=said[""] == ";")
            if now != said[name]:
                yield name, said[name] or "nothing", now or "nothing"
