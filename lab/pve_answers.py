"""The answers of a modelled Proxmox VE cluster, shaped as the real API's are.

What a token may not see is left out silently, as Proxmox does; what is not there is an error 500
with text; what an old release does not know is a 501.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from lab.pve_guest_answers import GUEST_ROUTES
from lab.pve_model import Cluster, Floats, GuestSpec, Load, Node, Storage, StoredBackup, Token
from lab.pve_platform import PLATFORM_ROUTES, Platform
from lab.pve_reply import Answer, Row, fault, ok

_AUDITOR = ("Datastore.Audit", "Mapping.Audit", "Pool.Audit", "SDN.Audit", "Sys.Audit", "VM.Audit")
# Steps and rows of each timeframe (seconds, rows), before and from release 9 on.
_RRD_8 = {
    "hour": (60, 70),
    "day": (1800, 70),
    "week": (10_800, 70),
    "month": (43_200, 70),
    "year": (604_800, 70),
}
_RRD_9 = {
    "hour": (60, 60),
    "day": (60, 1440),
    "week": (1800, 336),
    "month": (1800, 1440),
    "year": (21_600, 1440),
    "decade": (604_800, 570),  # of nodes only
}
_SAMPLES_A_BUCKET = 24


@dataclass
class Answers:
    """Answers requests for one cluster; ``dead_after_seconds`` is for the server to wait."""

    cluster: Cluster

    def answer(self, token: Token, path: str, query: Mapping[str, str]) -> Answer:
        """The answer to GET ``path`` for a token."""
        for pattern, method in _ROUTES:
            found = pattern.fullmatch(path)
            if found:
                view = _View(self.cluster, token)
                node = found.groupdict().get("node")
                if node and view.is_away(node, path):
                    return fault(595, "No route to host")
                return method(view, query, **found.groupdict())
        return fault(501, f"Method 'GET {path}' not implemented")


class _View:
    """The cluster as one token sees it."""

    def __init__(self, cluster: Cluster, token: Token) -> None:
        self._cluster = cluster
        self._token = token
        self._pool = token.sees.partition(":")[2]

    # Rights

    @property
    def cluster(self) -> Cluster:
        return self._cluster

    @property
    def sees_all(self) -> bool:
        return self._token.sees == "all"

    def _sees_guest(self, guest: GuestSpec) -> bool:
        return self.sees_all or (bool(self._pool) and guest.pool == self._pool)

    def guests(self) -> list[GuestSpec]:
        return [guest for guest in self._cluster.living() if self._sees_guest(guest)]

    def is_away(self, name: str, path: str) -> bool:
        """A dead node answers nothing, but others know the history of its guests and itself."""
        node = self._cluster.node(name)
        known_elsewhere = path.endswith("/rrddata") and "/storage/" not in path
        return node is not None and node.dead and not known_elsewhere

    def permissions(self, _query: Mapping[str, str]) -> Answer:
        privileges = dict.fromkeys(_AUDITOR, 1)
        if self._cluster.release >= 9:
            privileges["VM.GuestAgent.Audit"] = 1
        if self.sees_all:
            tops = ("/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms")
            held = {path: dict(privileges) for path in tops}
            if self._token.restores:
                held["/vms"]["VM.Backup"] = 1
                held["/storage"]["Datastore.AllocateSpace"] = 1
            return ok(held)
        if not self._pool:
            return ok({})
        paths = [f"/pool/{self._pool}", *(f"/vms/{guest.vmid}" for guest in self.guests())]
        return ok({path: dict(privileges) for path in paths})

    # The cluster

    def version(self, _query: Mapping[str, str]) -> Answer:
        release = ".".join(self._cluster.version.split(".")[:2])
        return ok(
            {"release": release, "repoid": "0123456789abcdef", "version": self._cluster.version}
        )

    def users(self, _query: Mapping[str, str]) -> Answer:
        user, _bang, name = self._token.id.partition("!")
        token = {"comment": "", "expire": self._token.expires_at, "privsep": 1, "tokenid": name}
        own = {
            "enable": 1, "expire": 0, "groups": "", "realm-type": "pve", "tokens": [token],
            "userid": user,
        }  # fmt: skip
        return ok([own, *map(dict, self._cluster.users)] if self.sees_all else [])

    def status(self, _query: Mapping[str, str]) -> Answer:
        if not self.sees_all:
            return fault(403, "Permission check failed (/, Sys.Audit)")
        rows: list[Row] = []
        nodes = self._cluster.nodes
        if len(nodes) > 1:
            rows.append(
                {
                    "id": "cluster", "name": self._cluster.name, "nodes": len(nodes),
                    "quorate": int(self._cluster.condition.quorate), "type": "cluster",
                    "version": 3,
                }
            )  # fmt: skip
        for number, node in enumerate(nodes, 1):
            row: Row = {
                "id": f"node/{node.name}", "level": "", "local": int(number == 1),
                "name": node.name, "nodeid": number if len(nodes) > 1 else 0,
                "online": int(not node.dead), "type": "node",
            }  # fmt: skip
            if not node.dead:
                row["ip"] = f"192.0.2.{number % 250 + 1}"
            rows.append(row)
        return ok(rows)

    def resources(self, _query: Mapping[str, str]) -> Answer:
        rows = [self._guest_row(guest) for guest in self.guests()]
        rows += [self._node_row(node) for node in self._cluster.nodes]
        if self.sees_all:
            rows += [
                self._storage_row(storage, node)
                for storage in self._cluster.storages
                if not storage.disabled
                for node in self._nodes_of(storage)
            ]
        return ok(rows)

    def nodes(self, _query: Mapping[str, str]) -> Answer:
        return ok([self._node_row(node) for node in self._cluster.nodes])

    def _instant(self) -> Floats:
        return np.array([self._cluster.now])

    def _node_row(self, node: Node) -> Row:
        row: Row = {"id": f"node/{node.name}", "node": node.name, "type": "node"}
        if node.dead:
            return row | {"status": "offline"}
        row |= {"cgroup-mode": 2, "level": "", "status": "online"}
        if node.maintenance:
            row["hastate"] = "maintenance"
        if not self.sees_all:
            return row
        return row | {
            "cpu": float(self._cluster.node_cpu(node, self._instant())[0]),
            "disk": 12 * 1024**3,
            "maxcpu": node.threads,
            "maxdisk": 96 * 1024**3,
            "maxmem": node.memory_bytes,
            "mem": int(self._cluster.node_memory(node, self._instant())[0]),
            "uptime": int(min(self._cluster.now - node.joined_at, 40 * 86_400)),
        }

    def node_status(self, _query: Mapping[str, str], node: str) -> Answer:
        found = self._cluster.node(node)
        if found is None:
            return fault(500, f"hostname lookup '{node}' failed - failed to get address info")
        if not self.sees_all:
            return fault(403, f"Permission check failed (/nodes/{node}, Sys.Audit)")
        used = int(self._cluster.node_memory(found, self._instant())[0])
        return ok(
            {
                "boot-info": {"mode": "efi", "secureboot": int(found.condition.secure_boot)},
                "cpu": 0,
                "cpuinfo": {
                    "cores": found.cores, "cpus": found.threads, "flags": "fpu vme vmx", "hvm": "1",
                    "mhz": "2600.000", "model": "Xeon", "sockets": found.sockets, "user_hz": 100,
                },
                "current-kernel": {
                    "machine": "x86_64", "release": "6.8.12-1-pve", "sysname": "Linux",
                    "version": "#1 SMP PREEMPT_DYNAMIC",
                },
                "idle": 0,
                "ksm": {"shared": 0},
                "kversion": "Linux 6.8.12-1-pve #1 SMP PREEMPT_DYNAMIC",
                "loadavg": ["4.10", "4.02", "3.97"],
                "memory": {
                    "free": found.memory_bytes - used, "total": found.memory_bytes, "used": used,
                },
                "pveversion": f"pve-manager/{self._cluster.version}/0123456789abcdef",
                "rootfs": {
                    "avail": 84 * 1024**3, "free": 84 * 1024**3, "total": 96 * 1024**3,
                    "used": 12 * 1024**3,
                },
                "swap": {"free": 0, "total": 0, "used": 0},
                "uptime": 3_456_000,
                "wait": 0,
            }
        )  # fmt: skip

    # Guests

    def _guest_row(self, guest: GuestSpec) -> Row:
        node = self._cluster.node(guest.node)
        row: Row = {
            "id": f"{guest.kind}/{guest.vmid}", "node": guest.node, "type": guest.kind,
            "vmid": guest.vmid,
        }  # fmt: skip
        if guest.tags:
            row["tags"] = ";".join(guest.tags)
        if guest.pool:
            row["pool"] = guest.pool
        if guest.ha:
            row["hastate"] = guest.ha
        if node is None or node.dead:
            return row | {"status": "unknown"}  # its statistics are older than five minutes
        on = guest.running and not guest.template
        uptime = self._cluster.uptime(guest) if on else 0
        row |= {
            "cpu": float(self._cluster.guest_cpu(guest, self._instant())[0]) if on else 0,
            "disk": 0,
            "diskread": int(40_000 * guest.traffic * uptime),
            "diskwrite": int(90_000 * guest.traffic * uptime),
            "maxcpu": min(guest.vcpus, node.threads),
            "maxdisk": self._boot_disk(guest),
            "maxmem": guest.memory_bytes,
            "mem": int(self._cluster.guest_memory(guest, self._instant())[0]) if on else 0,
            "name": guest.name,
            "netin": int(25_000 * guest.traffic * uptime),
            "netout": int(60_000 * guest.traffic * uptime),
            "status": "running" if on else "stopped",
            "template": int(guest.template),
            "uptime": int(uptime),
        }
        if self._cluster.release >= 9:
            row["memhost"] = row["mem"]
        return row

    def _boot_disk(self, guest: GuestSpec) -> int:
        first = next(iter(guest.disks.values()), "")
        found = re.search(r"size=(\d+)([MGT])", first)
        units = {"M": 1024**2, "G": 1024**3, "T": 1024**4}
        return int(found[1]) * units[found[2]] if found else 0

    def guest(self, node: str, kind: str, vmid: str) -> GuestSpec | Answer:
        """The guest, or the answer that says why not."""
        found = next(
            (g for g in self._cluster.living() if str(g.vmid) == vmid and g.kind == kind), None
        )
        if found is None or found.node != node:
            folder = "qemu-server" if kind == "qemu" else "lxc"
            return fault(
                500, f"Configuration file 'nodes/{node}/{folder}/{vmid}.conf' does not exist"
            )
        if not self._sees_guest(found):
            return fault(403, f"Permission check failed (/vms/{vmid}, VM.Audit)")
        return found

    def config(self, _query: Mapping[str, str], node: str, kind: str, vmid: str) -> Answer:
        guest = self.guest(node, kind, vmid)
        if isinstance(guest, tuple):
            return guest
        config: Row = {**guest.disks, **guest.nics}
        if kind == "qemu":
            identity = hashlib.md5(f"{self._cluster.name}/{vmid}".encode()).hexdigest()  # noqa: S324  (a stable number, no secret)
            config |= {
                "agent": "1", "cores": guest.cores, "memory": str(guest.memory_mib),
                "name": guest.name, "ostype": "l26", "scsihw": "virtio-scsi-single",
                "smbios1": f"uuid={identity[:8]}-{identity[8:12]}-4{identity[13:16]}-8"
                f"{identity[17:20]}-{identity[20:]}",
                "sockets": guest.sockets,
            }  # fmt: skip
        else:
            config |= {
                "arch": "amd64", "cores": guest.cores, "hostname": guest.name,
                "memory": guest.memory_mib, "ostype": "debian", "swap": 512, "unprivileged": 1,
            }  # fmt: skip
        if guest.tags:
            config["tags"] = ";".join(guest.tags)
        if guest.template:
            config["template"] = 1
        config |= dict(guest.config)
        config = {name: value for name, value in config.items() if value is not None}
        config["digest"] = hashlib.sha1(repr(sorted(config.items())).encode()).hexdigest()  # noqa: S324  (as Proxmox does)
        return ok(config)

    def snapshot(self, _query: Mapping[str, str], node: str, kind: str, vmid: str) -> Answer:
        guest = self.guest(node, kind, vmid)
        if isinstance(guest, tuple):
            return guest
        rows: list[Row] = [
            {"description": "", "name": name, "snaptime": int(taken), "vmstate": int(memory)}
            for name, taken, memory in guest.snapshots
            if taken <= self._cluster.now
        ]
        here = {"description": "You are here!", "digest": "0" * 40, "name": "current"}
        return ok([*rows, here | {"running": int(guest.running)}])

    # Storages and backups

    def _nodes_of(self, storage: Storage) -> list[str]:
        return list(storage.nodes) or [node.name for node in self._cluster.nodes]

    def _storage_row(self, storage: Storage, name: str) -> Row:
        node = self._cluster.node(name)
        row: Row = {
            "content": storage.content, "id": f"storage/{name}/{storage.id}", "node": name,
            "plugintype": storage.type, "shared": int(storage.shared), "storage": storage.id,
            "type": "storage",
        }  # fmt: skip
        if node is None or node.dead:
            return row | {"status": "unknown"}
        used = int(np.clip(storage.used(self._instant())[0], 0, storage.capacity_bytes))
        return row | {"disk": used, "maxdisk": storage.capacity_bytes, "status": "available"}

    def storage(self, _query: Mapping[str, str]) -> Answer:
        if not self.sees_all:
            return ok([])
        rows = []
        for storage in self._cluster.storages:
            row: Row = {
                "content": storage.content, "digest": "1" * 40, "storage": storage.id,
                "type": storage.type, **storage.config,
            }  # fmt: skip
            if storage.shared:
                row["shared"] = 1
            if storage.nodes:
                row["nodes"] = ",".join(storage.nodes)
            if storage.disabled:
                row["disable"] = 1
            rows.append(row)
        return ok(rows)

    def jobs(self, _query: Mapping[str, str]) -> Answer:
        if not self.sees_all:
            return fault(403, "Permission check failed (/, Sys.Audit)")
        return ok(
            [
                {
                    "enabled": 1, "id": job.id, "mode": "snapshot", "schedule": job.schedule,
                    "next-run": int(self._cluster.now) + 3600, "storage": job.storage,
                    "type": "vzdump", **job.settings,
                }
                for job in self._cluster.jobs
            ]
        )  # fmt: skip

    def prunebackups(self, query: Mapping[str, str], node: str, storage: str) -> Answer:
        found = next((s for s in self._cluster.storages if s.id == storage), None)
        if found is None or node not in self._nodes_of(found):
            return fault(500, f"storage '{storage}' does not exist")
        if not self.sees_all:
            return fault(403, f"Permission check failed (/storage/{storage}, Datastore.Audit)")
        if "prune-backups" not in query and "prune-backups" not in found.config:
            return fault(500, "no prune-backups options configured")
        return ok(
            [
                self._backup_row(storage, b.kind, b.vmid, b.made_at, b.mark)
                for b in self._cluster.backups(self._cluster.now)
                if b.storage == storage
            ]
        )

    def content(self, query: Mapping[str, str], node: str, storage: str) -> Answer:
        """Backups with their sizes: an empty list without the right to restore them."""
        found = next((s for s in self._cluster.storages if s.id == storage), None)
        if found is None or node not in self._nodes_of(found):
            return fault(500, f"storage '{storage}' does not exist")
        if not self.sees_all:
            return fault(403, f"Permission check failed (/storage/{storage}, Datastore.Audit)")
        if query.get("content") != "backup" or not self._token.restores:
            return ok([])
        return ok(
            [
                self._content_row(b)
                for b in self._cluster.backups(self._cluster.now)
                if b.storage == storage
            ]
        )

    def _content_row(self, backup: StoredBackup) -> Row:
        listed = self._backup_row(
            backup.storage, backup.kind, backup.vmid, backup.made_at, backup.mark
        )
        row = {name: listed[name] for name in ("ctime", "vmid", "volid")}
        row |= {"content": "backup", "size": backup.bytes, "subtype": backup.kind}
        row["format"] = "vma.zst" if backup.kind == "qemu" else "tar.zst"
        return row | ({"protected": 1} if backup.mark == "protected" else {})

    def _backup_row(self, storage: str, kind: str, vmid: int, made_at: float, mark: str) -> Row:
        day = np.datetime64(int(made_at), "s").astype(str).replace("-", "_").replace("T", "-")
        ending = "vma.zst" if kind == "qemu" else "tar.zst"
        name = f"vzdump-{kind}-{vmid}-{day.replace(':', '_')}.{ending}"
        return {
            "ctime": int(made_at), "mark": mark, "type": kind, "vmid": vmid,
            "volid": f"{storage}:backup/{name}",
        }  # fmt: skip

    # History

    def node_rrd(self, query: Mapping[str, str], node: str) -> Answer:
        found = self._cluster.node(node)
        if found is None:
            return fault(500, f"hostname lookup '{node}' failed")
        if not self.sees_all:
            return fault(403, f"Permission check failed (/nodes/{node}, Sys.Audit)")
        waits = {
            f"pressure{what}some": _constant(found.condition.waits.get(what, 0.0))
            for what in ("cpu", "io", "memory")
        }
        return self._rrd(
            query,
            found.joined_at,
            (waits if self._cluster.release >= 9 else {})
            | {
                "cpu": lambda t: self._cluster.node_cpu(found, t),
                "iowait": _constant(0.01),
                "loadavg": lambda t: self._cluster.node_cpu(found, t) * found.threads,
                "maxcpu": _constant(found.threads),
                "memtotal": _constant(found.memory_bytes),
                "memused": lambda t: self._cluster.node_memory(found, t),
                "netin": _constant(2.0e6),
                "netout": _constant(3.0e6),
                "roottotal": _constant(96 * 1024**3),
                "rootused": _constant(12 * 1024**3),
            },
            of_node=True,
        )

    def guest_rrd(self, query: Mapping[str, str], node: str, kind: str, vmid: str) -> Answer:
        guest = self.guest(node, kind, vmid)
        if isinstance(guest, tuple):
            return guest

        def moved(rate: float) -> Load:
            return lambda t: rate * guest.traffic * _while_known(self._cluster.guest_cpu(guest, t))

        return self._rrd(
            query,
            guest.born_at,
            {
                "cpu": lambda t: self._cluster.guest_cpu(guest, t),
                "disk": _constant(0),
                "diskread": moved(40_000),
                "diskwrite": moved(90_000),
                "maxcpu": _constant(guest.vcpus),
                "maxdisk": _constant(self._boot_disk(guest)),
                "maxmem": _constant(guest.memory_bytes),
                "mem": lambda t: self._cluster.guest_memory(guest, t),
                "netin": moved(25_000),
                "netout": moved(60_000),
            },
        )

    def storage_rrd(self, query: Mapping[str, str], node: str, storage: str) -> Answer:
        found = next((s for s in self._cluster.storages if s.id == storage), None)
        if found is None or not self.sees_all:
            return fault(403, f"Permission check failed (/storage/{storage}, Datastore.Audit)")
        if node not in self._nodes_of(found):
            return fault(500, "RRD error: opening file failed: No such file or directory")
        capacity = found.capacity_bytes
        return self._rrd(
            query,
            0.0,
            {"total": _constant(capacity), "used": lambda t: np.clip(found.used(t), 0, capacity)},
        )

    def _rrd(
        self,
        query: Mapping[str, str],
        since: float,
        series: Mapping[str, Callable[[Floats], Floats]],
        *,
        of_node: bool = False,
    ) -> Answer:
        """Averages or maxima per bucket; a row's time is the bucket's end, and what is missing an
        absent key."""
        table = _RRD_9 if self._cluster.release >= 9 else _RRD_8
        timeframe = query.get("timeframe")
        if timeframe not in table or (timeframe == "decade" and not of_node):
            return fault(400, "Parameter verification failed.")
        seconds, count = table[timeframe]
        last = int(self._cluster.now // seconds) * seconds
        ends = last - seconds * np.arange(count - 1, -1, -1, dtype=np.float64)
        points = min(_SAMPLES_A_BUCKET, max(1, seconds // 600))
        offsets = (np.arange(points) + 0.5) / points * seconds
        times = ends[:, None] - seconds + offsets[None, :]
        begins = max(since, self._cluster.now - self._cluster.history_days * 86_400)
        rows: list[Row] = [{"time": int(end)} for end in ends]
        for name, load in series.items():
            values = np.where(times >= begins, load(times), np.nan)
            known = ~np.isnan(values)
            counts = known.sum(axis=1)
            if query.get("cf") == "MAX":
                figures = np.where(known, values, -np.inf).max(axis=1)
            else:
                figures = np.where(known, values, 0.0).sum(axis=1) / np.maximum(counts, 1)
            for row, figure, enough in zip(rows, figures, counts * 2 >= points, strict=True):
                if enough:
                    row[name] = float(figure)
        return ok(rows)


def _constant(value: float) -> Callable[[Floats], Floats]:
    return lambda t: np.full(np.shape(t), float(value))


def _while_known(values: Floats) -> Floats:
    """1 where a value is known, NaN elsewhere."""
    return np.where(np.isnan(values), np.nan, 1.0)


def _on_the_platform(method: Callable[..., Answer]) -> Callable[..., Answer]:
    def answer(view: _View, query: Mapping[str, str], **places: str) -> Answer:
        return method(Platform(view.cluster, view.sees_all), query, **places)

    return answer


_GUEST = r"/nodes/(?P<node>[^/]+)/(?P<kind>qemu|lxc)/(?P<vmid>\d+)"
_STORAGE = r"/nodes/(?P<node>[^/]+)/storage/(?P<storage>[^/]+)"
_ROUTES: tuple[tuple[re.Pattern[str], Callable[..., Answer]], ...] = tuple(
    (re.compile(pattern), method)
    for pattern, method in (
        (r"/version", _View.version),
        (r"/access/permissions", _View.permissions),
        (r"/access/users", _View.users),
        (r"/cluster/status", _View.status),
        (r"/cluster/resources", _View.resources),
        (r"/cluster/backup", _View.jobs),
        (r"/storage", _View.storage),
        (r"/nodes", _View.nodes),
        (r"/nodes/(?P<node>[^/]+)/status", _View.node_status),
        (r"/nodes/(?P<node>[^/]+)/rrddata", _View.node_rrd),
        (_GUEST + "/config", _View.config),
        (_GUEST + "/snapshot", _View.snapshot),
        (_GUEST + "/rrddata", _View.guest_rrd),
        (_STORAGE + "/prunebackups", _View.prunebackups),
        (_STORAGE + "/content", _View.content),
        (_STORAGE + "/rrddata", _View.storage_rrd),
    )
)
_ROUTES += tuple(
    (re.compile(pattern), _on_the_platform(method)) for pattern, method in PLATFORM_ROUTES
)
_ROUTES += tuple((re.compile(pattern), method) for pattern, method in GUEST_ROUTES)
