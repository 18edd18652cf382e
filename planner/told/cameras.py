"""What stands behind a row of `lumbung cameras --add`: the recorder as it is, and with more."""

from __future__ import annotations

from collections.abc import Iterator

from planner.camera_report import MoreCamerasRow, explanation, more_cameras
from planner.recorders import Keeper, keepers_of
from planner.report import Report
from planner.sections import shown
from planner.told.asked import Asked, cells


def more_cameras_rows(report: Report) -> tuple[MoreCamerasRow, ...]:
    """One more camera on every recorder: any other number is asked for in the key."""
    known = keepers_of(report.estate)
    return tuple(more_cameras(report.estate, keeper, 1, None) for keeper in known)


def more_cameras_called(report: Report, rest: str) -> MoreCamerasRow | None:
    """The row of NAME/COUNT or NAME/COUNT@MBPS; None for what is neither."""
    found = _asked(report, rest)
    return None if found is None else more_cameras(report.estate, *found)


def _asked(report: Report, rest: str) -> tuple[Keeper, int, float | None] | None:
    name, _slash, what = rest.rpartition("/")
    count, at, mbps = what.partition("@")
    keeper = next((one for one in keepers_of(report.estate) if one.answers_to(name)), None)
    try:
        return None if keeper is None else (keeper, int(count), float(mbps) if at else None)
    except ValueError:
        return None


def more_cameras_lines(asked: Asked, row: MoreCamerasRow, column: str | None) -> Iterator[str]:
    found = _asked(asked.report, row.key.partition("/")[2])
    assert found is not None  # noqa: S101  (the row is of a recorder)
    keeper, count, mbps = found
    if column is None:
        yield from cells(row)
        yield ""
    yield "as it is:"
    yield from (f"  {line}" for line in explanation(keeper))
    each = "like those it has" if mbps is None else f"of {mbps:g} Mbps each"
    yield f"with {count} more cameras {each}:"
    yield from (f"  {line}" for line in explanation(keeper.with_more(count, mbps)))
    yield f"more to keep: {shown(row.more_tb)} TB"
