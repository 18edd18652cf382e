"""What of a page's lists fits one sheet of A4: each has its least, the rest is shared out.

The heights are those of the brief's style, guessed from the length of the texts and guessed
high: a browser that breaks a line later than expected leaves a strip white, and no second page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

SHEET_MM = 277.0  # A4 less its margins
LINE_MM = 3.9
_PADDING_MM = 0.8
_CHARACTERS_OF_A_LINE = 115  # of some 122 of middling width
_SAFETY_MM = 4.0


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of the page: the cells of its rows as they are printed, the most important first."""

    rows: Sequence[Sequence[str]]
    least: int  # so many fit whatever else the page says
    most: int

    def height_mm(self, shown: int) -> float:
        """What the first rows take."""
        return sum(row_mm(row) for row in self.rows[:shown])


def row_mm(cells: Sequence[str]) -> float:
    """What a row of a table takes, whose cells share the width as their texts need it."""
    characters = sum(len(cell) + 1 for cell in cells)
    return max(1, ceil(characters / _CHARACTERS_OF_A_LINE)) * LINE_MM + _PADDING_MM


def shares(lists: Mapping[str, Listed], *, beside_mm: float) -> dict[str, int]:
    """How many rows of each list to print beside all else on the sheet.

    Every list gets its least; then, in their order and round by round, each one more that fits.
    """
    shown = {name: min(listed.least, len(listed.rows)) for name, listed in lists.items()}
    taken = beside_mm + sum(listed.height_mm(shown[name]) for name, listed in lists.items())
    left = SHEET_MM - _SAFETY_MM - taken
    has_grown = True
    while has_grown:
        has_grown = False
        for name, listed in lists.items():
            if shown[name] >= min(listed.most, len(listed.rows)):
                continue
            needs = row_mm(listed.rows[shown[name]])
            if needs <= left:
                shown[name] += 1
                left -= needs
                has_grown = True
    return shown
