"""Our forecasters and public ones by one benchmark, in one run: ``python -m bench.baselines``.

The benchmark is a program that is called as bench/forecast_adapter.py says and writes one row of
figures per group with ``--out``. Public models want an environment of their own (statsforecast
needs pandas below 3): --environment names a folder, and what is not there is installed into it.
Everything is run in it, one after the other, so that speeds can be compared.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

_HERE = Path(__file__).parent
_NEEDS = ("pandas<3", "pyarrow", "scipy", "statsforecast==2.1.1")
OURS: Mapping[str, str] = {
    "together, first passage": "forecast_adapter:forecaster",
    "together, middle": "forecast_adapter:middle",
    "growth model alone": "forecast_adapter:growth_model",
    "bootstrap alone": "forecast_adapter:bootstrap",
    "mean drift alone": "forecast_adapter:mean_drift",
    "middle month alone": "forecast_adapter:middle_month",
}
OUR_LOADS: Mapping[str, str] = {"engine for loads": "forecast_adapter:loads"}
PUBLIC: Mapping[str, str] = {
    "Brownian motion with drift": "public_forecasters:brownian_with_drift",
    "AutoCES": "public_forecasters:auto_ces",
    "AutoTheta": "public_forecasters:auto_theta",
    "DynamicOptimizedTheta": "public_forecasters:dynamic_theta",
    "AutoETS": "public_forecasters:auto_ets",
    "Holt": "public_forecasters:holt",
    "straight line, 30 days": "public_forecasters:line_of_a_month",
    "straight line": "public_forecasters:line",
    "last season's values": "public_forecasters:last_season",
    "last value": "public_forecasters:last_value",
}
_GROWTH = (
    ("runway error", "rw_all", "{:.1f}"),
    ("lead", "lead14", "{:.2f}"),
    ("false", "fa", "{:.2f}"),
    ("loss", "spl", "{:.2f}"),
)
_LOADS = (("error", "mase", "{:.2f}"), ("loss", "spl", "{:.2f}"))

Figures = Mapping[str, str]  # of one forecaster and group, by column


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures all forecasters on the groups, and prints a table for each."""
    given = _parser().parse_args(arguments)
    python = environment(given.environment)
    names = {**(OUR_LOADS if given.loads else OURS), **PUBLIC}
    chosen = {name: names[name] for name in given.only or names}
    groups = ("vm_daily", "vm_hourly") if given.loads else ("git_growth", "synth_growth")
    figures = list(_measured(python, given.benchmark, given.data, chosen, given.groups or groups))
    for group in dict.fromkeys(row["group"] for row in figures):
        rows = [row for row in figures if row["group"] == group]
        print("\n".join(table(group, rows, _LOADS if given.loads else _GROWTH)))
        print()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.baselines", description=__doc__)
    parser.add_argument("benchmark", type=Path, help="the benchmark's program")
    parser.add_argument("data", type=Path, help="the folder of its data")
    parser.add_argument("--environment", type=Path, required=True, metavar="DIR")
    parser.add_argument("--loads", action="store_true", help="loads instead of growth")
    parser.add_argument("--groups", nargs="*", help="other groups of the data")
    parser.add_argument("--only", nargs="*", choices=[*OURS, *OUR_LOADS, *PUBLIC], metavar="NAME")
    return parser


def environment(folder: Path) -> Path:
    """The interpreter of an environment that has what public models need; made where it is not."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        _run([str(python), "-m", "pip", "install", "--quiet", *_NEEDS])
    return python


def _measured(
    python: Path, benchmark: Path, data: Path, chosen: Mapping[str, str], groups: Sequence[str]
) -> Iterator[Figures]:
    with tempfile.TemporaryDirectory() as folder:
        for name, forecaster in chosen.items():
            print(name, file=sys.stderr, flush=True)
            out = Path(folder) / "figures.csv"
            out.unlink(missing_ok=True)
            _run(
                [
                    str(python), str(benchmark.resolve()), str(data.resolve()), forecaster,
                    "--groups", ",".join(groups), "--name", name, "--out", str(out),
                ]
            )  # fmt: skip
            with out.open(encoding="utf-8") as file:
                yield from csv.DictReader(file)


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, cwd=_HERE, check=True, stdout=sys.stderr)


def table(
    group: str, rows: Iterable[Figures], columns: Sequence[tuple[str, str, str]]
) -> Iterator[str]:
    """The lines of a Markdown table of one group's figures."""
    yield f"| {group} | {' | '.join(head for head, _column, _form in columns)} | cover | series/s |"
    yield "|---" * (len(columns) + 3) + "|"
    for row in rows:
        cells = [form.format(float(row[column])) for _head, column, form in columns]
        cover = f"{float(row['cov80']):.2f} / {float(row['cov95']):.2f}"
        told = " | ".join([row["forecaster"], *cells, cover, f"{float(row['sps']):,.0f}"])
        yield f"| {told} |"


if __name__ == "__main__":
    main()
