"""Monitoring and audit: would anyone notice."""

from __future__ import annotations

from planner.risks.rule import Rule

RULES: tuple[Rule, ...] = ()
