"""The training of the growth model: reproducible, and downhill."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from bench import train_growth
from bench.growth_made import make
from bench.train_growth import Lessons, lessons_of, model_of, save, train
from planner.forecast import growth_model
from planner.forecast.fan import SHARES
from planner.forecast.traits import YEAR, year_of


@pytest.fixture(scope="module")
def lessons() -> Lessons:
    return lessons_of(make(60, YEAR + 800, 3), 60, seed=1)


def loss(answers: np.ndarray, told: np.ndarray) -> float:
    apart = answers[:, :, None] - told
    return float(np.nanmean(np.maximum(SHARES * apart, (SHARES - 1) * apart)))


def test_made_histories_are_the_same_for_one_seed_and_never_negative() -> None:
    same = [make(3, 500, 7) for _again in range(2)]
    assert np.array_equal(*same)
    assert not np.array_equal(same[0], make(3, 500, 8))
    assert (same[0] >= 0).all()


def test_training_is_reproducible_and_beats_what_all_did(
    lessons: Lessons, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_growth, "_EPOCHS", 60)
    networks = [train(lessons, None, seed=2) for _again in range(2)]
    assert all(np.array_equal(networks[0][name], networks[1][name]) for name in networks[0])
    model = model_of(networks[:1], lessons)
    inputs = model.inputs(lessons.traits)
    told = growth_model.ordered(growth_model.answer(model.networks[0], inputs))
    everyone = np.broadcast_to(np.nanquantile(lessons.became, SHARES, axis=0).T, told.shape)
    assert loss(lessons.became, told) < 0.95 * loss(lessons.became, everyone)


def test_the_slope_of_the_loss_is_that_of_a_small_move(lessons: Lessons) -> None:
    some = lessons.of(np.arange(len(lessons.traits)) < 50)
    model = model_of((), some)
    random = np.random.default_rng(0)
    raw = random.normal(0, 1, (50, *model.prior.shape))

    def total(raw: np.ndarray) -> float:
        apart = some.became[:, :, None] - growth_model.ordered(raw)
        return float(np.nansum(np.maximum(SHARES * apart, (SHARES - 1) * apart)) / 50)

    slope = train_growth._outer(raw, some.became)
    for place in ((3, 2, 0), (10, 5, 6), (20, 0, 9)):
        moved = raw.copy()
        moved[place] += 1e-6
        assert (total(moved) - total(raw)) / 1e-6 == pytest.approx(slope[place], abs=1e-4)


def test_a_saved_model_is_read_without_pickle(lessons: Lessons, tmp_path: Path) -> None:
    networks = [train(lessons.of(np.arange(len(lessons.traits)) < 20), None, seed=0)]
    model = model_of(networks, lessons)
    save(model, tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as numbers:
        assert np.array_equal(numbers["w1_0"], networks[0]["w1"])
        assert numbers["networks"] == 1


def test_what_the_shipped_model_says_fits_its_inputs() -> None:
    fan = growth_model.shipped().fan(year_of(make(3, 400, 1)))
    assert np.isfinite(fan).all()
    assert (np.diff(fan, axis=2) >= 0).all()


def test_the_shipped_model_is_the_one_that_is_told_how_to_make() -> None:
    root = Path(__file__).parents[2]
    file = root / "planner" / "forecast" / "growth_model.npz"
    told = (root / "docs" / "explanation" / "forecast.md").read_text(encoding="utf-8")
    assert f"`{hashlib.sha256(file.read_bytes()).hexdigest()}`" in told
