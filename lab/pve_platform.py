"""What a modelled cluster's nodes and the cluster itself answer of their own state.

Certificates, packages, services, networks, disks, failed tasks, firewalls, options: shaped as the
real API's are, from the Condition of each node and the ClusterCondition.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.pve_model import DAY, Cluster, Node

Answer = tuple[int, str, Any]  # status, reason, data
Query = Mapping[str, str]

_AUTHORITY = "/CN=Proxmox Virtual Environment/OU=00000000-0000-4000-8000-000000000000/O=PVE"
_PACKAGES = {
    "pve-manager": "{release}", "qemu-server": "{major}.4.1", "pve-qemu-kvm": "10.0.2-4",
    "pve-firewall": "{major}.1.2", "corosync": "3.1.9-pve1", "libpve-storage-perl": "{major}.3.6",
    "proxmox-kernel-6.8": "6.8.12-1",
}  # fmt: skip
_NOT_INSTALLED = {"ceph-fuse": "19.2.1-pve3", "swtpm": "0.8.0+pve1"}
_SERVICES = ("corosync", "cron", "pve-cluster", "pve-firewall", "pvedaemon", "pveproxy", "pvestatd")
_BRIDGED: tuple[dict[str, Any], ...] = (
    {"active": 1, "exists": 1, "iface": "eno1", "type": "eth", "method6": "manual"},
    {"active": 1, "exists": 1, "iface": "eno2", "type": "eth", "method6": "manual"},
    {"active": 1, "iface": "bond0", "type": "bond", "slaves": "eno1 eno2", "bond_mode": "802.3ad"},
    {
        "active": 1, "iface": "vmbr0", "type": "bridge", "bridge_ports": "bond0",
        "bridge_vlan_aware": 1, "method6": "manual",
    },
)  # fmt: skip


@dataclass(frozen=True)
class Platform:
    """The cluster's own state as a token sees it that sees all, or none of it."""

    cluster: Cluster
    sees_all: bool

    def _node(self, name: str) -> Node | Answer:
        """The node, or the answer that says why not."""
        found = self.cluster.node(name)
        return found or (500, f"hostname lookup '{name}' failed - failed to get address info", None)

    def _audited(self, name: str) -> Node | Answer:
        if not self.sees_all:
            return 403, f"Permission check failed (/nodes/{name}, Sys.Audit)", None
        return self._node(name)

    def _refused(self) -> Answer:
        return 403, "Permission check failed (/, Sys.Audit)", None

    # Nodes

    def subscription(self, _query: Query, node: str) -> Answer:
        found = self._node(node)
        if isinstance(found, tuple):
            return found
        status = found.condition.subscription
        if status == "notfound":
            return _ok({"message": "There is no subscription key", "status": status, "url": "…"})
        return _ok({"level": "b", "nextduedate": "2027-06-30", "status": status, "url": "…"})

    def repositories(self, _query: Query, node: str) -> Answer:
        found = self._audited(node)
        if isinstance(found, tuple):
            return found
        listed = [_repository(name) for name in ("main", *found.condition.repositories)]
        file = {"path": "/etc/apt/sources.list", "file-type": "list", "repositories": listed}
        return _ok({"digest": "0" * 64, "errors": [], "files": [file], "infos": []})

    def versions(self, _query: Query, node: str) -> Answer:
        found = self._audited(node)
        if isinstance(found, tuple):
            return found
        release = self.cluster.version
        rows = []
        for name, version in _PACKAGES.items():
            installed = version.format(release=release, major=release.partition(".")[0])
            row = _package(name, found.condition.outdated.get(name, installed), "Installed")
            rows.append(row | {"OldVersion": installed})
        return _ok([*rows, *(_package(n, v, "NotInstalled") for n, v in _NOT_INSTALLED.items())])

    def certificates(self, _query: Query, node: str) -> Answer:
        found = self._node(node)
        if isinstance(found, tuple):
            return found
        ends = found.condition.certificate_ends_at or self.cluster.now + 365 * DAY
        own = f"/OU=PVE Cluster Node/O=Proxmox Virtual Environment/CN={node}"
        return _ok(
            [
                _certificate("pve-root-ca.pem", _AUTHORITY, self.cluster.now + 3650 * DAY),
                _certificate("pve-ssl.pem", own, ends),
            ]
        )

    def services(self, _query: Query, node: str) -> Answer:
        found = self._audited(node)
        if isinstance(found, tuple):
            return found
        rows = []
        for name in _SERVICES:
            is_down = name in found.condition.services_down
            rows.append(
                {
                    "active-state": "failed" if is_down else "active", "desc": name, "name": name,
                    "service": name, "state": "dead" if is_down else "running",
                    "unit-state": "enabled",
                }
            )  # fmt: skip
        return _ok(rows)

    def network(self, _query: Query, node: str) -> Answer:
        found = self._node(node)
        if isinstance(found, tuple):
            return found
        if found.condition.networks is not None:
            return _ok([dict(row) for row in found.condition.networks])
        number = next(i for i, n in enumerate(self.cluster.nodes, 1) if n.name == node) % 250
        bridge = {"address": f"192.0.2.{number}", "cidr": f"192.0.2.{number}/24", "netmask": "24"}
        return _ok([*map(dict, _BRIDGED[:-1]), _BRIDGED[-1] | bridge])

    def disks(self, _query: Query, node: str) -> Answer:
        found = self._audited(node)
        return found if isinstance(found, tuple) else _ok(_copies(found.condition.disks))

    def zfs(self, _query: Query, node: str) -> Answer:
        if not self.sees_all:
            return self._refused()
        found = self._node(node)
        if isinstance(found, tuple):
            return found
        if found.condition.zfs is None:
            return 500, "zfsutils-linux not installed", None
        return _ok(_copies(found.condition.zfs))

    def thin_pools(self, _query: Query, node: str) -> Answer:
        if not self.sees_all:
            return self._refused()
        found = self._node(node)
        return found if isinstance(found, tuple) else _ok(_copies(found.condition.thin_pools))

    def tasks(self, query: Query, node: str) -> Answer:
        """Without the right to see those of others none is shown, and nothing is refused."""
        found = self._node(node)
        if isinstance(found, tuple):
            return found
        if not self.sees_all or query.get("errors") != "1":
            return _ok([])
        listed = sorted(found.condition.failed_tasks, key=lambda task: -task[2])
        return _ok([_task(node, *task) for task in listed[: int(query.get("limit", 50))]])

    def node_firewall(self, _query: Query, node: str) -> Answer:
        found = self._audited(node)
        return found if isinstance(found, tuple) else _ok(_options(found.condition.firewall))

    def node_rules(self, _query: Query, node: str) -> Answer:
        found = self._audited(node)
        return found if isinstance(found, tuple) else _ok(_rules(found.condition.firewall_rules))

    # The cluster

    def options(self, _query: Query) -> Answer:
        """Answered to everyone, but without rights only in part."""
        shown: dict[str, Any] = {"allowed-tags": [], "tag-style": {"shape": "full"}}
        if not self.sees_all:
            return _ok(shown)
        return _ok({**shown, "keyboard": "en-us", **self.cluster.condition.options})

    def quorum_device(self, _query: Query) -> Answer:
        has_one = self.cluster.condition.quorum_device
        shown = {"Algorithm": "Fifty-Fifty split", "Model": "Net", "State": "Connected"}
        return _ok(shown if has_one else {}) if self.sees_all else self._refused()

    def metrics(self, _query: Query) -> Answer:
        rows = _copies(self.cluster.condition.metric_servers)
        return _ok(rows) if self.sees_all else self._refused()

    def ha_status(self, _query: Query) -> Answer:
        if not self.sees_all:
            return self._refused()
        state, first = self.cluster.condition, self.cluster.nodes[0].name
        quorum = {"id": "quorum", "node": first, "quorate": int(state.quorate), "type": "quorum"}
        rows = [quorum | {"status": "OK" if state.quorate else "No quorum on node!"}]
        if state.ha_master:
            words = f"{first} ({state.ha_master}, Mon Nov 23 08:00:00 2026)"
            rows.append({"id": "master", "node": first, "status": words, "type": "master"})
        return _ok(rows)

    def firewall(self, _query: Query) -> Answer:
        shown = _options(self.cluster.condition.firewall)
        return _ok(shown) if self.sees_all else self._refused()

    def rules(self, _query: Query) -> Answer:
        rows = _rules(self.cluster.condition.firewall_rules)
        return _ok(rows) if self.sees_all else self._refused()

    def groups(self, _query: Query) -> Answer:
        names = self.cluster.condition.firewall_groups if self.sees_all else {}
        return _ok([{"digest": "2" * 40, "group": name} for name in names])

    def group(self, _query: Query, group: str) -> Answer:
        if not self.sees_all:
            return self._refused()
        rules = self.cluster.condition.firewall_groups.get(group)
        return (
            (500, f"no such security group '{group}'", None)
            if rules is None
            else _ok(_rules(rules))
        )

    def ceph(self, _query: Query) -> Answer:
        if not self.sees_all:
            return 403, "Permission check failed (/, Sys.Audit|Datastore.Audit)", None
        state = self.cluster.condition.ceph
        if state is None:
            return 500, "binary not installed: /usr/bin/ceph-mon", None
        return _ok(dict(state))


