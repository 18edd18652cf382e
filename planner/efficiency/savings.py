"""Proposed against realised: what was asked back, and what was given back, month by month."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from inventory.platform_records import Volume
from inventory.records import Proposal
from planner.efficiency.answer import Efficiency
from planner.efficiency.claims import Claim, stored_of
from planner.estate import Estate
from planner.keys import savings_key

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class SavingsRow:
    """One month: what was first proposed in it, what was settled in it."""

    month: str
    proposed: int
    proposed_storage_gib: float
    proposed_vcpus: float
    proposed_memory_gib: float
    freed: int
    freed_storage_gib: float
    freed_vcpus: float
    freed_memory_gib: float
    kept: int
    still_open: int
    sizes_not_known: int
    key: str


@dataclass(frozen=True, slots=True)
class _Held:
    """What a subject holds; None is not known."""

    storage_bytes: float | None = 0.0
    vcpus: float | None = 0.0
    memory_bytes: float | None = 0.0


def settled(
    remembered: Sequence[Proposal], found: Efficiency, estate: Estate
) -> tuple[Proposal, ...]:
    """The proposals that are new, renewed or settled today; the others stay as they are.

    What a subject holds less than when it was proposed is freed. A report of the past settles
    nothing, nor does one while a source is stale.
    """
    if any(proposal.last_on > estate.as_of for proposal in remembered):
        return ()
    if any(health.stale for health in estate.sources):
        return ()
    still_open = {p.claim: p for p in remembered if not p.outcome}
    claims = {claim.key: claim for claim in found.claims}
    changed: list[Proposal] = []
    for key, proposal in still_open.items():
        changed += _renewed(proposal, claims.get(key), estate)
    new = [claim for key, claim in claims.items() if key not in still_open]
    return (*changed, *(_proposed(claim, estate) for claim in new))


def _renewed(proposal: Proposal, claim: Claim | None, estate: Estate) -> Iterator[Proposal]:
    """An open proposal as it stands today; what is left to give back is proposed anew."""
    as_of = estate.as_of
    freed = _freed(proposal, _held(proposal, claim, estate))
    if proposal.first_on == as_of and claim is not None:
        yield _proposed(claim, estate)
    elif freed is not None:
        yield proposal.model_copy(
            update={
                "outcome": "freed",
                "settled_on": as_of,
                "freed_storage_bytes": freed.storage_bytes,
                "freed_vcpus": freed.vcpus,
                "freed_memory_bytes": freed.memory_bytes,
            }
        )
        if claim is not None:
            yield _proposed(claim, estate)
    elif claim is None:
        yield proposal.model_copy(update={"outcome": "kept", "settled_on": as_of})
    else:
        first = {"proposal_id": proposal.proposal_id, "first_on": proposal.first_on}
        yield _proposed(claim, estate).model_copy(update=first)


def _proposed(claim: Claim, estate: Estate) -> Proposal:
    view = estate.guest_of.get(claim.guest) if claim.guest else None
    computes = claim.reclaim_class in ("idle", "oversized") and view is not None
    memory = view.guest.memory_bytes if computes and view else None
    return Proposal(
        proposal_id=f"{claim.key}@{estate.as_of}",
        claim=claim.key,
        reclaim_class=claim.reclaim_class,
        cluster=claim.cluster,
        guest_id=claim.guest[1] if claim.guest else None,
        agency=claim.agency,
        first_on=estate.as_of,
        last_on=estate.as_of,
        storage_bytes=claim.storage_bytes,
        vcpus=claim.vcpus,
        memory_bytes=claim.memory_bytes,
        held_vcpus=view.guest.vcpus if computes and view else None,
        held_memory_bytes=None if memory is None else float(memory),
    )


def _held(proposal: Proposal, claim: Claim | None, estate: Estate) -> _Held:
    """What the subject of a proposal holds today."""
    view = estate.guest_of.get((proposal.cluster, proposal.guest_id or ""))
    if proposal.reclaim_class in ("idle", "oversized"):
        if view is None or view.is_powered_on is False:
            return _Held()
        memory = view.guest.memory_bytes
        return _Held(0.0, view.guest.vcpus, None if memory is None else float(memory))
    if claim is not None:
        return _Held(claim.storage_bytes)
    if proposal.reclaim_class == "powered_off":
        return _Held(stored_of(estate, view) if view else 0.0)
    return _Held(proposal.storage_bytes if _is_there(proposal, estate) else 0.0)


def _is_there(proposal: Proposal, estate: Estate) -> bool:
    """Whether a snapshot, disk or volume still exists that is no longer asked for."""
    part = proposal.claim.removeprefix(f"{proposal.reclaim_class}/{proposal.cluster}/")
    if proposal.guest_id is None:
        return any(volume.volume_id == part for volume in estate.facts.records(Volume))
    view = estate.guest_of.get((proposal.cluster, proposal.guest_id))
    if view is None:
        return False
    name = part.removeprefix(f"{proposal.guest_id}/")
    names = {snapshot.name for snapshot in estate.snapshots_of(view.guest)}
    return name in names | {disk.disk_id for disk in estate.disks_of(view.guest)}


def _freed(proposal: Proposal, now: _Held) -> _Held | None:
    """What was given back; None when nothing was. A gone subject of unknown size counts, too."""
    if proposal.storage_bytes is None and now.storage_bytes == 0.0 and not proposal.vcpus:
        return _Held(None)
    less = _Held(
        _less(proposal.storage_bytes, now.storage_bytes),
        _less(proposal.held_vcpus, now.vcpus),
        _less(proposal.held_memory_bytes, now.memory_bytes),
    )
    return less if any((less.storage_bytes, less.vcpus, less.memory_bytes)) else None


def _less(before: float | None, now: float | None) -> float:
    return 0.0 if before is None or now is None else max(0.0, before - now)


def savings_rows(remembered: Iterable[Proposal]) -> tuple[SavingsRow, ...]:
    """Month by month, the newest last."""
    listed = list(remembered)
    months = {month_of(p.first_on) for p in listed}
    months |= {month_of(p.settled_on) for p in listed if p.settled_on is not None}
    return tuple(_row(month, listed) for month in sorted(months))


def month_of(day: date) -> str:
    return f"{day:%Y-%m}"


def _row(month: str, listed: Sequence[Proposal]) -> SavingsRow:
    proposed = [p for p in listed if month_of(p.first_on) == month]
    done = [p for p in listed if p.settled_on is not None and month_of(p.settled_on) == month]
    freed = [p for p in done if p.outcome == "freed"]
    unknown = [p for p in proposed if p.storage_bytes is None]
    unknown += [p for p in freed if p.freed_storage_bytes is None]
    return SavingsRow(
        month=month,
        proposed=len(proposed),
        proposed_storage_gib=_gib(p.storage_bytes for p in proposed),
        proposed_vcpus=_sum(p.vcpus for p in proposed),
        proposed_memory_gib=_gib(p.memory_bytes for p in proposed),
        freed=len(freed),
        freed_storage_gib=_gib(p.freed_storage_bytes for p in freed),
        freed_vcpus=_sum(p.freed_vcpus for p in freed),
        freed_memory_gib=_gib(p.freed_memory_bytes for p in freed),
        kept=sum(1 for p in done if p.outcome == "kept"),
        still_open=sum(1 for p in proposed if not p.outcome),
        sizes_not_known=len({p.proposal_id for p in unknown}),
        key=savings_key(month),
    )


def _sum(amounts: Iterable[float | None]) -> float:
    return round(sum(amount for amount in amounts if amount is not None), 3)


def _gib(amounts: Iterable[float | None]) -> float:
    return _sum(None if amount is None else amount / GIB for amount in amounts)
