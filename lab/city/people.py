"""Who works on the city's clusters: root, two administrators, and the collector's account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.pve_model import DAY, Cluster

_ADMINISTRATORS = ("sari@pve", "bayu@pve")


def staffed(cluster: Cluster, now: float) -> Cluster:
    """The cluster with its accounts, and its firewall on."""
    collector = cluster.tokens[0].id
    people = ("root@pam", *_ADMINISTRATORS)
    cluster.users = tuple(_user(name) for name in people)
    cluster.second_factors = tuple(_second_factor(name, now) for name in people)
    cluster.groups = ({"groupid": "admins", "users": ",".join(_ADMINISTRATORS)},)
    cluster.grants = (
        _grant("group", "admins", "/", "Administrator"),
        _grant("user", collector.partition("!")[0], "/", "PVEAuditor"),
        _grant("token", collector, "/", "PVEAuditor"),
    )
    return cluster


def with_former_vendor(cluster: Cluster, now: float) -> Cluster:
    """Beside them a vendor whose contract has ended, and whose account still holds a role."""
    vendor = _user("vendor-vms@pve") | {"expire": int(now - 90 * DAY)}
    cluster.users = (*cluster.users, vendor)
    cluster.grants = (
        *cluster.grants,
        _grant("user", "vendor-vms@pve", "/pool/komando", "PVEVMAdmin"),
    )
    return cluster


def _user(name: str) -> dict[str, Any]:
    return {
        "comment": "Diskominfo", "email": "infra@kota.example", "enable": 1, "expire": 0,
        "groups": "admins" if name in _ADMINISTRATORS else "", "realm-type": name.split("@")[1],
        "tokens": None, "userid": name,
    }  # fmt: skip


def _second_factor(name: str, now: float) -> dict[str, Any]:
    entry = {"created": int(now - 200 * DAY), "enable": 1, "id": "totp0", "type": "totp"}
    return {"entries": [entry], "userid": name}


def _grant(kind: str, holder: str, path: str, role: str) -> Mapping[str, Any]:
    return {"path": path, "propagate": 1, "roleid": role, "type": kind, "ugid": holder}
