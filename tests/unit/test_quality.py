"""How far the past can be trusted: gaps, days left out, and what adds up."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from lumbung.files import load_estate
from lumbung.settings import SettingsError
from planner.owners import EstateFile, Exclusion
from planner.quality import applying, gaps, is_out_of_line, reconciled, without
from planner.series import HISTORY_DAYS, DailySeries

AS_OF = date(2026, 11, 23)


def series(*missing: int) -> DailySeries:
    """Ninety days; ``missing`` are days back from as_of that no sample covers."""
    values = np.full(HISTORY_DAYS, np.nan)
    covered = np.zeros(HISTORY_DAYS)
    values[-90:], covered[-90:] = 1000.0, 86_400.0
    for back in missing:
        values[-back], covered[-back] = np.nan, 0.0
    return DailySeries(AS_OF, values, values.copy(), covered)


def exclusion(first: str, last: str, **more: str) -> Exclusion:
    given = {"pool": "c1", "reason": "restore", "author": "Diskominfo"} | more
    return Exclusion.model_validate(given | {"from": first, "to": last})


def back(days: int) -> date:
    return AS_OF - timedelta(days=days)


def test_gaps_are_the_days_without_a_sample_since_the_first() -> None:
    assert gaps(series()) == ()
    assert gaps(series(1, 10, 11, 12)) == ((back(12), back(10)), (back(1), back(1)))


def test_a_pool_that_was_never_measured_has_no_gaps() -> None:
    nothing = np.full(HISTORY_DAYS, np.nan)
    assert gaps(DailySeries(AS_OF, nothing, nothing, np.zeros(HISTORY_DAYS))) == ()


def test_days_left_out_teach_nothing_and_stay_in_the_history() -> None:
    found = without(series(), [exclusion("2026-11-10", "2026-11-12")])
    assert np.isnan(found.trend[-13:-10]).all()
    assert int(np.isnan(found.trend[-90:]).sum()) == 3
    assert not np.isnan(found.values[-90:]).any()
    assert found.history_days == 90
    assert found.flags == ("days_excluded:3",)


def test_an_exclusion_beyond_the_history_changes_nothing() -> None:
    whole = series()
    for first, last in (("2020-01-01", "2020-12-31"), ("2027-01-01", "2027-01-02")):
        assert without(whole, [exclusion(first, last)]) is whole


def test_an_exclusion_speaks_of_its_pool_or_source_only() -> None:
    by_pool, by_source = exclusion("2026-11-10", "2026-11-12"), exclusion(
        "2026-11-10", "2026-11-12", pool="", source="north"
    ).model_copy(update={"pool": None})  # fmt: skip
    both = [by_pool, by_source]
    assert applying(both, {"c1"}.__contains__, ["south"]) == (by_pool,)
    assert applying(both, {"c2"}.__contains__, ["north", "south"]) == (by_source,)


@pytest.mark.parametrize(
    ("exclusions", "message"),
    [
        (
            [("2026-11-12", "2026-11-10", "c1")],
            "ends on 2026-11-10, before it begins on 2026-11-12",
        ),
        (
            [("2026-11-01", "2026-11-10", "c1"), ("2026-11-10", "2026-11-12", "c1")],
            "overlap for c1",
        ),
        ([("2026-11-01", "2026-11-10", None)], "needs a pool or a source"),
    ],
)
def test_an_impossible_exclusion_is_refused(
    exclusions: list[tuple[str, str, str | None]], message: str
) -> None:
    given = [
        {"pool": pool, "from": first, "to": last, "reason": "x", "author": "y"}
        for first, last, pool in exclusions
    ]
    with pytest.raises(ValidationError, match=message):
        EstateFile.model_validate({"version": 1, "exclusions": given})


def test_the_later_of_two_that_overlap_is_told_with_its_line(tmp_path: Path) -> None:
    day = "{pool: c1, from: 2026-11-0%d, to: 2026-11-09, reason: x, author: y}"
    file = tmp_path / "estate.yaml"
    file.write_text(f"version: 1\nexclusions:\n  - {day % 1}\n  - {day % 5}\n")
    with pytest.raises(SettingsError, match=r"estate\.yaml:4: exclusions\.1: .* overlap for c1$"):
        load_estate(file)


def test_exclusions_of_different_pools_may_overlap() -> None:
    given = [
        {"pool": pool, "from": "2026-11-01", "to": "2026-11-10", "reason": "x", "author": "y"}
        for pool in ("a", "b")
    ]
    assert len(EstateFile.model_validate({"exclusions": given}).exclusions) == 2


def test_what_guests_account_for_is_held_against_the_whole() -> None:
    found = reconciled(200.0, [100.0, 50.0])
    assert found is not None
    assert (found.accounted, found.unexplained_percent, found.unmeasured) == (150, 25, 0)
    assert is_out_of_line(found, 20)
    assert not is_out_of_line(found, 25)


def test_more_than_the_whole_is_out_of_line_as_well() -> None:
    found = reconciled(100.0, [150.0])
    assert found is not None
    assert found.unexplained_percent == -50
    assert is_out_of_line(found, 30)


def test_what_is_not_measured_is_not_out_of_line() -> None:
    assert reconciled(None, [1.0]) is None
    assert reconciled(5.0, [None, None]) is None
    found = reconciled(200.0, [10.0, None])
    assert found is not None
    assert found.unmeasured == 1
    assert not is_out_of_line(found, 20)
    assert not is_out_of_line(None, 20)
