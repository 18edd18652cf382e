"""What one poll of a Proxmox cluster covered, and what stood in the way of the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from collectors.proxmox.visibility import Rights
from inventory.records import Coverage, CoverageState

if TYPE_CHECKING:
    from collectors.proxmox.parse import Answers

_OF_A_GUEST = ("guest", "disk", "nic", "guest_snapshot")
_NOTHING = Rights({}, "")


def coverage_of(answers: Answers) -> tuple[Coverage, ...]:
    """The coverage of every kind of fact, whole and part by part."""
    rights = answers.rights or _NOTHING
    return (
        *_hosts(answers, rights),
        *_guests(answers, rights),
        *_datastores(answers, rights),
        *_jobs(answers, rights),
        *_backups(answers, rights),
    )


def _whole(kind: str, state: CoverageState, reason: str = "", remedy: str = "") -> Coverage:
    return Coverage("", kind, state, reason, remedy)


def _refusal(answer: Mapping[str, Any]) -> str:
    status, reason = answer.get("status"), str(answer.get("reason") or "no reason given")
    return f"{status} {reason}" if status else reason


def _hosts(answers: Answers, rights: Rights) -> Iterator[Coverage]:
    """Node rows are listed to everyone, their figures only to an auditor of the node."""
    if answers.get("GET /cluster/resources")["status"] != 200:
        yield _whole("host", "failed", _refusal(answers.get("GET /cluster/resources")))
        return
    if not rights.has("Sys.Audit", "/nodes"):
        yield _whole(
            "host", "hidden", "Sys.Audit on /nodes is missing: no sizes, no usage",
            rights.grant("/nodes"),
        )  # fmt: skip
        return
    yield _whole("host", "complete")
    for row in answers.resources:
        if row.get("type") != "node" or not row.get("node"):
            continue
        name = str(row["node"])
        if row.get("status") != "online":
            yield Coverage(f"host/{name}", "host", "failed", f"node {name} is {row.get('status')}")
            continue
        answer = answers.get(f"GET /nodes/{name}/status")
        if answer["status"] != 200:
            yield Coverage(f"host/{name}", "host", "failed", _refusal(answer))


def _guests(answers: Answers, rights: Rights) -> Iterator[Coverage]:
    resources = answers.get("GET /cluster/resources")
    if resources["status"] != 200:
        for kind in _OF_A_GUEST:
            yield _whole(kind, "failed", _refusal(resources))
        return
    sees_all = rights.has("VM.Audit", "/vms")
    seen = len(answers.guest_rows)
    for kind in _OF_A_GUEST:
        if sees_all:
            yield _whole(kind, "complete")
        elif seen:
            reason = f"VM.Audit on /vms is missing: {seen} guests of an unknown total are shown"
            yield _whole(kind, "partial", reason, rights.grant("/vms"))
        else:
            reason = "VM.Audit on /vms is missing: no guest is shown"
            yield _whole(kind, "hidden", reason, rights.grant("/vms"))
    for row in answers.guest_rows:
        yield from _guest(answers, row)


def _guest(answers: Answers, row: Mapping[str, Any]) -> Iterator[Coverage]:
    """What was seen of one guest, and when, for its answers may be of earlier polls."""
    scope = f"guest/{row.get('vmid')}"
    for kinds, what in ((("guest", "disk", "nic"), "config"), (("guest_snapshot",), "snapshot")):
        answer = answers.guest_answer(row, what)
        for kind in kinds:
            if answer["status"] == 200:
                yield Coverage(scope, kind, "complete", asked_at=_asked_at(answer))
            else:
                yield Coverage(scope, kind, *_missing(answers, row, answer))


def _asked_at(answer: Mapping[str, Any]) -> datetime | None:
    """When an answer that was used again had been given; None for one of this poll."""
    at = answer.get("asked_at")
    return None if at is None else datetime.fromtimestamp(at, UTC)


def _missing(
    answers: Answers, row: Mapping[str, Any], answer: Mapping[str, Any]
) -> tuple[CoverageState, str, str]:
    """Why a guest's configuration is not there: its node is away, or the token may not."""
    node = next(
        (r for r in answers.resources if r.get("type") == "node" and r.get("node") == row["node"]),
        {},
    )
    if node.get("status") != "online":
        return "failed", f"its node {row.get('node')} is {node.get('status', 'unknown')}", ""
    if answer.get("status") == 403 and answers.rights is not None:
        path = f"/vms/{row.get('vmid')}"
        return "hidden", _refusal(answer), answers.rights.grant(path)
    return "failed", _refusal(answer), ""


