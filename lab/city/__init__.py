"""The demo city: two Proxmox clusters behind the double and an air-gapped KVM site as files.

Everything is dated relative to one instant, so that the city is a year old whenever it is run.
``answer_key.yaml`` says what a correct planner finds in it.
"""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta
from importlib.resources import files

_WRITTEN_ON = date(2026, 11, 23)  # what the dates of the owners' files count from
_OWNERS_FILES = ("estate.yaml", "estate.attested.yaml")
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")


def table(name: str) -> list[dict[str, str]]:
    """The rows of one of the city's tables of guests."""
    text = files("lab.city").joinpath(name).read_text("utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def owners_files(as_of: date) -> dict[str, str]:
    """The city's owners' file and what its agencies answered, by name, with their dates moved
    along to a demo run on ``as_of``."""
    return {name: _owners_file(name, as_of - _WRITTEN_ON) for name in _OWNERS_FILES}


def _owners_file(name: str, later: timedelta) -> str:
    text = files("lab.city").joinpath(name).read_text("utf-8")
    head, version, body = text.partition("version: 1\n")
    return head + version + _DATE.sub(lambda found: _moved(found[0], later), body)


def _moved(day: str, later: timedelta) -> str:
    return (date.fromisoformat(day) + later).isoformat()
