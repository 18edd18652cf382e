"""Laws of the record: nothing is counted twice or lost, and widening only widens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.forecast_records import Forecast, ForecastBand, Said
from planner.forecast.ledger import AHEAD_DAYS, Measured, Track, together, track, widening_of
from planner.forecast.paths import Floats, PathBlock
from planner.forecast.widened import WidenedPaths
from planner.runway import first_passage

FIRST = date(2026, 1, 5)
DAYS = 120
LEVEL = st.floats(1.0, 200.0)


@st.composite
def forecasts(draw: st.DrawFn) -> Said:
    as_of = FIRST + timedelta(days=draw(st.integers(0, DAYS)))
    dates = sorted(draw(st.lists(st.integers(0, 300), max_size=3)))
    p10, p50, p90 = (
        (as_of + timedelta(days=day) for day in dates) if len(dates) == 3 else [None] * 3
    )
    told = Forecast(
        pool_kind="datastore", pool="san", resource="storage", model="demand", as_of=as_of,
        made_on=as_of, inputs_on=None, engine="e", policy_version="p", run_id="r",
        level=draw(LEVEL), usable_line=f"{as_of}:{draw(LEVEL)}",
        runway_reason=draw(st.sampled_from(["", "exhausted"])),
        first_over_p10=p10, first_over_p50=p50, first_over_p90=p90, order_by=None,
    )  # fmt: skip
    bands = []
    for ahead in draw(st.sets(st.sampled_from(AHEAD_DAYS))):
        quantiles = sorted(draw(st.lists(LEVEL, min_size=5, max_size=5)))
        names = ("p2_5", "p10", "p50", "p90", "p97_5")
        bands.append(
            ForecastBand(
                ahead_days=ahead,
                widened=draw(st.sampled_from([1.0, 2.0])),
                **dict(zip(names, quantiles, strict=True)),
            )
        )
    return Said(told, tuple(bands))


@st.composite
def pasts(draw: st.DrawFn) -> Measured:
    count = draw(st.integers(1, 2 * DAYS))
    values = draw(st.lists(LEVEL | st.just(float("nan")), min_size=count, max_size=count))
    coarse = np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    return Measured(FIRST + timedelta(days=count), np.array(values), coarse)


tracks = st.builds(track, st.lists(forecasts(), max_size=8), pasts())


@settings(max_examples=50)
@given(st.lists(tracks, max_size=4))
def test_the_counts_of_a_fleet_are_the_sums_of_its_pools(pools: list[Track]) -> None:
    for ahead in AHEAD_DAYS:
        parts = [pool.tally(ahead) for pool in pools]
        fleet = together(parts)
        for name in ("said", "scored", "in_80", "in_95", "apart"):
            assert getattr(fleet, name) == sum(getattr(part, name) for part in parts)
        errors = [part.wape for part in parts if part.wape is not None]
        assert (fleet.wape is None) == (not errors)
        if fleet.wape is not None:
            assert min(errors) - 1e-9 <= fleet.wape <= max(errors) + 1e-9


@settings(max_examples=50)
@given(tracks)
def test_every_forecast_is_scored_once_at_most_and_bands_are_nested(found: Track) -> None:
    for ahead in AHEAD_DAYS:
        told = found.tally(ahead)
        assert told.in_80 <= told.in_95 <= told.scored <= told.said
        assert told.apart <= told.scored
        if told.wape is not None and told.bias_percent is not None:
            assert abs(told.bias_percent) <= told.wape + 1e-9
    assert len(found.crossings) == sum(
        one.forecast.runway_reason != "exhausted" for one in found.said
    )


@settings(max_examples=50)
@given(st.lists(forecasts(), max_size=8), pasts(), st.integers(1, 60))
def test_what_comes_later_changes_no_score(said: list[Said], past: Measured, cut: int) -> None:
    """Scores are only added as days go by; a date once met stays met."""
    kept = max(1, len(past.values) - cut)
    earlier = Measured(
        past.as_of - timedelta(days=len(past.values) - kept),
        past.values[:kept], np.zeros(kept, dtype=bool),
    )  # fmt: skip
    whole = Measured(past.as_of, past.values, np.zeros(len(past.values), dtype=bool))
    before, after = track(said, earlier), track(said, whole)
    assert set(_keys(before)) <= set(_keys(after))
    met = [one for one in before.crossings if one.came_on is not None]
    assert all(any(one == other for other in after.crossings) for one in met)


def _keys(found: Track) -> list[tuple[date, int, float]]:
    return [(score.on, score.band.ahead_days, score.came) for score in found.levels]


@settings(max_examples=50)
@given(tracks)
def test_a_band_is_never_narrowed(found: Track) -> None:
    widening = widening_of(found, "e")
    assert all(1.0 <= factor <= 4.0 for factor in widening.factors)
    assert (widening.on(np.arange(731.0)) >= 1.0).all()


class Given:
    """Paths as they are given."""

    def __init__(self, paths: Floats) -> None:
        self._paths = paths
        self.series, self.horizon_days = len(paths), paths.shape[2] - 1
        self.growth_significant = np.zeros(len(paths), dtype=bool)

    def blocks(self) -> Iterator[PathBlock]:
        yield PathBlock(0, self._paths)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(1.0, 4.0), st.floats(20.0, 80.0))
def test_wider_paths_have_the_same_middle_and_their_bands_contain_the_others(
    seed: int, factor: float, usable: float
) -> None:
    random = np.random.default_rng(seed)
    paths = 10 + random.normal(0.3, 1.0, (2, 41, 60)).cumsum(axis=2)
    plain = Given(np.maximum(paths, 0.0))
    factors = np.stack([np.full(60, factor), np.ones(60)])
    limit = np.full((2, 60), usable)
    before = first_passage(plain, limit)
    after = first_passage(WidenedPaths(plain, factors), limit)
    assert np.allclose(before[0].level, after[0].level)
    known = slice(0, 3)  # 7, 14 and 30 days ahead
    assert (after[0].bands[known, :2] <= before[0].bands[known, :2] + 1e-9).all()
    assert (after[0].bands[known, 3:] >= before[0].bands[known, 3:] - 1e-9).all()
    assert np.array_equal(before[1].bands, after[1].bands, equal_nan=True)
