"""The defence of a number: formula, inputs with their dates and sources, policy, run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import datetime
from functools import partial
from typing import get_args

from inventory.read import Fact
from inventory.records import Guest, Record
from planner.answers import Answer, PoolAnswer
from planner.camera_report import explanation
from planner.efficiency import explained
from planner.estate import Estate
from planner.growth import Teller
from planner.outlook import Outlook
from planner.policy import Resource
from planner.pools import MODELS
from planner.recorders import keepers_of
from planner.report import Report
from planner.risks.rule import Finding
from planner.risks.trend import Trend
from planner.rows import GuestLine, PoolRow, RiskRow
from planner.sections import Basis, Sections, UnknownKey, shown
from planner.waiver_entries import Waiver


def explain(report: Report, key: str, growth: Teller | None = None) -> str:
    """The text behind ``key``: pool/NAME/RESOURCE/MODEL[/COLUMN], guest/ID[/COLUMN], finding/ID,
    recorder/NAME.

    ``growth`` tells the growth of pools apart; without it nothing is said of that. Raises
    UnknownKey.
    """
    kind, _slash, rest = key.partition("/")
    explainers: dict[str, Callable[[Report, str], Iterator[str]]] = {
        "pool": partial(_pool, growth=growth),
        "guest": _guest,
        "finding": _finding,
        "recorder": _recorder,
    }
    if kind not in explainers or not rest:
        raise UnknownKey(
            f"{key!r}: a key is pool/NAME/RESOURCE/MODEL[/COLUMN], guest/ID[/COLUMN], finding/ID "
            "or recorder/NAME"
        )
    return "\n".join([key, "", *explainers[kind](report, rest), "", *_footer(report)])


def _footer(report: Report) -> Iterator[str]:
    run = f", run {report.run_id}" if report.run_id else ""
    yield f"as of {report.as_of}, policy {report.policy.version}{run}"


def _pool(report: Report, rest: str, growth: Teller | None) -> Iterator[str]:
    parts = rest.split("/")
    cut = next((i for i in range(len(parts) - 1, 1, -1) if _ends_a_key(parts, i)), None)
    if cut is None or len(parts) > cut + 2:
        raise UnknownKey(f"pool/{rest}: write pool/NAME/RESOURCE/MODEL[/COLUMN]")
    name, resource, model = "/".join(parts[: cut - 1]), parts[cut - 1], parts[cut]
    column = parts[cut + 1] if len(parts) > cut + 1 else None
    pool, answer = _find(report, name, resource, model)
    row = next(
        row
        for row in report.pools
        if (row.pool, row.resource, row.model) == (pool.pool.name, resource, model)
    )
    sections = Sections(_basis(report, pool, answer, growth), pool, answer)
    if column is None:
        yield from sections.all()
        return
    if column not in {field.name for field in fields(PoolRow)}:
        raise UnknownKey(f"{column!r} is no column of pools.csv")
    yield f"{column} = {shown(getattr(row, column))}"
    yield from sections.of(column)


def _basis(report: Report, pool: PoolAnswer, answer: Answer, growth: Teller | None) -> Basis:
    key = (pool.pool.kind, pool.pool.name)
    return Basis(
        estate=report.estate,
        fits=report.fits[key],
        efficiency=report.efficiency,
        purchase=report.purchases.get(key),
        track_record=report.track_record,
        outlook=None if growth is None else Outlook(report, answer, growth.growth(answer)),
    )


def _ends_a_key(parts: list[str], i: int) -> bool:
    """Whether RESOURCE/MODEL end there: a column is called demand too."""
    return parts[i] in MODELS and parts[i - 1] in get_args(Resource)


def _find(report: Report, name: str, resource: str, model: str) -> tuple[PoolAnswer, Answer]:
    for pool in report.answers:
        if pool.pool.answers_to(name):
            for answer in pool.answers:
                if (answer.question.resource, answer.question.model) == (resource, model):
                    return pool, answer
            raise UnknownKey(f"pool {name!r} has no {resource}/{model}")
    known = ", ".join(pool.pool.name for pool in report.answers)
    raise UnknownKey(f"no pool is named {name!r}; known are {known}")


def _guest(report: Report, rest: str) -> Iterator[str]:
    wanted, column = rest, None
    columns = {field.name for field in fields(GuestLine)}
    head, _slash, tail = rest.rpartition("/")
    if head and tail in columns:
        wanted, column = head, tail
    found = [line for line in report.guests if _means(line, wanted)]
    if not found:
        raise UnknownKey(f"no guest has the id, uuid or name {wanted!r}")
    if len(found) > 1:
        ids = ", ".join(f"{line.cluster}/{line.guest_id}" for line in found)
        raise UnknownKey(f"{wanted!r} means several guests: {ids}")
    line = found[0]
    view = report.estate.guest_of[line.cluster, line.guest_id]
    if column is not None:
        yield f"{column} = {shown(getattr(line, column))}"
    else:
        for field in fields(GuestLine):
            value = getattr(line, field.name)
            if value not in (None, ""):
                yield f"{field.name} = {shown(value)}"
    of = report.rates.get(line.cluster)
    yield from explained.guest_lines(report.estate, report.efficiency, of, view.key, column)
    fact = view.fact
    yield ""
    yield (
        f"source {fact.source}, so since {fact.valid_from:%Y-%m-%d %H:%MZ}, confirmed "
        f"{fact.confirmed_at:%Y-%m-%d %H:%MZ}"
    )
    for origin, name in view.classifications:
        yield f"class {name}: stated by {origin} (the strictest wins)"
    yield from _around(report, view.guest)


def _around(report: Report, guest: Guest) -> Iterator[str]:
    """The open risks of the cluster and host that a guest runs on: they weigh there, not here."""
    for found in report.assessment.risks:
        subject = found.subject
        here = subject.cluster == guest.cluster and subject.host_id in (None, guest.host_id)
        if here and subject.kind in ("platform", "cluster", "host"):
            yield f"around it: {found.rule.id} {subject.label}, {found.severity} (0 points here)"


def _means(line: GuestLine, wanted: str) -> bool:
    names = (line.guest_id, line.uuid, line.name, f"{line.cluster}/{line.guest_id}")
    return wanted in names


def _finding(report: Report, rest: str) -> Iterator[str]:
    found = next((f for f in report.assessment.findings if f.id == rest), None)
    if found is None:
        raise UnknownKey(f"no finding {rest!r} is open; `lumbung risks` lists them")
    rule, row = found.rule, next(row for row in report.risks if row.finding_id == rest)
    yield f"{rule.id} {rule.title}: {found.outcome.state}, {found.severity}, {found.points} points"
    if row.points_formula:
        yield f"points: {row.points_formula}"
    if found.waiver is not None:
        yield from _accepted(found.waiver, row)
    yield f"subject: {found.subject.label}"
    yield f"evidence: {found.evidence}"
    yield f"first seen: {row.first_seen}"
    yield from _last_week(report.trend, rest)
    yield f"why: {rule.why}"
    yield f"fix: {rule.fix}"
    yield f"controls: {row.controls}"
    if found.subject.source is not None:
        yield f"source: {found.subject.source}"
    yield from _observed(found, report.estate)


def _observed(found: Finding, estate: Estate) -> Iterator[str]:
    """The fact a finding is about, with the poll that last saw it, and what else was read."""
    thing = getattr(found.subject.thing, "fact", found.subject.thing)
    fact = estate.fact_of(thing) if isinstance(thing, Record) else thing
    if isinstance(fact, Fact):
        record = fact.record
        yield (
            f"fact: {record.kind_name} {record.cluster}/{record.subject} of {fact.source}, so "
            f"since {_instant(fact.valid_from)}, last seen {_instant(fact.confirmed_at)}"
        )
    health = estate.source_health(found.subject.source or "")
    read = health.state.last_taken_at if health else None
    kinds = ", ".join(kind.replace("_", " ") for kind in found.rule.needs)
    if read is not None and kinds:
        yield f"beside it were read: {kinds}, last seen {_instant(read)}"


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _last_week(trend: Trend | None, finding_id: str) -> Iterator[str]:
    """What an earlier report said of a finding that changed since."""
    found = trend.of.get(finding_id) if trend else None
    if trend is None or found is None:
        return
    was = found.was
    if was is None:
        yield f"{trend.since}: not there ({found.turn.replace('_', ' ')})"
    else:
        state = f"accepted by {was.waiver}" if was.waiver else was.outcome
        points = was.points or was.points_waived
        yield f"{trend.since}: {state}, {was.severity}, {points} points ({found.turn})"


def _accepted(waiver: Waiver, row: RiskRow) -> Iterator[str]:
    """Who accepted a risk until when, and why."""
    yield (
        f"accepted until {row.waiver_until} by waiver {waiver.id}: {row.points_waived} points "
        "count as accepted risk"
    )
    yield f"reason: {waiver.reason}"
    if waiver.compensating_control:
        yield f"meanwhile: {waiver.compensating_control}"
    yield (
        f"asked for by {waiver.requested_by}, approved by {waiver.approved_by} on "
        f"{waiver.approved_at}" + (f" ({waiver.reference})" if waiver.reference else "")
    )


def _recorder(report: Report, rest: str) -> Iterator[str]:
    known = keepers_of(report.estate)
    found = next((keeper for keeper in known if keeper.answers_to(rest)), None)
    if found is None:
        labels = ", ".join(keeper.label for keeper in known) or "none"
        raise UnknownKey(f"no recorder is named {rest!r}; known are {labels}")
    return explanation(found)
