"""Runs every rule over every subject and counts what could be judged."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from inventory.records import Guest, Host, Record
from planner.answers import PoolAnswer
from planner.estate import Estate, SourceHealth
from planner.risks.catalogue import RULES
from planner.risks.rule import (
    SEVERITIES,
    Account,
    Finding,
    Outcome,
    Rule,
    State,
    Subject,
    SubjectKind,
    unknown,
)
from planner.risks.score import weights
from planner.risks.subjects import subjects_of
from planner.risks.waivers import with_waivers

_A_DAY_MINUTES = 24 * 60
_SEVERITY_OF = {rule.id: rule.severity for rule in RULES}
# Subjects that a source cannot have while it is known to have none of these.
_LIVES_BY: Mapping[str, type[Record]] = {
    "guest": Guest,
    "disk": Guest,
    "host": Host,
    "nic": Guest,
    "platform": Host,
    "cluster": Host,
    "firewall": Host,
    "storage": Host,
    "datastore": Host,
}
_KIND_OF_FACT = {
    "guest": "guest",
    "disk": "disk",
    "nic": "nic",
    "host": "host",
    "job": "backup_job",
    "storage": "datastore",
    "principal": "principal",
    "realm": "realm",
    "firewall": "firewall",
}


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the rules found: open risks, accepted ones and unknowns, worst first, and how much was
    judged, by rule and by whom it is charged to."""

    findings: tuple[Finding, ...]
    counts: Mapping[str, Mapping[State, int]] = field(default_factory=dict)
    judged: Mapping[Account, Mapping[State, int]] = field(default_factory=dict)
    blind: frozenset[tuple[str, str]] = frozenset()  # rules and sources that hid what they need
    muted: frozenset[str] = frozenset()  # ids of findings that another one stands for
    unread: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by rule, sources that it
    # judges and that were not read for a day, or never: what it says of them is old, or nothing

    @property
    def risks(self) -> tuple[Finding, ...]:
        """The open ones."""
        return tuple(f for f in self.findings if f.is_open)

    @property
    def waived(self) -> tuple[Finding, ...]:
        """The accepted ones."""
        return tuple(f for f in self.findings if f.waiver is not None)

    @property
    def unknowns(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.outcome.state == "unknown")

    def total(self, state: State) -> int:
        return sum(counts.get(state, 0) for counts in self.counts.values())

    @property
    def coverage_percent(self) -> float | None:
        """Of all that was asked, what could be judged; None when nothing was asked."""
        return coverage_percent(sum(map(Counter, self.counts.values()), Counter[State]()))

    def by_guest(self) -> dict[str, tuple[Finding, ...]]:
        """The findings of each guest and of its disks, by the guest's subject name."""
        grouped: dict[str, list[Finding]] = defaultdict(list)
        for finding in self.findings:
            if finding.subject.guest:
                grouped[finding.subject.guest].append(finding)
        return {name: tuple(found) for name, found in grouped.items()}

    def judged_by(self, part: Callable[[Account], Hashable]) -> dict[Hashable, Counter[State]]:
        """How much was judged, summed over a part of the accounts."""
        sums: dict[Hashable, Counter[State]] = defaultdict(Counter)
        for account, counts in self.judged.items():
            sums[part(account)].update(counts)
        return sums


def coverage_percent(counts: Mapping[State, int]) -> float | None:
    """Judged ÷ (judged + unknown) in tenths, rounded down: 100 only when all were judged.

    None when nothing was asked.
    """
    judged = counts.get("ok", 0) + counts.get("risk", 0)
    asked = judged + counts.get("unknown", 0)
    return 1000 * judged // asked / 10 if asked else None


def assess(
    estate: Estate, answers: Sequence[PoolAnswer], rules: Iterable[Rule] = RULES
) -> Assessment:
    """Every rule over every subject it is about.

    Where a source did not show a kind of fact at all, that is told once, and every subject of
    that source counts as unknown.
    """
    subjects = _Subjects(estate, answers)
    found = _Found()
    for rule in rules:
        states: list[tuple[Account, State]] = []
        blind = subjects.blind_sources(rule)
        doubts = subjects.doubts(rule)
        for subject in subjects.of(rule):
            if subject.source in blind:
                blind[subject.source].subjects += 1
                found.judged[subject.account, "unknown"] += 1
                continue
            doubtful = doubts.get(subject.source, rule.needs) if subject.source else ()
            outcome = _judge(rule, subject, estate, doubtful)
            states.append((subject.account, outcome.state))
            if outcome.state in ("risk", "unknown"):
                found.findings.append(_finding(rule, subject, outcome))
        found.count(rule, states)
        found.unread[rule.id] = subjects.unread(rule)
        for unseen in (*blind.values(), *subjects.hidden(rule)):
            found.not_seen(rule, unseen)
    return found.assessment(estate)


@dataclass
class _Found:
    """What the rules found so far."""

    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, Counter[State]] = field(default_factory=dict)
    judged: Counter[tuple[Account, State]] = field(default_factory=Counter)
    blind: set[tuple[str, str]] = field(default_factory=set)
    unread: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def count(self, rule: Rule, states: Sequence[tuple[Account, State]]) -> None:
        self.counts[rule.id] = Counter(state for _account, state in states)
        self.judged.update(states)

    def not_seen(self, rule: Rule, unseen: _Unseen) -> None:
        finding = unseen.finding(rule)
        self.counts[rule.id]["unknown"] += max(1, unseen.subjects)
        if not unseen.subjects:
            self.judged[finding.subject.account, "unknown"] += 1
        self.blind.add((rule.id, unseen.source))
        self.findings.append(finding)

    def assessment(self, estate: Estate) -> Assessment:
        left, muted = _without_muted(self.findings)
        judged: dict[Account, Counter[State]] = defaultdict(Counter)
        for (account, state), count in self.judged.items():
            judged[account][state] += count
        return Assessment(
            tuple(sorted(with_waivers(left, estate), key=_order)),
            self.counts,
            dict(judged),
            frozenset(self.blind),
            muted,
            {rule: names for rule, names in self.unread.items() if names},
        )


