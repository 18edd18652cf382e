"""The fleet as a city works with it: agencies, firewalls, people, hosts that tell of themselves.

Most of it is in order. Every so many guests there is something to find, and some say nothing of
their configuration, so that every rule has what is well, what is not and what nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bench.fleet import CLUSTER, NOW
from inventory.platform_records import (
    Certificate,
    ClusterState,
    Firewall,
    FirewallRule,
    Grant,
    HaResource,
    HostNetwork,
    Package,
    PhysicalDisk,
    Principal,
    Realm,
    Replication,
    Role,
    Service,
    StorageHealth,
)
from inventory.records import (
    BackupJob,
    Datastore,
    Disk,
    Guest,
    GuestSnapshot,
    Host,
    Nic,
    Record,
    Snapshot,
)
from planner.owners import EstateFile

_AGENCIES = 40
_SERVICES = 400
_USERS = 200
_SILENT = 37  # every so many guests, the configuration of one was not seen
_CLASSES = ("terbatas", "publik", "terbatas", "pribadi-umum", "terbatas", "infra", "terbatas")
_SYSTEMS = ("debian-13", "ubuntu-24.04", "rocky-linux-9", "debian-12", "windows-server-2022")
_CONFIGURED: dict[str, Any] = {
    "agent": True, "firmware": "uefi", "secure_boot": True, "vtpm": False, "machine": "q35",
    "memory_encryption": "", "cpu_model": "x86-64-v3 +md-clear +spec-ctrl +ssbd",
    "raw_arguments": False, "raw_options": (), "passthrough": (), "hook_script": "",
    "host_paths": (), "consoles": (),
    "clipboard": False, "media": (), "pending": (), "hints": (), "persistent": True,
    "shares_memory": True, "ballooning": True, "protection": True, "cpu_limit_cores": 0.0,
}  # fmt: skip
# What is careless in every so many guests.
_CARELESS: tuple[tuple[int, dict[str, Any]], ...] = (
    (41, {"agent": False}),
    (43, {"media": ("local:iso/installer.iso",)}),
    (47, {"cpu_model": "kvm64"}),
    (53, {"raw_arguments": True, "raw_options": ("-vnc",)}),
    (59, {"passthrough": ("hostpci0 0000:01:00.0",)}),
    (61, {"pending": ("memory",)}),
    (67, {"hints": ("description: password",)}),
    (71, {"machine": "pc-i440fx-5.1"}),
    (73, {"protection": False}),
)
_CORE_SERVICES = ("pveproxy", "pvedaemon", "pvestatd", "pve-cluster", "corosync", "chrony")


def inhabited(snapshot: Snapshot) -> Snapshot:
    """The snapshot of a fleet with all that a platform tells beside its load."""
    facts = (fact for bare in snapshot.facts for fact in _told(bare))
    return replace(snapshot, facts=(*facts, *_of_cluster()))


def owners(guests: int) -> EstateFile:
    """What the owners of so many guests declare: their services, storage, hosts and people."""
    stores, hosts = -(-guests // 500), -(-guests // 50)
    return EstateFile.model_validate(
        {
            "organisation": {"dpo": {"contact": "pdp@kota"}, "incident": {"contact": "csirt@kota"}},
            "agencies": {f"opd{i}": {"name": f"Agency {i}"} for i in range(_AGENCIES)},
            "services": {f"svc{i}": _service(i) for i in range(_SERVICES)},
            "storages": {
                f"san{i + 1:02d}": {"country": "ID", "site": "a", "encrypted": i % 4 != 0}
                for i in range(stores)
            },
            "hosts": {
                f"host{i + 1:03d}": {"site": "a", "rack": f"R{i % 20}"} for i in range(hosts)
            },
            "principals": {
                "@admins": {"agency": "opd0", "custodian": True},
                **{f"user{i}@ad": {"agency": f"opd{i % _AGENCIES}"} for i in range(_USERS)},
            },
        }
    )


def _service(number: int) -> dict[str, Any]:
    days = {} if number % 5 == 0 else {"days": 365}
    return {
        "owner": f"opd{number % _AGENCIES}", "dimension": "governance", "ropa_id": f"R-{number}",
        "retention": {"basis": "Retention schedule", **days}, "criticality": 1 + number % 4,
    }  # fmt: skip


def _told(bare: Record) -> Iterator[Record]:
    """A fact of the fleet with all its fields, and what else there is about it."""
    match bare:
        case Guest():
            yield from _guest(bare)
        case Disk():
            told = {"shareable": False, "linked_clone_of": "", "host_device": "", "encryption": ""}
            cache = "unsafe" if int(bare.guest_id) % 79 == 0 else "none"
            yield bare.model_copy(update=told | {"cache": cache, "format": "qcow2"})
        case Nic():
            filtered = int(bare.guest_id) % 83 != 0
            told = {"trunks": "", "link_down": False, "attachment": "bridge", "firewall": filtered}
            yield bare.model_copy(update=told)
        case Host():
            yield from _host(bare)
        case Datastore():
            yield _datastore(bare)
        case BackupJob():
            told = {"schedule": "21:00", "datastore_id": "pbs", "retention": ""}
            yield bare.model_copy(update=told)
        case _:
            yield bare


def _guest(bare: Guest) -> Iterator[Record]:
    number = int(bare.guest_id)
    service, system = number % _SERVICES, _SYSTEMS[number % len(_SYSTEMS)]
    tags = [
        f"cls.{_CLASSES[service % len(_CLASSES)]}", f"opd.opd{service % _AGENCIES}",
        f"svc.svc{service}", f"os.{'debian-9' if number % 31 == 0 else system}",
    ]  # fmt: skip
    tags += ["expo.public"] if number % 11 == 0 else []
    known = {} if number % _SILENT == 0 else dict(_CONFIGURED)
    for every, careless in _CARELESS if known else ():
        known |= careless if number % every == 0 else {}
    told = {"tags": () if number % 97 == 0 else tuple(tags), "resource_pool": f"pool{service % 20}"}
    yield bare.model_copy(update=told | known)
    at: dict[str, Any] = {"cluster": CLUSTER}
    yield Firewall(
        level=f"guest/{number}", enabled=number % 89 != 0, policy_in="DROP", policy_out="ACCEPT",
        address_filter=True, mac_filter=True, log_in="info", **at,
    )  # fmt: skip
    if number % 4 == 0:
        yield HaResource(guest_id=bare.guest_id, requested="started", max_restart=1, **at)
    if number % 10 == 0:
        made = NOW - timedelta(days=number % 60)
        yield GuestSnapshot(
            guest_id=bare.guest_id, name="before", created_at=made, memory_state=False, **at
        )
    if number % 20 == 0:
        yield Replication(
            job_id=f"{number}-0", guest_id=bare.guest_id, enabled=True, schedule="*/15", error="",
            last_sync_at=NOW, last_attempt_at=NOW, failures=3 if number % 500 == 0 else 0, **at,
        )  # fmt: skip


def _host(bare: Host) -> Iterator[Record]:
    told = {
        "platform": "proxmox-ve", "version": "9.1.2", "kernel": "6.17.2-1-pve", "cpu_sockets": 2,
        "ksm_shared_bytes": 0, "secure_boot": True, "subscription": "active",
        "repositories": ("pve-enterprise",), "transport": "https", "transport_encrypted": True,
    }  # fmt: skip
    yield bare.model_copy(update=told)
    at: dict[str, Any] = {"host_id": bare.host_id, "cluster": CLUSTER}
    number = int(bare.host_id[-3:])
    yield Firewall(level=f"host/{bare.host_id}", cluster=CLUSTER, enabled=True, log_in="info")
    for name in _CORE_SERVICES:
        yield Service(name=name, state="dead" if number % 90 == 0 else "running", **at)
    for name in ("pve-manager", "proxmox-kernel-6.17", "pve-qemu-kvm", "openssl"):
        yield Package(name=name, installed="1", available="2" if number % 8 == 0 else "1", **at)
    expires = NOW + timedelta(days=20 if number % 25 == 0 else 200)
    yield Certificate(file="pve-ssl.pem", issuer="CN=City CA", expires_at=expires, **at)
    yield HostNetwork(
        name="vmbr0", kind="bridge", active=True, vlan_aware=True, ports=("bond0",),
        addresses=(f"10.0.{number >> 8}.{number & 255}/16",), **at,
    )  # fmt: skip
    yield HostNetwork(name="bond0", kind="bond", active=True, ports=("eno1", "eno2"), **at)
    for device in ("/dev/sda", "/dev/sdb"):
        yield PhysicalDisk(device=device, kind="ssd", health="PASSED", wearout_ratio=0.1, **at)
    yield StorageHealth(name="rpool", kind="zfs", health="ONLINE", **at)


def _datastore(bare: Datastore) -> Datastore:
    told: dict[str, Any] = {"enabled": True, "backend": f"nas:{bare.name}", "retention": ""}
    if bare.shared:
        told |= {"content": ("images", "rootdir"), "kind": "rbd"}
    return bare.model_copy(update=told | {"folder_mode": 0o700})


def _of_cluster() -> Iterator[Record]:
    at: dict[str, Any] = {"cluster": CLUSTER}
    yield ClusterState(
        quorate=True, hosts_expected=200, migration_encrypted=True, metric_targets=1,
        ha_master="active", **at,
    )  # fmt: skip
    yield Datastore(
        datastore_id="pbs", name="pbs", kind="pbs", shared=True, enabled=True, content=("backup",),
        backend="pbs:main", retention="keep-daily=7", encrypted_backups=True, **at,
    )  # fmt: skip
    yield Firewall(level="cluster", enabled=True, policy_in="DROP", log_in="info", **at)
    for position in range(50):
        yield FirewallRule(
            level="cluster", position=position, enabled=True, direction="in", action="ACCEPT",
            protocol="tcp", source="+dc/admins" if position else "", destination="",
            ports=str(8000 + position), **at,
        )  # fmt: skip
    yield from _people()


def _people() -> Iterator[Record]:
    at: dict[str, Any] = {"cluster": CLUSTER}
    yield Realm(realm_id="ad", kind="ad", second_factor="", encrypted=True, verified=True, **at)
    for role, privileges in (
        ("Administrator", ("Permissions.Modify", "Sys.Modify", "VM.Allocate", "VM.Console")),
        ("PVEVMUser", ("VM.Audit", "VM.Console", "VM.PowerMgmt")),
    ):
        yield Role(role_id=role, privileges=privileges, built_in=True, **at)
    users = [f"user{i}@ad" for i in range(_USERS)]
    for i, user in enumerate(users):
        yield Principal(
            principal_id=user, kind="user", enabled=True, expires=False, locked=False,
            second_factors=() if i % 9 == 0 else ("totp",), purpose_stated=True,
            contact_stated=True, **at,
        )  # fmt: skip
        pool = f"/pool/pool{i % 20}"
        yield Grant(path=pool, principal_id=user, role_id="PVEVMUser", propagates=True, **at)
    yield Principal(principal_id="@admins", kind="group", members=tuple(users[:4]), **at)
    yield Grant(path="/", principal_id="@admins", role_id="Administrator", propagates=True, **at)
