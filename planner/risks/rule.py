"""A rule is one decorated function over one subject; its outcome is ok, risk, unknown or
not_applicable. What could not be seen is unknown: it never counts as ok."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from planner.estate import Estate

Severity = Literal["info", "low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")
INFO, LOW, MEDIUM, HIGH, CRITICAL = SEVERITIES
State = Literal["ok", "risk", "unknown", "not_applicable"]
# What a rule is about, and what its check function is given:
# guest: GuestView · disk: Disk · nic: Nic · host: Host · job: BackupJob · principal: Principal ·
# realm: Realm · firewall: Firewall, the settings of one level (cluster, host, guest) · storage:
# Datastore, also one that only keeps backups · platform: Platform, a cluster as its source
# configures it · cluster, datastore: PoolAnswer, what the planner says of them · service:
# ServiceView, of the owners' file · change: Changed, a guest that came, went or changed ·
# recorder: Keeper · source: SourceHealth · tool: ToolFacts
SubjectKind = Literal[
    "guest",
    "disk",
    "nic",
    "host",
    "platform",
    "cluster",
    "datastore",
    "storage",
    "job",
    "principal",
    "realm",
    "firewall",
    "service",
    "change",
    "recorder",
    "source",
    "tool",
]
Group = Literal[
    "backup",
    "data_at_rest",
    "network",
    "segregation",
    "identity",
    "lifecycle",
    "hypervisor",
    "availability",
    "privacy",
    "monitoring",
    "own",
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule says of one subject; ``severity`` overrides the rule's own.

    A risk that ``blinds`` says why nothing else can be seen on its host: what is unknown there is
    told by its finding alone.
    """

    state: State
    evidence: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    severity: Severity | None = None
    blinds: bool = False


def ok() -> Outcome:
    return Outcome("ok")


def risk(severity: Severity | None = None, **evidence: Any) -> Outcome:
    return Outcome("risk", evidence, severity=severity)


def unknown(reason: str) -> Outcome:
    return Outcome("unknown", reason=reason)


def not_applicable(reason: str = "") -> Outcome:
    return Outcome("not_applicable", reason=reason)


Check = Callable[[Any, Estate], Outcome]


@dataclass(frozen=True, slots=True)
class Rule:
    """A check with what a reader needs to act on it.

    ``needs`` are the kinds of fact it reads beside its subject: where a source did not show one
    of them, the outcome is unknown without asking. ``sources`` are the kinds of source it can
    judge; empty means all. While it finds a risk, what the rules in ``mutes`` find on the same
    host (for a rule about hosts) or in the same cluster is told by its finding alone.
    ``essential`` rules are asked unless the policy says otherwise; the others belong to the full
    profile.
    """

    id: str
    title: str
    subject: SubjectKind
    severity: Severity
    group: Group
    needs: tuple[str, ...]
    sources: tuple[str, ...]
    why: str
    fix: str
    refs: tuple[str, ...]
    mutes: tuple[str, ...]
    essential: bool
    check: Check


def rule(
    id: str,  # noqa: A002  (the rule's own word for its id)
    title: str,
    *,
    subject: SubjectKind,
    severity: Severity,
    group: Group,
    why: str,
    fix: str,
    needs: Iterable[str] = (),
    sources: Iterable[str] = (),
    refs: Iterable[str] = (),
    mutes: Iterable[str] = (),
    essential: bool = False,
) -> Callable[[Check], Rule]:
    """Makes a Rule of a check function."""

    def made(check: Check) -> Rule:
        return Rule(
            id,
            title,
            subject,
            severity,
            group,
            tuple(needs),
            tuple(sources),
            why,
            fix,
            tuple(refs),
            tuple(mutes),
            essential,
            check,
        )

    return made


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule is asked about, how it is called, and whose it is."""

    kind: SubjectKind
    thing: Any
    name: str  # stable, for the finding's id
    label: str  # for people
    source: str | None = None
    scope: str = ""
    cluster: str | None = None
    host_id: str | None = None  # where it is: the host itself, or the one a guest runs on
    guest: str = ""  # the guest it belongs to, as that guest's subject name
    guest_uuid: str = ""
    agency: str | None = None
    owner: str | None = None
    classification: str | None = None
    public: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A risk, or a control that could not be checked, with its evidence."""

    rule: Rule
    subject: Subject
    outcome: Outcome
    severity: Severity
    points: int

    @property
    def id(self) -> str:
        """Stable from run to run: of the rule and the subject, never of free text."""
        mark = f"{self.rule.id}|{self.subject.kind}|{self.subject.name}"
        return f"{self.rule.id}-{hashlib.sha256(mark.encode()).hexdigest()[:8]}"

    @property
    def evidence(self) -> str:
        """The evidence in one line."""
        if self.outcome.state == "unknown":
            return self.outcome.reason
        return "; ".join(f"{name}={_shown(value)}" for name, value in self.outcome.evidence.items())


def _shown(value: Any) -> str:
    if isinstance(value, tuple | list | set | frozenset):
        return ", ".join(str(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
