"""Every rule, the texts of a rule in another language, and which of them a policy asks for."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Literal

from planner.policy import RiskPolicy
from planner.risks import (
    availability,
    backup,
    boundaries,
    consoles,
    continuity,
    copies,
    data,
    firewall,
    hardware,
    hypervisor,
    identity,
    images,
    lifecycle,
    monitoring,
    neighbours,
    network,
    own,
    privacy,
    recordings,
    segregation,
)
from planner.risks.rule import Rule

Language = Literal["en", "id"]

RULES: tuple[Rule, ...] = (
    *backup.RULES,
    *copies.RULES,
    *data.RULES,
    *images.RULES,
    *firewall.RULES,
    *network.RULES,
    *consoles.RULES,
    *segregation.RULES,
    *neighbours.RULES,
    *identity.RULES,
    *boundaries.RULES,
    *hypervisor.RULES,
    *lifecycle.RULES,
    *availability.RULES,
    *continuity.RULES,
    *hardware.RULES,
    *recordings.RULES,
    *privacy.RULES,
    *monitoring.RULES,
    *own.RULES,
)
BY_ID: Mapping[str, Rule] = {rule.id: rule for rule in RULES}


class UnknownRule(ValueError):
    """The policy names a rule that does not exist."""


@dataclass(frozen=True, slots=True)
class Texts:
    """What a reader is told of a rule."""

    title: str
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Absent:
    """A rule that an expert would expect and that cannot be had, and why."""

    id: str
    title: str
    reason: str


def chosen(policy: RiskPolicy) -> tuple[Rule, ...]:
    """The rules that a policy asks for, in the catalogue's order. Raises UnknownRule."""
    named = {*policy.also, *policy.off}
    for name in sorted(named - set(BY_ID)):
        near = get_close_matches(name, BY_ID, 1)
        raise UnknownRule(f"no rule is called {name!r}" + (f"; {near[0]}?" if near else ""))
    asked = {rule.id for rule in RULES if rule.essential or policy.profile == "full"}
    return tuple(r for r in RULES if r.id in (asked | set(policy.also)) - set(policy.off))


def texts_of(rule: Rule, language: Language = "en") -> Texts:
    """A rule's texts; English where the language has none of its own."""
    if language == "en":
        return Texts(rule.title, rule.why, rule.fix)
    return _translated(language).get(rule.id, Texts(rule.title, rule.why, rule.fix))


def translated(language: Language) -> Iterable[str]:
    """The ids of the rules that have texts in a language."""
    return _translated(language).keys()


@cache
def _translated(language: Language) -> Mapping[str, Texts]:
    folder = resources.files("planner.risks") / "texts" / language
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return {
        name: Texts(**texts)
        for file in files
        for name, texts in tomllib.loads(file.read_text(encoding="utf-8")).items()
    }


@cache
def absent() -> tuple[Absent, ...]:
    """The rules that cannot be had from what sources tell, with the reasons."""
    folder = resources.files("planner.risks") / "absent"
    entries = {
        name: entry
        for file in folder.iterdir()
        for name, entry in tomllib.loads(file.read_text(encoding="utf-8")).items()
    }
    return tuple(Absent(name, **entry) for name, entry in sorted(entries.items()))
