"""From the answers of one poll to a snapshot. Pure, and total: what is not there is a gap."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from collectors.contract import Raw
from collectors.proxmox.access import access_facts
from collectors.proxmox.agents import FILE_SYSTEMS, filesystem_facts
from collectors.proxmox.backups import Listing, backups, jobs, listings
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
    release_of,
)
from collectors.proxmox.coverage import coverage_of
from collectors.proxmox.firewall import firewall_of, group_names, rules_of
from collectors.proxmox.guest_facts import guest_facts
from collectors.proxmox.guests import guest_id_of
from collectors.proxmox.ha import ha_facts
from collectors.proxmox.nodes import (
    PRESSURE,
    REPOSITORIES,
    SUBSCRIPTION,
    TOLD,
    Told,
    host_details,
    pressure_of,
    repositories_of,
    subscription_of,
)
from collectors.proxmox.replication import replications
from collectors.proxmox.storage import Storages
from collectors.proxmox.values import text
from collectors.proxmox.visibility import NO_RIGHTS, Rights
from collectors.proxmox.wire import Answer, rows_of
from collectors.untrusted import instant, mapping, number, whole
from inventory.records import (
    Counter,
    Effort,
    Host,
    Record,
    Snapshot,
    Usage,
)

Row = Mapping[str, Any]
_GUEST_COUNTERS = {
    "netin": "net_in_bytes_per_second",
    "netout": "net_out_bytes_per_second",
    "diskread": "disk_read_bytes_per_second",
    "diskwrite": "disk_write_bytes_per_second",
}


def parse(raw: Raw, *, source: str, taken_at: datetime) -> Snapshot:
    """The snapshot that the answers tell."""
    return Answers(raw, source, taken_at).snapshot()


class Answers:
    """The answers of one poll, looked up by what they are about."""

    def __init__(self, raw: Raw, source: str, taken_at: datetime) -> None:
        self._raw = raw
        self._source = source
        self.taken_at = taken_at
        self.resources = rows_of(self.get("GET /cluster/resources"))
        self.rights = Rights.of(
            self.body("GET /access/permissions"), str(raw.context.get("token_id", ""))
        )
        self.release = release_of(self.body("GET /version"))
        self.cluster = self._cluster()
        self.storages = Storages.of(
            rows_of(self.get("GET /storage")),
            self.resources,
            seen=self.get("GET /storage")["status"] == 200,
        )
        self.node_states = {
            str(row["node"]): text(row.get("status")) or "unknown" for row in self.node_rows
        }
        guests = [row for row in self.resources if row.get("type") in ("qemu", "lxc")]
        readable = {guest_id_of(row): row for row in guests if guest_id_of(row)}
        self.guest_rows = sorted(readable.values(), key=lambda row: str(row.get("id")))
        self.unreadable_guests = len(guests) - len(readable)
        self.guest_nodes = {vmid: str(row.get("node")) for vmid, row in readable.items()}

    def get(self, key: str) -> Answer:
        """The answer to a request; one of another form than the API's is a failed one."""
        found = self._raw.answers.get(key)
        if not isinstance(found, dict) or "status" not in found:
            return {"status": 0, "reason": "not asked"}
        if found.get("status") == 200 and not _has_form(key, found.get("body")):
            return {"status": 0, "reason": "an answer of another form than the API's"}
        return found

    def body(self, key: str) -> Any:
        answer = self.get(key)
        return answer.get("body") if answer.get("status") == 200 else None

    def rows(self, key: str) -> list[Row]:
        """The rows of a list; none when it was refused or is no list."""
        return rows_of(self.get(key))

    def guest_answer(self, row: Row, what: str) -> Answer:
        base = f"GET /nodes/{row.get('node')}/{row.get('type')}/{row.get('vmid')}"
        return self.get(f"{base}/{what}")

    def node_answer(self, node: str, told: Told) -> Answer:
        return self.get(told.request(node).key)

    @property
    def node_rows(self) -> list[Row]:
        rows = [row for row in self.resources if row.get("type") == "node" and row.get("node")]
        return sorted(rows, key=lambda row: str(row["node"]))

    def _cluster(self) -> str:
        """The configured name, else the cluster's own, else the one known before.

        A node that stands alone has no cluster name: the source's name is one that no other has.
        """
        configured = self._raw.context.get("cluster")
        if configured:
            return str(configured)
        rows = rows_of(self.get("GET /cluster/status"))
        own = next((text(row.get("name")) for row in rows if row.get("type") == "cluster"), None)
        known = self._raw.context.get("known_cluster") if not rows else None
        return own or (str(known) if known else self._source)

    def snapshot(self) -> Snapshot:
        hosts = list(self._hosts())
        facts: list[Record] = [*hosts, *self.storages.datastores(self.cluster)]
        facts += guest_facts(self)
        facts += filesystem_facts(self)
        facts += jobs(rows_of(self.get("GET /cluster/backup")), self.cluster, self.storages)
        facts += backups(self.backup_lists(), self.cluster)
        facts += ha_facts(self)
        facts += replications(self)
        facts += access_facts(self, self.rights or NO_RIGHTS)
        facts += self._of_the_cluster()
        for host in hosts:
            facts += self._of_a_node(host.host_id)
        context = self._raw.context
        return Snapshot(
            source=self._source,
            taken_at=self.taken_at,
            facts=_each_once(facts),
            usage=tuple(self._usage({host.host_id: host for host in hosts})),
            counters=tuple(self._counters()),
            coverage=coverage_of(self),
            rights=self.rights.listed(self.release) if self.rights else (),
            platform=self._platform(),
            guests_reported=self._guests_reported(),
            token_expires_on=self._token_expiry(),
            excess_rights=self.rights.excess() if self.rights else None,
            clock_offset_seconds=context.get("clock_offset_seconds"),
            effort=Effort(
                requests=whole(context.get("requests")) or 0,
                bytes=whole(context.get("bytes")) or 0,
                seconds=number(context.get("seconds")) or 0.0,
            ),
        )

    def _platform(self) -> str:
        version = self.body("GET /version")
        release = text(version.get("version")) if isinstance(version, Mapping) else None
        return f"Proxmox VE {release}" if release else "Proxmox VE"

    def _guests_reported(self) -> int | None:
        """What the cluster itself counts; not known to a token that is shown a part of it."""
        sees_all = self.rights is not None and self.rights.has_everywhere("VM.Audit", "/vms")
        return len(self.guest_rows) if sees_all else None

    def _token_expiry(self) -> date | None:
        user, _bang, name = str(self._raw.context.get("token_id", "")).partition("!")
        for row in rows_of(self.get("GET /access/users?full=1")):
            tokens = row.get("tokens")
            if row.get("userid") != user or not isinstance(tokens, list):
                continue
            for token in tokens:
                if isinstance(token, Mapping) and token.get("tokenid") == name:
                    expires = instant(whole(token.get("expire")))
                    return expires.astimezone(UTC).date() if expires else None
        return None

    # Hosts

    def _hosts(self) -> Iterator[Host]:
        for row in self.node_rows:
            answer = self.get(f"GET /nodes/{row['node']}/status")
            yield self._host(str(row["node"]), row, answer)

    def _host(self, name: str, row: Row, answer: Answer) -> Host:
        detail = mapping(answer.get("body") if answer["status"] == 200 else None)
        cpu = mapping(detail.get("cpuinfo"))
        total = mapping(detail.get("memory")).get("total")
        return Host(
            host_id=name,
            name=name,
            cluster=self.cluster,
            status=self._host_status(row),
            cpu_cores=number(cpu.get("cores")) or None,  # of all sockets together
            cpu_threads=whole(cpu.get("cpus")) or whole(row.get("maxcpu")) or None,
            memory_bytes=whole(row.get("maxmem")) or whole(total) or None,
            platform="proxmox-ve",
            version=_release(detail.get("pveversion")),
            transport="https",
            transport_encrypted=True,
            subscription=subscription_of(self._told(name, SUBSCRIPTION)),
            repositories=repositories_of(self._told(name, REPOSITORIES)),
            **host_details(detail, self._answered_at(answer)),
            **pressure_of(self._told(name, PRESSURE)),
        )

    def _answered_at(self, answer: Answer) -> datetime:
        at = answer.get("asked_at")
        return self.taken_at if at is None else datetime.fromtimestamp(at, UTC)

    def _told(self, node: str, told: Told) -> Any:
        answer = self.node_answer(node, told)
        return answer.get("body") if answer["status"] == 200 else None

    def _of_a_node(self, name: str) -> Iterator[Record]:
        for told in TOLD:
            yield from told.read(name, self.cluster, self._told(name, told))

    def _host_status(self, row: Row) -> Any:
        if row.get("status") == "online":
            return "maintenance" if row.get("hastate") == "maintenance" else "in_service"
        return "offline" if row.get("status") == "offline" else None

    # The cluster and its backups

    def _of_the_cluster(self) -> Iterator[Record]:
        bodies = {path: self.body(f"GET {path}") for path in STATE_PATHS}
        if self.rights is None or not self.rights.has("Sys.Audit", "/"):
            bodies.pop(OPTIONS)  # answered to everyone, but then only in part
        if bodies[STATUS] is not None:  # else not even its name is certain
            yield cluster_state(self.cluster, bodies)
        yield from ceph_health(self.cluster, self.body(f"GET {CEPH}"))
        yield from firewall_of("cluster", self.cluster, self.body(f"GET {FIREWALL}"))
        yield from rules_of("cluster", self.cluster, self.body(f"GET {RULES}"))
        for name in group_names(self.body(f"GET {GROUPS}")):
            rules = self.body(f"GET {GROUPS}/{name}")
            yield from rules_of(f"group/{name}", self.cluster, rules)

    def backup_lists(self) -> list[Listing]:
        """Each listing of stored backups that was asked."""
        asked = {key: self.get(key) for key in self._raw.answers if "/storage/" in key}
        return listings(asked, self.storages)

    # Usage

    def _usage(self, hosts: Mapping[str, Host]) -> Iterator[Usage]:
        for row in self.resources:
            if row.get("type") == "node" and row.get("status") == "online":
                yield from self._host_usage(row, hosts[str(row.get("node"))])
        for row in self.guest_rows:
            if row.get("status") == "running":
                yield from self._guest_usage(row)
        for store in self.storages.datastores(self.cluster):
            if store.used_bytes is not None:
                yield self._sample(
                    "datastore", store.datastore_id, storage_used_bytes=float(store.used_bytes)
                )

    def _host_usage(self, row: Row, host: Host) -> Iterator[Usage]:
        busy, memory = number(row.get("cpu")), number(row.get("mem"))
        cores = host.cpu_cores
        if busy is not None or memory is not None:
            yield self._sample(
                "host",
                host.host_id,
                cpu_used_cores=None if busy is None or cores is None else busy * cores,
                memory_used_bytes=memory,
            )

    def _guest_usage(self, row: Row) -> Iterator[Usage]:
        busy, threads = number(row.get("cpu")), number(row.get("maxcpu"))
        memory = number(row.get("mem"))
        if busy is not None or memory is not None:
            yield self._sample(
                "guest",
                str(row.get("vmid")),
                cpu_used_cores=None if busy is None or threads is None else busy * threads,
                memory_used_bytes=memory,
            )

    def _sample(self, entity: Any, entity_id: str, **metrics: float | None) -> Usage:
        return Usage(
            entity=entity,
            entity_id=entity_id,
            cluster=self.cluster,
            taken_at=self.taken_at,
            period_seconds=whole(self._raw.context.get("period_seconds")) or 300,
            **metrics,
        )

    def _counters(self) -> Iterator[Counter]:
        """Bytes since the guest started: a guest that started since the last poll has no rate."""
        at = self.taken_at.timestamp()
        for row in self.guest_rows:
            uptime = number(row.get("uptime"))
            if row.get("status") != "running" or not uptime:
                continue
            for name, metric in _GUEST_COUNTERS.items():
                value = number(row.get(name))
                if value is not None:
                    yield Counter(
                        series=f"{self.cluster}/{row.get('vmid')}@{row.get('node')}",
                        entity="guest",
                        entity_id=str(row.get("vmid")),
                        cluster=self.cluster,
                        metric=metric,
                        value=value,
                        at=at,
                        born_at=at - uptime,
                    )


