"""Ends of life, against dated data that ships with the program (endoflife.date, MIT licence)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from inventory.records import Host
from planner.estate import Estate, GuestView
from planner.risks.rule import (
    CRITICAL,
    HIGH,
    Outcome,
    Rule,
    not_applicable,
    ok,
    risk,
    rule,
    unknown,
)

_REFS = ("ISO 27001 A.8.8", "NIST SA-22", "CIS 2.2", "UU 27/2022 art. 35")


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
    """The releases that are known, and the day the data was taken."""

    dated: date
    releases: Mapping[tuple[str, str], Release]

    def find(self, product: str, cycle: str) -> Release | None:
        return self.releases.get((product, cycle))

    @property
    def products(self) -> frozenset[str]:
        return frozenset(product for product, _cycle in self.releases)


@cache
def shipped() -> EndOfLifeData:
    """The data that ships with the program."""
    return parse(json.loads(files("planner.risks").joinpath("eol.json").read_text("utf-8")))


def parse(data: Mapping[str, Any]) -> EndOfLifeData:
    releases = {}
    for product, cycles in data["products"].items():
        for row in cycles:
            cycle = row["releaseCycle"].lower()
            release = Release(product, cycle, _date(row.get("eol")), _date(row.get("eoes")))
            releases[product, cycle] = release
    return EndOfLifeData(date.fromisoformat(data["dated"]), releases)


def _date(value: Any) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else None


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


def os_of(view: GuestView) -> str | None:
    """What says which operating system runs: the tag os.PRODUCT-CYCLE, else the platform."""
    for tag in view.guest.tags or ():
        if tag.lower().startswith("os."):
            return tag[3:]
    return view.guest.os


@rule(
    "PAT-001",
    "Hypervisor release past its end of life",
    subject="host",
    severity=CRITICAL,
    group="lifecycle",
    essential=True,
    sources=("proxmox",),
    refs=_REFS,
    why="It gets no security fixes any more, and every guest stands on it.",
    fix="Upgrade, one major release after the other.",
)
def hypervisor_ended(host: Host, estate: Estate) -> Outcome:
    if not host.version:
        return unknown("its version was not seen")
    data = shipped()
    release = data.find("proxmox-ve", host.version.split(".")[0])
    if release is None:
        return unknown(f"no end-of-life date is known for {host.version}")
    if release.ends is None or release.ends >= estate.as_of:
        return ok()
    return risk(version=host.version, ended_on=release.ends, data_of=data.dated)


@rule(
    "PAT-003",
    "Guest operating system past its end of life",
    subject="guest",
    severity=HIGH,
    group="lifecycle",
    essential=True,
    refs=_REFS,
    why="Known holes in it stay open for ever.",
    fix="Upgrade, replace or isolate the guest; buy extended support only with its end in sight.",
)
def guest_os_ended(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.template:
        return not_applicable("template")
    os = os_of(view)
    if not os:
        return unknown("its operating system is not known (tag it os.PRODUCT-RELEASE)")
    data = shipped()
    release = release_of(os, data)
    if release is None:
        return unknown(f"{os!r} does not say which release (tag it os.PRODUCT-RELEASE)")
    if release.ends is None or release.ends >= estate.as_of:
        return ok()
    paid = "support.esm" in (view.guest.tags or ())
    if paid and release.extended_ends is not None and release.extended_ends >= estate.as_of:
        return ok()
    grave = view.is_personal or view.public
    return risk(
        CRITICAL if grave else None,
        os=release.label,
        ended_on=release.ends,
        extended_until=release.extended_ends or "-",
        data_of=data.dated,
    )


RULES: tuple[Rule, ...] = (hypervisor_ended, guest_os_ended)
