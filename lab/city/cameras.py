"""The city's camera recorders, as someone with a clipboard reads them off."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

TB = 10**12
CHECKED_BEFORE = timedelta(days=2)
NOBODY_WENT_SINCE = timedelta(days=45)  # to the market

# The command centre's recorder is a guest there; the two others are boxes no hypervisor shows.
_RECORDERS = (
    # id, site, capacity, cameras, recording, hours that the oldest recording goes back
    ("vms-perekam-1", "command-center", 120 * TB, 106, 104, 629),
    ("terminal-nvr", "terminal", 24 * TB, 24, 24, 840),
    ("pasar-nvr", "pasar", 8 * TB, 16, 16, 500),
)


def write_cameras(folder: Path, taken_at: datetime, now: datetime) -> None:
    """Writes the recorders as of an instant of the demo, whose story ends at ``now``."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "source.csv", [{"taken_at": taken_at.isoformat(), "timezone": "Asia/Jakarta"}])
    # There is a list of hosts and of guests, and nothing on it: recorders are all there is.
    (folder / "hosts.csv").write_text("host_id,name,cluster,status,cpu_cores,memory_bytes\n")
    (folder / "guests.csv").write_text("guest_id,name,host_id,kind,power,vcpus,memory_bytes\n")
    _write(folder / "recorders.csv", (_recorder(row, taken_at, now) for row in _RECORDERS))


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    listed = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(listed[0]))
        writer.writeheader()
        writer.writerows(listed)


def _recorder(
    row: tuple[str, str, int, int, int, int], taken_at: datetime, now: datetime
) -> dict[str, Any]:
    name, site, capacity, cameras, recording, hours = row
    checked = taken_at - CHECKED_BEFORE
    if name == "pasar-nvr":
        checked = min(checked, now - NOBODY_WENT_SINCE)
    return {
        "recorder_id": name, "name": name, "site": site, "capacity_bytes": capacity,
        "cameras": cameras, "cameras_recording": recording,
        "oldest_recording_at": (checked - timedelta(hours=hours)).isoformat(),
        "disks_failed": 0, "checked_at": checked.isoformat(),
    }  # fmt: skip
