"""From the answers of one poll to a snapshot. Pure, and total: what is not there is a gap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from collectors.contract import Raw
from collectors.proxmox.access import access_facts
from collectors.proxmox.agents import filesystem_facts
from collectors.proxmox.answers import Answers, Row
from collectors.proxmox.backups import backups, jobs
from collectors.proxmox.cluster import (
    CEPH,
    FIREWALL,
    GROUPS,
    OPTIONS,
    RULES,
    STATE_PATHS,
    STATUS,
    ceph_health,
    cluster_state,
)
from collectors.proxmox.coverage import coverage_of
from collectors.proxmox.firewall import firewall_of, group_names, rules_of
from collectors.proxmox.guest_facts import guest_facts
from collectors.proxmox.ha import ha_facts
from collectors.proxmox.nodes import (
    PRESSURE,
    REPOSITORIES,
    SUBSCRIPTION,
    TOLD,
    host_details,
    pressure_of,
    repositories_of,
    subscription_of,
)
from collectors.proxmox.replication import replications
from collectors.proxmox.usage import counters_of, usage_of
from collectors.proxmox.values import text
from collectors.proxmox.visibility import NO_RIGHTS
from collectors.proxmox.wire import Answer, rows_of
from collectors.untrusted import instant, mapping, number, whole
from inventory.records import Effort, Host, HostStatus, Record, Snapshot


def parse(raw: Raw, *, source: str, taken_at: datetime) -> Snapshot:
    """The snapshot that the answers tell."""
    answers = Answers(raw, source, taken_at)
    hosts = list(_hosts(answers))
    rights, context = answers.rights, answers.context
    return Snapshot(
        source=source,
        taken_at=taken_at,
        facts=_each_once(_facts(answers, hosts)),
        usage=tuple(usage_of(answers, {host.host_id: host for host in hosts})),
        counters=tuple(counters_of(answers)),
        coverage=coverage_of(answers),
        rights=rights.listed(answers.release) if rights else (),
        platform=_platform(answers),
        guests_reported=_guests_reported(answers),
        token_expires_on=_token_expiry(answers),
        excess_rights=rights.excess() if rights else None,
        clock_offset_seconds=context.get("clock_offset_seconds"),
        effort=Effort(
            requests=whole(context.get("requests")) or 0,
            bytes=whole(context.get("bytes")) or 0,
            seconds=number(context.get("seconds")) or 0.0,
        ),
    )


def _facts(answers: Answers, hosts: list[Host]) -> list[Record]:
    facts: list[Record] = [*hosts, *answers.storages.datastores(answers.cluster)]
    facts += guest_facts(answers)
    facts += filesystem_facts(answers)
    facts += jobs(rows_of(answers.get("GET /cluster/backup")), answers.cluster, answers.storages)
    facts += backups(answers.backup_lists(), answers.cluster)
    facts += ha_facts(answers)
    facts += replications(answers)
    facts += access_facts(answers, answers.rights or NO_RIGHTS)
    facts += _of_the_cluster(answers)
    for host in hosts:
        for told in TOLD:
            body = answers.told(host.host_id, told)
            facts += told.read(host.host_id, answers.cluster, body)
    return facts


def _each_once(facts: list[Record]) -> tuple[Record, ...]:
    """The facts, of two about one subject the later: an odd answer may list a thing twice."""
    return tuple({(fact.kind_name, fact.subject): fact for fact in facts}.values())


def _platform(answers: Answers) -> str:
    version = answers.body("GET /version")
    release = text(version.get("version")) if isinstance(version, Mapping) else None
    return f"Proxmox VE {release}" if release else "Proxmox VE"


def _guests_reported(answers: Answers) -> int | None:
    """What the cluster itself counts; not known to a token that is shown a part of it."""
    rights = answers.rights
    sees_all = rights is not None and rights.has_everywhere("VM.Audit", "/vms")
    return len(answers.guest_rows) if sees_all else None


def _token_expiry(answers: Answers) -> date | None:
    user, _bang, name = str(answers.context.get("token_id", "")).partition("!")
    for row in rows_of(answers.get("GET /access/users?full=1")):
        tokens = row.get("tokens")
        if row.get("userid") != user or not isinstance(tokens, list):
            continue
        for token in tokens:
            if isinstance(token, Mapping) and token.get("tokenid") == name:
                expires = instant(whole(token.get("expire")))
                return expires.astimezone(UTC).date() if expires else None
    return None


def _hosts(answers: Answers) -> Iterator[Host]:
    for row in answers.node_rows:
        answer = answers.get(f"GET /nodes/{row['node']}/status")
        yield _host(answers, str(row["node"]), row, answer)


def _host(answers: Answers, name: str, row: Row, answer: Answer) -> Host:
    detail = mapping(answer.get("body") if answer["status"] == 200 else None)
    cpu = mapping(detail.get("cpuinfo"))
    total = mapping(detail.get("memory")).get("total")
    asked_at = answer.get("asked_at")
    at = answers.taken_at if asked_at is None else datetime.fromtimestamp(asked_at, UTC)
    return Host(
        host_id=name,
        name=name,
        cluster=answers.cluster,
        status=_host_status(row),
        cpu_cores=number(cpu.get("cores")) or None,  # of all sockets together
        cpu_threads=whole(cpu.get("cpus")) or whole(row.get("maxcpu")) or None,
        memory_bytes=whole(row.get("maxmem")) or whole(total) or None,
        platform="proxmox-ve",
        version=_release(detail.get("pveversion")),
        transport="https",
        transport_encrypted=True,
        subscription=subscription_of(answers.told(name, SUBSCRIPTION)),
        repositories=repositories_of(answers.told(name, REPOSITORIES)),
        **host_details(detail, at),
        **pressure_of(answers.told(name, PRESSURE)),
    )


def _host_status(row: Row) -> HostStatus | None:
    if row.get("status") == "online":
        return "maintenance" if row.get("hastate") == "maintenance" else "in_service"
    return "offline" if row.get("status") == "offline" else None


def _release(version: Any) -> str | None:
    """8.4.21 from pve-manager/8.4.21/…"""
    parts = (text(version) or "").split("/")
    return parts[1] if len(parts) > 1 else None


def _of_the_cluster(answers: Answers) -> Iterator[Record]:
    cluster = answers.cluster
    bodies = {path: answers.body(f"GET {path}") for path in STATE_PATHS}
    if answers.rights is None or not answers.rights.has("Sys.Audit", "/"):
        bodies.pop(OPTIONS)  # answered to everyone, but then only in part
    if bodies[STATUS] is not None:  # else not even its name is certain
        yield cluster_state(cluster, bodies)
    yield from ceph_health(cluster, answers.body(f"GET {CEPH}"))
    yield from firewall_of("cluster", cluster, answers.body(f"GET {FIREWALL}"))
    yield from rules_of("cluster", cluster, answers.body(f"GET {RULES}"))
    for name in group_names(answers.body(f"GET {GROUPS}")):
        yield from rules_of(f"group/{name}", cluster, answers.body(f"GET {GROUPS}/{name}"))
