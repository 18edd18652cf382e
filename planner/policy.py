"""The policy: thresholds, overcommit, reserves, lead times. Its defaults are the glossary's.

What the site's file does not set is an assumption, and every report says so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

Resource = Literal["cpu", "memory", "storage"]
Model = Literal["demand", "allocation"]
_RATIOS_SUM_WITHIN = 1e-6


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ignored_types=(cached_property,))


class Threshold(_Table):
    """Demand model: the share of failover capacity that demand may reach."""

    cpu: float = Field(0.75, gt=0, le=1, description="of the physical cores")
    memory: float = Field(0.80, gt=0, le=1, description="of the memory")
    storage: float = Field(0.80, gt=0, le=1, description="of a datastore's capacity")
    ceph_nearfull: float = Field(
        0.85, gt=0, le=1, description="of what Ceph holds with its largest node lost"
    )


class Overcommit(_Table):
    """Allocation model: how much may be promised per unit of failover capacity."""

    cpu: float = Field(4.0, gt=0, description="vCPUs per physical core")
    memory: float = Field(1.0, gt=0, description="configured memory per byte of memory")
    storage: float = Field(1.5, gt=0, description="provisioned bytes per byte of capacity")


class Failover(_Table):
    """How many hosts of a cluster may be lost at once."""

    hosts: int = Field(1, ge=0, le=8, description="k of N+k")
    exclusive_pins: bool = Field(
        False, description="true: no two guests that are pinned to a same CPU may share a host"
    )


class Reserve(_Table):
    """What a hypervisor keeps for itself, where the host does not say."""

    cpu_cores_per_host: float | None = Field(None, ge=0, description="physical cores")
    memory_gib_per_host: float | None = Field(
        None, ge=0, description="GiB, with the ZFS ARC and Ceph where they run"
    )


class LeadTime(_Table):
    """From the decision to order until new capacity is in service."""

    approval_days: int = Field(30, ge=0, description="until the purchase is approved")
    tender_days: int = Field(60, ge=0, description="until the contract is signed")
    delivery_days: int = Field(180, ge=0, description="until the hardware is on site")
    installation_days: int = Field(14, ge=0, description="until it is installed and tested")
    safety_days: int = Field(30, ge=0, description="for what goes wrong")
    confirmed: bool = Field(False, description="true once the site has checked these days")

    @property
    def days(self) -> int:
        return (
            self.approval_days
            + self.tender_days
            + self.delivery_days
            + self.installation_days
            + self.safety_days
        )


class ForecastRules(_Table):
    """What a forecast needs and how far it reaches."""

    horizon_days: int = Field(730, ge=30, le=1460, description="how far the paths reach")
    minimum_history_days: int = Field(14, ge=2, description="with less there is no date")
    minimum_coverage_ratio: float = Field(
        0.40, gt=0, le=1, description="with less of the window covered there is no date"
    )
    coverage_window_days: int = Field(90, ge=14, description="the window of the coverage")
    trend_days: int = Field(180, ge=14, description="how far back the baseline's drift looks")
    order_by_basis: Literal["conservative", "base"] = Field(
        "conservative", description="the first-over date that the order-by date counts from"
    )
    alarm_days: int = Field(60, ge=1, le=1460, description="what counts as soon: see alarm_pct")
    alarm_pct: float = Field(
        50.0, gt=0, le=100, description="the chance of being over soon that is flagged `over_soon`"
    )
    samples: int = Field(500, ge=50, le=10000, description="paths per series")
    seed: int = Field(20261123, description="of the draws: the same in, the same out")


class StatusRules(_Table):
    """How near an order-by date is before it says act, or plan."""

    act_days: int = Field(30, ge=0, description="days to the order-by date: act")
    plan_days: int = Field(90, ge=0, description="days to the order-by date: plan")


class Levels(_Table):
    """How full a pool is before it is told: shares of what a failure leaves, or of the promise."""

    warning: float = Field(0.70, gt=0, le=1, description="to be watched")
    critical: float = Field(0.90, gt=0, le=1, description="to be acted on")
    full: float = Field(1.00, gt=0, le=1, description="nothing is left once a host fails")

    @model_validator(mode="after")
    def _follow_each_other(self) -> Levels:
        if not self.warning <= self.critical <= self.full:
            raise ValueError("warning, critical and full do not follow each other")
        return self


class BuyRules(_Table):
    """How much to buy, and what waiting costs."""

    target_days: int = Field(
        730, ge=30, le=1460, description="how long a purchase is to last after it arrives"
    )
    owner: str = Field(
        "", description="the office that decides where the estate file names none for the pool"
    )
    price_rise_month_pct: float | None = Field(
        None, ge=0, description="percent by which prices rise in a month, where that is known"
    )
    short_day_cost: float | None = Field(
        None, ge=0, description="what a day without enough capacity costs, where that is known"
    )


class ProfileSize(_Table):
    """The size of a guest that is asked for."""

    vcpus: float = Field(gt=0, description="configured vCPUs")
    memory_gib: float = Field(gt=0, description="configured memory")
    storage_gib: float = Field(ge=0, description="all its disks together")


class Profiles(_Table):
    """The sizes in which "how many more fit" is answered."""

    S: ProfileSize = Field(ProfileSize(vcpus=2, memory_gib=4, storage_gib=40), description="small")
    M: ProfileSize = Field(
        ProfileSize(vcpus=4, memory_gib=16, storage_gib=80), description="medium"
    )
    L: ProfileSize = Field(
        ProfileSize(vcpus=8, memory_gib=32, storage_gib=200), description="large"
    )

    @model_validator(mode="before")
    @classmethod
    def _keep_what_is_not_set(cls, given: Any) -> Any:
        """A size of which only a part is given keeps the rest of its default."""
        if not isinstance(given, dict):
            return given
        defaults = {name: field.default.model_dump() for name, field in cls.model_fields.items()}
        return {
            name: defaults.get(name, {}) | size if isinstance(size, dict) else size
            for name, size in given.items()
        }


class BackupRules(_Table):
    """How old the newest backup may be, by criticality (1 is the highest), and what is proven."""

    rpo_hours: dict[Literal["1", "2", "3", "4", "unknown"], int] = Field(
        default={"1": 26, "2": 26, "3": 50, "4": 170, "unknown": 50},
        description="hours; a service's own rpo_hours in the estate file wins",
    )
    history_days: dict[
        Literal["publik", "terbatas", "infra", "pribadi-umum", "pribadi-spesifik"], int
    ] = Field(
        default_factory=dict,
        description="by the class of the data: how far back its backups must reach; none: no rule",
    )
    restore_test_days: dict[Literal["1", "2", "3", "4", "unknown"], int] = Field(
        default={"1": 180, "2": 365, "3": 365, "4": 365, "unknown": 365},
        description="by criticality: how old a service's last restore test may be",
    )
    declared: bool = Field(
        False, description="true: where no source tells of backups, owners must declare them"
    )

    @field_validator("rpo_hours", "restore_test_days")
    @classmethod
    def _keep_what_is_not_set(cls, given: dict[str, int], info: ValidationInfo) -> dict[str, int]:
        """A criticality that is not named keeps its default."""
        defaults: dict[str, int] = cls.model_fields[str(info.field_name)].default
        return defaults | given


class EncryptionRules(_Table):
    """Where guests must encrypt their own disks."""

    in_guest: tuple[
        Literal["publik", "terbatas", "infra", "pribadi-umum", "pribadi-spesifik"], ...
    ] = Field((), description="classes of data whose guests encrypt their own disks")


class QualityRules(_Table):
    """How well guests must account for what their hosts and datastores say."""

    unexplained_pct: float = Field(
        30.0, gt=0, le=100, description="of what a pool uses: with more of it there is a flag"
    )


class LifecycleRules(_Table):
    """How early an end of life is told, and by which data."""

    warn_days: int = Field(365, ge=0, description="days before the end of a guest's system")
    hypervisor_days: int = Field(270, ge=0, description="days before the end of a hypervisor's")
    data_file: str = Field(
        "",
        description="newer ends of life than the program's own, relative to this file's folder",
    )
    data_days: int = Field(90, ge=1, description="older data on ends of life is a finding")
    libvirt_minimum: str | None = Field(
        None, pattern=r"^\d+(\.\d+){0,2}$", description="the oldest libvirt that is accepted"
    )
    qemu_minimum: str | None = Field(
        None, pattern=r"^\d+(\.\d+){0,2}$", description="the oldest QEMU that is accepted"
    )


class PrivacyRules(_Table):
    """What is asked of personal data."""

    home_country: str = Field(
        "ID", pattern=r"^[A-Z]{2}$", description="where data that is not public must stay"
    )
    backup_grace_days: int = Field(
        31, ge=0, description="how much longer than the data a backup of it may live"
    )
    dormant_days: int = Field(90, ge=1, description="a guest that is off for longer is dormant")
    orphan_backup_days: int = Field(
        30, ge=1, description="a backup that outlives its guest by more is told"
    )
    review_days: int = Field(365, ge=1, description="between two reviews of a classification")
    assessment_days: int = Field(
        730, ge=1, description="between two impact assessments, and two of a system's security"
    )
    account_days: int = Field(
        1825, ge=30, description="how long facts about accounts are kept after they ended"
    )


class HardeningRules(_Table):
    """What is asked of guests and hosts."""

    secure_boot_os: tuple[str, ...] = Field(
        (), description="systems that must boot securely: a product, or PRODUCT-RELEASE"
    )


class ReclaimRules(_Table):
    """When something counts as not used, and may be asked back."""

    powered_off_days: int = Field(30, ge=1, description="off for that long without a break")
    idle_days: int = Field(14, ge=2, le=90, description="the closed days that the idle test reads")
    idle_cpu_ratio: float = Field(
        0.02, gt=0, le=0.5, description="of its vCPUs; a sample below it is an idle one"
    )
    idle_samples_ratio: float = Field(
        0.95, gt=0, le=1, description="of all samples of those days must be idle"
    )
    idle_bytes_per_second: float = Field(
        1024, ge=0, description="mean network, and mean disk, must be below it"
    )
    snapshot_days: int = Field(7, ge=1, description="a snapshot of that age is old")
    orphan_days: int = Field(
        15, ge=1, description="between two polls that both saw it without an owner"
    )
    orphan_backup_days: int = Field(
        90, ge=1, description="age of the newest backup of a guest that is gone"
    )
    scenario_ratio: float = Field(
        0.5, ge=0, le=1, description="what the scenario with reclaim counts of it"
    )


class RightsizeRules(_Table):
    """How the size of a guest is judged by what it used."""

    window_days: int = Field(30, ge=14, le=90, description="the closed days that are read")
    minimum_days: int = Field(
        14, ge=1, description="days half covered or more; with less: no advice"
    )
    estimator: Literal["percentile", "decaying"] = Field(
        "percentile",
        description="of CPU: a percentile over the window, or a high percentile of samples whose "
        "weight halves every day, plus 15 %",
    )
    cpu_target_ratio: float = Field(
        0.70, gt=0, le=1, description="of its vCPUs, what the percentile may fill"
    )
    cpu_percentile: dict[Literal["1", "2", "3", "4", "unknown"], float] = Field(
        default={"1": 100, "2": 95, "3": 95, "4": 95, "unknown": 95},
        description="by criticality (1 is the highest)",
    )
    memory_margin: float = Field(
        1.2, ge=1, description="times the 99th percentile of memory without cache"
    )
    undersized_cpu_ratio: float = Field(
        0.90,
        gt=0,
        le=1,
        description="of its vCPUs; a day whose 95th percentile is over it is short",
    )
    undersized_days: int = Field(5, ge=1, description="so many short days make a guest undersized")

    @field_validator("cpu_percentile")
    @classmethod
    def _are_percentiles(cls, given: dict[str, float]) -> dict[str, float]:
        """A class that is not named keeps its default."""
        if any(not 50 <= value <= 100 for value in given.values()):
            raise ValueError("a percentile is 50 to 100")
        return {"1": 100.0, "2": 95.0, "3": 95.0, "4": 95.0, "unknown": 95.0} | given


class ClusterCost(_Table):
    """What a cluster costs, and for what: the three shares sum to 1."""

    cost_month: float = Field(ge=0, description="per month, all in")
    cpu_ratio: float = Field(ge=0, le=1, description="of the cost, for CPU")
    memory_ratio: float = Field(ge=0, le=1, description="of the cost, for memory")
    storage_ratio: float = Field(0.0, ge=0, le=1, description="of the cost, for storage")

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> ClusterCost:
        total = self.cpu_ratio + self.memory_ratio + self.storage_ratio
        if abs(total - 1.0) > _RATIOS_SUM_WITHIN:
            raise ValueError(f"cpu_ratio + memory_ratio + storage_ratio is {total:g}; it must be 1")
        return self


class Showback(_Table):
    """The rate card: without one nothing has a cost, for none is invented."""

    currency: str = Field("", description="as it is written beside amounts, such as IDR")
    clusters: dict[str, ClusterCost] = Field(
        default_factory=dict, description="by the cluster's name"
    )


class TierThreshold(_Table):
    """The thresholds of the demand model that a tier sets; what it leaves out is the policy's."""

    cpu: float | None = Field(None, gt=0, le=1, description="of the physical cores")
    memory: float | None = Field(None, gt=0, le=1, description="of the memory")
    storage: float | None = Field(None, gt=0, le=1, description="of a datastore's capacity")


