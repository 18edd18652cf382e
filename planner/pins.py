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

    def of(self, ranges: tuple[str, ...], home: str | None = None) -> Pinned:
        """What being pinned to those CPUs means; on ``home`` the guest runs already."""
        cpus = cpus_of(ranges)
        if not cpus:
            return Pinned()
        having = {label: _has(host, max(cpus)) for label, host in self._hosts.items()}
        able = frozenset(label for label, has in having.items() if has is not False)
        told = f"is pinned to CPU{'s' if len(cpus) > 1 else ''} {', '.join(ranges)}"
        everywhere = len(able) == len(having)
        return Pinned(
            only_on=None if everywhere else able,
            apart=frozenset(f"pin to CPU {cpu}" for cpu in cpus if self._exclusive),
            tie="" if everywhere else f"{told} of {_listed(able)}",
            doubt=self._doubt(told, (x for x, has in having.items() if has is None and x != home)),
        )

    def _doubt(self, told: str, unsure: Iterable[str]) -> str:
        """What is not known of a host that would have to take the guest."""
        live = [label for label in unsure if self._hosts[label].status == "in_service"]
        return f"{told}: does {min(live)} have so many?" if live else ""


def _has(host: Host, cpu: int) -> bool | None:
    """Whether a host has a CPU of that number, and so all below; None where that is not known.

    Each thread is a CPU, and a core has at least one.
    """
    if host.cpu_threads is not None:
        return cpu < host.cpu_threads
    return True if host.cpu_cores is not None and cpu < host.cpu_cores else None


def _listed(hosts: Iterable[str]) -> str:
    return ", ".join(sorted(hosts)) or "no host"
