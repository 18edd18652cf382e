"""Identity and access: who may do what on the platform."""

from __future__ import annotations

from planner.risks.rule import Rule

RULES: tuple[Rule, ...] = ()
