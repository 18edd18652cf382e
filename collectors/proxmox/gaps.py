"""How one answer of the cluster counts for what a poll covered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from collectors.proxmox.answers import Answers
from collectors.proxmox.visibility import NO_RIGHTS, Rights
from collectors.proxmox.wire import NOT_ASKED
from inventory.records import Coverage, CoverageState

# Which answer about a guest tells of each kind that every guest has.
TOLD_BY = {
    "guest": "config",
    "disk": "config",
    "nic": "config",
    "guest_snapshot": "snapshot",
    "firewall": "firewall/options",
    "firewall_rule": "firewall/rules",
    "pending": "pending",
}
# A kind that only some guests have: whether they do, their configuration tells.
_TOLD_FIRST = {"filesystem": "config"}
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


def guests_shown(answers: Answers, rights: Rights, kind: str) -> Coverage:
    """Whether every guest is shown and was asked, for a kind of fact that each guest has."""
    listed = answers.get("GET /cluster/resources")
    if listed["status"] != 200:
        return whole(kind, "failed", refusal(listed))
    if answers.unreadable_guests:
        reason = f"{answers.unreadable_guests} rows of guests could not be read"
        return whole(kind, "partial", reason)
    what = TOLD_BY.get(kind) or _TOLD_FIRST[kind]
    left = sum(was_left(answers.guest_answer(row, what)) for row in answers.guest_rows)
    if left and rights.has_everywhere("VM.Audit", "/vms"):
        return whole(kind, "partial", f"{left} guests were {NOT_ASKED}: the next polls go on")
    if rights.has_everywhere("VM.Audit", "/vms"):
        return whole(kind, "complete")
    seen, remedy = len(answers.guest_rows), rights.grant("/vms")
    if not seen:
        return whole(kind, "hidden", "VM.Audit on /vms is missing: no guest is shown", remedy)
    lack = rights.lack("VM.Audit", "/vms")
    reason = f"{lack}: {seen} guests of an unknown total are shown"
    return whole(kind, "partial", reason, remedy)


def was_left(answer: Mapping[str, Any]) -> bool:
    """Whether there was no time or room left in this poll to ask it, nor in those before."""
    return answer["status"] == 0 and str(answer.get("reason")).startswith(NOT_ASKED)


def of_guest(answers: Answers, row: Mapping[str, Any], kind: str) -> Coverage | None:
    """Whether a guest's own answer came, and when, for it may be of an earlier poll.

    None for one that was not asked yet: the whole of the kind tells how many those are.
    """
    scope, answer = f"guest/{row.get('vmid')}", answers.guest_answer(row, TOLD_BY[kind])
    reason = away(answers, str(row.get("node"))) if answer["status"] != 200 else ""
    if reason:
        return Coverage(scope, kind, "failed", reason)
    if was_left(answer):
        return None
    rights = answers.rights or NO_RIGHTS
    return judged(scope, kind, answer, rights, f"/vms/{row.get('vmid')}")


def away(answers: Answers, node: str | None) -> str:
    """Why a node answers nothing; "" when it is online."""
    state = answers.node_states.get(node or "", "unknown")
    return "" if state == "online" else f"its node {node} is {state}"
