"""Where a load stands now, without what its day adds, and how often its values come.

Of days the level is the mean of the medians of the last week and of the last four. Of hours it is
told likewise from the last four and the last seven days, or from a shorter while, as far as that
would have told the days since better: some loads keep for a week to a level, others move with
every day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from planner.forecast.medians import row_means, row_medians
from planner.forecast.paths import Floats
from planner.forecast.weekdays import WEEK

_TRIALS = 14  # half a spell apart
_TRIAL_SPELLS = 4  # over which a trial's level is held against what came, and the least past
_TELLING_GAIN = 0.3  # of the error: a shorter while that tells as much better counts in full


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often values come, and over how many of them a level is told.

    ``spell`` is what a median is taken of to see whether the level moved: a week of days, a day of
    hours. ``near`` follows a change, ``far`` is not misled by a busy spell: the level is the mean
    of their two medians. ``width`` is by how much more than before loads will flicker.
    """

    spell: int
    near: int
    far: int
    width: float


# Chosen on loads of virtual machines (docs/explanation/forecast.md).
DAYS = Rhythm(spell=WEEK, near=WEEK, far=4 * WEEK, width=1.45)


def parts_of_a_day(count: int) -> Rhythm:
    """Values of which a day has so many: hours, or shorter."""
    return Rhythm(spell=count, near=4 * count, far=WEEK * count, width=1.0)


HOURS = parts_of_a_day(24)


def carried(values: Floats, drift: Floats) -> Floats:
    """The values as they would be had each drifted to the last day."""
    age = np.arange(values.shape[1] - 1, -1, -1, dtype=np.float64)
    return np.asarray(values + drift[:, None] * age)


def level_of(values: Floats, drift: Floats, rhythm: Rhythm) -> Floats:
    """Where each series stands at the last day: medians of its last days, carried there by drift.

    Where no day of them is known, the last value.
    """
    there = carried(values, drift)
    choices = _choices(there, rhythm)
    usual = choices[0]
    if rhythm != DAYS and (trials := list(_trials(there, rhythm))):
        error = np.mean(trials, axis=0)
        best = error.argmin(axis=0)[None]
        least = np.take_along_axis(error, best, axis=0)[0]
        gain = 1 - least / np.where(error[0] > 0, error[0], 1.0)
        share = np.where(error[0] > 0, np.clip(gain / _TELLING_GAIN, 0.0, 1.0), 0.0)
        usual = usual + share * (np.take_along_axis(choices, best, axis=0)[0] - usual)
    return first_known(usual, row_medians(there[:, -rhythm.far :]), _last(there))


def _choices(there: Floats, rhythm: Rhythm) -> Floats:
    """The usual level, that of one spell, that of a quarter of one."""
    near, far, spell, part = (
        row_medians(there[:, -count:])
        for count in (rhythm.near, rhythm.far, rhythm.spell, max(rhythm.spell // 4, 3))
    )
    return np.stack([(near + far) / 2, spell, part])


def _trials(there: Floats, rhythm: Rhythm) -> Iterator[Floats]:
    """By how much each choice erred over the spells after some past moments: [choice, series].

    0 where nothing is known of them: then no choice is better than another.
    """
    ahead = least = _TRIAL_SPELLS * rhythm.spell
    for back in range(_TRIALS):
        now = there.shape[1] - ahead - back * max(rhythm.spell // 2, 1)
        if now < least:
            return
        came = there[:, now : now + ahead]
        told = _choices(there[:, :now], rhythm)
        errors = np.stack([row_means(np.abs(came - choice[:, None])) for choice in told])
        yield np.where(np.isnan(told).any(axis=0), 0.0, errors)


def first_known(*choices: Floats) -> Floats:
    """Per series the first choice that is known; NaN where none is."""
    result = np.full_like(choices[0], np.nan)
    for choice in reversed(choices):
        result = np.where(np.isnan(choice), result, choice)
    return result


def _last(values: Floats) -> Floats:
    """The newest known value of each series; NaN where none is."""
    if not values.shape[1]:
        return np.full(len(values), np.nan)
    newest = values.shape[1] - 1 - np.argmax(~np.isnan(values[:, ::-1]), axis=1)
    return np.asarray(np.take_along_axis(values, newest[:, None], axis=1)[:, 0])
