"""What was published of the future: the rows of the ledger of forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from sqlmodel import SQLModel

_FROZEN: Any = {"frozen": True, "extra": "forbid"}


class Forecast(SQLModel):
    """The runway of one pool, resource and model, as one report published it; in base units.

    ``usable_line`` is the usable capacity that it was told against: "DATE:AMOUNT", one for as_of
    and one for each later change, "" when it was not known. ``made_on`` is later than ``as_of``
    when it was made afterwards, of what was known then.
    """

    model_config: ClassVar[Any] = _FROZEN

    pool_kind: str
    pool: str
    resource: str
    model: str
    as_of: date
    made_on: date
    inputs_on: date | None  # the newest day that it was made of
    engine: str
    policy_version: str
    run_id: str
    level: float
    usable_line: str
    runway_reason: str
    first_over_p10: date | None
    first_over_p50: date | None
    first_over_p90: date | None
    order_by: date | None


class ForecastBand(SQLModel):
    """The quantiles of a published forecast so many days after its date.

    ``widened`` is by how much the band had been widened for what earlier ones had missed.
    """

    model_config: ClassVar[Any] = _FROZEN

    ahead_days: int
    p2_5: float
    p10: float
    p50: float
    p90: float
    p97_5: float
    widened: float


@dataclass(frozen=True, slots=True)
class Said:
    """A published forecast with its band."""

    forecast: Forecast
    bands: tuple[ForecastBand, ...]

    @property
    def about(self) -> tuple[str, str, str, str]:
        """Of what it speaks: kind and name of the pool, resource, model."""
        told = self.forecast
        return told.pool_kind, told.pool, told.resource, told.model
