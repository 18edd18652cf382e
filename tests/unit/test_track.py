"""What a report publishes of the future, and how it tells what came of earlier ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from estates import AS_OF, days, estate, health
from inventory.forecast_records import Said
from planner.answers import Answer, answers_of
from planner.estate import Estate
from planner.explain import explain
from planner.forecast.ledger import AHEAD_DAYS
from planner.past import Past
from planner.questions import Question, questions
from planner.report import Memory, Report, make_report
from planner.rows import TrackRow
from planner.track import example_words, published, record_words, replayed
from said import band, engine, forecast
from stored import GIB, JAKARTA, datastore

DAY = timedelta(days=1)
SAN = ("san", "storage", "demand")


def growing(day: int) -> float:
    """A datastore of 4000 GiB that is nearly full and wobbles a little."""
    return (2600 + 4 * day + (day * 7 % 11)) * GIB


VALUES = [growing(i) for i in range(120)]


def place(**more: Any) -> Estate:
    return estate(datastore("san"), **more)


def asked(there: Estate, values: Sequence[float], said: Sequence[Said] = ()) -> Question:
    past = Past(datastore_days={(1, "storage"): days(values)}, said=tuple(said))
    [found] = [q for q in questions(there, past, JAKARTA) if q.model == "demand"]
    return found


def answered(values: Sequence[float] = VALUES, said: Sequence[Said] = (), **more: Any) -> Answer:
    there = place(**more)
    [answer] = answers_of(there, [asked(there, values, said)], {})
    return answer


def publish(*answers: Answer) -> tuple[Said, ...]:
    return published(answers, as_of=AS_OF, run_id="RUN", policy_version="p", made_on=AS_OF)


def report(said: Sequence[Said]) -> Report:
    past = Past(datastore_days={(1, "storage"): days(VALUES)}, said=tuple(said))
    return make_report(place(), past, Memory(), zone=JAKARTA, run_id="RUN")


def missed(count: int = 10) -> list[Said]:
    """Weekly forecasts whose bands were half as wide as they had to be."""
    found = []
    for i in range(1, count + 1):
        as_of = AS_OF - (7 * i + 1) * DAY
        came = VALUES[120 - 7 * i + 6]
        told = forecast(as_of, engine=engine(), usable_line=f"{as_of}:{3200.0 * GIB}", level=came)
        found.append(Said(told, (band(7, came - 20 * GIB, 10 * GIB),)))
    return found


# What is published


def test_the_dates_and_the_band_of_an_answer_are_published() -> None:
    answer = answered()
    [said] = publish(answer)
    told, passage = said.forecast, answer.passage
    assert passage is not None
    assert said.about == ("datastore", *SAN)
    assert told.inputs_on == AS_OF - DAY
    assert told.first_over_p10 == answer.runway.conservative_first_over
    assert told.first_over_p50 == answer.runway.first_over
    assert passage.optimistic is not None
    assert told.first_over_p90 == AS_OF + passage.optimistic * DAY
    assert told.first_over_p10 <= told.first_over_p50 <= told.first_over_p90  # type: ignore[operator]
    assert told.order_by == answer.order.on
    assert told.usable_line == f"{AS_OF}:{3200.0 * GIB!r}"
    assert [one.ahead_days for one in said.bands] == list(AHEAD_DAYS)
    for one in said.bands:
        assert one.p2_5 <= one.p10 <= one.p50 <= one.p90 <= one.p97_5
        assert one.p50 == pytest.approx(passage.level[one.ahead_days])
        assert one.widened == 1.0


def test_what_gives_no_forecast_publishes_none() -> None:
    assert publish(answered(VALUES[:10])) == ()
    assert publish(answered(sources=[health(stale=True)])) == ()
    full = {"cameras": {"groups": [{"name": "g", "count": 9, "mbps": 4, "datastore": "san"}]}}
    ring = answered(owners=full)
    assert ring.runway.reason == "ring_buffer"
    assert publish(ring) == ()


def test_hardware_that_is_to_come_is_in_the_usable_line() -> None:
    when = AS_OF + 50 * DAY
    coming = {"hardware": [{"pool": "san", "change": "arrives", "when": when, "storage_gib": 1000}]}
    [said] = publish(answered(owners=coming))
    amounts = [f"{AS_OF}:{3200.0 * GIB!r}", f"{when}:{4000.0 * GIB!r}"]
    assert said.forecast.usable_line.split() == amounts


# The past replayed


def test_a_replayed_forecast_is_the_one_that_was_made_then() -> None:
    then = AS_OF - 20 * DAY
    [again] = replayed(place(), [asked(place(), VALUES)], [then], run_id="RUN")
    earlier = place(as_of=then)
    past = Past(datastore_days={(1, "storage"): days(VALUES)[:100]})
    [question] = [q for q in questions(earlier, past, JAKARTA) if q.model == "demand"]
    [made] = published(
        answers_of(earlier, [question], {}),
        as_of=then, run_id="RUN", policy_version=earlier.policy.version, made_on=AS_OF,
    )  # fmt: skip
    assert again == made


def test_what_came_later_changes_nothing_of_a_replayed_forecast() -> None:
    monday = AS_OF - 21 * DAY
    other = [*VALUES[:99], *[9.0 * GIB] * 21]
    first, second = (
        list(replayed(place(), [asked(place(), values)], [monday], run_id="RUN"))
        for values in (VALUES, other)
    )
    assert first == second


# What came of it


def rows(found: Report) -> list[TrackRow]:
    return [row for row in found.track_record if (row.pool, row.resource, row.model) == SAN]


def test_the_record_of_a_pool_is_in_its_own_unit_and_the_fleet_counts_it_too() -> None:
    found = report(missed())
    [level] = rows(found)
    assert (level.about, level.ahead_days, level.forecasts, level.scored) == ("level", 7, 10, 10)
    assert (level.within_80_pct, level.within_95_pct) == (0.0, 100.0)
    assert level.band_holds == "no"
    assert level.unit == "gib"
    assert level.came == pytest.approx(VALUES[119] / GIB)
    assert level.said_high == pytest.approx(VALUES[119] / GIB - 10)
    [fleet] = [r for r in found.track_record if r.pool_kind == "fleet" and r.about == "level"]
    assert (fleet.scored, fleet.within_80_pct, fleet.wape) == (10, 0.0, level.wape)


def test_without_any_earlier_report_there_is_no_record() -> None:
    assert report([]).track_record == ()


def test_a_band_that_did_not_hold_is_widened_flagged_and_explained() -> None:
    plain, wider = answered(), answered(said=missed())
    assert "band_widened:2.00" in wider.flags
    assert not any(flag.startswith("band_widened") for flag in plain.flags)
    [before], [after] = publish(plain), publish(wider)
    for narrow, wide in zip(before.bands, after.bands, strict=True):
        assert wide.p50 == pytest.approx(narrow.p50)
        assert wide.p90 - wide.p50 == pytest.approx(2 * (narrow.p90 - narrow.p50))
        assert wide.widened == 2.0
    assert wider.runway.conservative_first_over < plain.runway.conservative_first_over  # type: ignore[operator]
    assert wider.order.on < plain.order.on  # type: ignore[operator]


def test_explain_tells_the_record_and_why_the_band_is_wider() -> None:
    found = report(missed())
    text = explain(found, "pool/san/storage/demand/runway_days")
    assert "7 days ahead, 10 scored" in text
    assert "the band does not hold" in text
    assert "the band is 2 times as wide as the engine makes it" in text
    assert "band" not in explain(report([]), "pool/san/storage/demand/runway_days")


def test_what_another_engine_said_counts_in_the_record_but_judges_and_widens_nothing() -> None:
    def by(name: str, said: list[Said]) -> list[Said]:
        return [
            replace(one, forecast=one.forecast.model_copy(update={"engine": name})) for one in said
        ]

    old, now = (
        report(by("earlier-1", missed())),
        report([*by("earlier-1", missed(12))[10:], *missed()]),
    )
    for row in (r for r in old.track_record if r.ahead_days == 7):
        assert (row.scored, row.scored_by_engine, row.band_holds) == (10, 0, "")
    assert not any("band_widened" in row.flags for row in old.pools)
    for row in (r for r in now.track_record if r.ahead_days == 7):
        assert (row.scored, row.scored_by_engine, row.band_holds) == (12, 10, "no")
    [first] = [line for line in record_words(old.track_record[:1]) if "scored" in line]
    assert first.startswith("7 days ahead, 10 scored (all of an earlier engine): WAPE")
    [words] = [line for line in record_words(now.track_record[:1]) if "scored" in line]
    assert words.startswith("7 days ahead, 12 scored (2 of an earlier engine): WAPE")
    assert words.endswith("the band does not hold")
    assert "earlier-1, run" in explain(now, "track/san/storage/demand/level/7")


# In words


def told(**more: Any) -> str:
    said_on = date(2026, 3, 1)
    empty: dict[str, Any] = dict.fromkeys(TrackRow.__slots__)
    row = TrackRow(
        **(
            empty
            | {"as_of": AS_OF, "about": "first_over", "said_on": said_on, "unit": "gib"}
            | more
        )
    )
    return example_words(row)


def test_on_1_march_we_said_and_it_was() -> None:
    june = {
        "said_first_date": date(2026, 6, 14),
        "said_last_date": date(2026, 6, 29),
        "came_date": date(2026, 6, 20),
    }
    assert told(**june, outcome="came") == (
        "on 2026-03-01 we said it would be over 2026-06-14 to 2026-06-29; it was on 2026-06-20"
    )
    assert told(**(june | {"came_date": None}), outcome="not_come").endswith("; it has not come")
    assert told(**june, outcome="open").endswith("; it has not come so far")
    later = june | {"said_first_date": AS_OF + DAY}
    assert told(**later, outcome="open").endswith("; still to come")
    never = {"came_date": date(2026, 6, 20), "outcome": "unforeseen"}
    assert told(**never) == "on 2026-03-01 we gave no date; it was over on 2026-06-20"
    level = told(
        about="level", said_for_date=date(2026, 5, 30), said_low=20_100.0, said_high=21_400.0,
        came=20_800.0, replayed=1,
    )  # fmt: skip
    assert level == (
        "on 2026-03-01 (replayed) we said 20,100 to 21,400 GiB for 2026-05-30; it was 20,800"
    )


def test_of_several_forecasts_of_a_day_the_one_three_months_before_is_told() -> None:
    line = f"{{}}:{2700.0 * GIB}"
    over_on = AS_OF - 95 * DAY  # the first day above 2700 GiB
    said = [
        Said(
            forecast(
                over_on - back * DAY, engine=engine(),
                usable_line=line.format(over_on - back * DAY),
                first_over_p10=over_on - 5 * DAY, first_over_p50=over_on + 3 * DAY,
                first_over_p90=over_on + 9 * DAY,
            ),
            (),
        )
        for back in (20, 10, 5)
    ]  # fmt: skip
    [row] = rows(report(said))
    assert (row.outcome, row.came_date, row.said_on) == ("came", over_on, over_on - 20 * DAY)
    assert (row.scored, row.within_80_pct, row.error_days, row.bias_days) == (3, 100.0, 3.0, 3.0)
    assert list(record_words([row]))[1] == (
        "dates of being first over, 3 scored: within the dates said 100 %, 3 days off; "
        "not foreseen 0, not come 0"
    )


def test_a_forecast_that_is_replaced_is_told_with_its_new_figures() -> None:
    [first] = publish(answered())
    again = replace(first, forecast=first.forecast.model_copy(update={"run_id": "second"}))
    assert report([again]).forecasts[0].forecast.run_id == "RUN"


# How likely, and by when


@pytest.mark.parametrize(
    ("alarm", "flagged"),
    [
        ({}, True),
        ({"alarm_pct": 95}, True),
        ({"alarm_days": 20}, False),
        ({"alarm_pct": 99.5}, False),
    ],
    ids=["default", "surer", "sooner than it comes", "surer than it is"],
)
def test_a_pool_that_is_soon_over_is_flagged_as_surely_as_the_policy_wants(
    alarm: dict[str, Any], flagged: bool
) -> None:
    """About thirty days are left."""
    soon = answered(policy={"forecast": alarm})
    assert soon.passage is not None
    assert soon.passage.chance_within(20) < 0.2 < 0.9 < soon.passage.chance_within(60)
    assert any(flag.startswith("over_soon") for flag in soon.flags) is flagged


def test_what_is_over_already_or_not_told_is_no_alarm() -> None:
    over, stale = answered([value * 2 for value in VALUES]), answered(sources=[health(stale=True)])
    assert over.runway.reason == "exhausted"
    for answer in (over, stale):
        assert not any(flag.startswith("over_soon") for flag in answer.flags)
