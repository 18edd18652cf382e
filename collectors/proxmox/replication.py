"""Replication: which guests' disks are copied to another host, and how that went.

The cluster tells the jobs, each host the state of those that start on it. Jobs of guests that the
token may not see are left out silently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from collectors.proxmox.answers import Answers
from collectors.proxmox.gaps import away, judged
from collectors.proxmox.values import count, flag, stated, text
from collectors.proxmox.visibility import Rights
from collectors.untrusted import instant, whole
from inventory.platform_records import Replication
from inventory.records import Coverage, CoverageState

Row = Mapping[str, Any]
_JOBS = "GET /cluster/replication"
_DEFAULT_SCHEDULE = "*/15"


def replications(answers: Answers) -> Iterator[Replication]:
    """Every job with what its host says of it; of one that never ran there is no last time."""
    for job_id, row in _jobs(answers).items():
        state = _state(answers, job_id, row)
        disabled = flag(row.get("disable", 0))
        yield Replication(
            job_id=job_id,
            guest_id=str(whole(row.get("guest"))),
            cluster=answers.cluster,
            source_host=source_of(row, answers.guest_nodes),
            target_host=text(row.get("target")),
            schedule=text(row.get("schedule", _DEFAULT_SCHEDULE)),
            enabled=None if disabled is None else not disabled,
            **_of_state(state),
        )


def _of_state(state: Row | None) -> dict[str, Any]:
    if state is None:
        return {}
    return {
        "last_sync_at": instant(whole(state.get("last_sync"))),
        "last_attempt_at": instant(whole(state.get("last_try"))),
        "failures": count(state.get("fail_count", 0)),
        "error": stated(state.get("error")),
    }


def _jobs(answers: Answers) -> dict[str, Row]:
    return {
        job_id: row
        for row in answers.rows(_JOBS)
        if (job_id := text(row.get("id"))) and whole(row.get("guest")) is not None
    }


def source_of(row: Row, guest_nodes: Mapping[str, str]) -> str | None:
    """The host that a job starts on: as stated, else where its guest is."""
    return text(row.get("source")) or guest_nodes.get(str(whole(row.get("guest"))))


def _state(answers: Answers, job_id: str, row: Row) -> Row | None:
    states = answers.rows(_state_key(source_of(row, answers.guest_nodes)))
    return next((state for state in states if state.get("id") == job_id), None)


def _state_key(node: str | None) -> str:
    return f"GET /nodes/{node}/replication"


def replication_coverage(answers: Answers, rights: Rights) -> Iterator[Coverage]:
    """Whether all jobs were seen, and the state of each."""
    listed = judged("", "replication", answers.get(_JOBS), rights, "/vms")
    if not listed.is_gap and not rights.has("VM.Audit", "/vms"):
        reason = "VM.Audit on /vms is missing: only jobs of guests that are shown"
        state: CoverageState = "partial" if answers.guest_rows else "hidden"
        listed = Coverage("", "replication", state, reason, rights.grant("/vms"))
    yield listed
    for job_id, row in _jobs(answers).items():
        yield _state_coverage(answers, job_id, source_of(row, answers.guest_nodes), rights)


def _state_coverage(answers: Answers, job_id: str, source: str | None, rights: Rights) -> Coverage:
    """Whether the job's host told how it went; of a disabled job it tells nothing."""
    answer = answers.get(_state_key(source))
    seen = judged(f"replication/{job_id}", "replication", answer, rights, "/vms")
    if not seen.is_gap:
        return seen
    return replace(seen, state="partial", reason=away(answers, source) or seen.reason)
