"""Published forecasts made by hand, for tests of what became of them."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import Any

from estates import AS_OF, days, estate
from inventory.forecast_records import Forecast, ForecastBand
from planner.answers import answers_of
from planner.past import Past
from planner.questions import questions
from planner.track import published
from stored import GIB, JAKARTA, datastore

MARCH = date(2026, 3, 1)
DAY = timedelta(days=1)


def forecast(as_of: date = MARCH, **more: Any) -> Forecast:
    given: dict[str, Any] = {
        "pool_kind": "datastore", "pool": "san", "resource": "storage", "model": "demand",
        "as_of": as_of, "made_on": as_of, "inputs_on": as_of - DAY, "engine": "e",
        "policy_version": "p", "run_id": "r", "level": 100.0, "usable_line": f"{as_of}:200.0",
        "runway_reason": "", "first_over_p10": None, "first_over_p50": None,
        "first_over_p90": None, "order_by": None,
    }  # fmt: skip
    return Forecast(**(given | more))


def band(ahead: int = 7, middle: float = 100.0, half: float = 10.0, **more: Any) -> ForecastBand:
    given: dict[str, Any] = {
        "ahead_days": ahead, "p2_5": middle - 2 * half, "p10": middle - half, "p50": middle,
        "p90": middle + half, "p97_5": middle + 2 * half, "widened": 1.0,
    }  # fmt: skip
    return ForecastBand(**(given | more))


@cache
def engine() -> str:
    """The engine that answers for what grows."""
    there = estate(datastore("san"))
    past = Past(datastore_days={(1, "storage"): days([(900.0 + i) * GIB for i in range(90)])})
    asked = [q for q in questions(there, past, JAKARTA) if q.model == "demand"]
    [said] = published(
        answers_of(there, asked, {}), as_of=AS_OF, run_id="", policy_version="", made_on=AS_OF
    )
    return said.forecast.engine
