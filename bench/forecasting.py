"""forecast: dates and quantiles of many series, beside a process that only has their histories.

As a program (python -m bench.forecasting COUNT [--loads] [--only-have]) it is what is measured.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np

from bench.growth_made import make
from bench.measure import Line, Size, Tell, by_turns, process
from lumbung.spreading import on_processes
from planner.forecast import engine, futures
from planner.forecast.crossing import first_over
from planner.forecast.earned import earned
from planner.forecast.engine import Calibration
from planner.forecast.paths import Block

_PAST_DAYS = 365
_AHEAD_DAYS = 180
_SHARES = np.array([0.025, 0.1, 0.5, 0.9, 0.975])
_DIFFERENT = 400
_PATHS = 500
_SERIES_AT_ONCE = 500
_MANY_SERIES = 4000  # from which on it pays to start processes
_USABLE_RATIO = 1.3  # of the last level
_ORIGIN = date(2026, 11, 23)
_MOST_SECONDS = {10_000: 3.0, 100_000: 30.0}
_MOST_MIB = {10_000: 1024.0, 100_000: 2048.0}
_HAVE = "the same process, which only makes the histories"
_PROGRAM = (sys.executable, "-m", "bench.forecasting")


def forecast_lines(size: Size, tell: Tell) -> Iterator[Line]:
    """What the days on which 500 futures are first over a limit, and five quantiles for each of 180
    days, take, told from a year of days."""
    for count in size.forecast_series:
        name = f"forecast {count:,} series × {_PAST_DAYS} → {_AHEAD_DAYS} days"
        tell(name)
        told, had = by_turns(
            size.repeat,
            process([*_PROGRAM, str(count)]),
            process([*_PROGRAM, str(count), "--only-have"]),
        )
        yield Line(name, "s", told.seconds, had.seconds, _HAVE, most=_MOST_SECONDS.get(count))
        most = _MOST_MIB.get(count)
        yield Line(f"{name}: computing", "s", told.processor_seconds, had.processor_seconds, _HAVE)
        yield Line(f"{name}: memory", "MiB", told.peak_mib, had.peak_mib, _HAVE, most=most)
    yield from _loads_lines(size.forecast_loads, size.repeat, tell)


def _loads_lines(count: int, repeat: int, tell: Tell) -> Iterator[Line]:
    """What the paths of so many loads take: of them only pools have, not guests."""
    name = f"forecast {count:,} loads × {_PAST_DAYS} → {_AHEAD_DAYS} days, {_PATHS} paths each"
    tell(name)
    command = [*_PROGRAM, str(count), "--loads"]
    told, had = by_turns(repeat, process(command), process([*command, "--only-have"]))
    yield Line(name, "s", told.seconds, had.seconds, _HAVE)
    yield Line(f"{name}: computing", "s", told.processor_seconds, had.processor_seconds, _HAVE)
    yield Line(f"{name}: memory", "MiB", told.peak_mib, had.peak_mib, _HAVE)


def main(arguments: Sequence[str] | None = None) -> None:
    """Forecasts so many made series, block by block."""
    parser = argparse.ArgumentParser(prog="python -m bench.forecasting", description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--loads", action="store_true", help="of processors, with a weekly rhythm")
    parser.add_argument("--only-have", action="store_true", help="make the histories, no more")
    given = parser.parse_args(arguments)
    histories = _loads(given.count) if given.loads else _histories(given.count)
    if not given.only_have:
        print(f"{(_highest if given.loads else _forecast)(histories):.6g}")


def _histories(count: int) -> Block:
    """Made histories, the same ones over again at other scales."""
    different = make(min(count, _DIFFERENT), _PAST_DAYS, 1).astype(np.float32)
    scales = np.linspace(0.5, 2.0, count, dtype=np.float32)[:, None]
    return different[np.arange(count) % len(different)] * scales


def _loads(count: int) -> Block:
    """Weekdays, noise in bursts, and a level that wanders; the same ones at other scales."""
    random, different = np.random.default_rng(1), min(count, _DIFFERENT)
    week = 20.0 * (np.arange(_PAST_DAYS) % 7 < 5)
    made = 100.0 + week + random.gamma(2.0, 5.0, (different, _PAST_DAYS))
    made += random.standard_normal((different, _PAST_DAYS)).cumsum(axis=1)
    scales = np.linspace(0.5, 2.0, count, dtype=np.float32)[:, None]
    return made.astype(np.float32)[np.arange(count) % different] * scales


def _highest(histories: Block) -> float:
    """The highest point of all paths; every one was made for it."""
    paths = futures.forecast(
        histories,
        growing=np.zeros(len(histories), dtype=bool),
        origin=_ORIGIN,
        horizon_days=_AHEAD_DAYS - 1,
        seed=1,
        samples=_PATHS,
    )
    return max(float(part.paths.max()) for part in paths.blocks())


def _forecast(histories: Block) -> float:
    """The widest band of all and how many futures are over a limit: every date and every quantile
    was made for it, block by block, on every core when there are many."""
    calibration = earned(histories, seed=1)
    blocks = (
        (histories[first : first + _SERIES_AT_ONCE], calibration)
        for first in range(0, len(histories), _SERIES_AT_ONCE)
    )
    run = on_processes if len(histories) >= _MANY_SERIES else map
    told = list(run(_told, blocks))
    return max(widest for widest, _over in told) + sum(over for _widest, over in told)


def _told(given: tuple[Block, Calibration]) -> tuple[float, int]:
    block, calibration = given
    paths = engine.forecast(
        block,
        origin=_ORIGIN,
        horizon_days=_AHEAD_DAYS - 1,
        seed=1,
        samples=_PATHS,
        calibration=calibration,
    )
    usable = np.repeat(_USABLE_RATIO * block[:, -1:].astype(np.float64), _AHEAD_DAYS, axis=1)
    over = first_over(paths, usable) < _AHEAD_DAYS
    widest = max(float(np.ptp(part.paths, axis=1).max()) for part in paths.bands(_SHARES))
    return widest, int(over.sum())


if __name__ == "__main__":
    main()
