"""cameras: how far back recorders reach, and what more cameras would do to them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from lumbung.choices import Format
from lumbung.dates import day_option
from lumbung.printing import show
from lumbung.session import Session
from lumbung.settings import SettingsError
from planner.camera_report import MoreCamerasRow, camera_row, more_cameras
from planner.recorders import VERDICTS, Keeper, keepers_of
from planner.report import Report
from planner.rows import CameraRow

_EMPTY = (
    "no recorders are known: give recorders.csv to a `files` source, or cameras to the estate file"
)
_ON_SCREEN = (
    "recorder", "cameras", "cameras_recording", "daily_tb", "required_days", "achieved_days",
    "achieved_from", "still_possible", "uplink_used_pct", "verdict", "basis",
)  # fmt: skip
_MORE_ON_SCREEN = (
    "recorder", "cameras", "cameras_after", "needed_tb", "needed_tb_after", "more_tb",
    "achieved_days", "achieved_days_after", "uplink_mbps_after", "uplink_used_pct_after",
    "verdict", "verdict_after",
)  # fmt: skip


def show_cameras(
    session: Session,
    recorder: str | None,
    add: int | None,
    mbps: float | None,
    on: str | None,
    form: Format,
) -> None:
    """Achieved against required retention per recorder; with ``add`` before and after."""
    if mbps is not None and add is None:
        raise SettingsError("--mbps is of the cameras that --add adds; give both")
    report = session.report(day_option(on, "--on"))
    keepers = _chosen(report, recorder)
    if add is None:
        rows: list[Any] = [camera_row(report.estate, keeper) for keeper in keepers]
        _show(CameraRow, rows, form, _ON_SCREEN)
    else:
        rows = [more_cameras(report.estate, keeper, add, mbps) for keeper in keepers]
        _show(MoreCamerasRow, rows, form, _MORE_ON_SCREEN)


def _chosen(report: Report, recorder: str | None) -> list[Keeper]:
    """All of them, the worst first, or the ones that a person means."""
    known = sorted(keepers_of(report.estate), key=lambda keeper: VERDICTS.index(keeper.verdict))
    chosen = [keeper for keeper in known if recorder is None or keeper.answers_to(recorder)]
    if recorder is not None and not chosen:
        labels = ", ".join(keeper.label for keeper in known) or "none"
        raise SettingsError(f"--recorder: none is named {recorder!r}; known are {labels}")
    return chosen


def _show(row_type: type[Any], rows: list[Any], form: Format, on_screen: tuple[str, ...]) -> None:
    columns = [field.name for field in fields(row_type)]
    cells = [[getattr(row, name) for name in columns] for row in rows]
    show(columns, cells, form, on_screen=on_screen, empty=_EMPTY)
