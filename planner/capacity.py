"""Raw, effective, failover and usable capacity; headroom and overcommit (glossary 1-9).

Order of steps: host reserve → N+k → threshold or ratio. Base units: cores, vCPUs, bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class HostShare:
    """One host's part in a pool's capacity; None is not known."""

    name: str
    capacity: float | None
    reserve: float | None = None

    @property
    def effective(self) -> float | None:
        """``H = C − reserve``, never below 0; a reserve that is not known counts 0."""
        if self.capacity is None:
            return None
        return max(0.0, self.capacity - (self.reserve or 0.0))


@dataclass(frozen=True, slots=True)
class Capacity:
    """A pool's capacity for one resource under one model; None where a part is not known.

    ``factor`` is the threshold T (demand) or the ratio (allocation).
    """

    raw: float | None
    host_reserve: float | None
    k: int
    ha_reserve: float | None
    failover: float | None
    factor: float
    flags: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()  # the hosts whose capacity is not known

    @property
    def usable(self) -> float | None:
        return None if self.failover is None else self.factor * self.failover

    @property
    def effective(self) -> float | None:
        """ΣH: what there is while no host is lost."""
        if self.failover is None or self.ha_reserve is None:
            return None
        return self.failover + self.ha_reserve


def cluster_capacity(hosts: Sequence[HostShare], *, k: int, factor: float) -> Capacity:
    """Capacity of hosts that stand in for one another: N+k reserves the k largest.

    With k or fewer hosts nothing can be reserved: k = 0, flag ``no_ha``.
    """
    flags = []
    if k >= len(hosts):
        k = 0
        flags.append("no_ha")
    if any(host.reserve is None for host in hosts):
        flags.append("reserve_assumed")
    unknown = tuple(host.name for host in hosts if host.capacity is None)
    if unknown or not hosts:
        flags.append("capacity_unknown")
        return Capacity(None, None, k, None, None, factor, tuple(flags), unknown)
    effective = sorted((host.effective or 0.0 for host in hosts), reverse=True)
    raw = sum(host.capacity or 0.0 for host in hosts)
    ha_reserve = sum(effective[:k])
    return Capacity(
        raw=raw,
        host_reserve=raw - sum(effective),
        k=k,
        ha_reserve=ha_reserve,
        failover=sum(effective) - ha_reserve,
        factor=factor,
        flags=tuple(flags),
    )


def datastore_capacity(capacity: float | None, *, factor: float) -> Capacity:
    """Capacity of a datastore after redundancy; a datastore has no N+k."""
    if capacity is None:
        return Capacity(None, None, 0, None, None, factor, ("capacity_unknown",))
    return Capacity(capacity, 0.0, 0, 0.0, capacity, factor)


def ceph_capacity(
    nodes: Sequence[HostShare], *, size: float, nearfull: float = 0.85, k: int = 1
) -> Capacity:
    """Capacity of a replicated Ceph pool after redundancy, with the k largest nodes lost.

    Every amount is divided by ``size``, raw bytes per byte that is held: the number of copies. The
    factor is the nearfull ratio, above which Ceph refuses to heal. Flag ``no_self_heal`` when fewer
    nodes than copies are left: then what was lost cannot be copied again.
    """
    copies = [
        HostShare(
            node.name,
            None if node.capacity is None else node.capacity / size,
            None if node.reserve is None else node.reserve / size,
        )
        for node in nodes
    ]
    found = cluster_capacity(copies, k=k, factor=nearfull)
    if len(nodes) - k < round(size):
        found = replace(found, flags=(*found.flags, "no_self_heal"))
    return found


def headroom(usable: float | None, load: float | None) -> float | None:
    """``h = U − D`` or ``U − A``: may be negative, is never clamped."""
    return None if usable is None or load is None else usable - load


def percent(part: float | None, whole: float | None) -> float | None:
    """100 × part ÷ whole; None where either is not known or the whole is 0."""
    return None if part is None or not whole else 100.0 * part / whole


def overcommit(allocated: float | None, capacity: float | None) -> float | None:
    """``A ÷ ΣH`` now, ``A ÷ F`` after a failure; None where either is not known or 0."""
    return None if allocated is None or not capacity else allocated / capacity


def thin_debt(provisioned: float, used: float) -> float:
    """What guests were promised and have not written yet."""
    return provisioned - used


def thin_exposure(provisioned: float, capacity: float) -> float:
    """What was promised beyond what there is."""
    return max(0.0, provisioned - capacity)