def _ok(data: Any) -> Answer:
    return 200, "OK", data


def _copies(rows: tuple[Mapping[str, Any], ...]) -> list[dict[str, Any]]:
    return [dict(row) for row in rows]


def _repository(name: str) -> dict[str, Any]:
    """One by its component; ceph-RELEASE/COMPONENT is one of Ceph's."""
    ceph, slash, component = name.partition("/")
    place = f"https://repo.example/debian/{ceph}" if slash else "https://repo.example/debian"
    return {
        "Comment": "", "Components": [component if slash else name], "Enabled": 1,
        "FileType": "list", "Options": [], "Suites": ["bookworm"], "Types": ["deb"],
        "URIs": [place],
    }  # fmt: skip


def _package(name: str, version: str, state: str) -> dict[str, Any]:
    return {
        "Arch": "amd64", "CurrentState": state, "Description": name, "Origin": "Proxmox",
        "Package": name, "Priority": "optional", "Section": "admin", "Title": name,
        "Version": version,
    }  # fmt: skip


def _certificate(file: str, subject: str, ends_at: float) -> dict[str, Any]:
    digest = hashlib.sha256(f"{file}{subject}{ends_at}".encode()).hexdigest().upper()
    return {
        "filename": file,
        "fingerprint": ":".join(digest[i : i + 2] for i in range(0, 64, 2)),
        "issuer": _AUTHORITY, "notafter": int(ends_at), "notbefore": int(ends_at - 730 * DAY),
        "public-key-bits": 2048, "public-key-type": "rsaEncryption", "san": [],
        "subject": subject,
    }  # fmt: skip


