"""What stands behind a row of `lumbung balance`: each member's use, the limits, the moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from planner.balance import Balance, BalanceRow
from planner.estate import Estate
from planner.placement.moves import POINTS_OVER_MEAN, STDEV_RATIO, Members
from planner.pools import GIB
from planner.sections import UnknownKey, shown
from planner.told.asked import cells


def explain_balance(estate: Estate, balances: Sequence[Balance], key: str) -> str:
    """The text behind a row of `balance`, or behind one of its columns. Raises UnknownKey."""
    rows = {row.key: (one, row) for one in balances for row in one.rows()}
    head, _slash, column = key.rpartition("/")
    if key not in rows and not (head in rows and column in BalanceRow.__slots__):
        known = ", ".join(rows) or "none"
        raise UnknownKey(f"{key!r}: no row of balance has that key; known are {known}")
    one, row = rows.get(key) or rows[head]
    value = list(cells(row)) if key in rows else [f"{column} = {shown(getattr(row, column))}"]
    foot = f"as of {estate.as_of}, policy {estate.policy.version}"
    return "\n".join([key, "", *value, "", *_lines(one, row), "", foot])


def _lines(one: Balance, row: BalanceRow) -> Iterator[str]:
    yield (
        f"imbalanced = the fullest more than {POINTS_OVER_MEAN:g} points above the mean, or a "
        f"standard deviation of more than {STDEV_RATIO:g} (glossary 21)"
    )
    if one.members is None or one.after is None:
        yield f"  {row.why}"
        return
    yield f"  means over the {one.members.days} days that all of them know"
    yield from _members(one.members, row.resource)
    yield from _spread(one.members, row.resource, "now")
    yield f"moves that were found: {len(one.moves)}, each the one that evens out the most"
    for move in one.moves:
        yield f"  {move}"
    if one.moves:
        yield "  a guest takes along its share, by configured size, of what its host uses"
        yield from _spread(one.after, row.resource, "after them")


def _members(members: Members, resource: str) -> Iterator[str]:
    unit, word = (1.0, "cores") if resource == "cpu" else (GIB, "GiB")
    pairs = zip(members.used[resource], members.capacity[resource], strict=True)
    for name, (used, capacity), share in zip(
        members.names, pairs, members.utilisation(resource), strict=True
    ):
        yield f"  {name}: {used / unit:,.1f} of {capacity / unit:,g} {word} = {100 * share:.2f} %"


def _spread(members: Members, resource: str, when: str) -> Iterator[str]:
    spread = members.spread(resource)
    yield (
        f"  {when}: mean {100 * spread.mean:.2f} %, fullest {100 * spread.highest:.2f} %, "
        f"{spread.over_mean_points:.2f} points above, standard deviation {spread.stdev:.4f}"
    )
