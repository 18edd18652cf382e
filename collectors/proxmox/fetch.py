"""One poll of a Proxmox VE cluster: bulk answers first, then what has to be asked again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from collectors.contract import Budget, KeptAnswer, Raw, Source
from collectors.proxmox import ProxmoxOptions
from collectors.proxmox.asks import BULK, Ask, Wanted, rights_digest, split
from collectors.proxmox.cluster import release_of
from collectors.proxmox.lean import lean
from collectors.proxmox.values import rows
from collectors.proxmox.visibility import Rights
from collectors.proxmox.wire import Answer, Request, Wire, connect

# What the cluster itself decided: asking again at the next poll would tell the same.
_SETTLED = frozenset({200, 400, 403, 500, 501})


def fetch(source: Source[ProxmoxOptions], budget: Budget) -> Raw:
    """All answers of one poll, those of earlier polls among them that still stand.

    Raises CollectError when the cluster could not be read at all.
    """
    wire, version = connect(source, budget)
    with wire:
        answers = {Request("/version").key: version} | _asked(wire, BULK)
        poll = _Poll(wire, source, budget, answers)
        wanted = _wanted(answers, source.options.token_id)
        poll.ask(wanted.asks())
        poll.ask(wanted.follow_ups(poll.answers))
        return Raw("proxmox", poll.answers, _context(source, wire), poll.kept, tuple(poll.asked))


def _wanted(answers: Mapping[str, Answer], token_id: str) -> Wanted:
    permissions = answers["GET /access/permissions"].get("body")
    return Wanted(
        tuple(rows_of(answers.get("GET /cluster/resources"))),
        tuple(rows_of(answers.get("GET /storage"))),
        rights_digest(permissions),
        Rights.of(permissions, token_id),
        release_of(answers["GET /version"].get("body")),
    )


class _Poll:
    """The answers of one poll as they come, and what of them the next one may use."""

    def __init__(
        self,
        wire: Wire,
        source: Source[ProxmoxOptions],
        budget: Budget,
        answers: dict[str, Answer],
    ) -> None:
        self._wire = wire
        self._before = source.kept
        self._budget = budget
        self._now = datetime.now(UTC) if source.now is None else source.now
        self.answers = answers
        self.asked = list(answers)
        self.kept: dict[str, KeptAnswer] = {}

    def ask(self, asks: Iterable[Ask]) -> None:
        """Sends what is due, as far as the poll's limit allows; the rest is answered by before."""
        due, standing = split(asks, self._before, self._now)
        limit = max(0, self._budget.max_requests - len(self.asked))
        fresh = _asked(self._wire, [ask.request for ask in due[:limit]])
        late = {ask.request.key: _late(ask, self._before, self._budget) for ask in due[limit:]}
        self.asked += fresh
        self.answers |= fresh | late | {key: _again(one) for key, one in standing.items()}
        self.kept |= standing | _to_keep(due, fresh, self._now)
        self.kept |= _still_kept(due[limit:], self._before)


def _asked(wire: Wire, requests: Iterable[Request]) -> dict[str, Answer]:
    return {key: lean(key, answer) for key, answer in wire.ask_all(requests).items()}


def _again(kept: KeptAnswer) -> Answer:
    """An earlier answer as one of this poll, with the time at which it was given."""
    answer: Answer = {**kept.answer, "asked_at": kept.asked_at.timestamp()}
    return answer


def _late(ask: Ask, kept: Mapping[str, KeptAnswer], budget: Budget) -> Answer:
    """What stands for a request that the poll's limit left over."""
    before = kept.get(ask.request.key)
    if before is not None:
        return _again(before)
    reason = f"not asked yet: a poll sends {budget.max_requests} requests at most"
    return {"status": 0, "reason": reason, "body": None}


def _to_keep(
    due: Iterable[Ask], fresh: Mapping[str, Answer], now: datetime
) -> dict[str, KeptAnswer]:
    return {
        ask.request.key: KeptAnswer(fresh[ask.request.key], now, ask.mark)
        for ask in due
        if ask.every_seconds
        and ask.request.key in fresh
        and fresh[ask.request.key]["status"] in _SETTLED
    }


def _still_kept(late: Iterable[Ask], kept: Mapping[str, KeptAnswer]) -> dict[str, KeptAnswer]:
    keys = [ask.request.key for ask in late]
    return {key: kept[key] for key in keys if key in kept}


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


def rows_of(answer: Answer | None) -> list[Mapping[str, Any]]:
    """The rows of a list answer; none when it was refused or is no list."""
    return rows(answer.get("body") if answer else None)
