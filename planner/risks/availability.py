"""Availability: what happens when a host dies, and what runs full."""

from __future__ import annotations

from planner.answers import Answer, PoolAnswer
from planner.estate import Estate
from planner.numbers import exceeds
from planner.risks.rule import (
    CRITICAL,
    HIGH,
    Outcome,
    Rule,
    not_applicable,
    ok,
    risk,
    rule,
    unknown,
)


def _answer(pool: PoolAnswer, resource: str, model: str) -> Answer | None:
    return next(
        (
            answer
            for answer in pool.answers
            if (answer.question.resource, answer.question.model) == (resource, model)
        ),
        None,
    )


@rule(
    "AVL-001",
    "N+1 violated: the loss of one host cannot be absorbed",
    subject="cluster",
    severity=CRITICAL,
    group="availability",
    essential=True,
    needs=("guest",),
    refs=("ISO 27001 A.8.14", "NIST CP-2", "CIS 12.1", "UU 27/2022 art. 35"),
    why="When that host dies, the guests named here stay down until it is repaired.",
    fix="Shrink, move or stop guests, or add a host; `lumbung failover` shows every case.",
)
def cannot_absorb(pool: PoolAnswer, estate: Estate) -> Outcome:
    if pool.failover == "not_applicable":
        return not_applicable("a single host")
    failed = [case for case in pool.cases if case.verdict == "fail"]
    if failed:
        return risk(
            lost_hosts=[",".join(case.lost) for case in failed],
            stays_down=pool.stays_down,
            why=failed[0].why,
        )
    if pool.failover == "unproven":
        why = next((case.why for case in pool.cases if case.verdict == "unproven"), "")
        return unknown(why or "no packing found, none ruled out")
    return ok()


@rule(
    "AVL-009",
    "Storage runs out within the time it takes to buy more",
    subject="datastore",
    severity=HIGH,
    group="availability",
    essential=True,
    refs=("ISO 27001 A.8.6", "NIST AU-4", "CIS 12.1"),
    why="Ordered today, new capacity would come too late; a full datastore stops its guests.",
    fix="Order now, or free space; `lumbung capacity` shows the dates.",
)
def runs_full(pool: PoolAnswer, estate: Estate) -> Outcome:
    answer = _answer(pool, "storage", "demand")
    if answer is not None and answer.runway.reason == "ring_buffer":
        return not_applicable("full by design: its retention counts, see AVL-010")
    if answer is None or answer.runway.reason in (
        "stale",
        "not_enough_history",
        "capacity_unknown",
    ):
        return unknown(answer.runway.reason if answer else "no storage figures")
    first_over = answer.runway.conservative_first_over
    if first_over is None or (first_over - estate.as_of).days > answer.order.lead_days:
        return ok()
    return risk(
        first_over=first_over,
        order_by=answer.order.on,
        lead_days=answer.order.lead_days,
        lead="assumed" if answer.order.lead_assumed else "confirmed",
    )


@rule(
    "AVL-013",
    "Memory promised beyond what a failure leaves",
    subject="cluster",
    severity=HIGH,
    group="availability",
    essential=True,
    needs=("guest",),
    refs=("ISO 27001 A.8.6", "NIST SC-5", "CIS 12.1"),
    why="When guests use what they were given, the host swaps or kills them.",
    fix="Shrink or stop guests, or add memory; see the reclaimable guests first.",
)
def memory_overcommitted(pool: PoolAnswer, estate: Estate) -> Outcome:
    answer = _answer(pool, "memory", "allocation")
    ratio = answer.overcommit_after_failure if answer else None
    if ratio is None:
        return unknown("the cluster's capacity is not wholly known")
    limit = estate.policy.overcommit.memory
    if exceeds(ratio, limit):
        return risk(after_failure=round(ratio, 3), limit=limit)
    return ok()


RULES: tuple[Rule, ...] = (cannot_absorb, runs_full, memory_overcommitted)
