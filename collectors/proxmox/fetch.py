"""One poll of a Proxmox VE cluster: bulk answers first, then what has to be asked again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from collectors.contract import Budget, KeptAnswer, Raw, Source
from collectors.proxmox import ProxmoxOptions
from collectors.proxmox.asks import BULK, Ask, Wanted, rights_digest, split
from collectors.proxmox.cluster import release_of
from collectors.proxmox.gaps import was_left
from collectors.proxmox.lean import lean
from collectors.proxmox.visibility import Rights
from collectors.proxmox.wire import NOT_ASKED, Answer, Request, Wire, connect, rows_of

# What the cluster itself decided: asking again at the next poll would tell the same.
_SETTLED = frozenset({200, 400, 403, 500, 501})
# The share of a poll's time that asking may take; the rest is for reading what came.
_ASKING = 0.85
_RESOURCES = Request("/cluster/resources")
_OF_A_GUEST = re.compile(r"GET /nodes/[^/]+/(qemu|lxc)/\d+/.*")


def fetch(source: Source[ProxmoxOptions], budget: Budget) -> Raw:
    """All answers of one poll, those of earlier polls among them that still stand.

    Raises CollectError when the cluster could not be read at all.
    """
    now = datetime.now(UTC) if source.now is None else source.now
    asking = replace(budget, seconds=budget.seconds * _ASKING)
    wire, version = connect(source, asking)
    with wire:
        poll = _Poll(wire, source, asking.max_requests, now)
        poll.answers[Request("/version").key] = version
        poll.ask_now(BULK)
        wanted = _wanted(poll.answers, source)
        poll.ask(wanted.asks())
        if poll.missed_a_guest:
            # It moved or went between the list and its answer: the list is read once more.
            poll.ask_now([_RESOURCES])
            wanted = _wanted(poll.answers, source)
            poll.ask(wanted.asks())
        poll.ask(wanted.follow_ups(poll.answers))
        poll.ask(wanted.of_agents(poll.answers))
        return Raw("proxmox", poll.answers, _context(source, wire), poll.kept, tuple(poll.asked))


class _Poll:
    """The answers of one poll as they come, and what the next poll may use of them."""

    def __init__(
        self, wire: Wire, source: Source[ProxmoxOptions], max_requests: int, now: datetime
    ) -> None:
        self._wire = wire
        self._before = source.kept
        self._period_seconds = source.period_seconds
        self._max_requests = max_requests
        self._now = now
        self.answers: dict[str, Answer] = {}
        self.kept: dict[str, KeptAnswer] = {}
        self.asked: list[str] = [Request("/version").key]

    def ask_now(self, requests: Iterable[Request]) -> None:
        """Asks whatever was asked before."""
        self._send(requests)

    def ask(self, asks: Iterable[Ask]) -> None:
        """Asks what has no answer yet in this poll and none of earlier polls that stands."""
        new = [ask for ask in asks if ask.request.key not in self.answers]
        due, standing = split(new, self._before, self._now, self._period_seconds)
        for key, one in standing.items():
            self._use_again(key, one)
        room = max(0, self._max_requests - len(self.asked))
        self._send(ask.request for ask in due[:room])
        for ask in due:
            self._settle(ask)

    def _send(self, requests: Iterable[Request]) -> None:
        answers = self._wire.ask_all(requests)
        self.answers |= {key: lean(key, answer) for key, answer in answers.items()}
        self.asked += [key for key, answer in answers.items() if not was_left(answer)]

    def _settle(self, ask: Ask) -> None:
        """Keeps the answer for the polls to come; what was left over has its earlier one."""
        key = ask.request.key
        reason = f"{NOT_ASKED}: a poll sends {self._max_requests} requests at most"
        answer = self.answers.setdefault(key, {"status": 0, "reason": reason, "body": None})
        if was_left(answer):
            if key in self._before:
                self._use_again(key, self._before[key])
        elif ask.every_seconds and _is_settled(ask, answer):
            self.kept[key] = KeptAnswer(answer, self._now, ask.mark)

    def _use_again(self, key: str, one: KeptAnswer) -> None:
        """An earlier answer as one of this poll, with the time at which it was given."""
        self.answers[key] = {**one.answer, "asked_at": one.asked_at.timestamp()}
        self.kept[key] = one

    @property
    def missed_a_guest(self) -> bool:
        """Whether a guest was no longer where the list has it."""
        return any(
            answer["status"] == 500
            and "does not exist" in str(answer["reason"])
            and _OF_A_GUEST.fullmatch(key)
            for key, answer in self.answers.items()
        )


def _is_settled(ask: Ask, answer: Answer) -> bool:
    """Whether asking again would tell the same, for some time at least."""
    passes_at_once = answer["status"] >= 500 and not ask.error_seconds
    return answer["status"] in _SETTLED and not passes_at_once


def _wanted(answers: Mapping[str, Answer], source: Source[ProxmoxOptions]) -> Wanted:
    rights = answers["GET /access/permissions"].get("body")
    return Wanted(
        resources=tuple(rows_of(answers.get(_RESOURCES.key))),
        storages=tuple(rows_of(answers.get("GET /storage"))),
        rights=rights_digest(rights),
        may=Rights.of(rights, source.options.token_id),
        release=release_of(answers["GET /version"].get("body")),
        replications=tuple(rows_of(answers.get("GET /cluster/replication"))),
    )


def _context(source: Source[ProxmoxOptions], wire: Wire) -> dict[str, Any]:
    effort = wire.effort
    return {
        "endpoint": wire.url,
        "token_id": source.options.token_id,
        "cluster": source.cluster,
        "known_cluster": source.known_cluster,
        "period_seconds": source.period_seconds,
        "requests": effort.requests,
        "bytes": effort.bytes,
        "seconds": effort.seconds,
        "clock_offset_seconds": wire.clock_offset_seconds,
    }
