"""The statement of applicability: what the findings tell of each control of a framework."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from planner.risks.engine import Assessment, coverage_percent
from planner.risks.regulations import Control, Pack
from planner.risks.rule import State

ControlStatus = Literal["risk", "unknown", "ok", "not_applicable", "no_rule", "outside"]
CONTROL_STATUSES: tuple[ControlStatus, ...] = get_args(ControlStatus)


@dataclass(frozen=True, slots=True)
class ControlRow:
    """statement.csv: one control of a framework, and what the findings tell of it."""

    framework: str  # the pack it is of
    control: str  # its number in the text
    title: str  # in few words
    status: ControlStatus  # risk, unknown, ok, not_applicable, no_rule or outside
    subjects: int  # how many things its rules were asked about
    open_risks: int  # of them, with a risk
    unknown: int  # of them, not to be judged
    coverage_pct: float | None  # judged ÷ asked; empty when nothing was asked
    rules: str  # the rules that were asked
    not_asked: str  # rules of it that are switched off, or cannot be had
    why: str  # why it is outside, why rules cannot be had, which sources were not read


def statement(
    pack: Pack, assessment: Assessment, absent: Mapping[str, str]
) -> tuple[ControlRow, ...]:
    """One row per control of the pack, in its order. ``absent`` are the reasons of rules that
    cannot be had, by id."""
    return tuple(
        _row(pack, number, control, assessment, absent) for number, control in pack.controls.items()
    )


def _row(
    pack: Pack, number: str, control: Control, found: Assessment, absent: Mapping[str, str]
) -> ControlRow:
    asked = [rule for rule in control.cited if rule in found.counts]
    states: tuple[State, ...] = ("ok", "risk", "unknown")
    judged = {s: sum(found.counts[rule].get(s, 0) for rule in asked) for s in states}
    late = {name for rule in asked for name in found.unread.get(rule, ())}
    unread = [f"{name} was not read for a day, or never" for name in sorted(late)]
    return ControlRow(
        framework=pack.id,
        control=number,
        title=control.title,
        status=_status(control, asked, judged, unread),
        subjects=sum(judged.values()),
        open_risks=judged["risk"],
        unknown=judged["unknown"],
        coverage_pct=coverage_percent(judged),
        rules=" ".join(asked),
        not_asked=" ".join(rule for rule in control.cited if rule not in asked),
        why="; ".join((*_reasons(control, asked, absent), *unread)),
    )


def _status(
    control: Control, asked: list[str], judged: Mapping[State, int], unread: list[str]
) -> ControlStatus:
    """The worst that is known: one open risk outweighs every ok, what was not seen is no ok."""
    if control.outside:
        return "outside"
    if not asked:
        return "no_rule"
    states: tuple[State, ...] = ("risk", "unknown", "ok")
    worst: ControlStatus = next((state for state in states if judged[state]), "not_applicable")
    return "unknown" if unread and worst != "risk" else worst


def _reasons(control: Control, asked: list[str], absent: Mapping[str, str]) -> Iterator[str]:
    if control.outside:
        yield control.outside
    for rule in control.cited:
        if rule not in asked and rule in absent:
            yield f"{rule}: {absent[rule]}"
