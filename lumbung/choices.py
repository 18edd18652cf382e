"""What a command line chooses between. Light, so that `--help` loads nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from pathlib import Path


class Exit(IntEnum):
    """The exit codes (docs/reference/commands.md)."""

    DONE = 0
    FAULT = 1
    USAGE = 2
    PARTIAL = 3
    NOTHING = 4
    MET = 5


class Format(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"


class RiskFormat(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"
    sarif = "sarif"


class Profile(StrEnum):
    """Who a report is for."""

    technical = "technical"
    management = "management"
    auditor = "auditor"


class Thing(StrEnum):
    hosts = "hosts"
    guests = "guests"
    disks = "disks"
    nics = "nics"
    datastores = "datastores"
    snapshots = "snapshots"
    backups = "backups"
    jobs = "jobs"
    clusters = "clusters"
    replications = "replications"
    ha = "ha"
    ha_rules = "ha-rules"
    firewalls = "firewalls"
    firewall_rules = "firewall-rules"
    principals = "principals"
    roles = "roles"
    grants = "grants"
    realms = "realms"
    certificates = "certificates"
    packages = "packages"
    services = "services"
    host_networks = "host-networks"
    physical_disks = "physical-disks"
    storage_health = "storage-health"
    failed_tasks = "failed-tasks"
    filesystems = "filesystems"
    volumes = "volumes"
    recorders = "recorders"


class CsvDialect(StrEnum):
    standard = "standard"
    excel_id = "excel-id"


class Language(StrEnum):
    en = "en"
    id = "id"


class SourceKind(StrEnum):
    proxmox = "proxmox"
    libvirt = "libvirt"
    files = "files"
    rvtools = "rvtools"


class Level(StrEnum):
    """Severities, least first."""

    info = "info"
    low = "low"
    medium = "medium"
    high = "high"
    critical = "critical"


class ReclaimBy(StrEnum):
    agency = "agency"
    of_class = "class"
    cluster = "cluster"


class RightsizeBy(StrEnum):
    agency = "agency"
    cluster = "cluster"


class ScoreBy(StrEnum):
    estate = "estate"
    agency = "agency"
    service = "service"
    guest = "guest"


class RoundsShow(StrEnum):
    agencies = "agencies"
    overdue = "overdue"
    never = "never"
    unclassified = "unclassified"


class PayerKind(StrEnum):
    agency = "agency"
    service = "service"
    guest = "guest"


@dataclass(frozen=True, slots=True)
class Globals:
    """The options before the command."""

    config: Path | None = None
    db: str | None = None
    verbose: bool = False
