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
_PADDING_MM = 0.75
_CHARACTERS_OF_A_LINE = 115  # of some 122 of middling width
_CHARACTERS_OF_AN_ITEM = 120  # it has the width for itself
_SAFETY_MM = 4.0


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of the page: the heights of its rows, the most important first."""

    rows_mm: Sequence[float]
    least: int  # so many fit whatever else the page says
    most: int
    first: int = 0  # so many come before any other list gets more than its least

    def height_mm(self, shown: int) -> float:
        """What the first rows take."""
        return sum(self.rows_mm[:shown])


def row_mm(cells: Sequence[str]) -> float:
    """What a row of a table takes, whose cells share the width as their texts need it."""
    characters = sum(len(cell) + 1 for cell in cells)
    return max(1, ceil(characters / _CHARACTERS_OF_A_LINE)) * LINE_MM + _PADDING_MM


def text_mm(text: str) -> float:
    """What a paragraph or an item takes."""
    return max(1, ceil(len(text) / _CHARACTERS_OF_AN_ITEM)) * LINE_MM


def shares(lists: Mapping[str, Listed], *, beside_mm: float) -> dict[str, int]:
    """How many rows of each list to print beside all else on the sheet.

    Every list gets its least, then what comes first; then, in their order and round by round,
    each one more that fits.
    """
    shown = {name: min(listed.least, len(listed.rows_mm)) for name, listed in lists.items()}
    taken = beside_mm + sum(listed.height_mm(shown[name]) for name, listed in lists.items())
    left = SHEET_MM - _SAFETY_MM - taken
    for ends in ({name: listed.first for name, listed in lists.items()}, None):
        has_grown = True
        while has_grown:
            has_grown = False
            for name, listed in lists.items():
                end = min(listed.most, len(listed.rows_mm))
                if shown[name] >= (end if ends is None else min(end, ends[name])):
                    continue
                if listed.rows_mm[shown[name]] <= left:
                    left -= listed.rows_mm[shown[name]]
                    shown[name] += 1
                    has_grown = True
    return shown
