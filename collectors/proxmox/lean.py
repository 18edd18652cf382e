"""Takes out of an answer what must never be stored, before anything else sees it.

Passwords, keys, cloud-init data and free text of people stay out of records, of kept answers and
of the store. What their text betrays (a password, a national identity number) remains as a hint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Answer = dict[str, Any]

HINTS = "lumbung-hints"  # the key under which a lean configuration carries its hints

_PRIVATE = re.compile(
    r"^(cipassword|ciuser|cicustom|sshkeys|ipconfig\d+|searchdomain|nameserver|description)$"
)
_SECRET = re.compile(r"(?i)\b(passw(or)?d|sandi|secret|token|api.?key)\b\s*[:=]")
_IDENTITY = re.compile(r"\b\d{16}\b")
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
        "devpath", "type", "model", "serial", "size", "used", "health", "wearout",
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
    body = answer.get("body")
    names = _kept_of(path)
    if names is not None:
        return answer | {"body": _short(path, _named(body, names))}
    if (node := _NODE.match(path)) is not None:
        return answer | {"body": _of_a_node(node["what"], body)}
    if path == "GET /storage" and isinstance(body, list):
        secrets = ("encryption-key", "master-pubkey")
        return answer | {"body": [_without(_stated(row, *secrets), "username") for row in body]}
    if "/storage/" in path and path.endswith("/content") and isinstance(body, list):
        return answer | {"body": [_without(row, "notes") for row in body]}
    if path.endswith("/config") and isinstance(body, Mapping):
        kept = {name: value for name, value in body.items() if not _PRIVATE.match(str(name))}
        return answer | {"body": kept | {HINTS: hints(body)}}
    if path.endswith("/snapshot") and isinstance(body, list):
        return answer | {"body": [_without(row, "description") for row in body]}
    if path == "GET /access/users" and isinstance(body, list):
        return answer | {"body": [_lean_user(row) for row in body]}
    return answer


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


def hints(config: Mapping[str, Any]) -> list[str]:
    """What the free text and the cloud-init data of a guest hold that should not be there."""
    text = str(config.get("description", ""))
    found = {
        "password": bool(_SECRET.search(text)),
        "identity-number": any(_is_identity(match) for match in _IDENTITY.findall(text)),
        "cloud-init-password": "cipassword" in config,
    }
    return sorted(name for name, is_there in found.items() if is_there)


def _is_identity(digits: str) -> bool:
    """The form of a national identity number: province, day and month of birth are possible."""
    province, day, month = int(digits[:2]), int(digits[6:8]), int(digits[8:10])
    return 11 <= province <= 94 and (1 <= day <= 31 or 41 <= day <= 71) and 1 <= month <= 12


def _without(row: Any, *names: str) -> Any:
    if not isinstance(row, Mapping):
        return row
    return {name: value for name, value in row.items() if name not in names}


def _lean_user(row: Any) -> Any:
    """A principal without the person's name; whether a purpose or address is given stays."""
    if not isinstance(row, Mapping):
        return row
    tokens = row.get("tokens")
    if isinstance(tokens, list):
        tokens = [_stated(token, "comment") for token in tokens]
    user = _stated(row, "comment", "email", "firstname", "lastname", "keys")
    return user | ({"tokens": tokens} if "tokens" in row else {})


def _stated(row: Any, *names: str) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        return {}
    return {
        name: ("stated" if str(value).strip() else "") if name in names else value
        for name, value in row.items()
    }
