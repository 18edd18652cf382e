"""A rule is one decorated function over one subject; its outcome is ok, risk, unknown or
not_applicable. What could not be seen is unknown: it never counts as ok."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from planner.estate import Estate
from planner.waiver_entries import Waiver

Severity = Literal["info", "low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")
INFO, LOW, MEDIUM, HIGH, CRITICAL = SEVERITIES
State = Literal["ok", "risk", "unknown", "not_applicable"]
# What a rule is about, and what its check function is given:
# guest: GuestView · disk: Disk · nic: Nic · host: Host · job: BackupJob · principal: Principal ·
# realm: Realm · firewall: Firewall, the settings of one level (cluster, host, guest) · storage:
# Datastore, also one that only keeps backups · platform: Platform, a cluster as its source
# configures it · cluster, datastore: PoolAnswer, what the planner says of them · service:
# ServiceView, of the owners' file · processing: ServiceView, or GuestView of a guest in no such
# service · change: Changed, a guest that came, went or changed · waiver: WaiverView ·
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
    "processing",
    "change",
    "recorder",
    "source",
    "tool",
    "waiver",
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

    ``inferred``: concluded from a sign such as a name, not seen; it weighs half.
    A risk that ``blinds`` says why nothing else can be seen on its host: what is unknown there is
    told by its finding alone.
    """

    state: State
    evidence: Mapping[str, Any] = field(default_factory=lambda: _NONE)
    reason: str = ""
    severity: Severity | None = None
    inferred: bool = False
    blinds: bool = False


_NONE: Mapping[str, Any] = MappingProxyType({})
_OK = Outcome("ok")


def ok() -> Outcome:
    return _OK


def risk(severity: Severity | None = None, **evidence: Any) -> Outcome:
    return Outcome("risk", evidence, severity=severity)


def inferred(severity: Severity | None = None, **evidence: Any) -> Outcome:
    """A risk that a sign speaks for, while nobody says so."""
    return Outcome("risk", evidence, severity=severity, inferred=True)


def unknown(reason: str) -> Outcome:
    return Outcome("unknown", reason=reason)


@lru_cache(maxsize=1024)  # half of all answers, with few reasons
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
    service: str | None = None
    account: Account = field(init=False, repr=False)  # whom its findings are charged to

    def __post_init__(self) -> None:
        account = Account(self.agency or "", self.service or "", self.guest)
        object.__setattr__(self, "account", account)


class Account(NamedTuple):
    """Whom a finding is charged to; each part is "" where there is none."""

    agency: str
    service: str
    guest: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A risk, or a control that could not be checked, with its evidence.

    ``points`` are those of an open risk; of one that is accepted they are ``waived_points``.
    """

    rule: Rule
    subject: Subject
    outcome: Outcome
    severity: Severity
    points: int
    waiver: Waiver | None = None
    waived_points: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it is a risk that nobody has accepted."""
        return self.outcome.state == "risk" and self.waiver is None

    @property
    def id(self) -> str:
        """Stable from run to run: of the rule and the subject, never of free text."""
        return f"{self.rule.id}-{self.fingerprint[:8]}"

    @property
    def fingerprint(self) -> str:
        """What the id is the beginning of, in full, for programs that compare findings."""
        mark = f"{self.rule.id}|{self.subject.kind}|{self.subject.name}"
        return hashlib.sha256(mark.encode()).hexdigest()

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
