"""What stands behind a row of `lumbung fit`: what each limit allows, and where they would go."""

from __future__ import annotations

from collections.abc import Iterator

from planner.answers import PoolAnswer
from planner.fitting import FitRow, average_of, fit_row, fits_of, profiles_of
from planner.placement.fit import Fit
from planner.report import Report
from planner.scenario.names import ScenarioError, profile_called
from planner.sections import UnknownKey, fit_lines, shown
from planner.told.asked import Asked, cells


def fit_rows(report: Report) -> tuple[FitRow, ...]:
    """Of every cluster: the sizes of the policy, and its average guest."""
    clusters = [answer for answer in report.answers if answer.pool.kind == "cluster"]
    return tuple(row for pool in clusters for row in _rows(report, pool))


def _rows(report: Report, pool: PoolAnswer) -> Iterator[FitRow]:
    average = average_of(report.estate, pool.pool)
    sizes = [*profiles_of(report.policy), *([average] if average else [])]
    for found in fits_of(report.estate, report.answers, pool, sizes):
        yield fit_row(pool, found, found.profile.name)


def fit_called(report: Report, rest: str) -> FitRow | None:
    """The row of any size in any pool: POOL/SIZE. Raises UnknownKey for what is no size."""
    asked = _asked(report, rest)
    return None if asked is None else fit_row(asked[0], _fit(report, *asked), asked[1])


def _asked(report: Report, rest: str) -> tuple[PoolAnswer, str] | None:
    """The pool and the size of a key; None where no pool is named so."""
    for pool in report.answers:
        name = f"{pool.pool.name}/"
        if rest.startswith(name) and rest.removeprefix(name).split("/")[-1] not in _COLUMNS:
            return pool, rest.removeprefix(name)
    return None


_COLUMNS = frozenset(FitRow.__slots__)


def _fit(report: Report, pool: PoolAnswer, size: str) -> Fit:
    try:
        profile = profile_called(report.estate, pool.pool, size)
    except ScenarioError as error:
        raise UnknownKey(str(error)) from None
    return fits_of(report.estate, report.answers, pool, [profile])[0]


def fit_told(asked: Asked, row: FitRow, column: str | None) -> Iterator[str]:
    found = _asked(asked.report, row.key.partition("/")[2])
    assert found is not None  # noqa: S101  (the row is of a pool)
    pool, size = found
    if column is None:
        yield from cells(row)
        yield ""
    yield from fit_lines(pool, [_fit(asked.report, pool, size)])
    yield "pooled = as if all hosts were one; fragmentation = 100 × (1 − fit ÷ pooled)"
    yield f"  = {shown(row.fragmentation_pct)} %"
