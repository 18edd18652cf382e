"""The part of the owners' file that speaks of cameras: who records how much, for how long, where.

A required retention always names the rule that requires it: none is assumed.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Resolution = Literal[1, 2, 4, 5, 8]
Codec = Literal["h264", "h265"]
Activity = Literal["low", "medium", "high"]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Overheads(_Table):
    """What a store takes beside the recordings; what is not set counts nothing, and is flagged."""

    fill_ratio: float = Field(1.0, gt=0, le=1, description="of a store, how much may be filled")
    container_pct: float = Field(
        0.0, ge=0, le=100, description="percent that index and container add to a recording"
    )
    raid_data: int = Field(1, ge=1, description="disks of a RAID group that hold data")
    raid_parity: int = Field(0, ge=0, description="disks of it that hold parity, or mirrors")


class Uplink(_Table):
    """A line that cameras share."""

    mbps: float = Field(gt=0, description="its bandwidth, in megabits per second")
    planned_ratio: float = Field(
        0.70, gt=0, le=1, description="of it, how much cameras may take on average"
    )


class RequiredRetention(_Table):
    """How long recordings must be kept, and by which rule."""

    days: float = Field(gt=0, description="days")
    basis: str = Field(pattern=r"\S", description="the rule that requires it; refused without one")


class Tier(_Table):
    """A part of the time that recordings are kept, at one bitrate; the first is the newest."""

    days: float = Field(gt=0, description="how many days it lasts")
    mbps: float | None = Field(None, gt=0, description="of each camera; default the group's")


class CameraGroup(_Table):
    """Cameras that are alike and are recorded together."""

    name: str = Field(description="as people call it")
    site: str = Field("", description="where the cameras are")
    agency: str | None = Field(None, description="the agency's code")
    count: int = Field(ge=1, description="how many cameras")
    mbps: float | None = Field(
        None, gt=0, description="measured megabits per second of each; wins over the table"
    )
    resolution_mp: Resolution | None = Field(
        None, description="megapixels, for a bitrate from the table where none is measured"
    )
    codec: Codec = Field("h264", description="for the table")
    fps: float = Field(15.0, gt=0, le=120, description="frames per second, for the table")
    activity: Activity = Field("medium", description="how much moves, for the table")
    hours_per_day: float = Field(24.0, gt=0, le=24, description="how long they record each day")
    tiers: tuple[Tier, ...] = Field((), description="where older recordings are thinned out")
    retention: RequiredRetention | None = Field(
        None, description="what is required; without it the verdict is unknown"
    )
    purpose: str = Field("", description="what they are for: security, disaster, traffic")
    notice_ref: str = Field("", description="the notice to those who are filmed")
    identifies_persons: bool | None = Field(
        None, description="whether faces or plates are matched to persons"
    )
    identification_ref: str = Field("", description="what allows that")
    recorder: str | None = Field(
        None, description="the recorder that keeps them, by its recorder_id or name"
    )
    datastore: str | None = Field(
        None, description="the datastore that keeps them, by name or id; it is a ring buffer"
    )
    uplink: str | None = Field(None, description="the line they share, of `uplinks`")

    @model_validator(mode="after")
    def _can_be_planned(self) -> CameraGroup:
        if self.mbps is None and self.resolution_mp is None:
            raise ValueError("needs mbps (measured), or resolution_mp for one from the table")
        if self.tiers and self.retention is not None:
            kept = sum(tier.days for tier in self.tiers)
            if kept < self.retention.days:
                raise ValueError(
                    f"its tiers keep {kept:g} days, its retention requires {self.retention.days:g}"
                )
        return self


class Cameras(_Table):
    """All cameras, and what they share."""

    overheads: Overheads = Field(Overheads(), description="of every store")
    uplinks: dict[str, Uplink] = Field(default_factory=dict, description="by their name")
    groups: tuple[CameraGroup, ...] = Field((), description="the cameras")

    @model_validator(mode="after")
    def _names_what_exists(self) -> Cameras:
        names = [group.name for group in self.groups]
        for group in self.groups:
            if names.count(group.name) > 1:
                raise ValueError(f"groups: {group.name!r} stands there twice")
            if group.uplink is not None and group.uplink not in self.uplinks:
                raise ValueError(f"groups: {group.uplink!r} is no uplink here")
        return self
