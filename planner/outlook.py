"""What stands behind a runway, in rows and in words: paths, steps, growth told apart, gaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import isnan
from typing import Any

from planner.answers import Answer
from planner.forecast.engine import FEWEST_VALUES
from planner.forecast.ledger import AHEAD_DAYS
from planner.forecast.paths import Floats
from planner.growth import Cause, PoolGrowth, Teller
from planner.growth_parts import KINDS, Growth
from planner.owners import Exclusion
from planner.quality import Run, applying, gaps
from planner.report import Report, in_unit
from planner.runway import Passage
from planner.saying import unit_name

PATH_DAYS = (30, 90, 180, 365)
CHANCE_DAYS = (30, 60, 90, 180, 365)
_WINDOWS = ("week", "quarter")  # as growth.WINDOWS_DAYS
_PARTS_SHOWN = 5
_LEAST_SHOWN = 0.005  # of a core, a vCPU, a GiB

COLUMNS: tuple[str, ...] = (
    "as_of", "pool", "pool_kind", "resource", "model", "unit", "level", "usable",
    "growth_per_day", "growth_per_day_hi", *(f"level_{days}d" for days in PATH_DAYS),
    "first_over_date", "first_over_date_conservative", "runway_reason", "steps", "last_step_on",
    "last_step", "last_step_cause",
    *(
        f"{window}_{name}"
        for window in _WINDOWS
        for name in ("since", "change", *KINDS, "unexplained")
    ),
    "backtest_wape_30d", "history_days", "coverage_pct", "gap_days", "gaps", "excluded",
    "accounted_pct",
    *(f"over_{days}d_pct" for days in CHANCE_DAYS),
)  # fmt: skip


def outlook(report: Report, teller: Teller, pool: str | None = None) -> list[Mapping[str, Any]]:
    """A row of COLUMNS per resource and model, of one pool or of all."""
    return [
        Outlook(report, answer, teller.growth(answer)).row()
        for found in report.answers
        if pool is None or found.pool.answers_to(pool)
        for answer in found.answers
    ]


@dataclass(frozen=True, slots=True)
class Outlook:
    """One pool, resource and model, with its growth told apart."""

    report: Report
    answer: Answer
    growth: PoolGrowth

    def row(self) -> Mapping[str, Any]:
        return {
            **self._level(),
            **self._steps(),
            **{
                f"{name}_{column}": value
                for name, window in zip(_WINDOWS, self.growth.windows, strict=True)
                for column, value in self._window(window).items()
            },
            **self._quality(),
            **self._chances(),
        }

    def _unit(self, value: float | None) -> float | None:
        shown = in_unit(value, self.answer)
        return None if shown is None else round(shown, 4) + 0.0  # no negative zero

    def _level(self) -> dict[str, Any]:
        answer, question, passage = self.answer, self.answer.question, self.answer.passage
        shown = passage or answer.provisional
        path = None if shown is None else shown.level
        return {
            "as_of": self.report.as_of,
            "pool": question.pool.name,
            "pool_kind": question.pool.kind,
            "resource": question.resource,
            "model": question.model,
            "unit": question.unit,
            "level": self._unit(answer.load),
            "usable": self._unit(answer.usable),
            "growth_per_day": self._unit(passage.growth_per_day if passage else None),
            "growth_per_day_hi": self._unit(passage.growth_per_day_high if passage else None),
            **{
                f"level_{days}d": self._unit(
                    float(path[days]) if path is not None and days < len(path) else None
                )
                for days in PATH_DAYS
            },
            "first_over_date": answer.runway.first_over,
            "first_over_date_conservative": answer.runway.conservative_first_over,
            "runway_reason": answer.runway.reason,
        }

    def _steps(self) -> dict[str, Any]:
        last = self.growth.causes[-1] if self.growth.causes else None
        return {
            "steps": len(self.growth.causes),
            "last_step_on": last.step.on if last else None,
            "last_step": self._unit(last.step.size) if last else None,
            "last_step_cause": last.why if last else "",
        }

    def _window(self, window: Growth) -> dict[str, Any]:
        return {
            "since": window.since,
            "change": self._unit(window.change),
            **{kind: self._unit(window.of(kind)) for kind in KINDS},
            "unexplained": self._unit(window.unexplained),
        }

    def _quality(self) -> dict[str, Any]:
        answer = self.answer
        missing, checked = gaps(answer.question.load.series), answer.question.load.reconciled
        open_part = checked.unexplained_percent if checked else None
        left_out = [(item.first, item.last) for item in self.left_out()]
        return {
            "backtest_wape_30d": None if answer.wape_30 is None else round(answer.wape_30, 2),
            "history_days": round(answer.history_days, 1),
            "coverage_pct": round(100.0 * answer.coverage_ratio, 1),
            "gap_days": sum((last - first).days + 1 for first, last in missing),
            "gaps": _runs(missing),
            "excluded": _runs(left_out),
            "accounted_pct": None if open_part is None else round(100.0 - open_part, 1),
        }

    def _chances(self) -> dict[str, Any]:
        passage = self.answer.passage if self.answer.runway.is_to_come else None
        return {
            f"over_{days}d_pct": None
            if passage is None
            else round(100.0 * passage.chance_within(days), 1)
            for days in CHANCE_DAYS
        }

    def left_out(self) -> tuple[Exclusion, ...]:
        """The days that the owners' file takes out of this pool's past."""
        pool = self.answer.question.pool
        found = applying(self.report.estate.owners.exclusions, pool.answers_to, pool.sources)
        return tuple(sorted(found, key=lambda item: item.first))

    # In words

    def words(self) -> Iterator[str]:
        """What the paths say, steps with their causes, and the growth told apart, line by line."""
        yield from self._path_words()
        yield from self._provisional_words()
        yield "steps: the level moved at once and stayed; no growth is told from them"
        for cause in self.growth.causes:
            yield f"  {self._told(cause)}"
        if not self.growth.causes:
            yield "  none"
        for window in self.growth.windows:
            yield from self._window_told(window)

    def _path_words(self) -> Iterator[str]:
        """When the paths are over, how likely by then and then, and between which levels they lie;
        nothing where there is no date to tell."""
        answer, passage = self.answer, self.answer.passage
        if passage is None or not answer.runway.is_to_come:
            return
        as_of = self.report.as_of
        dates = (passage.conservative, passage.base, passage.optimistic)
        told = ", ".join(
            f"{share} by {as_of + timedelta(days=day)}"
            for share, day in zip(("1 of 10", "5 of 10", "9 of 10"), dates, strict=True)
            if day is not None
        )
        reason = answer.runway.reason.replace("_", " ")
        yield f"futures over what is usable: {told or reason}"
        yield f"chance of being over within {self._chances_told(passage)}"
        for days, band in zip(AHEAD_DAYS, passage.bands, strict=True):
            if days in PATH_DAYS and not any(isnan(level) for level in band):
                yield f"in {days} days: {self._band_told(band[1:4])}"

    def _chances_told(self, passage: Passage) -> str:
        found = {days: round(100.0 * passage.chance_within(days)) for days in CHANCE_DAYS}
        some = {days: chance for days, chance in found.items() if chance} or dict([found.popitem()])
        return ", ".join(f"{days} days: {chance} %" for days, chance in some.items())

    def _band_told(self, band: Floats) -> str:
        low, middle, high = (_amount(in_unit(float(level), self.answer) or 0.0) for level in band)
        told = f"{middle} {unit_name(self.answer.question.unit)}"
        return told if low == high else f"{told}, 8 of 10 futures {low} to {high}"

    def _provisional_words(self) -> Iterator[str]:
        path = self.answer.provisional
        if path is not None:
            most = f"{self._signed(path.growth_per_day_high)} a day in nine of ten futures"
            yield f"provisional, for the history gives no date yet: it stays, or {most} at most"
        elif self.answer.passage is None and self.answer.runway.reason == "not_enough_history":
            yield f"no path: fewer than {FEWEST_VALUES} days are known"

    def _told(self, cause: Cause) -> str:
        step = cause.step
        recurs = "; recurs: it stays in the trend" if step.habit else ""
        return f"{step.on}: {self._signed(step.size)}, {cause.why}{recurs}"

    def _window_told(self, window: Growth) -> Iterator[str]:
        is_demand = self.answer.question.model == "demand"
        what = "the mean day" if is_demand else "what is allocated"
        if window.change is None:
            yield f"change of {what} since {window.since}: not known"
            return
        yield f"change of {what} since {window.since}: {self._signed(window.change)}"
        for kind in KINDS if window.parts is not None else ():
            parts = [p for p in window.parts or () if p.kind == kind and self._shows(p.amount)]
            if parts:
                largest = sorted(parts, key=lambda part: (-abs(part.amount), part.label))
                names = "; ".join(
                    f"{part.label} {self._signed(part.amount)}" for part in largest[:_PARTS_SHOWN]
                )
                more = f"; {len(parts) - _PARTS_SHOWN} more" if len(parts) > _PARTS_SHOWN else ""
                yield f"  {kind} {self._signed(window.of(kind) or 0.0)}: {names}{more}"
        yield f"  unexplained {self._signed(window.unexplained or 0.0)}"

    def _shows(self, value: float) -> bool:
        return abs(in_unit(value, self.answer) or 0.0) >= _LEAST_SHOWN

    def _signed(self, value: float) -> str:
        shown = (in_unit(value, self.answer) or 0.0) if self._shows(value) else 0.0
        return f"{shown:+,.2f} {unit_name(self.answer.question.unit)}"

    def quality_words(self) -> Iterator[str]:
        """Missing days, days left out, and what of the use is accounted for."""
        missing = gaps(self.answer.question.load.series)
        yield f"days missing in the history: {_runs(missing) or 'none'}"
        for item in self.left_out():
            yield f"left out {item.first}..{item.last}: {item.reason} (says {item.author})"
        if self.answer.question.model == "allocation":
            return
        checked = self.answer.question.load.reconciled
        if checked is None or checked.unexplained_percent is None:
            yield "what guests account for: not known"
            return
        used, parts = (self._unit(value) for value in (checked.used, checked.accounted))
        bound = f"; {checked.unmeasured} do not tell" if checked.unmeasured else ""
        yield (
            f"used {used} {unit_name(self.answer.question.unit)}, accounted for {parts}: "
            f"unexplained {checked.unexplained_percent:.1f} %{bound}"
        )


def _amount(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"


def _runs(runs: Iterable[Run]) -> str:
    return " ".join(f"{first}..{last}" for first, last in runs)
