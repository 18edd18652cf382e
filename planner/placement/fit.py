"""How many more guests of one size fit: host by host, beside the pooled estimate (glossary 15).

Each limit is a number of guests, or None where it is not known. The smallest binds; while one is
not known, the answer is not either, unless another one says 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.numbers import TOLERANCE, ceil, exceeds
from planner.placement.packing import Bin, Floats, Load, Room

Counts = npt.NDArray[np.int64]
_MANY = 10**9  # of something that needs nothing
HOST_BY_HOST, RESERVE = "host by host", "failover reserve"


@dataclass(frozen=True, slots=True)
class Profile:
    """The size of a guest that does not exist yet, and what would tie it as it ties its like.

    ``pinned_cpus`` is what was asked for; ``only_on`` and ``apart`` are what that means in a pool,
    as of a Load.
    """

    name: str
    vcpus: float
    memory_bytes: float
    storage_bytes: float
    pinned_cpus: tuple[str, ...] = ()
    only_on: frozenset[str] | None = None
    apart: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Limit:
    """How many guests one thing allows; ``pooled``: were it one piece. None is not known."""

    name: str
    count: int | None
    pooled: int | None
    exact: float = 0.0  # before it is rounded: tells which of two that allow as many is tighter

    @classmethod
    def of(cls, name: str, free: float | None, size: float) -> Limit:
        """What is free of one thing, of which every guest needs a size."""
        count = times(free, size)
        exact = free / size if free is not None and size > 0 else float(_MANY)
        return cls(name, count, count, exact)


@dataclass(frozen=True, slots=True)
class Fit:
    """How many of a profile fit, and what binds. ``lower_bound`` ≤ ``count`` ≤ ``pooled``.

    ``count``: while usable capacity holds in both models, host by host, and beside what survives
    when the k hosts with the most room are lost. ``lower_bound``: as many are proven to fit with
    every failure packed again, none worse than today. ``where`` places ``count`` of them.
    """

    profile: Profile
    count: int | None
    pooled: int | None
    lower_bound: int | None
    binding: str
    where: tuple[tuple[str, int], ...] = ()
    limits: tuple[Limit, ...] = ()

    @property
    def fragmentation_percent(self) -> float | None:
        """What the borders between hosts and datastores cost, of the pooled estimate."""
        if self.count is None or not self.pooled:
            return None
        return 100.0 * (1.0 - self.count / self.pooled)


def times(free: float | None, size: float) -> int | None:
    """How often a size goes into what is free; None when that is not known."""
    if free is None:
        return None
    return _MANY if size <= 0 else max(0, int(_floors(np.asarray(free), size)))


def _floors(free: Floats, size: float) -> Floats:
    """floor(free ÷ size), where a hair below a whole number is that number."""
    share = free / size
    return np.asarray(np.floor(share + TOLERANCE * np.maximum(1.0, np.abs(share))))


def slots(room: Room, profile: Profile) -> Counts:
    """How many each bin takes: none where the guest is larger than the host, or must not run."""
    counts = np.full(len(room.names), float(_MANY if not profile.apart else 1))
    for free, size in ((room.memory, profile.memory_bytes), (room.vcpus, profile.vcpus)):
        if size > 0:
            counts = np.minimum(counts, _floors(free, size))
    admits = room.admits(profile.only_on, profile.apart)
    admits &= room.cores >= profile.vcpus * (1.0 - TOLERANCE)
    return np.where(admits, np.maximum(counts, 0.0), 0.0).astype(np.int64)


def host_limits(room: Room | None, profile: Profile, *, k: int) -> tuple[Limit, ...]:
    """What the live hosts allow one by one, and without the k that would take the most."""
    if room is None:
        return (Limit(HOST_BY_HOST, None, None),)
    each = np.sort(slots(room, profile))[::-1]
    whole = _pooled(room, profile)
    counts = [(HOST_BY_HOST, int(each.sum())), (RESERVE, int(each[k:].sum()))]
    return tuple(Limit(name, n, whole, float(n)) for name, n in counts[: 2 if k else 1])


def _pooled(room: Room, profile: Profile) -> int:
    """As if what the hosts have left were one piece."""
    admits = room.admits(profile.only_on, profile.apart)
    memory = float(np.maximum(room.memory, 0.0)[admits].sum())
    vcpus = float(np.maximum(room.vcpus, 0.0)[admits].sum())
    return min(times(memory, profile.memory_bytes) or 0, times(vcpus, profile.vcpus) or 0)


def fit(
    profile: Profile,
    limits: Sequence[Limit],
    room: Room | None,
    survivors: Iterable[Room] | None,
) -> Fit:
    """The smallest limit, and how many of the profile are proven to survive every failure.

    ``survivors`` is what each failure leaves once its guests are placed, lost hosts closed; None:
    that is not known, or not every failure was tried.
    """
    count = _least([limit.count for limit in limits])
    binding = ", ".join(f"{limit.name} not known" for limit in limits if limit.count is None)
    if count is not None:
        equal = [limit for limit in limits if limit.count == count]
        binding = min(equal, key=lambda limit: limit.exact).name if equal else ""
    known = [limit.pooled for limit in limits if limit.pooled is not None]
    proven = None
    if room is not None and survivors is not None and count is not None:
        proven = min(count, _proven(room, survivors, profile))
    return Fit(
        profile=profile,
        count=count,
        pooled=min(known, default=None),
        lower_bound=proven,
        binding=binding,
        where=_spread(room, profile, count) if room is not None and count else (),
        limits=tuple(limits),
    )


def _least(counts: Sequence[int | None]) -> int | None:
    """The smallest; not known while one is not, unless there can be none at all."""
    known = [count for count in counts if count is not None]
    least = min(known, default=None)
    return least if least == 0 or len(known) == len(counts) else None


def _proven(room: Room, survivors: Iterable[Room], profile: Profile) -> int:
    """How many can be placed so that, whichever failure comes, they run beside all the others.

    The new ones on each host must leave the failure's packing as it is, and those on lost hosts
    must go into slots that are left: both hold for any distribution within these counts.
    """
    each, together = slots(room, profile), _MANY
    for left in survivors:
        after = slots(left, profile)
        each = np.where(left.open, np.minimum(each, after), each)
        together = min(together, int(after.sum()))
    return min(int(each.sum()), together)


def _spread(room: Room, profile: Profile, count: int) -> tuple[tuple[str, int], ...]:
    """``count`` of them on the hosts, as even as their room allows."""
    most = slots(room, profile)
    level = _level(most, min(count, int(most.sum())))
    placed = np.minimum(most, level)
    for i in np.argsort(-(most - placed), kind="stable")[: max(0, count - int(placed.sum()))]:
        placed[i] += 1
    return tuple((room.names[i], int(n)) for i, n in enumerate(placed) if n)


def _level(most: Counts, count: int) -> int:
    """The largest number per host at which no more than ``count`` are placed."""
    low, high = 0, int(most.max(initial=0))
    while low < high:
        middle = (low + high + 1) // 2
        if int(np.minimum(most, middle).sum()) <= count:
            low = middle
        else:
            high = middle - 1
    return low


# How many hosts it takes


@dataclass(frozen=True, slots=True)
class HostsNeeded:
    """How many hosts of one size carry some guests: ``found`` by packing, never below the bound."""

    lower_bound: int
    found: int | None  # None: one of them is larger than the host

    @property
    def gap_percent(self) -> float | None:
        if self.found is None or not self.lower_bound:
            return None
        return 100.0 * (self.found - self.lower_bound) / self.lower_bound


def hosts_needed(loads: Sequence[Load], like: Bin) -> HostsNeeded:
    """The hosts that guests need: ⌈Σ ÷ capacity⌉ of the resource that binds, and by packing.

    One host after the other is filled, each time with the guest whose shape is nearest to what is
    left of it (Panigrahy et al., Heuristics for Vector Bin Packing, 2011).
    """
    whole = np.array([like.memory_bytes, like.vcpus])
    sizes = np.array([[load.memory, load.processors] for load in loads]).reshape(-1, 2) / whole
    bound = ceil(float(sizes.sum(axis=0).max(initial=0.0)))
    too_large = any(exceeds(load.processors, like.cpu_cores) for load in loads)
    if too_large or bool((sizes > 1.0 + TOLERANCE).any()):
        return HostsNeeded(bound, None)
    kinds, counts = np.unique(sizes, axis=0, return_counts=True)
    return HostsNeeded(bound, _filled(kinds, counts))


def _filled(kinds: Floats, counts: Counts) -> int:
    """How many hosts of size 1 × 1 are filled with so many of each kind."""
    weight, waiting, hosts = counts @ kinds, counts.copy(), 0
    while waiting.any():
        left, hosts = np.ones(2), hosts + 1
        while True:
            able = (waiting > 0) & (kinds <= left + TOLERANCE).all(axis=1)
            if not able.any():
                break
            distance = (weight * (kinds - left) ** 2).sum(axis=1)
            chosen = int(np.where(able, distance, np.inf).argmin())
            waiting[chosen] -= 1
            left = left - kinds[chosen]
    return hosts
