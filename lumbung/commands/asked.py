"""What a command line of ``whatif`` asks for: its options as changes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import isfinite
from typing import Any

from pydantic import ValidationError

from lumbung.settings import SettingsError
from lumbung.settings import told as told_fault
from planner.scenario.changes import Change

# Which option a key of a change comes from, to name it when it is wrong.
_OPTIONS = {
    "storage": "--storage", "when": "--when", "profile": "--add",
    "cpu_factor": "--cpu-factor", "agency": "--agency",
}  # fmt: skip
_VERB_OPTIONS = {
    "add": "--add", "remove": "--remove", "resize": "--resize", "retire": "--retire",
    "add_hosts": "--add-host", "add_storage": "--add-storage", "migrate": "--migrate",
    "growth": "--growth", "reclaim": "--reclaim", "demand": "--project",
}  # fmt: skip
_NAMES_ITS_POOL = frozenset({"add_storage", "reclaim", "demand"})  # all others take --pool
_MOST = 10_000  # guests or hosts of one option


@dataclass(frozen=True, slots=True)
class Asked:
    """The options that describe one scenario, as they were typed."""

    add: Sequence[str] = ()
    remove: Sequence[str] = ()
    resize: Sequence[str] = ()
    retire: Sequence[str] = ()
    add_host: Sequence[str] = ()
    add_storage: Sequence[str] = ()
    migrate: Sequence[str] = ()
    growth: Sequence[str] = ()
    reclaim: Sequence[str] = ()
    pool: str | None = None
    storage: str | None = None
    agency: str | None = None
    when: date | None = None
    cpu_factor: float = 1.0
    clusters: Sequence[str] = field(default_factory=tuple)

    def changes(self) -> tuple[Change, ...]:
        """Every option as a change. Raises SettingsError for what cannot be read."""
        return tuple(
            _change(option, {"when": self.when, verb: told}) for option, verb, told in self._told()
        )

    def _told(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for text in self.add:
            yield "--add", "add", self._add(text)
        for text in self.remove:
            yield "--remove", "remove", {"match": _match(text)}
        for text in self.resize:
            yield "--resize", "resize", _resize(text)
        for text in self.retire:
            yield "--retire", "retire", {"host": text}
        for text in self.add_host:
            yield "--add-host", "add_hosts", self._hosts(text)
        for text in self.add_storage:
            yield "--add-storage", "add_storage", _storage(text)
        for text in self.migrate:
            yield "--migrate", "migrate", self._migrate(text)
        for text in self.reclaim:
            yield "--reclaim", "reclaim", {"pool": text}
        if self.growth:
            yield "--growth", "growth", {"pool": self.pool} | dict(map(_growth, self.growth))

    def _add(self, text: str) -> dict[str, Any]:
        """COUNTxSIZE: 40xM."""
        count, profile = _counted("--add", text, "40xM")
        told = {"pool": self._cluster("--add"), "storage": self.storage, "agency": self.agency}
        return told | {"count": count, "profile": profile}

    def _cluster(self, option: str) -> str:
        if self.pool is not None:
            return self.pool
        if len(self.clusters) == 1:
            return self.clusters[0]
        raise SettingsError(f"{option} needs --pool; known are {', '.join(self.clusters)}")

    def _hosts(self, text: str) -> dict[str, Any]:
        """COUNTxHOST or COUNTxCORES/GIB: 2xbk1, 2x64/1024."""
        count, like = _counted("--add-host", text, "2xbk1 or 2x64/1024")
        if "/" in like and (size := _numbers(like, 2)) is not None:
            cores, gib = size
            pool = self._cluster("--add-host")
            return {"pool": pool, "count": count, "cpu_cores": cores, "memory_gib": gib}
        return {"pool": self.pool, "count": count, "like": like}

    def _migrate(self, text: str) -> dict[str, Any]:
        leaving, colon, arriving = text.partition(":")
        if not (colon and leaving and arriving):
            raise SettingsError(f"--migrate: {text!r} is not FROM:TO such as old:new")
        told = {"leaving": leaving, "arriving": arriving, "storage": self.storage}
        return told | {"cpu_factor": self.cpu_factor}


def option_of(place: tuple[str | int, ...]) -> str:
    """The option that a key below a change came from."""
    verb, key = (*(str(part) for part in place), "", "")[:2]
    if key == "pool" and verb not in _NAMES_ITS_POOL:
        return "--pool"
    return _OPTIONS.get(key) or _OPTIONS.get(verb) or _VERB_OPTIONS.get(verb, "")


def _change(option: str, told: dict[str, Any]) -> Change:
    try:
        return Change.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = _OPTIONS.get(str(first["loc"][-1]) if first["loc"] else "", option)
        raise SettingsError(f"{where}: {told_fault(first)}") from error


def _counted(option: str, text: str, example: str) -> tuple[int, str]:
    found = re.fullmatch(r"(?:([+-]?\d+)x)?(\S.*)", text)
    if found is None:
        raise SettingsError(f"{option}: {text!r} is not COUNTxSIZE such as {example}")
    count = int(found[1] or 1)
    if not 1 <= count <= _MOST:
        raise SettingsError(f"{option}: {text!r}: the count must be 1 to {_MOST:,}")
    return count, found[2]


def _match(text: str) -> dict[str, str]:
    """A guest's id or name, also with * and ?, also below its cluster."""
    cluster, slash, name = text.rpartition("/")
    told = {"cluster": cluster} if slash else {}
    return told | ({"guest_id": name} if name.isdigit() else {"name_glob": name})


def _resize(text: str) -> dict[str, Any]:
    """GUEST=VCPUS/GIB; one of the two may be left out."""
    guest, equals, size = text.rpartition("=")
    vcpus, slash, gib = size.partition("/")
    try:
        told = {
            "vcpus": float(vcpus) if vcpus else None,
            "memory_gib": float(gib) if gib else None,
        }
    except ValueError:
        told = {}
    if not (equals and slash and guest and told):
        raise SettingsError(f"--resize: {text!r} is not GUEST=VCPUS/GIB such as web-1=8/32")
    return {"match": _match(guest)} | told


def _storage(text: str) -> dict[str, Any]:
    pool, equals, gib = text.rpartition("=")
    size = _numbers(gib, 1)
    if not equals or size is None:
        raise SettingsError(f"--add-storage: {text!r} is not DATASTORE=GIB such as san-01=20480")
    return {"pool": pool, "storage_gib": size[0]}


def _growth(text: str) -> tuple[str, float]:
    resource, _equals, factor = text.partition("=")
    number = _numbers(factor, 1)
    if resource not in ("cpu", "memory", "storage") or number is None:
        raise SettingsError(
            f"--growth: {text!r} is not cpu, memory or storage = a factor, such as memory=1.5"
        )
    return resource, number[0]


def _numbers(text: str, count: int) -> list[float] | None:
    try:
        found = [float(part) for part in text.split("/")]
    except ValueError:
        return None
    return found if len(found) == count and all(map(isfinite, found)) else None
