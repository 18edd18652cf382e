"""Network exposure: what can reach a guest, and what filters it."""

from __future__ import annotations

from planner.risks.rule import Rule

RULES: tuple[Rule, ...] = ()
