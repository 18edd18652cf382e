"""Facts beside hosts and guests: who may do what, what filters, what keeps copies, what records.

Like all records they are frozen, None is "not known", and what a person wrote in free text is not
kept: only whether something was stated.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from sqlmodel import Field

from inventory.records import Record, amount, names, size_bytes, word
from inventory.types import Instant


def _instant() -> datetime | None:
    found: datetime | None = Field(default=None, sa_type=Instant)
    return found


class ClusterState(Record):
    """A cluster as a whole."""

    kind_name: ClassVar[str] = "cluster_state"

    cluster: str
    quorate: bool | None = None
    hosts_expected: int | None = amount()
    quorum_device: bool | None = None
    migration_encrypted: bool | None = None
    metric_targets: int | None = amount()  # servers outside that metrics are sent to
    ha_master: str | None = None  # its state as the platform words it; "" when HA is not in use

    @property
    def subject(self) -> str:
        return self.cluster


class Replication(Record):
    """A job that copies a guest's disks to another host."""

    kind_name: ClassVar[str] = "replication"
    measured: ClassVar[frozenset[str]] = frozenset({"last_sync_at", "last_attempt_at", "failures"})

    job_id: str
    guest_id: str
    cluster: str
    source_host: str | None = None
    target_host: str | None = None
    schedule: str | None = None
    enabled: bool | None = None
    last_sync_at: datetime | None = _instant()
    last_attempt_at: datetime | None = _instant()
    failures: int | None = amount()  # in a row
    error: str | None = None  # of the last attempt; "" when it went well

    @property
    def subject(self) -> str:
        return self.job_id


class HaResource(Record):
    """A guest that the platform starts again elsewhere when its host dies."""

    kind_name: ClassVar[str] = "ha_resource"

    guest_id: str
    cluster: str
    requested: str | None = None  # started, stopped, ignored, …
    group: str | None = None
    max_restart: int | None = amount()
    max_relocate: int | None = amount()

    @property
    def subject(self) -> str:
        return self.guest_id


class HaRule(Record):
    """Where guests under HA may or may not run, alone or together."""

    kind_name: ClassVar[str] = "ha_rule"

    rule_id: str
    cluster: str
    kind: Literal["group", "node-affinity", "resource-affinity"] | None = word()
    affinity: Literal["positive", "negative"] | None = word()
    strict: bool | None = None  # rather down than elsewhere
    enabled: bool | None = None
    hosts: tuple[str, ...] | None = names()
    guest_ids: tuple[str, ...] | None = names()

    @property
    def subject(self) -> str:
        return self.rule_id


class Firewall(Record):
    """The firewall settings of one level: "cluster", "host/NAME" or "guest/ID"."""

    kind_name: ClassVar[str] = "firewall"

    level: str
    cluster: str
    enabled: bool | None = None
    policy_in: str | None = None
    policy_out: str | None = None
    address_filter: bool | None = None  # only the guest's own addresses
    mac_filter: bool | None = None
    log_in: str | None = None

    @property
    def subject(self) -> str:
        return self.level

    @property
    def scope(self) -> str:
        return self.level if "/" in self.level else ""


class FirewallRule(Record):
    """One rule of a level or of a security group ("group/NAME")."""

    kind_name: ClassVar[str] = "firewall_rule"

    level: str
    position: int
    cluster: str
    enabled: bool | None = None
    direction: str | None = None  # in, out, forward, group
    action: str | None = None
    macro: str | None = None
    protocol: str | None = None
    source: str | None = None  # "": any
    destination: str | None = None
    ports: str | None = None  # "": any
    interface: str | None = None
    log: str | None = None

    @property
    def subject(self) -> str:
        return f"{self.level}#{self.position}"

    @property
    def scope(self) -> str:
        return self.level if self.level.startswith(("host/", "guest/")) else ""


