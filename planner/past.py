"""What the store remembers that the planner needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from inventory.forecast_records import Said
from inventory.guest_days import GuestDay
from inventory.holdings import GuestUse
from inventory.levels import DayPoint
from inventory.versions import AllocationVersion


@dataclass(frozen=True)
class Past:
    """What the store remembers that the planner needs, as it was read."""

    cluster_days: Mapping[tuple[str, str], tuple[DayPoint, ...]] = field(default_factory=dict)
    datastore_days: Mapping[tuple[int, str], tuple[DayPoint, ...]] = field(default_factory=dict)
    host_days: Mapping[tuple[int, str], tuple[DayPoint, ...]] = field(default_factory=dict)
    clusters_from_guests: frozenset[str] = frozenset()
    allocations: tuple[AllocationVersion, ...] = ()
    polls: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)  # each day's last
    latest: Mapping[int, tuple[float | None, float | None]] = field(default_factory=dict)
    guest_days: Mapping[int, tuple[GuestDay, ...]] = field(default_factory=dict)
    guest_week: Mapping[int, GuestUse] = field(default_factory=dict)  # of the last closed days
    said: tuple[Said, ...] = ()  # what earlier reports published

    @cached_property
    def allocations_of(self) -> Mapping[tuple[str, str], Sequence[AllocationVersion]]:
        """The allocations by the pool they are of, in their order."""
        found: dict[tuple[str, str], list[AllocationVersion]] = defaultdict(list)
        for version in self.allocations:
            found[version.pool].append(version)
        return dict(found)