def _without_muted(findings: Sequence[Finding]) -> tuple[Sequence[Finding], frozenset[str]]:
    """The findings less those that a graver one stands for, which then says how many; and the
    ids of those that are left out."""
    silent = {(name, _place(f)) for f in findings for name in _silences(f)}
    if not silent:
        return findings, frozenset()
    muted = Counter(mark for f in findings for mark in _marks(f) if mark in silent)
    left, out = [], set()
    for finding in findings:
        if silent.isdisjoint(_marks(finding)):
            names = [name for name in _silences(finding) if muted[name, _place(finding)]]
            stood_for = {name: muted[name, _place(finding)] for name in names}
            left.append(_standing_for(finding, stood_for) if stood_for else finding)
        else:
            out.add(finding.id)
    return left, frozenset(out) - {finding.id for finding in left}


def _silences(finding: Finding) -> tuple[str, ...]:
    """The rules a risk stands for where it is, and "unknown" where it says why nothing is seen."""
    if finding.outcome.state != "risk":
        return ()
    return (*finding.rule.mutes, *(("unknown",) if finding.outcome.blinds else ()))


def _marks(finding: Finding) -> list[tuple[str, tuple[str | None, str | None]]]:
    """By what a finding is silenced: its rule, or that it is unknown, in each place it lies in."""
    names = [finding.rule.id, *(["unknown"] if finding.outcome.state == "unknown" else [])]
    return [(name, place) for place in _within(finding) for name in names]


def _place(parent: Finding) -> tuple[str | None, str | None]:
    """Where a finding mutes others: its host, or its whole cluster."""
    host_id = parent.subject.host_id if parent.subject.kind == "host" else None
    return parent.subject.cluster, host_id


def _within(finding: Finding) -> tuple[tuple[str | None, str | None], ...]:
    """The places a finding lies in; what is in no cluster is muted by nothing."""
    cluster, host_id = finding.subject.cluster, finding.subject.host_id
    if cluster is None:
        return ()
    return ((cluster, None),) if host_id is None else ((cluster, None), (cluster, host_id))


def _standing_for(finding: Finding, counts: Mapping[str, int]) -> Finding:
    told = [f"{name} × {count}" for name, count in counts.items()]
    evidence = {**finding.outcome.evidence, "stands_for": told}
    return replace(finding, outcome=replace(finding.outcome, evidence=evidence))


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


def _order(finding: Finding) -> tuple[bool, bool, int, int, str, str]:
    return (
        finding.outcome.state != "risk",
        finding.waiver is not None,
        -SEVERITIES.index(finding.severity),
        -(finding.points + finding.waived_points),
        finding.rule.id,
        finding.subject.label,
    )


def _judge(rule: Rule, subject: Subject, estate: Estate, doubtful: Iterable[str]) -> Outcome:
    """Unknown when a fact the rule needs was not shown, else what the check says.

    ``doubtful`` are the kinds it needs that the subject's source may not have shown of it.
    """
    for kind in doubtful:
        gap = estate.gap(subject.source or "", kind, subject.scope)
        if gap is not None:
            return unknown(f"{kind}: {gap.reason or gap.state}")
    return rule.check(subject.thing, estate)


def _finding(rule: Rule, subject: Subject, outcome: Outcome) -> Finding:
    severity = outcome.severity or rule.severity
    is_risk = outcome.state == "risk"
    worth = weights(severity, rule.group, subject, outcome).points if is_risk else 0
    return Finding(rule, subject, outcome, severity, worth)


def _is_unread(health: SourceHealth) -> bool:
    """What is carried in once a week is not late after a day."""
    age = health.age_minutes
    return age is None or (health.stale and age > _A_DAY_MINUTES)


class _Subjects:
    """The things that rules are about."""

    def __init__(self, estate: Estate, answers: Sequence[PoolAnswer]) -> None:
        self._estate = estate
        self._answers = answers
        self._kinds = {health.state.name: health.state.kind for health in estate.sources}
        self._made: dict[SubjectKind, tuple[Subject, ...]] = {}  # many rules ask of one kind

    def of(self, rule: Rule) -> Iterable[Subject]:
        things = self._made.get(rule.subject)
        if things is None:
            of_kind = subjects_of(rule.subject, self._estate, self._answers, _SEVERITY_OF)
            things = tuple(of_kind)
            self._made[rule.subject] = things
        judged = {name: self._judges(rule, name) for name in {s.source for s in things}}
        return things if all(judged.values()) else (s for s in things if judged[s.source])

    def doubts(self, rule: Rule) -> Mapping[str | None, Sequence[str]]:
        """By source, the kinds of fact a rule needs of which it did not show all."""
        return {
            name: [kind for kind in rule.needs if not self._estate.saw_all(name, kind)]
            for name in self._kinds
        }

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

    def unread(self, rule: Rule) -> tuple[str, ...]:
        """The sources that the rule judges and that were not read for a day, or never."""
        if rule.subject in ("tool", "waiver"):  # which no source tells of
            return ()
        return tuple(
            health.state.name
            for health in self._estate.sources
            if health.configured and _is_unread(health) and self._judges(rule, health.state.name)
        )

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
