"""The defence of a number of `whatif`: what the scenario changes, and the formula after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import timedelta
from math import isnan
from typing import Any

from inventory.records import Disk, Guest, Host
from planner.answers import Answer, PoolAnswer, in_unit
from planner.pools import Pool
from planner.saying import unit_name
from planner.scenario.changes import DOING_NOTHING, Scenario
from planner.scenario.outcome import Outcome, outcome_of
from planner.scenario.rows import ScenarioRow, key_prefix, rows_of
from planner.scenario.verbs import IN_ONE_PIECE
from planner.scenario.world import Base, World, name_of
from planner.sections import Sections, UnknownKey, shown
from planner.told.scenarios import scenario_sections, shifts_of, worded

_MOST_NAMED = 8
# What stands behind the columns that `pools.csv` has under another name, or not at all.
_SECTION_OF = {
    "headroom_change": "headroom",
    "site_binding": "binding",
    "stays_down": "failover_test",
    "placement": "failover_test",
}
_COUNTED = {"come": "+{}", "go": "−{}", "change": "changed {}"}
_OF_THE_SCENARIO = frozenset({"changed", "notes"})


def scenario_of_key(scenarios: Sequence[Scenario], key: str) -> tuple[Scenario, str]:
    """The scenario that a key is about, and the rest of the key. Raises UnknownKey."""
    found = [one for one in scenarios if key.startswith(f"{key_prefix(one.name)}/")]
    if not found:
        known = ", ".join(repr(one.name) for one in scenarios) or "none"
        raise UnknownKey(
            f"{key!r}: a key of a scenario is scenario/NAME/POOL/RESOURCE/MODEL[/COLUMN]; "
            f"scenarios given are {known}"
        )
    chosen = max(found, key=lambda one: len(one.name))
    return chosen, key.removeprefix(f"{key_prefix(chosen.name)}/")


def explain_scenario(base: Base, scenarios: Sequence[Scenario], key: str) -> str:
    """The text behind a row of `whatif`, or behind one of its columns.

    Raises UnknownKey, and ScenarioError (below the scenario's number) for what cannot be.
    """
    scenario, rest = scenario_of_key(scenarios, key)
    nothing, outcome = (
        outcome_of(base, Scenario(name=DOING_NOTHING)),
        outcome_of(base, scenario),
    )
    rows = {row.key: row for row in rows_of([nothing, outcome])}
    parts = rest.split("/")
    whole = f"{key_prefix(scenario.name)}/{rest}"
    head, _slash, column = whole.rpartition("/")
    if whole in rows:
        column, row = "", rows[whole]
    elif head in rows and column in _columns():
        row = rows[head]
    else:
        known = ", ".join(dict.fromkeys(row.pool for row in rows.values()))
        raise UnknownKey(
            f"{key!r}: no row of {scenario.name!r} is called {'/'.join(parts[:3])!r}, or it has no "
            f"such column; pools are {known}"
        )
    told = _Told(outcome, nothing, scenario, row)
    return "\n".join([key, "", *told.lines(column), "", *_footer(base)])


def _columns() -> frozenset[str]:
    return frozenset(field.name for field in fields(ScenarioRow))


def _footer(base: Base) -> Iterator[str]:
    estate = base.estate
    yield f"as of {estate.as_of}, policy {estate.policy.version}; a scenario, nothing is stored"


class _Told:
    """One row of a scenario, beside the same of doing nothing."""

    def __init__(
        self, outcome: Outcome, nothing: Outcome, scenario: Scenario, row: ScenarioRow
    ) -> None:
        self._outcome, self._scenario, self._row = outcome, scenario, row
        self._pool, self._answer = _answer_of(outcome, row)
        self._old = _answer_of(nothing, row)[1]
        [self._was] = [one for one in rows_of([nothing]) if _same(one, row)]

    def lines(self, column: str) -> Iterator[str]:
        if column:
            value, was = (shown(getattr(row, column)) for row in (self._row, self._was))
            yield f"{column} = {value}" + ("" if value == was else f"; doing nothing {was}")
        yield from self._changes()
        yield ""
        yield from self._load()
        sections = self._sections()
        if not column:
            yield ""
            yield from sections.all()
        elif column not in _OF_THE_SCENARIO:
            yield ""
            of_load = "demand" if self._row.model == "demand" else "allocated"
            yield from sections.of(of_load if column == "load" else _SECTION_OF.get(column, column))

    def _sections(self) -> Sections:
        return scenario_sections(self._outcome, self._pool, self._answer)

    def _changes(self) -> Iterator[str]:
        """What the scenario asks for, and what of the pool's facts that changes."""
        yield f"scenario {self._scenario.name}: {len(self._scenario.changes)} changes"
        for change in self._scenario.changes:
            yield f"  {change.when or self._outcome.base.estate.as_of}: {worded(change)}"
        counts = _counted(self._outcome.base, self._outcome.world, self._pool.pool)
        yield f"  of {self._pool.pool.name}: {', '.join(counts) or 'no fact changes'}"
        for note in self._outcome.world.notes:
            yield f"  taken as given: {note}"

    def _load(self) -> Iterator[str]:
        """The load and what is usable, beside doing nothing, and what moved the load."""
        for name, new, old in (
            ("usable", self._answer.usable, self._old.usable),
            ("load", self._answer.load, self._old.load),
        ):
            yield f"{name} {self._unit(new)}; doing nothing {self._unit(old)}"
        shifts = shifts_of(self._outcome, self._old)
        largest = sorted(shifts, key=lambda pair: (-abs(pair[1] or float("inf")), pair[0]))
        for name, amount in largest[:_MOST_NAMED]:
            what = "in one piece" if name.startswith(IN_ONE_PIECE) else name
            yield f"  {what}: {self._signed(amount)}"
        if len(largest) > _MOST_NAMED:
            rest = [amount for _name, amount in largest[_MOST_NAMED:]]
            known = sum(amount for amount in rest if amount is not None)
            yield f"  {len(rest)} more: {self._signed(None if None in rest else known)}"
        yield from self._days()

    def _days(self) -> Iterator[str]:
        """What stands against the simulated load from the day of each change on."""
        question, as_of = self._answer.question, self._outcome.base.estate.as_of
        if question.more is None:
            return
        days = {((change.when or as_of) - as_of).days for change in self._scenario.changes}
        for day in sorted({*days, len(question.more) - 1}):
            when = as_of + timedelta(days=day)
            usable, more = float(question.usable[day]), float(question.more[day])
            word = "from" if day in days else "until"
            added = self._signed(more)
            yield f"  {word} {when}: usable {self._unit(usable)}, the scenario adds {added}"

    def _unit(self, value: float | None) -> str:
        known = None if value is None or isnan(value) else in_unit(value, self._answer)
        return f"{shown(known)} {unit_name(self._answer.question.unit)}"

    def _signed(self, value: float | None) -> str:
        sign = "+" if value is not None and value >= 0 else ""
        return f"{sign}{self._unit(value)}"


def _same(one: ScenarioRow, other: ScenarioRow) -> bool:
    names = ("pool", "pool_kind", "resource", "model")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _answer_of(outcome: Outcome, row: ScenarioRow) -> tuple[PoolAnswer, Answer]:
    return next(
        (pool, answer)
        for pool in outcome.answers
        if (pool.pool.kind, pool.pool.name) == (row.pool_kind, row.pool)
        for answer in pool.answers
        if (answer.question.resource, answer.question.model) == (row.resource, row.model)
    )


def _counted(base: Base, world: World, pool: Pool) -> Iterator[str]:
    """How many hosts, guests and disks of a pool come, go and change."""
    kinds: tuple[tuple[Any, str], ...] = ((Host, "hosts"), (Guest, "guests"), (Disk, "disks"))
    for kind, word in kinds:
        old, new = (
            {name_of(one): one for one in estate.facts.records(kind) if one.cluster == pool.cluster}
            for estate in (base.estate, world.estate)
        )
        found = Counter(
            "come" if name not in old else "go" if name not in new else "change"
            for name in old.keys() | new.keys()
            if old.get(name) != new.get(name)
        )
        yield from (
            f"{word} {_COUNTED[what].format(count)}" for what, count in sorted(found.items())
        )
