"""The guests that shared a host, network or datastore with one, as far as looks at them tell.

A fact is first seen at the first look after it came to be, so it may have held since the look
before. Two guests that may have met so are named, too: who has to give notice must not miss one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from inventory.records import POWERED_ON, Guest, Nic
from inventory.window import Span
from planner.estate import Estate
from planner.incident.past import Past, Window
from planner.incident.rows import NeighbourRow
from planner.risks.around import Around
from planner.risks.segments import EVERY, UNSEEN, vlans_of
from planner.twins import GuestKey

_NEARNESS = ("network", "host", "datastore")


@dataclass(frozen=True, slots=True)
class Together:
    """The part of the window in which two things held, or may have."""

    since: datetime
    until: datetime
    seen: bool  # the looks leave no doubt; else they may have been so between two of them


@dataclass(frozen=True)
class Neighbours:
    """The neighbours of one guest within a window."""

    key: GuestKey
    window: Window
    then: Estate
    now: Estate
    past: Past
    own: Sequence[Span[Guest]]
    host_names: Mapping[str, str]

    def rows(self) -> Iterator[NeighbourRow]:
        """The nearest first: of all who hold personal data, or may, those on its network."""
        merged: dict[tuple[str, ...], NeighbourRow] = {}
        for found in (*self._on_network(), *self._on_host(), *self._on_datastore()):
            place = (found.cluster, found.id, found.shares, found.what)
            known = merged.get(place)
            merged[place] = found if known is None else _both(known, found)
        yield from sorted(
            merged.values(),
            key=lambda row: (row.personal is False, _NEARNESS.index(row.shares), row.guest),
        )

    def _on_host(self) -> Iterator[NeighbourRow]:
        for mine in self.own:
            for other in self.past.guests:
                if key_of(other) == self.key or other.record.template is True:
                    continue
                host_id = mine.record.host_id
                together = self._together(mine, other)
                if together is None or host_id is None or other.record.host_id != host_id:
                    continue
                if _may_run(mine.record) and _may_run(other.record):
                    host = self.host_names.get(host_id, host_id)
                    yield self._row(key_of(other), "host", host, together)

    def _on_network(self) -> Iterator[NeighbourRow]:
        for mine in self._own_parts(self.past.nics):
            for other in self.past.nics:
                if key_of(other) == self.key or other.record.network != mine.record.network:
                    continue
                together = self._together(mine, other)
                certain = self._share_a_segment(mine.record, other.record)
                if together is None or certain is None:
                    continue
                vlan = {None: "?", 0: "untagged"}.get(mine.record.vlan, str(mine.record.vlan))
                what = f"{mine.record.network}/{vlan}"
                yield self._row(key_of(other), "network", what, together, certain=certain)

    def _on_datastore(self) -> Iterator[NeighbourRow]:
        templates = {key_of(span) for span in self.past.guests if span.record.template is True}
        for mine in self._own_parts(self.past.disks):
            named = mine.record.datastore_id
            for other in self.past.disks:
                if other.record.datastore_id != named or named is None:
                    continue
                together = self._together(mine, other)
                if together and key_of(other) != self.key and key_of(other) not in templates:
                    yield self._row(key_of(other), "datastore", named, together)

    def _own_parts(self, spans: Iterable[Span[Any]]) -> list[Span[Any]]:
        return [span for span in spans if key_of(span) == self.key]

    def _together(self, mine: Span[Any], other: Span[Any]) -> Together | None:
        """When within the window both held, or may have; None for never."""
        window = self.window
        ends = [end for end in (mine.until, other.until) if end is not None]
        until = min(ends, default=None)
        since = max(self.past.began(mine), self.past.began(other))
        if since >= window.end or (until is not None and until <= max(since, window.start)):
            return None
        first_seen = max(mine.start, other.start, window.start)
        last_seen = [at for span in (mine, other) if (at := self.past.last_seen(span)) is not None]
        return Together(
            since=max(since, window.start),
            until=min([window.end, *ends]),
            seen=first_seen <= min([window.end, *last_seen]),
        )

    def _share_a_segment(self, mine: Nic, other: Nic) -> bool | None:
        """True: one segment; False: perhaps, VLANs of one are not known; None: not the same.

        An interface without a tag on a bridge that knows VLANs receives all of them.
        """
        if mine.link_down or other.link_down or (mine.isolated and other.isolated):
            return None
        if self._places(mine).isdisjoint(self._places(other)):
            return None
        heard, others = self._vlans(mine), self._vlans(other)
        if (heard & others) - {UNSEEN} or EVERY in heard | others:
            return True
        return False if UNSEEN in heard | others else None

    def _vlans(self, nic: Nic) -> frozenset[str]:
        networks = self.now.once(Around).networks
        hosts = self._hosts[nic.cluster, nic.guest_id] or {None}
        return frozenset().union(*(vlans_of(nic, host_id, networks) for host_id in hosts))

    def _places(self, nic: Nic) -> frozenset[str]:
        networks = self.now.once(Around).networks
        hosts = self._hosts[nic.cluster, nic.guest_id] or {None}
        return frozenset(networks.place(nic, host_id) for host_id in hosts)

    @cached_property
    def _hosts(self) -> Mapping[GuestKey, set[str | None]]:
        """Where each guest was."""
        found: dict[GuestKey, set[str | None]] = defaultdict(set)
        for span in self.past.guests:
            found[key_of(span)].add(span.record.host_id)
        return found

    def _row(
        self, key: GuestKey, shares: str, what: str, together: Together, *, certain: bool = True
    ) -> NeighbourRow:
        view = self.now.guest_of.get(key) or self.then.guest_of.get(key)
        return NeighbourRow(
            guest=view.label if view else key[1],
            id=key[1],
            cluster=key[0],
            shares=shares,
            what=what,
            certain=certain and together.seen,
            since=together.since,
            until=together.until,
            classification=view.classification if view else None,
            personal=view.is_personal if view else None,
            agency=view.agency if view else None,
            owner=view.agency_contact if view else None,
        )


def key_of(span: Span[Any]) -> GuestKey:
    return span.record.cluster, span.record.guest_id


def _both(one: NeighbourRow, other: NeighbourRow) -> NeighbourRow:
    return replace(
        other,
        certain=one.certain or other.certain,
        since=min(one.since, other.since),
        until=max(one.until, other.until),
    )


def _may_run(guest: Guest) -> bool:
    """Whether it was running, or may have been."""
    return guest.power is None or guest.power in POWERED_ON