class Principal(Record):
    """A user, a token of a user, or a group."""

    kind_name: ClassVar[str] = "principal"

    principal_id: str  # user@realm, user@realm!token, @group
    cluster: str
    kind: Literal["user", "token", "group"] | None = word()
    enabled: bool | None = None
    expires: bool | None = None
    expires_at: datetime | None = _instant()
    privilege_separated: bool | None = None  # tokens: less than its user may
    members: tuple[str, ...] | None = names()  # of a group
    second_factors: tuple[str, ...] | None = names()  # of a user: their kinds
    locked: bool | None = None
    purpose_stated: bool | None = None
    contact_stated: bool | None = None

    @property
    def subject(self) -> str:
        return self.principal_id


class Role(Record):
    """A named set of privileges."""

    kind_name: ClassVar[str] = "role"

    role_id: str
    cluster: str
    privileges: tuple[str, ...] | None = names()
    built_in: bool | None = None

    @property
    def subject(self) -> str:
        return self.role_id


class Grant(Record):
    """A role that a principal has on a path."""

    kind_name: ClassVar[str] = "grant"

    path: str
    principal_id: str
    role_id: str
    cluster: str
    propagates: bool | None = None

    @property
    def subject(self) -> str:
        return f"{self.path}|{self.principal_id}|{self.role_id}"


class Realm(Record):
    """Where users are authenticated."""

    kind_name: ClassVar[str] = "realm"

    realm_id: str
    cluster: str
    kind: str | None = None
    second_factor: str | None = None  # the kind it demands; "": none
    encrypted: bool | None = None  # the line to a directory; None for what has no line
    verified: bool | None = None

    @property
    def subject(self) -> str:
        return self.realm_id


class Certificate(Record):
    """A certificate that a host shows."""

    kind_name: ClassVar[str] = "certificate"

    host_id: str
    file: str
    cluster: str
    issuer: str | None = None
    subject_name: str | None = None
    expires_at: datetime | None = _instant()
    fingerprint: str | None = None

    @property
    def subject(self) -> str:
        return f"{self.host_id}/{self.file}"

    @property
    def scope(self) -> str:
        return f"host/{self.host_id}"


class Package(Record):
    """A package of the hypervisor on a host, and the version that the host knows to be newest."""

    kind_name: ClassVar[str] = "package"

    host_id: str
    name: str
    cluster: str
    installed: str | None = None  # "": not installed
    available: str | None = None

    @property
    def subject(self) -> str:
        return f"{self.host_id}/{self.name}"

    @property
    def scope(self) -> str:
        return f"host/{self.host_id}"


class Service(Record):
    """A service of the hypervisor on a host."""

    kind_name: ClassVar[str] = "service"

    host_id: str
    name: str
    cluster: str
    state: str | None = None

    @property
    def subject(self) -> str:
        return f"{self.host_id}/{self.name}"

    @property
    def scope(self) -> str:
        return f"host/{self.host_id}"


class HostNetwork(Record):
    """A bridge, bond or interface of a host."""

    kind_name: ClassVar[str] = "host_network"

    host_id: str
    name: str
    cluster: str
    kind: str | None = None
    active: bool | None = None
    vlan_aware: bool | None = None
    ports: tuple[str, ...] | None = names()  # of a bridge or bond
    addresses: tuple[str, ...] | None = names()  # ADDRESS/PREFIX

    @property
    def subject(self) -> str:
        return f"{self.host_id}/{self.name}"

    @property
    def scope(self) -> str:
        return f"host/{self.host_id}"


CEPH_OSD = "ceph-osd"  # what a disk of Ceph is used for


