"""The `rvtools` source: workbooks that RVTools exported, for a VMware estate on its way out.

``sheets`` names the columns and reads cells, ``workbook`` reads files, ``export`` turns one
workbook into facts (``places`` and ``stores`` tell who and what is where, ``dates`` when), and
``series`` makes several exports a history.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator

from collectors.contract import Budget, Options, Raw, Source
from inventory.records import Snapshot
from inventory.zones import zone_named


class RvtoolsOptions(Options):
    """The exports of one vCenter."""

    carried: ClassVar[bool] = True

    path: Path = Field(description="a workbook, or a directory of workbooks: its history")
    timezone: str | None = Field(
        None, description="where RVTools runs, when not at the site: its times carry no zone"
    )

    @field_validator("timezone")
    @classmethod
    def _exists(cls, value: str | None) -> str | None:
        if value is not None and zone_named(value) is None:
            raise ValueError(f"{value!r} is not a time zone; write e.g. Asia/Jakarta")
        return value


class RvtoolsCollector:
    """Reads RVTools workbooks."""

    options = RvtoolsOptions
    reports = frozenset(
        {
            "host.cpu_cores", "host.memory_bytes", "host.version", "guest.vcpus",
            "guest.memory_bytes", "guest.os", "guest.firmware", "guest.secure_boot",
            "guest.agent", "guest.resource_pool", "disk.capacity_bytes", "disk.host_device",
            "disk.shareable", "nic.network", "filesystem.capacity_bytes",
            "filesystem.used_bytes", "datastore.capacity_bytes", "datastore.used_bytes",
            "guest_snapshot.created_at",
        }
    )  # fmt: skip

    def fetch(self, source: Source[RvtoolsOptions], budget: Budget) -> Raw:
        """The workbooks that are new since the polls before, else the newest one again.

        Raises Unreachable when there is none, BadAnswer for one that RVTools did not export.
        """
        from collectors.rvtools.series import fetch

        return fetch(source, budget)

    def parse(self, raw: Raw, *, source: str, taken_at: datetime) -> Snapshot:
        """The newest workbook as one snapshot, at its own time (not at ``taken_at``)."""
        return self.parse_series(raw, source=source)[-1]

    def parse_series(self, raw: Raw, *, source: str) -> tuple[Snapshot, ...]:
        """Every workbook as a snapshot at its own time, oldest first."""
        from collectors.rvtools.series import parse_series

        return parse_series(raw, source)
