"""When a workbook was taken. Its times are those of where RVTools ran, and carry no zone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from collectors.rvtools.sheets import Row

_IN_NAME = re.compile(
    r"(?<!\d)(20\d\d)[-_.]?([01]\d)[-_.]?([0-3]\d)"
    r"(?:[T _.-]?([0-2]\d)[._:-]?([0-5]\d)(?:[._:-]?([0-5]\d))?)?(?!\d)"
)


def taken_at(file: str, metadata: Iterable[Row], modified_at: float, zone: ZoneInfo) -> datetime:
    """When a workbook was exported: as it says itself, else its name, else the file's time."""
    stated = next((t for row in metadata if (t := row["xlsx creation datetime"])), None)
    return aware(stated, zone) if stated else guessed_at(file, modified_at, zone)


def guessed_at(file: str, modified_at: float, zone: ZoneInfo) -> datetime:
    """When a workbook was exported by its file alone; a day without a time is its noon."""
    found = _IN_NAME.search(file)
    try:
        year, month, day, hour, minute, second = found.groups()  # type: ignore[union-attr]
        clock = (12, 0, 0) if hour is None else (int(hour), int(minute), int(second or 0))
        return aware(datetime(int(year), int(month), int(day), *clock), zone)  # noqa: DTZ001
    except (AttributeError, ValueError):
        return datetime.fromtimestamp(int(modified_at), UTC)


def aware(moment: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a time as a clock there shows it."""
    local = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return local.astimezone(UTC).replace(microsecond=0)
