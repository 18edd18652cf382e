"""Copies: where backups lie, how far back they reach, whether they can be trusted and restored."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from inventory.records import Backup, BackupJob, Datastore, Disk, GuestSnapshot
from planner.answers import PoolAnswer
from planner.backups import kept_days
from planner.estate import Estate
from planner.guest_views import GuestView, ServiceView
from planner.numbers import exceeds
from planner.pools import GIB
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

_SERVERS = frozenset({"nfs", "cifs", "pbs", "iscsi", "iscsidirect", "glusterfs", "zfs"})
_VERIFIED_WITHIN_DAYS = 30
_TOO_NEW_DAYS = 2
_FULL_WITHIN_DAYS = 30


def _unseen(view: GuestView, estate: Estate) -> Outcome | None:
    """Why the list of a guest's backups may not be whole; None when it is."""
    gap = estate.gap(view.fact.source, "backup")
    return None if gap is None else unknown(f"backup: {gap.reason or gap.state}")


@rule(
    "BKP-008",
    "Backups do not reach back as far as the class of the data requires",
    subject="guest",
    severity=HIGH,
    group="backup",
    sources=("proxmox", "files", "rvtools"),
    why="Damage is often found weeks later; by then every backup may hold the damaged data.",
    fix="Keep more: add monthly backups to the prune settings of the job or its storage.",
)
def history_too_short(view: GuestView, estate: Estate) -> Outcome:
    by_class: dict[Any, int] = dict(estate.policy.backup.history_days)
    required = by_class.get(view.classification)
    if view.guest.template or required is None:
        return not_applicable("template" if view.guest.template else "nothing is required of it")
    made = [b.created_at for b in estate.backups_of(view.guest) if b.created_at is not None]
    if not made:
        return _unseen(view, estate) or not_applicable("no backup: see BKP-004")
    reach = (estate.at - min(made)).days
    if reach >= required:
        return ok()
    if (estate.at - _known_since(view, estate)).days < required:
        return unknown(f"whether it is older than {required} days is not known")
    return _unseen(view, estate) or risk(
        oldest=min(made).date(), reach_days=reach, required_days=required
    )


def _known_since(view: GuestView, estate: Estate) -> datetime:
    """An instant at which the guest existed: what was last changed, or an older snapshot of it."""
    snapshots: Iterable[GuestSnapshot] = estate.snapshots_of(view.guest)
    taken = [s.created_at for s in snapshots if s.created_at is not None]
    return min([view.fact.valid_from, *taken])


@rule(
    "BKP-009",
    "Backups lie where the guest's own disks do",
    subject="guest",
    severity=HIGH,
    group="backup",
    essential=True,
    needs=("backup_job", "disk", "datastore"),
    sources=("proxmox",),
    why="Whatever takes the disks away then takes the backups with them: a dead storage, a burnt "
    "host, an encrypted share.",
    fix="Back up to another storage server, best in another room. Where two names are one array, "
    "or one server is two, say so in the estate file: storages, failure_domain.",
)
def beside_the_disks(view: GuestView, estate: Estate) -> Outcome:
    """One target that fails alone is enough."""
    cover, cluster = estate.cover_of(view.guest), view.guest.cluster
    jobs = [job for job in cover.jobs if job.job_id not in cover.unusable]
    disks = [d for d in estate.disks_of(view.guest) if d.purpose == "data" and d.datastore_id]
    if view.guest.template or not jobs or not disks:
        return not_applicable("no job can back it up" if disks else "no disk on a datastore")
    places = {disk.datastore_id: estate.datastore(cluster, disk.datastore_id) for disk in disks}
    shared = {
        job.job_id: _shared_part(estate.target_of(job, view.guest), places.values(), estate)
        for job in jobs
    }
    if "" in shared.values():
        return ok()
    if None in shared.values():
        return unknown("where the disks or the job's target lie was not seen")
    targets = sorted({job.datastore_id or "?" for job in jobs})
    return risk(disks_on=sorted(map(str, places)), backups_on=targets, shared=shared)


