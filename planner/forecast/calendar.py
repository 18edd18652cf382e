"""Days that are unlike their weekday: public holidays, and the last days of a month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from planner.forecast.steps import Flags
from planner.forecast.weekdays import Days


@dataclass(frozen=True, slots=True)
class Calendar:
    """The holidays that are known, and how many last days of every month are its end."""

    holidays: frozenset[date] = frozenset()
    month_end_days: int = 0

    def holidays_among(self, origin: date, days: Days) -> Flags:
        """Which of ``days``, counted from the origin, are holidays."""
        known = [(day - origin).days for day in self.holidays]
        return np.isin(days, np.array(known, dtype=np.int64))

    def month_ends_among(self, origin: date, days: Days) -> Flags:
        """Which of ``days`` are among the last of their month."""
        later = self.months_of(origin, days + self.month_end_days)
        return np.asarray(later != self.months_of(origin, days))

    @staticmethod
    def months_of(origin: date, days: Days) -> Days:
        """The months of ``days``, one number each."""
        dated = np.datetime64(origin, "D") + days.astype("timedelta64[D]")
        return dated.astype("datetime64[M]").astype(np.int64)


NO_CALENDAR = Calendar()


def every_day(first: date, last: date) -> frozenset[date]:
    """The days from the first to the last one."""
    return frozenset(first + timedelta(days=i) for i in range((last - first).days + 1))
