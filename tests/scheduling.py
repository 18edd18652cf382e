"""Which tests run on one core, one after the other, when several cores share the suite."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from xdist.scheduler import LoadFileScheduling

_ROOT = Path(__file__).resolve().parents[1]


class ByFile(LoadFileScheduling):
    """A file's tests run on one core, and those of all files that start a libvirt lab on the same:
    what a file sets up is set up once, and one lab at a time is what a small machine can bear."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "the lab" if _starts_a_lab(file) else file


@cache
def _starts_a_lab(file: str) -> bool:
    return "mark.libvirt" in (_ROOT / file).read_text("utf-8")
