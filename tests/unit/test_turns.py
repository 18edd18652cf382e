"""How sources share the time in which a collect goes on reading their history."""

from __future__ import annotations

import pytest

from lumbung.commands.collecting import turn_seconds


@pytest.mark.parametrize(
    ("left", "sources", "seconds"),
    [
        (40.0, 1, 40.0),
        (40.0, 4, 10.0),
        (40.0, 100, 5.0),  # never so short that nothing comes of it
        (3.0, 2, 3.0),
        (0.0, 2, 0.0),
        (-1.0, 2, 0.0),
    ],
)
def test_the_first_of_the_sources_takes_an_equal_part(
    left: float, sources: int, seconds: float
) -> None:
    assert turn_seconds(left, sources) == seconds