class PhysicalDisk(Record):
    """A disk in a host."""

    kind_name: ClassVar[str] = "physical_disk"
    measured: ClassVar[frozenset[str]] = frozenset({"wearout_ratio"})

    host_id: str
    device: str
    cluster: str
    kind: str | None = None  # hdd, ssd, nvme
    model: str | None = None
    serial: str | None = None
    capacity_bytes: int | None = size_bytes()
    used_for: str | None = None
    health: str | None = None
    wearout_ratio: float | None = amount()  # 0 new, 1 worn out

    @property
    def subject(self) -> str:
        return f"{self.host_id}/{self.device}"

    @property
    def scope(self) -> str:
        return f"host/{self.host_id}"


class StorageHealth(Record):
    """What stands below datastores and has a health of its own: a ZFS pool, a thin pool, Ceph."""

    kind_name: ClassVar[str] = "storage_health"
    measured: ClassVar[frozenset[str]] = frozenset(
        {"used_bytes", "metadata_used_ratio", "fragmentation_ratio"}
    )

    name: str
    cluster: str
    kind: Literal["zfs", "lvmthin", "ceph"] | None = word()
    host_id: str | None = None  # None: of the whole cluster
    health: str | None = None  # as the platform words it
    detail: str | None = None
    capacity_bytes: int | None = size_bytes()
    used_bytes: int | None = size_bytes()
    metadata_used_ratio: float | None = amount()
    fragmentation_ratio: float | None = amount()

    @property
    def subject(self) -> str:
        return f"{self.host_id or ''}/{self.kind}/{self.name}"

    @property
    def scope(self) -> str:
        return f"host/{self.host_id}" if self.host_id else ""


class FailedTask(Record):
    """A task of the platform that did not end well."""

    kind_name: ClassVar[str] = "failed_task"

    task_id: str
    cluster: str
    host_id: str | None = None
    kind: str | None = None  # vzdump, qmigrate, …
    about: str | None = None  # what it was about: a guest's id, a storage
    started_at: datetime | None = _instant()
    ended_at: datetime | None = _instant()
    outcome: str | None = None

    @property
    def subject(self) -> str:
        return self.task_id

    @property
    def scope(self) -> str:
        return f"host/{self.host_id}"


class GuestFilesystem(Record):
    """A file system in a guest, as something within the guest tells: its agent, its tools."""

    kind_name: ClassVar[str] = "filesystem"
    measured: ClassVar[frozenset[str]] = frozenset({"used_bytes"})

    guest_id: str
    mount: str  # where it is mounted, or its drive
    cluster: str
    kind: str | None = None  # ext4, xfs, ntfs, …
    capacity_bytes: int | None = size_bytes()
    used_bytes: int | None = size_bytes()

    @property
    def subject(self) -> str:
        return f"{self.guest_id}:{self.mount}"

    @property
    def scope(self) -> str:
        return f"guest/{self.guest_id}"


class Volume(Record):
    """An image on a datastore that no guest refers to."""

    kind_name: ClassVar[str] = "volume"
    measured: ClassVar[frozenset[str]] = frozenset({"allocated_bytes"})

    volume_id: str
    datastore_id: str
    cluster: str
    kind: str | None = None  # its format, or iso, template, …
    capacity_bytes: int | None = size_bytes()
    allocated_bytes: int | None = size_bytes()

    @property
    def subject(self) -> str:
        return self.volume_id

    @property
    def scope(self) -> str:
        return f"datastore/{self.datastore_id}"


class Recorder(Record):
    """A camera recorder as a person read it off: what it holds, and how far back it goes.

    Every check is a version of its own, so that any past day knows what it knew then.
    """

    kind_name: ClassVar[str] = "recorder"

    recorder_id: str
    name: str | None = None
    cluster: str  # what the source is configured as, else its name
    site: str | None = None
    capacity_bytes: int | None = size_bytes()  # after RAID
    cameras: int | None = amount()  # that it is to record
    cameras_recording: int | None = amount()  # that it does record
    oldest_recording_at: datetime | None = _instant()
    disks_failed: int | None = amount()
    checked_at: datetime | None = _instant()

    @property
    def subject(self) -> str:
        return self.recorder_id
