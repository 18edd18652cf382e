"""Where guests that are pinned to some CPUs of their host can run: CPUs go by their numbers.

A host can take such a guest when it has every one of those CPUs. A pin keeps nobody else off, so
two guests may be pinned to the same CPUs, unless the policy says that pins are exclusive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inventory.cpu_lists import cpus_of
from inventory.records import Host


@dataclass(frozen=True, slots=True)
class Pinned:
    """What pins mean for a guest: ``only_on``, ``apart``, ``tie`` and ``doubt`` as of a Load."""

    only_on: frozenset[str] | None = None
    apart: frozenset[str] = frozenset()
    tie: str = ""
    doubt: str = ""


class Pins:
    """The CPUs of some hosts, by the labels of those."""

    def __init__(self, hosts: Mapping[str, Host], *, exclusive: bool) -> None:
        self._hosts = hosts
        self._exclusive = exclusive
        self._known: dict[int, tuple[frozenset[str], frozenset[str]]] = {}

    def of(self, ranges: tuple[str, ...], home: str | None = None) -> Pinned:
        """What being pinned to those CPUs means; on ``home`` the guest runs already."""
        cpus = cpus_of(ranges)
        if not cpus:
            return Pinned()
        able, unsure = self._having(max(cpus))
        told = f"is pinned to CPU{'s' if len(cpus) > 1 else ''} {', '.join(ranges)}"
        everywhere = len(able) == len(self._hosts)
        asked = min(unsure - {home}, default="")
        return Pinned(
            only_on=None if everywhere else able,
            apart=frozenset(f"pin to CPU {cpu}" for cpu in cpus if self._exclusive),
            tie="" if everywhere else f"{told} of {_listed(able)}",
            doubt=f"{told}: does {asked} have so many?" if asked else "",
        )

    def _having(self, cpu: int) -> tuple[frozenset[str], frozenset[str]]:
        """The hosts that have a CPU of that number or may have it, and the live ones of which that
        is not known."""
        if cpu not in self._known:
            having = {label: _has(host, cpu) for label, host in self._hosts.items()}
            live = (label for label, host in self._hosts.items() if host.status == "in_service")
            self._known[cpu] = (
                frozenset(label for label, has in having.items() if has is not False),
                frozenset(label for label in live if having[label] is None),
            )
        return self._known[cpu]


def _has(host: Host, cpu: int) -> bool | None:
    """Whether a host has a CPU of that number, and so all below; None where that is not known.

    Each thread is a CPU, and a core has at least one.
    """
    if host.cpu_threads is not None:
        return cpu < host.cpu_threads
    return True if host.cpu_cores is not None and cpu < host.cpu_cores else None


def _listed(hosts: Iterable[str]) -> str:
    return ", ".join(sorted(hosts)) or "no host"
