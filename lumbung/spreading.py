"""Where the blocks of a large fleet are reduced: on this machine's processes, or on Ray.

Both are a ``planner.blocks.Run``: they give the results in the order of the work, and hold only
a few blocks at once. Every worker computes with one thread, as Ray has it: with several, the
libraries below numpy sum in another order, and the last bits differ.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from typing import TypeVar

_WAITING_PER_PROCESS = 2
Given = TypeVar("Given")
Made = TypeVar("Made")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def on_processes(
    function: Callable[[Given], Made], works: Iterable[Given], *, processes: int | None = None
) -> Iterator[Made]:
    """On local processes, by default one per core."""
    count = processes or os.cpu_count() or 1
    with _one_thread_each(), ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        coming = iter(works)
        waiting = deque(
            pool.submit(function, work) for work in islice(coming, count * _WAITING_PER_PROCESS)
        )
        while waiting:
            yield waiting.popleft().result()
            waiting += [pool.submit(function, work) for work in islice(coming, 1)]


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """While it lasts, processes that are started compute with one thread; this one is as it was."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def on_ray(function: Callable[[Given], Made], works: Iterable[Given]) -> Iterator[Made]:
    """On the Ray cluster that this process is connected to, else the one that $RAY_ADDRESS names,
    else a local one. Raises SettingsError when Ray is not installed."""
    from lumbung.settings import SettingsError  # slow to import: not for each local process

    try:
        import ray
    except ImportError:
        raise SettingsError(
            "Ray is not installed; install it with: pip install 'lumbung[ray]'"
        ) from None
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    remote = ray.remote(function)
    count = max(1, int(ray.cluster_resources().get("CPU", 1)))
    coming = iter(works)
    waiting = deque(remote.remote(work) for work in islice(coming, count * _WAITING_PER_PROCESS))
    while waiting:
        yield ray.get(waiting.popleft())
        waiting += [remote.remote(work) for work in islice(coming, 1)]
