"""What a node tells of itself: one reader for each of its answers, and the table of them all.

A reader takes what its path answered and is total: a row that is none is left out, a value that
cannot be what it should be is None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from collectors.proxmox.firewall import firewall_of, rules_of
from collectors.proxmox.values import flag, rows, text, words
from collectors.proxmox.wire import Request
from collectors.untrusted import instant, mapping, number, whole
from inventory.platform_records import (
    CEPH_OSD,
    Certificate,
    FailedTask,
    HostNetwork,
    Package,
    PhysicalDisk,
    Service,
    StorageHealth,
)
from inventory.records import Record

Reader = Callable[[str, str, Any], Iterator[Record]]  # (host, cluster, body) → its facts

OLDEST_RELEASE = 7  # that is read

_HOUR = 3_600
_NOT_TO_RUN = frozenset({"disabled", "masked", "masked-runtime", "not-found"})
_CEPH = re.compile(r"/(ceph-[a-z]+)/?$")


# The host's own record


def host_details(status: Mapping[str, Any], answered_at: datetime) -> dict[str, Any]:
    """What nodes/NAME/status adds to a host; its uptime counts back from ``answered_at``."""
    cpu, boot = mapping(status.get("cpuinfo")), mapping(status.get("boot-info"))
    root, uptime = mapping(status.get("rootfs")), whole(status.get("uptime"))
    return {
        "cpu_mhz": number(cpu.get("mhz")),
        "cpu_model": text(cpu.get("model")),
        "cpu_sockets": whole(cpu.get("sockets")) or None,
        "kernel": _kernel(status),
        "swap_bytes": whole(mapping(status.get("swap")).get("total")),
        "root_bytes": whole(root.get("total")) or None,
        "root_used_bytes": whole(root.get("used")),
        "booted_at": _booted_at(uptime, answered_at),
        "boot_mode": text(boot.get("mode")),
        "secure_boot": _secure_boot(boot),
        "ksm_shared_bytes": whole(mapping(status.get("ksm")).get("shared")),
    }


def _kernel(status: Mapping[str, Any]) -> str | None:
    """The running kernel's release; before 8 only in a line such as ``Linux 5.15.158-2-pve #1``."""
    release = text(mapping(status.get("current-kernel")).get("release"))
    line = (text(status.get("kversion")) or "").split()
    return release or (line[1] if len(line) > 1 else None)


def _booted_at(uptime_seconds: int | None, answered_at: datetime) -> datetime | None:
    """None for an uptime longer than any machine's."""
    if not uptime_seconds or uptime_seconds > 100 * 366 * 24 * _HOUR:
        return None
    return answered_at.replace(microsecond=0) - timedelta(seconds=uptime_seconds)


def _secure_boot(boot: Mapping[str, Any]) -> bool | None:
    """Told for UEFI only: a legacy BIOS has none."""
    return False if boot.get("mode") == "legacy-bios" else flag(boot.get("secureboot"))


def subscription_of(body: Any) -> str | None:
    """active, notfound, expired, … as the platform words it."""
    return text(mapping(body).get("status")) or None


def repositories_of(body: Any) -> tuple[str, ...] | None:
    """The enabled package sources by component: pve-enterprise, main, ceph-squid/test, …"""
    files = mapping(body).get("files")
    if not isinstance(files, list):
        return None
    found = {
        name
        for file in rows(files)
        for repository in rows(file.get("repositories"))
        if flag(repository.get("Enabled")) and "deb" in _list(repository.get("Types"))
        for name in _components(repository)
    }
    return tuple(sorted(found))


def _components(repository: Mapping[str, Any]) -> Iterator[str]:
    """Ceph's components are named alike for every release of it, so the release is told, too."""
    place = next(iter(_list(repository.get("URIs"))), "")
    ceph = _CEPH.search(place)
    for component in _list(repository.get("Components")):
        yield f"{ceph[1]}/{component}" if ceph else component


def _list(value: Any) -> list[str]:
    return [text(one) or "" for one in value] if isinstance(value, list) else []


def pressure_of(body: Any) -> dict[str, Any]:
    """The share of time in which some task waited, by the newest row that tells (from 9 on)."""
    known = [row for row in rows(body) if any(str(key).startswith("pressure") for key in row)]
    newest = max(known, key=lambda row: number(row.get("time")) or 0.0, default={})
    return {
        "cpu_pressure_ratio": _ratio(newest.get("pressurecpusome")),
        "memory_pressure_ratio": _ratio(newest.get("pressurememorysome")),
        "io_pressure_ratio": _ratio(newest.get("pressureiosome")),
    }


