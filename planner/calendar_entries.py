"""The calendar file (calendar.yaml): holidays and ends of months, dated and with their source."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from planner.forecast.calendar import Calendar, every_day
from planner.purchases import Misplaced


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Holiday(_Table):
    """A day on which offices are closed, or several in a row."""

    when: date = Field(description="the day, or the first of several")  # "on" is true in YAML
    until: date | None = Field(None, description="the last of several in a row")
    name: str = Field("", description="what it is")

    @property
    def days(self) -> frozenset[date]:
        return every_day(self.when, self.until or self.when)

    @model_validator(mode="after")
    def _is_possible(self) -> Holiday:
        if self.until is not None and self.until < self.when:
            raise ValueError(f"ends on {self.until}, before it begins on {self.when}")
        return self


class CalendarFile(_Table):
    """Days that are unlike their weekday: loads are foreseen with them."""

    version: Literal[1] = Field(1, description="of the file's form")
    source: str = Field("", description="who announced the holidays, and where it can be read")
    month_end_days: int = Field(
        0, ge=0, le=10, description="how many last days of each month may be busier, or quieter"
    )
    holidays: tuple[Holiday, ...] = Field((), description="each day once")

    @model_validator(mode="after")
    def _names_each_day_once(self) -> CalendarFile:
        seen: set[date] = set()
        for i, holiday in enumerate(self.holidays):
            if twice := sorted(seen & holiday.days):
                raise Misplaced(f"{twice[0]} is there twice", "holidays", i, "when")
            seen |= holiday.days
        return self

    def calendar(self) -> Calendar:
        """What forecasts are told of it."""
        days = frozenset[date]().union(*(holiday.days for holiday in self.holidays))
        return Calendar(days, self.month_end_days)