def _shared_part(
    target: Datastore | None, stores: Iterable[Datastore | None], estate: Estate
) -> str | None:
    """What a target has in common with one of the stores; "" for nothing, None: not known."""
    if target is None:
        return None
    parts = [None if store is None else _in_common(store, target, estate) for store in stores]
    return next((part for part in parts if part), None if None in parts else "")


def _in_common(store: Datastore, target: Datastore, estate: Estate) -> str | None:
    if store.datastore_id == target.datastore_id:
        return f"the same storage {store.name}"
    domains = [d.failure_domain if (d := estate.declared(s)) else None for s in (store, target)]
    if all(domains):
        return f"failure domain {domains[0]}" if domains[0] == domains[1] else ""
    if store.shared is None or target.shared is None:
        return None
    if not store.shared and not target.shared:
        hosts = set(store.hosts or ()) & set(target.hosts or ())
        return f"disks of host {min(hosts)}" if hosts else ""
    servers = {_server(store), _server(target)}
    if None in servers:
        return None
    return f"server {servers.pop()}" if len(servers) == 1 and "" not in servers else ""


def _server(store: Datastore) -> str | None:
    """The server that a datastore is read from; "" for none, None where it was not seen."""
    if store.kind not in _SERVERS:
        return ""
    return None if store.backend is None else store.backend.partition(":")[0]


