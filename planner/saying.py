"""What rows say in words, as data: a key and its values, so that it can be told in any language.

The English stands here, for it is what the files and `explain` say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

ENGLISH: Mapping[str, str] = {
    # What to order or to decide
    "speed_up": "speed up {orders}",
    "confirm_lead": "confirm the lead time for {resource}",
    "second_host": "a second host",
    "more": "more {resource}",
    "more_recorder": "more recorder storage",
    "look_at_recorder": "why the recorder keeps less",
    "next_proposed": "get the money for {order}",
    "next_budgeted": "tender {order}",
    "next_tendered": "sign the contract for {order}",
    "next_contracted": "get the delivery of {order}",
    "next_delivered": "put into service {order}",
    # Why, of a pool
    "one_host": "one host only, and a guest of the highest criticality on it",
    "load_not_known": "capacity or demand is not known",
    "demand": "demand {load:,.0f} of {usable:,.0f} usable {unit}",
    "demand_over": "demand {load:,.0f} of {usable:,.0f} usable {unit}: already over",
    "demand_first": "demand {load:,.0f} of {usable:,.0f} usable {unit}, first over {first}",
    "allocation": "allocated {load:,.0f} of {usable:,.0f} usable {unit}",
    "allocation_over": "allocated {load:,.0f} of {usable:,.0f} usable {unit}: already over",
    "allocation_first": "allocated {load:,.0f} of {usable:,.0f} usable {unit}, first over {first}",
    "counted": "{order} is {stage}, counted from {expected}",
    "not_counted": "{order} is {stage}, not counted",
    "of_these": "{count} of these {quantity} are {order} ({stage}, not counted)",
    # Why, of an order
    "under_way": "{stage} since {since}, expected in service {expected} ({basis})",
    "no_pool": "no pool is named {pool!r}: it counts nowhere",
    "part_of_pieces": "part of the {quantity} that the pool needs, not on top of them",
    "part_of_need": "part of what the pool needs, not on top of it",
    "not_yet": "not counted before it is tendered",
    "as_its_pool": "until then as urgent as its pool, to be ordered by {on}",
    "late": "later than it should be",
    "spread": "as past orders went in {first} to {last} days",
    "note": "{note}",
    # Why, of a recorder
    "keeps": "keeps {days:.1f} days ({how}), {required:g} are required",
    "keeps_for": "keeps {days:.1f} days ({how}), {required:g} are required ({rule})",
    "keeps_only": "keeps {days:.1f} days ({how}); no required retention is declared for it",
    "never_checked": "nobody says when it was checked",
    "checked_ahead": "its check is dated {on}, which is yet to come",
    "checked_long_ago": "last checked {age} days ago; after {after} that is not known",
    "kept_by_nothing": "names neither a recorder nor a datastore that keeps it",
    "store_stale": "{source}, which tells of its datastore, is stale",
    "no_source": "no source tells of this {kind}",
    "size_not_known": "its capacity is not known, nor its oldest recording",
    "no_cameras": "no cameras are declared for it, and its oldest recording is not known",
    # What is assumed
    "lead_days": "lead time {days} d",
    "threshold": "threshold {factor:g}",
    "overcommit": "overcommit {factor:g}",
    "no_reserve": "host reserve 0",
    "item": "a host {item}",
    "time_left": "the time it still takes",
    "bitrate": "a bitrate from the table",
    "no_overheads": "no overheads",
    # Names in the estate file that nothing has
    "misnamed": "{subject}: no {kind} is named {name!r}, so it counts nowhere; known are {known}",
    "misnamed_near": "{subject}: no {kind} is named {name!r}, so it counts nowhere; did you mean "
    "{near!r}?",
    "of_project": "project {name!r}",
    "of_hardware": "hardware of {when}",
    "of_order": "order {name!r}",
    "of_item": "catalogue item {name!r}",
    "of_exclusion": "exclusion from {first}",
    "of_pool": "pool {name!r}",
}
_UNITS = {"gib": "GiB", "vcpus": "vCPUs"}
_PIECES = frozenset({"host", "disk"})


def unit_name(unit: str) -> str:
    """A unit as people write it: "gib" is GiB."""
    return _UNITS.get(unit, unit)


def counted(quantity: float | None, unit: str) -> str:
    """So many of a unit, in English: "3 disks", "1 host", "16,183 GiB"."""
    told = "?" if quantity is None else f"{quantity:,.0f}"
    some = "s" if unit in _PIECES and quantity != 1 else ""
    return f"{told} {unit_name(unit)}{some}"


@dataclass(frozen=True, slots=True)
class Said:
    """One statement: a key of ENGLISH, and what it is filled with."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return ENGLISH[self.key].format(
            **{
                name: unit_name(value) if name == "unit" else value
                for name, value in self.values.items()
            }
        )


class Text(str):
    """A text in English that knows what it says: for files it is a text like any other, and who
    tells it in another language takes ``said``."""

    said: tuple[Said, ...]

    def __new__(cls, *said: Said) -> Self:
        return cls._of("; ".join(map(str, said)), said)

    @classmethod
    def _of(cls, english: str, said: tuple[Said, ...]) -> Self:
        made = str.__new__(cls, english)
        made.said = said
        return made

    def mapped(self, change: Callable[[str], str]) -> Self:
        """The same with every text that it was filled with changed, and with all of the English."""
        said = (
            Said(one.key, {name: _changed(value, change) for name, value in one.values.items()})
            for one in self.said
        )
        return self._of(change(str(self)), tuple(said))


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, Text):
        return value.mapped(change)
    return change(value) if isinstance(value, str) else value


def joined(texts: Iterable[Text]) -> Text:
    """What several texts say, in one."""
    return Text(*(said for text in texts for said in text.said))
