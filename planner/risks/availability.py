"""Availability of pools: what a failure leaves of them, and what runs full."""

from __future__ import annotations

from inventory.platform_records import StorageHealth
from planner.answers import Answer, PoolAnswer
from planner.estate import Estate
from planner.numbers import exceeds
from planner.risks.rule import (
    CRITICAL,
    HIGH,
    MEDIUM,
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
        lead=answer.question.lead.basis,
    )


@rule(
    "AVL-013",
    "Memory promised beyond what a failure leaves",
    subject="cluster",
    severity=HIGH,
    group="availability",
    essential=True,
    needs=("guest",),
    why="When guests use what they were given, the host swaps or kills them.",
    fix="Shrink or stop guests, or add memory; see the reclaimable guests first.",
)
def memory_overcommitted(pool: PoolAnswer, estate: Estate) -> Outcome:
    return _overcommitted(_answer(pool, "memory", "allocation"), estate.policy.overcommit.memory)


@rule(
    "AVL-014",
    "More vCPUs promised than the policy allows after a failure",
    subject="cluster",
    severity=MEDIUM,
    group="availability",
    needs=("guest",),
    why="When many guests are busy at once they wait for each other; everything becomes slow "
    "together.",
    fix="Take back vCPUs that are not used, `lumbung rightsize` names them, or add a host.",
)
def cpu_overcommitted(pool: PoolAnswer, estate: Estate) -> Outcome:
    return _overcommitted(_answer(pool, "cpu", "allocation"), estate.policy.overcommit.cpu)


def _overcommitted(answer: Answer | None, limit: float) -> Outcome:
    """Over the limit by what is known; below it only where no guest's size is missing."""
    ratio = answer.overcommit_after_failure if answer else None
    if answer is not None and answer.question.load.allocated is None:
        return unknown(_incomplete(answer, "guests"))
    if answer is None or ratio is None:
        return unknown("the cluster's capacity is not wholly known")
    if exceeds(ratio, limit):
        return risk(after_failure=round(ratio, 3), limit=limit)
    return unknown(_incomplete(answer, "guests")) if answer.question.load.is_incomplete else ok()


def _incomplete(answer: Answer, what: str) -> str:
    load = answer.question.load
    return load.unseen or f"the size of {load.unknown_parts} {what} is not known"


_METADATA_FULL_RATIO = 0.8


@rule(
    "AVL-012",
    "A datastore has promised more than the policy allows",
    subject="datastore",
    severity=HIGH,
    group="availability",
    needs=("disk",),
    why="Guests fill what they were promised. When a thin pool, or its metadata, runs full, all "
    "guests on it stop and their file systems may be damaged.",
    fix="Add capacity or metadata, move disks elsewhere, or give back what is promised and not "
    "used.",
)
def storage_overcommitted(pool: PoolAnswer, estate: Estate) -> Outcome:
    answer = _answer(pool, "storage", "allocation")
    thin = _thin_pool(pool, estate)
    metadata = thin.metadata_used_ratio if thin else None
    if metadata is not None and exceeds(metadata, _METADATA_FULL_RATIO):
        return risk(metadata_used=metadata, limit=_METADATA_FULL_RATIO)
    ratio = answer.overcommit_now if answer else None
    if answer is not None and answer.question.load.allocated is None:
        return unknown(_incomplete(answer, "disks"))
    if answer is None or ratio is None:
        return unknown("the datastore's capacity is not known")
    limit = estate.policy.overcommit.storage
    if exceeds(ratio, limit):
        return risk(promised_ratio=round(ratio, 2), limit=limit)
    if answer.question.load.is_incomplete:
        return unknown(_incomplete(answer, "disks"))
    store = pool.pool.datastore.record if pool.pool.datastore else None
    hosts = estate.unseen_behind(store) if store else ""
    return unknown(f"the disks of guests on {hosts} were not all seen") if hosts else ok()


def _thin_pool(pool: PoolAnswer, estate: Estate) -> StorageHealth | None:
    """The thin pool below a datastore, by the volume group and pool in its configuration."""
    store = pool.pool.datastore.record if pool.pool.datastore else None
    if store is None or store.kind != "lvmthin" or store.backend is None:
        return None
    name = store.backend.replace(":", "/")
    hosts = store.hosts or ()
    found = (h for host in hosts for h in estate.on_host(StorageHealth, store.cluster, host))
    return next((h for h in found if (h.kind, h.name) == ("lvmthin", name)), None)


RULES: tuple[Rule, ...] = (
    cannot_absorb,
    runs_full,
    memory_overcommitted,
    cpu_overcommitted,
    storage_overcommitted,
)