def _datastores(answers: Answers, rights: Rights) -> Iterator[Coverage]:
    """Storages are configured in one answer, and shown node by node in another."""
    for key in ("GET /storage", "GET /cluster/resources"):
        if answers.get(key)["status"] not in (200, 403):
            yield _whole("datastore", "failed", _refusal(answers.get(key)))
            return
    if rights.has("Datastore.Audit", "/storage"):
        yield _whole("datastore", "complete")
        for store in answers.storages.datastores(answers.cluster):
            if store.enabled is not False and store.capacity_bytes is None:
                scope = f"datastore/{store.datastore_id}"
                yield Coverage(scope, "datastore", "failed", "no node shows its size")
        return
    names = answers.storages.names
    missing = "Datastore.Audit on /storage is missing"
    if names:
        reason = f"{missing}: {len(names)} storages of an unknown total are shown"
        yield _whole("datastore", "partial", reason, rights.grant("/storage"))
        for store in answers.storages.datastores(answers.cluster):
            yield Coverage(f"datastore/{store.datastore_id}", "datastore", "complete")
    else:
        reason = f"{missing}: no storage is shown"
        yield _whole("datastore", "hidden", reason, rights.grant("/storage"))


def _jobs(answers: Answers, rights: Rights) -> Iterator[Coverage]:
    answer = answers.get("GET /cluster/backup")
    if answer["status"] == 200:
        yield _whole("backup_job", "complete")
    elif answer["status"] == 403:
        yield _whole("backup_job", "hidden", _refusal(answer), rights.grant("/"))
    else:
        yield _whole("backup_job", "failed", _refusal(answer))


def _backups(answers: Answers, rights: Rights) -> Iterator[Coverage]:
    """Backups are listed storage by storage; one that could not be listed leaves a part unseen."""
    stores = [
        store
        for store in answers.storages.datastores(answers.cluster)
        if "backup" in (store.content or ()) and store.enabled is not False
    ]
    if not rights.has("Datastore.Audit", "/storage") and not stores:
        reason = "Datastore.Audit on /storage is missing: no backup is shown"
        yield _whole("backup", "hidden", reason, rights.grant("/storage"))
        return
    listed = set(_listed(answers))
    unseen = [store for store in stores if store.datastore_id not in listed]
    if unseen or not rights.has("Datastore.Audit", "/storage"):
        names = ", ".join(store.datastore_id for store in unseen) or "storages that are not shown"
        yield _whole("backup", "partial", f"the backups on {names} could not be listed")
        for name in sorted(listed):
            yield Coverage(f"datastore/{name}", "backup", "complete")
    else:
        yield _whole("backup", "complete")
    for store in unseen:
        scope = f"datastore/{store.datastore_id}"
        yield Coverage(scope, "backup", "failed", _why_unlisted(answers, store.datastore_id))


def _listed(answers: Answers) -> Iterator[str]:
    for key, answer in answers.backup_lists():
        if answer["status"] == 200 and isinstance(answer.get("body"), list):
            yield key


def _why_unlisted(answers: Answers, datastore_id: str) -> str:
    for key, answer in answers.backup_lists():
        if key == datastore_id and answer["status"] != 200:
            return _refusal(answer)
    return "no node that has it is online"
