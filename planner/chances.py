"""What differs from path to path: when orders arrive, how large projects turn out, if they come.

Each order and project draws by its own name: another one beside it changes nothing of it.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from planner.forecast.paths import Floats
from planner.leads import Pending, shares
from planner.policy import Policy
from planner.purchases import Band, Project
from planner.questions import Question, size_of
from planner.runway import Chances
from planner.usable import usable_days

Samples = npt.NDArray[np.float64]


def draw(
    question: Question,
    policy: Policy,
    as_of: date,
    days: int,
    samples: int,
    *,
    tentative: bool = False,
) -> Chances:
    """The chances of one question's paths; with ``tentative`` those projects may come too."""
    seed = policy.forecast.seed
    return Chances(
        usable=_usable(question, policy, as_of, days, samples),
        added=added(question, as_of, days, samples, seed, tentative=tentative),
    )


def differs(question: Question, *, tentative: bool = False) -> bool:
    """Whether anything differs from path to path."""
    return bool(_uncertain_orders(question)) or any(
        _differs(project, question, tentative=tentative) for project in question.projects
    )


def may_grow(question: Question, as_of: date) -> bool:
    """Whether a tentative project would add to the demand."""
    return any(
        project.status == "tentative"
        and project.when > as_of
        and size_of(project, question.resource, question.model).high > 0
        for project in question.projects
    )


def _uncertain_orders(question: Question) -> list[Pending]:
    return [one for one in question.pending if one.is_on_its_way and len(set(one.spread)) > 1]


def _differs(project: Project, question: Question, *, tentative: bool) -> bool:
    if project.status == "tentative":
        return tentative
    return not size_of(project, question.resource, question.model).is_certain


def _usable(
    question: Question, policy: Policy, as_of: date, days: int, samples: int
) -> Floats | None:
    """``[sample, day]``: which orders have arrived differs, and so the capacity with them.

    Capacity is no sum (N+k keeps the largest hosts free), so it is computed for each set of
    orders that is together on some path on some day.
    """
    uncertain = _uncertain_orders(question)
    if not uncertain:
        return None
    day = np.arange(days + 1)
    arrived = np.zeros((samples, days + 1), dtype=np.int64)
    for i, one in enumerate(uncertain):
        comes = one.arrivals(samples, policy.forecast.seed)
        arrived |= (day >= comes[:, None]).astype(np.int64) << i
    sets, which = np.unique(arrived, return_inverse=True)
    table = np.stack(
        [_usable_with(question, as_of, days, uncertain, int(chosen)) for chosen in sets]
    )
    if question.larger is not None:
        table = table + question.larger
    return table[which.reshape(arrived.shape), day]


def _usable_with(
    question: Question,
    as_of: date,
    days: int,
    uncertain: list[Pending],
    chosen: int,
) -> Floats:
    """Usable capacity per day with a set of the uncertain orders there from tomorrow on."""
    tomorrow = as_of + timedelta(days=1)
    there = [one.hardware(tomorrow) for i, one in enumerate(uncertain) if chosen >> i & 1]
    certain = [
        one.hardware() for one in question.pending if one.is_on_its_way and one not in uncertain
    ]
    hardware = (*question.hardware, *certain, *there)
    return usable_days(
        question.pool, question.resource, question.model, question.limits, hardware, as_of, days
    )


def added(
    question: Question, as_of: date, days: int, samples: int, seed: int, *, tentative: bool = False
) -> Floats:
    """``[sample, day]``: what projects, and a scenario, add by each day."""
    total = np.zeros((samples, days + 1))
    for project in question.projects:
        first = (project.when - as_of).days
        if 0 < first <= days and (tentative or project.status == "committed"):
            band = size_of(project, question.resource, question.model)
            total[:, first:] += _sizes(project, band, samples, seed)[:, None]
    return total if question.more is None else total + question.more


def _sizes(project: Project, band: Band, samples: int, seed: int) -> Samples:
    """Per path how large a project turns out; 0 where a tentative one does not come."""
    sizes = triangular(band, shares(samples, seed, project.name))
    if project.status == "tentative":
        comes = shares(samples, seed, f"{project.name} comes") < project.probability
        sizes = np.where(comes, sizes, 0.0)
    return sizes


def triangular(band: Band, share: Samples) -> Samples:
    """The value that this share of a triangular distribution stays below."""
    low, mid, high = band.low, band.mid, band.high
    if low == high:
        return np.full(share.shape, mid)
    peak = (mid - low) / (high - low)
    rising = low + np.sqrt(share * (high - low) * (mid - low))
    falling = high - np.sqrt((1 - share) * (high - low) * (high - mid))
    return np.where(share < peak, rising, falling)
