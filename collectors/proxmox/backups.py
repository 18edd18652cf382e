"""Stored backups and the jobs that make them.

Two listings tell of stored backups. The dry run of pruning shows every one to an auditor, without
sizes; the content of a storage has sizes, encryption and verification, but leaves out silently
what the token may not restore. Where both were read they complete each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from collectors.proxmox.storage import Storages, retention_text
from collectors.proxmox.values import flag, rows, text, words
from collectors.proxmox.wire import Answer
from collectors.untrusted import instant, mapping, whole
from inventory.records import Backup, BackupJob

Row = Mapping[str, Any]

# A backup's own name tells when it was made; of any other file the time is the file's own.
_OWN_NAME = re.compile(
    r"(^|/)vzdump-(qemu|lxc|openvz)-\d+-\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d\.(vma|tar)(\.|$)"
    r"|^backup/(vm|ct)/\d+/\d{4}-\d\d-\d\dT"
)


@dataclass(frozen=True, slots=True)
class Listing:
    """One answer that lists the backups of a storage."""

    storage: str
    datastore_id: str
    with_sizes: bool
    answer: Answer

    @property
    def was_answered(self) -> bool:
        return bool(self.answer["status"] == 200)


def listings(answers: Mapping[str, Answer], storages: Storages) -> list[Listing]:
    """The listings among the answers, in the order of their storages; those with sizes first."""
    found = []
    for key, answer in answers.items():
        path, _question, parameters = key.partition("?")
        parts = path.split("/")
        if len(parts) != 6 or parts[3] != "storage":
            continue
        with_sizes = parts[5] == "content" and parameters == "content=backup"
        if with_sizes or parts[5] == "prunebackups":
            place = storages.datastore_id(parts[2], parts[4])
            found.append(Listing(parts[4], place, with_sizes, answer))
    return sorted(found, key=lambda one: (one.storage, not one.with_sizes))


def backups(listed: Iterable[Listing], cluster: str) -> Iterator[Backup]:
    """Every stored backup once, also when it is seen through two ids of its storage."""
    known: dict[str, Backup] = {}
    for listing in listed:
        for row in rows(listing.answer.get("body")):
            backup = _backup(row, listing, cluster)
            if backup is not None:
                before = known.get(backup.name)
                known[backup.name] = backup if before is None else _completed(before, backup)
    yield from known.values()


def _backup(row: Row, listing: Listing, cluster: str) -> Backup | None:
    """A stored backup. The name leaves out the storage's id, so that both of two ids give one."""
    volume = text(row.get("volid"))
    if not volume or row.get("vmid") in (None, ""):
        return None
    name = volume.partition(":")[2]
    renamed = row.get("mark") == "renamed" or not _OWN_NAME.search(name)
    return Backup(
        guest_id=str(row["vmid"]),
        cluster=cluster,
        name=f"{listing.datastore_id}:{name}",
        created_at=None if renamed else instant(whole(row.get("ctime"))),
        datastore_id=listing.datastore_id,
        **(_details(row) if listing.with_sizes else {"protected": row.get("mark") == "protected"}),
    )


def _details(row: Row) -> dict[str, Any]:
    """What only the content tells. An archive is never encrypted and cannot be verified; on a
    backup server an absent key means that it is not, or was not yet."""
    on_server = str(row.get("format", "")).startswith("pbs-")
    state = text(mapping(row.get("verification")).get("state"))
    return {
        "bytes": whole(row.get("size")),
        "protected": flag(row.get("protected", 0)),
        "encrypted": _is_encrypted(row.get("encrypted")),
        "verified": state == "ok" if state or on_server else None,
    }


def _is_encrypted(value: Any) -> bool:
    """The key's fingerprint or 1; absent for what is not encrypted."""
    return value not in (None, "", "0", 0, False)


def _completed(one: Backup, other: Backup) -> Backup:
    """The first, with what only the second knows."""
    missing = {name: value for name, value in dict(other).items() if getattr(one, name) is None}
    return one.model_copy(update=missing) if missing else one


def jobs(answer_rows: Iterable[Row], cluster: str, storages: Storages) -> Iterator[BackupJob]:
    """cluster/backup: what is backed up, when, and where to."""
    for row in answer_rows:
        if row.get("id") is None or row.get("type", "vzdump") != "vzdump":
            continue
        storage = text(row.get("storage"))
        yield BackupJob(
            job_id=str(row["id"]),
            cluster=cluster,
            enabled=flag(row.get("enabled", 1)),
            schedule=text(row.get("schedule")) or "",
            datastore_id=storages.datastore_id("", storage) if storage else None,
            selects_all=flag(row.get("all", 0)),
            guest_ids=words(row.get("vmid"), ","),
            excluded_guest_ids=words(row.get("exclude"), ","),
            resource_pool=text(row.get("pool")) or "",
            host_id=text(row.get("node")) or "",
            retention=retention_text(row.get("prune-backups")),
        )
