"""The days on which a pool passes the policy's levels: warning, critical, full."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from planner.answers import Answer
from planner.estate import Estate
from planner.foreseen import has_enough, passages_of
from planner.policy import Overcommit, Policy, Threshold
from planner.runway import Runway, runway
from planner.usable import usable_days


@dataclass(frozen=True, slots=True)
class LevelDate:
    """A level and when it is passed: half of the paths, and one in ten; None is not foreseen."""

    name: str
    share: float
    first_over: date | None
    conservative_first_over: date | None


def level_dates(estate: Estate, answer: Answer) -> tuple[LevelDate, ...]:
    """Each level of the policy; () when there is no forecast to tell it from."""
    if answer.usable is None or not has_enough(answer.question, estate.policy.forecast):
        return ()
    shares = estate.policy.levels.model_dump()
    found = {name: _passed(estate, answer, share) for name, share in shares.items()}
    return tuple(
        LevelDate(name, shares[name], way.first_over, way.conservative_first_over)
        for name, way in found.items()
    )


def _passed(estate: Estate, answer: Answer, share: float) -> Runway:
    """The runway if this share of what a failure leaves were what is usable."""
    asked = answer.question
    limits = replace(asked.limits, policy=with_share(asked.limits.policy, share))
    coming = (*asked.hardware, *(one.hardware() for one in asked.pending if one.is_on_its_way))
    place = (asked.pool, asked.resource, asked.model, limits)
    days = usable_days(*place, coming, estate.as_of, estate.policy.forecast.horizon_days)
    [passage] = passages_of(estate, [replace(asked, usable=days, limits=limits)])
    return runway(passage, as_of=estate.as_of, usable_now=float(days[0]), demand_now=answer.load)


def with_share(policy: Policy, share: float) -> Policy:
    """The policy in which so much of the failover capacity may be used, or of it promised."""
    ratio = policy.overcommit
    return policy.model_copy(
        update={
            "threshold": Threshold(cpu=share, memory=share, storage=share, ceph_nearfull=share),
            "overcommit": Overcommit(
                cpu=share * ratio.cpu, memory=share * ratio.memory, storage=share * ratio.storage
            ),
        }
    )
