"""Runs every rule over every subject and counts what could be judged."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inventory.read import Fact
from inventory.records import BackupJob, Disk, Guest, Host
from planner.answers import PoolAnswer
from planner.estate import Estate, GuestView, SourceHealth
from planner.recorders import Keeper, keepers_of
from planner.risks import (
    availability,
    backup,
    data,
    hypervisor,
    lifecycle,
    own,
    privacy,
    recordings,
    segregation,
)
from planner.risks.rule import SEVERITIES, Finding, Outcome, Rule, State, Subject, unknown
from planner.risks.score import points

RULES: tuple[Rule, ...] = (
    *backup.RULES,
    *data.RULES,
    *segregation.RULES,
    *hypervisor.RULES,
    *lifecycle.RULES,
    *availability.RULES,
    *recordings.RULES,
    *privacy.RULES,
    *own.RULES,
)
# Subjects that a source cannot have while it is known to have none of these.
_LIVES_BY: Mapping[str, type[Guest | Host]] = {
    "guest": Guest,
    "disk": Guest,
    "host": Host,
    "cluster": Host,
}
_KIND_OF_FACT = {"guest": "guest", "disk": "disk", "host": "host", "job": "backup_job"}


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the rules found: open risks and unknowns, worst first, and how much was judged."""

    findings: tuple[Finding, ...]
    counts: Mapping[str, Mapping[State, int]] = field(default_factory=dict)

    @property
    def risks(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.outcome.state == "risk")

    @property
    def unknowns(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.outcome.state == "unknown")

    def total(self, state: State) -> int:
        return sum(counts.get(state, 0) for counts in self.counts.values())

    @property
    def coverage_percent(self) -> float | None:
        """Judged ÷ (judged + unknown); None when nothing was asked."""
        judged = self.total("ok") + self.total("risk")
        asked = judged + self.total("unknown")
        return 100.0 * judged / asked if asked else None

    def by_guest(self) -> dict[str, tuple[Finding, ...]]:
        """The findings of each guest and of its disks, by the guest's subject name."""
        grouped: dict[str, list[Finding]] = defaultdict(list)
        for finding in self.findings:
            if finding.subject.guest:
                grouped[finding.subject.guest].append(finding)
        return {name: tuple(found) for name, found in grouped.items()}


def assess(
    estate: Estate, answers: Sequence[PoolAnswer], rules: Iterable[Rule] = RULES
) -> Assessment:
    """Every rule over every subject it is about.

    Where a source did not show a kind of fact at all, that is told once, and every subject of
    that source counts as unknown.
    """
    subjects = _Subjects(estate, answers)
    findings: list[Finding] = []
    counts: dict[str, Counter[State]] = {}
    for rule in rules:
        tally = counts.setdefault(rule.id, Counter())
        blind = subjects.blind_sources(rule)
        for subject in subjects.of(rule):
            if subject.source in blind:
                blind[subject.source].subjects += 1
                continue
            outcome = _judge(rule, subject, estate)
            tally[outcome.state] += 1
            if outcome.state in ("risk", "unknown"):
                findings.append(_finding(rule, subject, outcome))
        for unseen in (*blind.values(), *subjects.hidden(rule)):
            tally["unknown"] += max(1, unseen.subjects)
            findings.append(unseen.finding(rule))
    return Assessment(tuple(sorted(findings, key=_order)), counts)


@dataclass
class _Unseen:
    """What one source did not show of what a rule needs, and how many subjects that touches."""

    source: str
    reason: str
    subjects: int = 0

    def finding(self, rule: Rule) -> Finding:
        count = f" ({self.subjects} {rule.subject}s)" if self.subjects else ""
        subject = Subject(
            rule.subject, None, f"source:{self.source}", f"source {self.source}{count}", self.source
        )
        return Finding(rule, subject, unknown(self.reason), rule.severity, 0)


def _order(finding: Finding) -> tuple[bool, int, int, str, str]:
    return (
        finding.outcome.state != "risk",
        -SEVERITIES.index(finding.severity),
        -finding.points,
        finding.rule.id,
        finding.subject.label,
    )


def _judge(rule: Rule, subject: Subject, estate: Estate) -> Outcome:
    """Unknown when a fact the rule needs was not shown, else what the check says."""
    if subject.source is not None:
        for kind in rule.needs:
            scope = subject.scope if kind in ("disk", "nic", "guest_snapshot") else ""
            gap = estate.gap(subject.source, kind, scope)
            if gap is not None:
                return unknown(f"{kind}: {gap.reason or gap.state}")
    return rule.check(subject.thing, estate)


def _finding(rule: Rule, subject: Subject, outcome: Outcome) -> Finding:
    severity = outcome.severity or rule.severity
    worth = 0
    if outcome.state == "risk":
        worth = points(
            severity,
            rule.group,
            classification=subject.classification,
            public=subject.public,
            guest=subject.kind in ("guest", "disk"),
        )
    return Finding(rule, subject, outcome, severity, worth)