def _each_once(facts: list[Record]) -> tuple[Record, ...]:
    """The facts, of two about one subject the later: an odd answer may list a thing twice."""
    return tuple({(fact.kind_name, fact.subject): fact for fact in facts}.values())


_OBJECTS = frozenset(
    {
        "GET /version", "GET /access/permissions", "GET /cluster/options",
        "GET /cluster/config/qdevice", "GET /cluster/ceph/status",
    }
)  # fmt: skip
_OBJECTS_OF_OTHERS = re.compile(
    r"GET /nodes/[^/]+/(status|subscription|apt/repositories|qemu/[^/]+/agent/get-osinfo)"
    r"|GET /access/domains/[^/]+"
)


def _has_form(key: str, body: Any) -> bool:
    """A list, but for the few answers that are objects; a configuration has its digest, and an
    agent's list is within an object."""
    path = key.partition("?")[0]
    if path.endswith("/config"):
        return isinstance(body, Mapping) and "digest" in body
    if path.endswith(FILE_SYSTEMS):
        return isinstance(body, Mapping) and isinstance(body.get("result"), list)
    if isinstance(body, list):
        return not _is_object(path)
    return isinstance(body, Mapping) and _is_object(path)


def _is_object(path: str) -> bool:
    named = path in _OBJECTS or path.endswith("/firewall/options")
    return named or _OBJECTS_OF_OTHERS.fullmatch(path) is not None


def _release(version: Any) -> str | None:
    """8.4.21 from pve-manager/8.4.21/…"""
    parts = (text(version) or "").split("/")
    return parts[1] if len(parts) > 1 else None
