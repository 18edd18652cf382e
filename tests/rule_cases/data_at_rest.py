"""Data at rest."""

from __future__ import annotations

from typing import Any

from estates import health
from inventory.platform_records import Volume
from inventory.records import Coverage, Record
from rule_cases import (
    DISK,
    ENCRYPTED,
    GUEST,
    IN_CLEAR,
    LIBVIRT,
    NOT_SAID,
    OUT_OF_REACH,
    PERSONAL,
    SAN,
    TEMPLATE,
    Case,
    Flip,
    changed,
)
from rule_cases.backup import OLD_SNAPSHOT, snapshot
from stored import GIB, datastore, disk, guest

IN_GUEST = {
    "guests": [{"match": {"guest_id": "100"}, "encrypted_in_guest_on": "2026-05-01"}]
} | ENCRYPTED
TO_COME = {"guests": [{"match": {"guest_id": "100"}, "encrypted_in_guest_on": "2026-11-24"}]}
FULL_DISK = {"encryption": {"in_guest": ["pribadi-umum"]}}
NO_VOLUMES = (health(kind="libvirt", gaps=[Coverage("", "volume", "partial", "no list")]),)
UNREAD = (health(gaps=[Coverage("guest/100", "disk", "failed", "locked")]),)
BEYOND = (health(gaps=[OUT_OF_REACH]),)


def volume(**more: Any) -> Volume:
    given = {"volume_id": "san:old.qcow2", "datastore_id": "san", "kind": "qcow2"}
    return Volume(cluster="c", **(given | more))


def unused(guest_id: str = "100") -> Record:
    return disk(guest_id, "unused0", purpose="unused", backup=False, capacity_bytes=None)


def clone(base: str, **more: Any) -> Record:
    return disk("200", linked_clone_of=base, **more)


OPEN = guest("200", tags=("cls.publik",))
BOTH = (guest(tags=("ha.app",)), guest("200", tags=("ha.app",)))
SHARED = (
    disk(shareable=True, volume="san:vm-100-disk-0"),
    disk("200", shareable=True, volume="san:vm-100-disk-0"),
)

