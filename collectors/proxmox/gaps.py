"""How one answer of the cluster counts for what a poll covered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from collectors.proxmox.visibility import Rights
from inventory.records import Coverage, CoverageState

# How the platform says that what was asked about is not there at all.
_ABSENT = ("not installed", "ceph.conf", "not fully configured")


def whole(kind: str, state: CoverageState, reason: str = "", remedy: str = "") -> Coverage:
    return Coverage("", kind, state, reason, remedy)


def refusal(answer: Mapping[str, Any]) -> str:
    status, reason = answer.get("status"), str(answer.get("reason") or "no reason given")
    return f"{status} {reason}" if status else reason


def asked_at(answer: Mapping[str, Any]) -> datetime | None:
    """When an answer that was used again had been given; None for one of this poll."""
    at = answer.get("asked_at")
    return None if at is None else datetime.fromtimestamp(at, UTC)


def is_absent(answer: Mapping[str, Any]) -> bool:
    """Whether the software that was asked about is not there: then there is none, and no gap."""
    reason = str(answer.get("reason", ""))
    return answer.get("status") == 500 and any(sign in reason for sign in _ABSENT)


def judged(scope: str, kind: str, answer: Mapping[str, Any], rights: Rights, path: str) -> Coverage:
    """What an answer says of ``kind`` in ``scope``; ``path`` is what a refusal is about."""
    at, why = asked_at(answer), refusal(answer)
    if answer["status"] == 200 or is_absent(answer):
        return Coverage(scope, kind, "complete", asked_at=at)
    if answer["status"] == 403:
        return Coverage(scope, kind, "hidden", why, rights.remedy(why, path), at)
    if answer["status"] == 501:
        return Coverage(scope, kind, "hidden", f"this release does not tell it: {why}", "", at)
    return Coverage(scope, kind, "failed", why, "", at)
