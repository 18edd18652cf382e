"""Data at rest."""

from __future__ import annotations

from inventory.records import Disk
from planner.estate import Estate, GuestView
from planner.risks.rule import HIGH, Outcome, Rule, not_applicable, ok, risk, rule, unknown


@rule(
    "DAR-001",
    "Personal data on storage not known to be encrypted",
    subject="guest",
    severity=HIGH,
    group="data_at_rest",
    essential=True,
    needs=("disk",),
    refs=("ISO 27001 A.8.24", "NIST SC-28", "CIS 3.11", "UU 27/2022 art. 35"),
    why="A stolen, returned or discarded disk then carries citizens' data in the clear.",
    fix="Encrypt the datastore, and declare it in the estate file: storages.NAME.encrypted with "
    "evidence_on.",
)
def personal_data_unencrypted(view: GuestView, estate: Estate) -> Outcome:
    if not view.is_personal:
        return not_applicable("no personal data" if view.classification else "class not known")
    disks = [disk for disk in estate.disks_of(view.guest) if disk.purpose in (None, "data")]
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
    refs=("ISO 27001 A.8.13", "NIST SI-12"),
    why="The host then ignores the guest's flushes: a power cut loses or corrupts what the guest "
    "believed was written.",
    fix="Set the disk's cache to none or writeback.",
)
def cache_unsafe(disk: Disk, estate: Estate) -> Outcome:
    if disk.cache is None:
        return unknown("the cache mode was not seen")
    return risk(disk=disk.slot, cache=disk.cache) if disk.cache == "unsafe" else ok()


RULES: tuple[Rule, ...] = (personal_data_unencrypted, cache_unsafe)
