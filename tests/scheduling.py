"""Which tests run on one core, one after the other, when several cores share the suite."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling


class ByFile(LoadFileScheduling):
    """A file's tests run on one core, for they share what it sets up; and all that start a libvirt
    lab on the same, for one lab at a time is what a small machine can bear."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        starts_a_lab = file.startswith("tests/integration/test_libvirt_")
        return "the lab" if starts_a_lab or "libvirt-load" in nodeid else file
