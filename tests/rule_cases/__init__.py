"""Estates in which a rule says one thing, one module per group of rules.

A group's module has three lists. CASES: for each of its rules at least one estate in which it says
ok, risk, unknown and not_applicable. CLEAN: what the one clean estate holds for its sake. FLIPS:
for each rule one fact of the clean estate that is changed, and which rules then fire.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from estates import AS_OF, NOW, answers, estate, health
from inventory.changes import Change
from inventory.platform_records import Firewall, Recorder
from inventory.records import BEYOND_REACH, Backup, BackupJob, Coverage, Nic, Record
from planner.eol import EndOfLifeData
from planner.estate import SourceHealth, ToolFacts
from planner.risks.catalogue import BY_ID
from planner.risks.engine import Assessment, assess
from stored import GIB, datastore, disk, guest, host


def job(**more: Any) -> BackupJob:
    given = {"enabled": True, "schedule": "02:00", "selects_all": True, "datastore_id": "pbs"}
    return BackupJob(job_id="nightly", cluster="c", **(given | {"retention": ""} | more))


def backup_of(guest_id: str, hours: float | None, **more: Any) -> Backup:
    made = None if hours is None else NOW - timedelta(hours=hours)
    given = {"guest_id": guest_id, "cluster": "c", "name": f"{guest_id}/{hours}"}
    return Backup(**(given | {"created_at": made, "datastore_id": "pbs"} | more))


R = TypeVar("R", bound=Record)


def changed(record: R, **more: Any) -> R:
    """The same record but for what is given."""
    return record.model_copy(update=more)


def nic(guest_id: str = "100", **more: Any) -> Nic:
    given = {"network": "vmbr0", "vlan": 10, "trunks": "", "firewall": True, "link_down": False}
    given |= {"mac": f"BC:24:11:00:00:{int(guest_id) % 256:02X}", "attachment": "bridge"}
    return Nic(nic_id=f"{guest_id}/net0", guest_id=guest_id, cluster="c", **(given | more))


def wall(level: str = "cluster", **more: Any) -> Firewall:
    given = {"enabled": True, "policy_in": "DROP", "log_in": "info"}
    if level.startswith("guest/"):
        given["address_filter"] = True
    return Firewall(level=level, cluster="c", **(given | more))


PERSONAL = guest(tags=("cls.pribadi-umum",))
PUBLIC = guest("200", tags=("expo.public", "cls.publik"))
TEMPLATE = guest(template=True, power="stopped")
CONTAINER: dict[str, Any] = {"kind": "container"}


def recorder(kept_days: float, *, checked: float = 1, **more: Any) -> Recorder:
    """A recorder of ten cameras, checked so many days ago."""
    at = NOW - timedelta(days=checked)
    given = {"cameras": 10, "cameras_recording": 10, "disks_failed": 0, "checked_at": at}
    given |= {"oldest_recording_at": at - timedelta(days=kept_days)}
    return Recorder(recorder_id="nvr", name="nvr", cluster="c", **(given | more))


GATES = {
    "name": "gates", "count": 10, "mbps": 4, "retention": {"days": 30, "basis": "Rule 7"},
}  # fmt: skip
CAMERAS = {"cameras": {"groups": [{**GATES, "recorder": "nvr"}]}}
ON_DATASTORE = {"cameras": {"groups": [{**GATES, "datastore": "nvr", "count": 1}]}}


@dataclass(frozen=True)
class Case:
    """An estate in which a rule says one thing."""

    rule: str
    expect: str
    records: tuple[Record, ...] = ()
    sources: tuple[SourceHealth, ...] | None = None
    owners: dict[str, Any] | None = None
    policy: dict[str, Any] | None = None
    tool: ToolFacts | None = None
    eol: EndOfLifeData | None = None
    days_seen: float = 0
    memory: tuple[float, ...] = ()
    severity: str | None = None
    changes: tuple[Change, ...] = ()
    storage: tuple[float, ...] = ()  # GiB per day, of every datastore

    def assessed(self) -> Assessment:
        place = estate(
            *self.records,
            sources=self.sources,
            owners=self.owners,
            policy=self.policy,
            tool=self.tool,
            eol=self.eol,
            days_seen=self.days_seen,
            changes=self.changes,
        )
        told = answers(place, memory=self.memory, storage=self.storage)
        return assess(place, told, [BY_ID[self.rule]])

    def __str__(self) -> str:
        return f"{self.rule} {self.expect}"


# What the owners declare of the clean estate.
CLEAN_OWNERS: dict[str, Any] = {
    "organisation": {"dpo": {"contact": "pdp@kota"}, "incident": {"contact": "csirt@kota"}},
    "agencies": {"dukcapil": {"name": "Dukcapil"}, "diskominfo": {"name": "Diskominfo"}},
    "services": {
        "registry": {
            "owner": "dukcapil", "classification": "pribadi-spesifik", "dimension": "governance",
            "retention": {"days": 365}, "ropa_id": "R-1", "dpia_ref": "D-1",
            "dpia_on": AS_OF - timedelta(days=90), "system_category": "tinggi",
            "assessed_on": AS_OF - timedelta(days=90), "reviewed_at": AS_OF - timedelta(days=90),
        }
    },
    "storages": {
        "san": {"country": "ID", "max_class": "pribadi-spesifik"}, "pbs": {"country": "ID"},
    },
    "principals": {
        "@admins": {"agency": "diskominfo", "custodian": True},
        "vendor@pve": {
            "kind": "processor", "agreement_ref": "PKS-7", "agency": "diskominfo",
        },
    },
    "hosts": {"h1": {"log_target": "log.kota"}, "h2": {"log_target": "log.kota"}},
    "networks": {"vmbr0/30": {"zone": "cctv"}, "vmbr0/31": {"zone": "backup"}},
    "approvals": [],
}  # fmt: skip
# What every group's clean estate stands on: nothing in it is a risk to any rule.


def on_clean(owners: dict[str, Any]) -> dict[str, Any]:
    """The clean owners' file with these entries over it; their services lack nothing else."""
    whole = CLEAN_OWNERS["services"]["registry"] | {"classification": None}
    services = {
        name: whole | entry | {"owner": "dukcapil"}
        for name, entry in owners.get("services", {}).items()
    }
    return CLEAN_OWNERS | owners | {"services": services}


