"""What one poll of a Proxmox cluster covered, and what stood in the way of the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from collectors.proxmox.access import access_coverage
from collectors.proxmox.agents import filesystem_coverage
from collectors.proxmox.answers import Answers
from collectors.proxmox.backups import Listing
from collectors.proxmox.gaps import TOLD_BY, asked_at, guests_shown, of_guest, refusal, whole
from collectors.proxmox.ha import ha_coverage
from collectors.proxmox.platform_coverage import of_the_platform
from collectors.proxmox.replication import replication_coverage
from collectors.proxmox.visibility import NO_RIGHTS, Rights
from inventory.records import Coverage

_OF_GUESTS_ALONE = ("guest", "disk", "nic", "guest_snapshot", "pending")


def coverage_of(answers: Answers) -> tuple[Coverage, ...]:
    """The coverage of every kind of fact, whole and part by part."""
    rights = answers.rights or NO_RIGHTS
    return (
        *_hosts(answers, rights),
        *_guests(answers, rights),
        *filesystem_coverage(answers, rights),
        *_datastores(answers, rights),
        *_jobs(answers, rights),
        *_backups(answers, rights),
        *of_the_platform(answers, rights),
        *ha_coverage(answers, rights),
        *replication_coverage(answers, rights),
        *access_coverage(answers, rights),
    )


def _hosts(answers: Answers, rights: Rights) -> Iterator[Coverage]:
    """Node rows are listed to everyone, their figures only to an auditor of the node."""
    if answers.get("GET /cluster/resources")["status"] != 200:
        yield whole("host", "failed", refusal(answers.get("GET /cluster/resources")))
        return
    if not rights.has("Sys.Audit", "/nodes") and not rights.held_below("Sys.Audit", "/nodes"):
        yield whole(
            "host", "hidden", "Sys.Audit on /nodes is missing: no sizes, no usage",
            rights.grant("/nodes"),
        )  # fmt: skip
        return
    yield whole("host", "complete")
    for row in answers.resources:
        if row.get("type") != "node" or not row.get("node"):
            continue
        name = str(row["node"])
        if row.get("status") != "online":
            yield Coverage(f"host/{name}", "host", "failed", f"node {name} is {row.get('status')}")
            continue
        answer = answers.get(f"GET /nodes/{name}/status")
        if answer["status"] == 403:
            why = refusal(answer)
            yield Coverage(f"host/{name}", "host", "hidden", why, rights.remedy(why, "/nodes"))
        elif answer["status"] != 200:
            yield Coverage(f"host/{name}", "host", "failed", refusal(answer))


def _guests(answers: Answers, rights: Rights) -> Iterator[Coverage]:
    for kind in _OF_GUESTS_ALONE:
        yield guests_shown(answers, rights, kind)
    for row in answers.guest_rows:
        parts = {kind: of_guest(answers, row, kind) for kind in TOLD_BY}
        yield from (part for kind, part in parts.items() if part and _is_news(kind, part, parts))


def _is_news(kind: str, part: Coverage, parts: Mapping[str, Coverage | None]) -> bool:
    """What waits for a restart is a gap of its own only where the rest of the guest was seen."""
    config = parts["guest"]
    return kind != "pending" or (part.is_gap and config is not None and not config.is_gap)


def _datastores(answers: Answers, rights: Rights) -> Iterator[Coverage]:
    """Storages are configured in one answer, and shown node by node in another."""
    for key in ("GET /storage", "GET /cluster/resources"):
        if answers.get(key)["status"] not in (200, 403):
            yield whole("datastore", "failed", refusal(answers.get(key)))
            return
    if rights.has_everywhere("Datastore.Audit", "/storage"):
        yield whole("datastore", "complete")
        for store in answers.storages.datastores(answers.cluster):
            if store.enabled is not False and store.capacity_bytes is None:
                scope = f"datastore/{store.datastore_id}"
                yield Coverage(scope, "datastore", "failed", "no node shows its size")
        return
    names = answers.storages.names
    missing = rights.lack("Datastore.Audit", "/storage")
    if names:
        reason = f"{missing}: {len(names)} storages of an unknown total are shown"
        yield whole("datastore", "partial", reason, rights.grant("/storage"))
        for store in answers.storages.datastores(answers.cluster):
            yield Coverage(f"datastore/{store.datastore_id}", "datastore", "complete")
    else:
        reason = f"{missing}: no storage is shown"
        yield whole("datastore", "hidden", reason, rights.grant("/storage"))


def _jobs(answers: Answers, rights: Rights) -> Iterator[Coverage]:
    answer = answers.get("GET /cluster/backup")
    if answer["status"] == 200:
        yield whole("backup_job", "complete")
    elif answer["status"] == 403:
        yield whole("backup_job", "hidden", refusal(answer), rights.grant("/"))
    else:
        yield whole("backup_job", "failed", refusal(answer))


def _backups(answers: Answers, rights: Rights) -> Iterator[Coverage]:
    """Backups are listed storage by storage; one that could not be listed leaves a part unseen."""
    stores = [
        store
        for store in answers.storages.datastores(answers.cluster)
        if "backup" in (store.content or ()) and store.enabled is not False
    ]
    sees_all = rights.has_everywhere("Datastore.Audit", "/storage")
    if not sees_all and not stores:
        reason = "Datastore.Audit on /storage is missing: no backup is shown"
        yield whole("backup", "hidden", reason, rights.grant("/storage"))
        return
    listed = answers.backup_lists()
    parts = [_of_a_datastore(store.datastore_id, listed, rights) for store in stores]
    unseen = [part.scope.partition("/")[2] for part in parts if part.is_gap]
    if unseen or not sees_all:
        names = ", ".join(unseen) or "storages that are not shown"
        remedy = "" if sees_all else rights.grant("/storage")
        yield whole("backup", "partial", f"the backups on {names} could not be listed", remedy)
    else:
        yield whole("backup", "complete")
    yield from parts


def _of_a_datastore(datastore_id: str, listed: list[Listing], rights: Rights) -> Coverage:
    """How a datastore's backups were listed: by the dry run of pruning, by its content, not at all.

    The content is complete only for a token from which it leaves nothing out.
    """
    scope = f"datastore/{datastore_id}"
    mine = [one for one in listed if one.datastore_id == datastore_id]
    dry = next((one for one in mine if one.was_answered and not one.with_sizes), None)
    full = next((one for one in mine if one.was_answered and one.with_sizes), None)
    if full is not None and rights.sees_backups_in(full.storage):
        return _seen(scope, full, "listed by its content, with sizes")
    if dry is not None:
        return _seen(scope, dry, "listed by the dry run of pruning: no sizes, no verification")
    why = next((refusal(one.answer) for one in mine if not one.was_answered), "")
    if full is not None:
        reason = (
            f"the dry run of pruning failed ({why}); the content leaves out what needs VM.Backup"
        )
        return Coverage(scope, "backup", "partial", reason, asked_at=asked_at(full.answer))
    if any(one.answer["status"] == 403 for one in mine):
        return Coverage(scope, "backup", "hidden", why, rights.remedy(why, "/storage"))
    return Coverage(scope, "backup", "failed", why or "no node that has it is online")


def _seen(scope: str, listing: Listing, way: str) -> Coverage:
    return Coverage(scope, "backup", "complete", way, asked_at=asked_at(listing.answer))
