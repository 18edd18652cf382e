"""The answers of one poll, looked up by what they are about. What is not there is a gap."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from collectors.contract import Raw
from collectors.proxmox.backups import Listing, listings
from collectors.proxmox.cluster import release_of
from collectors.proxmox.guests import guest_id_of
from collectors.proxmox.nodes import Told
from collectors.proxmox.storage import Storages
from collectors.proxmox.values import text
from collectors.proxmox.visibility import Rights
from collectors.proxmox.wire import Answer, rows_of

Row = Mapping[str, Any]
OS_INFO = "agent/get-osinfo"
FILE_SYSTEMS = "agent/get-fsinfo"


class Answers:
    """The answers of one poll, looked up by what they are about."""

    def __init__(self, raw: Raw, source: str, taken_at: datetime) -> None:
        self._asked = raw.answers
        self.context = raw.context
        self.source = source
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
        found = self._asked.get(key)
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

    def told(self, node: str, told: Told) -> Any:
        """What a node told; None when it was refused or never came."""
        answer = self.node_answer(node, told)
        return answer.get("body") if answer["status"] == 200 else None

    def backup_lists(self) -> list[Listing]:
        """Each listing of stored backups that was asked."""
        asked = {key: self.get(key) for key in self._asked if "/storage/" in key}
        return listings(asked, self.storages)

    @property
    def node_rows(self) -> list[Row]:
        rows = [row for row in self.resources if row.get("type") == "node" and row.get("node")]
        return sorted(rows, key=lambda row: str(row["node"]))

    def _cluster(self) -> str:
        """The configured name, else the cluster's own, else the one known before.

        A node that stands alone has no cluster name: the source's name is one that no other has.
        """
        configured = self.context.get("cluster")
        if configured:
            return str(configured)
        rows = rows_of(self.get("GET /cluster/status"))
        own = next((text(row.get("name")) for row in rows if row.get("type") == "cluster"), None)
        known = self.context.get("known_cluster") if not rows else None
        return own or (str(known) if known else self.source)


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
