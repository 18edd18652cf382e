"""Standards and laws as data: which control asks for what, and which rules tell of it.

A pack is one standard or law with the dates between which it holds. Its mapping to rules is
graded; what is unsure is kept for whoever reviews the pack, and is never cited.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Control(_Table):
    """One control, article or safeguard."""

    title: str = Field(min_length=1, description="in few words")
    outside: str = Field(
        "", description="why this program can tell nothing of it; then no rule is named"
    )
    verified: tuple[str, ...] = Field((), description="rules whose mapping a text was seen for")
    from_memory: tuple[str, ...] = Field((), description="rules mapped by people who know the text")
    unsure: tuple[str, ...] = Field((), description="rules that are never cited with it")

    @property
    def cited(self) -> tuple[str, ...]:
        """The rules that may be cited with this control."""
        return (*self.verified, *self.from_memory)

    @property
    def named(self) -> tuple[str, ...]:
        return (*self.cited, *self.unsure)

    @model_validator(mode="after")
    def _grades_a_rule_once(self) -> Control:
        for name in self.named:
            if self.named.count(name) > 1:
                raise ValueError(f"{name} is named twice")
        if self.outside and self.named:
            raise ValueError(f"is outside, and yet names {self.named[0]}")
        return self


class Pack(_Table):
    """A standard or law."""

    version: Literal[1] = Field(1, description="of the file's form")
    id: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]*$", description="what `risks --framework` calls it"
    )
    name: str = Field(min_length=1, description="its full name")
    cited_as: str = Field(min_length=1, description="what stands before a control in a citation")
    cited: bool = Field(
        True, description="beside every finding; false: only `risks --framework` shows it"
    )
    valid_from: date = Field(description="the first day on which it is cited")
    valid_to: date | None = Field(None, description="the last one; empty while it holds")
    source: str = Field(min_length=1, description="the text it was taken from")
    reviewed_by: str | None = Field(
        None, description="the office that reviewed the mapping; until then it is a draft"
    )
    reviewed_on: date | None = Field(None, description="when")
    controls: dict[str, Control] = Field(description="by their number in the text")

    def is_draft_on(self, day: date) -> bool:
        """Whether nobody had reviewed the mapping by a day."""
        return self.reviewed_on is None or self.reviewed_on > day

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    def is_cited_on(self, day: date) -> bool:
        return self.cited and self.holds_on(day)

    @model_validator(mode="after")
    def _is_possible(self) -> Pack:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError(f"ends on {self.valid_to}, before it begins on {self.valid_from}")
        if (self.reviewed_by is None) != (self.reviewed_on is None):
            raise ValueError("reviewed_by and reviewed_on belong together")
        return self


class UnknownFramework(ValueError):
    """No pack has that name, or it does not hold on that day; the message says which do."""


@dataclass(frozen=True, slots=True)
class Regulations:
    """Every pack that is known, by their order of citation."""

    packs: tuple[Pack, ...] = ()

    def citations(self, on: date) -> Mapping[str, tuple[str, ...]]:
        """By rule, the controls that may be cited on a day."""
        found: dict[str, list[str]] = defaultdict(list)
        for pack in self.packs:
            for number, control in pack.controls.items() if pack.is_cited_on(on) else ():
                for rule in control.cited:
                    found[rule].append(f"{pack.cited_as} {number}")
        return {rule: tuple(controls) for rule, controls in found.items()}

    def pack(self, name: str, on: date) -> Pack:
        """The pack of that name, which holds on that day. Raises UnknownFramework."""
        named = {pack.id: pack for pack in self.packs}
        if name not in named:
            near = get_close_matches(name, named, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(named)}"
            raise UnknownFramework(f"no framework is called {name!r}; {hint}")
        found = named[name]
        if not found.holds_on(on):
            until = f" to {found.valid_to}" if found.valid_to else ""
            raise UnknownFramework(f"{name} holds from {found.valid_from}{until}, not on {on}")
        return found


def strangers(pack: Pack, known: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """What a pack names that is no rule: the control, the grade, the name."""
    for number, control in pack.controls.items():
        for grade in ("verified", "from_memory", "unsure"):
            for name in getattr(control, grade):
                if name not in known:
                    yield number, grade, name
