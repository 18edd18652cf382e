"""What the rules find on a real libvirt host with careless guests, against their definitions."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from lab.libvirtd import Lab
from libvirt_project import collected, source
from pve_recorded import Project

pytestmark = [pytest.mark.libvirt, pytest.mark.slow]

_FULL = '[policy]\nfile = "policy.toml"\n'
_ALL = {"kvm1-guest1", "kvm1-guest2", "kvm1-shut", "kvm1-risky"}
# Rules and whom they find; what is about the program itself depends on who runs the tests.
_FOUND = {
    "NET-007": {"kvm1-risky"},  # its screen is shown to everybody
    "DAR-004": {"kvm1-risky"},
    "DAR-007": {"kvm1-risky"},
    "BKP-018": {"kvm1-risky"},
    "HYP-006": {"kvm1-risky"},  # it sees /etc of its host
    "PAT-005": {"kvm1-shut", "kvm1-risky"},  # their definitions tell no system
    "PAT-003": {"kvm1-guest1", "kvm1-guest2"},  # theirs tell Debian 12
    "HYP-009": _ALL,  # qemu64, the emulator's default
    "MON-006": _ALL,  # no agent
    "PRV-001": _ALL,
    "PRV-002": _ALL,
    "PRV-020": _ALL,
    "HYP-001": {"kvm1.lab.test"},  # stands for HYP-002 of its guests
}


@pytest.fixture(scope="module")
def findings(libvirt_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("risks")
    (folder / "policy.toml").write_text('[risks]\nprofile = "full"\n')
    project = Project(folder).configure(source(libvirt_lab.host), _FULL)
    collected(project)
    return project.rows("risks")


def found(findings: list[dict[str, Any]], rule: str, who: str) -> dict[str, Any]:
    [row] = [r for r in findings if r["rule"] == rule and r["subject"].startswith(who)]
    return row


def test_careless_guests_are_found_and_no_other(findings: list[dict[str, Any]]) -> None:
    told: dict[str, set[str]] = defaultdict(set)
    for row in findings:
        if row["outcome"] == "risk" and not row["rule"].startswith("OWN-"):
            told[row["rule"]].add(row["subject"].split()[0])
    assert dict(told) == _FOUND


@pytest.mark.parametrize(
    ("rule", "evidence", "written"),
    [
        ("NET-007", "listens_at=vnc 0.0.0.0", "<listen type='address' address='0.0.0.0'/>"),
        ("DAR-004", "disk=vda; cache=unsafe", "type='qcow2' cache='unsafe'/>"),
        ("DAR-007", "disk=vdb; lets_others_in=yes", "<shareable/>"),
        ("BKP-018", "outside=a folder of the host below /etc", "<source dir='/etc'/>"),
        ("HYP-006", "devices=none; folders=/etc", "<source dir='/etc'/>"),
        ("HYP-009", "model=qemu64", "<model fallback='forbid'>qemu64</model>"),
    ],
)
def test_the_evidence_is_what_the_definition_says(
    findings: list[dict[str, Any]], libvirt_lab: Lab, rule: str, evidence: str, written: str
) -> None:
    assert found(findings, rule, "kvm1-risky")["evidence"].startswith(evidence)
    assert written in libvirt_lab.virsh("dumpxml", "--inactive", "kvm1-risky")


def test_what_a_definition_lacks_is_why(findings: list[dict[str, Any]], libvirt_lab: Lab) -> None:
    definition = libvirt_lab.virsh("dumpxml", "--inactive", "kvm1-risky")
    assert found(findings, "MON-006", "kvm1-risky")["evidence"] == "agent=0"
    assert "org.qemu.guest_agent" not in definition
    assert "libosinfo" not in definition
    assert "stands_for=HYP-002 × 4" in found(findings, "HYP-001", "kvm1.lab")["evidence"]
    assert "<model>none</model>" in libvirt_lab.virsh("capabilities")


def test_the_password_of_a_screen_is_in_no_finding(findings: list[dict[str, Any]]) -> None:
    assert found(findings, "NET-007", "kvm1-risky")["severity"] == "critical"
    assert all("open-it" not in str(value) for row in findings for value in row.values())
