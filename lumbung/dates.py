"""Dates as people type them."""

from __future__ import annotations

from datetime import date

import typer


def day_option(text: str | None, option: str) -> date | None:
    """The date of an option such as --on 2026-11-23. Raises a usage error."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option}: {text!r} is not a date such as 2026-11-23") from None
