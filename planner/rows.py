"""The rows of the weekly files: their fields are the columns, in their order.

They hold values in the units their names say (GiB, percent); None is not known, and is written as
an empty cell. A column whose capability does not exist yet is present and None. Columns are only
ever appended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class PoolRow:
    """pools.csv: pool × resource × model. raw, host_reserve and ha_reserve are physical."""

    as_of: date
    site: str
    pool: str
    pool_kind: str
    resource: str
    model: str
    unit: str
    raw: float | None
    host_reserve: float | None
    k: int
    ha_reserve: float | None
    threshold: float
    usable: float | None
    allocated: float | None
    demand: float | None
    demand_p95: float | None
    demand_peak: float | None
    used_pct_of_usable: float | None
    headroom: float | None
    headroom_pct: float | None
    overcommit_now: float | None
    overcommit_after_failure: float | None
    growth_per_day: float | None
    growth_per_day_hi: float | None
    runway_days: int | None
    runway_days_conservative: int | None
    runway_reason: str
    first_over_date: date | None
    first_over_date_conservative: date | None
    shortfall_windows: str
    lead_days: int
    order_by_date: date | None
    order_by_basis: str
    order_overdue_days: int | None
    budget_by_date: date | None
    budget_missed: int | None
    buy_quantity: float | None
    status: str
    binding: str
    committed_projects: float
    reclaimable: float | None
    fit_s: int | None
    fit_m: int | None
    fit_l: int | None
    failover_test: str
    stays_down_count: int | None
    confidence: str
    coverage_pct: float
    history_days: float
    backtest_wape_30d: float | None
    stale_sources: str
    flags: str
    policy_version: str
    run_id: str
    tolerates_hosts: int | None
    maintenance_test: str
    runway_days_with_tentative: int | None
    runway_days_conservative_with_tentative: int | None
    first_over_date_with_tentative: date | None
    first_over_date_conservative_with_tentative: date | None
    key: str
    fit_s_proven: int | None
    fit_m_proven: int | None
    fit_l_proven: int | None


@dataclass(frozen=True, slots=True)
class GuestLine:
    """guests.csv: one guest."""

    as_of: date
    site: str
    source: str
    cluster: str
    host: str | None
    guest_id: str
    uuid: str | None
    name: str | None
    kind: str | None
    agency: str | None
    owner: str | None
    owner_confirmed_on: date | None
    service: str | None
    dimension: str | None
    classification: str | None
    criticality: int | None
    power: str | None
    days_in_state: int | None
    os: str | None
    vcpus: float | None
    memory_gib: float | None
    disk_provisioned_gib: float | None
    disk_used_gib: float | None
    datastores: str | None
    tags: str | None
    snapshot_count: int | None
    snapshot_oldest_days: int | None
    snapshot_gib: float | None
    backup_state: str
    last_backup_at: datetime | None
    cpu_p95_cores: float | None
    memory_p99_gib: float | None
    recommended_vcpus: float | None
    recommended_memory_gib: float | None
    reclaim_class: str | None
    reclaim_gib: float | None
    exempt_until: date | None
    cost_month: float | None
    stays_down_if_host_lost: int | None
    risk_level: str
    risk_points: int
    change_since_last_week: str
    risk_points_waived: int
    risk_coverage_pct: float | None
    key: str
    template: int | None
    state_began_unseen: int | None


@dataclass(frozen=True, slots=True)
class RiskRow:
    """risks.csv: one finding."""

    finding_id: str
    rule: str
    severity: str
    outcome: str
    subject: str
    guest_uuid: str
    agency: str | None
    owner: str | None
    evidence: str
    fix: str
    first_seen: date
    since_days: int
    waiver_until: date | None
    controls: str
    points: int
    title: str
    points_formula: str
    points_waived: int
    waiver: str
    change_since_last_week: str
    key: str


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """risk_score.csv: the estate, an agency or a service, the worst first. Points add up; the row
    without a name holds what belongs to none."""

    as_of: date
    site: str
    by: str
    name: str
    called: str
    level: str
    points: int
    points_waived: int
    critical: int
    high: int
    medium: int
    low: int
    info: int
    waived: int
    unknown: int
    guests: int
    guests_high_pct: float | None
    coverage_pct: float | None
    compared_with: date | None
    points_before: int | None
    turned_new: int | None
    turned_fixed: int | None
    turned_waived: int | None
    turned_returned: int | None
    turned_reclassified: int | None
    not_comparable: int | None
    worst: str
    key: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """changes.csv: one change."""

    at: datetime
    kind: str
    subject: str
    guest_uuid: str
    field: str
    old: str
    new: str
    key: str


@dataclass(frozen=True, slots=True)
class SourceRow:
    """sources.csv: one source."""

    source: str
    kind: str
    last_success_at: datetime | None
    age_minutes: int | None
    status: str
    guests_seen: int | None
    guests_reported: int | None
    gaps: int
    hidden: str
    token_expires_on: date | None
    key: str
    taken_at: datetime | None
    superseded_since: datetime | None
    superseded_by: datetime | None


@dataclass(frozen=True, slots=True)
class FailoverRow:
    """failover.csv: a pool and the host it loses, or the hosts of a rack, room or site."""

    pool: str
    host: str
    verdict: str
    stays_down: str
    stays_down_count: int | None
    why: str
    smallest_change: str
    stays_down_at_least: int | None
    by_hand: str
    domain: str
    key: str


@dataclass(frozen=True, slots=True)
class OrderRow:
    """orders.csv: what must be ordered or decided."""

    pool: str
    what: str
    quantity: float | None
    unit: str
    order_by_date: date | None
    order_overdue_days: int | None
    budget_by_date: date | None
    budget_missed: int | None
    status: str
    stage: str
    why: str
    owner: str
    assumed: str
    order: str = ""
    item: str = ""
    in_service_date: date | None = None
    gate: str = ""
    feasible_by_date: date | None = None
    cost: float | None = None
    cost_of_waiting_month: float | None = None
    shortfall_days: int | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class CameraRow:
    """cameras.csv: a recorder or datastore that keeps camera recordings. TB is 10^12 bytes."""

    as_of: date
    site: str
    recorder: str
    kind: str
    groups: str
    cameras: int | None
    cameras_recording: int | None
    disks_failed: int | None
    mbps: float | None
    daily_tb: float | None
    capacity_tb: float | None
    usable_tb: float | None
    needed_tb: float | None
    needed_tib: float | None
    needed_raw_tb: float | None
    required_days: float | None
    basis: str
    achieved_days: float | None
    achieved_from: str
    measured_days: float | None
    computed_days: float | None
    checked_at: datetime | None
    still_possible: int | None
    uplink: str
    uplink_mbps: float | None
    uplink_planned_mbps: float | None
    uplink_used_pct: float | None
    uplink_still_possible: int | None
    verdict: str
    why: str
    flags: str
    key: str


@dataclass(frozen=True, slots=True)
class TrackRow:
    """track_record.csv: what was said of a pool × resource × model, and what came.

    A row is about levels some days ahead, or about dates of being first over (``about``). The
    rows whose ``pool_kind`` is "fleet" count all pools together.
    """

    as_of: date
    site: str
    pool: str
    pool_kind: str
    resource: str
    model: str
    unit: str
    about: str
    ahead_days: int | None
    forecasts: int
    scored: int
    apart: int | None
    within_80_pct: float | None
    within_95_pct: float | None
    band_holds: str
    widened: float | None
    wape: float | None
    bias_pct: float | None
    error_days: float | None
    bias_days: float | None
    unforeseen: int | None
    not_come: int | None
    said_on: date | None
    replayed: int | None
    said_for_date: date | None
    said_low: float | None
    said_middle: float | None
    said_high: float | None
    came: float | None
    said_first_date: date | None
    said_middle_date: date | None
    said_last_date: date | None
    came_date: date | None
    outcome: str
    key: str
    scored_by_engine: int


# The weekly tables by file stem; the fields of a row type are the file's columns.
ROW_TYPES: Mapping[str, type[Any]] = {
    "orders": OrderRow,
    "pools": PoolRow,
    "guests": GuestLine,
    "risks": RiskRow,
    "changes": ChangeRow,
    "sources": SourceRow,
    "failover": FailoverRow,
    "cameras": CameraRow,
    "track_record": TrackRow,
    "risk_score": ScoreRow,
}
