"""Guests that a rule keeps on one host: packed as one load, and told apart again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from planner.placement.packing import Load, Packing


@dataclass(frozen=True, slots=True)
class Bundles:
    """Loads of which those that must stay together are one; ``members`` by a bundle's name, none
    where nobody must."""

    loads: tuple[Load, ...]
    members: Mapping[str, tuple[Load, ...]]

    @classmethod
    def of(cls, moving: Sequence[Load], staying: Iterable[Load]) -> Bundles:
        """Who must be together moves together, and to where others of the group run already."""
        if not any(load.together for load in moving):
            return cls(tuple(moving), {})
        homes = _homes(staying)
        loads, members = [], {}
        for group in _groups(moving):
            bundle = _bundle(group, homes)
            loads.append(bundle)
            members[bundle.name] = group
        return cls(tuple(loads), members)

    def told_apart(self, found: Packing) -> Packing:
        """The packing by guests. As few bundles as stay unplaced at least, so few guests do."""
        if not self.members:
            return found
        of = self.members
        placed = tuple((load.name, host) for name, host in found.placed for load in of[name])
        unplaced = sorted(load.name for name in found.unplaced for load in of[name])
        return replace(found, placed=placed, unplaced=tuple(unplaced))


def _homes(staying: Iterable[Load]) -> Mapping[str, frozenset[str]]:
    """Where members of each group run that need not move."""
    homes: dict[str, set[str]] = defaultdict(set)
    for load in staying:
        for name in load.together:
            homes[name] |= {load.host} - {None}  # type: ignore[arg-type]  # None is taken out
    return {name: frozenset(hosts) for name, hosts in homes.items()}


def _groups(moving: Sequence[Load]) -> list[tuple[Load, ...]]:
    """The loads by who must be together with whom, also by way of a third."""
    groups: list[tuple[set[str], list[Load]]] = []
    for load in moving:
        joined = [one for one in groups if one[0] & load.together]
        others = [one for one in groups if not one[0] & load.together]
        names = set(load.together).union(*(one[0] for one in joined))
        members = [member for one in joined for member in one[1]]
        groups = [*others, (names, [*members, load])]
    return [tuple(members) for _names, members in groups]


def _bundle(group: tuple[Load, ...], homes: Mapping[str, frozenset[str]]) -> Load:
    """One load for the group: all that its members need, wherever every one of them can run."""
    names = frozenset().union(*(load.together for load in group))
    bound = [homes[name] for name in sorted(names) if homes.get(name)]
    reaches = [load.only_on for load in group if load.only_on is not None] + bound
    ties = [load.tie for load in group if load.tie]
    if bound:
        ties.append(f"must stay with others of {', '.join(sorted(names))}")
    if len(group) == 1 and not bound:
        return group[0]
    return replace(
        group[0],
        name=" with ".join(sorted(load.name for load in group)),
        memory_bytes=sum(load.memory_bytes or 0 for load in group),
        vcpus=sum(load.processors for load in group),
        widest=max(load.width for load in group),
        only_on=frozenset.intersection(*reaches) if reaches else None,
        apart=frozenset().union(*(load.apart for load in group)),
        rank=min(load.rank for load in group),
        tie="; ".join(dict.fromkeys(ties)),
    )
