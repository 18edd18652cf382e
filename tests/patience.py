"""Waiting for what must come, on any machine, and killing what may not have an unlucky moment.

A limit here only ends a test that has failed: it is far above what the slowest machine needs.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from collectors.contract import Budget

PATIENCE_SECONDS = 300.0


def until(true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Returns once it is true; a test whose condition never comes fails."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)


class Aim:
    """Moments, in seconds after its start, at which to kill some work that should be under way.

    Any moment of it may be drawn, and nearly none after its end, however fast or slow the machine
    is and becomes: what was seen corrects the first guess of how long the work takes.
    """

    def __init__(self, guess_seconds: float) -> None:
        self._longest = guess_seconds
        self._draws = random.Random(7)  # noqa: S311  (not for secrets)

    def moment(self) -> float:
        return self._draws.uniform(0, self._longest)

    def saw(self, moment: float, *, done: bool) -> None:
        """Takes in whether the work was done by this moment."""
        self._longest = moment if done else self._longest * 1.1


@dataclass(frozen=True, slots=True)
class Stoppable(Budget):
    """A budget whose time is over when it is said to be, and not before."""

    over: threading.Event = field(default_factory=threading.Event)

    @property
    def remaining(self) -> float:
        return 0.0 if self.over.is_set() else self.seconds
