"""What is asked, and what the store tells of that time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from inventory.changes import Change
from inventory.records import Disk, Guest, Nic
from inventory.window import Blind, Span


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when something happened, as far as that is known."""

    start: datetime
    end: datetime


Looks = Mapping[str, tuple[datetime, ...]]  # by source, when it was read


def began(span: Span[Any], looks: Looks) -> datetime:
    """The look before a fact was first seen; that instant itself where no earlier is known."""
    before = (look for look in looks.get(span.source, ()) if look < span.start)
    return max(before, default=span.start)


@dataclass(frozen=True)
class Past:
    """What the store tells of the window and the look after it, in the guest's cluster: what was
    first seen by that look may have come to be within the window."""

    guests: tuple[Span[Guest], ...]
    disks: tuple[Span[Disk], ...]
    nics: tuple[Span[Nic], ...]
    changes: tuple[Change, ...] = ()
    blind: tuple[Blind, ...] = ()
    looks: Looks = field(default_factory=dict)

    def began(self, span: Span[Any]) -> datetime:
        """The earliest instant at which a fact may have come to be."""
        return began(span, self.looks)

    def last_seen(self, span: Span[Any]) -> datetime | None:
        """The last look that saw it so; None when it still is."""
        if span.until is None:
            return None
        seen = (look for look in self.looks.get(span.source, ()) if span.start <= look < span.until)
        return max(seen, default=span.start)
