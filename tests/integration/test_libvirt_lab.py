"""The private libvirtd itself: it comes up with real guests, and leaves nothing behind."""

from __future__ import annotations

import pytest

from lab.libvirtd import Lab

pytestmark = [pytest.mark.libvirt, pytest.mark.slow]


def test_its_guests_run_and_have_booted_to_their_end(libvirt_lab: Lab) -> None:
    assert libvirt_lab.no_system_because is None
    assert libvirt_lab.virsh("list", "--name").split() == list(libvirt_lab.ready_guests)
    assert len(libvirt_lab.ready_guests) == 3