CASES: list[Case] = [
    # DAR-001 personal data in the clear
    Case("DAR-001", "ok", (PERSONAL, disk(encrypted=True))),
    Case("DAR-001", "ok", (PERSONAL, disk(), datastore()), owners=ENCRYPTED),
    Case("DAR-001", "ok", (PERSONAL, disk(encrypted=False), datastore()), owners=IN_GUEST),
    Case("DAR-001", "risk", (PERSONAL, disk(encrypted=False), datastore()), owners=TO_COME),
    Case("DAR-001", "risk", (PERSONAL, disk(), datastore()), owners=IN_CLEAR),
    Case("DAR-001", "risk", (PERSONAL, disk(encrypted=False), datastore()), owners=ENCRYPTED),
    Case("DAR-001", "unknown", (PERSONAL, disk(), datastore())),
    Case("DAR-001", "unknown", (PERSONAL, disk(), datastore()), owners=NOT_SAID),
    Case("DAR-001", "unknown", (PERSONAL, disk()), sources=(health(hidden=("disk",)),)),
    Case("DAR-001", "not_applicable", (guest(tags=("cls.publik",)), disk())),
    Case("DAR-001", "not_applicable", (guest(), disk())),
    # DAR-002 a libvirt disk in the clear
    Case("DAR-002", "ok", (PERSONAL, disk(encrypted=True)), sources=LIBVIRT),
    Case("DAR-002", "ok", (PERSONAL, disk(), datastore()), sources=LIBVIRT, owners=ENCRYPTED),
    Case("DAR-002", "ok", (PERSONAL, disk()), sources=LIBVIRT, owners=IN_GUEST),
    Case("DAR-002", "risk", (PERSONAL, disk()), sources=LIBVIRT, owners=TO_COME),
    Case("DAR-002", "risk", (PERSONAL, disk(), datastore()), sources=LIBVIRT, severity="medium"),
    Case("DAR-002", "unknown", (PERSONAL,), sources=(health(kind="libvirt", hidden=("disk",)),)),
    Case("DAR-002", "not_applicable", (guest(), disk()), sources=LIBVIRT),
    # DAR-003 the old way of encryption
    Case("DAR-003", "ok", (guest(), disk(encryption="luks")), sources=LIBVIRT),
    Case("DAR-003", "risk", (guest(), disk(encryption="qcow")), sources=LIBVIRT, severity="high"),
    Case("DAR-003", "unknown", (guest(), disk()), sources=LIBVIRT),
    Case("DAR-003", "not_applicable", (guest(), disk(encryption="")), sources=LIBVIRT),
    # DAR-004 cache=unsafe
    Case("DAR-004", "ok", (guest(), disk(cache="none"))),
    Case("DAR-004", "risk", (guest(), disk(cache="unsafe"))),
    Case("DAR-004", "unknown", (guest(), disk(cache=None))),
    Case("DAR-004", "not_applicable", (guest(tags=("env.lab",)), disk(cache="unsafe"))),
    Case("DAR-004", "not_applicable", (guest(), disk(cache="unsafe", purpose="tpm"))),
    # DAR-005 left behind
    Case("DAR-005", "ok", (guest(), disk(), datastore())),
    Case("DAR-005", "ok", (guest(), disk(), datastore()), sources=BEYOND),
    Case("DAR-005", "risk", (guest(), unused(), datastore()), severity="medium"),
    Case("DAR-005", "risk", (PERSONAL, unused(), datastore()), severity="high"),
    Case("DAR-005", "risk", (unused("999"), datastore())),
    Case("DAR-005", "risk", (datastore(), volume(allocated_bytes=GIB)), sources=LIBVIRT),
    Case("DAR-005", "ok", (datastore(), volume(kind="iso")), sources=LIBVIRT),
    Case("DAR-005", "ok", (datastore(), volume(datastore_id="other")), sources=LIBVIRT),
    Case("DAR-005", "unknown", (datastore(),), sources=NO_VOLUMES),
    Case("DAR-005", "unknown", (datastore(),), sources=(health(hidden=("disk",)),)),
    Case("DAR-005", "unknown", (guest(), datastore(hosts=("h1",))), sources=UNREAD),
    Case("DAR-005", "ok", (guest(), datastore(hosts=("h2",))), sources=UNREAD),
    Case("DAR-005", "not_applicable", (datastore(content=("backup",)),)),
    # DAR-006 memory in a snapshot
    Case("DAR-006", "ok", (PERSONAL, snapshot(90))),
    Case("DAR-006", "ok", (PERSONAL, snapshot(0.9, memory_state=True))),
    Case("DAR-006", "risk", (PERSONAL, snapshot(1.1, memory_state=True)), severity="high"),
    Case("DAR-006", "unknown", (PERSONAL, snapshot(90, memory_state=None))),
    Case("DAR-006", "unknown", (PERSONAL, snapshot(None, memory_state=True))),
    Case("DAR-006", "not_applicable", (guest(), snapshot(90, memory_state=True))),
    # DAR-007 one disk, two guests
    Case("DAR-007", "ok", (guest(), disk(shareable=False))),
    Case("DAR-007", "ok", (*BOTH, *SHARED)),
    Case("DAR-007", "risk", (guest(), OPEN, *SHARED)),
    Case("DAR-007", "risk", (guest(), disk(shareable=True)), severity="high"),
    Case("DAR-007", "unknown", (guest(), disk(shareable=None))),
    Case("DAR-007", "not_applicable", (guest(), unused())),
    # DAR-008 a clone of a higher class
    Case("DAR-008", "ok", (guest(tags=("cls.publik",)), OPEN, clone("base-100-disk-0"))),
    Case("DAR-008", "risk", (PERSONAL, OPEN, clone("base-100-disk-0")), severity="medium"),
    Case("DAR-008", "risk", (PERSONAL, disk(volume="/p/a", linked_clone_of=""), OPEN,
                             clone("/p/a"))),
    Case("DAR-008", "unknown", (PERSONAL, OPEN, clone("/p/other"))),
    Case("DAR-008", "unknown", (guest(), OPEN, clone("base-100-disk-0"))),
    Case("DAR-008", "unknown", (OPEN, disk("200", linked_clone_of=None))),
    Case("DAR-008", "not_applicable", (OPEN, clone(""))),
    # DAR-009 readable by all
    Case("DAR-009", "ok", (datastore(folder_mode=0o711), disk(file_mode=0o600)), sources=LIBVIRT),
    Case("DAR-009", "ok", (datastore(folder_mode=0o700), disk(file_mode=0o644)), sources=LIBVIRT),
    Case("DAR-009", "risk", (datastore(folder_mode=0o711), disk(file_mode=0o644)), sources=LIBVIRT,
         severity="medium"),
    Case("DAR-009", "risk", (datastore(folder_mode=0o777),), sources=LIBVIRT),
    Case("DAR-009", "unknown", (datastore(folder_mode=0o711), disk()), sources=LIBVIRT),
    Case("DAR-009", "unknown", (datastore(),), sources=LIBVIRT),
    Case("DAR-009", "unknown", (guest(), datastore(folder_mode=0o711)),
         sources=(health(kind="libvirt", gaps=UNREAD[0].state.gaps),)),
    # DAR-010 no TPM
    Case("DAR-010", "ok", (changed(PERSONAL, vtpm=True),), policy=FULL_DISK),
    Case("DAR-010", "risk", (changed(PERSONAL, vtpm=False),), policy=FULL_DISK, severity="low"),
    Case("DAR-010", "unknown", (PERSONAL,), policy=FULL_DISK),
    Case("DAR-010", "not_applicable", (changed(PERSONAL, vtpm=False),)),
    Case("DAR-010", "not_applicable", (changed(PERSONAL, kind="container"),), policy=FULL_DISK),
    Case("DAR-010", "not_applicable", (TEMPLATE,), policy=FULL_DISK),
]  # fmt: skip
CLEAN: list[Record] = []
FLIPS: list[Flip] = [
    Flip("DAR-001", DISK, changed(DISK, encrypted=False)),
    Flip("DAR-002", DISK, changed(DISK, encrypted=None), sources=LIBVIRT),
    Flip("DAR-003", DISK, changed(DISK, encryption="qcow"), sources=LIBVIRT),
    Flip("DAR-004", DISK, changed(DISK, cache="unsafe")),
    Flip("DAR-005", becomes=unused()),
    Flip("DAR-006", OLD_SNAPSHOT, changed(OLD_SNAPSHOT, memory_state=True)),
    Flip("DAR-007", DISK, changed(DISK, shareable=True)),
    Flip(
        "DAR-008",
        becomes=clone("base-100-disk-0", backup=True, cache="none", shareable=False),
        also=("PRV-011",),
    ),
    Flip("DAR-009", SAN, changed(SAN, folder_mode=0o777), sources=LIBVIRT),
    Flip("DAR-010", GUEST, changed(GUEST, vtpm=False), policy=FULL_DISK),
]
