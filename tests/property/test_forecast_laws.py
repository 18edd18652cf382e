"""What holds of every expert, and of all together, whatever the series."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.forecast import engine, seasonal
from planner.forecast.calendar import Calendar
from planner.forecast.engine import EXPERTS, USUAL, Calibration, FanPaths
from planner.forecast.paths import Floats
from planner.forecast.spikes import without_spikes
from planner.forecast.traits import year_of

AS_OF = date(2026, 11, 23)
HORIZON = 120
ROUNDED = 2.0  # levels are near 100,000, and the network adds in 32 bits
SHARES = np.array([0.025, 0.1, 0.5, 0.9, 0.975])
ENGINES = {**{name: Calibration.of_one(name) for name in EXPERTS}, "together": USUAL}

every_engine = pytest.mark.parametrize("told", ENGINES.values(), ids=list(ENGINES))
few = settings(deadline=None, max_examples=12)


@st.composite
def histories(draw: st.DrawFn) -> Floats:
    """Growth, noise, lumps, steps and gaps, far above zero."""
    days = draw(st.integers(20, 400))
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    values = 1e5 + draw(st.floats(-20, 40)) * np.arange(days)
    values = values + draw(st.sampled_from([0.0, 5.0, 100.0])) * random.standard_normal(days)
    values = values + (random.exponential(300, days) * (random.random(days) < 0.1)).cumsum()
    for _step in range(draw(st.integers(0, 2))):
        values = values + draw(st.floats(-8000, 8000)) * (np.arange(days) >= random.integers(days))
    values[random.random(days) < draw(st.sampled_from([0.0, 0.2]))] = np.nan
    values[-3:] = np.round(1e5 + 20 * days + 50 * random.standard_normal(3))
    return np.round(values)


def forecast(
    told: Calibration, *series: Floats, horizon: int = HORIZON, samples: int = 60
) -> FanPaths:
    longest = max(map(len, series))
    block = np.full((len(series), longest), np.nan)
    for row, values in enumerate(series):
        block[row, longest - len(values) :] = values
    return engine.forecast(
        block.astype(np.float32),
        origin=AS_OF,
        horizon_days=horizon,
        seed=3,
        samples=samples,
        calibration=told,
    )


def bands(found: FanPaths) -> Floats:
    return np.concatenate([part.paths for part in found.bands(SHARES)])


def paths(found: FanPaths) -> Floats:
    return np.concatenate([part.paths for part in found.blocks()])


@every_engine
@few
@given(histories())
def test_quantiles_are_ordered(told: Calibration, values: Floats) -> None:
    assert (np.diff(bands(forecast(told, values)), axis=1) >= -1e-6).all()


@every_engine
@few
@given(st.floats(0, 1e6), st.integers(14, 500))
def test_what_never_moved_stays(told: Calibration, level: float, days: int) -> None:
    found = forecast(told, np.full(days, level))
    assert bands(found) == pytest.approx(np.full((1, 5, HORIZON + 1), np.float32(level)))
    assert not found.growth_significant[0]


@every_engine
@few
@given(histories(), st.integers(-8, 12))
def test_another_unit_gives_the_same_forecast(
    told: Calibration, values: Floats, power: int
) -> None:
    factor = 2.0**power
    plain, scaled = forecast(told, values), forecast(told, values * factor)
    assert bands(scaled) / factor == pytest.approx(bands(plain), abs=ROUNDED)


@every_engine
@few
@given(histories(), st.integers(1, 40))
def test_a_higher_level_moves_in_the_same_way(
    told: Calibration, values: Floats, thousands: int
) -> None:
    shift = 1000.0 * thousands
    plain, higher = (year_of(part[None, :]) for part in (values, values + shift))
    assert engine.fan_of(higher, 3, told) == pytest.approx(
        engine.fan_of(plain, 3, told), rel=1e-3, abs=1e-3
    )


@every_engine
@few
@given(histories(), st.integers(1, 60))
def test_a_forecast_knows_nothing_of_later_days(
    told: Calibration, values: Floats, later: int
) -> None:
    """What is behind the view that it is given, in the same memory, is not read."""
    told_of: list[Floats] = []
    for unknown in (0.0, 9e6):
        whole = np.concatenate([values, np.full(later, unknown)])[None, :].astype(np.float32)
        past = whole[:, : len(values)]
        found = engine.forecast(
            past, origin=AS_OF, horizon_days=HORIZON, seed=3, samples=60, calibration=told
        )
        told_of.append(bands(found))
    assert np.array_equal(*told_of)


@every_engine
@few
@given(histories())
def test_the_same_in_the_same_out(told: Calibration, values: Floats) -> None:
    assert np.array_equal(paths(forecast(told, values)), paths(forecast(told, values)))


@every_engine
@few
@given(histories(), st.integers(5, HORIZON - 1))
def test_a_shorter_horizon_is_the_beginning_of_a_longer_one(
    told: Calibration, values: Floats, shorter: int
) -> None:
    short, long = forecast(told, values, horizon=shorter), forecast(told, values)
    assert bands(short) == pytest.approx(bands(long)[:, :, : shorter + 1])
    assert paths(short) == pytest.approx(paths(long)[:, :, : shorter + 1])


@every_engine
@few
@given(st.lists(histories(), min_size=2, max_size=4))
def test_a_series_is_forecast_the_same_alone_and_among_others(
    told: Calibration, many: list[Floats]
) -> None:
    together = bands(forecast(told, *many))
    backwards = bands(forecast(told, *many[::-1]))[::-1]
    assert backwards == pytest.approx(together, abs=ROUNDED)
    alone = bands(forecast(told, many[0]))[0]
    assert alone == pytest.approx(together[0], abs=ROUNDED)


@few
@given(histories())
def test_the_paths_follow_the_bands(values: Floats) -> None:
    found = forecast(USUAL, values, samples=400)
    drawn = np.quantile(paths(found)[0], SHARES, axis=0)
    wide = bands(found)[0]
    assert np.abs(drawn - wide).max() <= 0.05 * (wide[-1] - wide[0]).max() + 1e-6


# The engine for loads

FREE = Calendar(
    frozenset(AS_OF + timedelta(days=day) for day in (-200, -150, -110, -60, -40, 2, 60)), 2
)


def loads(values: Floats, horizon: int = HORIZON) -> Floats:
    found = seasonal.forecast(
        values[None, :].astype(np.float32), origin=AS_OF, horizon_days=horizon, seed=3, samples=60,
        calendar=FREE,
    )  # fmt: skip
    return np.concatenate([part.paths for part in found.blocks()])


def same_events(one: Floats, other: Floats) -> bool:
    """Whether steps and spikes are on the same days: a twentieth of the level makes one."""
    block = np.stack([one, other])
    missing = np.isnan(without_spikes(block))
    steps = seasonal.forecast(
        block.astype(np.float32), origin=AS_OF, horizon_days=1, seed=3, calendar=FREE
    ).steps
    days = [steps.day[steps.series == series].tolist() for series in (0, 1)]
    return np.array_equal(*missing) and days[0] == days[1]


@few
@given(histories(), st.integers(-8, 12), st.integers(1, 40))
def test_loads_have_no_unit_and_no_zero(values: Floats, power: int, thousands: int) -> None:
    plain, factor = loads(values), 2.0**power
    assert loads(values * factor) / factor == pytest.approx(plain, rel=1e-6, abs=ROUNDED)
    if plain.min() > 0 and same_events(values, values + 1000 * thousands):
        assert loads(values + 1000 * thousands) - 1000 * thousands == pytest.approx(
            plain, rel=1e-6, abs=ROUNDED
        )


@few
@given(st.floats(0, 1e6), st.integers(14, 500))
def test_a_load_that_never_moved_stays(level: float, days: int) -> None:
    assert loads(np.full(days, level)) == pytest.approx(
        np.full((1, 60, HORIZON + 1), level), rel=1e-6
    )


@few
@given(histories(), st.integers(5, HORIZON - 1))
def test_a_shorter_horizon_of_a_load_is_the_beginning_of_a_longer_one(
    values: Floats, shorter: int
) -> None:
    assert np.array_equal(loads(values, shorter), loads(values)[:, :, : shorter + 1])
    assert np.array_equal(loads(values), loads(values))


@few
@given(histories(), st.integers(1, 60))
def test_a_load_is_foreseen_without_later_days(values: Floats, later: int) -> None:
    told_of: list[Floats] = []
    for unknown in (0.0, 9e6):
        whole = np.concatenate([values, np.full(later, unknown)])
        told_of.append(loads(whole[: len(values)]))
    assert np.array_equal(told_of[0], told_of[1])


# A straight past


@few
@given(
    st.integers(10, 60).flatmap(lambda rate: st.sampled_from([rate, -rate])), st.integers(60, 400)
)
def test_a_straight_past_goes_on_within_a_narrow_band(growth: int, days: int) -> None:
    values = np.round(1e6 + growth * np.arange(days))
    found = bands(forecast(USUAL, values))[0]
    ahead = np.arange(1, HORIZON + 2)
    assert found[2] == pytest.approx(values[-1] + growth * ahead, abs=2 + 0.02 * abs(growth) * 120)
    assert (found[3] - found[1]).max() <= 4 + 0.1 * abs(growth) * HORIZON


# Whatever a history is


def _hostile() -> dict[str, Floats]:
    random = np.random.default_rng(2)
    year = 1000 + np.arange(365) + 5 * random.standard_normal(365)
    found = {f"{days} days": year[:days] for days in range(14)}
    found |= {f"times {scale}": year * scale for scale in (1e18, 1e30, 1e-9, 1e-30)}
    found |= {f"always {level}": np.full(365, level) for level in (0.0, 3e18, 3e-9)}
    found["nothing known"] = np.full(100, np.nan)
    found["two known"] = np.where(np.isin(np.arange(365), (300, 364)), year, np.nan)
    found["known until a month ago"] = np.where(np.arange(365) < 335, year, np.nan)
    found["known since two months"] = np.where(np.arange(365) < 305, np.nan, year)
    found["a wrong reading"] = np.where(np.arange(365) == 200, 1e9, year)
    found["a wrong reading last"] = np.where(np.arange(365) == 364, 1e9, year)
    found["a counter that was reset"] = np.where(np.arange(365) < 250, year, year - year[250])
    found["a percentage near its end"] = np.minimum(100, 95 + random.standard_normal(365))
    found["on and off"] = 1000.0 * (np.arange(365) % 2)
    return found


HOSTILE = _hostile()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_history_keeps_the_laws(name: str) -> None:
    values = HOSTILE[name]
    known = int((~np.isnan(values)).sum())
    told = [bands(forecast(engine_alone, values)) for engine_alone in ENGINES.values()]
    quantiles = np.quantile(loads(values), SHARES, axis=1).transpose(1, 0, 2)
    for found, fewest in [*((bands_of, 3) for bands_of in told), (quantiles, 2)]:
        assert np.isnan(found).all() == (known < fewest)
        assert np.isnan(found).all() or np.isfinite(found).all()
        sized = np.nan_to_num(found)
        assert (sized >= 0).all()
        assert (np.diff(sized, axis=1) >= -1e-9 * sized.max(initial=0)).all()
