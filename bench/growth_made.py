"""Made histories of growth, to train on: none is measured, all are different, each is seeded.

A history is a level to which writes are added at a rate that drifts or changes at once; evenly
or in lumps, with quiet spells, deletions, clean-ups, arrivals, saw-teeth, bursts that pass, a
week's rhythm, month-ends and noise. Some grow no more, some shrink, some only wander about, and
some are written by a machine: the same every day, until somebody changes it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Random = np.random.Generator

_YEAR = 365


def make(count: int, days: int, seed: int) -> Floats:
    """``count`` histories of ``days`` days each."""
    return np.stack([_history(days, np.random.default_rng([seed, i])) for i in range(count)])


def _history(days: int, random: Random) -> Floats:
    base = float(np.exp(random.uniform(3, 11)))
    if random.random() < 0.08:
        return _wandering(base, days, random)
    usual = base * float(np.exp(random.normal(np.log(8e-4), 1.0)))
    if random.random() < 0.1:
        return base + _steady(usual, days, random).cumsum() + _flicker(base, days, random)
    rate = _rate(usual, days, random)
    lumpy = random.random() < 0.5
    values = base + (_lumps(rate, random) if lumpy else _stream(rate, random)).cumsum()
    noise = 0.0
    if not lumpy or random.random() < 0.2:
        noise = base * float(np.exp(random.uniform(np.log(1e-5), np.log(5e-3))))
        values = values + random.normal(0, noise * random.uniform(0, 0.5), days).cumsum()
    values = _cleaned(values, base, random)
    values = _joined(values, base, random)
    if random.random() < 0.15:
        values = values + _sawtooth(base, usual, days, random)
    if random.random() < 0.5:
        values = values + _bursts(base, days, random)
    if noise:
        values = values + _rhythm(base, days, random) + random.normal(0, noise, days)
    return np.maximum(values, 0.0)


def _wandering(base: float, days: int, random: Random) -> Floats:
    """Around a level, each day near the one before: load rather than growth."""
    memory, size = random.uniform(0, 0.97), base * random.uniform(0.005, 0.1)
    draws = random.normal(0, size * np.sqrt(1 - memory**2), days)
    apart = np.empty(days)
    apart[0] = random.normal(0, size)
    for day in range(1, days):
        apart[day] = memory * apart[day - 1] + draws[day]
    drift = size * random.normal(0, 1) * np.arange(days) / _YEAR
    return np.maximum(base + drift + apart, 0.0)


def _steady(usual: float, days: int, random: Random) -> Floats:
    """The growth of each day, all alike; it changes once in six years or so."""
    rate = np.full(days, usual)
    for change in random.integers(0, days, random.poisson(days / _YEAR * 0.15)):
        rate[change:] *= np.exp(random.normal(0, 0.7))
    unlike = random.choice([0.0, np.exp(random.uniform(np.log(1e-3), np.log(0.5)))])
    return np.asarray(rate * np.maximum(random.normal(1, unlike, days), 0.0))


def _flicker(base: float, days: int, random: Random) -> Floats:
    """Noise that is gone the next day; half of what is measured has none."""
    noise = random.choice([0.0, np.exp(random.uniform(np.log(1e-5), np.log(3e-3)))])
    return random.normal(0, base * noise, days)


def _rate(usual: float, days: int, random: Random) -> Floats:
    """The growth of each day; its logarithm jumps, walks and trends."""
    log, day = np.zeros(days), np.arange(days)
    if random.random() < 0.6:
        for change in random.integers(0, days, random.poisson(days / _YEAR * 0.7)):
            log[change:] += random.normal(0, 1.0)
    if random.random() < 0.5:
        log = log + random.normal(0, random.uniform(0.005, 0.04), days).cumsum()
    kind = random.random()
    if kind < 0.12:
        log = log - day / random.uniform(200, 700)
    elif kind < 0.27:
        log = log + day / random.uniform(500, 2000)
    elif kind < 0.37:
        log = log - random.uniform(2, 5)
    sign = -random.uniform(0.1, 0.6) if random.random() < 0.06 else 1.0
    return np.asarray(sign * usual * np.exp(np.clip(log - log.mean() / 2, -6, 2.5)))


def _lumps(rate: Floats, random: Random) -> Floats:
    """Writes that come now and then, of very different sizes, some of them deletions."""
    days = len(rate)
    often = float(np.exp(random.uniform(np.log(0.02), 0)))
    busy = np.ones(days)
    if random.random() < 0.6:
        turns = random.random(days) < 1 / random.uniform(10, 80)
        awake = (turns.cumsum() + random.integers(2)) % 2 == 1
        busy = np.where(awake, 1.0, random.uniform(0, 0.4))
    spread = random.uniform(0.3, 2.2)
    size = np.exp(random.normal(0, spread, days) - spread**2 / 2)
    deleted = random.random(days) < random.uniform(0, 0.45)
    size = size * np.where(deleted, -random.uniform(0.2, 0.9), 1.0)
    return np.where(random.random(days) < often * busy, rate / often * size, 0.0)


def _stream(rate: Floats, random: Random) -> Floats:
    """Writes of every day, more or less alike."""
    shape = random.uniform(0.3, 3)
    return rate * (random.uniform(0.2, 1) + 0.6 * random.gamma(shape, 1 / shape, len(rate)))


def _cleaned(values: Floats, base: float, random: Random) -> Floats:
    days, values = len(values), values.copy()
    often = random.choice([0, 0.3, 1, 3])
    for day in random.integers(5, days, random.poisson(days / _YEAR * often)):
        room = max(values[day] - random.uniform(0.3, 0.9) * base, 0.0)
        values[day:] -= random.uniform(0.02, 0.4) * room
    return values


def _joined(values: Floats, base: float, random: Random) -> Floats:
    days, values = len(values), values.copy()
    often = random.choice([0, 0.4, 1])
    for day in random.integers(5, days, random.poisson(days / _YEAR * often)):
        values[day:] += base * np.exp(random.normal(np.log(0.05), 1))
    return values


def _sawtooth(base: float, usual: float, days: int, random: Random) -> Floats:
    period = int(random.choice([7, 14, 30, 30, 60, 90]))
    height = usual * period * random.uniform(0.5, 4) + 0.01 * base * random.random()
    return np.asarray(height * ((np.arange(days) + random.integers(period)) % period) / period)


def _bursts(base: float, days: int, random: Random) -> Floats:
    burst = np.zeros(days)
    for first in random.integers(0, days, random.poisson(days / _YEAR * 3)):
        end = min(days, first + int(random.integers(1, 14)))
        height = random.uniform(0.01, 0.12) * base
        burst[first:end] += height * np.exp(-np.arange(end - first) / 3)
    return burst


def _rhythm(base: float, days: int, random: Random) -> Floats:
    day, rhythm = np.arange(days), np.zeros(days)
    if random.random() < 0.6:
        swing = random.uniform(0, 0.006) * base
        rhythm = rhythm + swing * np.sin(2 * np.pi * (day + random.integers(7)) / 7)
    if random.random() < 0.3:
        rhythm = rhythm + (day % 30 > 26) * random.uniform(0, 0.01) * base
    return rhythm
