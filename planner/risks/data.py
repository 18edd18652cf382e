"""Data at rest: encryption of disks, how they are written, and memory that was saved."""

from __future__ import annotations

from datetime import timedelta

from inventory.records import Disk
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.risks.rule import (
    HIGH,
    LOW,
    MEDIUM,
    Outcome,
    Rule,
    not_applicable,
    ok,
    risk,
    rule,
    unknown,
)

_THROWN_AWAY = frozenset({"env.lab"})


@rule(
    "DAR-001",
    "Personal data on storage not known to be encrypted",
    subject="guest",
    severity=HIGH,
    group="data_at_rest",
    essential=True,
    needs=("disk",),
    why="A stolen, returned or discarded disk then carries citizens' data in the clear.",
    fix="Encrypt the datastore, and declare it in the estate file: storages.NAME.encrypted with "
    "evidence_on. Where guests encrypt their own disks: guests, encrypted_in_guest_on.",
)
def personal_data_unencrypted(view: GuestView, estate: Estate) -> Outcome:
    if not view.is_personal:
        return not_applicable("no personal data" if view.classification else "class not known")
    disks = [disk for disk in estate.disks_of(view.guest) if disk.purpose in (None, "data")]
    if view.encrypts_itself:
        return ok()
    answers = {disk.disk_id: is_encrypted(disk, estate) for disk in disks}
    clear = [disk for disk in disks if answers[disk.disk_id] is False]
    if clear:
        return risk(
            classification=view.classification,
            datastores=sorted({disk.datastore_id or "?" for disk in clear}),
        )
    unsaid = sorted({d.datastore_id or "?" for d in disks if answers[d.disk_id] is None})
    if unsaid:
        return unknown(f"nothing says whether {', '.join(unsaid)} is encrypted")
    return ok() if disks else not_applicable("no disk")


def is_encrypted(disk: Disk, estate: Estate) -> bool | None:
    """What the platform says of the disk, else what the owners declare of its datastore."""
    if disk.encrypted is not None:
        return disk.encrypted
    store = estate.datastore(disk.cluster, disk.datastore_id)
    declared = estate.declared(store) if store else None
    if declared is None or declared.encrypted == "unknown":
        return None
    return declared.encrypted


@rule(
    "DAR-004",
    "Disk cache=unsafe",
    subject="disk",
    severity=HIGH,
    group="data_at_rest",
    essential=True,
    sources=("proxmox", "libvirt"),
    why="The host then ignores the guest's flushes: a power cut loses or corrupts what the guest "
    "believed was written.",
    fix="Set the disk's cache to none or writeback.",
)
def cache_unsafe(disk: Disk, estate: Estate) -> Outcome:
    view = estate.guest_of.get((disk.cluster, disk.guest_id))
    if disk.purpose not in (None, "data") or (view and _THROWN_AWAY & set(view.guest.tags or ())):
        return not_applicable("holds no data that anyone would miss")
    if disk.cache is None:
        return unknown("the cache mode was not seen")
    return risk(disk=disk.slot, cache=disk.cache) if disk.cache == "unsafe" else ok()


@rule(
    "DAR-002",
    "A libvirt disk of personal data is not encrypted",
    subject="disk",
    severity=MEDIUM,
    group="data_at_rest",
    sources=("libvirt",),
    why="Whoever reads the image, on the host or on a disk taken from it, reads the data.",
    fix="Make a volume with luks encryption and a secret, and move the data over. Where the layer "
    "below is encrypted, declare that in the estate file: storages, encrypted.",
)
def libvirt_disk_in_clear(disk: Disk, estate: Estate) -> Outcome:
    view = estate.guest_of.get((disk.cluster, disk.guest_id))
    if view is None or not view.is_personal:
        return not_applicable("not known to hold personal data")
    if view.encrypts_itself or is_encrypted(disk, estate):
        return ok()
    return risk(disk=disk.slot, datastore=disk.datastore_id or "none", format=disk.format)


@rule(
    "DAR-003",
    "A disk is encrypted in the old qcow way",
    subject="disk",
    severity=HIGH,
    group="data_at_rest",
    sources=("libvirt",),
    why="The AES of the qcow formats is broken by design: who has two copies of the image can "
    "compare them, and passphrases can be guessed at speed.",
    fix="Convert the image to LUKS with qemu-img convert, and delete the old one safely.",
)
def old_encryption(disk: Disk, estate: Estate) -> Outcome:
    if disk.encryption is None:
        return unknown("how the disk is encrypted was not seen")
    if not disk.encryption:
        return not_applicable("QEMU does not encrypt it")
    return risk(disk=disk.slot, encryption="qcow") if disk.encryption == "qcow" else ok()


_SHORT_SNAPSHOT = timedelta(hours=24)


@rule(
    "DAR-006",
    "A snapshot holds the memory of a guest with personal data",
    subject="guest",
    severity=HIGH,
    group="data_at_rest",
    needs=("guest_snapshot",),
    sources=("proxmox", "libvirt"),
    why="Memory holds passwords, keys and open records in the clear, whatever encrypts the disks.",
    fix="Delete the snapshot, or take one without memory; keep one with memory for a day at most.",
)
def memory_saved(view: GuestView, estate: Estate) -> Outcome:
    if not view.is_personal:
        return not_applicable("no personal data" if view.classification else "class not known")
    snapshots = estate.snapshots_of(view.guest)
    with_memory = [s for s in snapshots if s.memory_state]
    old = [
        s.name
        for s in with_memory
        if s.created_at is not None and estate.at - s.created_at > _SHORT_SNAPSHOT
    ]
    if old:
        return risk(snapshots=old, classification=view.classification)
    if any(s.memory_state is None for s in snapshots) or any(
        s.created_at is None for s in with_memory
    ):
        return unknown("whether a snapshot holds memory, or its age, was not seen")
    return ok()


@rule(
    "DAR-010",
    "No virtual TPM where the guest must encrypt its own disks",
    subject="guest",
    severity=LOW,
    group="data_at_rest",
    sources=("proxmox", "libvirt"),
    why="Without a TPM the key lies on the disk beside the data, or somebody types it in at every "
    "start.",
    fix="Add a TPM 2.0 before the disks are encrypted. Waive it where a key server unlocks them.",
)
def no_tpm(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.kind == "container" or view.guest.template:
        return not_applicable("a container or a template")
    if view.classification not in estate.policy.encryption.in_guest:
        return not_applicable("the policy asks for no encryption in the guest")
    if view.guest.vtpm is None:
        return unknown("whether it has a TPM was not seen")
    return ok() if view.guest.vtpm else risk(classification=view.classification, tpm="none")


RULES: tuple[Rule, ...] = (
    personal_data_unencrypted,
    libvirt_disk_in_clear,
    old_encryption,
    cache_unsafe,
    memory_saved,
    no_tpm,
)
