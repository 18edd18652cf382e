"""What stands behind a row of `lumbung migration`: who told it, the wave, the pace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from planner.estate import Estate
from planner.migration import BurnDownRow, MigrationRow, MigrationView
from planner.sections import UnknownKey, shown
from planner.told.asked import cells, seen

_STATES: Mapping[str, str] = {
    "not_started": "no twin of it is known",
    "in_both": "its twin is there, and does not run alone yet",
    "moved": "its twin ran while it did not",
    "gone": "it left without a twin",
}
_MOST_NAMED = 12


def until_of(key: str) -> date | None:
    """The day to which the burn-down of a key runs; None where it names none."""
    kind, _slash, rest = key.partition("/")
    try:
        return date.fromisoformat(rest.partition("/")[0]) if kind == "burn-down" else None
    except ValueError:
        return None


def explain_migration(estate: Estate, view: MigrationView, key: str) -> str:
    """The text behind a guest or a week of a migration, or one of its columns.

    Raises UnknownKey.
    """
    both: tuple[MigrationRow | BurnDownRow, ...] = (*view.guests, *view.burn_down)
    rows = {row.key: row for row in both}
    head, _slash, column = key.rpartition("/")
    row = rows.get(key) or rows.get(head)
    if row is None or (key not in rows and column not in type(row).__slots__):
        known = ", ".join(list(rows)[:_MOST_NAMED]) or "none"
        raise UnknownKey(f"{key!r}: no row of migration has that key; known are {known}")
    value = list(cells(row)) if key in rows else [f"{column} = {shown(getattr(row, column))}"]
    told = _guest(estate, row) if isinstance(row, MigrationRow) else _week(view, row, estate.as_of)
    foot = f"as of {estate.as_of}, policy {estate.policy.version}"
    return "\n".join([key, "", *value, "", *told, "", foot])


def _guest(estate: Estate, row: MigrationRow) -> Iterator[str]:
    plan = estate.owners.migration
    yield f"state {row.state}: {_STATES[row.state]}"
    if any(row.wave == wave.name for wave in plan.waves):
        yield f"wave {row.wave}: declared in the estate file (migration: waves)"
    elif row.wave is not None:
        yield (
            f"wave {row.wave}: the smallest disks first, {plan.wave_size} at a time "
            "(migration: wave_size); what is blocked comes last"
        )
    if row.verdict is not None:
        yield f"verdict {row.verdict}: {row.reasons or 'nothing stands in its way'}"
    if row.unknown:
        yield f"  not known: {row.unknown}"
    yield f"counted on {shown(row.counted_on)}: a guest and its twin are one in every figure"
    for label, found in (("it", (row.cluster, row.guest_id)), ("its twin", _twin(row))):
        view = None if found is None else estate.guest_of.get(found)
        if view is not None:
            yield f"{label}: {seen(view.fact)}"


def _twin(row: MigrationRow) -> tuple[str, str] | None:
    if row.twin_id is None:
        return None
    cluster, _colon, guest_id = row.twin_id.partition(":")
    return cluster, guest_id


def _week(view: MigrationView, row: BurnDownRow, as_of: date) -> Iterator[str]:
    pace = view.pace
    if row.remaining is not None:
        yield f"remaining at the end of {row.week_end} = guests known by then − those done by then"
        done = [one for one in view.guests if one.moved_on and one.moved_on <= row.week_end]
        names = ", ".join(one.name or one.guest_id for one in done[-_MOST_NAMED:])
        yield f"  done by then: {len(done)} ({names or 'none'}); in the week itself {row.moved}"
        return
    weeks = (row.week_end - as_of).days / 7
    yield "left at a pace = what remains today − pace × weeks, not below 0"
    for name, each, left in (
        ("observed", pace.observed, row.at_observed_pace),
        ("needed", pace.needed, row.at_needed_pace),
    ):
        yield f"  {name}: {pace.remaining} − {shown(each)} × {weeks:.2f} = {shown(left)}"
    yield f"  needed = what remains ÷ the weeks to {shown(pace.until)}; {view.summary}"