def _ratio(percent: Any) -> float | None:
    value = number(percent)
    return None if value is None or value > 100 else round(value / 100, 4)


# Facts of their own


def certificates(host: str, cluster: str, body: Any) -> Iterator[Certificate]:
    """nodes/NAME/certificates/info: what the API shows, the cluster's own authority among it."""
    for row in rows(body):
        file = text(row.get("filename"))
        if file:
            yield Certificate(
                host_id=host,
                file=file,
                cluster=cluster,
                issuer=text(row.get("issuer")),
                subject_name=text(row.get("subject")),
                expires_at=instant(whole(row.get("notafter"))),
                fingerprint=text(row.get("fingerprint")),
            )


def packages(host: str, cluster: str, body: Any) -> Iterator[Package]:
    """nodes/NAME/apt/versions: OldVersion is what is installed, Version what could be."""
    for row in rows(body):
        name = text(row.get("Package"))
        if name:
            is_there = row.get("CurrentState") != "NotInstalled"
            yield Package(
                host_id=host,
                name=name,
                cluster=cluster,
                installed=text(row.get("OldVersion")) if is_there else "",
                available=text(row.get("Version")),
            )


def services(host: str, cluster: str, body: Any) -> Iterator[Service]:
    """nodes/NAME/services: running, dead, …; of one that is not to run, why it is not."""
    for row in rows(body):
        name = text(row.get("service")) or text(row.get("name"))
        if name:
            unit, state = text(row.get("unit-state")), text(row.get("state"))
            not_to_run = unit in _NOT_TO_RUN and state != "running"
            yield Service(
                host_id=host, name=name, cluster=cluster, state=unit if not_to_run else state
            )


def networks(host: str, cluster: str, body: Any) -> Iterator[HostNetwork]:
    """nodes/NAME/network: an absent ``active`` means that it is not."""
    for row in rows(body):
        name, kind = text(row.get("iface")), text(row.get("type"))
        if name:
            yield HostNetwork(
                host_id=host,
                name=name,
                cluster=cluster,
                kind=kind,
                active=flag(row.get("active", 0)),
                vlan_aware=flag(row.get("bridge_vlan_aware", 0)) if kind == "bridge" else None,
                ports=_ports(row),
                addresses=tuple(sorted({*_addresses(row, ""), *_addresses(row, "6")})),
            )


def _ports(row: Mapping[str, Any]) -> tuple[str, ...]:
    names = ("bridge_ports", "slaves", "ovs_ports", "ovs_bonds")
    return tuple(sorted({port for name in names for port in words(row.get(name), " ")} - {"none"}))


def _addresses(row: Mapping[str, Any], family: str) -> Iterator[str]:
    given = text(row.get(f"cidr{family}"))
    address, mask = text(row.get(f"address{family}")), text(row.get(f"netmask{family}"))
    if given:
        yield given
    elif address:
        yield f"{address}/{mask}" if mask else address


def physical_disks(host: str, cluster: str, body: Any) -> Iterator[PhysicalDisk]:
    """nodes/NAME/disks/list. The platform's ``wearout`` is what remains: 100 is new.

    (PVE::Diskmanage turns SMART's "Percentage Used" into 100 minus it.)
    """
    for row in rows(body):
        device = text(row.get("devpath"))
        if device:
            serial, remaining = text(row.get("serial")), number(row.get("wearout"))
            yield PhysicalDisk(
                host_id=host,
                device=device,
                cluster=cluster,
                kind=text(row.get("type")),
                model=text(row.get("model")),
                serial=None if serial == "unknown" else serial,
                capacity_bytes=whole(row.get("size")),
                used_for=_use_of(row),
                health=text(row.get("health")),
                wearout_ratio=None if remaining is None else _worn(remaining),
            )


def _use_of(row: Mapping[str, Any]) -> str:
    """What a disk is used for; one of Ceph's says no more than LVM, but it has a number."""
    osd = whole(row.get("osdid"))
    return CEPH_OSD if osd is not None and osd >= 0 else text(row.get("used")) or ""


def _worn(remaining_percent: float) -> float | None:
    return None if remaining_percent > 100 else round(1 - remaining_percent / 100, 4)


