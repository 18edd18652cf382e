"""Usage of hosts, guests and datastores: gauges, and counters that become rates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from collectors.proxmox.answers import Answers, Row
from collectors.untrusted import number, whole
from inventory.records import Counter, EntityKind, Host, Usage

_COUNTERS = {
    "netin": "net_in_bytes_per_second",
    "netout": "net_out_bytes_per_second",
    "diskread": "disk_read_bytes_per_second",
    "diskwrite": "disk_write_bytes_per_second",
}


def usage_of(answers: Answers, hosts: Mapping[str, Host]) -> Iterator[Usage]:
    """What hosts that are online, guests that run, and datastores use; ``hosts`` by name."""
    for row in answers.resources:
        if row.get("type") == "node" and row.get("status") == "online":
            yield from _of_host(answers, row, hosts[str(row.get("node"))])
    for row in answers.guest_rows:
        if row.get("status") == "running":
            yield from _of_guest(answers, row)
    for store in answers.storages.datastores(answers.cluster):
        if store.used_bytes is not None:
            used = float(store.used_bytes)
            yield _sample(answers, "datastore", store.datastore_id, storage_used_bytes=used)


def _of_host(answers: Answers, row: Row, host: Host) -> Iterator[Usage]:
    busy, memory = number(row.get("cpu")), number(row.get("mem"))
    cores = host.cpu_cores
    if busy is not None or memory is not None:
        yield _sample(
            answers,
            "host",
            host.host_id,
            cpu_used_cores=None if busy is None or cores is None else busy * cores,
            memory_used_bytes=memory,
        )


def _of_guest(answers: Answers, row: Row) -> Iterator[Usage]:
    busy, threads = number(row.get("cpu")), number(row.get("maxcpu"))
    memory = number(row.get("mem"))
    if busy is not None or memory is not None:
        yield _sample(
            answers,
            "guest",
            str(row.get("vmid")),
            cpu_used_cores=None if busy is None or threads is None else busy * threads,
            memory_used_bytes=memory,
        )


def _sample(answers: Answers, entity: EntityKind, entity_id: str, **metrics: float | None) -> Usage:
    return Usage(
        entity=entity,
        entity_id=entity_id,
        cluster=answers.cluster,
        taken_at=answers.taken_at,
        period_seconds=whole(answers.context.get("period_seconds")) or 300,
        **metrics,
    )


def counters_of(answers: Answers) -> Iterator[Counter]:
    """Bytes since the guest started: a guest that started since the last poll has no rate."""
    at = answers.taken_at.timestamp()
    for row in answers.guest_rows:
        uptime = number(row.get("uptime"))
        if row.get("status") != "running" or not uptime:
            continue
        for name, metric in _COUNTERS.items():
            value = number(row.get(name))
            if value is not None:
                yield Counter(
                    series=f"{answers.cluster}/{row.get('vmid')}@{row.get('node')}",
                    entity="guest",
                    entity_id=str(row.get("vmid")),
                    cluster=answers.cluster,
                    metric=metric,
                    value=value,
                    at=at,
                    born_at=at - uptime,
                )
