"""What comes with the lists that agencies fill in: how to do it, in their language."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

from planner.owners import STRICTNESS, EstateFile
from reports.cells import plain


def instructions(owners: EstateFile, lang: str, *, as_of: str, unowned: str, days: int) -> str:
    """The text beside the lists, with the words that an answer may hold."""
    template = resources.files("reports") / "templates" / f"attestation_{lang}.txt"
    return template.read_text(encoding="utf-8").format(
        as_of=as_of,
        unowned=unowned,
        round_days=days,
        classes=", ".join(STRICTNESS),
        agencies=_listed({code: agency.name for code, agency in owners.agencies.items()}),
        services=_listed({name: service.owner for name, service in owners.services.items()}),
    )


def _listed(names: Mapping[str, str]) -> str:
    lines = [f"  {plain(name):<24} {plain(told)}".rstrip() for name, told in sorted(names.items())]
    return "\n".join(lines) or "  –"
