"""Measuring: what is timed, how often, and how it is told."""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Spread:
    """Several measurements of one thing."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        values = list(values)
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Line:
    """One figure, the least that it could be, and what that least is.

    ``most`` is what the project wants the figure to stay below, ``most_times`` how many times
    its floor it may be; None where nothing is wanted.
    """

    name: str
    unit: str  # s, ms, MiB, requests, % of a core
    figure: Spread
    floor: Spread
    floor_is: str
    most: float | None = None
    most_times: float | None = None

    @property
    def times(self) -> float | None:
        """The figure as a multiple of its floor."""
        return self.figure.median / self.floor.median if self.floor.median else None

    @property
    def goal(self) -> str:
        if self.most is not None:
            return f"≤ {self.most:g} {self.unit}"
        return "" if self.most_times is None else f"≤ {self.most_times:g}×"

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None when there is none."""
        if self.most is not None:
            return self.figure.median <= self.most
        if self.most_times is None or self.times is None:
            return None
        return self.times <= self.most_times


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured; the tests measure a tiny estate."""

    repeat: int = 3
    poll_guests: int = 1_000
    poll_nodes: int = 20
    clusters: int = 10
    cluster_nodes: int = 10
    cluster_guests: int = 500
    testdriver_guests: int = 1_000
    append_guests: int = 10_000
    assess_guests: int = 10_000
    report_guests: int = 1_000
    report_days: int = 400
    scale_guests: tuple[int, ...] = (1_000, 10_000)
    forecast_series: tuple[int, ...] = (1_000, 10_000, 100_000)
    forecast_loads: int = 1_000
    load_guests: int = 4
    load_polls: int = 50  # of which one measurement is the mean
    load_idle_seconds: float = 10.0


Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Once:
    """What one run took."""

    seconds: float
    processor_seconds: float  # of this process, or of the one that was run
    peak_mib: float = float("nan")  # the most memory at once; of a process of its own only


@dataclass(frozen=True, slots=True)
class Taken:
    """What several runs took."""

    seconds: Spread
    processor_seconds: Spread
    peak_mib: Spread


Run = Callable[[], Once]


def by_turns(repeat: int, *things: Run) -> list[Taken]:
    """What each of the things takes. They run in turn, so that what else the machine does falls
    on all of them alike; the first round only warms up."""
    return _told([[run() for run in things] for _ in range(repeat + 1)][1:])


def once(*things: Run) -> list[Taken]:
    """What each of the things takes the first time, for what is too long to be run again."""
    return _told([[run() for run in things]])


def _told(rounds: Sequence[Sequence[Once]]) -> list[Taken]:
    return [
        Taken(
            Spread.of(once.seconds for once in found),
            Spread.of(once.processor_seconds for once in found),
            Spread.of(once.peak_mib for once in found),
        )
        for found in zip(*rounds, strict=True)
    ]


def call(action: Callable[[], object]) -> Run:
    """A run of an action."""
    return call_on(nullcontext, lambda _nothing: action())


def call_on(fresh: Callable[[], AbstractContextManager[T]], action: Callable[[T], object]) -> Run:
    """A run of an action on something that is made anew for it, outside the clock."""

    def run() -> Once:
        with fresh() as subject:
            gc.collect()
            wall, processor = time.perf_counter(), time.process_time()
            action(subject)
            return Once(time.perf_counter() - wall, time.process_time() - processor)

    return run


def process(command: Sequence[str], env: Mapping[str, str] | None = None) -> Run:
    """A run of a command as a process of its own; one that fails ends the benchmark."""

    def run() -> Once:
        ran = subprocess.run(
            [sys.executable, "-I", "-S", str(_LAUNCHER), *command],
            capture_output=True,
            text=True,
            check=False,
            env=None if env is None else {**os.environ, **env},
        )
        if ran.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed: {ran.stderr.strip()[-2000:]}")
        return Once(**json.loads(ran.stdout))

    return run


def as_json(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """The lines as JSON could hold them."""
    return [
        {
            "name": line.name,
            "unit": line.unit,
            "figure": _spread(line.figure),
            "floor": _spread(line.floor),
            "times": line.times,
            "floor_is": line.floor_is,
            "goal": line.goal,
            "met": line.is_met,
        }
        for line in lines
    ]


def _spread(spread: Spread) -> dict[str, float]:
    return {"median": spread.median, "low": spread.low, "high": spread.high}