UNBOUND: dict[str, Any] = {
    "host_paths": (), "passthrough": (), "media": (), "agent": True, "shares_memory": True,
}  # fmt: skip
GUEST = guest(
    tags=("cls.pribadi-umum", "crit.1", "dim.governance", "opd.dukcapil", "ret.365d"),
    os="debian-13", autostart=False, **UNBOUND,
)  # fmt: skip
OTHER = guest(
    "200", os="debian-13", **UNBOUND,
    tags=("cls.publik", "dim.branding", "env.test", "expo.public", "opd.diskominfo"),
)  # fmt: skip
H1, H2 = (
    host(name, version="9.1", kernel="6.17.2-1-pve", ksm_shared_bytes=0) for name in ("h1", "h2")
)
DISK = disk(encrypted=True, backup=True, cache="none", shareable=False, linked_clone_of="",
            host_device="", volume="san:vm-100-disk-0")  # fmt: skip
SAN = datastore(kind="rbd", content=("images", "rootdir"))
TARGET = datastore("pbs", kind="pbs", backend="pbs:main", content=("backup",),
                   retention="keep-last=1", encrypted_backups=True)  # fmt: skip
JOB = job()
STORED = backup_of("100", 1, encrypted=True, verified=True, bytes=8 * GIB)
BASE: tuple[Record, ...] = (
    H1, H2, GUEST, OTHER, DISK, nic(),
    nic("200", vlan=20), SAN, TARGET, JOB, STORED,
    backup_of("200", 1, encrypted=True, verified=True),
)  # fmt: skip


@dataclass(frozen=True)
class Flip:
    """A change of the clean estate, and the rules that fire for it: its own and what follows.

    ``was`` leaves the estate, ``becomes`` and ``more`` join it; all may be left out. ``owners``,
    ``policy``, ``tool``, ``sources``, ``changes`` and ``storage`` replace those of the clean
    estate, whose datastores have no history.
    """

    rule: str
    was: Record | None = None
    becomes: Record | None = None
    more: tuple[Record, ...] = ()
    also: tuple[str, ...] = ()
    owners: dict[str, Any] | None = None
    policy: dict[str, Any] | None = None
    tool: ToolFacts | None = None
    sources: tuple[SourceHealth, ...] | None = None
    eol: EndOfLifeData | None = None
    changes: tuple[Change, ...] = ()
    storage: tuple[float, ...] = ()  # GiB per day, of every datastore

    def __str__(self) -> str:
        return self.rule


def two_hosts(load_gib: int) -> tuple[Record, ...]:
    """Two hosts of 512 GiB, one guest on the first and one of 300 GiB on the second."""
    return (
        host("h1"),
        host("h2"),
        guest("1", host_id="h1", memory_bytes=load_gib * GIB),
        guest("2", host_id="h2", memory_bytes=300 * GIB),
    )


OUT_OF_REACH = Coverage("", "volume", "hidden", "a", BEYOND_REACH)
HIDDEN_JOBS = (health(hidden=("backup_job",)),)
FILES = (health(kind="files"),)
LIBVIRT = (health(kind="libvirt"),)
ENCRYPTED = {"storages": {"san": {"encrypted": True}}}
IN_CLEAR = {"storages": {"san": {"encrypted": False}}}
NOT_SAID = {"storages": {"san": {"encrypted": "unknown"}}}
