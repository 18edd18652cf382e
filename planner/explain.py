"""The defence of a number: formula, inputs with their dates and sources, policy, run.

Every row of the weekly files, and of the commands that show a part of a report, has a key; what is
told of it is made of the same values that the row was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from planner.camera_report import MoreCamerasRow, explanation
from planner.efficiency.rows import (
    ReclaimRow,
    ReclaimTotal,
    RightsizeRow,
    RightsizeTotal,
    reclaim_rows,
    rightsize_rows,
)
from planner.efficiency.savings import SavingsRow, savings_rows
from planner.efficiency.showback import ShowbackRow
from planner.fitting import FitRow
from planner.growth import Teller
from planner.keys import recorder_key
from planner.recorders import keepers_of
from planner.report import Report
from planner.risks.scores import score_rows
from planner.rows import (
    CameraRow,
    ChangeRow,
    FailoverRow,
    GuestLine,
    OrderRow,
    PoolRow,
    RiskRow,
    ScoreRow,
    SourceRow,
    TrackRow,
)
from planner.sections import UnknownKey, shown
from planner.told.asked import Asked
from planner.told.cameras import more_cameras_called, more_cameras_lines, more_cameras_rows
from planner.told.efficiency import (
    reclaim_lines,
    rightsize_lines,
    savings_lines,
    showback_lines,
    showback_rows_of,
)
from planner.told.failover import failover_lines
from planner.told.findings import finding_lines
from planner.told.fit import fit_called, fit_rows, fit_told
from planner.told.guests import guest_called, guest_lines
from planner.told.orders import order_called, order_lines
from planner.told.pools import pool_called, pool_lines
from planner.told.record import track_lines
from planner.told.scores import score_lines
from planner.told.sources import change_lines, source_lines
from planner.told.totals import (
    reclaim_total_lines,
    reclaim_total_rows,
    rightsize_total_lines,
    rightsize_total_rows,
)

Lines = Callable[[Asked, Any, str | None], Iterator[str]]
Called = Callable[[Report, str], Any | None]
_MOST_KNOWN = 12  # keys that an error names


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows whose keys begin with the same word. ``called`` finds one by another of its names."""

    form: str
    row_type: type[Any]
    rows: Callable[[Report], Sequence[Any]]
    lines: Lines
    called: Called = lambda _report, _rest: None

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(field.name for field in fields(self.row_type))


def _recorder_lines(asked: Asked, row: CameraRow, _column: str | None) -> Iterator[str]:
    return explanation(next(k for k in keepers_of(asked.report.estate) if _key_of(k) == row.key))


def _recorder_called(report: Report, rest: str) -> CameraRow | None:
    known = keepers_of(report.estate)
    keeper = next((one for one in known if one.answers_to(rest)), None)
    return next((row for row in report.cameras if keeper and row.key == _key_of(keeper)), None)


def _key_of(keeper: Any) -> str:
    return recorder_key(keeper.called)


def _table(stem: str) -> Callable[[Report], Sequence[Any]]:
    def rows(report: Report) -> Sequence[Any]:
        return report.tables[stem][1]

    return rows


def _scores(report: Report) -> Sequence[ScoreRow]:
    """The weekly ones, and that of what belongs to no guest; guests have keys of their own."""
    by_guest = score_rows(report.estate, report.assessment, report.trend, "guest")
    return (*report.risk_score, *(row for row in by_guest if not row.name))


def _reclaim(report: Report) -> Sequence[ReclaimRow]:
    return reclaim_rows(report.efficiency, report.rates, report.as_of)


def _rightsize(report: Report) -> Sequence[RightsizeRow]:
    return rightsize_rows(report.efficiency, report.as_of)


def _savings(report: Report) -> Sequence[SavingsRow]:
    return savings_rows(report.remembered)


