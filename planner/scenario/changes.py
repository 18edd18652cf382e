"""A scenario is data: a list of dated changes, from options or from a file."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from planner.cameras import storage_bytes
from planner.owners import Classification, Match
from planner.purchases import Misplaced

DOING_NOTHING = "doing nothing"  # the scenario that is always there
_POOL = "the cluster, as `lumbung capacity` names it"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GuestsOfSize(_Table):
    """So many guests of one size."""

    count: int = Field(1, ge=1, le=100_000, description="how many")
    profile: str = Field("M", description="S, M, L, average, VCPU/GIB/GIB or clone:GUEST")
    name: str = Field("", max_length=60, description="what their names begin with")


class AddGuests(GuestsOfSize):
    """New guests in a cluster."""

    pool: str = Field(description=_POOL)
    storage: str | None = Field(None, description="the datastore; default the one with most room")
    agency: str | None = Field(None, description="the agency's code")
    classification: Classification | None = Field(None, description="of their data")
    criticality: int | None = Field(None, ge=1, le=4, description="1 is the highest")


class NewService(_Table):
    """A service: guests of several sizes that belong together."""

    name: str = Field(max_length=60, description="its short name")
    pool: str = Field(description=_POOL)
    guests: tuple[GuestsOfSize, ...] = Field(min_length=1, description="what it is made of")
    storage: str | None = Field(None, description="the datastore; default the one with most room")
    agency: str | None = Field(None, description="the agency's code")
    classification: Classification | None = Field(None, description="of its data")
    criticality: int | None = Field(None, ge=1, le=4, description="1 is the highest")

    @property
    def parts(self) -> tuple[AddGuests, ...]:
        """The same as guests that are added."""
        shared = self.model_dump(exclude={"name", "guests"})
        return tuple(
            AddGuests(**shared, **part.model_dump(exclude={"name"}), name=part.name or self.name)
            for part in self.guests
        )


class RemoveGuests(_Table):
    """Guests that go."""

    match: Match = Field(description="which guests")


class ResizeGuests(_Table):
    """Guests that get another size."""

    match: Match = Field(description="which guests")
    vcpus: float | None = Field(None, gt=0, description="configured vCPUs of each; default as now")
    memory_gib: float | None = Field(None, gt=0, description="GiB of each; default as now")

    @model_validator(mode="after")
    def _changes_something(self) -> ResizeGuests:
        if self.vcpus is None and self.memory_gib is None:
            raise ValueError("needs vcpus, memory_gib or both")
        return self


class RetireHost(_Table):
    """A host that leaves; its guests move to the others."""

    host: str = Field(description="its name, or CLUSTER/NAME")


class AddHosts(_Table):
    """Hosts that arrive: like one that is there, or of a size."""

    pool: str | None = Field(None, description=f"{_POOL}; default that of `like`")
    count: int = Field(1, ge=1, le=1_000, description="how many alike")
    like: str | None = Field(None, description="a host whose size they have")
    cpu_cores: float | None = Field(None, gt=0, description="physical cores of each")
    memory_gib: float | None = Field(None, gt=0, description="GiB of each")
    name: str = Field("", max_length=60, description="what their names begin with")

    @model_validator(mode="after")
    def _has_a_size(self) -> AddHosts:
        sized = self.cpu_cores is not None and self.memory_gib is not None
        if self.like is None and not (sized and self.pool):
            raise ValueError("needs `like`, or pool, cpu_cores and memory_gib")
        if self.like is not None and (self.cpu_cores is not None or self.memory_gib is not None):
            raise ValueError("takes `like` or a size, not both")
        return self


class AddStorage(_Table):
    """Capacity that a datastore gains."""

    pool: str = Field(description="the datastore, as `lumbung capacity` names it")
    storage_gib: float = Field(gt=0, description="GiB, after redundancy")


class MigrateCluster(_Table):
    """All guests of one cluster move to another."""

    leaving: str = Field(description="the cluster they leave")
    arriving: str = Field(description="the cluster they go to")
    cpu_factor: float = Field(
        1.0, gt=0, le=10, description="cores needed there per core used here: 0.8 for faster ones"
    )
    storage: str | None = Field(None, description="the datastore; default the one with most room")


class Growth(_Table):
    """Growth that is faster or slower than foreseen."""

    pool: str | None = Field(None, description="one cluster or datastore; default all")
    cpu: float = Field(1.0, ge=0, le=100, description="× the growth of CPU")
    memory: float = Field(1.0, ge=0, le=100, description="× the growth of memory")
    storage: float = Field(1.0, ge=0, le=100, description="× the growth of storage")


class Demand(_Table):
    """Demand in one piece, without saying by which guests."""

    pool: str = Field(description="the cluster or datastore, as `lumbung capacity` names it")
    memory_gib: float = Field(0.0, description="GiB, for both models")
    cpu_cores: float = Field(0.0, description="busy physical cores, for the demand model")
    vcpus: float = Field(0.0, description="configured vCPUs, for the allocation model")
    storage_gib: float = Field(0.0, description="GiB, for both models")


class Cameras(_Table):
    """Cameras, as the storage that their recordings keep filled."""

    pool: str = Field(description="the datastore, as `lumbung capacity` names it")
    count: int | None = Field(None, ge=1, le=1_000_000, description="how many")
    mbps: float | None = Field(None, gt=0, description="of each, megabits per second")
    hours: float = Field(24.0, gt=0, le=24, description="that each records a day")
    retention_days: float | None = Field(None, gt=0, description="how long it is kept")
    storage_gib: float | None = Field(None, gt=0, description="GiB in all, instead of the others")

    @model_validator(mode="after")
    def _has_a_size(self) -> Cameras:
        counted = None not in (self.count, self.mbps, self.retention_days)
        if counted == (self.storage_gib is not None):
            raise ValueError("needs count, mbps and retention_days, or storage_gib alone")
        return self

    @property
    def kept_gib(self) -> float:
        """What they keep filled (glossary 20)."""
        if self.count is None or self.mbps is None or self.retention_days is None:
            return self.storage_gib or 0.0
        return storage_bytes(self.count, self.mbps, self.hours, self.retention_days) / 1024**3


class Reclaim(_Table):
    """What could be given back; half of it counts. Without figures it is what `lumbung reclaim`
    finds."""

    pool: str = Field(description="the cluster or datastore, as `lumbung capacity` names it")
    vcpus: float = Field(0.0, ge=0, description="configured vCPUs; frees no physical CPU")
    memory_gib: float = Field(0.0, ge=0, description="GiB")
    storage_gib: float = Field(0.0, ge=0, description="GiB")

    @property
    def is_stated(self) -> bool:
        return bool({"vcpus", "memory_gib", "storage_gib"} & self.model_fields_set)


class Change(_Table):
    """One change, and from which day on: exactly one of the others beside `when`."""

    when: date | None = Field(None, description="from that day on; default today")
    add: AddGuests | None = Field(None, description="new guests")
    service: NewService | None = Field(None, description="a new service")
    remove: RemoveGuests | None = Field(None, description="guests that go")
    resize: ResizeGuests | None = Field(None, description="guests of another size")
    retire: RetireHost | None = Field(None, description="a host that leaves")
    add_hosts: AddHosts | None = Field(None, description="hosts that arrive")
    add_storage: AddStorage | None = Field(None, description="a larger datastore")
    migrate: MigrateCluster | None = Field(None, description="a cluster moves to another")
    growth: Growth | None = Field(None, description="other growth than foreseen")
    demand: Demand | None = Field(None, description="demand in one piece")
    cameras: Cameras | None = Field(None, description="more cameras")
    reclaim: Reclaim | None = Field(None, description="what could be given back")

    @property
    def verbs(self) -> dict[str, Any]:
        """What is set beside the date, by its key."""
        names = [name for name in type(self).model_fields if name != "when"]
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    @model_validator(mode="after")
    def _is_one_change(self) -> Change:
        found = list(self.verbs)
        if len(found) != 1:
            known = ", ".join(name for name in type(self).model_fields if name != "when")
            told = " and ".join(found) if found else "nothing"
            raise ValueError(f"holds {told}; a change is exactly one of {known}")
        return self


class Scenario(_Table):
    """Changes that are looked at together."""

    name: str = Field(min_length=1, max_length=60, description="as the table calls it")
    changes: tuple[Change, ...] = Field((), description="in any order; their dates decide")


class ScenarioFile(_Table):
    """The file: scenarios side by side."""

    version: Literal[1] = Field(1, description="of the file's form")
    scenarios: tuple[Scenario, ...] = Field(description="side by side")

    @model_validator(mode="after")
    def _has_names_of_its_own(self) -> ScenarioFile:
        names = [scenario.name for scenario in self.scenarios]
        if not names:
            raise Misplaced("holds none; a scenario is a name and its changes", "scenarios")
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two scenarios are named {name!r}")
            if name == DOING_NOTHING:
                raise ValueError(f"{DOING_NOTHING!r} is there by itself; name yours otherwise")
        return self
