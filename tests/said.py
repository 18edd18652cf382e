"""Published forecasts made by hand, for tests of what became of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from inventory.forecast_records import Forecast, ForecastBand

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
