"""Continuity of guests and services: who starts them elsewhere, and from what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

from inventory.facts import Fact
from inventory.platform_records import HaResource, Replication
from inventory.records import Disk, Guest, Host
from planner.estate import Estate, Platform
from planner.guest_views import GuestView, ServiceView
from planner.hosting import place_of
from planner.risks.backup import rpo_hours
from planner.risks.rule import (
    CRITICAL,
    HIGH,
    MEDIUM,
    Outcome,
    Rule,
    not_applicable,
    ok,
    risk,
    rule,
    unknown,
)

_ON_ITS_OWN = "ha.app"  # the tag of guests whose application replaces a lost one
_NOT_RESTARTED = ("ignored", "disabled")
_IMPORTANT = (1, 2)  # criticality


def _is_important(view: GuestView) -> bool:
    return view.criticality in _IMPORTANT and not view.guest.template


def _has_tag(view: GuestView, tag: str) -> bool:
    return tag in (view.guest.tags or ())


def _is_managed(guest: Guest, estate: Estate) -> bool:
    """Whether the platform starts it again elsewhere."""
    resources = estate.for_guest(HaResource, guest)
    return any(one.requested not in _NOT_RESTARTED for one in resources)


@rule(
    "AVL-003",
    "A critical guest is not under high availability",
    subject="guest",
    severity=HIGH,
    group="availability",
    essential=True,
    needs=("ha_resource",),
    sources=("proxmox",),
    why="When its host dies it stays down until a person starts it elsewhere, at night too.",
    fix="Add it to high availability: ha-manager add vm:ID. Where its application runs on several "
    "guests by itself, tag them ha.app.",
)
def not_managed(view: GuestView, estate: Estate) -> Outcome:
    if view.criticality != 1 or view.guest.template:
        return not_applicable("not known to be of criticality 1")
    if _has_tag(view, _ON_ITS_OWN):
        return not_applicable("its application keeps itself available")
    if _is_managed(view.guest, estate):
        return ok()
    return risk(criticality=1, host=view.guest.host_id, ha=view.guest.ha_state or "none")


@rule(
    "AVL-006",
    "A critical service depends on a single host",
    subject="platform",
    severity=HIGH,
    group="availability",
    essential=True,
    needs=("host", "guest"),
    mutes=("AVL-003",),
    why="There is no other host in its cluster: when this one dies, the service is down until the "
    "machine is repaired.",
    fix="Add a second host and storage that both reach, or run a second guest of the service "
    "elsewhere.",
)
def single_host(platform: Platform, estate: Estate) -> Outcome:
    """A service that has guests in another cluster, too, does not depend on this host alone."""
    hosts = [f.record for f in estate.hosts_in(platform.cluster) if f.record.status != "retired"]
    if len(hosts) != 1:
        return ok()
    important = [v for v in estate.guests_in(platform.cluster) if _is_important(v)]
    if not important:
        return not_applicable("nothing on it is known to be of criticality 1 or 2")
    bound = [view for view in important if not _is_elsewhere_too(view, estate)]
    if not bound:
        return ok()
    services = sorted({view.service or view.label for view in bound})
    return risk(host=hosts[0].name, services=services, guests=[view.label for view in bound])


def _is_elsewhere_too(view: GuestView, estate: Estate) -> bool:
    members = estate.members_of(view.service)
    return any(member.guest.cluster != view.guest.cluster for member in members)


@rule(
    "AVL-004",
    "A guest under high availability has disks that only its host reaches",
    subject="guest",
    severity=CRITICAL,
    group="availability",
    needs=("ha_resource", "disk", "datastore", "replication"),
    sources=("proxmox",),
    why="High availability will try to start it on a host that does not have its disks.",
    fix="Move the disks to shared storage, or replicate all of them to the hosts it may start on.",
)
def managed_but_local(view: GuestView, estate: Estate) -> Outcome:
    """A replication that has never run has made no copy."""
    resources = estate.for_guest(HaResource, view.guest)
    if all(one.requested in (*_NOT_RESTARTED, "stopped") for one in resources):
        return not_applicable("high availability does not start it")
    disks = [disk for disk in estate.disks_of(view.guest) if disk.purpose != "unused"]
    reach = {disk.slot or disk.disk_id: _is_local(disk, estate) for disk in disks}
    local = [disk for disk in disks if reach[disk.slot or disk.disk_id]]
    if not local:
        unclear = [slot for slot, answer in reach.items() if answer is None]
        return unknown(f"whether others reach {', '.join(unclear)}") if unclear else ok()
    jobs = [j for j in estate.for_guest(Replication, view.guest) if j.enabled is not False]
    if all(disk.replicated for disk in local) and any(job.last_sync_at for job in jobs):
        return ok()
    if any(job.last_sync_at is None and job.failures is None for job in jobs):
        return unknown("whether its replication has run was not seen")
    named = [f"{disk.slot} on {disk.datastore_id or 'its host'}" for disk in local]
    return risk(local_disks=named, replication="never ran" if jobs else "none")


def _is_local(disk: Disk, estate: Estate) -> bool | None:
    """Whether only the guest's host reaches a disk."""
    store = estate.datastore(disk.cluster, disk.datastore_id)
    if disk.host_device:
        return True
    return None if store is None or store.shared is None else not store.shared


