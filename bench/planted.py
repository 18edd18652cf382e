"""How many of the demo city's planted risks are found, and how much else is.

``python -m bench.planted [DIR]`` says it of the demo that ran in DIR, or of a new one.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

Named = tuple[str, str]  # a rule, and the name of what it is about
# What a rule says of the program is true of where it runs, not of the city.
_PROGRAM = "lumbung"


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What was found beside what was planted."""

    found: frozenset[Named]
    planted: frozenset[Named]

    @property
    def precision(self) -> float:
        """The share of what was found that was planted; 1 when nothing was found."""
        return len(self.found & self.planted) / len(self.found) if self.found else 1.0

    @property
    def recall(self) -> float:
        """The share of what was planted that was found."""
        return len(self.found & self.planted) / len(self.planted)

    def __str__(self) -> str:
        shares = f"precision {self.precision:.1%}, recall {self.recall:.1%}"
        lines = [f"{len(self.planted)} planted, {len(self.found)} found: {shares}"]
        lines += [f"missed: {rule} {name}" for rule, name in sorted(self.planted - self.found)]
        lines += [f"not planted: {rule} {name}" for rule, name in sorted(self.found - self.planted)]
        return "\n".join(lines)


def accuracy(risks_csv: Path) -> Accuracy:
    """How a report's risks.csv compares to the city's answer key."""
    key = yaml.safe_load(files("lab.city").joinpath("answer_key.yaml").read_text("utf-8"))
    with risks_csv.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["outcome"] == "risk"]
    found = {(row["rule"], named(row["subject"])) for row in rows if not row["waiver"]}
    return Accuracy(
        frozenset((rule, name) for rule, name in found if name != _PROGRAM),
        frozenset((entry["rule"], entry["subject"]) for entry in key["risks"]),
    )


def named(subject: str) -> str:
    """A subject of risks.csv as the answer key names it: the guest of a disk, without its id."""
    return subject.partition(" (")[0]


def main(arguments: Sequence[str]) -> None:
    """Prints it, of a demo that ran or of a new one."""
    with TemporaryDirectory() as temporary:
        folder = Path(arguments[0]) if arguments else Path(temporary) / "city"
        if not arguments:
            subprocess.run(
                [sys.executable, "-m", "lumbung", "demo", str(folder)],
                check=True,
                stdout=subprocess.DEVNULL,
            )
        print(accuracy(folder / "weekly" / "latest" / "risks.csv"))


if __name__ == "__main__":
    main(sys.argv[1:])