class Tier(_Table):
    """[tiers.1] to [tiers.4]: what guests of a criticality ask; the strictest in a pool holds."""

    threshold: TierThreshold = Field(
        TierThreshold(), description="instead of [threshold], for pools with such guests"
    )
    failover_hosts: int | None = Field(
        None, ge=0, le=8, description="k of N+k, for clusters on which such guests run"
    )
    reclaim: bool = Field(True, description="false: nothing of such guests is asked back")


class RiskPolicy(_Table):
    """[risks]: which rules are asked."""

    profile: Literal["essential", "full"] = Field(
        "essential", description="the rules no site should be without, or every rule"
    )
    also: tuple[str, ...] = Field((), description="rules that are asked besides, by their id")
    off: tuple[str, ...] = Field((), description="rules that are not asked, by their id")
    most_administrators: int = Field(
        3, ge=1, description="of a cluster beside root; more than these are a risk"
    )
    longest_token_days: int = Field(365, ge=1, description="until an API token must expire")
    zones_beside_any: tuple[str, ...] = Field(
        ("mgmt", "backup"),
        description="zones that a guest of another zone may have a second interface in",
    )


class AttestationRules(_Table):
    """[attestation]: how often agencies answer for their guests."""

    round_days: int = Field(92, ge=7, le=730, description="how long an answer holds: a quarter")


