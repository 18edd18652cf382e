"""Every benchmark runs, in a tiny size: what it measures here is no figure to go by."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench import public_forecasters
from bench.__main__ import BENCHMARKS, main, measure
from bench.baselines import table
from bench.forecast_adapter import forecaster, loads, middle
from bench.measure import Line, Size, Spread

pytestmark = pytest.mark.slow

TINY = Size(
    repeat=1,
    poll_guests=3,
    poll_nodes=2,
    clusters=1,
    cluster_nodes=1,
    cluster_guests=2,
    testdriver_guests=3,
    append_guests=4,
    assess_guests=30,
    report_guests=4,
    report_days=20,
    scale_guests=(2,),
    forecast_series=(20,),
    forecast_loads=20,
    load_guests=1,
    load_polls=2,
    load_idle_seconds=0.5,
)
# The demo has one size, and tests of its own; the start has none, and is measured further down.
# The load on a host needs a real one.
SIZED = sorted(set(BENCHMARKS) - {"demo", "start", "libvirt-load", "testdriver"})


@cache
def measured(name: str) -> tuple[Line, ...]:
    told: list[str] = []
    lines = tuple(measure([name], TINY, told.append))
    assert told
    return lines


OF_LIBVIRT = ("libvirt-load", "testdriver")


@pytest.mark.parametrize(
    "name", [*SIZED, *(pytest.param(name, marks=pytest.mark.libvirt) for name in OF_LIBVIRT)]
)
def test_every_line_has_a_figure_and_a_floor(name: str) -> None:
    assert measured(name)
    for line in measured(name):
        assert 0 < line.figure.low <= line.figure.median <= line.figure.high < math.inf, line
        assert 0 < line.floor.low <= line.floor.median <= line.floor.high < math.inf, line
        assert line.floor_is


def test_a_first_poll_asks_for_everything_and_a_steady_one_for_little() -> None:
    requests = [line.figure.median for line in measured("poll") if line.unit == "requests"]
    first, steady = requests
    assert first > 2 * TINY.poll_guests
    assert steady < first


def test_the_load_on_a_host_is_left_out_in_words_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told: list[str] = []
    assert list(measure(["libvirt-load"], TINY, told.append)) == []
    [line] = told
    assert line.startswith("libvirt-load: skipped")


def test_the_figures_are_printed_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["start", "--repeat", "1", "--json", str(tmp_path / "figures.json")])
    printed = capsys.readouterr().out
    for line in json.loads((tmp_path / "figures.json").read_text())["lines"]:
        assert line["name"] in printed
        assert line["floor_is"] in printed
        assert line["times"] == line["figure"]["median"] / line["floor"]["median"] > 0


@pytest.mark.parametrize(
    ("line", "goal", "met"),
    [
        (Line("a", "s", Spread.of([3]), Spread.of([1]), "", most=2.0), "≤ 2 s", False),
        (Line("a", "s", Spread.of([3]), Spread.of([1]), "", most_times=3.0), "≤ 3×", True),
        (Line("a", "s", Spread.of([3]), Spread.of([1]), ""), "", None),
    ],
)
def test_a_goal_is_met_or_missed_by_the_median(line: Line, goal: str, met: bool | None) -> None:
    assert (line.goal, line.is_met, line.times) == (goal, met, 3.0)


def growing(name: str, end: datetime, days: int) -> pd.DataFrame:
    times = pd.date_range(end - timedelta(days=days - 1), end)
    return pd.DataFrame({"series_id": name, "ts": times, "value": [float(i) for i in range(days)]})


def test_the_adapter_answers_in_the_benchmarks_form() -> None:
    """Two series of other lengths and other last days; each grows by one a day."""
    frame = pd.concat(
        [growing("b", datetime(2026, 3, 1), 60), growing("a", datetime(2026, 3, 4), 40)]  # noqa: DTZ001  (as benchmarks have them)
    )
    found = loads(frame, 30, 7, "D", [0.1, 0.5, 0.9])
    assert list(found.columns) == ["series_id", "step", "q0.1", "q0.5", "q0.9"]
    for name, last in (("a", 39.0), ("b", 59.0)):
        rows = found[found["series_id"] == name]
        assert list(rows["step"]) == list(range(1, 31))
        assert rows["q0.5"].iloc[0] == pytest.approx(last + 1, abs=0.5)
        assert rows["q0.5"].iloc[-1] == pytest.approx(last + 30, abs=1.0)


def test_the_adapter_answers_for_hours_too() -> None:
    hours = pd.date_range("2026-03-01", periods=24 * 28, freq="h")
    frame = pd.DataFrame({"series_id": "a", "ts": hours, "value": 100.0 + 50 * (hours.hour == 9)})
    found = forecaster(frame, 48, 24, "h", [0.1, 0.5, 0.9])
    assert found["q0.5"].to_numpy() == pytest.approx(([100.0] * 9 + [150.0] + [100.0] * 14) * 2)


def test_the_adapters_growth_is_told_by_first_passage() -> None:
    """What half of the futures have reached never falls, and is no lower than their middle."""
    frame = growing("a", datetime(2026, 3, 1), 200)  # noqa: DTZ001
    frame["value"] += 20 * np.random.default_rng(1).standard_normal(200).cumsum() + 1000
    reached, level = (
        told(frame, 60, 7, "D", [0.1, 0.5, 0.9])["q0.5"].to_numpy() for told in (forecaster, middle)
    )
    assert (np.diff(reached) >= 0).all()
    assert (reached >= level - 1).all()
    assert reached[-1] > level[-1] + 1


def test_plain_public_forecasters_tell_what_their_names_say() -> None:
    frame = growing("a", datetime(2026, 3, 1), 60)  # noqa: DTZ001  (as benchmarks have them)
    for told, after_30 in (
        (public_forecasters.line, 89.0),
        (public_forecasters.line_of_a_month, 89.0),
        (public_forecasters.brownian_with_drift, 89.0),
        (public_forecasters.last_value, 59.0),
        (public_forecasters.last_season, 54.0),  # the second of seven days
    ):
        found = told(frame, 30, 7, "D", [0.1, 0.5, 0.9])
        assert found["q0.5"].iloc[-1] == pytest.approx(after_30)
        assert (found["q0.1"] <= found["q0.9"]).all()


def test_baselines_are_a_table_of_each_group() -> None:
    row = {"forecaster": "last value", "mase": "1.234", "spl": "0.5", "sps": "1234.5",
           "cov80": "0.8", "cov95": "0.949"}  # fmt: skip
    lines = list(table("vm_daily", [row], (("error", "mase", "{:.2f}"), ("loss", "spl", "{:.2f}"))))
    assert lines == [
        "| vm_daily | error | loss | cover | series/s |",
        "|---|---|---|---|---|",
        "| last value | 1.23 | 0.50 | 0.80 / 0.95 | 1,234 |",
    ]
