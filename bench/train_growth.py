"""Trains the growth model that the planner ships, and writes its file.

    python -m bench.train_growth                          # made histories alone
    python -m bench.train_growth --histories growth.parquet trees.parquet

Made histories come from bench/growth_made.py. ``--histories`` adds measured ones: long frames
with series_id, ts (one a day, gaps allowed) and value, such as a benchmark's development set, or
what bench/git_growth.py reads off git repositories. Some networks learn from made histories alone,
as many from both; the model is their mean. The same inputs give the same file, but for the last
digits of another machine's arithmetic.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.growth_made import make
from planner.forecast.fan import DAYS_AHEAD, MIDDLE, SHARES
from planner.forecast.growth_model import GrowthModel, from_units, ordered
from planner.forecast.traits import YEAR, traits_of, year_and_steps

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Network = dict[str, Floats]  # of 32 bits, as the inputs are

_MADE = 10_000
_MADE_DAYS = YEAR + 731
_SEED = 11
_MADE_EVERY_DAYS = 150
_MEASURED_EVERY_DAYS = 23
_LEAST_AHEAD_DAYS = 180
_SHORTENED_SHARE = 0.2  # of the windows: their past begins later, as a young series' does
_SHORTEST_DAYS = 14
_MEASURED_WEIGHT = 0.5
_NETWORKS = 2  # of each kind
_HIDDEN = 96
_BATCH = 512
_EPOCHS = 24
_RATE = 3e-3
_DECAY = 1e-4
_OUT = Path(__file__).parents[1] / "planner" / "forecast" / "growth_model.npz"


@dataclass(frozen=True, slots=True)
class Lessons:
    """Pasts as traits, what became of them in the model's units (NaN: not known), their source."""

    traits: Floats
    became: Floats
    source: Integers  # the history's number

    def of(self, chosen: npt.NDArray[np.bool_]) -> Lessons:
        return Lessons(self.traits[chosen], self.became[chosen], self.source[chosen])


