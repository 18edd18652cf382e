"""What stands behind the rows of sources.csv and changes.csv."""

from __future__ import annotations

from collections.abc import Iterator

from planner.rows import ChangeRow, SourceRow
from planner.sections import shown
from planner.told.asked import Asked, cells, minute


def source_lines(asked: Asked, row: SourceRow, column: str | None) -> Iterator[str]:
    """When it was read, what makes it stale, what it told and what it hid."""
    estate = asked.report.estate
    health = next(one for one in estate.sources if one.state.name == row.source)
    state = health.state
    if column is None:
        yield from cells(row)
        yield ""
    yield (
        f"read {minute(state.last_success_at)}, tried {minute(state.last_attempt_at)}: "
        f"{state.last_outcome or 'never'}; its facts are of {minute(state.last_taken_at)}"
    )
    yield (
        f"stale when older than three polls of {health.poll_minutes} minutes; it is "
        f"{shown(health.age_minutes and round(health.age_minutes))} minutes old"
    )
    if state.superseded_since is not None:
        yield (
            f"superseded since {minute(state.superseded_since)}: what it shows is older than what "
            f"is stored, of {minute(state.superseded_by)}; only its usage is kept"
        )
    if state.last_error:
        yield f"last error: {state.last_error}"
    yield (
        f"guests: {shown(state.guests_seen)} seen, {shown(state.guests_reported)} by its own count"
    )
    yield f"what it did not show: {len(state.gaps)}"
    for gap in state.gaps:
        where = f" of {gap.scope}" if gap.scope else ""
        remedy = f"; {gap.remedy}" if gap.remedy else ""
        yield f"  {gap.kind}{where}, {gap.state}: {gap.reason}{remedy}"
    yield f"its token ends {shown(state.token_expires_on)}"


def change_lines(asked: Asked, row: ChangeRow, _column: str | None) -> Iterator[str]:
    """What changed, which poll saw it, and what that poll can be held against."""
    yield from cells(row)
    yield ""
    yield f"seen first by the poll of {minute(row.at)}; it came about since the one before"
    if row.field.endswith("_gib"):
        yield "sizes are in GiB of 2^30 bytes; the platform tells bytes"
    for line in asked.report.guests:
        if row.guest_uuid and line.uuid == row.guest_uuid:
            yield f"the guest as it is now: `lumbung explain {line.key}`"
