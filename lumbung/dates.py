"""Dates as people type them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from lumbung.settings import SettingsError


def day_option(text: str | None, option: str) -> date | None:
    """The date of an option such as --on 2026-11-23. Raises SettingsError."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{option}: {text!r} is not a date such as 2026-11-23") from None


def instant_option(text: str, option: str, zone: ZoneInfo, *, ends: bool = False) -> datetime:
    """The instant of an option: with an offset, in the site's time without one, or a date, which
    is its first or last moment. Raises SettingsError."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise SettingsError(
                f"{option}: {text!r} is no instant such as 2026-11-23 or 2026-11-23T14:30"
            ) from None
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    moment = datetime.combine(day + timedelta(days=ends), time(), zone)
    return moment.astimezone(UTC)