def _task(node: str, kind: str, about: str, ended_at: float, outcome: str) -> dict[str, Any]:
    began = int(ended_at) - 60
    return {
        "endtime": int(ended_at), "id": about, "node": node, "pid": 4242, "pstart": 100,
        "starttime": began, "status": outcome, "type": kind,
        "upid": f"UPID:{node}:00001092:00000064:{began:08X}:{kind}:{about}:root@pam:",
        "user": "root@pam",
    }  # fmt: skip


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"digest": "3" * 40, **given}


def _rules(given: tuple[Mapping[str, Any], ...]) -> list[dict[str, Any]]:
    return [{"digest": "4" * 40, "pos": number, **rule} for number, rule in enumerate(given)]


_NODE = r"/nodes/(?P<node>[^/]+)"
PLATFORM_ROUTES: tuple[tuple[str, Callable[..., Answer]], ...] = (
    (_NODE + "/subscription", Platform.subscription),
    (_NODE + "/apt/repositories", Platform.repositories),
    (_NODE + "/apt/versions", Platform.versions),
    (_NODE + "/certificates/info", Platform.certificates),
    (_NODE + "/services", Platform.services),
    (_NODE + "/network", Platform.network),
    (_NODE + "/disks/list", Platform.disks),
    (_NODE + "/disks/zfs", Platform.zfs),
    (_NODE + "/disks/lvmthin", Platform.thin_pools),
    (_NODE + "/tasks", Platform.tasks),
    (_NODE + "/firewall/options", Platform.node_firewall),
    (_NODE + "/firewall/rules", Platform.node_rules),
    (r"/cluster/options", Platform.options),
    (r"/cluster/config/qdevice", Platform.quorum_device),
    (r"/cluster/metrics/server", Platform.metrics),
    (r"/cluster/ha/status/current", Platform.ha_status),
    (r"/cluster/firewall/options", Platform.firewall),
    (r"/cluster/firewall/rules", Platform.rules),
    (r"/cluster/firewall/groups", Platform.groups),
    (r"/cluster/firewall/groups/(?P<group>[^/]+)", Platform.group),
    (r"/cluster/ceph/status", Platform.ceph),
)
