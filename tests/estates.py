"""Estates made by hand, for tests of what is decided about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from inventory.changes import Change
from inventory.facts import Fact, Facts
from inventory.levels import DayPoint
from inventory.records import Backup, Coverage, GuestSnapshot, Record
from inventory.schema import FACT_KINDS
from inventory.sources import SourceState
from planner.answers import PoolAnswer, answer_all
from planner.eol import EndOfLifeData, shipped
from planner.estate import Estate, SourceHealth, ToolFacts
from planner.made_at import with_possible_times
from planner.owners import EstateFile
from planner.past import Past
from planner.policy import Policy
from planner.questions import questions
from stored import GIB, JAKARTA

AS_OF = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
FRESH = replace(shipped(), dated=AS_OF - timedelta(days=30))  # ends of life that are not stale
SEEN = tuple(kind.kind_name for kind in FACT_KINDS)


def health(
    name: str = "site",
    *,
    kind: str = "proxmox",
    gaps: Iterable[Coverage] = (),
    hidden: Iterable[str] = (),
    excess: tuple[str, ...] | None = (),
    stale: bool = False,
) -> SourceHealth:
    """A source that showed all kinds of facts but the hidden ones."""
    told = (*gaps, *(Coverage("", name, "hidden", "no right") for name in hidden))
    unseen = {gap.kind for gap in told if not gap.scope}
    state = SourceState(
        key=1,
        name=name,
        kind=kind,
        cluster="c",
        first_success_at=NOW,
        last_success_at=NOW,
        last_taken_at=NOW,
        last_attempt_at=NOW,
        last_outcome="partial" if told else "stored",
        gaps=told,
        excess_rights=excess,
        covered=frozenset((kind, "") for kind in SEEN if kind not in unseen),
    )
    return SourceHealth(state, poll_minutes=5, age_minutes=1.0, stale=stale)


def estate(
    *records: Record,
    owners: dict[str, Any] | None = None,
    policy: dict[str, Any] | None = None,
    sources: Iterable[SourceHealth] | None = None,
    tool: ToolFacts | None = None,
    eol: EndOfLifeData | None = None,
    as_of: date = AS_OF,
    days_seen: float = 0,
    changes: Iterable[Change] = (),
) -> Estate:
    """What one source told, joined with what the owners declare; facts are ``days_seen`` old, but
    backups and snapshots, which are seen just now."""
    since = NOW - timedelta(days=days_seen)
    by_kind: dict[type[Record], list[Fact[Any]]] = defaultdict(list)
    keys: dict[tuple[str, str], int] = {}
    for record in records:
        name = (record.kind_name, record.subject)
        key = keys.setdefault(name, len(keys) + 1)
        seen = NOW if isinstance(record, Backup | GuestSnapshot) else since
        by_kind[type(record)].append(Fact(record, "site", key, seen, NOW))
    return Estate(
        as_of=as_of,
        at=NOW,
        facts=with_possible_times(
            Facts(NOW, {kind: tuple(facts) for kind, facts in by_kind.items()})
        ),
        policy=Policy.model_validate(policy or {}),
        owners=EstateFile.model_validate(owners or {}),
        sources=(health(),) if sources is None else tuple(sources),
        site="Test",
        tool=tool or ToolFacts(),
        eol=eol or FRESH,
        changes=tuple(changes),
    )


def days(values: Iterable[float | None], *, high: float | None = None) -> tuple[DayPoint, ...]:
    """Whole days that end the day before as_of; ``high`` is what peaks exceed means by."""
    told = list(values)
    first = AS_OF - timedelta(days=len(told))
    return tuple(
        DayPoint(
            first + timedelta(days=i), 1, value, None if high is None else value * high, 86_400
        )
        for i, value in enumerate(told)
        if value is not None
    )


def answers(
    place: Estate,
    *,
    memory: Iterable[float | None] = (),
    cpu: Iterable[float | None] = (),
    storage: Iterable[float | None] = (),
) -> tuple[PoolAnswer, ...]:
    """The answers for the cluster c with these day means (GiB, cores), and for its datastores."""
    past = Past(
        cluster_days={("c", "memory"): days(_in_gib(memory)), ("c", "cpu"): days(cpu)},
        datastore_days={
            (fact.entity_key or 0, "storage"): days(_in_gib(storage)) for fact in place.datastores
        },
    )
    return answer_all(place, questions(place, past, JAKARTA))


def _in_gib(values: Iterable[float | None]) -> list[float | None]:
    return [None if value is None else value * GIB for value in values]
