"""A large fleet block by block: the piece that one process, or another machine, takes.

``reduce_block`` is a pure function of its work and knows nothing of where it runs. Local processes
and Ray give the same result, bit for bit (lumbung/spreading.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from planner.forecast import engine
from planner.forecast.crossing import first_over
from planner.forecast.engine import USUAL, Calibration, FanPaths
from planner.forecast.ledger import AHEAD_DAYS, SHARES
from planner.forecast.paths import Block, Floats
from planner.runway import BASE, CONSERVATIVE, OPTIMISTIC, order_place

NEVER = -1
SERIES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Work:
    """Some series of a fleet: ``histories[series, day]`` up to the day before the origin, and
    ``usable[series, day]`` from the origin on."""

    histories: Block
    usable: Floats
    origin: date
    seed: int
    samples: int
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class Reduced:
    """What is kept of the paths of some series, in their order.

    ``first_over[series]`` are the days after the origin by which one, five and nine of ten paths
    are first over, NEVER where fewer are; ``bands[series]`` is that of runway.Passage.
    """

    first_over: npt.NDArray[np.int32]
    bands: Floats


Run = Callable[[Callable[[Work], Reduced], Iterable[Work]], Iterable[Reduced]]


def reduce_block(work: Work) -> Reduced:
    """The dates and quantiles of one block: what runway.first_passage tells of its paths, which
    need not be laid out for that."""
    paths = engine.forecast(
        work.histories,
        origin=work.origin,
        horizon_days=work.usable.shape[1] - 1,
        seed=work.seed,
        samples=work.samples,
        calibration=work.calibration,
    )
    return Reduced(_dates(paths, work.usable), _bands(paths))


def _dates(paths: FanPaths, usable: Floats) -> npt.NDArray[np.int32]:
    days = np.sort(first_over(paths, usable), axis=1)
    chosen = [order_place(share, days.shape[1]) for share in (CONSERVATIVE, BASE, OPTIMISTIC)]
    found = days[:, chosen]
    return np.where(found > paths.horizon_days, NEVER, found).astype(np.int32)


def _bands(paths: FanPaths) -> Floats:
    """The quantiles of the paths some days ahead: straight between two of them."""
    count = paths.samples + paths.samples % 2  # every path has its mirror image
    place = SHARES * (count - 1)
    lower = np.minimum(np.floor(place), count - 2)
    ends = np.concatenate([lower, lower + 1])
    known = [day for day in AHEAD_DAYS if day <= paths.horizon_days]
    bands = np.full((paths.series, len(AHEAD_DAYS), len(SHARES)), np.nan)
    for part in paths.bands((ends + 0.5) / count):
        low, high = np.split(part.paths[:, :, known].transpose(0, 2, 1), 2, axis=2)
        rows = slice(part.first, part.first + len(low))
        bands[rows, : len(known)] = low + (high - low) * (place - lower)
    return bands


def reduce_fleet(
    histories: Block,
    usable: Floats,
    *,
    origin: date,
    seed: int,
    samples: int = 500,
    calibration: Calibration = USUAL,
    run: Run = map,
) -> Reduced:
    """The dates and quantiles of all series, at least one; ``run`` says where it is done."""
    parts = list(run(reduce_block, _blocks(histories, usable, origin, seed, samples, calibration)))
    return Reduced(
        np.concatenate([part.first_over for part in parts]),
        np.concatenate([part.bands for part in parts]),
    )


def _blocks(
    histories: Block,
    usable: Floats,
    origin: date,
    seed: int,
    samples: int,
    calibration: Calibration,
) -> Iterator[Work]:
    for first in range(0, len(histories), SERIES_AT_ONCE):
        part = slice(first, first + SERIES_AT_ONCE)
        yield Work(histories[part], usable[part], origin, seed, samples, calibration)
