"""When releases of operating systems and hypervisors end: dated data, and who means which release.

Data ships with the program (endoflife.date, MIT licence); a site may name a newer file of the same
form in its policy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

SHIPPED = "shipped with the program"


@dataclass(frozen=True, slots=True)
class Release:
    """One release of a product; ``ends`` None means that no end was announced."""

    product: str
    cycle: str
    ends: date | None
    extended_ends: date | None = None  # paid or community extended support

    @property
    def label(self) -> str:
        return f"{self.product} {self.cycle}"


@dataclass(frozen=True, slots=True)
class EndOfLifeData:
    """The releases that are known, whose word that is, the day it was taken, and from where."""

    dated: date
    releases: Mapping[tuple[str, str], Release]
    source: str = ""
    place: str = SHIPPED

    def find(self, product: str, cycle: str) -> Release | None:
        return self.releases.get((product, cycle))

    @property
    def stamp(self) -> str:
        """Source and date in one word, for evidence."""
        return f"{self.source} {self.dated}"


@cache
def shipped() -> EndOfLifeData:
    """The data that ships with the program."""
    return parse(json.loads(files("planner.risks").joinpath("eol.json").read_text("utf-8")))


def parse(data: Any, place: str = SHIPPED) -> EndOfLifeData:
    """The releases in a file's content. Raises ValueError with what is wrong in it."""
    if not isinstance(data, Mapping):
        raise ValueError("is no object with source, dated and products")
    for key, kind in (("source", str), ("dated", str), ("products", Mapping)):
        if not isinstance(data.get(key), kind) or not data[key]:
            raise ValueError(f"{key} is missing, or not what it should be")
    releases = {}
    for product, rows in data["products"].items():
        for row in rows if isinstance(rows, list) else ():
            release = _release(str(product), row)
            releases[release.product, release.cycle] = release
    return EndOfLifeData(_date(data["dated"], "dated"), releases, data["source"], place)


def _release(product: str, row: Any) -> Release:
    """One release. ``eol: true`` says that it has ended, not when: such a row tells no date."""
    if not isinstance(row, Mapping) or not isinstance(row.get("releaseCycle"), str):
        raise ValueError(f"{product}: a release without releaseCycle")
    cycle = row["releaseCycle"].lower()
    if row.get("eol") is True:
        raise ValueError(f"{product} {cycle}: eol must be a date, or false where none is announced")
    ends, extended = (
        _date(row[key], f"{product} {cycle}: {key}") if isinstance(row.get(key), str) else None
        for key in ("eol", "eoes")
    )
    return Release(product, cycle, ends, extended)


def _date(value: str, what: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{what}: {value!r} is no date such as 2026-08-31") from None


_LIBOSINFO = re.compile(r"https?://[^/]+/(?P<product>[a-z-]+)/(?P<cycle>[0-9a-z.]+)$")
_WORDS = re.compile(r"(?P<product>[a-z][a-z ./-]*?)[ -]*(?P<cycle>\d+(\.\d+)*( ?r2)?)\b")
_SAME = {
    "rhel": "rhel",
    "red hat enterprise linux": "rhel",
    "rocky": "rocky-linux",
    "rocky linux": "rocky-linux",
    "alma": "almalinux",
    "almalinux": "almalinux",
    "debian": "debian",
    "debian gnu/linux": "debian",
    "debian linux": "debian",
    "ubuntu": "ubuntu",
    "centos": "centos",
    "centos linux": "centos",
    "alpine": "alpine-linux",
    "alpine linux": "alpine-linux",
    "windows server": "windows-server",
    "microsoft windows server": "windows-server",
    "win": "windows-server",
    "freebsd": "freebsd",
    "opensuse": "opensuse",
    "sles": "sles",
    "fedora": "fedora",
}


_CALLED = {
    "almalinux": "AlmaLinux",
    "centos": "CentOS",
    "freebsd": "FreeBSD",
    "opensuse": "openSUSE",
    "rhel": "RHEL",
    "sles": "SLES",
    "win": "Windows",
}


def os_name(os: str) -> str:
    """An operating system in words where the platform names it by an address of libosinfo; any
    other name as it was told."""
    found = _LIBOSINFO.match(os.strip().lower())
    if found is None:
        return os
    return f"{_CALLED.get(found['product'], found['product'].title())} {found['cycle']}"


def release_of(os: str, data: EndOfLifeData) -> Release | None:
    """The release that an operating system's name means; None when it is too vague to say."""
    name = os.strip().lower()
    found = _LIBOSINFO.match(name) or _WORDS.search(name)
    if found is None:
        return None
    product = _SAME.get(found["product"].strip(), found["product"].strip().replace(" ", "-"))
    cycle = found["cycle"].replace(" ", "").replace("r2", "-r2")
    while cycle:
        release = data.find(product, cycle)
        if release is not None:
            return release
        cycle = cycle.rpartition(".")[0]
    return None
