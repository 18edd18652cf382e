"""Monitoring and audit: would anyone notice."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta

from inventory.changes import Change
from inventory.platform_records import FailedTask, Firewall, Service
from inventory.records import Host
from planner.estate import Estate, Platform, SourceHealth
from planner.guest_views import GuestView
from planner.hosting import place_of
from planner.owners import Approval, HostPlace, Match
from planner.pools import GIB
from planner.risks.around import cluster_state
from planner.risks.firewall import Firewalls, guest_of, is_on
from planner.risks.naming import few
from planner.risks.rule import (
    CRITICAL,
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
from planner.risks.subjects import Changed
from planner.twins import matches

_PROXMOX = ("proxmox",)
_STALE_HOURS = 24
_CORE = ("pve-cluster", "pvedaemon", "pveproxy", "pvestatd", "pvescheduler", "pve-firewall")
_OF_SEVERAL_HOSTS = ("corosync", "pve-ha-crm", "pve-ha-lrm")
_CLOCKS = ("chrony", "chronyd", "systemd-timesyncd", "ntp", "ntpd", "ntpsec", "openntpd")
_TASK_DAYS = 7
_FAILING_DAYS = 3
_FAILING_TIMES = 20
_NOT_JUDGED = ("vzdump", "vncproxy", "vncshell", "termproxy", "spiceproxy", "spiceshell")
_NOT_TO_RUN = ("disabled", "masked", "masked-runtime", "not-found")


@rule(
    "MON-001",
    "No history of metrics outside the platform",
    subject="platform",
    severity=LOW,
    group="monitoring",
    sources=_PROXMOX,
    why="When the platform is down its own graphs are down too, and after an incident nobody can "
    "see what went before.",
    fix="Send metrics to a server outside (Datacenter, Metric Server). Where a monitoring system "
    "reads them by itself, declare metrics_pulled for the cluster in the estate file.",
)
def no_metrics_outside(platform: Platform, estate: Estate) -> Outcome:
    declared = estate.owners.clusters.get(platform.cluster)
    if declared is not None and declared.metrics_pulled:
        return ok()
    state = cluster_state(platform.cluster, estate)
    if state is None or state.metric_targets is None:
        return unknown("its metric servers were not seen")
    return ok() if state.metric_targets else risk(metric_servers=0)


@rule(
    "MON-002",
    "Firewall that writes nothing down",
    subject="firewall",
    severity=MEDIUM,
    group="monitoring",
    needs=("firewall_rule",),
    sources=_PROXMOX,
    why="An attack on a guest that faces the public leaves no trace before it succeeds, and "
    "afterwards nobody can say where it came from.",
    fix="Set log_level_in to info on the guest's firewall, or a log level on its rules.",
)
def firewall_without_log(wall: Firewall, estate: Estate) -> Outcome:
    view = guest_of(wall, estate)
    if view is None or view.guest.template or view.public is False:
        return not_applicable("no guest that faces the public")
    if is_on(wall.level, wall.cluster, estate) is False:
        return not_applicable("it is off, see NET-001 and NET-003")
    rules = [one for one in estate.once(Firewalls).rules(wall) if one.enabled is not False]
    if any(log not in (None, "", "nolog") for log in (wall.log_in, *(one.log for one in rules))):
        return ok()
    if wall.log_in is None or view.public is None:
        return unknown("its log level, or whether it faces the public, was not seen")
    return risk(log_level_in=wall.log_in or "nolog", rules=len(rules), rules_that_log=0)


@rule(
    "MON-005",
    "Clock that nothing sets",
    subject="host",
    severity=MEDIUM,
    group="monitoring",
    needs=("service",),
    sources=_PROXMOX,
    why="Logs of hosts whose clocks differ cannot be put in order, tokens and certificates fail, "
    "and a cluster can fall apart.",
    fix="Install chrony and point it at the city's time servers.",
)
def clock_not_set(host: Host, estate: Estate) -> Outcome:
    services = estate.on_host(Service, host.cluster, host.host_id)
    clocks = {one.name: one.state for one in services if one.name in _CLOCKS}
    if "running" in clocks.values():
        return ok()
    if not services or None in clocks.values():
        return unknown("its services were not seen")
    if not clocks:
        return unknown("no service that sets clocks is among those it tells of")
    return risk(services=[f"{name} {state}" for name, state in sorted(clocks.items())])


@rule(
    "MON-006",
    "Guest agent missing",
    subject="guest",
    severity=LOW,
    group="monitoring",
    sources=("proxmox", "libvirt"),
    why="What runs inside, and how full its disks are, is not known: backups are taken without "
    "pausing its writes, and advice on its size rests on less.",
    fix="Install qemu-guest-agent and switch it on for the guest. On guests with special personal "
    "data to do without it may be a decision; write it down as a waiver.",
)
def no_guest_agent(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.kind != "vm" or view.guest.template:
        return not_applicable("no virtual machine" if view.guest.kind else "its kind is not known")
    if view.guest.agent is None:
        return unknown("its configuration was not seen")
    return ok() if view.guest.agent else risk(agent=0)


@rule(
    "MON-007",
    "Host or core service down",
    subject="host",
    severity=CRITICAL,
    group="monitoring",
    essential=True,
    why="Its guests may be down, and what cannot be reached can be neither backed up, nor moved, "
    "nor judged.",
    fix="Bring the host or the service back; what is unknown of the host is judged again at the "
    "next poll.",
)
def host_or_service_down(host: Host, estate: Estate) -> Outcome:
    if host.status in ("retired", "maintenance"):
        return not_applicable(host.status)
    if host.status is None:
        return unknown("whether it is reachable was not seen")
    if host.status == "offline":
        return replace(risk(status="offline"), blinds=True)
    if silent := estate.once(Silent).since(host):
        return risk(status="not reached", since=silent)
    states = {s.name: s.state for s in estate.on_host(Service, host.cluster, host.host_id)}
    if not states and host.platform == "proxmox-ve":
        return unknown("its services were not seen")
    state = cluster_state(host.cluster, estate)
    alone = state is None or state.hosts_expected in (None, 1)
    needed = _CORE if alone else (*_CORE, *_OF_SEVERAL_HOSTS)
    down = [
        f"{name} {states[name]}"
        for name in needed
        if states.get(name) not in (None, "running", *_NOT_TO_RUN)
    ]
    return risk(services=down) if down else ok()


class Silent:
    """The hosts of libvirt, each read on its own, that do not answer any more."""

    def __init__(self, estate: Estate) -> None:
        silent = {
            health.state.name: health.state.last_success_at
            for health in estate.sources
            if health.state.kind == "libvirt" and health.stale and health.state.last_error
        }
        self._since = {
            (fact.record.cluster, fact.record.host_id): silent[fact.source]
            for fact in estate.hosts
            if fact.source in silent
        }

    def since(self, host: Host) -> str:
        """When a host answered last; "" for one that does."""
        at = self._since.get((host.cluster, host.host_id))
        return at.isoformat(timespec="minutes") if at else ""


@rule(
    "MON-008",
    "Guest changed without an approval",
    subject="change",
    severity=MEDIUM,
    group="monitoring",
    essential=True,
    why="A guest that came, went, grew or changed its owner or class by nobody's decision is a "
    "mistake, or somebody's work in the dark.",
    fix="Find out who did it; write the approval with its number into the estate file "
    "(approvals), or undo the change.",
)
def unapproved_change(changed: Changed, estate: Estate) -> Outcome:
    """What moved or was renamed is no drift: the platform itself moves guests."""
    told = [c for c in changed.changes if c.kind not in ("moved", "renamed")]
    if not told:
        return not_applicable("moved or renamed")
    if estate.owners.approvals is None:
        return unknown("no approvals are kept in the estate file")
    approvals = [a for a in estate.owners.approvals if _speaks_of(a.match, changed, estate)]
    open_ones = [change for change in told if not _is_approved(change, approvals)]
    if not open_ones:
        return ok()
    return risk(
        changes=few(_in_words(change) for change in open_ones),
        first_seen=min(change.at for change in open_ones).isoformat(timespec="minutes"),
    )


def _speaks_of(match: Match, changed: Changed, estate: Estate) -> bool:
    """A guest that is gone is known by its id, its UUID and the name the change calls it by."""
    if changed.view is not None:
        return matches(match, changed.view.fact)
    cluster, guest_id = changed.key
    change = changed.changes[0]
    name = change.subject.partition(" (")[2].rstrip(")")
    tests = (
        (match.cluster, cluster),
        (match.uuid, change.guest_uuid),
        (match.vmid and str(match.vmid), guest_id),
        (match.guest_id, guest_id),
        (match.name_glob, name),
    )
    return all(wanted in (None, found) for wanted, found in tests)


def _is_approved(change: Change, approvals: list[Approval]) -> bool:
    """An approval's days are those of the site; the instant's day is taken in any time zone."""
    latest = (change.at + timedelta(hours=14)).date()
    earliest = (change.at - timedelta(hours=12)).date()
    return any(a.since <= latest and earliest <= a.until for a in approvals)


def _in_words(change: Change) -> str:
    """vcpus 4 → 8; added; disk capacity_gib 10 → 20."""
    what = "" if change.subject.startswith("guest ") else change.subject.partition(" ")[0]
    if not change.field:
        return f"{what} {change.kind}".strip()
    old, new = (side.get(change.field) for side in (change.old, change.new))
    if change.field.endswith("_bytes") and isinstance(old, int) and isinstance(new, int):
        name = f"{change.field.removesuffix('_bytes')}_gib"
        return f"{what} {name} {old / GIB:g} → {new / GIB:g}".strip()
    return f"{what} {change.field} {old} → {new}".strip()


@rule(
    "MON-004",
    "Tasks of one kind fail again and again",
    subject="host",
    severity=LOW,
    group="monitoring",
    needs=("failed_task",),
    sources=_PROXMOX,
    why="What fails day after day is either not needed or missed; in the noise of it nobody sees "
    "the failure that matters.",
    fix="Read the log of one of these tasks on its host, and remove the cause or the schedule.",
)
def tasks_fail_often(host: Host, estate: Estate) -> Outcome:
    """On three days or twenty times within a week. Backups are BKP-006's; consoles end as failed
    whenever a window is closed, and what somebody stopped did not fail."""
    since = estate.at - timedelta(days=_TASK_DAYS)
    failed: dict[str, list[date]] = defaultdict(list)
    for task in estate.on_host(FailedTask, host.cluster, host.host_id):
        began, stopped = task.started_at, "interrupt" in (task.outcome or "")
        if task.kind not in _NOT_JUDGED and not stopped and began is not None and began > since:
            failed[task.kind or "?"].append(began.date())
    often = {
        kind: len(days)
        for kind, days in sorted(failed.items())
        if len(set(days)) >= _FAILING_DAYS or len(days) >= _FAILING_TIMES
    }
    if not often:
        return ok()
    return risk(failed=[f"{kind}: {count} times" for kind, count in often.items()], days=_TASK_DAYS)


@rule(
    "MON-009",
    "Source that was not read for a day",
    subject="source",
    severity=MEDIUM,
    group="monitoring",
    why="Everything that is said of it is as old as that, risks among it.",
    fix="See what `lumbung sources` says of it, and repair the connection, the token or the "
    "schedule.",
)
def source_not_read(health: SourceHealth, estate: Estate) -> Outcome:
    name = health.state.name
    if not health.configured:
        return not_applicable("it is not read any more")
    excused = (e for e in estate.owners.exclusions if e.source == name)
    if any(one.first <= estate.as_of <= one.last for one in excused):
        return not_applicable("its days are excluded in the estate file")
    if health.age_minutes is None:
        return risk(last_success="never")
    hours = health.age_minutes / 60
    return risk(age_hours=round(hours), kind=health.state.kind) if hours > _STALE_HOURS else ok()


@rule(
    "MON-010",
    "Host whose logs are not known to leave it",
    subject="host",
    severity=LOW,
    group="monitoring",
    why="Who takes over a host wipes its logs; only a copy elsewhere then says what happened.",
    fix="Send its logs to a central server, and declare that as log_target for the host in the "
    "estate file.",
)
def logs_stay_there(host: Host, estate: Estate) -> Outcome:
    if host.status == "retired":
        return not_applicable("retired")
    declared = place_of(estate, host)
    if declared == HostPlace():
        return unknown("nothing is declared of it in the estate file (hosts)")
    return ok() if declared.log_target else risk(declared_log_target="none")


RULES: tuple[Rule, ...] = (
    no_metrics_outside,
    firewall_without_log,
    clock_not_set,
    no_guest_agent,
    host_or_service_down,
    unapproved_change,
    tasks_fail_often,
    source_not_read,
    logs_stay_there,
)