@rule(
    "BKP-010",
    "All backups of a critical or personal-data guest are at one site",
    subject="guest",
    severity=HIGH,
    group="backup",
    why="A fire, a flood or a burglary takes the guest and every copy of it.",
    fix="Copy the backups to a second site inside the country: a synchronised backup server, or "
    "tapes. Declare where they are in the estate file: storages, site and copied_to.",
)
def one_site(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.template or not (view.is_personal or view.criticality == 1):
        return not_applicable("neither critical nor known to hold personal data")
    sites, unsaid = _sites_of_backups(view, estate)
    if len(sites) > 1:
        return ok()
    if unsaid:
        return unknown(f"no site is declared of {', '.join(sorted(unsaid))}")
    hidden = _unseen(view, estate) if view.declared_backup is None else None
    if hidden or not sites:
        return hidden or not_applicable("no backup: see BKP-004")
    return risk(sites=sorted(sites))


def _sites_of_backups(view: GuestView, estate: Estate) -> tuple[set[str], set[str]]:
    """The sites that hold a backup of a guest, and the datastores of which none is declared."""
    sites: set[str] = set()
    unsaid: set[str] = set()

    def add(site: str | None, name: str) -> None:
        if site is None:
            unsaid.add(name)
        else:
            sites.add(site)

    for name in {backup.datastore_id for backup in estate.backups_of(view.guest)}:
        store = estate.datastore(view.guest.cluster, name)
        entry = estate.declared(store) if store else None
        add(entry.site if entry else None, name or "where they are")
        sites.update(entry.copied_to if entry else ())
    declared = view.declared_backup
    if declared is not None and declared.last_success <= estate.as_of:
        add(declared.site, "its declared backup")
    return sites, unsaid


@rule(
    "BKP-011",
    "A backup target runs full before its retention is reached",
    subject="datastore",
    severity=HIGH,
    group="backup",
    essential=True,
    why="When it is full every backup fails, or old ones are thrown away that had to be kept.",
    fix="Add capacity, or shorten the retention as a decision and not as an accident; `lumbung "
    "capacity` shows the dates.",
)
def target_runs_full(pool: PoolAnswer, estate: Estate) -> Outcome:
    """At the growth that nine of ten paths stay below, from what is used now to all there is."""
    store = pool.pool.datastore.record if pool.pool.datastore else None
    if store is None or not _keeps_backups(store, estate):
        return not_applicable("no backup target")
    answer = next((a for a in pool.answers if a.question.model == "demand"), None)
    passage = answer.passage if answer else None
    if answer is None or passage is None or store.capacity_bytes is None:
        return unknown(answer.runway.reason or "no history" if answer else "no storage figures")
    free = store.capacity_bytes - passage.level_now
    fast, middle = passage.growth_per_day_high, passage.growth_per_day
    required = max(_FULL_WITHIN_DAYS, _retention_days(store, estate))
    grows = passage.growth_significant and fast > 0
    if free > 0 and (not grows or free / fast >= required):
        return ok()
    return risk(
        used_gib=round(passage.level_now / GIB),
        capacity_gib=round(store.capacity_bytes / GIB),
        gib_per_day=(round(middle / GIB, 1), round(fast / GIB, 1)),
        full_in_days=max(0, round(free / fast)) if grows else 0,
        retention_days=required,
    )


def _keeps_backups(store: Datastore, estate: Estate) -> bool:
    if store.content is not None:
        return "backup" in store.content
    jobs = estate.jobs_in(store.cluster)
    return any(job.datastore_id == store.datastore_id for job in jobs)


def _retention_days(store: Datastore, estate: Estate) -> int:
    """The longest that anything prunes there: the storage's settings or those of a job."""
    jobs: Iterable[BackupJob] = estate.jobs_in(store.cluster)
    mine = [job.retention for job in jobs if job.datastore_id == store.datastore_id]
    return round(max(kept_days(text) for text in (store.retention, *mine)))


@rule(
    "BKP-012",
    "Backups of personal data are stored unencrypted",
    subject="guest",
    severity=HIGH,
    group="backup",
    essential=True,
    needs=("datastore",),
    sources=("proxmox",),
    why="Whoever can read the share or takes a disk away has all the citizens' data at once.",
    fix="Back up to a Proxmox Backup Server with an encryption key set on the storage, and keep "
    "the key and its master key somewhere else.",
)
def backups_in_clear(view: GuestView, estate: Estate) -> Outcome:
    """Where only the storage below is declared to be encrypted, what is left to say is low."""
    if not view.is_personal or view.guest.template:
        return not_applicable("no personal data" if view.classification else "class not known")
    backups = estate.backups_of(view.guest)
    answers = {(backup.datastore_id, _encrypted(backup, estate)) for backup in backups}
    found = sorted(str(name) for name, encrypted in answers if encrypted is False)
    if found:
        at_rest = all(_declared_encrypted(name, view, estate) for name in found)
        below = "declared encrypted" if at_rest else "not known to be encrypted"
        return risk(
            LOW if at_rest else None,
            classification=view.classification,
            storages=found,
            key="none",
            storage_itself=below,
        )
    hidden = _unseen(view, estate)
    if hidden or any(encrypted is None for _name, encrypted in answers):
        return hidden or unknown("whether its backups are encrypted was not seen")
    return ok() if backups else not_applicable("no backup: see BKP-004")


def _encrypted(backup: Backup, estate: Estate) -> bool | None:
    """Whether a backup is encrypted: as it says itself, else as its storage's settings do.

    An archive that the platform writes into a folder never is.
    """
    store = estate.datastore(backup.cluster, backup.datastore_id)
    if backup.encrypted is not None:
        return backup.encrypted
    if store is None or store.kind is None:
        return None
    return store.encrypted_backups if store.kind == "pbs" else False


def _declared_encrypted(name: str, view: GuestView, estate: Estate) -> bool:
    store = estate.datastore(view.guest.cluster, name)
    entry = estate.declared(store) if store else None
    return entry is not None and entry.encrypted is True


@rule(
    "BKP-013",
    "No recent backup on a backup server was verified",
    subject="guest",
    severity=HIGH,
    group="backup",
    sources=("proxmox", "files"),
    why="A backup that nobody has read back may be damaged; that is found out when it is needed.",
    fix="Schedule verify jobs on the backup server. Where one failed, make a new backup at once.",
)
def not_verified(view: GuestView, estate: Estate) -> Outcome:
    backups = [b for b in estate.backups_of(view.guest) if not _is_archive(b, estate)]
    if view.guest.template or not backups:
        return not_applicable("none of its backups is one that can be verified")
    told = [b for b in backups if b.verified is not None and b.created_at is not None]
    recent = timedelta(days=_VERIFIED_WITHIN_DAYS)
    if any(b.verified and estate.at - b.created_at <= recent for b in told if b.created_at):
        return ok()
    if not told:
        return unknown("whether they were verified is shown only to who may also restore")
    dates = [b.created_at for b in told if b.created_at is not None]
    if estate.at - min(dates) <= timedelta(days=_TOO_NEW_DAYS):
        return unknown("its backups are too new to have been verified")
    return _unseen(view, estate) or risk(newest=max(dates).date(), verified="none of them is")


def _is_archive(backup: Backup, estate: Estate) -> bool:
    """Whether it lies in a folder of archives, which nothing verifies."""
    store = estate.datastore(backup.cluster, backup.datastore_id)
    return store is not None and store.kind != "pbs" and backup.verified is None


@rule(
    "BKP-014",
    "No restore of a service was tested lately",
    subject="service",
    severity=MEDIUM,
    group="backup",
    why="Only a restore shows that a backup can be restored, by whom, and how long it takes.",
    fix="Restore the service on the side, write down the day and the speed in the estate file: "
    "services, restore_test. The policy says how often.",
)
def restore_not_tested(service: ServiceView, estate: Estate) -> Outcome:
    if not service.guests:
        return not_applicable("no guest of it is seen")
    limits: dict[Any, int] = dict(estate.policy.backup.restore_test_days)
    limit = limits[str(service.entry.criticality or "unknown")]
    tested = _tested_on(service)
    if tested is None:
        return risk(last_test="none", limit_days=limit)
    age = (estate.as_of - tested).days
    if age < 0:
        return unknown(f"the declared test is of {tested}, a day to come")
    return ok() if age <= limit else risk(last_test=tested, age_days=age, limit_days=limit)


def _tested_on(service: ServiceView) -> date | None:
    return service.entry.restore_test.tested_on if service.entry.restore_test else None


@rule(
    "BKP-015",
    "A restore takes longer than the service may be away",
    subject="service",
    severity=HIGH,
    group="backup",
    why="The promise to be back in time cannot be kept, however well the backup is made.",
    fix="Restore over a faster line or from a faster storage, split the service, or agree on a "
    "longer recovery time objective.",
)
def restore_too_slow(service: ServiceView, estate: Estate) -> Outcome:
    """At the speed that was measured; disks as promised count as an upper bound only."""
    allowed, test = service.entry.rto_hours, service.entry.restore_test
    if allowed is None or not service.guests:
        return not_applicable("no recovery time objective, or no guest of it is seen")
    if test is None or test.gib_per_hour is None or test.tested_on > estate.as_of:
        return unknown("no restore test has measured how fast it comes back")
    stored = [_newest_bytes(view, estate) for view in service.guests]
    known = sum(size for size in stored if size is not None)
    most = sum(
        _promised(view, estate) if size is None else size
        for view, size in zip(service.guests, stored, strict=True)
    )
    hours, at_most = (size / GIB / test.gib_per_hour for size in (known, most))
    if exceeds(hours, allowed):
        return risk(
            gib=round(known / GIB),
            gib_per_hour=test.gib_per_hour,
            hours=round(hours, 1),
            rto_hours=allowed,
        )
    if exceeds(at_most, allowed):
        return unknown("the sizes of its backups are not shown, and its disks would take longer")
    return ok()


def _newest_bytes(view: GuestView, estate: Estate) -> int | None:
    made = [b for b in estate.backups_of(view.guest) if b.created_at and b.bytes]
    return max(made, key=lambda b: str(b.created_at)).bytes if made else None


def _promised(view: GuestView, estate: Estate) -> float:
    """What the guest's disks may hold; without an end where one of them has no known size."""
    disks: Iterable[Disk] = estate.disks_of(view.guest)
    sizes = [d.capacity_bytes for d in disks if d.purpose in (None, "data")]
    return float("inf") if None in sizes else float(sum(size or 0 for size in sizes))


RULES: tuple[Rule, ...] = (
    history_too_short,
    beside_the_disks,
    one_site,
    target_runs_full,
    backups_in_clear,
    not_verified,
    restore_not_tested,
    restore_too_slow,
)
