"""Weak isolation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from estates import NOW
from inventory.platform_records import Certificate
from inventory.records import Record
from rule_cases import (
    CONTAINER,
    GUEST,
    H1,
    LIBVIRT,
    OTHER,
    PERSONAL,
    PUBLIC,
    TEMPLATE,
    Case,
    Flip,
    nic,
)
from stored import disk, guest, host

OWN_AUTHORITY = "/CN=Proxmox Virtual Environment/OU=1/O=PVE Cluster Manager CA"
UEFI: dict[str, Any] = {"os": "windows-server-2022", "firmware": "uefi", "vtpm": True}
SECURE = {"hardening": {"secure_boot_os": ["windows-server-2022"]}}


def certificate(
    days: float | None, *, host_id: str = "h1", issuer: str | None = "CN=City CA", **more: Any
) -> Certificate:
    until = None if days is None else NOW + timedelta(days=days)
    given = {"file": "pve-ssl.pem", "issuer": issuer, "subject_name": "CN=h1", "expires_at": until}
    return Certificate(host_id=host_id, cluster="c", **(given | more))


def container(**more: Any) -> Record:
    return guest(**CONTAINER, **more)


def public(**more: Any) -> Record:
    return PUBLIC.model_copy(update=more)


def personal(**more: Any) -> Record:
    return PERSONAL.model_copy(update=more)


CASES: list[Case] = [
    # HYP-001 a host that confines nothing, HYP-002 a guest that is not confined
    Case("HYP-001", "ok", (host(confinement="apparmor"),), sources=LIBVIRT),
    Case("HYP-001", "risk", (host(confinement="none"),), sources=LIBVIRT),
    Case("HYP-001", "unknown", (host(confinement=None),), sources=LIBVIRT),
    Case("HYP-002", "ok", (guest(confinement="selinux"),), sources=LIBVIRT),
    Case("HYP-002", "risk", (guest(confinement="none"),), sources=LIBVIRT),
    Case("HYP-002", "unknown", (guest(confinement=None),), sources=LIBVIRT),
    # HYP-003 privileged container
    Case("HYP-003", "ok", (container(unprivileged=True),)),
    Case("HYP-003", "risk", (container(unprivileged=False),)),
    Case("HYP-003", "unknown", (container(unprivileged=None),)),
    Case("HYP-003", "not_applicable", (guest(),)),
    Case("HYP-003", "not_applicable", (container(unprivileged=False, template=True),)),
    # HYP-004 confinement taken away
    Case("HYP-004", "ok", (container(raw_options=("lxc.mount.entry: /a b none bind",)),)),
    Case("HYP-004", "risk", (container(raw_options=("lxc.apparmor.profile: unconfined",)),),
         severity="critical"),
    Case("HYP-004", "risk", (container(raw_options=("lxc.cap.drop:",)),), severity="critical"),
    Case("HYP-004", "ok", (container(raw_options=("lxc.cap.drop: sys_admin",)),)),
    Case("HYP-004", "risk", (container(raw_options=("lxc.cgroup2.devices.allow: a",)),),
         severity="critical"),
    Case("HYP-004", "risk",
         (container(raw_options=("lxc.cgroup2.devices.allow: c 10:200 rwm",)),),
         severity="medium"),
    Case("HYP-004", "unknown", (container(raw_options=None),)),
    Case("HYP-004", "not_applicable", (guest(raw_options=("-monitor",)),)),
    # HYP-005 features on personal or public containers
    Case("HYP-005", "ok", (container(tags=("zone.dmz",), features=("nesting",)),)),
    Case("HYP-005", "risk", (container(tags=("zone.dmz",), features=("fuse", "nesting")),)),
    Case("HYP-005", "risk", (container(tags=("cls.pribadi-umum",), features=("mount=nfs",)),)),
    Case("HYP-005", "unknown", (container(tags=("zone.dmz",), features=None),)),
    Case("HYP-005", "not_applicable", (container(features=("fuse",)),)),
    # HYP-006 devices of the host
    Case("HYP-006", "ok", (guest(passthrough=(), host_paths=()),)),
    Case("HYP-006", "ok", (guest(passthrough=(), host_paths=("/srv/data", "mapping:x")),)),
    Case("HYP-006", "risk", (guest(passthrough=("hostpci0 0000:01:00.0",)),), severity="medium"),
    Case("HYP-006", "risk", (public(passthrough=("usb0 1234:5678",)),), severity="high"),
    Case("HYP-006", "risk", (guest(host_paths=("/etc",)),), severity="high"),
    Case("HYP-006", "risk", (guest(passthrough=(), host_paths=("/",)),), severity="high"),
    Case("HYP-006", "unknown", (guest(passthrough=None, host_paths=()),)),
    Case("HYP-006", "unknown", (guest(passthrough=(), host_paths=None),)),
    Case("HYP-006", "not_applicable", (TEMPLATE,)),
    # HYP-007 raw arguments
    Case("HYP-007", "ok", (guest(raw_arguments=False),)),
    Case("HYP-007", "risk", (guest(raw_arguments=True, raw_options=("-monitor",)),)),
    Case("HYP-007", "risk", (guest(raw_arguments=True),)),
    Case("HYP-007", "unknown", (guest(raw_arguments=None),)),
    Case("HYP-007", "not_applicable", (container(raw_arguments=True),)),
    # HYP-008 hook script
    Case("HYP-008", "ok", (guest(hook_script=""),)),
    Case("HYP-008", "risk", (guest(hook_script="local:snippets/hook.pl"),)),
    Case("HYP-008", "unknown", (guest(hook_script=None),)),
    # HYP-009 side channels
    Case("HYP-009", "ok", (guest(cpu_model="host +aes"),)),
    Case("HYP-009", "ok", (guest(cpu_model="Skylake-Server-IBRS"),)),
    Case("HYP-009", "ok", (guest(cpu_model="x86-64-v2-AES +spec-ctrl +ssbd"),)),
    Case("HYP-009", "risk", (guest(cpu_model="kvm64"),)),
    Case("HYP-009", "risk", (guest(cpu_model="x86-64-v2-AES +aes -ssbd"),)),
    Case("HYP-009", "unknown", (guest(cpu_model="custom-city"),)),
    Case("HYP-009", "unknown", (guest(cpu_model=None),)),
    Case("HYP-009", "not_applicable", (container(),)),
    # HYP-010 nested virtualisation
    Case("HYP-010", "ok", (public(cpu_model="x86-64-v3"),)),
    Case("HYP-010", "ok", (public(cpu_model="host -vmx"),)),
    Case("HYP-010", "risk", (public(cpu_model="host"),)),
    Case("HYP-010", "risk", (public(cpu_model="EPYC +svm"),)),
    Case("HYP-010", "unknown", (public(cpu_model=None),)),
    Case("HYP-010", "not_applicable", (guest(cpu_model="host"),)),
    # HYP-011 certificates that expire, HYP-012 of the platform's own authority
    Case("HYP-011", "ok", (host(), certificate(31))),
    Case("HYP-011", "risk", (host(), certificate(29)), severity="high"),
    Case("HYP-011", "risk", (host(), certificate(-1)), severity="critical"),
    Case("HYP-011", "unknown", (host(), certificate(None))),
    Case("HYP-011", "unknown", (host(),)),
    Case("HYP-011", "not_applicable", (host(status="offline"),)),
    Case("HYP-012", "ok", (host(), certificate(90))),
    Case("HYP-012", "risk", (host(), certificate(90, issuer=OWN_AUTHORITY))),
    Case("HYP-012", "ok", (host(), certificate(90, issuer=OWN_AUTHORITY),
                           certificate(90, file="pveproxy-ssl.pem"))),
    Case("HYP-012", "unknown", (host(), certificate(90, issuer=None))),
    Case("HYP-012", "not_applicable", (host(status="offline"),)),
    # HYP-013 not protected from deletion
    Case("HYP-013", "ok", (guest(tags=("crit.1",), protection=True),)),
    Case("HYP-013", "risk", (guest(tags=("crit.2",), protection=False),)),
    Case("HYP-013", "unknown", (guest(tags=("crit.1",), protection=None),)),
    Case("HYP-013", "not_applicable", (guest(tags=("crit.3",), protection=False),)),
    # HYP-014 hardware of another age
    Case("HYP-014", "ok", (PUBLIC, nic("200", model="virtio"), disk("200"))),
    Case("HYP-014", "risk", (PUBLIC, nic("200", model="e1000"))),
    Case("HYP-014", "risk", (PUBLIC, disk("200", "ide0"))),
    Case("HYP-014", "unknown", (PUBLIC, nic("200", model=None))),
    Case("HYP-014", "not_applicable", (guest(), nic(model="rtl8139"))),
    # HYP-015 the clipboard of a console
    Case("HYP-015", "ok", (personal(clipboard=False),)),
    Case("HYP-015", "risk", (personal(clipboard=True),)),
    Case("HYP-015", "unknown", (personal(clipboard=None),)),
    Case("HYP-015", "not_applicable", (guest(clipboard=True),)),
    # HYP-016 a medium left in a drive
    Case("HYP-016", "ok", (guest(media=()),)),
    Case("HYP-016", "risk", (guest(media=("local:iso/debian.iso",)),), days_seen=31),
    Case("HYP-016", "unknown", (guest(media=("local:iso/debian.iso",)),), days_seen=29),
    Case("HYP-016", "unknown", (guest(media=None),)),
    Case("HYP-016", "not_applicable", (container(),)),
    # HYP-017 secure boot
    Case("HYP-017", "ok", (guest(**UEFI, secure_boot=True),), policy=SECURE),
    Case("HYP-017", "risk", (guest(**UEFI, secure_boot=False),), policy=SECURE),
    Case("HYP-017", "unknown", (guest(**UEFI, secure_boot=None),), policy=SECURE),
    Case("HYP-017", "unknown", (guest(os="Windows 11 or Server 2022/2025"),), policy=SECURE),
    Case("HYP-017", "not_applicable", (guest(os="debian-13", secure_boot=False),), policy=SECURE),
    Case("HYP-017", "not_applicable", (guest(**UEFI, secure_boot=False),)),
    # HYP-018 left half done
    Case("HYP-018", "ok", (guest(pending=()),)),
    Case("HYP-018", "risk", (guest(pending=("memory",)),), days_seen=2),
    Case("HYP-018", "risk", (guest(pending=(), lock="suspended"),)),
    Case("HYP-018", "unknown", (guest(pending=("memory",)),)),
    Case("HYP-018", "unknown", (guest(pending=(), lock="backup"),)),
    Case("HYP-018", "unknown", (guest(pending=None),)),
    Case("HYP-018", "not_applicable", (TEMPLATE,)),
]  # fmt: skip
CLEAN: list[Record] = [certificate(90), certificate(90, host_id="h2")]


def _changed(one: Record, rule: str, **changes: Any) -> Flip:
    return Flip(rule, one, one.model_copy(update=changes))


def _crit(one: Any, tag: str) -> tuple[str, ...]:
    return (*one.tags, tag)


FLIPS: list[Flip] = [
    replace(_changed(H1, "HYP-001", confinement="none"), sources=LIBVIRT),
    replace(_changed(GUEST, "HYP-002", confinement="none"), sources=LIBVIRT),
    replace(_changed(GUEST, "HYP-017", secure_boot=False),
            policy={"hardening": {"secure_boot_os": ["debian"]}}),
    _changed(GUEST, "HYP-003", kind="container", unprivileged=False),
    _changed(GUEST, "HYP-004", kind="container", raw_options=("lxc.cap.drop:",)),
    _changed(GUEST, "HYP-005", kind="container", features=("fuse",)),
    replace(_changed(GUEST, "HYP-006", passthrough=("hostpci0 0000:01:00.0",)),
            also=("AVL-001", "AVL-019")),  # it cannot run elsewhere
    _changed(GUEST, "HYP-007", raw_arguments=True),
    _changed(GUEST, "HYP-008", hook_script="local:snippets/hook.pl"),
    _changed(GUEST, "HYP-009", cpu_model="kvm64"),
    _changed(OTHER, "HYP-010", cpu_model="host"),
    Flip("HYP-011", certificate(90), certificate(20)),
    Flip("HYP-012", certificate(90), certificate(90, issuer=OWN_AUTHORITY)),
    _changed(OTHER, "HYP-013", tags=_crit(OTHER, "crit.2"), protection=False),
    _changed(nic("200", vlan=20), "HYP-014", model="e1000"),
    _changed(GUEST, "HYP-015", clipboard=True),
    _changed(GUEST, "HYP-016", media=("local:iso/debian.iso",)),
    _changed(GUEST, "HYP-018", pending=("memory",)),
]  # fmt: skip
