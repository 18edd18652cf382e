"""Camera recordings in bytes and days: what they need, how far back they reach (glossary 20).

Bitrates are megabits per second (10^6 bits). Bytes and days inside; only reports speak of TB
(10^12) and TiB (2^40). A *net* byte is one that a store offers after RAID, a *raw* byte one of its
disks, a *usable* byte one that a recording may take.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from planner.camera_entries import Activity, Codec, Overheads, Resolution
from planner.numbers import floor

TB = 10**12
TIB = 1024**4
NO_OVERHEADS = Overheads()
_BYTES_PER_MEGABIT = 125_000
_SECONDS_PER_HOUR = 3_600

# H.264, 15 frames per second, medium activity, by megapixels. Tables of vendors differ by a factor
# of two, and what H.265 really saves by more: a measured bitrate always wins.
_TABLE_MBPS: dict[Resolution, float] = {1: 2.0, 2: 4.0, 4: 8.0, 5: 10.0, 8: 16.0}
_TABLE_FPS = 15.0
_CODEC: dict[Codec, float] = {"h264": 1.0, "h265": 0.5}
_ACTIVITY: dict[Activity, float] = {"low": 0.6, "medium": 1.0, "high": 1.4}


def table_mbps(resolution_mp: Resolution, codec: Codec, fps: float, activity: Activity) -> float:
    """A planning figure for one camera, where nobody has measured."""
    return _TABLE_MBPS[resolution_mp] * _CODEC[codec] * _ACTIVITY[activity] * fps / _TABLE_FPS


def bytes_per_day(mbps: float, hours: float = 24.0) -> float:
    """What one camera records in a day: 1 Mbps around the clock is 10.8 GB."""
    return mbps * _BYTES_PER_MEGABIT * _SECONDS_PER_HOUR * hours


def net_bytes(recorded: float, overheads: Overheads) -> float:
    """What a store must offer after RAID to keep so many bytes of recordings."""
    return recorded * (1.0 + overheads.container_pct / 100.0) / overheads.fill_ratio


def usable_bytes(net: float, overheads: Overheads) -> float:
    """The recordings that a store of so many net bytes keeps: ``net_bytes`` turned round."""
    return net * overheads.fill_ratio / (1.0 + overheads.container_pct / 100.0)


def raw_bytes(net: float, overheads: Overheads) -> float:
    """What the disks of a RAID group must hold for so many net bytes."""
    return net * ((overheads.raid_data + overheads.raid_parity) / overheads.raid_data)


def storage_bytes(
    count: int, mbps: float, hours: float, days: float, overheads: Overheads = NO_OVERHEADS
) -> float:
    """The net bytes that so many cameras need for so many days."""
    return net_bytes(count * bytes_per_day(mbps, hours) * days, overheads)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the time that recordings are kept, at one bitrate."""

    days: float
    mbps: float


@dataclass(frozen=True, slots=True)
class Stream:
    """Cameras that record alike; ``tiers`` from the newest recordings to the oldest.

    What is older than all tiers is thought of at the last one's bitrate.
    """

    count: int
    mbps: float
    hours: float = 24.0
    tiers: tuple[Stretch, ...] = ()

    @property
    def daily_bytes(self) -> float:
        """What comes in each day."""
        return self.count * bytes_per_day(self.mbps, self.hours)

    def bytes_at(self, age_days: float) -> float:
        """What one day's recordings take once they are so old."""
        mbps, end = self.mbps, 0.0
        for tier in self.tiers:
            mbps, end = tier.mbps, end + tier.days
            if age_days < end:
                break
        return self.count * bytes_per_day(mbps, self.hours)

    def kept_bytes(self, days: float) -> float:
        """What the recordings of the last so many days take, stretch by stretch."""
        ages = [0.0, *(turn for turn in self.turns if turn < days), days]
        return sum(self.bytes_at(start) * (end - start) for start, end in pairwise(ages))

    @property
    def turns(self) -> Iterable[float]:
        """The ages at which the bitrate changes."""
        age = 0.0
        for tier in self.tiers[:-1]:
            age += tier.days
            yield age


def kept_bytes(streams: Iterable[Stream], days: float) -> float:
    """What the recordings of the last so many days take on a store that streams share."""
    return sum(stream.kept_bytes(days) for stream in streams)


def retention_days(usable: float, streams: Sequence[Stream]) -> float | None:
    """How far back a full store of so many usable bytes reaches; None where nothing comes in.

    It is the age at which ``kept_bytes`` is all there is: between two turns both grow evenly.
    """
    if not streams:
        return None
    turns = [0.0, *(turn for stream in streams for turn in stream.turns)]
    reached = max(turn for turn in turns if kept_bytes(streams, turn) <= usable)
    a_day = sum(stream.bytes_at(reached) for stream in streams)
    return reached + (usable - kept_bytes(streams, reached)) / a_day


def cameras_possible(usable: float, streams: Sequence[Stream], days: float) -> int | None:
    """How many cameras like these a store keeps for so many days; None where none records."""
    count = sum(stream.count for stream in streams)
    return floor(usable / (kept_bytes(streams, days) / count)) if count else None


def uplink_cameras(mbps: float, planned_ratio: float, camera_mbps: float) -> int:
    """How many cameras a line carries within its planned share."""
    return floor(mbps * planned_ratio / camera_mbps)


def mean_mbps(streams: Sequence[Stream]) -> float | None:
    """The bitrate of the average camera; None where there is none."""
    count = sum(stream.count for stream in streams)
    return sum(stream.count * stream.mbps for stream in streams) / count if count else None
