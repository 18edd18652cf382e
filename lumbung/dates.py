"""Dates as people type them."""

from __future__ import annotations

from datetime import date

from lumbung.settings import SettingsError


def day_option(text: str | None, option: str) -> date | None:
    """The date of an option such as --on 2026-11-23. Raises SettingsError."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{option}: {text!r} is not a date such as 2026-11-23") from None
