"""What a collector is: ``fetch`` does all the I/O, ``parse`` is pure.

CollectError                    one line: what, where, what to do
├── SourceMisconfigured         a setting or secret is wrong; retrying won't help
│   └── NotInstalled            this kind of source needs a package that is not there
├── Unreachable                 no connection, or none that can be trusted
├── Unauthorised                the platform refused the credentials
├── BadAnswer                   it answered, but not with what can be read
└── OverTime                    the poll's wall clock ran out and its worker was killed
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import entry_points
from typing import Any, ClassVar, Generic, Protocol, TypeVar, runtime_checkable
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, SecretStr

from inventory.records import EntityKind, KeptAnswer, Peak, Snapshot, Usage

__all__ = [
    "BadAnswer",
    "Budget",
    "CollectError",
    "Collector",
    "History",
    "HistoryCollector",
    "HistoryStep",
    "KeptAnswer",
    "NotInstalled",
    "Options",
    "OverTime",
    "Raw",
    "SeriesCollector",
    "Source",
    "SourceMisconfigured",
    "Unauthorised",
    "Unreachable",
    "collector_of",
    "kinds",
]


class CollectError(Exception):
    """Nothing could be collected from this source; the message is for an operator."""


class SourceMisconfigured(CollectError):
    pass


class NotInstalled(SourceMisconfigured):
    pass


class Unreachable(CollectError):
    pass


class Unauthorised(CollectError):
    pass


class BadAnswer(CollectError):
    pass


class OverTime(CollectError):
    pass


class Options(BaseModel):
    """The settings of one source that only its driver knows; an unknown key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Whether people carry it in by hand: then it is as old as what it tells, and weekly is usual.
    carried: ClassVar[bool] = False

    def secret_references(self) -> Mapping[str, str]:
        """The options that name a secret (env:, file:, credential:), by option."""
        return {}


O = TypeVar("O", bound=Options)  # noqa: E741  (the design's name for a driver's options)


@dataclass(frozen=True, slots=True)
class Source(Generic[O]):
    """One configured source, ready to be read: its secrets are resolved."""

    name: str
    kind: str
    options: O
    cluster: str | None = None  # configured: overrides what the platform says
    known_cluster: str | None = None  # what it said before, for a poll that may not ask
    secrets: Mapping[str, SecretStr] = field(default_factory=dict)
    period_seconds: int = 300
    kept: Mapping[str, KeptAnswer] = field(default_factory=dict)  # of the polls before
    now: datetime | None = None  # the instant of the poll; None: the clock's
    zone: ZoneInfo = ZoneInfo("UTC")  # the site's, for times that carry none


@dataclass(frozen=True, slots=True)
class Budget:
    """How much one poll may take: wall clock from its start, requests at once and in all."""

    seconds: float
    max_parallel: int = 4
    max_requests: int = 20_000
    started: float = field(default_factory=time.monotonic)

    @property
    def remaining(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self.seconds - (time.monotonic() - self.started))

    @property
    def is_spent(self) -> bool:
        return self.remaining == 0.0


@dataclass(frozen=True, slots=True)
class Raw:
    """What a platform answered, as JSON could hold it: request → answer.

    It can be recorded, scrubbed and replayed. ``context`` is what parsing needs beside it.
    ``kept`` are the answers that the next poll may use instead of asking again.
    """

    kind: str
    answers: Mapping[str, Any]
    context: Mapping[str, Any] = field(default_factory=dict)
    kept: Mapping[str, KeptAnswer] = field(default_factory=dict)
    asked: tuple[str, ...] | None = None  # the requests that were sent; None: all of them


@runtime_checkable
class Collector(Protocol[O]):
    """A driver for one kind of source."""

    @property
    def options(self) -> type[O]: ...

    @property
    def reports(self) -> frozenset[str]:
        """The facts this platform can state, as "kind.field": what it lacks is no gap."""
        ...

    def fetch(self, source: Source[O], budget: Budget) -> Raw:
        """Reads the source, and only reads. Raises CollectError when nothing can be had."""
        ...

    def parse(self, raw: Raw, *, source: str, taken_at: datetime) -> Snapshot:
        """The facts in an answer set. Total: what cannot be read becomes a gap."""
        ...


@runtime_checkable
class SeriesCollector(Protocol):
    """A driver whose source may hold several snapshots, each of a time of its own."""

    def parse_series(self, raw: Raw, *, source: str) -> tuple[Snapshot, ...]:
        """Every snapshot in an answer set, oldest first; the last is what `parse` gives."""
        ...


@dataclass(frozen=True, slots=True)
class HistoryStep:
    """One resumable step of a backfill: the platform's own history of one entity."""

    entity: EntityKind
    entity_id: str
    cluster: str
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.entity}/{self.entity_id}"


@dataclass(frozen=True, slots=True)
class History:
    """What a platform remembers of one entity: samples, each with its true period, none counted
    twice; and the highest values of periods that are too coarse for samples to show them."""

    usage: tuple[Usage, ...] = ()
    peaks: tuple[Peak, ...] = ()


@runtime_checkable
class HistoryCollector(Protocol[O]):
    """A driver whose platform keeps a history of its own."""

    def history_steps(self, snapshot: Snapshot) -> tuple[HistoryStep, ...]:
        """The steps for what the snapshot shows, the most useful first."""
        ...

    def fetch_history(
        self, source: Source[O], steps: tuple[HistoryStep, ...], budget: Budget
    ) -> Iterator[tuple[HistoryStep, Raw]]:
        """The raw history, step by step, until the budget is spent."""
        ...

    def parse_history(self, step: HistoryStep, raw: Raw) -> History:
        """The history of one step."""
        ...


def kinds() -> tuple[str, ...]:
    """The kinds of source that can be configured."""
    return tuple(sorted(point.name for point in entry_points(group="lumbung.collectors")))


def collector_of(kind: str) -> Collector[Any]:
    """The driver for a kind of source. Raises SourceMisconfigured for an unknown kind."""
    for point in entry_points(group="lumbung.collectors", name=kind):
        collector: Collector[Any] = point.load()()
        return collector
    raise SourceMisconfigured(f"unknown kind of source {kind!r}; known are {', '.join(kinds())}")