def zfs_pools(host: str, cluster: str, body: Any) -> Iterator[StorageHealth]:
    """nodes/NAME/disks/zfs."""
    for row in rows(body):
        name = text(row.get("name"))
        if name:
            yield StorageHealth(
                name=name,
                cluster=cluster,
                kind="zfs",
                host_id=host,
                health=text(row.get("health")),
                capacity_bytes=whole(row.get("size")) or None,
                used_bytes=whole(row.get("alloc")),
                fragmentation_ratio=_ratio(row.get("frag")),
            )


def thin_pools(host: str, cluster: str, body: Any) -> Iterator[StorageHealth]:
    """nodes/NAME/disks/lvmthin: a thin pool has no health but how full it and its metadata are."""
    for row in rows(body):
        group, volume = text(row.get("vg")), text(row.get("lv"))
        if group and volume:
            size, used = number(row.get("metadata_size")), number(row.get("metadata_used"))
            yield StorageHealth(
                name=f"{group}/{volume}",
                cluster=cluster,
                kind="lvmthin",
                host_id=host,
                capacity_bytes=whole(row.get("lv_size")) or None,
                used_bytes=whole(row.get("used")),
                metadata_used_ratio=round(used / size, 4) if size and used is not None else None,
            )


def failed_tasks(host: str, cluster: str, body: Any) -> Iterator[FailedTask]:
    """nodes/NAME/tasks?errors=1: the newest that did not end well; who began them is left out."""
    for row in rows(body):
        task, outcome = text(row.get("upid")), text(row.get("status"))
        if task and outcome and outcome != "OK":
            yield FailedTask(
                task_id=task,
                cluster=cluster,
                host_id=host,
                kind=text(row.get("type")),
                about=text(row.get("id")) or "",
                started_at=instant(whole(row.get("starttime"))),
                ended_at=instant(whole(row.get("endtime"))),
                outcome=outcome,
            )


def host_firewall(host: str, cluster: str, body: Any) -> Iterator[Record]:
    yield from firewall_of(f"host/{host}", cluster, body)


def host_rules(host: str, cluster: str, body: Any) -> Iterator[Record]:
    yield from rules_of(f"host/{host}", cluster, body)


def no_facts(host: str, cluster: str, body: Any) -> Iterator[Record]:
    """What is part of the host's record yields no fact of its own."""
    yield from ()


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that every node tells: where, of what kind, how often it is asked again."""

    what: str  # the path below /nodes/NAME
    kind: str  # of its facts; "host.FIELD" is a part of the host's record
    read: Reader = no_facts
    every_seconds: int = 24 * _HOUR
    parameters: Mapping[str, str | int] | None = None
    to_everyone: bool = False  # else only to who has Sys.Audit on the node
    from_release: int = OLDEST_RELEASE

    def request(self, node: str) -> Request:
        return Request(f"/nodes/{node}/{self.what}", self.parameters, node=node)


_PRESSURE = {"timeframe": "hour", "cf": "AVERAGE"}
_FAILED = {"errors": 1, "limit": 100}

PRESSURE = Told(
    "rrddata", "host.pressure", every_seconds=_HOUR, parameters=_PRESSURE, from_release=9
)
SUBSCRIPTION = Told("subscription", "host.subscription", to_everyone=True)
REPOSITORIES = Told("apt/repositories", "host.repositories")

TOLD: tuple[Told, ...] = (
    PRESSURE,
    SUBSCRIPTION,
    REPOSITORIES,
    Told("certificates/info", "certificate", certificates, to_everyone=True),
    Told("apt/versions", "package", packages),
    Told("services", "service", services),
    Told("network", "host_network", networks, to_everyone=True),
    Told("disks/list", "physical_disk", physical_disks),
    Told("disks/zfs", "storage_health", zfs_pools),
    Told("disks/lvmthin", "storage_health", thin_pools),
    Told("tasks", "failed_task", failed_tasks, every_seconds=6 * _HOUR, parameters=_FAILED),
    Told("firewall/options", "firewall", host_firewall),
    Told("firewall/rules", "firewall_rule", host_rules),
)


def told_by(release: int | None) -> tuple[Told, ...]:
    """What nodes of a release tell; of one that is not known what every release does."""
    return tuple(told for told in TOLD if (release or OLDEST_RELEASE) >= told.from_release)