@rule(
    "AVL-005",
    "The replication of a guest fails, is late or switched off",
    subject="guest",
    severity=HIGH,
    group="availability",
    needs=("replication",),
    sources=("proxmox",),
    why="The copy on the other host is older than thought; after a loss that is all there is.",
    fix="Remove what the last attempt stumbled over, switch the job on and let it run.",
)
def replication_late(view: GuestView, estate: Estate) -> Outcome:
    jobs = estate.for_guest(Replication, view.guest)
    if not jobs:
        return not_applicable("not replicated")
    allowed = rpo_hours(view, estate)
    troubles = {job.job_id: _trouble(job, allowed, estate) for job in jobs}
    found = {name: trouble for name, trouble in troubles.items() if trouble}
    if found:
        return risk(jobs=[f"{name}: {trouble}" for name, trouble in sorted(found.items())])
    if None in troubles.values():
        return unknown("it has not run yet, or its host did not tell")
    return ok()


def _trouble(job: Replication, allowed_hours: int, estate: Estate) -> str | None:
    """What is wrong with a replication; "" for nothing, None where that is not known."""
    if job.enabled is False:
        return "switched off"
    if job.failures:
        return f"failed {job.failures} times in a row"
    if job.last_sync_at is None or job.failures is None:
        return None
    age = estate.at - job.last_sync_at
    late = age > timedelta(hours=allowed_hours)
    return f"last copied {age.total_seconds() / 3600:.0f} h ago" if late else ""


@rule(
    "AVL-007",
    "Guests that stand in for each other share a host",
    subject="service",
    severity=MEDIUM,
    group="availability",
    why="They were made several so that one may be lost; with this host all of them go.",
    fix="Keep them apart: a negative resource affinity, or move one of them.",
)
def replicas_together(service: ServiceView, estate: Estate) -> Outcome:
    replicas = [v for v in service.guests if _has_tag(v, _ON_ITS_OWN) and not v.guest.template]
    if len(replicas) < 2:
        return not_applicable("it has no two guests that are tagged ha.app")
    if any(view.guest.host_id is None for view in replicas):
        return unknown("where one of them runs was not seen")
    places = Counter((view.guest.cluster, view.guest.host_id) for view in replicas)
    full = [place for place, count in places.items() if count > 1]
    together = [v.label for v in replicas if (v.guest.cluster, v.guest.host_id) in full]
    return risk(hosts=[host for _cluster, host in full], guests=together) if full else ok()


@rule(
    "AVL-018",
    "An important guest does not start with its host",
    subject="guest",
    severity=MEDIUM,
    group="availability",
    sources=("proxmox", "libvirt"),
    why="After a power cut it stays off until somebody misses it.",
    fix="Let it start with its host (onboot, virsh autostart), in the right order.",
)
def no_autostart(view: GuestView, estate: Estate) -> Outcome:
    if not _is_important(view):
        return not_applicable("not known to be of criticality 1 or 2")
    if view.guest.autostart is None:
        return unknown("whether it starts with its host was not seen")
    if view.guest.autostart or _is_managed(view.guest, estate):
        return ok()
    health, source = estate.source_health(view.fact.source), view.fact.source
    gap = estate.gap(source, HaResource.kind_name)
    if gap is not None and health is not None and health.state.kind == "proxmox":
        return unknown(f"ha_resource: {gap.reason or gap.state}")
    return risk(criticality=view.criticality, autostart="off", ha="none")


