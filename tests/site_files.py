"""Builds `files` directories and runs the command line on them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from command_line import Ran, lumbung_here

GIB = 1024**3
TIB = 1024**4
JAKARTA = ZoneInfo("Asia/Jakarta")
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=JAKARTA)  # as_of 2026-11-23, like the worked examples


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows of one table; the header is all their keys, a missing value an empty cell."""
    rows = list(rows)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def host(name: str, *, cores: float = 32, memory: int = 512 * GIB, **more: Any) -> dict[str, Any]:
    return {
        "host_id": name,
        "name": name,
        "cluster": "c1",
        "status": "in_service",
        "cpu_cores": cores,
        "memory_bytes": memory,
    } | more


def guest(
    name: str, on: str, *, vcpus: float = 2, memory: int = 4 * GIB, **more: Any
) -> dict[str, Any]:
    return {
        "guest_id": name,
        "name": name,
        "host_id": on,
        "kind": "vm",
        "power": "running",
        "vcpus": vcpus,
        "memory_bytes": memory,
    } | more


def datastore(name: str, *, capacity: int, used: int | None = None, **more: Any) -> dict[str, Any]:
    return {
        "datastore_id": name,
        "name": name,
        "cluster": "c1",
        "kind": "nfs",
        "shared": 1,
        "capacity_bytes": capacity,
        "used_bytes": "" if used is None else used,
    } | more


def disk(guest_id: str, on: str, *, capacity: int, key: str = "d0", **more: Any) -> dict[str, Any]:
    return {
        "disk_id": f"{guest_id}/{key}",
        "guest_id": guest_id,
        "datastore_id": on,
        "capacity_bytes": capacity,
    } | more


def recorder(
    name: str, *, checked: datetime, kept_days: float | None = None, **more: Any
) -> dict[str, Any]:
    """A recorder as it was found; ``kept_days`` is how old its oldest recording was then."""
    oldest = "" if kept_days is None else (checked - timedelta(days=kept_days)).isoformat()
    return {
        "recorder_id": name,
        "name": name,
        "site": "gate",
        "capacity_bytes": 12 * 10**12,
        "cameras": 10,
        "cameras_recording": 10,
        "oldest_recording_at": oldest,
        "disks_failed": 0,
        "checked_at": checked.isoformat(),
    } | more


@dataclass
class Site:
    """A directory of CSV with a configuration beside it, and the command line run on both."""

    root: Path
    now: datetime = NOW
    policy: str = ""
    estate: str = ""
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.root / "lumbung.toml"

    def write(
        self, taken_at: datetime | None = None, **tables: Iterable[Mapping[str, Any]]
    ) -> Site:
        """Writes the tables (hosts=…, guests=…) as a directory taken at an instant."""
        folder = self.root / "site"
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.csv"):
            old.unlink()
        at = taken_at or self.now - timedelta(hours=1)
        write_csv(folder / "source.csv", [{"taken_at": at.isoformat(), "timezone": "Asia/Jakarta"}])
        for name, rows in tables.items():
            write_csv(folder / f"{name}.csv", rows)
        self._configure()
        return self

    def _configure(self) -> None:
        lines = ['[site]\nname = "Test"\ntimezone = "Asia/Jakarta"\n']
        lines.append('[[sources]]\nname = "site"\nkind = "files"\npath = "site"\n')
        if self.policy:
            (self.root / "policy.toml").write_text(self.policy)
            lines.append('[policy]\nfile = "policy.toml"\n')
        if self.estate:
            (self.root / "estate.yaml").write_text(self.estate)
            lines.append('[estate]\nfile = "estate.yaml"\n')
        self.config.write_text("\n".join(lines))

    def run(self, *arguments: str, expect: int | None = 0, now: datetime | None = None) -> str:
        """Standard output of one command; fails unless it exits as expected."""
        result = self.call(*arguments, now=now)
        if expect is not None and result.returncode != expect:
            raise AssertionError(
                f"lumbung {' '.join(arguments)} exited {result.returncode}, not {expect}\n"
                f"{result.stdout}\n{result.stderr}"
            )
        return result.stdout

    def call(self, *arguments: str, now: datetime | None = None) -> Ran:
        return lumbung_here("--config", str(self.config), *arguments, now=now or self.now)

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """A table command's rows."""
        found: list[dict[str, Any]] = json.loads(self.run(*arguments, "--format", "json"))
        return found

    def collect(self) -> Site:
        self.run("collect")
        return self

    def pool(self, resource: str, model: str, name: str | None = None) -> dict[str, Any]:
        """The one row of `capacity` for a resource and model."""
        rows = [
            row
            for row in self.rows("capacity")
            if (row["resource"], row["model"]) == (resource, model)
            and (name is None or row["pool"] == name)
        ]
        if len(rows) != 1:
            raise AssertionError(f"{len(rows)} rows for {resource}/{model}")
        return rows[0]
