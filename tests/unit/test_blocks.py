"""A fleet in blocks: wherever they are reduced, the result is the same to the last bit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bench.growth_made import make
from lumbung.spreading import on_processes, on_ray
from planner import blocks
from planner.blocks import NEVER, Reduced, Run, Work, reduce_block, reduce_fleet
from planner.forecast import engine
from planner.forecast.crossing import first_over
from planner.numbers import all_exceed
from planner.runway import first_passage

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = date(2026, 11, 23)
HISTORIES = make(12, 200, 1).astype(np.float32)
USABLE = np.repeat(1.3 * HISTORIES[:, -1:].astype(np.float64), 121, axis=1)


def reduced(run: Run) -> Reduced:
    return reduce_fleet(HISTORIES, USABLE, origin=ORIGIN, seed=1, samples=60, run=run)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "SERIES_AT_ONCE", 5)


def same(one: Reduced, other: Reduced) -> bool:
    return np.array_equal(one.first_over, other.first_over) and np.array_equal(
        one.bands, other.bands, equal_nan=True
    )


def test_a_fleet_is_its_blocks_in_their_order() -> None:
    found = reduced(map)
    whole = engine.forecast(HISTORIES, origin=ORIGIN, horizon_days=120, seed=1, samples=60)
    passages = first_passage(whole, USABLE)
    dates = [[p.conservative, p.base, p.optimistic] for p in passages]
    told = [[NEVER if day is None else day for day in days] for days in dates]
    assert found.first_over.tolist() == told
    assert np.allclose(found.bands, [p.bands for p in passages], equal_nan=True)


def test_dates_without_paths_are_those_of_the_paths() -> None:
    """Whatever the limit: near, dated, never reached, long passed, unknown; and of any series."""
    histories = make(60, 365, 5).astype(np.float32)
    histories[0] = 500.0
    histories[1, :-2] = np.nan
    histories[2:6, :-9] = np.nan
    histories[6:9] *= np.linspace(1, 0, 365, dtype=np.float32)
    paths = engine.forecast(histories, origin=ORIGIN, horizon_days=200, seed=3, samples=80)
    random = np.random.default_rng(2)
    last = np.nan_to_num(histories[:, -1:].astype(np.float64), nan=1.0)
    usable = last * np.exp(random.normal(0.05, 0.1, (60, 1))) * np.ones(201)
    usable[::3, 90:] *= 0.9
    usable[5::7, 30:40] = np.nan
    usable[0] = 500.0  # equal is safe
    usable[10], usable[11] = -1.0, np.inf
    every = np.concatenate([part.paths for part in paths.blocks()])
    over = np.stack([all_exceed(one, np.broadcast_to(limit, one.shape))
                     for one, limit in zip(every, usable, strict=True)])  # fmt: skip
    expected = np.where(over.any(axis=2), over.argmax(axis=2), 201)
    assert len(np.unique(expected)) > 50
    assert np.array_equal(first_over(paths, usable), expected)


def test_local_processes_give_the_same_whatever_their_number() -> None:
    two, one = (reduced(partial(on_processes, processes=count)) for count in (2, 1))
    assert same(two, one)
    here = reduced(map)  # with as many threads as this machine has cores
    assert np.array_equal(two.first_over, here.first_over)
    assert np.allclose(two.bands, here.bands, rtol=1e-5, equal_nan=True)


def test_ray_with_two_workers_gives_the_same_bits() -> None:
    ray = pytest.importorskip("ray", reason="the extra [ray] is not installed")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        assert same(reduced(partial(on_processes, processes=2)), reduced(on_ray))
    finally:
        ray.shutdown()


def test_the_script_of_the_page_tells_the_dates_as_it_stands(tmp_path: Path) -> None:
    page = (ROOT / "docs/how-to/forecast-a-large-fleet.md").read_text()
    (tmp_path / "fleet.py").write_text(page.split("```python\n")[1].split("```")[0])
    np.save(tmp_path / "histories.npy", HISTORIES)
    np.save(tmp_path / "usable.npy", USABLE)
    ran = subprocess.run(
        [sys.executable, "fleet.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    days = reduce_fleet(HISTORIES, USABLE, origin=ORIGIN, seed=1).first_over
    dates = [["-" if day == NEVER else str(ORIGIN + timedelta(days=int(day))) for day in row]
             for row in days]  # fmt: skip
    assert [line.split()[1:] for line in ran.stdout.splitlines()] == dates


def test_only_a_few_blocks_are_held_at_once() -> None:
    taken = []

    def works() -> Iterator[Work]:
        for i in range(20):
            taken.append(i)
            yield Work(HISTORIES[:1], USABLE[:1], ORIGIN, 1, 10, engine.USUAL)

    coming = on_processes(reduce_block, works(), processes=1)
    next(coming)
    assert len(taken) <= 3
    coming.close()  # type: ignore[attr-defined]


def _broken(_work: Work) -> Reduced:
    raise ValueError("no such series")


def test_what_fails_in_a_block_is_not_lost() -> None:
    def run(_function: Callable[[Work], Reduced], works: Iterable[Work]) -> Iterator[Reduced]:
        return on_processes(_broken, works, processes=1)

    with pytest.raises(ValueError, match="no such series"):
        reduced(run)
