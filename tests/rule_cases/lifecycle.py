"""Patches and ends of life."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from estates import AS_OF, health
from inventory.platform_records import FailedTask, Package
from inventory.records import Record
from planner.eol import parse
from rule_cases import CLEAN_OWNERS, CONTAINER, GUEST, H1, LIBVIRT, TEMPLATE, Case, Flip
from stored import guest, host

KERNEL = "proxmox-kernel-6.17.2-1-pve-signed"


def package(
    host_id: str = "h1", name: str = "pve-manager", installed: str = "9.1.2", available: str = ""
) -> Package:
    return Package(
        host_id=host_id, name=name, cluster="c", installed=installed,
        available=available or installed,
    )  # fmt: skip


def refresh(outcome: str = "no route to host") -> FailedTask:
    return FailedTask(task_id="t", cluster="c", host_id="h1", kind="aptupdate", outcome=outcome)


def warranty(days: int) -> dict[str, Any]:
    return {"hosts": {"h1": {"warranty_until": AS_OF + timedelta(days=days)}}}


def supported(days: int) -> dict[str, Any]:
    until = AS_OF + timedelta(days=days)
    return {"guests": [{"match": {"guest_id": "100"}, "support_until": until}]}


ENDING = parse(
    {
        "source": "test", "dated": "2026-11-01",
        "products": {
            "proxmox-ve": [{"releaseCycle": "9", "eol": "2027-06-01"}],  # in 190 days
            "debian": [{"releaseCycle": "13", "eol": "2028-08-09"}],
        },
    }
)  # fmt: skip
MIXED = (host("h1", version="9.1"), host("h2", version="9.0"))
SOURCES: dict[str, Any] = {"repositories": ("main", "pve-enterprise"), "subscription": "active"}
OLDEST = {"lifecycle": {"libvirt_minimum": "9.0", "qemu_minimum": "8.0"}}
KVM = "libvirt 9.0.0, QEMU 8.2.1"

CASES: list[Case] = [
    # PAT-001 hypervisor past its end of life, PAT-002 within the horizon
    Case("PAT-001", "ok", (host(version="9.2.1"),)),
    Case("PAT-001", "risk", (host(version="8.4.0"),)),
    Case("PAT-001", "unknown", (host(version=None),)),
    Case("PAT-001", "unknown", (host(version="77.1"),)),
    Case("PAT-001", "not_applicable", (host(version="8.4.0", status="retired"),)),
    Case("PAT-002", "ok", (host(version="9.2.1"),)),
    Case("PAT-002", "risk", (host(version="9.2.1"),), eol=ENDING),
    Case("PAT-002", "ok", (host(version="9.2.1"),), eol=ENDING,
         policy={"lifecycle": {"hypervisor_days": 189}}),
    Case("PAT-002", "not_applicable", (host(version="8.4.0"),)),
    Case("PAT-002", "unknown", (host(version=None),)),
    # PAT-003 guest system past its end of life
    Case("PAT-003", "ok", (guest(os="debian-13"),)),
    Case("PAT-003", "risk", (guest(os="debian-8"),), severity="high"),
    Case("PAT-003", "risk", (guest(os="l26", tags=("os.centos-7",)),)),
    Case("PAT-003", "risk", (guest(os="debian-8", tags=("expo.public",)),), severity="critical"),
    Case("PAT-003", "ok", (guest(os="debian-8"),), owners=supported(0)),
    Case("PAT-003", "risk", (guest(os="debian-8", tags=("support.esm",)),), owners=supported(-1)),
    Case("PAT-003", "unknown", (guest(os="Linux"),)),
    Case("PAT-003", "unknown", (guest(os="Windows 10 or Server 2016/2019"),)),
    Case("PAT-003", "unknown", (guest(os=None),)),
    Case("PAT-003", "not_applicable", (guest(os="debian-8", template=True),)),
    # PAT-004 guest system ends soon: Fedora 43 does on 2026-12-09, Debian 13 on 2028-08-09
    Case("PAT-004", "ok", (guest(os="debian-13"),)),
    Case("PAT-004", "risk", (guest(os="fedora-43"),), severity="medium"),
    Case("PAT-004", "risk", (guest(os="debian-13"),), policy={"lifecycle": {"warn_days": 625}}),
    Case("PAT-004", "ok", (guest(os="debian-13"),), policy={"lifecycle": {"warn_days": 624}}),
    Case("PAT-004", "ok", (guest(os="fedora-43"),), owners=supported(800)),
    Case("PAT-004", "unknown", (guest(os="Linux"),)),
    Case("PAT-004", "not_applicable", (guest(os="debian-8"),)),
    # PAT-005 nobody knows the system
    Case("PAT-005", "ok", (guest(os="Linux"),)),
    Case("PAT-005", "ok", (guest(os="", tags=("os.appliance.fortinet",)),)),
    Case("PAT-005", "risk", (guest(os=""),)),
    Case("PAT-005", "unknown", (guest(os=None),)),
    Case("PAT-005", "unknown", (guest(os="", tags=None),)),
    Case("PAT-005", "not_applicable", (TEMPLATE,)),
    # PAT-006 packages wait for their update
    Case("PAT-006", "ok", (host(), package())),
    Case("PAT-006", "risk", (host(), package(available="9.1.3")), days_seen=31),
    Case("PAT-006", "unknown", (host(), package(available="9.1.3")), days_seen=29),
    Case("PAT-006", "ok", (host(), package(name="swtpm", installed="", available="1"), package())),
    Case("PAT-006", "unknown", (host(), package(), refresh())),
    Case("PAT-006", "unknown", (host(),)),
    Case("PAT-006", "unknown", (host(), package()), sources=(health(hidden=("package",)),)),
    # PAT-007 an older kernel runs
    Case("PAT-007", "ok", (host(kernel="6.17.2-1-pve"), package(name=KERNEL))),
    Case("PAT-007", "risk", (host(kernel="6.8.12-4-pve"), package(name=KERNEL))),
    Case(
        "PAT-007",
        "risk",
        (
            host(kernel="6.8.12-4-pve"),
            package(name="proxmox-kernel-6.8", installed="6.8.12-15"),
        ),
    ),
    Case("PAT-007", "ok", (host(kernel="6.18.44-1-pve"), package(name=KERNEL))),
    Case("PAT-007", "unknown", (host(kernel="6.18.44-1-pve"), package())),
    Case("PAT-007", "unknown", (host(kernel="6.1.0-30-amd64"), package(name=KERNEL))),
    Case("PAT-007", "not_applicable", (host(status="offline"), package(name=KERNEL))),
    # PAT-008 mixed versions
    Case("PAT-008", "ok", (host("h1", version="9.1"), host("h2", version="9.1"))),
    Case("PAT-008", "risk", MIXED, days_seen=8),
    Case("PAT-008", "unknown", MIXED, days_seen=6),
    Case("PAT-008", "unknown", (host("h1", version="9.1"), host("h2", version=None))),
    Case("PAT-008", "not_applicable", (host("h1", version="9.1"),)),
    # PAT-009 no production package source
    Case("PAT-009", "ok", (host(**SOURCES),)),
    Case("PAT-009", "risk", (host(**(SOURCES | {"repositories": ("pve-no-subscription",)})),)),
    Case("PAT-009", "risk", (host(**(SOURCES | {"repositories": ("ceph-squid/test",)})),)),
    Case("PAT-009", "risk", (host(subscription="notfound"),)),
    Case("PAT-009", "unknown", (host(subscription="active"),)),
    # PAT-010 libvirt or QEMU older than accepted
    Case("PAT-010", "ok", (host(version=KVM),), sources=LIBVIRT, policy=OLDEST),
    Case(
        "PAT-010",
        "risk",
        (host(version="libvirt 8.10.0, QEMU 8.2"),),
        sources=LIBVIRT,
        policy=OLDEST,
    ),
    Case("PAT-010", "risk", (host(version="libvirt 9.0, QEMU 7.2"),), sources=LIBVIRT,
         policy=OLDEST),
    Case("PAT-010", "unknown", (host(version="libvirt 9.0.0"),), sources=LIBVIRT, policy=OLDEST),
    Case("PAT-010", "unknown", (host(version=None),), sources=LIBVIRT, policy=OLDEST),
    Case("PAT-010", "not_applicable", (host(version=KVM),), sources=LIBVIRT),
    # PAT-011 an old machine type: QEMU 5.1 is of August 2020
    Case("PAT-011", "ok", (guest(machine="q35"),)),
    Case("PAT-011", "ok", (guest(machine="pc-q35-9.0+pve0"),)),
    Case("PAT-011", "risk", (guest(machine="pc-i440fx-5.1"),)),
    Case("PAT-011", "risk", (guest(machine="pc-i440fx-2.11"),)),
    Case("PAT-011", "ok", (guest(machine="pc-i440fx-5.2"),)),
    Case("PAT-011", "unknown", (guest(machine="pc-i440fx-rhel7.6.0"),)),
    Case("PAT-011", "unknown", (guest(machine="pc-q35-jammy"),)),
    Case("PAT-011", "unknown", (guest(machine=None),)),
    Case("PAT-011", "not_applicable", (guest(**CONTAINER),)),
    # PAT-013 extended support that nobody proves: Ubuntu 18.04 has it until 2028
    Case("PAT-013", "ok", (guest(os="debian-13"),)),
    Case("PAT-013", "ok", (guest(os="ubuntu-18.04"),), owners=supported(300)),
    Case("PAT-013", "risk", (guest(os="ubuntu-18.04", tags=("support.esm",)),)),
    Case("PAT-013", "unknown", (guest(os="Linux", tags=("support.esm",)),)),
    Case("PAT-013", "not_applicable", (guest(os="ubuntu-18.04"),)),
    Case("PAT-013", "not_applicable", (guest(os="debian-8", tags=("support.esm",)),)),
    # PAT-014 out of warranty
    Case("PAT-014", "ok", (host(),), owners=warranty(0)),
    Case("PAT-014", "risk", (host(),), owners=warranty(-1)),
    Case("PAT-014", "unknown", (host(),)),
    Case("PAT-014", "not_applicable", (host(status="retired"),)),
]  # fmt: skip
CLEAN: list[Record] = [
    package("h1"), package("h2"), package("h1", KERNEL, "1"), package("h2", KERNEL, "1"),
]  # fmt: skip


def _system(**changes: Any) -> Record:
    return GUEST.model_copy(update=changes)


HOSTS = CLEAN_OWNERS["hosts"]
ENDED = {"hosts": HOSTS | {"h1": HOSTS["h1"] | warranty(-1)["hosts"]["h1"]}}
FLIPS: list[Flip] = [
    Flip("PAT-001", H1, H1.model_copy(update={"version": "8.4.1"}), also=("PAT-008",)),
    Flip("PAT-003", GUEST, _system(os="debian-8")),
    Flip("PAT-004", GUEST, _system(os="fedora-43")),
    Flip("PAT-005", GUEST, _system(os="")),
    Flip("PAT-006", package("h1"), package("h1", available="9.1.3")),
    Flip("PAT-007", H1, H1.model_copy(update={"kernel": "6.8.12-4-pve"})),
    Flip("PAT-008", H1, H1.model_copy(update={"version": "9.0"})),
    Flip("PAT-009", H1, H1.model_copy(update={"subscription": "expired"})),
    Flip("PAT-010", H1, H1.model_copy(update={"version": "libvirt 8.0.0, QEMU 7.0.0"}),
         sources=LIBVIRT, policy=OLDEST, also=("PAT-008",)),
    Flip("PAT-011", GUEST, _system(machine="pc-i440fx-5.1")),
    Flip("PAT-013", GUEST,
         _system(os="ubuntu-18.04", tags=(*(GUEST.tags or ()), "support.esm"))),
    Flip("PAT-002", eol=ENDING),
    Flip("PAT-014", owners=CLEAN_OWNERS | ENDED),
]  # fmt: skip
