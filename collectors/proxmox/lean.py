"""Takes out of an answer what must never be stored, before anything else sees it.

Passwords, keys, cloud-init data and free text of people stay out of records, of kept answers and
of the store. What their text betrays (a password, a national identity number) remains as a hint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from collectors.proxmox.private import slimmed

Answer = dict[str, Any]

# What people wrote, in whatever answer it stands.
_FREE_TEXT = ("comment", "description", "notes", "mailto")
_USER_OF_TASK = re.compile(r"^(UPID(?::[^:]*){6}):.*$")

# Of these answers only what is named is kept: the rest is long, private or never looked at.
_ONLY = {
    "/apt/versions": (
        "Package", "OldVersion", "Version", "CurrentState", "RunningKernel", "ManagerVersion",
    ),
    "/apt/repositories": ("files",),
    "/certificates/info": ("filename", "fingerprint", "issuer", "subject", "notafter"),
    "/ceph/status": ("health", "pgmap"),
    "/config/qdevice": ("Algorithm", "Model", "State"),
    "/cluster/options": ("migration", "migration_unsecure"),
    "/disks/list": (
        "devpath", "type", "model", "serial", "size", "used", "osdid", "health", "wearout",
    ),
    "/firewall/groups": ("group",),
    "/firewall/rules": (
        "pos", "enable", "type", "action", "macro", "proto", "source", "dest", "dport", "sport",
        "iface", "log", "icmp-type",
    ),
    "/metrics/server": ("type", "disable"),
    "/network": (
        "iface", "type", "active", "bridge_vlan_aware", "bridge_ports", "slaves", "ovs_ports",
        "ovs_bonds", "cidr", "cidr6", "address", "netmask", "address6", "netmask6",
    ),
    "/services": ("service", "name", "state", "unit-state"),
    "/subscription": ("status", "level", "nextduedate"),
}  # fmt: skip
_GROUP = re.compile(r"^GET /cluster/firewall/groups/[^/]+$")
_NODE = re.compile(r"^GET /nodes/[^/]+/(?P<what>status|tasks|rrddata)$")


def lean(key: str, answer: Answer) -> Answer:
    """The answer without private text; a configuration gains the hints of what was in it."""
    path = key.partition("?")[0]
    is_private, body = slimmed(path.removeprefix("GET "), answer.get("body"))
    if is_private:
        return answer | {"body": body}
    names = _kept_of(path)
    if names is not None:
        return answer | {"body": _short(path, _named(body, names))}
    if (node := _NODE.match(path)) is not None:
        return answer | {"body": _of_a_node(node["what"], body)}
    if path == "GET /storage" and isinstance(body, list):
        secrets = ("encryption-key", "master-pubkey")
        return answer | {"body": [_without(_stated(row, *secrets), "username") for row in body]}
    if isinstance(body, list):
        return answer | {"body": [_without(row, *_FREE_TEXT) for row in body]}
    return answer | {"body": _without(body, *_FREE_TEXT)}


def _kept_of(path: str) -> tuple[str, ...] | None:
    """The names that are kept of an answer; None when all are."""
    if _GROUP.match(path):
        return _ONLY["/firewall/rules"]
    return next((names for ending, names in _ONLY.items() if path.endswith(ending)), None)


def _named(body: Any, names: tuple[str, ...]) -> Any:
    """The body with nothing but these names in it, or in each of its rows."""
    if isinstance(body, list):
        return [_named(row, names) for row in body if isinstance(row, Mapping)]
    if isinstance(body, Mapping):
        return {name: value for name, value in body.items() if name in names}
    return body


def _short(path: str, body: Any) -> Any:
    """Package sources without comments and passwords, Ceph's checks without their details."""
    if path.endswith("/apt/repositories") and isinstance(body, Mapping):
        return {"files": [_lean_file(file) for file in _list(body.get("files"))]}
    if path.endswith("/ceph/status") and isinstance(body, Mapping):
        sizes = _named(body.get("pgmap"), ("bytes_total", "bytes_used", "bytes_avail"))
        return {"health": _lean_health(body.get("health")), "pgmap": sizes}
    return body


def _lean_health(health: Any) -> Any:
    if not isinstance(health, Mapping) or not isinstance(health.get("checks"), Mapping):
        return _named(health, ("status",))
    checks = {name: _named(check, ("summary",)) for name, check in health["checks"].items()}
    return {"status": health.get("status"), "checks": checks}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _lean_file(file: Any) -> dict[str, Any]:
    listed = _list(file.get("repositories")) if isinstance(file, Mapping) else []
    names = ("Components", "Enabled", "Suites", "Types", "URIs")
    return {"repositories": [_without_login(_named(one, names)) for one in listed]}


def _without_login(repository: Any) -> Any:
    """An address may hold a name and a password before its host."""
    if not isinstance(repository, Mapping):
        return {}
    places = [re.sub(r"//[^/]*@", "//", str(place)) for place in _list(repository.get("URIs"))]
    return {**repository, "URIs": places}


def _of_a_node(what: str, body: Any) -> Any:
    """A node's status without its processor's flags, its tasks without who began them, and of
    its load only the last row that says something of pressure."""
    if what == "status" and isinstance(body, Mapping):
        return {**body, "cpuinfo": _without(body.get("cpuinfo"), "flags")}
    if what == "tasks" and isinstance(body, list):
        return [_lean_task(row) for row in body if isinstance(row, Mapping)]
    if what == "rrddata" and isinstance(body, list):
        telling = [row for row in body if isinstance(row, Mapping) and "pressurecpusome" in row]
        return telling[-1:]
    return body


def _lean_task(row: Mapping[str, Any]) -> dict[str, Any]:
    """A task's id ends with its user: the rest of it is as unique."""
    task = _USER_OF_TASK.sub(r"\1:", str(row.get("upid", "")))
    kept = {name: value for name, value in row.items() if name not in ("user", "tokenid")}
    return kept | {"upid": task}


def _without(row: Any, *names: str) -> Any:
    if not isinstance(row, Mapping):
        return row
    return {name: value for name, value in row.items() if name not in names}


def _stated(row: Any, *names: str) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        return {}
    return {
        name: ("stated" if str(value).strip() else "") if name in names else value
        for name, value in row.items()
    }
