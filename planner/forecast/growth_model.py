"""The growth model: what became of many series that looked like this one.

A small network, trained once over many histories (bench/train_growth.py), says for each day
ahead how far a series moves, in units of its own variability. The file beside this module holds
its numbers; numpy reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from planner.forecast.fan import DAYS_AHEAD, MIDDLE, SHARES, Fan
from planner.forecast.paths import Floats
from planner.forecast.traits import YEAR, Year, traits_of

_FILE = "growth_model.npz"
_FARTHEST = 4.0  # standard deviations from the mean of a trait: beyond, it tells no more
# Ranges of the past year, for each year ahead and at least: beyond, a network only goes on with
# what it has not learnt.
_FARTHEST_RANGES, _FARTHEST_SOON = 3.0, 1.5
_LAYERS = ("w1", "b1", "w2", "b2", "w3", "b3")


@dataclass(frozen=True, slots=True)
class GrowthModel:
    """Some networks of one form, whose answers are averaged.

    ``prior[day ahead, share]`` is what became of all series taken together.
    """

    mean: Floats
    deviation: Floats
    networks: tuple[Mapping[str, Floats], ...]
    prior: Floats

    def fan(self, year: Year) -> Fan:
        """What becomes of each series, within a few ranges of its past year."""
        inputs = self.inputs(traits_of(year))
        answers = [ordered(answer(net, inputs)) for net in self.networks]
        said = np.asarray(np.mean(answers, axis=0, dtype=np.float64))
        ranges = np.maximum(_FARTHEST_SOON, _FARTHEST_RANGES * np.asarray(DAYS_AHEAD) / YEAR)[
            :, None
        ]
        most = ranges * np.ptp(year.moved, axis=1)[:, None, None]
        return np.clip(in_units(said, year.scale), -most, most)

    def fan_of_strangers(self, scale: Floats) -> Fan:
        """What becomes of series of which only the ``scale`` is known, or thought: they stay,
        within what others did."""
        return in_units(np.broadcast_to(self.prior, (len(scale), *self.prior.shape)), scale)

    def inputs(self, traits: Floats) -> Floats:
        apart = (traits - self.mean) / self.deviation
        return np.clip(apart, -_FARTHEST, _FARTHEST).astype(np.float32)


def in_units(said: Floats, scale: Floats) -> Fan:
    """From the model's answers, which are compressed and per unit of variability, to a fan."""
    walked = np.sqrt(DAYS_AHEAD)[:, None]
    return np.asarray(np.sinh(said) * walked * scale[:, None, None])


def from_units(moved: Floats, scale: Floats) -> Floats:
    """The inverse of in_units, of ``moved[series, day ahead]``."""
    return np.asarray(np.arcsinh(moved / np.sqrt(DAYS_AHEAD) / scale[:, None]))


def ordered(raw: Floats) -> Floats:
    """Quantiles that cannot cross: the middle as it is, the others at positive distances."""
    gaps = np.log1p(np.exp(-np.abs(raw))) + np.maximum(raw, 0.0)
    middle = raw[:, :, MIDDLE : MIDDLE + 1]
    above = middle + np.cumsum(gaps[:, :, MIDDLE + 1 :], axis=2)
    below = middle - np.cumsum(gaps[:, :, MIDDLE - 1 :: -1], axis=2)[:, :, ::-1]
    return np.concatenate([below, middle, above], axis=2)


def answer(net: Mapping[str, Floats], inputs: Floats) -> Floats:
    hidden = np.maximum(inputs @ net["w1"] + net["b1"], 0.0)
    hidden = np.maximum(hidden @ net["w2"] + net["b2"], 0.0)
    raw = hidden @ net["w3"] + net["b3"]
    return np.asarray(raw.reshape(-1, len(DAYS_AHEAD), len(SHARES)))


@cache
def shipped() -> GrowthModel:
    """The model that comes with the program."""
    with (files("planner.forecast") / _FILE).open("rb") as file, np.load(file) as numbers:
        networks = range(int(numbers["networks"]))
        return GrowthModel(
            numbers["mean"],
            numbers["deviation"],
            tuple({name: numbers[f"{name}_{i}"] for name in _LAYERS} for i in networks),
            numbers["prior"],
        )
