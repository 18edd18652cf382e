"""What a command takes together with all the processes that it starts."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile

from bench.measure import Once, Run

_LOOK_EVERY_SECONDS = 0.1
_CODES = (0, 3)  # done; done, with gaps that are new


def whole_tree(command: Sequence[str]) -> Run:
    """A run of a command; ``peak_mib`` is the most memory that all its processes held at once,
    what they share counted once. One that fails ends the benchmark."""

    def run() -> Once:
        before, began = _children_seconds(), time.perf_counter()
        peak = 0.0
        with TemporaryFile() as said:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said
            )
            while process.poll() is None:
                peak = max(peak, sum(map(_held_mib, _with_children(process.pid))))
                time.sleep(_LOOK_EVERY_SECONDS)
            took = time.perf_counter() - began
            said.seek(0)
            if process.returncode not in _CODES:
                raise RuntimeError(f"{command} failed: {said.read().decode()[-2000:]}")
        return Once(took, _children_seconds() - before, peak)

    return run


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _with_children(pid: int) -> Iterator[int]:
    """The process and all below it; one that ends meanwhile is left out."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*"):
        for child in _read(task / "children").split():
            yield from _with_children(int(child))


def _held_mib(pid: int) -> float:
    """What a process holds, each shared page as its share (proc_pid_smaps_rollup(5): Pss)."""
    for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def idle_interpreters(count: int) -> list[str]:
    """A command that holds so many interpreters, itself among them, for a second."""
    nothing = "import time; time.sleep(1)"
    code = (
        "import subprocess, sys; "
        f"[one.wait() for one in [subprocess.Popen([sys.executable, '-c', {nothing!r}]) "
        f"for _ in range({count - 1})]]"
    )
    return [sys.executable, "-c", code]
