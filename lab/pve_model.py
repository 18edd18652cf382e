"""A Proxmox VE cluster that exists only as a model: what it holds at any instant, and what it used.

Loads are functions of time (seconds since 1970) that take arrays, so that a year of averages
costs milliseconds. ``lab.pve_answers`` turns the model into API answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Load = Callable[[Floats], Floats]

GIB = 1024**3
MIB = 1024**2
DAY = 86_400.0
_JAKARTA_SECONDS = 7 * 3600


def last_at(now: float, hour: int) -> float:
    """The last time up to ``now`` at which it was that hour in Jakarta."""
    return now - (now + _JAKARTA_SECONDS - hour * 3600) % DAY


def steady(value: float) -> Load:
    return lambda t: np.full(np.shape(t), float(value))


def growing(now: float, per_day: float, at: float) -> Load:
    """A straight line that stands at ``now`` at the instant ``at``."""
    return lambda t: now + per_day * (np.asarray(t) - at) / DAY


def office_hours(
    low: float, high: float, weekend: float = 0.4, zone: int = _JAKARTA_SECONDS
) -> Load:
    """A daily rhythm with its peak in the early afternoon, weaker on Saturday and Sunday."""

    def load(t: Floats) -> Floats:
        local = (np.asarray(t) + zone) / DAY
        hour = (local % 1.0) * 24
        bell = np.exp(-(((hour - 13.5) / 4.0) ** 2))
        weekday = (np.floor(local).astype(int) + 3) % 7  # 1970-01-01 was a Thursday
        return low + (high - low) * bell * np.where(weekday >= 5, weekend, 1.0)

    return load


def step(size: float, at: float) -> Load:
    """Nothing before an instant, ``size`` from it on."""
    return lambda t: np.where(np.asarray(t) >= at, float(size), 0.0)


def sawtooth(height: float, days: float, at: float) -> Load:
    """A climb of ``height`` over some days, then back: what a retention policy does."""
    return lambda t: height * (((np.asarray(t) - at) / DAY / days) % 1.0)


def total(*parts: Load) -> Load:
    def load(t: Floats) -> Floats:
        return np.asarray(np.sum([part(t) for part in parts], axis=0), dtype=np.float64)

    return load


@dataclass(frozen=True)
class Condition:
    """The state a node is in beside its load; what is not set is a healthy one.

    ``disks``, ``zfs`` and ``thin_pools`` are rows of the API's answers; ``zfs`` of None is a node
    without ZFS installed. ``failed_tasks`` are (kind, about, ended at, outcome).
    """

    disks: tuple[Mapping[str, Any], ...] = ()
    zfs: tuple[Mapping[str, Any], ...] | None = None
    thin_pools: tuple[Mapping[str, Any], ...] = ()
    networks: tuple[Mapping[str, Any], ...] | None = None  # None: one bridge over one bond
    certificate_ends_at: float | None = None  # None: in a year
    outdated: Mapping[str, str] = field(default_factory=dict)  # package → the version to be had
    services_down: tuple[str, ...] = ()
    subscription: str = "active"
    repositories: tuple[str, ...] = ("pve-enterprise",)
    failed_tasks: tuple[tuple[str, str, float, str], ...] = ()
    firewall: Mapping[str, Any] = field(default_factory=dict)
    firewall_rules: tuple[Mapping[str, Any], ...] = ()
    waits: Mapping[str, float] = field(default_factory=dict)  # percent of time: cpu, io, memory
    secure_boot: bool = True


@dataclass(frozen=True)
class Node:
    name: str
    cores: int = 32
    threads: int = 64
    sockets: int = 2
    memory_bytes: int = 384 * GIB
    overhead_bytes: int = 6 * GIB
    joined_at: float = 0.0
    dead: bool = False
    maintenance: bool = False
    condition: Condition = Condition()


@dataclass(frozen=True)
class ClusterCondition:
    """What a cluster has set for all of its nodes; what is not set is its default."""

    quorate: bool = True
    quorum_device: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    metric_servers: tuple[Mapping[str, Any], ...] = ()
    ha_master: str = ""  # its state; "" where high availability is not in use
    firewall: Mapping[str, Any] = field(default_factory=dict)
    firewall_rules: tuple[Mapping[str, Any], ...] = ()
    firewall_groups: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    ceph: Mapping[str, Any] | None = None  # None: not installed


@dataclass(frozen=True)
class GuestSpec:
    """A guest, and how it changed: ``changes`` are (instant, new values) pairs, oldest first."""

    vmid: int
    name: str
    node: str
    kind: str = "qemu"
    cores: int = 2
    sockets: int = 1
    memory_mib: int = 4096
    disks: Mapping[str, str] = field(default_factory=dict)
    nics: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    pool: str = ""
    running: bool = True
    template: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)
    snapshots: tuple[tuple[str, float, bool], ...] = ()  # name, taken at, with memory
    cpu: Load = steady(0.05)  # a fraction of its vCPUs
    memory: Load = steady(0.6)  # a fraction of its memory
    traffic: float = 1.0  # of its network and disks; 0 for a guest that nobody uses
    born_at: float = 0.0
    gone_at: float = float("inf")
    ha: str = ""
    ha_group: str = ""
    firewall: Mapping[str, Any] = field(default_factory=dict)  # the options that are set
    firewall_rules: Sequence[Mapping[str, Any]] = ()
    waiting: Mapping[str, str] = field(default_factory=dict)  # settings for the next start
    told_by_agent: Mapping[str, str] = field(default_factory=dict)  # of its operating system
    file_systems: Sequence[Mapping[str, Any]] = ()  # as its agent tells them
    changes: tuple[tuple[float, Mapping[str, Any]], ...] = ()

    def at(self, instant: float) -> GuestSpec:
        """The guest as it is at an instant."""
        from dataclasses import replace

        now = self
        for when, values in self.changes:
            if when <= instant:
                now = replace(now, **values)
        return now

    @property
    def vcpus(self) -> int:
        return self.cores * self.sockets

    @property
    def memory_bytes(self) -> int:
        return self.memory_mib * MIB


@dataclass(frozen=True)
class Storage:
    id: str
    type: str
    content: str
    capacity_bytes: int
    used: Load
    shared: bool = False
    nodes: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    disabled: bool = False


@dataclass(frozen=True)
class Job:
    id: str
    storage: str
    schedule: str = "21:00"
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredBackup:
    storage: str
    kind: str
    vmid: int
    made_at: float
    mark: str = "keep"
    bytes: int = 8 * GIB


@dataclass(frozen=True)
class Token:
    """An API token and what it may see: everything, nothing, or one resource pool."""

    id: str
    secret: str
    sees: str = "all"  # all, none, pool:NAME
    expires_at: int = 0
    restores: bool = False  # it has the rights that show the sizes of backups, too


@dataclass
class Cluster:
    """The model of one cluster; ``now`` is its clock."""

    name: str
    version: str
    nodes: Sequence[Node]
    guests: Sequence[GuestSpec]
    storages: Sequence[Storage]
    jobs: Sequence[Job] = ()
    backups: Callable[[float], Sequence[StoredBackup]] = lambda _now: ()
    tokens: Sequence[Token] = ()
    ha_groups: Sequence[Mapping[str, Any]] = ()
    ha_rules: Sequence[Mapping[str, Any]] = ()
    replications: Sequence[Mapping[str, Any]] = ()
    replication_states: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    grants: Sequence[Mapping[str, Any]] = ()
    users: Sequence[Mapping[str, Any]] = ()  # beside the one who asks
    groups: Sequence[Mapping[str, Any]] = ()
    realms: Sequence[Mapping[str, Any]] = (
        {"comment": "Linux PAM standard authentication", "realm": "pam", "type": "pam"},
        {"comment": "Proxmox VE authentication server", "realm": "pve", "type": "pve"},
    )
    second_factors: Sequence[Mapping[str, Any]] = ()
    now: float = 0.0
    booted_at: float | None = None  # forty days before its clock was first set, unless stated
    history_days: float = 490.0
    condition: ClusterCondition = ClusterCondition()

    def __post_init__(self) -> None:
        if self.booted_at is None:
            self.booted_at = self.now - 40 * DAY

    def uptime(self, guest: GuestSpec) -> float:
        """Seconds since the guest started: with its node, or when it was made."""
        return max(60.0, self.now - max(self.booted_at or 0.0, guest.born_at))

    @property
    def release(self) -> int:
        return int(self.version.split(".")[0])

    def living(self) -> list[GuestSpec]:
        """The guests that exist now, as they are now."""
        return [
            guest.at(self.now) for guest in self.guests if guest.born_at <= self.now < guest.gone_at
        ]

    def node(self, name: str) -> Node | None:
        return next((node for node in self.nodes if node.name == name), None)

    # What was used, at any times

    def guest_cpu(self, guest: GuestSpec, t: Floats) -> Floats:
        """Busy share of the guest's vCPUs; NaN while it did not run."""
        return np.where(self._ran(guest, t), np.clip(guest.cpu(t), 0.0, 1.0), np.nan)

    def guest_memory(self, guest: GuestSpec, t: Floats) -> Floats:
        used = np.clip(guest.memory(t), 0.0, 1.0) * guest.memory_bytes
        return np.asarray(np.where(self._ran(guest, t), used, np.nan), dtype=np.float64)

    def _ran(self, guest: GuestSpec, t: Floats) -> npt.NDArray[np.bool_]:
        times = np.asarray(t)
        alive = (times >= guest.born_at) & (times < guest.gone_at)
        return alive if guest.running else np.zeros(times.shape, dtype=bool)

    def node_cpu(self, node: Node, t: Floats) -> Floats:
        """Busy share of all threads: what its guests burn, and a little of its own."""
        busy = np.full(np.shape(t), 0.01 * node.threads)
        for guest in self._ever_on(node):
            busy = busy + np.nan_to_num(self.guest_cpu(guest, t)) * guest.vcpus
        return np.clip(busy / node.threads, 0.0, 1.0)

    def node_memory(self, node: Node, t: Floats) -> Floats:
        used = np.full(np.shape(t), float(node.overhead_bytes))
        for guest in self._ever_on(node):
            used = used + np.nan_to_num(self.guest_memory(guest, t))
        return np.asarray(np.minimum(used, float(node.memory_bytes)), dtype=np.float64)

    def _ever_on(self, node: Node) -> list[GuestSpec]:
        """A guest counts on the node it is on now, also in the past."""
        return [g for guest in self.guests if (g := guest.at(self.now)).node == node.name]
