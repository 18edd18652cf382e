"""Whom a scenario means: pools, hosts, guests and sizes by the names that people type."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from inventory.facts import Fact
from inventory.records import Host
from planner.answers import PoolAnswer
from planner.estate import Estate
from planner.fitting import average_of, clone_of, profiles_of
from planner.guest_views import GuestView
from planner.owners import Match
from planner.placement.fit import Profile
from planner.pools import GIB, Pool, PoolKind
from planner.twins import matches

_LARGEST = 1e9  # of anything a profile may ask for
_MOST_NAMED = 8
_MATCHES = {"name_glob": "name like", "guest_id": "number", "vmid": "number", "cluster": "cluster"}
Place = tuple[str | int, ...]


class ScenarioError(ValueError):
    """A scenario that cannot be: ``place`` is the key that is wrong, below the change."""

    def __init__(self, message: str, *place: str | int) -> None:
        super().__init__(message)
        self.place: Place = place

    def below(self, *place: str | int) -> ScenarioError:
        """The same, seen from further up."""
        return ScenarioError(str(self), *place, *self.place)


def nearest(name: str, known: Iterable[str]) -> str:
    """Which known name may have been meant, in words."""
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, 1)
    if near:
        return f"did you mean {near[0]!r}?"
    more = len(names) - _MOST_NAMED
    told = ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"known are {told}" if names else "none is known"


def pool_called(
    answers: Sequence[PoolAnswer], name: str, kind: PoolKind | None, *place: str
) -> PoolAnswer:
    """The one pool of a kind that is meant by ``name``; kind None is any. Raises ScenarioError."""
    of_kind = [a for a in answers if kind is None or a.pool.kind == kind]
    found = [answer for answer in of_kind if answer.pool.answers_to(name)]
    what = kind or "pool"
    if len(found) == 1:
        return found[0]
    if found:
        labels = ", ".join(answer.pool.name for answer in found)
        raise ScenarioError(f"{name!r} means several: {labels}", *place)
    hint = nearest(name, (answer.pool.name for answer in of_kind))
    raise ScenarioError(f"no {what} is named {name!r}; {hint}", *place)


def host_called(estate: Estate, name: str, *place: str) -> Fact[Host]:
    """The one host that is not retired and is meant by ``name``. Raises ScenarioError."""
    there = [fact for fact in estate.hosts if fact.record.status != "retired"]
    found = [
        fact
        for fact in there
        if name in (fact.record.name, fact.record.host_id, _full(fact.record))
    ]
    if len(found) == 1:
        return found[0]
    if found:
        told = ", ".join(_full(fact.record) for fact in found)
        raise ScenarioError(f"{name!r} means several hosts: {told}", *place)
    hint = nearest(name, (fact.record.name for fact in there))
    raise ScenarioError(f"no host is named {name!r}; {hint}", *place)


def _full(host: Host) -> str:
    return f"{host.cluster}/{host.name}"


def guests_called(estate: Estate, match: Match, *place: str) -> tuple[GuestView, ...]:
    """The guests that match. Raises ScenarioError when there is none."""
    found = tuple(view for view in estate.guests if matches(match, view.fact))
    if found:
        return found
    wanted = match.model_dump(exclude_none=True)
    told = ", ".join(f"{_MATCHES.get(key, key)} {value!r}" for key, value in wanted.items())
    text = str(match.name_glob or match.guest_id or match.vmid or match.uuid or match.pool)
    by_name = match.name_glob is not None
    names = [view.guest.name if by_name else view.guest.guest_id for view in estate.guests]
    near = nearest(text.strip("*?") if by_name else text, [name for name in names if name])
    raise ScenarioError(f"no guest has {told}; {near}", *place)


def profile_called(estate: Estate, pool: Pool, text: str, *place: str) -> Profile:
    """The size that is meant by S, M, L, average, VCPU/GIB/GIB or clone:GUEST."""
    named = {profile.name: profile for profile in profiles_of(estate.policy)}
    if text in named:
        return named[text]
    if text == "average":
        found = average_of(estate, pool)
        if found is None:
            raise ScenarioError(f"{pool.name} has no guest whose size is known", *place)
        return found
    if text.startswith("clone:"):
        return _clone(estate, text.removeprefix("clone:"), place)
    return _sized(text, place)


def _clone(estate: Estate, wanted: str, place: Sequence[str]) -> Profile:
    views = [view for view in estate.guests if view.is_called(wanted)]
    if not views:
        names = [view.guest.name or view.guest.guest_id for view in estate.guests]
        raise ScenarioError(f"no guest is called {wanted!r}; {nearest(wanted, names)}", *place)
    if len(views) > 1:
        raise ScenarioError(f"several guests are called {wanted!r}; write CLUSTER/ID", *place)
    profile = clone_of(estate, views[0])
    if profile is None:
        raise ScenarioError(f"the size of {views[0].label} is not known", *place)
    return profile


def _sized(text: str, place: Sequence[str]) -> Profile:
    try:
        vcpus, memory, storage = (float(part) for part in text.split("/"))
    except ValueError:
        vcpus = memory = storage = -1.0
    if not (0 < vcpus < _LARGEST and 0 < memory < _LARGEST and 0 <= storage < _LARGEST):
        raise ScenarioError(
            f"{text!r} is neither S, M, L, average, clone:GUEST nor VCPU/GIB/GIB such as 4/16/80",
            *place,
        )
    return Profile(text, vcpus, memory * GIB, storage * GIB)
