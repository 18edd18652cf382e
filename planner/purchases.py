"""What the owners' file says of demand and capacity to come: projects, hardware, purchases, money.

A stage's date is when it was done, or, later than as_of, when it is expected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Stage = Literal["proposed", "budgeted", "tendered", "contracted", "delivered", "in_service"]
STAGES: tuple[Stage, ...] = get_args(Stage)
ON_ITS_WAY: tuple[Stage, ...] = ("tendered", "contracted", "delivered")  # counts as to come
_DAY_OF_YEAR = re.compile(r"(\d\d)-(\d\d)")
_LEAP_YEAR = 2000


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Misplaced(ValueError):
    """A fault that is deeper in the file than what was checked; ``place`` leads there."""

    def __init__(self, message: str, *place: str | int) -> None:
        super().__init__(message)
        self.place = place


class Band(_Table):
    """A size that is not certain: at least, most likely, at most."""

    low: float = Field(0.0, description="at least")
    mid: float = Field(0.0, description="most likely; what reports show")
    high: float = Field(0.0, description="at most")

    @property
    def is_certain(self) -> bool:
        return self.low == self.high

    @model_validator(mode="after")
    def _is_ordered(self) -> Band:
        if not self.low <= self.mid <= self.high:
            raise ValueError(
                f"low {self.low:g}, mid {self.mid:g}, high {self.high:g} do not follow each other"
            )
        return self


def _as_band(given: Any) -> Any:
    if isinstance(given, int | float) and not isinstance(given, bool):
        return {"low": given, "mid": given, "high": given}
    return given


Amount = Annotated[Band, BeforeValidator(_as_band)]
_NONE = Band(low=0.0, mid=0.0, high=0.0)


class Project(_Table):
    """Demand that is planned; a committed one counts in the runway, a tentative one beside it.

    Each size is a number, or {low, mid, high}: then every path draws its own.
    """

    name: str = Field(description="what is planned")
    pool: str = Field(description="the cluster or datastore, as `lumbung capacity` names it")
    status: Literal["committed", "tentative"] = Field(
        "tentative", description="only committed demand shortens a runway"
    )
    probability: float = Field(
        0.5, gt=0, le=1, description="of a tentative one: how likely it is to come"
    )
    when: date = Field(description="from that day on")  # not "on", which YAML reads as true
    memory_gib: Amount = Field(_NONE, description="GiB, for both models")
    cpu_cores: Amount = Field(_NONE, description="busy physical cores, for the demand model")
    vcpus: Amount = Field(_NONE, description="configured vCPUs, for the allocation model")
    storage_gib: Amount = Field(_NONE, description="GiB, for both models")
    owner: str = Field("", description="whose project it is")


class Hardware(_Table):
    """A host or capacity that arrives or leaves on a date."""

    pool: str = Field(description="the cluster or datastore, as `lumbung capacity` names it")
    when: date = Field(description="the first day of the new capacity")
    change: Literal["arrives", "leaves"] = Field("arrives", description="the direction")
    host: str | None = Field(None, description="the leaving host, or a name for the new ones")
    count: int = Field(1, ge=1, description="how many alike")
    cpu_cores: float = Field(0.0, description="physical cores of each")
    memory_gib: float = Field(0.0, description="GiB of each")
    storage_gib: float = Field(0.0, description="GiB of each, for a datastore")


class Stages(_Table):
    """When each stage of a purchase was reached, or is expected to be."""

    proposed: date | None = Field(None, description="the need was written down")
    budgeted: date | None = Field(None, description="the money was approved")
    tendered: date | None = Field(None, description="the tender was published")
    contracted: date | None = Field(None, description="the contract was signed")
    delivered: date | None = Field(None, description="it was on site")
    in_service: date | None = Field(None, description="it was installed and tested")

    def dated(self) -> Iterator[tuple[Stage, date]]:
        """The stages that have a date, in their order."""
        for stage in STAGES:
            on: date | None = getattr(self, stage)
            if on is not None:
                yield stage, on

    @model_validator(mode="after")
    def _follow_each_other(self) -> Stages:
        told = list(self.dated())
        if not told:
            raise ValueError("needs the date of at least one stage")
        for (before, earlier), (after, later) in pairwise(told):
            if later < earlier:
                raise Misplaced(f"{later} is before {before} {earlier}", after)
        return self


class Order(_Table):
    """A purchase and how far it is. On its way (tendered to delivered) it is capacity to come.

    Proposed or budgeted it is not certain yet, and in service the sources show it.
    """

    name: str = Field(description="as people call it; no two have the same")
    pool: str = Field(description="the cluster or datastore that gets it")
    item: str = Field(
        "", description="its class, such as host or disk; default disk when it is storage only"
    )
    count: int = Field(1, ge=1, description="how many alike")
    cpu_cores: float = Field(0.0, ge=0, description="physical cores of each")
    memory_gib: float = Field(0.0, ge=0, description="GiB of each")
    storage_gib: float = Field(0.0, ge=0, description="GiB of each, for a datastore")
    stage: Stage | None = Field(
        None,
        description="the stage that is reached; default the last whose date is past. State it when "
        "an expected date may pass without anything happening",
    )
    stages: Stages = Field(description="the date of each stage: past is done, later is expected")
    price: float | None = Field(None, ge=0, description="of each, in the site's currency")
    owner: str = Field("", description="the office that decides; default the pool's")
    note: str = Field("", description="anything; shown beside it")

    @property
    def item_class(self) -> str:
        """What lead times are learnt for."""
        only_storage = self.storage_gib > 0 and self.memory_gib == 0 and self.cpu_cores == 0
        return self.item or ("disk" if only_storage else "host")

    def reached(self, on: date) -> tuple[Stage, date] | None:
        """The last stage that was done by a day, and when; None before the first."""
        last = len(STAGES) if self.stage is None else STAGES.index(self.stage) + 1
        done = [(s, day) for s, day in self.stages.dated() if day <= on and STAGES.index(s) < last]
        if not done:
            return None
        stage, since = done[-1]
        undated = self.stage is not None and getattr(self.stages, self.stage) is None
        return (self.stage if undated and self.stage else stage), since

    def fault_on(self, today: date) -> str:
        """What cannot be true on that day; "" when nothing."""
        reached = None if self.stage is None else getattr(self.stages, self.stage)
        if reached is not None and reached > today:
            return f"{self.stage} is said to be reached, and dated {reached}: that is to come"
        return ""


class Round(_Table):
    """One budget gate on one date."""

    submit_by: date = Field(description="the last day to hand in a need")
    spend_from: date = Field(description="the first day its money can be spent")
    spend_to: date | None = Field(None, description="the last day its money can be spent")

    @model_validator(mode="after")
    def _follow_each_other(self) -> Round:
        if self.spend_from < self.submit_by:
            raise Misplaced(f"{self.spend_from} is before submit_by {self.submit_by}", "spend_from")
        if self.spend_to is not None and self.spend_to < self.spend_from:
            raise Misplaced(f"{self.spend_to} is before spend_from {self.spend_from}", "spend_to")
        return self


class Gate(_Table):
    """A budget gate: every year on the same days, or on the days that are listed."""

    name: str = Field(description="as people call it")
    submit_by: str | None = Field(None, description="MM-DD: the last day to hand in a need")
    spend_from: str | None = Field(
        None, description="MM-DD: the first day its money can be spent, the next after submit_by"
    )
    spend_to: str | None = Field(
        None, description="MM-DD: the last day to spend it, the next after spend_from"
    )
    rounds: tuple[Round, ...] = Field((), description="its dates, instead of days of every year")

    @model_validator(mode="after")
    def _says_when(self) -> Gate:
        for key in ("submit_by", "spend_from", "spend_to"):
            day = getattr(self, key)
            if day is not None and not is_day_of_year(day):
                raise Misplaced(f"{day!r} is no day of the year; write MM-DD, such as 07-15", key)
        if bool(self.rounds) == bool(self.submit_by or self.spend_from):
            raise ValueError("needs either submit_by and spend_from, or rounds")
        if not self.rounds and not (self.submit_by and self.spend_from):
            raise ValueError("needs both submit_by and spend_from")
        return self


def is_day_of_year(text: str) -> bool:
    """Whether a text is MM-DD, of a day that some year has."""
    found = _DAY_OF_YEAR.fullmatch(text)
    if found is None:
        return False
    try:
        date(_LEAP_YEAR, int(found[1]), int(found[2]))
    except ValueError:
        return False
    return True


class Budget(_Table):
    """When money can be asked for, and when it can be spent. Nothing is assumed."""

    gates: tuple[Gate, ...] = Field((), description="in any order")


RECORDER = "recorder"  # the class of what recordings are kept on


class CatalogueItem(_Table):
    """What can be bought, by the piece."""

    name: str = Field(description="as it is ordered")
    item: str = Field(
        "host",
        description="its class: host for clusters, disk for datastores, recorder for cameras",
    )
    pools: tuple[str, ...] = Field(
        (), description="for these pools or recorders only; default for all"
    )
    cpu_cores: float = Field(0.0, ge=0, description="physical cores")
    memory_gib: float = Field(0.0, ge=0, description="GiB of memory")
    storage_gib: float = Field(
        0.0, ge=0, description="GiB for a datastore or recorder, after redundancy"
    )
    price: float | None = Field(None, ge=0, description="in the site's currency")

    @model_validator(mode="after")
    def _has_a_size(self) -> CatalogueItem:
        if self.cpu_cores == self.memory_gib == self.storage_gib == 0:
            raise ValueError("needs a size: cpu_cores and memory_gib, or storage_gib")
        return self


class PoolEntry(_Table):
    """What is declared of a cluster or datastore as a pool."""

    owner: str = Field("", description="the office that decides on its orders")
    agency: str | None = Field(
        None, description="the agency that runs it; default the organisation's operator"
    )


def check_names(kind: str, names: Iterable[str]) -> None:
    """Raises Misplaced for the first name that was there before."""
    seen: set[str] = set()
    for i, name in enumerate(names):
        if name in seen:
            raise Misplaced(f"{name!r} is there twice", kind, i, "name")
        seen.add(name)
