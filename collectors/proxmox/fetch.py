"""One poll of a Proxmox VE cluster: bulk answers first, then what has to be asked again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from collectors.contract import Budget, KeptAnswer, Raw, Source
from collectors.proxmox import ProxmoxOptions
from collectors.proxmox.asks import BULK, Ask, Wanted, rights_digest, split
from collectors.proxmox.lean import lean
from collectors.proxmox.wire import Answer, Request, Wire, connect

# What the cluster itself decided: asking again at the next poll would tell the same.
_SETTLED = frozenset({200, 400, 403, 500, 501})


def fetch(source: Source[ProxmoxOptions], budget: Budget) -> Raw:
    """All answers of one poll, those of earlier polls among them that still stand.

    Raises CollectError when the cluster could not be read at all.
    """
    now = datetime.now(UTC) if source.now is None else source.now
    wire, version = connect(source, budget)
    with wire:
        answers = {Request("/version").key: version} | _asked(wire, BULK)
        wanted = Wanted(
            tuple(rows_of(answers.get("GET /cluster/resources"))),
            tuple(rows_of(answers.get("GET /storage"))),
            rights_digest(answers["GET /access/permissions"].get("body")),
        )
        due, standing = split(wanted.asks(), source.kept, now)
        limit = max(0, budget.max_requests - len(answers))
        fresh = _asked(wire, [ask.request for ask in due[:limit]])
        late = {ask.request.key: _late(ask, source.kept, budget) for ask in due[limit:]}
        asked = (*answers, *fresh)
        answers |= fresh | late | {key: _again(one) for key, one in standing.items()}
        kept = standing | _to_keep(due, fresh, now) | _still_kept(due[limit:], source.kept)
        return Raw("proxmox", answers, _context(source, wire), kept, asked)


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
    body = answer.get("body") if answer else None
    return [row for row in body if isinstance(row, Mapping)] if isinstance(body, list) else []
