"""How long work waited for what it asked for (glossary 23): demand that was not met is not seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from inventory.records import Host
from planner.numbers import exceeds
from planner.policy import Resource

Grade = Literal["good", "watch", "bad"]
_WATCH_PERCENT = 5.0
_BAD_PERCENT = 10.0


def grade(percent: float) -> Grade:
    """good below 5 %, watch to 10 %, bad above."""
    if exceeds(percent, _BAD_PERCENT):
        return "bad"
    return "good" if exceeds(_WATCH_PERCENT, percent) else "watch"


def pressure_percent(host: Host, resource: Resource) -> float | None:
    """Waited ÷ interval × 100: how long something on the host waited; None where it does not tell.

    Pressure is of the whole host, as no source tells what each virtual processor waited.
    """
    ratios = {"cpu": host.cpu_pressure_ratio, "memory": host.memory_pressure_ratio}
    ratio = ratios.get(resource)
    return None if ratio is None else 100.0 * ratio


def is_held_back(hosts: Iterable[Host], resource: Resource) -> bool:
    """Whether what is used is known to be less than what was asked for."""
    waits = (pressure_percent(host, resource) for host in hosts if host.status != "retired")
    return any(wait is not None and grade(wait) == "bad" for wait in waits)