class _Subjects:
    """The things that rules are about."""

    def __init__(self, estate: Estate, answers: Sequence[PoolAnswer]) -> None:
        self._estate = estate
        self._answers = answers
        self._kinds = {health.state.name: health.state.kind for health in estate.sources}

    def of(self, rule: Rule) -> Iterator[Subject]:
        return (s for s in self._things(rule) if self._judges(rule, s.source))

    def blind_sources(self, rule: Rule) -> dict[str | None, _Unseen]:
        """The sources that showed nothing of a kind of fact that the rule needs."""
        return {
            name: _Unseen(name, f"{kind}: {gap.reason or gap.state}")
            for name in self._read(rule)
            for kind in rule.needs
            if (gap := self._estate.gap(name, kind)) is not None and gap.state != "partial"
        }

    def hidden(self, rule: Rule) -> Iterator[_Unseen]:
        """The sources that hid some of the very things the rule is about."""
        kind = _KIND_OF_FACT.get(rule.subject)
        blind = self.blind_sources(rule)
        for name in self._read(rule) if kind else ():
            gap = self._estate.gap(name, kind or "")
            if gap is not None and name not in blind:
                yield _Unseen(name, f"{kind}: {gap.reason or gap.state}")

    def _read(self, rule: Rule) -> list[str]:
        """The sources that the rule judges and that were read at least once."""
        return [
            health.state.name
            for health in self._estate.sources
            if self._judges(rule, health.state.name)
            and health.state.last_taken_at is not None
            and not self._has_none(rule, health.state.name)
        ]

    def _has_none(self, rule: Rule, source: str) -> bool:
        """Whether a source is known to have nothing that the rule is about."""
        kind = _LIVES_BY.get(rule.subject)
        if kind is None or self._estate.gap(source, kind.kind_name) is not None:
            return False
        return all(fact.source != source for fact in self._estate.facts.of(kind))

    def _judges(self, rule: Rule, source: str | None) -> bool:
        return source is None or not rule.sources or self._kinds.get(source) in rule.sources

    def _things(self, rule: Rule) -> Iterator[Subject]:
        estate = self._estate
        match rule.subject:
            case "guest":
                return map(_of_guest, estate.guests)
            case "disk":
                return map(self._of_disk, estate.facts.of(Disk))
            case "host":
                return (_plain("host", fact, fact.record.name) for fact in estate.hosts)
            case "job":
                jobs = estate.facts.of(BackupJob)
                return (_plain("job", job, job.record.job_id) for job in jobs)
            case "cluster" | "datastore":
                return (_of_pool(p) for p in self._answers if p.pool.kind == rule.subject)
            case "source":
                return map(_of_source, estate.sources)
            case "tool":
                return iter([Subject("tool", estate.tool, "lumbung", "lumbung")])
            case "recorder":
                return (self._of_keeper(keeper) for keeper in keepers_of(estate))

    def _of_keeper(self, keeper: Keeper) -> Subject:
        agency = self._estate.owners.agencies.get(keeper.agency or "")
        return Subject(
            kind="recorder",
            thing=keeper,
            name=f"{keeper.kind}/{keeper.name}",
            label=keeper.label,
            source=keeper.source,
            agency=keeper.agency,
            owner=agency.contact if agency else None,
        )

    def _of_disk(self, fact: Fact[Disk]) -> Subject:
        disk = fact.record
        owner = self._estate.guest_of.get((disk.cluster, disk.guest_id))
        base = _of_guest(owner) if owner else None
        return Subject(
            kind="disk",
            thing=disk,
            name=f"{disk.cluster}/{disk.guest_id}/{disk.slot or disk.disk_id}",
            label=f"{base.label if base else disk.guest_id} disk {disk.slot or disk.disk_id}",
            source=fact.source,
            scope=fact.record.scope,
            guest=f"{disk.cluster}/{disk.guest_id}",
            guest_uuid=base.guest_uuid if base else "",
            agency=base.agency if base else None,
            owner=base.owner if base else None,
            classification=base.classification if base else None,
            public=base.public if base else False,
        )


def _of_guest(view: GuestView) -> Subject:
    guest: Guest = view.guest
    return Subject(
        kind="guest",
        thing=view,
        name=f"{guest.cluster}/{guest.guest_id}",
        label=view.label,
        source=view.fact.source,
        scope=guest.scope,
        guest=f"{guest.cluster}/{guest.guest_id}",
        guest_uuid=guest.uuid or "",
        agency=view.agency,
        owner=view.agency_contact,
        classification=view.classification,
        public=view.public is True,
    )


def _plain(kind: Any, fact: Fact[Any], label: str) -> Subject:
    name = f"{fact.record.cluster}/{fact.record.subject}"
    return Subject(kind, fact.record, name, label, source=fact.source, scope=fact.record.scope)


def _of_source(health: SourceHealth) -> Subject:
    name = health.state.name
    return Subject("source", health, name, name, source=name)


def _of_pool(answer: PoolAnswer) -> Subject:
    pool = answer.pool
    source = pool.sources[0] if pool.sources else None
    kind: Any = pool.kind
    return Subject(kind, answer, f"{pool.cluster}/{pool.name}", pool.name, source=source)
