"""A store that is pruned once a week: the day of the week on which it is asked decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest

from planner.forecast import engine
from planner.forecast.engine import FanPaths
from planner.forecast.paths import Floats
from planner.forecast.steps import Flags
from planner.forecast.weekdays import steadied
from planner.runway import Passage, first_passage

AS_OF = date(2026, 11, 30)
PHASES = range(7)
NOW, GROWTH, SAWTOOTH = 34.5, 10 / 1024, 3.0  # TiB; TiB a day
HORIZON = 730


def means(days: int, pruned_days_ago: float) -> Floats:
    """The mean of each day of a store that grows, and that fills and is pruned every week."""
    ago = np.arange(days * 24, 0, -1) / 24
    filled = SAWTOOTH * (((pruned_days_ago - ago) / 7) % 1.0)
    return np.asarray((NOW - GROWTH * ago + filled).reshape(days, 24).mean(axis=1))


def as_kept(pruned_days_ago: int) -> tuple[Floats, Flags]:
    """What a platform keeps of it: means over weeks, then days; and which are means over weeks.

    Of five weeks in between there are the polls alone, of the moment after pruning.
    """
    daily = means(364, pruned_days_ago)
    kept, coarse = np.full(364, np.nan), np.zeros(364, dtype=bool)
    kept[3:-70:7] = daily[:-70].reshape(-1, 7).mean(axis=1)
    coarse[3:-70:7] = True
    kept[-35:] = daily[-35:]
    for day in range(-70 + (7 - pruned_days_ago) % 7, -35, 7):
        kept[day] = NOW + GROWTH * day
    kept[-35] = np.mean([NOW - 35 * GROWTH, kept[-35]])  # a poll counted for half of a day
    return kept, coarse


def foreseen(series: Sequence[Floats], coarse: Sequence[Flags] | None = None) -> FanPaths:
    block = np.stack(series).astype(np.float32)
    means_over_weeks = None if coarse is None else np.stack(coarse)
    return engine.forecast(
        block, origin=AS_OF, horizon_days=HORIZON, seed=1, samples=100, coarse=means_over_weeks
    )


def passages(paths: FanPaths, usable: float) -> tuple[Passage, ...]:
    return first_passage(paths, np.full((paths.series, HORIZON + 1), usable))


@pytest.mark.parametrize("days", [60, 180, 364])
def test_the_phase_moves_no_date_by_more_than_its_week(days: int) -> None:
    found = passages(foreseen([means(days, phase) for phase in PHASES]), usable=39.0)
    for told in ("conservative", "base"):
        dates = [getattr(passage, told) for passage in found]
        assert None not in dates
        assert max(dates) - min(dates) <= 7


def test_of_what_a_platform_keeps_the_phase_moves_no_date_either() -> None:
    series, coarse = zip(*(as_kept(phase) for phase in PHASES), strict=True)
    paths = foreseen(series, coarse)
    assert paths.last == pytest.approx(NOW + SAWTOOTH / 2, abs=0.1)
    truth = (39.0 - NOW - SAWTOOTH * 13 / 14) / GROWTH  # the fullest day's mean
    for passage in passages(paths, usable=39.0):
        assert passage.base == pytest.approx(truth, abs=25)
        assert passage.conservative is not None
        assert passage.conservative > 0.6 * truth
    assert all(passage.conservative is None for passage in passages(paths, usable=48.0))


@pytest.mark.parametrize("phase", PHASES)
def test_a_last_day_that_was_measured_in_part_is_no_growth(phase: int) -> None:
    whole = means(180, phase)
    part = whole.copy()
    part[-1] += SAWTOOTH / 2
    [expected, found] = foreseen([whole, part]).last
    assert found == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("phase", [0, 3])
def test_what_moved_in_a_month_ago_is_still_there(phase: int) -> None:
    plain = means(180, phase)
    more = plain + np.where(np.arange(180) >= 150, 2.0, 0.0)
    [before, after] = foreseen([plain, more]).last
    assert after - before == pytest.approx(2.0, abs=0.1)


def test_where_the_week_is_not_what_moves_it_nothing_changes() -> None:
    random = np.random.default_rng(3)
    plain = 1000 + random.normal(1, 5, (4, 120)).cumsum(axis=1)
    plain[1, 40:60] = np.nan
    profile = random.normal(0, 3, (4, 7))
    assert np.array_equal(steadied(plain, ~np.isnan(plain), profile), plain, equal_nan=True)
