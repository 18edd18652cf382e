"""The ledger of forecasts: what was said, held against what came, by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from inventory.forecast_records import Forecast, Said
from inventory.forecasts import remember_forecasts, said_between
from inventory.history import forget
from planner.forecast.ledger import (
    AHEAD_DAYS,
    NOT_WIDENED,
    CrossingScore,
    Measured,
    Tally,
    Widening,
    holds,
    line_text,
    together,
    track,
    usable_line,
    widening_of,
)
from said import DAY, MARCH, band, forecast
from stored import Book


def measured(first: date, values: Sequence[float], coarse: Sequence[int] = ()) -> Measured:
    marks = np.zeros(len(values), dtype=bool)
    marks[list(coarse)] = True
    return Measured(first + len(values) * DAY, np.array(values, dtype=np.float64), marks)


def straight(first: date, days: int, level: float, growth: float) -> Measured:
    return measured(first, list(level + growth * np.arange(days)))


# Levels


def test_errors_and_coverage_are_those_of_worked_example_29() -> None:
    said = [
        Said(forecast(MARCH + i * DAY), (band(7, middle),))
        for i, middle in enumerate((104.0, 108.0, 126.0, 128.0))
    ]
    came = measured(MARCH + 7 * DAY, [100, 110, 120, 130])
    told = track(said, came).tally(7)
    assert (told.said, told.scored, told.in_80, told.in_95) == (4, 4, 4, 4)
    assert told.wape == pytest.approx(3.043, abs=0.001)
    assert told.bias_percent == pytest.approx(100 * 6 / 460)


@pytest.mark.parametrize(
    ("came", "in_80", "in_95"),
    [(110.0, 1, 1), (110.2, 0, 1), (120.0, 0, 1), (120.2, 0, 0), (90.0, 1, 1), (79.9, 0, 0)],
)
def test_the_edge_of_a_band_belongs_to_it(came: float, in_80: int, in_95: int) -> None:
    told = track([Said(forecast(), (band(7),))], measured(MARCH + 7 * DAY, [came])).tally(7)
    assert (told.in_80, told.in_95) == (in_80, in_95)


def test_what_no_measurement_tells_apart_is_no_miss() -> None:
    """A thousandth of the level: a straight line of a band is not wrong by a rounding."""
    for came, within in ((100.09, 1), (99.91, 1), (100.11, 0)):
        told = track([Said(forecast(), (band(7, half=0.0),))], measured(MARCH + 7 * DAY, [came]))
        assert told.tally(7).in_80 == within


def test_a_day_that_is_not_over_or_was_not_measured_is_not_scored() -> None:
    said = [Said(forecast(), (band(7), band(14)))]
    came = measured(MARCH, [*[100.0] * 7, float("nan"), 100.0])
    found = track(said, came)
    assert [found.tally(ahead).scored for ahead in (7, 14)] == [0, 0]
    assert found.tally(7) == Tally(said=1)


def test_between_weekly_means_a_level_is_straight_and_other_gaps_stay_gaps() -> None:
    nan = float("nan")
    values = [nan, 90.0, *[nan] * 6, 104.0, nan, nan, 110.0, nan, 112.0]
    came = measured(MARCH, values, coarse=[1, 8])
    told = [came.on(MARCH + i * DAY) for i in (1, 2, 5, 8, 10, 12)]
    assert told == pytest.approx([90.0, 92.0, 98.0, 104.0, 108.0, None])
    assert came.on(MARCH) is None
    assert came.on(MARCH - DAY) is None
    far = measured(MARCH, [90.0, *[nan] * 7, 104.0], coarse=[0, 8])
    assert far.on(MARCH + DAY) is None


def test_forecasts_apart_share_no_day_of_their_future() -> None:
    said = [Said(forecast(MARCH + 7 * i * DAY), (band(7), band(30))) for i in range(10)]
    found = track(said, straight(MARCH, 200, 100, 0))
    assert found.tally(7).apart == 10
    assert found.tally(30).apart == 2  # as of day 0 and day 35


def test_a_fleet_is_its_pools_together() -> None:
    parts = [
        Tally(said=5, scored=4, in_80=3, in_95=4, apart=2, wape=2.0, bias_percent=1.0),
        Tally(said=2, scored=1, in_80=1, in_95=1, apart=1, wape=7.0, bias_percent=-4.0),
        Tally(said=3),
    ]
    assert together(parts) == Tally(
        said=10, scored=5, in_80=4, in_95=5, apart=3, wape=3.0, bias_percent=0.0
    )


# Dates of being first over


def crossing(said: Forecast, came: Measured) -> CrossingScore | None:
    found = track([Said(said, ())], came).crossings
    return found[0] if found else None


JUNE = {
    "first_over_p10": date(2026, 6, 14),
    "first_over_p50": date(2026, 6, 22),
    "first_over_p90": date(2026, 6, 29),
}


def test_on_1_march_we_said_14_to_29_june_and_it_was_20_june() -> None:
    over_on = date(2026, 6, 20)
    came = straight(MARCH, 150, 200.5 - (over_on - MARCH).days, 1.0)
    found = crossing(forecast(**JUNE), came)
    assert found is not None
    assert (found.outcome, found.came_on, found.error_days) == ("came", over_on, 2)
    assert found.in_80


@pytest.mark.parametrize(("on", "inside"), [(13, False), (14, True), (29, True), (30, False)])
def test_the_first_and_the_last_date_belong_to_what_was_said(on: int, inside: bool) -> None:
    late = (date(2026, 6, on) - MARCH).days
    found = crossing(forecast(**JUNE), straight(MARCH, 150, 200.5 - late, 1.0))
    assert found is not None
    assert found.in_80 is inside


def test_without_a_last_date_any_later_day_is_inside() -> None:
    said = forecast(first_over_p10=date(2026, 6, 14))
    found = crossing(said, straight(MARCH, 300, 0.5, 1.0))
    assert found is not None
    assert (found.outcome, found.in_80, found.error_days) == ("came", True, None)


def test_what_was_equal_is_not_over() -> None:
    assert crossing(forecast(), straight(MARCH, 100, 200.0, 0.0)).outcome == "open"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("last_measured", "outcome"), [(date(2026, 6, 28), "open"), (date(2026, 6, 29), "not_come")]
)
def test_what_has_not_come_by_the_last_date_is_said(last_measured: date, outcome: str) -> None:
    came = straight(MARCH, (last_measured - MARCH).days + 1, 100, 0)
    found = crossing(forecast(**JUNE), came)
    assert found is not None
    assert (found.outcome, found.came_on, found.in_80) == (outcome, None, False)


def test_days_without_a_measurement_do_not_show_that_it_has_not_come() -> None:
    values = [*[100.0] * 100, *[float("nan")] * 60]
    assert crossing(forecast(**JUNE), measured(MARCH, values)).outcome == "open"  # type: ignore[union-attr]


def test_what_came_though_no_date_was_told_is_unforeseen() -> None:
    found = crossing(forecast(runway_reason="no_growth"), straight(MARCH, 150, 150, 1.0))
    assert found is not None
    assert (found.outcome, found.came_on) == ("unforeseen", MARCH + 51 * DAY)


def test_a_date_is_held_against_the_usable_line_that_was_published() -> None:
    """Worked example 12 in small: hardware was to come on day 60; demand is 150 + 1 a day."""
    line = f"{MARCH}:200.0 {MARCH + 40 * DAY}:230.0"
    found = crossing(forecast(usable_line=line), straight(MARCH, 150, 150, 1.0))
    assert found is not None
    assert found.came_on == MARCH + 81 * DAY


def test_what_was_over_already_and_what_had_no_capacity_cannot_be_wrong() -> None:
    came = straight(MARCH, 150, 250, 1.0)
    assert crossing(forecast(runway_reason="exhausted"), came) is None
    assert crossing(forecast(usable_line=""), came) is None


def test_a_usable_line_is_read_as_it_was_written() -> None:
    usable = np.array([0.1 + 0.2, 0.3, 0.3, 7e15 / 3])
    text = line_text(MARCH, usable)
    assert usable_line(forecast(usable_line=text)) == [
        (MARCH, 0.1 + 0.2), (MARCH + DAY, 0.3), (MARCH + 3 * DAY, 7e15 / 3),
    ]  # fmt: skip
    assert line_text(MARCH, np.array([1.0, np.nan])) == ""


# Bands that did not hold


def weekly(came_at: float, *, count: int = 12, **more: Any) -> tuple[list[Said], Measured]:
    """Forecasts of 100 ± 10 a week apart, and a level that is somewhere else from then on."""
    told = band(7, **{k: v for k, v in more.items() if k in ("half", "widened")})
    about = {k: v for k, v in more.items() if k not in ("half", "widened")}
    said = [Said(forecast(MARCH + 7 * i * DAY, **about), (told,)) for i in range(count)]
    return said, straight(MARCH, 7 * count + 8, came_at, 0.0)


def widened(came_at: float, **more: Any) -> Widening:
    return widening_of(track(*weekly(came_at, **more)), "e")


def test_a_band_that_held_is_left_as_it_is() -> None:
    assert widened(108.0).most == 1.0
    assert not widened(108.0).is_needed


@pytest.mark.parametrize("came", [115.0, 85.0])
def test_a_band_that_did_not_hold_is_widened_to_where_it_would_have(came: float) -> None:
    assert widened(came) == Widening(AHEAD_DAYS, (1.5,) * 5)


def test_a_widened_band_is_judged_as_it_was_before() -> None:
    """Else it would be narrowed as soon as it holds, and widened again."""
    assert widened(112.0, half=15.0, widened=1.5).most == pytest.approx(1.2)
    assert widened(107.0, half=15.0, widened=1.5).most == 1.0


def test_few_forecasts_and_those_of_another_engine_change_nothing() -> None:
    assert widened(150.0, count=7) == NOT_WIDENED
    assert widened(150.0, engine="other") == NOT_WIDENED
    assert widened(150.0, count=8).is_needed


def test_chance_alone_widens_nothing() -> None:
    """Of 12 forecasts 7 held: with a band of 80 % that happens one time in fourteen."""
    said, _came = weekly(0.0)
    values = [105.0 if i % 12 < 7 else 150.0 for i in range(12)]
    came = measured(MARCH, [v for v in [0.0, *values] for _day in range(7)])
    assert track(said, came).tally(7).in_80 == 7
    assert widening_of(track(said, came), "e").most == 1.0
    assert holds(track(said, came).tally(7)) is True


def test_a_band_without_width_cannot_be_widened() -> None:
    assert widened(150.0, half=0.0).most == 1.0


def test_a_factor_has_a_limit() -> None:
    assert widened(1000.0).most == 4.0


def test_farther_days_take_over_what_nearer_ones_need_or_their_own_less() -> None:
    said, came = weekly(120.0, count=16)
    more = [Said(one.forecast, (*one.bands, band(30, half=16.0))) for one in said]
    found = widening_of(track(more, came), "e")
    assert found == Widening(AHEAD_DAYS, (2.0, 2.0, 1.25, 1.25, 1.25))


def test_between_two_distances_the_factor_is_straight() -> None:
    found = Widening((7, 30), (1.5, 1.2))
    assert list(found.on(np.array([0.0, 7.0, 18.5, 30.0, 700.0]))) == pytest.approx(
        [1.5, 1.5, 1.35, 1.2, 1.2]
    )
    assert list(NOT_WIDENED.on(np.arange(3.0))) == [1.0] * 3


@pytest.mark.parametrize(
    ("apart", "in_80", "verdict"), [(7, 0, None), (8, 4, True), (8, 3, False), (20, 12, False)]
)
def test_a_band_holds_unless_chance_can_hardly_explain_it(
    apart: int, in_80: int, verdict: bool | None
) -> None:
    tally = Tally(said=apart, scored=apart, in_80=in_80, in_95=in_80, apart=apart)
    assert holds(tally) is verdict


# The store


def test_the_store_gives_back_what_was_published() -> None:
    said = Said(
        forecast(**JUNE, usable_line=line_text(MARCH, np.array([1 / 3, 2.0]))),
        tuple(band(ahead) for ahead in AHEAD_DAYS),
    )
    other = Said(forecast(MARCH + DAY, pool="nas"), (band(7),))
    book = Book.empty()
    with book.store.writing() as connection:
        remember_forecasts(connection, [other, said])
    with book.store.reading() as connection:
        assert said_between(connection, MARCH, MARCH + 2 * DAY) == (said, other)
        assert said_between(connection, MARCH, MARCH + DAY) == (said,)
        assert said_between(connection, MARCH + DAY, MARCH + DAY) == ()


def test_a_second_forecast_of_a_day_replaces_the_first() -> None:
    book = Book.empty()
    again = Said(forecast(run_id="second", level=120.0), (band(7, 120.0),))
    for said in (Said(forecast(), (band(7), band(14))), again):
        with book.store.writing() as connection:
            remember_forecasts(connection, [said])
    with book.store.reading() as connection:
        [found] = said_between(connection, MARCH, MARCH + DAY)
    assert found == again


def test_forecasts_of_forgotten_days_are_forgotten() -> None:
    book = Book.empty()
    with book.store.writing() as connection:
        remember_forecasts(connection, [Said(forecast(MARCH + i * DAY), (band(),)) for i in (0, 1)])
        forget(connection, datetime(2026, 3, 2, tzinfo=UTC))
    with book.store.reading() as connection:
        [left] = said_between(connection, MARCH, date.max)
    assert (left.forecast.as_of, left.bands) == (MARCH + DAY, (band(),))
