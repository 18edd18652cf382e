"""Which files said what no hypervisor knows, by their checksums: a report can be traced to them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

from lumbung.files import SHIPPED_REGULATIONS, attested_path, pack_files
from lumbung.settings import Settings, SettingsError
from planner.policy import Policy

_SHIPPED_EOL = Path(str(files("planner.risks"))) / "eol.json"
Checksums = Mapping[str, str]  # by what a file is called below the project's root


def declared_by(settings: Settings, policy: Policy) -> Checksums:
    """The SHA-256 of every file that a report is made from beside the store, as `sha256sum` tells
    it. Raises SettingsError for one that cannot be read."""
    return {_called(path, settings.root): _checksum(path) for path in _files(settings, policy)}


def _checksum(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error


def _files(settings: Settings, policy: Policy) -> Iterator[Path]:
    yield settings.path
    for path in (settings.policy_file, settings.estate_file, settings.calendar_file):
        if path is not None:
            yield path
    if settings.estate_file and attested_path(settings.estate_file).is_file():
        yield attested_path(settings.estate_file)
    own_eol = policy.lifecycle.data_file
    named = settings.policy_file.parent / own_eol if own_eol and settings.policy_file else None
    yield named or _SHIPPED_EOL
    yield from pack_files(settings.regulations_folder)


def _called(path: Path, root: Path) -> str:
    """A file's path below the project's root; of one that lies elsewhere no folder is told."""
    if path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    ours = path.parent == SHIPPED_REGULATIONS or path == _SHIPPED_EOL
    return f"shipped/{path.name}" if ours else path.name


def same_throughout(before: Checksums, after: Checksums) -> None:
    """Raises SettingsError where a file was changed while it was read: the checksum would be of
    another text than the one that was used."""
    for name in sorted(set(before) | set(after)):
        if before.get(name) != after.get(name):
            raise SettingsError(f"{name}: was changed while it was read; run the command again")


def told_since(made_from: Checksums, now: Checksums, report: str) -> Iterator[str]:
    """What was changed, added or taken away since a report was made: no fault, but whoever reads
    the report beside today's files must know."""
    for name in sorted(set(made_from) | set(now)):
        if name not in now:
            yield f"{name}: {report} was made from it; it is not read any more"
        elif name not in made_from:
            yield f"{name}: {report} was made without it"
        elif made_from[name] != now[name]:
            yield f"{name}: has changed since {report} was made from it"