def lessons_of(histories: Iterable[Floats], every_days: int, seed: int) -> Lessons:
    """The lessons of histories, one at an origin every so many days."""
    random = np.random.default_rng(seed)
    parts: list[tuple[Floats, Floats, Integers]] = []
    for number, history in enumerate(histories):
        ends = np.arange(YEAR, len(history) - _LEAST_AHEAD_DAYS + 1, every_days)
        if len(ends):
            traits, became = _windows(history, ends, random)
            parts.append((traits, became, np.full(len(became), number)))
    return Lessons(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _windows(history: Floats, ends: Integers, random: np.random.Generator) -> tuple[Floats, Floats]:
    past = np.stack([history[end - YEAR : end] for end in ends])
    short = random.random(len(ends)) < _SHORTENED_SHARE
    span = np.where(short, random.integers(_SHORTEST_DAYS, YEAR, len(ends)), YEAR)
    past = np.where(np.arange(YEAR) < (YEAR - span)[:, None], np.nan, past)
    year, _steps = year_and_steps(past)
    padded = np.concatenate([history, np.full(int(DAYS_AHEAD[-1]), np.nan)])
    moved = padded[ends[:, None] - 1 + DAYS_AHEAD] - year.last[:, None]
    alive = year.scale > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        became = from_units(moved, year.scale)
    return traits_of(year)[alive], became[alive]


def measured(file: Path) -> tuple[list[str], list[Floats]]:
    """The names and the histories of a long frame; a missing day keeps the value before it."""
    frame = pd.read_parquet(file)
    names: list[str] = []
    histories: list[Floats] = []
    for name, rows in frame.groupby("series_id", observed=True):
        daily = rows.set_index("ts")["value"].astype(float).asfreq("D").ffill()
        names.append(str(name))
        histories.append(np.asarray(daily, dtype=np.float64))
    return names, histories


def made() -> Lessons:
    return lessons_of(make(_MADE, _MADE_DAYS, _SEED), _MADE_EVERY_DAYS, _SEED)


def model_of(networks: Iterable[Network], lessons: Lessons) -> GrowthModel:
    """The model of networks that were trained on inputs in the scale of ``lessons``."""
    mean, deviation = _scale(lessons)
    return GrowthModel(mean, deviation, tuple(networks), _prior(lessons))


def _scale(lessons: Lessons) -> tuple[Floats, Floats]:
    return lessons.traits.mean(axis=0), lessons.traits.std(axis=0) + 1e-3


def _prior(lessons: Lessons) -> Floats:
    """What became of all, moved so that its middle is to stay."""
    around = np.nanquantile(lessons.became, SHARES, axis=0).T
    return np.asarray(around - around[:, MIDDLE : MIDDLE + 1])


def train(base: Lessons, more: Lessons | None, seed: int) -> Network:
    """A network that has learnt from ``base``, and ``more`` beside it."""
    model = model_of((), base)
    inputs, answers = model.inputs(base.traits), base.became
    weight = np.full(len(inputs), 1.0 / len(inputs))
    if more is not None:
        inputs = np.concatenate([inputs, model.inputs(more.traits)])
        answers = np.concatenate([answers, more.became])
        others = np.full(len(more.traits), _MEASURED_WEIGHT / len(more.traits))
        weight = np.concatenate([weight * (1 - _MEASURED_WEIGHT), others])
    return _descend(_small(inputs), _small(answers), weight, seed)


def _small(numbers: Floats) -> Floats:
    """The numbers in 32 bits, which suffice and take half the time."""
    return numbers.astype(np.float32)


def _descend(inputs: Floats, answers: Floats, weight: Floats, seed: int) -> Network:
    """Adam on the pinball loss, the rate falling to nothing along a cosine."""
    random = np.random.default_rng(seed)
    net = _beginning(inputs.shape[1], random)
    first = {name: np.zeros_like(part) for name, part in net.items()}
    second = {name: np.zeros_like(part) for name, part in net.items()}
    chances, rounds = weight.cumsum(), len(inputs) // _BATCH * _EPOCHS
    for turn in range(rounds):
        drawn = np.searchsorted(chances, random.random(_BATCH) * chances[-1])
        drawn = np.minimum(drawn, len(inputs) - 1)
        slopes = _slopes(net, inputs[drawn], answers[drawn])
        rate = _RATE * 0.5 * (1 + np.cos(np.pi * turn / rounds))
        pace = np.float32(rate * np.sqrt(1 - 0.999 ** (turn + 1)) / (1 - 0.9 ** (turn + 1)))
        for name, slope in slopes.items():
            first[name] += np.float32(0.1) * (slope - first[name])
            second[name] += np.float32(0.001) * (slope**2 - second[name])
            decay = np.float32(_DECAY) * net[name] if name.startswith("w") else np.float32(0)
            move = first[name] / (np.sqrt(second[name]) + np.float32(1e-8))
            net[name] = net[name] - pace * (move + decay)
    return net


def _beginning(traits: int, random: np.random.Generator) -> Network:
    outputs = len(DAYS_AHEAD) * len(SHARES)
    near = np.tile(np.where(np.arange(len(SHARES)) == MIDDLE, 0.3, -2.0), len(DAYS_AHEAD))
    parts = {
        "w1": random.normal(0, 1 / np.sqrt(traits), (traits, _HIDDEN)),
        "b1": np.zeros(_HIDDEN),
        "w2": random.normal(0, 1 / np.sqrt(_HIDDEN), (_HIDDEN, _HIDDEN)),
        "b2": np.zeros(_HIDDEN),
        "w3": random.normal(0, 0.1 / np.sqrt(_HIDDEN), (_HIDDEN, outputs)),
        "b3": near,
    }
    return {name: _small(part) for name, part in parts.items()}


def _slopes(net: Network, inputs: Floats, answers: Floats) -> Network:
    """The gradient of the mean pinball loss."""
    one = np.maximum(inputs @ net["w1"] + net["b1"], 0)
    two = np.maximum(one @ net["w2"] + net["b2"], 0)
    raw = (two @ net["w3"] + net["b3"]).reshape(len(inputs), len(DAYS_AHEAD), len(SHARES))
    outer = _outer(raw, answers).reshape(len(inputs), -1)
    inner = (outer @ net["w3"].T) * (two > 0)
    innermost = (inner @ net["w2"].T) * (one > 0)
    return {
        "w3": two.T @ outer,
        "b3": outer.sum(axis=0),
        "w2": one.T @ inner,
        "b2": inner.sum(axis=0),
        "w1": inputs.T @ innermost,
        "b1": innermost.sum(axis=0),
    }


def _outer(raw: Floats, answers: Floats) -> Floats:
    """The slope of the loss by the network's raw answers (growth_model.ordered is its form)."""
    shares, known = _small(SHARES), ~np.isnan(answers)
    over = ordered(raw) > np.where(known, answers, 0)[:, :, None]
    loss = np.where(over, 1 - shares, -shares) * (known / np.float32(len(raw)))[:, :, None]
    rising = 1 / (1 + np.exp(-np.clip(raw, -30, 30)))
    slope = np.empty_like(raw)
    slope[:, :, MIDDLE] = loss.sum(axis=2)
    above = np.cumsum(loss[:, :, :MIDDLE:-1], axis=2)[:, :, ::-1]
    slope[:, :, MIDDLE + 1 :] = above * rising[:, :, MIDDLE + 1 :]
    slope[:, :, :MIDDLE] = -np.cumsum(loss[:, :, :MIDDLE], axis=2) * rising[:, :, :MIDDLE]
    return slope


def save(model: GrowthModel, out: Path) -> None:
    """Writes the model as arrays by name."""
    parts: dict[str, npt.NDArray[np.generic]] = {
        "mean": model.mean.astype(np.float32),
        "deviation": model.deviation.astype(np.float32),
        "prior": model.prior.astype(np.float32),
        "networks": np.array(len(model.networks)),
    }
    for number, net in enumerate(model.networks):
        parts |= {f"{name}_{number}": part for name, part in net.items()}
    np.savez(out, allow_pickle=False, **parts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains, and writes the file."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.train_growth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--histories",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="measured ones, parquet",
    )
    parser.add_argument("--out", type=Path, default=_OUT, metavar="FILE")
    given = parser.parse_args(arguments)
    base = made()
    networks = [train(base, None, seed) for seed in range(_NETWORKS)]
    if given.histories:
        histories = [history for file in given.histories for history in measured(file)[1]]
        more = lessons_of(histories, _MEASURED_EVERY_DAYS, _SEED)
        networks += [train(base, more, seed) for seed in range(_NETWORKS, 2 * _NETWORKS)]
    save(model_of(networks, base), given.out)


if __name__ == "__main__":
    main()
