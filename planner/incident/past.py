"""What is asked, and what the store tells of that time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from inventory.changes import Change
from inventory.records import Disk, Guest, Nic
from inventory.window import Blind, Span


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when something happened, as far as that is known."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Past:
    """What the store tells of the window, in the guest's cluster."""

    guests: tuple[Span[Guest], ...]
    disks: tuple[Span[Disk], ...]
    nics: tuple[Span[Nic], ...]
    changes: tuple[Change, ...] = ()
    blind: tuple[Blind, ...] = ()
    looks: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
