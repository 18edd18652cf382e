"""The rows of guests.csv: all that is known and decided of each guest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from inventory.changes import Change
from inventory.records import Disk, GuestSnapshot
from planner.answers import PoolAnswer
from planner.backups import newest
from planner.change_rows import in_gib
from planner.efficiency.rows import GuestColumns
from planner.eol import os_name
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.hosting import host_labels
from planner.keys import guest_key
from planner.pools import GIB
from planner.risks.backup import backup_state
from planner.risks.engine import Assessment, coverage_percent
from planner.risks.rule import Finding, State
from planner.risks.score import level
from planner.rows import GuestLine
from planner.twins import GuestKey


def guest_lines(
    estate: Estate,
    answers: Sequence[PoolAnswer],
    assessment: Assessment,
    efficiency: Mapping[GuestKey, GuestColumns],
    *,
    changes: Iterable[Change],
    power_since: Mapping[int, datetime],
) -> Iterable[GuestLine]:
    """A line per guest, by cluster and number; ``changes`` are those of the last week."""
    context = _Context(
        estate=estate,
        findings=assessment.by_guest(),
        judged=assessment.judged_by(lambda account: account.guest),
        power_since=power_since,
        stays_down={(pool.pool.name, name) for pool in answers for name in pool.stays_down},
        proven={place for pool in answers for place in _proven_hosts(pool)},
        changes=_changes_by_guest(changes),
        efficiency=efficiency,
        pool_names=_pool_names(estate, answers),
    )
    ordered = sorted(estate.guests, key=lambda v: (v.guest.cluster, _natural(v.guest.guest_id)))
    return (context.line(view) for view in ordered)


def _natural(guest_id: str) -> tuple[int, str]:
    return (int(guest_id), "") if guest_id.isdigit() else (10**12, guest_id)


def _changes_by_guest(changes: Iterable[Change]) -> dict[GuestKey, list[str]]:
    found: dict[GuestKey, list[str]] = {}
    for change in changes:
        if change.guest is not None and change.subject.startswith("guest "):
            text = f"{change.kind} {in_gib(change.field)}".strip()
            found.setdefault(change.guest, []).append(text)
    return found


def _pool_names(
    estate: Estate, answers: Sequence[PoolAnswer]
) -> Mapping[tuple[str, str | None], str]:
    """The datastores as pools.csv calls them, by the places by which disks name them."""
    pools = [answer.pool for answer in answers]
    stores = [(pool.name, pool.datastore) for pool in pools if pool.datastore is not None]
    return {place: name for name, fact in stores for place in estate.places_of(fact)}


def _proven_hosts(pool: PoolAnswer) -> Iterable[tuple[str, str]]:
    """The hosts whose every case passes or fails, by cluster and host id."""
    for host_id, label in host_labels(pool.pool).items():
        verdicts = {case.verdict for case in pool.cases if label in case.lost}
        if verdicts and verdicts <= {"pass", "fail"} and pool.failover != "unproven":
            yield pool.pool.name, host_id


@dataclass(frozen=True, slots=True)
class _Context:
    estate: Estate
    findings: Mapping[str, tuple[Finding, ...]]
    judged: Mapping[Any, Mapping[State, int]]
    power_since: Mapping[int, datetime]
    stays_down: set[tuple[str, str]]  # cluster and label
    proven: set[tuple[str, str]]  # cluster and id of hosts whose loss is proven to end some way
    changes: Mapping[GuestKey, list[str]]
    efficiency: Mapping[GuestKey, GuestColumns]
    pool_names: Mapping[tuple[str, str | None], str]  # by cluster and id of the datastore

    def line(self, view: GuestView) -> GuestLine:
        guest, estate = view.guest, self.estate
        name = f"{guest.cluster}/{guest.guest_id}"
        findings = self.findings.get(name, ())
        disks = self._seen(view, Disk, estate.disks_of(guest))
        snapshots = self._seen(view, GuestSnapshot, estate.snapshots_of(guest))
        made = newest(estate.backups_of(guest))
        return GuestLine(
            as_of=estate.as_of,
            site=estate.site,
            source=view.fact.source,
            cluster=guest.cluster,
            host=estate.host_name(guest),
            guest_id=guest.guest_id,
            uuid=guest.uuid,
            name=guest.name,
            kind=guest.kind,
            agency=view.agency,
            owner=view.owner,
            owner_confirmed_on=view.owner_confirmed_on,
            service=view.service,
            dimension=view.dimension,
            classification=view.classification,
            criticality=view.criticality,
            power=guest.power,
            days_in_state=self._days_in_state(view),
            os=None if guest.os is None else os_name(guest.os),
            vcpus=guest.vcpus,
            memory_gib=_gib(guest.memory_bytes),
            disk_provisioned_gib=_gib(_total(disks, "capacity_bytes")),
            disk_used_gib=_gib(_total(disks, "allocated_bytes")),
            datastores=None if disks is None else _joined(map(self._pool_of, disks)),
            tags=_joined(guest.tags) if guest.tags is not None else None,
            snapshot_count=None if snapshots is None else len(snapshots),
            snapshot_oldest_days=self._oldest_days(snapshots),
            snapshot_gib=_gib(_total(snapshots, "bytes")) if snapshots else None,
            backup_state=backup_state(view, estate),
            last_backup_at=made,
            **self._columns(view),
            stays_down_if_host_lost=self._stays_down(view),
            risk_level=level(findings),
            risk_points=sum(finding.points for finding in findings),
            change_since_last_week="; ".join(self.changes.get(view.key, [])),
            risk_points_waived=sum(finding.waived_points for finding in findings),
            risk_coverage_pct=coverage_percent(self.judged.get(name, {})),
            key=guest_key(guest.cluster, guest.guest_id),
            template=None if guest.template is None else int(guest.template),
            state_began_unseen=self._state_began_unseen(view),
        )

    def _pool_of(self, disk: Disk) -> str | None:
        """What the pool that a disk lies in is called; of what is no pool, the datastore's id."""
        return self.pool_names.get((disk.cluster, disk.datastore_id), disk.datastore_id)

    def _seen(self, view: GuestView, kind: Any, records: Sequence[Any]) -> Sequence[Any] | None:
        """The records; None when there are none because they could not be seen."""
        if records:
            return records
        gap = self.estate.gap(view.fact.source, kind.kind_name, view.guest.scope)
        return None if gap is not None else records

    def _columns(self, view: GuestView) -> dict[str, Any]:
        """What is said of its use, size and cost; nothing of a side that counts elsewhere."""
        found = self.efficiency.get(view.key)
        names = [field.name for field in fields(GuestColumns)]
        return {name: None if found is None else getattr(found, name) for name in names}

    def _days_in_state(self, view: GuestView) -> int | None:
        since = self.power_since.get(view.fact.entity_key or 0)
        return None if since is None or view.guest.power is None else (self.estate.at - since).days

    def _state_began_unseen(self, view: GuestView) -> int | None:
        """Whether it was so when its source was first read: then it may have been so for long."""
        if self._days_in_state(view) is None:
            return None
        since = self.power_since.get(view.fact.entity_key or 0)
        return int(began_unseen(self.estate, since))

    def _oldest_days(self, snapshots: Sequence[GuestSnapshot] | None) -> int | None:
        made = [s.created_at for s in snapshots or () if s.created_at is not None]
        return (self.estate.at - min(made)).days if made else None

    def _stays_down(self, view: GuestView) -> int | None:
        cluster, host = view.guest.cluster, view.guest.host_id or ""
        if (cluster, host) not in self.proven or not view.is_powered_on:
            return None
        return int((cluster, view.label) in self.stays_down)


def began_unseen(estate: Estate, since: datetime | None) -> bool:
    """Whether a state that was first seen at an instant was there at a source's first poll."""
    return since is not None and since in {one.state.first_success_at for one in estate.sources}


def _gib(value: float | None) -> float | None:
    return None if value is None else round(value / GIB, 3)


def _total(records: Sequence[Any] | None, field_name: str) -> float | None:
    """The sum over the records; None when one of them is not known, or they are not."""
    if records is None:
        return None
    amounts = [getattr(record, field_name) for record in records]
    return None if any(amount is None for amount in amounts) else float(sum(amounts))


def _joined(names: Iterable[str | None]) -> str:
    return ";".join(sorted({name for name in names if name}))
