"""What is asked of each pool: a question per resource and model, with all that an answer needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from inventory.forecast_records import Said
from planner.capacity import Capacity
from planner.estate import Estate
from planner.forecast.earned import earned
from planner.forecast.engine import USUAL, Calibration
from planner.forecast.ledger import Measured, Track, track
from planner.forecast.paths import Floats
from planner.keys import pool_key
from planner.leads import Lead, Pending, lead_of, learn, pending_of
from planner.loads import Load, loads_by_model
from planner.past import Past
from planner.policy import Model, Resource
from planner.pools import GIB, ITEM_CLASS, MODELS, Pool, PoolKind, pools_of
from planner.purchases import Band, Hardware, Project
from planner.tiers import Limits
from planner.usable import capacity_of, coming_of, limits_of, usable_days

_RESOURCES: Mapping[PoolKind, tuple[Resource, ...]] = {
    "cluster": ("cpu", "memory"),
    "datastore": ("storage",),
}


@dataclass(frozen=True, slots=True)
class Question:
    """One pool, resource and model, with all that the answer needs."""

    pool: Pool
    resource: Resource
    model: Model
    limits: Limits
    capacity: Capacity
    usable: Floats  # per day from as_of to the horizon; NaN when not known
    added: Floats  # what committed projects add by each day
    committed: float
    load: Load
    stale: tuple[str, ...]
    lead: Lead  # of the class of item that more capacity is bought as
    hardware: tuple[Hardware, ...] = ()  # what arrives or leaves on declared dates
    pending: tuple[Pending, ...] = ()  # orders that are not in service yet
    projects: tuple[Project, ...] = ()
    larger: Floats | None = None  # what a scenario adds to what is usable, by each day
    more: Floats | None = None  # what it adds to the demand; both are in usable and added
    track: Track = Track()  # what earlier reports said of it, held against what came
    calibration: Calibration = USUAL  # what the experts have earned over the fleet

    @property
    def unit(self) -> str:
        if self.resource != "cpu":
            return "gib"
        return "cores" if self.model == "demand" else "vcpus"

    @property
    def key(self) -> str:
        return pool_key(self.pool.name, self.resource, self.model)

    @property
    def grows(self) -> bool:
        """Whether it is foreseen as what grows; what processors do follows the week."""
        return (self.resource, self.model) != ("cpu", "demand")


def questions(estate: Estate, past: Past, zone: ZoneInfo) -> tuple[Question, ...]:
    """Every pool × resource × model, ready to be answered."""
    asked: list[Question] = []
    said = _by_question(past.said)
    for pool in pools_of(estate):
        stale = tuple(
            name
            for name in pool.sources
            if (health := estate.source_health(name)) is not None and health.stale
        )
        for resource in _RESOURCES[pool.kind]:
            loads = loads_by_model(estate, past, pool, resource, zone)
            asked += [
                _with_track(_question(estate, pool, resource, model, loads[model], stale), said)
                for model in MODELS
            ]
    calibration = _calibration(asked, estate.policy.forecast.seed)
    return tuple(replace(question, calibration=calibration) for question in asked)


def _calibration(asked: Sequence[Question], seed: int) -> Calibration:
    """What the experts have earned on all that grows."""
    grown = [question.load.series.trend for question in asked if question.grows]
    return earned(np.stack(grown).astype(np.float32), seed=seed) if grown else USUAL


def _by_question(said: Iterable[Said]) -> dict[tuple[str, ...], list[Said]]:
    found: dict[tuple[str, ...], list[Said]] = {}
    for one in said:
        found.setdefault(one.about, []).append(one)
    return found


def _with_track(question: Question, said: Mapping[tuple[str, ...], Sequence[Said]]) -> Question:
    """The question with what earlier reports said of it, held against what came."""
    own = said.get((question.pool.kind, question.pool.name, question.resource, question.model))
    if own is None:
        return question
    series = question.load.series
    measured = Measured(series.as_of, series.trend, series.coarse_days)
    return replace(question, track=track(own, measured))


def _question(
    estate: Estate,
    pool: Pool,
    resource: Resource,
    model: Model,
    load: Load,
    stale: tuple[str, ...],
) -> Question:
    days, lead_time = estate.policy.forecast.horizon_days, estate.policy.lead_time
    hardware = tuple(item for item in estate.owners.hardware if pool.answers_to(item.pool))
    projects = tuple(item for item in estate.owners.projects if pool.answers_to(item.pool))
    orders = [order for order in estate.owners.orders if pool.answers_to(order.pool)]
    learnt = learn(estate.owners.orders, estate.as_of)
    pending = pending_of(orders, lead_time, learnt, estate.as_of)
    coming = coming_of(hardware, pending)
    added, committed = _committed(projects, resource, model, estate.as_of, days)
    limits = limits_of(estate, pool)
    return Question(
        pool=pool,
        resource=resource,
        model=model,
        limits=limits,
        capacity=capacity_of(pool, resource, model, limits),
        usable=usable_days(pool, resource, model, limits, coming, estate.as_of, days),
        added=added,
        committed=committed,
        load=load,
        stale=stale,
        hardware=hardware,
        pending=pending,
        projects=projects,
        lead=lead_of(ITEM_CLASS[pool.kind], lead_time, learnt),
    )


def _committed(
    projects: Iterable[Project], resource: Resource, model: Model, as_of: date, days: int
) -> tuple[Floats, float]:
    """What committed projects add per day from as_of on, and in all."""
    added = np.zeros(days + 1)
    total = 0.0
    for project in projects:
        if project.status == "committed" and project.when > as_of:
            size = size_of(project, resource, model).mid
            added[(project.when - as_of).days :] += size
            total += size
    return added, total


def size_of(project: Project, resource: Resource, model: Model) -> Band:
    """What a project adds, in base units."""
    if resource == "cpu":
        return project.cpu_cores if model == "demand" else project.vcpus
    gib = project.memory_gib if resource == "memory" else project.storage_gib
    return Band(low=gib.low * GIB, mid=gib.mid * GIB, high=gib.high * GIB)