KINDS: Mapping[str, Kind] = {
    "order": Kind(
        "order/POOL, order/recorder/NAME or order/POOL/ORDER",
        OrderRow, _table("orders"), order_lines, order_called,
    ),
    "pool": Kind(
        "pool/NAME/RESOURCE/MODEL", PoolRow, _table("pools"), pool_lines, pool_called,
    ),
    "guest": Kind(
        "guest/CLUSTER/ID", GuestLine, _table("guests"), guest_lines, guest_called
    ),
    "finding": Kind("finding/ID", RiskRow, _table("risks"), finding_lines),
    "failover": Kind(
        "failover/POOL/HOST", FailoverRow, _table("failover"), failover_lines
    ),
    "recorder": Kind(
        "recorder/NAME", CameraRow, _table("cameras"), _recorder_lines, _recorder_called
    ),
    "track": Kind(
        "track/POOL/RESOURCE/MODEL/level/DAYS", TrackRow, _table("track_record"), track_lines
    ),
    "score": Kind("score/agency/CODE", ScoreRow, _scores, score_lines),
    "source": Kind("source/NAME", SourceRow, _table("sources"), source_lines),
    "change": Kind("change/DIGEST", ChangeRow, _table("changes"), change_lines),
    "reclaim": Kind("reclaim/CLASS/CLUSTER/ID", ReclaimRow, _reclaim, reclaim_lines),
    "rightsize": Kind("rightsize/CLUSTER/ID", RightsizeRow, _rightsize, rightsize_lines),
    "reclaim-total": Kind(
        "reclaim-total/agency/CODE", ReclaimTotal, reclaim_total_rows, reclaim_total_lines
    ),
    "rightsize-total": Kind(
        "rightsize-total/agency/CODE", RightsizeTotal, rightsize_total_rows, rightsize_total_lines
    ),
    "fit": Kind("fit/POOL/SIZE", FitRow, fit_rows, fit_told, fit_called),
    "more-cameras": Kind(
        "more-cameras/RECORDER/NUMBER",
        MoreCamerasRow, more_cameras_rows, more_cameras_lines, more_cameras_called,
    ),
    "showback": Kind(
        "showback/CLUSTER/agency/CODE", ShowbackRow, showback_rows_of, showback_lines
    ),
    "savings": Kind("savings/MONTH", SavingsRow, _savings, savings_lines),
}  # fmt: skip


def explain(report: Report, key: str, growth: Teller | None = None) -> str:
    """The text behind the row that has ``key``, or behind one column of it: KEY/COLUMN.

    ``growth`` tells the growth of pools apart; without it nothing is said of that. Raises
    UnknownKey.
    """
    kind, row, column = found(report, key)
    value = [] if column is None else [f"{column} = {shown(getattr(row, column))}"]
    lines = kind.lines(Asked(report, growth), row, column)
    return "\n".join([key, "", *value, *lines, "", *_footer(report)])


def _footer(report: Report) -> Iterator[str]:
    run = f", run {report.run_id}" if report.run_id else ""
    yield f"as of {report.as_of}, policy {report.policy.version}{run}"


def found(report: Report, key: str) -> tuple[Kind, Any, str | None]:
    """The row and the column that a key means: as it is written in a file, else as people say.

    Raises UnknownKey.
    """
    name, _slash, rest = key.partition("/")
    kind = KINDS.get(name)
    if kind is None or not rest:
        forms = ", ".join(kind.form for kind in KINDS.values())
        raise UnknownKey(f"{key!r}: a key is one of {forms}, each with /COLUMN for one figure")
    by_key = {row.key: row for row in kind.rows(report)}
    head, _slash, column = key.rpartition("/")
    if key in by_key:
        return kind, by_key[key], None
    if head in by_key:
        return kind, by_key[head], _column(kind, name, column)
    if (row := kind.called(report, rest)) is not None:
        return kind, row, None
    if head != name and (row := kind.called(report, head.removeprefix(f"{name}/"))) is not None:
        return kind, row, _column(kind, name, column)
    raise UnknownKey(_not_known(kind, name, rest, list(by_key)))


def _column(kind: Kind, name: str, column: str) -> str:
    if column in kind.columns:
        return column
    near = get_close_matches(column, kind.columns, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise UnknownKey(f"{column!r} is no column of a row {name}/…{hint}")


def _not_known(kind: Kind, name: str, rest: str, keys: Sequence[str]) -> str:
    names = [key.removeprefix(f"{name}/") for key in keys]
    near = get_close_matches(rest, names, 1)
    if near:
        return f"no {name} is named {rest!r}; did you mean {near[0]!r}?"
    known = ", ".join(names[:_MOST_KNOWN]) or "none"
    more = f" and {len(names) - _MOST_KNOWN} more" if len(names) > _MOST_KNOWN else ""
    return f"no {name} is named {rest!r} (a key is {kind.form}); known are {known}{more}"