class Policy(_Table):
    """All of it."""

    label: str = Field("default", description="the site's own name for this version")
    threshold: Threshold = Threshold()
    overcommit: Overcommit = Overcommit()
    failover: Failover = Failover()
    reserve: Reserve = Reserve()
    lead_time: LeadTime = LeadTime()
    forecast: ForecastRules = ForecastRules()
    status: StatusRules = StatusRules()
    levels: Levels = Levels()
    buy: BuyRules = BuyRules()
    profiles: Profiles = Profiles()
    backup: BackupRules = BackupRules()
    encryption: EncryptionRules = EncryptionRules()
    lifecycle: LifecycleRules = LifecycleRules()
    privacy: PrivacyRules = PrivacyRules()
    hardening: HardeningRules = HardeningRules()
    reclaim: ReclaimRules = ReclaimRules()
    rightsize: RightsizeRules = RightsizeRules()
    showback: Showback = Showback()
    quality: QualityRules = QualityRules()
    risks: RiskPolicy = RiskPolicy()
    attestation: AttestationRules = AttestationRules()
    tiers: dict[Literal["1", "2", "3", "4"], Tier] = Field(
        default_factory=dict, description="by criticality (1 is the highest)"
    )

    @cached_property
    def version(self) -> str:
        """The label and a digest of every value: two reports with one version agree on policy."""
        values = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return f"{self.label}-{hashlib.sha256(values.encode()).hexdigest()[:8]}"

    def limit(self, resource: Resource, model: Model) -> float:
        """T of the demand model, the ratio of the allocation model."""
        rules = self.threshold if model == "demand" else self.overcommit
        value: float = getattr(rules, resource)
        return value

    def tier(self, criticality: int | None) -> Tier | None:
        """What is set for guests of a criticality; None when nothing is, or it is not known."""
        tiers: Mapping[Any, Tier] = self.tiers
        return tiers.get(str(criticality))

    def origin(self, table: str, key: str) -> str:
        """The key of a value, and whether the site has set it: for whoever has to defend it."""
        return f"{table}.{key}, {'assumed' if self.is_assumed(table, key) else 'policy'}"

    def is_assumed(self, table: str, key: str) -> bool:
        """Whether the site's file leaves this value to the default."""
        return table not in self.model_fields_set or (
            key not in getattr(self, table).model_fields_set
        )
