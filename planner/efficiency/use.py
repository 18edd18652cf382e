"""What a guest used over a window of closed days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from inventory.guest_days import GuestDay
from inventory.sketch import CPU_UNIT, MEMORY_UNIT, Sketch, merged
from planner.numbers import ceil, exceeds
from planner.policy import ReclaimRules

SLOTS_A_DAY = 288
_COVERED_SLOTS = SLOTS_A_DAY // 2
IdleVerdict = Literal["idle", "busy", "unknown"]


@dataclass(frozen=True, slots=True)
class Idleness:
    """Whether a guest is idle, and the figures or the lack of them behind that."""

    verdict: IdleVerdict
    why: str


@dataclass(frozen=True, slots=True)
class Use:
    """The days of a window, and all their values together."""

    days: tuple[GuestDay, ...]
    cpu: Sketch  # cores
    memory: Sketch  # bytes

    @classmethod
    def of(cls, days: Iterable[GuestDay], as_of: date, length: int) -> Use:
        read = window(days, as_of, length)
        return cls(
            read,
            merged(((day.cpu, 1.0) for day in read if day.cpu is not None), CPU_UNIT),
            merged(((day.memory, 1.0) for day in read if day.memory is not None), MEMORY_UNIT),
        )


def window(days: Iterable[GuestDay], as_of: date, length: int) -> tuple[GuestDay, ...]:
    """Of a guest's days those of the ``length`` closed days before ``as_of``."""
    return tuple(day for day in days if 0 < (as_of - day.day).days <= length)


def covered(days: Iterable[GuestDay], *, of: Literal["cpu", "memory"]) -> int:
    """How many days are covered by half or more."""
    sketches = (day.cpu if of == "cpu" else day.memory for day in days)
    return sum(1 for s in sketches if s is not None and s.count >= _COVERED_SLOTS)


def decayed_weight(age_hours: float, half_life_hours: float) -> float:
    """How much a sample of that age still counts: half after one half-life."""
    return float(0.5 ** (age_hours / half_life_hours))


def decayed_cpu_quantile(
    days: Iterable[GuestDay], as_of: date, share: float, half_life_hours: float
) -> float | None:
    """Cores, the newer days counting more; a day is as old as its end."""
    parts = [
        (day.cpu, decayed_weight(24.0 * ((as_of - day.day).days - 1), half_life_hours))
        for day in days
        if day.cpu is not None
    ]
    return merged(parts, CPU_UNIT).quantile(share)


def idleness(days: Sequence[GuestDay], vcpus: float | None, rules: ReclaimRules) -> Idleness:
    """The idle test over the days of its window (glossary 16).

    A sample that is missing might have been a busy one: it never makes a guest idle, and where it
    could make the difference the answer is "unknown".
    """
    if vcpus is None or vcpus <= 0:
        return Idleness("unknown", "its vCPUs are not known")
    expected = SLOTS_A_DAY * rules.idle_days
    needed = ceil(rules.idle_samples_ratio * expected)
    sketches = [day.cpu for day in days if day.cpu is not None]
    seen = sum(sketch.count for sketch in sketches)
    idle = sum(sketch.count_below(rules.idle_cpu_ratio * vcpus) for sketch in sketches)
    figures = (
        f"{idle:.0f} of {expected} samples of {rules.idle_days} days below "
        f"{100 * rules.idle_cpu_ratio:g} % CPU, {needed} needed"
    )
    if idle + max(0.0, expected - seen) < needed:
        return Idleness("busy", figures)
    if idle < needed:
        return Idleness("unknown", f"only {seen:.0f} of {expected} CPU samples are known")
    return _quiet(days, rules, figures)


def _quiet(days: Sequence[GuestDay], rules: ReclaimRules, figures: str) -> Idleness:
    """Of a guest whose processors idle: whether its network and its disks do, too."""
    limit, told = rules.idle_bytes_per_second, [figures]
    for name in ("network", "disk"):
        rates = [
            day.net_bytes_per_second if name == "network" else day.disk_bytes_per_second
            for day in days
        ]
        known = [rate for rate in rates if rate is not None]
        mean = sum(known) / len(known) if known else None
        if mean is None or len(known) < rules.idle_samples_ratio * len(rates):
            return Idleness("unknown", f"its {name} traffic is not known")
        told.append(f"{name} {mean:,.0f} B/s")
        if not exceeds(limit, mean):
            return Idleness("busy", "; ".join(told))
    return Idleness("idle", "; ".join(told))
