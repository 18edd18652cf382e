"""What one poll asks a Proxmox VE cluster, bulk answers first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.contract import Budget, Raw, Source
from collectors.proxmox import ProxmoxOptions
from collectors.proxmox.wire import Answer, Request, Wire, connect

BULK = (
    Request("/access/permissions"),
    Request("/access/users", {"full": 1}),
    Request("/cluster/status"),
    Request("/cluster/resources"),
    Request("/storage"),
    Request("/cluster/backup"),
)
# The dry listing of what pruning would do: the one way in which an auditor sees every backup.
# Without keep-all a storage that has no prune settings of its own answers an error.
_ALL_BACKUPS = {"prune-backups": "keep-all=1"}


def fetch(source: Source[ProxmoxOptions], budget: Budget) -> Raw:
    """All answers of one poll. Raises CollectError when the cluster could not be read at all."""
    wire, version = connect(source, budget)
    with wire:
        answers: dict[str, Answer] = {Request("/version").key: version}
        answers |= wire.ask_all(BULK)
        rows = rows_of(answers.get("GET /cluster/resources"))
        answers |= wire.ask_all(_per_thing(rows, rows_of(answers.get("GET /storage"))))
        return Raw("proxmox", answers, _context(source, wire))


def _context(source: Source[ProxmoxOptions], wire: Wire) -> dict[str, Any]:
    effort = wire.effort
    return {
        "endpoint": wire.url,
        "token_id": source.options.token_id,
        "cluster": source.cluster,
        "known_cluster": source.known_cluster,
        "period_seconds": source.period_seconds,
        "requests": effort.requests,
        "bytes": effort.bytes,
        "seconds": effort.seconds,
        "clock_offset_seconds": wire.clock_offset_seconds,
    }


def rows_of(answer: Answer | None) -> list[Mapping[str, Any]]:
    """The rows of a list answer; none when it was refused or is no list."""
    body = answer.get("body") if answer else None
    return [row for row in body if isinstance(row, Mapping)] if isinstance(body, list) else []


def _per_thing(
    resources: list[Mapping[str, Any]], storages: list[Mapping[str, Any]]
) -> Iterator[Request]:
    """What only the thing itself tells: node hardware, guest configuration, stored backups."""
    online = sorted(
        str(row.get("node"))
        for row in resources
        if row.get("type") == "node" and row.get("status") == "online"
    )
    for node in online:
        yield Request(f"/nodes/{node}/status", node=node)
    guests = [row for row in resources if row.get("type") in ("qemu", "lxc")]
    for row in sorted(guests, key=lambda row: str(row.get("id"))):
        if row.get("node") in online:
            base = f"/nodes/{row['node']}/{row['type']}/{row.get('vmid')}"
            yield Request(f"{base}/config", node=str(row["node"]))
            yield Request(f"{base}/snapshot", node=str(row["node"]))
    yield from _backup_lists(resources, storages, online)


def _backup_lists(
    resources: list[Mapping[str, Any]], storages: list[Mapping[str, Any]], online: list[str]
) -> Iterator[Request]:
    """One listing per storage that takes backups: of a shared one through any node that has it."""
    disabled = {row.get("storage") for row in storages if row.get("disable")}
    asked: set[str] = set()
    rows = [row for row in resources if row.get("type") == "storage"]
    for row in sorted(rows, key=lambda row: str(row.get("id"))):
        storage, node = str(row.get("storage")), str(row.get("node"))
        takes_backups = "backup" in str(row.get("content", "")).split(",")
        if not takes_backups or storage in disabled or node not in online:
            continue
        if row.get("shared") and storage in asked:
            continue
        asked.add(storage)
        path = f"/nodes/{node}/storage/{storage}/prunebackups"
        yield Request(path, _ALL_BACKUPS, node=node)
