"""The benchmarks' command line: measures, and prints every figure beside its floor."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from bench.appending import append_lines
from bench.assessing import assess_lines
from bench.clusters import cluster_lines
from bench.forecasting import forecast_lines
from bench.libvirt_load import load_lines
from bench.measure import Line, Size, Spread, Tell, as_json
from bench.polling import poll_lines
from bench.reporting import report_lines, scale_lines
from bench.testdriver import testdriver_lines
from bench.whole import demo_lines, start_lines

BENCHMARKS: dict[str, Callable[[Size, Tell], Iterator[Line]]] = {
    "start": start_lines,
    "poll": poll_lines,
    "clusters": cluster_lines,
    "testdriver": testdriver_lines,
    "libvirt-load": load_lines,
    "append": append_lines,
    "report": report_lines,
    "scale": scale_lines,
    "risks": assess_lines,
    "forecast": forecast_lines,
    "demo": demo_lines,
}
_WIDE = 190


def measure(names: Iterable[str], size: Size, tell: Tell) -> Iterator[Line]:
    """The lines of the named benchmarks, as they come."""
    for name in names:
        yield from BENCHMARKS[name](size, tell)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the benchmarks that are named, or all."""
    parser = _parser()
    given = parser.parse_args(arguments)
    names = given.name or list(BENCHMARKS)
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(BENCHMARKS)}")
    lines = list(measure(names, Size(repeat=given.repeat), _say))
    machine = _machine()
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table_of(lines))
    print(f"{machine}; median (lowest … highest) of {given.repeat} runs after one to warm up")
    if given.json is not None:
        told = {"machine": machine, "repeat": given.repeat, "lines": as_json(lines)}
        given.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures, and prints every figure beside its floor: the least that the same "
        "work could take, measured in the same minutes.",
    )
    parser.add_argument("name", nargs="*", help=f"of {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="measured runs of each")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    return parser


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _machine() -> str:
    load = ", ".join(f"{part:.1f}" for part in os.getloadavg())
    return f"Python {platform.python_version()}, {os.cpu_count()} processors, load {load}"


def table_of(lines: Iterable[Line]) -> Table:
    """The lines as a table to print."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("what", "figure", "floor"):
        table.add_column(name, no_wrap=name == "what")
    table.add_column("×", justify="right")
    for name in ("goal", "the floor is"):
        table.add_column(name)
    for line in lines:
        times = "" if line.times is None else f"{line.times:.1f}"
        shown = (_shown(line.figure, line.unit), _shown(line.floor, line.unit))
        table.add_row(line.name, *shown, times, _goal(line), line.floor_is)
    return table


def _shown(spread: Spread, unit: str) -> str:
    if spread.low == spread.high:
        return f"{spread.median:g} {unit}"
    figure, low, high = (f"{value:.3g}" for value in (spread.median, spread.low, spread.high))
    return f"{figure} {unit} ({low} … {high})"


def _goal(line: Line) -> str:
    return line.goal if line.is_met in (None, True) else f"{line.goal} MISSED"


if __name__ == "__main__":
    main()