@rule(
    "AVL-019",
    "An important guest cannot be moved off its host",
    subject="guest",
    severity=MEDIUM,
    group="availability",
    needs=("disk", "datastore", "host"),
    sources=("proxmox", "libvirt"),
    why="Every repair and every update of its host takes the service down.",
    fix="Take out the device or the medium, move the disks to shared storage, or give it a "
    "processor model that all hosts have.",
)
def cannot_move(view: GuestView, estate: Estate) -> Outcome:
    hosts = estate.hosts_in(view.guest.cluster)
    if not _is_important(view) or len(hosts) < 2:
        return not_applicable("not known to be important, or no other host")
    blockers = list(_blockers(view.guest, hosts, estate))
    if blockers:
        return risk(blockers=blockers)
    if view.guest.passthrough is None or view.guest.host_paths is None:
        return unknown("its configuration was not seen")
    stores = [_is_local(disk, estate) for disk in estate.disks_of(view.guest)]
    return unknown("whether other hosts reach its disks was not seen") if None in stores else ok()


def _blockers(guest: Guest, hosts: Sequence[Fact[Host]], estate: Estate) -> Iterator[str]:
    """What binds a guest to its host; the host's own processor does where hosts differ."""
    for device in guest.passthrough or ():
        yield f"device {device.partition(' ')[0]}"
    if guest.host_paths:
        yield "folders of the host"
    for disk in estate.disks_of(guest):
        if disk.purpose != "unused" and _is_local(disk, estate):
            yield f"{disk.slot} on {disk.datastore_id or 'a device of the host'}"
    for medium in guest.media or ():
        store = estate.datastore(guest.cluster, f"{guest.host_id}/{medium.partition(':')[0]}")
        if store is not None and store.shared is False:
            yield f"a medium on {store.name}"
    if not (guest.cpu_model or "").startswith("host"):
        return
    processors = {fact.record.cpu_model for fact in hosts if fact.record.cpu_model}
    if len(processors) > 1:
        yield f"processor {guest.cpu_model} on hosts of {len(processors)} models"


@rule(
    "AVL-020",
    "A critical service has no second site",
    subject="service",
    severity=HIGH,
    group="availability",
    why="Fire, flood or a long power cut at one address ends the service, and its data with it.",
    fix="Keep a copy, or a standby, at a second site inside the country, and declare where things "
    "stand in the estate file: hosts, storages, guests.",
)
def single_site(service: ServiceView, estate: Estate) -> Outcome:
    """Where it runs, where its replicas and its backups are."""
    if 1 not in {service.entry.criticality, *(view.criticality for view in service.guests)}:
        return not_applicable("not known to be of criticality 1")
    if not service.guests:
        return not_applicable("no guest of it is seen")
    found = {site for view in service.guests for site in _sites(view, estate)}
    sites = found - {None}
    if len(sites) > 1:
        return ok()
    if None in found:
        return unknown("of some hosts or storages no site is declared")
    return risk(sites=sorted(map(str, sites)))


def _sites(view: GuestView, estate: Estate) -> Iterator[str | None]:
    """The sites of a guest's host, replicas and backups; None for each that is not declared."""
    guest = view.guest
    copies = [job.target_host for job in estate.for_guest(Replication, guest)]
    for name in (guest.host_id, *copies):
        host = next(iter(estate.on_host(Host, guest.cluster, name or "")), None)
        yield place_of(estate, host).site if host else None
    for name in {backup.datastore_id for backup in estate.backups_of(guest)}:
        store = estate.datastore(guest.cluster, name)
        entry = estate.declared(store) if store else None
        yield entry.site if entry else None
        yield from entry.copied_to if entry else ()
    if view.declared_backup is not None:
        yield view.declared_backup.site


@rule(
    "AVL-021",
    "A container has no limit of memory",
    subject="guest",
    severity=MEDIUM,
    group="availability",
    sources=("proxmox",),
    why="One container that runs wild takes the memory of its host and of every guest on it.",
    fix="Set its memory to what it needs.",
)
def no_memory_limit(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.kind != "container":
        return not_applicable("a virtual machine")
    if view.guest.memory_bytes is None:
        return unknown("its configuration was not seen")
    return ok() if view.guest.memory_bytes else risk(memory=0)


RULES: tuple[Rule, ...] = (
    not_managed,
    managed_but_local,
    replication_late,
    single_host,
    replicas_together,
    no_autostart,
    cannot_move,
    single_site,
    no_memory_limit,
)
