"""What stands behind a row of guests.csv: its facts, findings, claims, sizes and cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from inventory.records import Guest
from planner.backups import newest
from planner.efficiency import explained
from planner.guest_lines import began_unseen
from planner.guest_views import GuestView
from planner.keys import failover_key
from planner.pools import GIB
from planner.report import Report
from planner.risks.scores import part_of
from planner.rows import GuestLine
from planner.sections import UnknownKey, shown
from planner.told.asked import Asked, cells, minute, seen
from planner.told.scores import finding_words, judged_lines

Part = Callable[[Report, GuestLine, GuestView], Iterator[str]]
_MOST_BACKUPS = 5


def guest_lines(asked: Asked, row: GuestLine, column: str | None) -> Iterator[str]:
    """Every part of it, or the part behind a column; who told it stands below."""
    report = asked.report
    view = report.estate.guest_of[row.cluster, row.guest_id]
    if column is None:
        yield from cells(row)
    chosen = _PARTS.values() if column is None else [_PARTS[column]] if column in _PARTS else []
    for part in dict.fromkeys(chosen):
        if column is None:
            yield ""
        yield from part(report, row, view)
    rates = report.rates.get(row.cluster)
    for told in explained.COLUMNS if column is None else [column]:
        lines = list(explained.guest_lines(report.estate, report.efficiency, rates, view.key, told))
        yield from (["", *lines] if lines and column is None else lines)
    yield ""
    yield seen(view.fact)
    for origin, name in view.classifications:
        yield f"class {name}: stated by {origin} (the strictest wins)"
    yield from _around(report, view.guest)


def guest_called(report: Report, rest: str) -> GuestLine | None:
    """The row of the guest with an id, uuid or name; raises UnknownKey where several have it."""
    found = [line for line in report.guests if _means(line, rest)]
    if len(found) > 1:
        ids = ", ".join(f"{line.cluster}/{line.guest_id}" for line in found)
        raise UnknownKey(f"{rest!r} means several guests: {ids}")
    return found[0] if found else None


def _means(line: GuestLine, wanted: str) -> bool:
    names = (line.guest_id, line.uuid, line.name, f"{line.cluster}/{line.guest_id}")
    return wanted in names


def _around(report: Report, guest: Guest) -> Iterator[str]:
    """The open risks of the cluster and host that a guest runs on: they weigh there, not here."""
    for found in report.assessment.risks:
        subject = found.subject
        here = subject.cluster == guest.cluster and subject.host_id in (None, guest.host_id)
        if here and subject.kind in ("platform", "cluster", "host"):
            yield f"around it: {found.rule.id} {subject.label}, {found.severity} (0 points here)"


def _risks(report: Report, row: GuestLine, _view: GuestView) -> Iterator[str]:
    name = f"{row.cluster}/{row.guest_id}"
    yield "risk points = Σ over its open findings and those of its disks; level = the worst of them"
    for found in report.assessment.by_guest().get(name, ()):
        yield f"  {finding_words(found)}"
    yield from judged_lines(report.assessment.judged_by(part_of("guest")).get(name, Counter()))


def _disks(report: Report, _row: GuestLine, view: GuestView) -> Iterator[str]:
    estate = report.estate
    yield "disks: provisioned = Σ sizes, used = Σ what they take on their datastores"
    for disk in estate.disks_of(view.guest):
        yield (
            f"  {disk.disk_id} on {disk.datastore_id}: {_gib(disk.capacity_bytes)} GiB, takes "
            f"{_gib(disk.allocated_bytes)} GiB; {seen(estate.fact_of(disk))}"
        )
    yield from _unseen(report, view, "disk")


def _snapshots(report: Report, _row: GuestLine, view: GuestView) -> Iterator[str]:
    estate = report.estate
    found = estate.snapshots_of(view.guest)
    yield "snapshots" if found else "snapshots: none that was seen"
    for snapshot in found:
        yield (
            f"  {snapshot.name}: made {minute(snapshot.created_at)}, takes "
            f"{_gib(snapshot.bytes)} GiB; {seen(estate.fact_of(snapshot))}"
        )
    yield from _unseen(report, view, "guest_snapshot")


def _backups(report: Report, _row: GuestLine, view: GuestView) -> Iterator[str]:
    estate = report.estate
    cover, made = estate.cover_of(view.guest), estate.backups_of(view.guest)
    yield "backup: covered by a job that can run, or by what the owners declare (BKP-001, BKP-002)"
    yield "  where a source tells of no jobs, by a backup that is young enough (BKP-004)"
    for job in cover.jobs:
        trouble = cover.unusable.get(job.job_id, "")
        yield f"  job {job.job_id}, {shown(job.schedule)}, to {shown(job.datastore_id)}" + (
            f": cannot run, {trouble}" if trouble else ""
        )
    for disk in cover.unreadable:
        yield f"  {disk.slot or disk.disk_id}: cannot be read, its datastore is switched off"
    for what in cover.not_seen:
        yield f"  {what}"
    yield f"  backups: {len(made)}, the newest {minute(newest(made))}"
    dated = [(one.created_at, one) for one in made if one.created_at is not None]
    for at, one in sorted(dated, key=lambda pair: pair[0], reverse=True)[:_MOST_BACKUPS]:
        yield f"    {minute(at)}: {seen(estate.fact_of(one))}"
    yield from _unseen(report, view, "backup")


def _unseen(report: Report, view: GuestView, kind: str) -> Iterator[str]:
    gap = report.estate.gap(view.fact.source, kind, view.guest.scope)
    if gap is not None:
        yield f"  {kind.replace('_', ' ')}s were not all seen: {gap.reason or gap.state}"


def _if_lost(report: Report, row: GuestLine, view: GuestView) -> Iterator[str]:
    """The losses of its host that were tried, and where it goes then."""
    yield "if its host is lost (glossary 14)"
    for pool in report.answers:
        for case in pool.cases if pool.pool.name == row.cluster else ():
            if row.host not in case.lost:
                continue
            where = dict(case.placed).get(view.label)
            told = "stays down" if view.label in case.stays_down else f"goes to {shown(where)}"
            key = failover_key(pool.pool.name, case.lost, case.domain)
            yield f"  without {', '.join(case.lost)}: {case.verdict}; it {told} ({key})"


def _changes(report: Report, row: GuestLine, _view: GuestView) -> Iterator[str]:
    found = [one for one in report.changes if row.uuid and one.guest_uuid == row.uuid]
    yield f"what polls of the last seven days saw change: {len(found)}"
    for one in found:
        told = f"{one.kind} {one.field}".strip()
        yield f"  {minute(one.at)}: {told} {one.old} → {one.new} ({one.key})"


def _state(report: Report, row: GuestLine, view: GuestView) -> Iterator[str]:
    since = report.power_since.get(view.fact.entity_key or 0)
    if began_unseen(report.estate, since):
        yield (
            f"{shown(row.power)} at the first poll, of {minute(since)}, and ever since: the days "
            f"are the least they can be; counted until {minute(report.at)}"
        )
        return
    yield (
        f"{shown(row.power)} since {minute(since)}, as polls saw it; counted until "
        f"{minute(report.at)}"
    )


def _declared(_report: Report, row: GuestLine, view: GuestView) -> Iterator[str]:
    """Who says what of it, in the order in which they are believed."""
    yield "as the first says that says so: the estate file's guests, its service, its tags"
    for entry in view.entries:
        by = f", confirmed {entry.confirmed_on} by {entry.confirmed_by or 'the owner'}"
        yield (
            f"  guests of the estate file: agency {shown(entry.agency)}, criticality "
            f"{shown(entry.criticality)}{by if entry.confirmed_on else ''}"
        )
    if view.service_entry is not None:
        declared = view.service_entry
        yield (
            f"  service {view.service}: agency {shown(declared.owner)}, criticality "
            f"{shown(declared.criticality)}"
        )
    yield f"  tags {shown(row.tags)}"


def _gib(amount: float | None) -> str:
    return shown(None if amount is None else amount / GIB)


_PARTS: Mapping[str, Part] = {
    **dict.fromkeys(("power", "days_in_state", "state_began_unseen"), _state),
    **dict.fromkeys(
        ("risk_level", "risk_points", "risk_points_waived", "risk_coverage_pct"), _risks
    ),
    **dict.fromkeys(("disk_provisioned_gib", "disk_used_gib", "datastores"), _disks),
    **dict.fromkeys(("snapshot_count", "snapshot_oldest_days", "snapshot_gib"), _snapshots),
    **dict.fromkeys(("backup_state", "last_backup_at"), _backups),
    **dict.fromkeys(
        ("criticality", "agency", "owner", "owner_confirmed_on", "service", "dimension"), _declared
    ),
    "stays_down_if_host_lost": _if_lost,
    "change_since_last_week": _changes,
}
