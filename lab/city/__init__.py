"""The demo city: two Proxmox clusters behind the double and an air-gapped KVM site as files.

Everything is dated relative to one instant, so that the city is a year old whenever it is run.
``answer_key.yaml`` says what a correct planner finds in it.
"""

from __future__ import annotations

import csv
import io
from importlib.resources import files


def table(name: str) -> list[dict[str, str]]:
    """The rows of one of the city's tables of guests."""
    text = files("lab.city").joinpath(name).read_text("utf-8")
    return list(csv.DictReader(io.StringIO(text)))
