"""What a notice may need to say and nobody knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from inventory.platform_records import Grant
from inventory.records import Guest
from inventory.window import Span
from planner.estate import Estate
from planner.incident.past import Past, Window
from planner.incident.rows import NotKnownRow
from planner.owners import EstateFile
from planner.twins import GuestKey


@dataclass(frozen=True, slots=True)
class NotKnown:
    """The gaps of one guest and a window."""

    key: GuestKey
    window: Window
    then: Estate
    now: Estate
    past: Past
    own: Sequence[Span[Guest]]

    def rows(self) -> Iterator[NotKnownRow]:
        yield from self._silences()
        yield from self._blind()
        yield from self._unsaid()
        yield NotKnownRow(
            "inside",
            "what happened in the guest: who logged in, what was read, changed or sent away",
            "no hypervisor tells; ask its own logs and those of the network",
            self.window.start,
            self.window.end,
        )

    def _silences(self) -> Iterator[NotKnownRow]:
        """The times in which nobody looked, so that what came and went in them left no trace."""
        for source in sorted({span.source for span in self.own}):
            health = self.now.source_health(source)
            longest = timedelta(minutes=3 * (health.poll_minutes if health else 5))
            looks = self.past.looks.get(source, ())
            before, after = self.window.start, self.window.end
            instants = [*looks] if looks else [before, after]
            if instants[0] > before:
                instants.insert(0, before)
            if instants[-1] < after:
                instants.append(after)
            for since, until in pairwise(instants):
                if until - since > longest and until > before and since < after:
                    told = f"what changed for less than the time between two looks at {source}"
                    why = f"{source} was not read for {_hours(until - since)}"
                    yield NotKnownRow("source", told, why, since, until)

    def _blind(self) -> Iterator[NotKnownRow]:
        sources = {span.source for span in self.own}
        scopes = {"", f"guest/{self.key[1]}", f"host/{self.own[-1].record.host_id}"}
        for gap in self.past.blind:
            if gap.source in sources and gap.scope in scopes:
                where = f" of {gap.scope}" if gap.scope else ""
                why = gap.reason or gap.state
                since, until = max(gap.start, self.window.start), min(gap.until, self.window.end)
                yield NotKnownRow("source", f"{gap.kind}{where} in {gap.source}", why, since, until)

    def _unsaid(self) -> Iterator[NotKnownRow]:
        then, now = self.then.guest_of.get(self.key), self.now.guest_of.get(self.key)
        view = now or then
        if self.own[0].start > self.window.start:
            why = "it is younger, or was not seen before"
            first = self.own[0].start
            yield NotKnownRow(
                "guest", "the guest at the beginning of the window", why, self.window.start, first
            )
        if self.now.owners != EstateFile() and self.then.as_of < self.now.as_of:
            why = "only today's file is kept; manifests of reports tell which one was read then"
            told = "what the estate file declared at the beginning of the window"
            yield NotKnownRow("data", told, why, self.window.start, None)
        if view is None or view.classification is None:
            yield NotKnownRow("data", "what data is on it", "nobody classified it", None, None)
        if view is None or view.agency is None:
            yield NotKnownRow("data", "whose it is", "no agency is accountable for it", None, None)
        if view is None or view.service_entry is None or view.service_entry.data_subjects is None:
            why = "the estate file states no services.NAME.data_subjects"
            yield NotKnownRow("data", "how many people's data is on it", why, None, None)
        if not self.now.owners.organisation.dpo.contact:
            why = "the estate file states no organisation.dpo"
            yield NotKnownRow("data", "who answers for data protection", why, None, None)
        yield from self._hidden()

    def _hidden(self) -> Iterator[NotKnownRow]:
        """Kinds of fact that the guest's source does not tell at all."""
        source = self.own[-1].source
        for topic, kind, what in (
            ("rights", "grant", "who had rights on it"),
            ("backups", "backup", "which backups of it exist"),
        ):
            gap = self.now.gap(source, kind)
            if gap is not None:
                yield NotKnownRow(topic, what, gap.reason or gap.state, None, None)
            elif topic == "rights" and not self.now.in_cluster(Grant, self.key[0]):
                why = "the platform lists no grant at all, and somebody must have one"
                yield NotKnownRow(topic, what, why, None, None)


def _hours(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.0f} days"
