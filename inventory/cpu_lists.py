"""CPUs of a host by their numbers, as kernels and platforms list them: 0-3,8."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MOST_CPUS = 8192  # that a Linux kernel can be built for
_PART = re.compile(r"(?P<not>\^?)(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?")


def cpus_in(text: str) -> frozenset[int] | None:
    """The CPUs that a list names; ``^2`` takes one out again. None for what is no such list."""
    found: set[int] = set()
    for part in text.split(","):
        given = _PART.fullmatch(part.strip())
        if given is None:
            return None
        first, last = int(given["first"]), int(given["last"] or given["first"])
        if not first <= last < _MOST_CPUS:
            return None
        named = range(first, last + 1)
        found = found.difference(named) if given["not"] else found.union(named)
    return frozenset(found)


def ranges_of(cpus: Iterable[int]) -> tuple[str, ...]:
    """The same CPUs in as few parts as possible: 0-3 and 8."""
    runs: list[list[int]] = []
    for cpu in sorted(set(cpus)):
        if runs and cpu == runs[-1][-1] + 1:
            runs[-1].append(cpu)
        else:
            runs.append([cpu])
    return tuple(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def cpus_of(ranges: Iterable[str]) -> frozenset[int]:
    """The CPUs in parts that ``ranges_of`` made."""
    ends = [[int(end) for end in part.split("-")] for part in ranges]
    return frozenset(cpu for first, *last in ends for cpu in range(first, (last or [first])[0] + 1))
